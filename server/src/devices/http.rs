//! The routes of the caller's sessions.

use axum::extract::State;
use axum::response::AppendHeaders;
use http::{HeaderName, HeaderValue};
use portcullis::{Guard, Json, NoContent, Path};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    access::{ManageAccount, SessionId},
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{Error, Failed, NotFound, Stale, Unavailable},
    sessions::{self, Listed},
};

/// A session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(crate) struct SessionView {
    /// Its ID: the `sid` of its tokens.
    id: String,
    /// The device, for example `Firefox on Linux`. The client says so; it is not proof.
    device: String,
    /// The IP address that it was last used from.
    address: Option<String>,
    /// When it began.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When it was last used, to the minute.
    #[schemars(extend("format" = "date-time"))]
    last_seen_at: String,
    /// When it expires unless it is used before.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// Whether this request belongs to it.
    is_current: bool,
}

impl SessionView {
    pub(crate) fn of(session: Listed, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.to_string(),
            device: session.device(),
            address: session.address,
            created_at: session.created_at.to_rfc3339(),
            last_seen_at: session.last_seen_at.to_rfc3339(),
            expires_at: session.expires_at.to_rfc3339(),
            is_current: Some(session.id) == current,
        }
    }
}

pub(crate) async fn log_out(
    guard: Guard<Caller>,
    State(app): State<App>,
    client: Client,
) -> Result<(AppendHeaders<[(HeaderName, HeaderValue); 1]>, NoContent), Failed<(Unavailable,)>> {
    sessions::log_out(&app, caller(&guard), &client).await?;
    Ok((AppendHeaders([sessions::cleared()]), NoContent))
}

pub(crate) async fn list_sessions(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<Vec<SessionView>>, Failed<(Unavailable,)>> {
    let principal = caller(&guard);
    let sessions = sessions::list(&app, principal.account).await?;
    Ok(Json(sessions.into_iter().map(|session| SessionView::of(session, Some(principal.session))).collect()))
}

pub(crate) async fn end_session(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, NotFound, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let id = SessionId::of_claim(&id).ok_or(Error::NotFound)?;
    sessions::end_one(&app, fresh, id, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn end_other_sessions(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(Stale, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    sessions::end_all_others(&app, fresh, &client).await?;
    Ok(NoContent)
}
