//! The routes of API keys. Each requires a session: a key cannot create, show or remove one.

use std::time::Duration;

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Listed, MOST_DAYS, Made, NewKey, USUAL_DAYS};
use crate::{
    access::{KeyId, KeyOf, ManageAccount},
    app::App,
    caller::{Caller, caller},
    client::Client,
    clock::Timestamp,
    error::{Error, Failed, KeyConflict, NotFound, Stale, Unavailable, Unprocessable},
    secret::SecretText,
};

/// The default time for which both keys work, in hours.
const USUAL_OVERLAP: u16 = 24;

/// An API key. The key itself is shown only when it is created.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(crate) struct KeyView {
    /// Its ID. It is not a secret.
    id: String,
    /// The beginning of the key.
    #[schemars(extend("examples" = ["portcullis_x2Yt9KfPq0Ab"]))]
    prefix: String,
    /// Its name, as its owner chose it.
    name: String,
    /// Its scopes, separated by spaces. A key can never do more than its account.
    scope: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// When it was last used, to the minute; `null` if it was not.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    /// The IP address that it was last used from.
    last_used_address: Option<String>,
    /// The ID of the key that replaces it; `null` if there is none.
    replaced_by: Option<String>,
    /// The maximum number of requests per minute; `null` if there is no limit.
    requests_per_minute: Option<i64>,
}

impl From<Listed> for KeyView {
    fn from(key: Listed) -> Self {
        Self {
            id: key.id.to_string(),
            prefix: key.shown(),
            name: key.name,
            scope: key.scope,
            created_at: key.created_at.to_rfc3339(),
            expires_at: key.expires_at.to_rfc3339(),
            last_used_at: key.last_used_at.map(Timestamp::to_rfc3339),
            last_used_address: key.last_used_address,
            replaced_by: key.replaced_by.map(|id| id.to_string()),
            requests_per_minute: key.per_minute,
        }
    }
}

/// A new API key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewApiKey")]
pub(crate) struct MadeView {
    /// Send it as `X-API-Key` or as `Authorization: Bearer …`. It is shown only once.
    #[schemars(with = "String")]
    key: SecretText,
    #[serde(flatten)]
    about: KeyView,
}

impl From<Made> for MadeView {
    fn from(made: Made) -> Self {
        Self { key: made.key, about: made.listed.into() }
    }
}

/// The key to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKeyRequest")]
pub(crate) struct KeyRequest {
    /// What you use it for.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["Nightly export"]))]
    pub(crate) name: String,
    /// Its scopes, separated by spaces: `profile:read`, `profile:write`, `organisations:read`, and for an administrator
    /// `accounts:read` and `audit:read`. Keys of service accounts can have `organisations:read`. An application can
    /// declare others.
    #[schemars(length(min = 1, max = 1024), extend("examples" = ["profile:read"]))]
    pub(crate) scope: String,
    /// Days until it expires; 90 by default.
    #[schemars(range(min = 1, max = 365))]
    pub(crate) expires_in_days: Option<u16>,
    /// The maximum number of requests per minute, counted by each instance of the server. Further ones get 429 with
    /// `Retry-After`. No limit by default.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) requests_per_minute: Option<i64>,
}

/// How a key is replaced.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKeyRotation")]
pub(crate) struct Rotation {
    /// How many hours the old key keeps working, but not past its own expiry; 24 by default. With 0 it stops working
    /// immediately.
    #[schemars(range(min = 0, max = 24))]
    overlap_hours: Option<u16>,
}

impl Rotation {
    pub(crate) fn hours(&self) -> u16 {
        self.overlap_hours.unwrap_or(USUAL_OVERLAP)
    }
}

pub(crate) async fn create_key(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<KeyRequest>,
) -> Result<Created<MadeView>, Failed<(Stale, KeyConflict, Unprocessable, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let days = body.expires_in_days.unwrap_or(USUAL_DAYS).min(MOST_DAYS);
    let new =
        NewKey::check(KeyOf::Person(fresh.principal().role), app.scopes(), &body.name, &body.scope, days)?
            .limited(body.requests_per_minute);
    Ok(Created(super::make(&app, fresh, &new, &client).await?.into()))
}

pub(crate) async fn list_keys(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<Vec<KeyView>>, Failed<(Unavailable,)>> {
    let keys = super::list(&app, caller(&guard).account).await?;
    Ok(Json(keys.into_iter().map(KeyView::from).collect()))
}

pub(crate) async fn remove_key(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    let id = KeyId::of_text(&id).ok_or(Error::NotFound)?;
    super::remove(&app, caller(&guard), id, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn rotate_key(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<Rotation>,
) -> Result<Created<MadeView>, Failed<(Stale, NotFound, KeyConflict, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let id = KeyId::of_text(&id).ok_or(Error::NotFound)?;
    let hours = body.hours().min(super::MOST_OVERLAP);
    let overlap = Duration::from_hours(u64::from(hours));
    Ok(Created(super::rotate(&app, fresh, id, overlap, &client).await?.into()))
}
