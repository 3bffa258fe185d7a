//! Health checks: whether the server is alive, and whether it is ready to serve.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::get;
use portcullis::{Json, Public};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    app::App,
    error::{Error, Failed, Unavailable},
};

/// If the database takes longer than this for a small query, the server is not ready.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// The state of the server.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    status: &'static str,
}

/// Checks nothing: a process that responds to this need not be restarted.
pub(crate) async fn check_health(_: Public) -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Checks the database, and that its tables belong to this version: a process that fails this gets no requests.
pub(crate) async fn check_readiness(
    _: Public,
    State(app): State<App>,
) -> Result<Json<Health>, Failed<(Unavailable,)>> {
    if app.is_leaving() {
        return Err(Error::NotReady.into());
    }
    let Ok(is_ready) = timeout(ASKED_FOR, app.db().ready()).await else {
        tracing::warn!("the database is not ready: it did not respond within two seconds");
        return Err(Error::NotReady.into());
    };
    if is_ready { Ok(Json(Health { status: "ready" })) } else { Err(Error::NotReady.into()) }
}

/// The response while the server waits for the database and migrates its tables: the process is alive, but nothing
/// else is available yet.
pub(crate) fn while_starting() -> Router {
    let alive = get(async || Json(Health { status: "alive" }));
    Router::new().route("/health", alive).fallback(async || Error::NotReady.into_response())
}
