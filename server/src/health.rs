//! Whether the server is alive, and whether it can serve.

use axum::extract::State;
use portcullis::{Json, Public};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::App,
    error::{Error, Failed, Unavailable},
};

/// A word for a supervisor.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    status: &'static str,
}

/// Looks at nothing: a process that answers this need not be restarted.
pub(crate) async fn check_health(_: Public) -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Asks the database, and whether its tables are this program's: a process that does not answer this gets no
/// requests.
pub(crate) async fn check_readiness(
    _: Public,
    State(app): State<App>,
) -> Result<Json<Health>, Failed<(Unavailable,)>> {
    if app.db().ready().await { Ok(Json(Health { status: "ready" })) } else { Err(Error::NotReady.into()) }
}
