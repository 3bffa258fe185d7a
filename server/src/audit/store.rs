//! The SQL of `audit_events`.

use uuid::Uuid;

use super::Event;
use crate::{
    accounts::AccountId,
    client::Client,
    clock::Timestamp,
    db::{Conn, execute},
};

pub(super) async fn insert_event(
    conn: Conn<'_>,
    id: Uuid,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    execute!(
        conn,
        "INSERT INTO audit_events (id, at, event, account_id, actor, actor_id, address, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        now,
        event.name(),
        account,
        client.actor(),
        client.acting_account(),
        client.address().map(|address| address.to_string()),
        client.request_id()
    )?;
    Ok(())
}
