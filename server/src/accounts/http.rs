//! Sign-up and the profile.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use portcullis::{Guard, Json, Path, Public, answers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, AccountId, FullName, Profile, SignedUp, SigningUp};
use crate::{
    access::{Action, Caller, caller},
    app::App,
    client::Client,
    clock::Timestamp,
    error::{Conflict, Error, Failed, Forbidden, NotFound, Throttled, Unavailable, Unprocessable},
    messages::Language,
    pictures,
    recovery::http::{Accepted, accepted},
    tokens::{ProfileRead, ProfileWrite},
};

/// What it takes to sign up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    /// Where mail reaches you. Upper and lower case make no difference.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
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
    /// When the account will be deleted, if its owner asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    deletion_due_at: Option<String>,
}

impl ProfileView {
    fn of(app: &App, profile: Profile) -> Self {
        let profile_image_url = profile.picture.map(|id| pictures::url(app, id));
        let deletion_due_at = profile.deletion_due_at.map(Timestamp::to_rfc3339);
        Self { account: profile.account, profile_image_url, deletion_due_at }
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

answers! {
    /// What a sign-up comes to.
    #[derive(Debug)]
    pub(crate) enum SignUpAnswer {
        /// The account.
        Made(Json<Account>) = 201,
        /// Where sign-up is quiet: the same for every address; the mail says what there is to do.
        Quietly(Json<Accepted>) = 202,
    }
}

pub(crate) async fn sign_up(
    _: Public,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<SignUp>,
) -> Result<SignUpAnswer, Failed<(Forbidden, Conflict, Unprocessable, Throttled, Unavailable)>> {
    let (email, full_name, password) = (&body.email, &body.full_name, &body.password);
    let typed = SigningUp { email, full_name, password, language };
    Ok(match super::sign_up(&app, &typed, &client).await? {
        SignedUp::Made(account) => SignUpAnswer::Made(Json(account)),
        SignedUp::Quietly => SignUpAnswer::Quietly(accepted().0),
    })
}

/// Where sign-up is closed: answers its route before anything of the request is looked at (CVE-2024-49757).
pub(crate) async fn refuse_sign_up(request: Request, next: Next) -> Response {
    if request.uri().path() == "/signup" {
        return Error::SignUpClosed.into_response();
    }
    next.run(request).await
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
    let principal = caller(&guard);
    super::set_full_name(&app, principal, &full_name, &client).await?;
    let profile = super::profile(&app, principal.account).await?.allow(&principal, Action::Change)?;
    Ok(Json(ProfileView::of(&app, profile)))
}
