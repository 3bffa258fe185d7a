//! Log-out.

use axum::extract::State;
use portcullis::{Guard, NoContent};

use super::store;
use crate::{
    app::App,
    audit::{self, Event},
    client::Client,
    error::{Error, Failed, Unavailable},
    tokens::SessionTokens,
};

pub(crate) async fn log_out(
    guard: Guard<SessionTokens>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(Unavailable,)>> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    if store::end_session(tx.conn(), guard.principal().session, now).await? {
        audit::record(&mut tx, Event::LoggedOut, Some(guard.principal().account), &client, now).await?;
    }
    tx.commit().await.map_err(Error::from)?;
    Ok(NoContent)
}
