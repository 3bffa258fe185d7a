//! The audit trail: one row for each security event, in the event's own transaction.
//!
//! Rows are only added, and deleted once they are older than the setting `audit_ttl`; but one can count the events like
//! it that follow within the minute. They hold an account's ID, never a name, an email address or a secret, so they may
//! outlive the account.

mod event;
mod store;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub(crate) use self::event::Event;
use crate::{accounts::AccountId, app::App, client::Client, clock::Timestamp, db::Tx, error::Error};

const MINUTE: Duration = Duration::from_mins(1);
/// In each minute, one actor can add this many rows of an event that [is counted](Event::is_counted) about one account
/// with the same detail. Further ones are counted in one of these rows: otherwise a client in a loop could fill the disk.
const SAME_A_MINUTE: i64 = 30;
/// The same of any event, whatever the detail.
const ROWS_A_MINUTE: i64 = 600;

/// Adds a row, or counts the event in an earlier one. Use [`crate::events::record`] for an event that webhooks may
/// deliver.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: Uuid,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let new = store::New { id, event, account, client, detail, now };
    let same = if event.is_counted() { SAME_A_MINUTE } else { ROWS_A_MINUTE };
    let most = store::Most { since: now - MINUTE, same, likes: ROWS_A_MINUTE };
    if store::insert(tx.conn(), &new, &most).await? {
        return Ok(());
    }
    if event.is_counted() {
        return Ok(store::count(tx.conn(), &new, &most).await?);
    }
    // What changes an account and cannot be recorded is not done.
    tracing::warn!(
        event = event.name(),
        ?account,
        "more than {ROWS_A_MINUTE} such events in a minute: one was rejected"
    );
    Err(Error::Busy)
}

/// An event, as an administrator sees it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    /// [`Event::name`].
    pub(crate) event: String,
    /// The account that it happened to.
    pub(crate) account_id: Option<AccountId>,
    /// The actor without a request: `operator`, for the command line.
    pub(crate) actor: Option<String>,
    /// The account that acted, if it was another one.
    pub(crate) actor_id: Option<AccountId>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) detail: Option<String>,
    /// How many more such events followed within the minute without a row of their own.
    pub(crate) repeated: i64,
}
crate::db::from_row!(Entry {
    id,
    at,
    event,
    account_id,
    actor,
    actor_id,
    address,
    request_id,
    detail,
    repeated
});

/// Which events to return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter<'a> {
    /// Events that happened to this account, or that it caused.
    pub(crate) account: Option<AccountId>,
    /// Events with this name.
    pub(crate) event: Option<&'a str>,
    /// Whether to include what administrators only viewed.
    pub(crate) has_reads: bool,
}

/// The time and ID of an event: its position in the list.
pub(crate) type Place = (Timestamp, Uuid);

/// Up to `limit` events before `before`, newest first.
pub(crate) async fn list(
    app: &App,
    filter: Filter<'_>,
    before: Option<Place>,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let mut reader = app.db().read().await?;
    let before = before.unwrap_or((Timestamp::from_micros(i64::MAX), Uuid::max()));
    Ok(store::events_before(reader.conn(), filter, before, limit).await?)
}

/// Up to `limit` events after `after`, oldest first.
pub(crate) async fn list_after(
    app: &App,
    filter: Filter<'_>,
    after: Place,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::events_after(reader.conn(), filter, after, limit).await?)
}

/// An event, for the account owner's export.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedEvent {
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// What happened.
    event: String,
    /// The IP address of the request.
    address: Option<String>,
}

/// Up to `limit` events of an account after the event at `after`, oldest first.
pub(crate) async fn exported(
    app: &App,
    account: AccountId,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<(Place, ExportedEvent)>, Error> {
    let mut reader = app.db().read().await?;
    let rows = store::events_of(reader.conn(), account, after, limit).await?;
    let view = |row: store::ExportedRow| {
        let event = ExportedEvent { at: row.at.to_rfc3339(), event: row.event, address: row.address };
        ((row.at, row.id), event)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Deletes the rows older than `before`, in batches with a transaction each, so that no writer waits long.
pub(crate) async fn sweep(app: &App, before: Timestamp) -> Result<u64, Error> {
    let mut count = 0;
    loop {
        let mut tx = app.db().begin().await?;
        let deleted = store::delete_before(tx.conn(), before).await?;
        tx.commit().await?;
        count += deleted;
        if deleted == 0 {
            return Ok(count);
        }
    }
}
