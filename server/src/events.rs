//! Records what happens to accounts: a row of the audit trail, and a delivery for each webhook that receives such
//! events. Both belong to the event's own transaction.

use uuid::Uuid;

pub(crate) use crate::audit::Event;
use crate::{
    accounts::AccountId, audit, client::Client, clock::Timestamp, db::Tx, error::Error, random, webhooks,
};

/// Records an event. The row and the deliveries are committed or rolled back with the transaction.
pub(crate) async fn record(
    tx: &mut Tx,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    record_detail(tx, event, account, client, None, now).await
}

/// [`record`] with further details for an auditor; never a secret, and nothing that identifies a person.
pub(crate) async fn record_detail(
    tx: &mut Tx,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let id = random::uuid_v7(now);
    audit::insert(tx, id, event, account, client, detail, now).await?;
    webhooks::queue(tx, id, event, account, None, now).await
}

/// [`record_detail`] for an event in an organisation that concerns this account, or the organisation itself.
pub(crate) async fn record_in(
    tx: &mut Tx,
    event: Event,
    organisation: Uuid,
    account: Option<AccountId>,
    client: &Client,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let id = random::uuid_v7(now);
    let detail = detail.map_or_else(|| organisation.to_string(), |detail| format!("{organisation} {detail}"));
    audit::insert(tx, id, event, account, client, Some(&detail), now).await?;
    webhooks::queue(tx, id, event, account, Some(organisation), now).await
}
