//! Sign-up and the profile.

use axum::extract::State;
use portcullis::{Created, Guard, Json, Path, Public};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, AccountId, FullName, NewAccount, Profile};
use crate::{
    access::{Action, Caller, caller},
    app::App,
    client::Client,
    error::{Conflict, Failed, NotFound, Throttled, Unavailable, Unprocessable},
    login::throttle,
    pictures,
    tokens::{ProfileRead, ProfileWrite},
};

/// What it takes to sign up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    /// Where mail reaches you. Upper and lower case make no difference.
    #[schemars(length(min = 3, max = 254), extend("format" = "idn-email", "examples" = ["ada@example.com"]))]
    email: String,
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
    /// At least 12 characters, unless the operator asks for more; not one that is easy to guess.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    password: String,
}

/// An account's profile.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
pub(crate) struct ProfileView {
    #[serde(flatten)]
    account: Account,
    /// Where the profile picture is, for its owner alone; `null` if there is none.
    profile_image_url: Option<String>,
}

impl ProfileView {
    fn of(app: &App, profile: Profile) -> Self {
        let profile_image_url = profile.picture.map(|id| pictures::url(app, id));
        Self { account: profile.account, profile_image_url }
    }
}

/// What may be changed of a profile.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileChange {
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada King"]))]
    full_name: String,
}

pub(crate) async fn sign_up(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<SignUp>,
) -> Result<Created<Account>, Failed<(Conflict, Unprocessable, Throttled, Unavailable)>> {
    let turn = app.hasher().turn()?;
    let new = NewAccount::check_in_turn(&app, &turn, &body.email, &body.full_name, &body.password).await?;
    throttle::count_sign_up(&app, &client).await?;
    Ok(Created(super::insert(&app, turn, new, &client).await?))
}

pub(crate) async fn read_profile(
    guard: Guard<Caller, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<AccountId>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unavailable)>> {
    let profile = super::profile(&app, id).await?.allow(&caller(&guard), Action::Read)?;
    Ok(Json(ProfileView::of(&app, profile)))
}

pub(crate) async fn read_own_profile(
    guard: Guard<Caller, ProfileRead>,
    State(app): State<App>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unavailable)>> {
    let profile = super::profile(&app, caller(&guard).account).await?.allow(&caller(&guard), Action::Read)?;
    Ok(Json(ProfileView::of(&app, profile)))
}

pub(crate) async fn change_profile(
    guard: Guard<Caller, ProfileWrite>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<ProfileChange>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unprocessable, Unavailable)>> {
    let full_name = FullName::of_field(&body.full_name)?;
    let id = caller(&guard).account;
    super::set_full_name(&app, id, &full_name, &client).await?;
    let profile = super::profile(&app, id).await?.allow(&caller(&guard), Action::Change)?;
    Ok(Json(ProfileView::of(&app, profile)))
}
