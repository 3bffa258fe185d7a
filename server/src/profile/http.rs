//! The routes of the profile.

use axum::extract::State;
use portcullis::{Guard, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Profile, attributes};
use crate::{
    access::{Action, ProfileRead, ProfileWrite},
    accounts::{Account, AccountId, FullName},
    api_keys::{CallerOrKey, requester},
    app::App,
    attributes::{AttributesChange, AttributesView, Changer, Changes},
    client::Client,
    clock::Timestamp,
    config::AttributeOf,
    error::{Failed, NotFound, Unavailable, Unprocessable},
    messages::Language,
    pictures,
};

/// An account's profile.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
pub(crate) struct ProfileView {
    #[serde(flatten)]
    account: Account,
    /// The URL of the profile picture, which only its owner can read; `null` if there is none.
    profile_image_url: Option<String>,
    /// When the account will be deleted, if its owner requested that.
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

/// The changes to a profile.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileChange {
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada King"]))]
    full_name: String,
}

pub(crate) async fn read_profile(
    guard: Guard<CallerOrKey, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<AccountId>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unavailable)>> {
    let profile = super::profile(&app, id).await?.allow(requester(&guard), Action::Read)?;
    Ok(Json(ProfileView::of(&app, profile)))
}

pub(crate) async fn read_own_profile(
    guard: Guard<CallerOrKey, ProfileRead>,
    State(app): State<App>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unavailable)>> {
    let profile =
        super::profile(&app, requester(&guard).account()).await?.allow(requester(&guard), Action::Read)?;
    Ok(Json(ProfileView::of(&app, profile)))
}

pub(crate) async fn change_profile(
    guard: Guard<CallerOrKey, ProfileWrite>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<ProfileChange>,
) -> Result<Json<ProfileView>, Failed<(NotFound, Unprocessable, Unavailable)>> {
    let full_name = FullName::of_field(&body.full_name)?;
    let requester = requester(&guard);
    super::set_full_name(&app, requester, &full_name, &client).await?;
    let profile = super::profile(&app, requester.account()).await?.allow(requester, Action::Change)?;
    Ok(Json(ProfileView::of(&app, profile)))
}

pub(crate) async fn read_own_attributes(
    guard: Guard<CallerOrKey, ProfileRead>,
    State(app): State<App>,
    language: Language,
) -> Result<Json<AttributesView>, Failed<(Unavailable,)>> {
    let known = attributes::own(&app, requester(&guard).account()).await?;
    Ok(Json(AttributesView::of(known, language)))
}

pub(crate) async fn change_own_attributes(
    guard: Guard<CallerOrKey, ProfileWrite>,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<AttributesChange>,
) -> Result<Json<AttributesView>, Failed<(NotFound, Unprocessable, Unavailable)>> {
    let requester = requester(&guard);
    let declared = &app.config().attributes;
    let changes = Changes::of_json(declared, AttributeOf::Account, Changer::Owner, &body.attributes)?;
    attributes::change(&app, requester, &changes, &client).await?;
    Ok(Json(AttributesView::of(attributes::own(&app, requester.account()).await?, language)))
}

pub(crate) async fn read_attributes(
    guard: Guard<CallerOrKey, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<AccountId>,
    language: Language,
) -> Result<Json<AttributesView>, Failed<(NotFound, Unavailable)>> {
    let known = attributes::seen_by(&app, requester(&guard).account(), id).await?;
    Ok(Json(AttributesView::of(known, language)))
}
