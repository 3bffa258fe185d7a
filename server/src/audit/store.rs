//! The SQL of `audit_events`.

use uuid::Uuid;

use super::{Entry, Event, Filter, Place};
use crate::{
    accounts::AccountId,
    client::Client,
    clock::Timestamp,
    db::{Conn, execute, fetch_all},
};

macro_rules! count_in {
    ($whose:literal) => {
        concat!(
            "UPDATE audit_events SET repeated = repeated + 1 WHERE id = (
                 SELECT id FROM audit_events WHERE ",
            $whose,
            " AND at > $1 AND event = $2 AND actor_id IS NOT DISTINCT FROM $3
                 AND address IS NOT DISTINCT FROM $4 AND ($6 OR detail IS NOT DISTINCT FROM $7)
                 ORDER BY at DESC, id DESC LIMIT 1 OFFSET $5)"
        )
    };
}

pub(super) async fn insert_event(
    conn: Conn<'_>,
    id: Uuid,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), crate::db::Error> {
    execute!(
        conn,
        "INSERT INTO audit_events (id, at, event, account_id, actor, actor_id, address, request_id, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id,
        now,
        event.name(),
        account,
        client.actor(),
        client.acting_account(),
        client.address().map(|address| address.to_string()),
        client.request_id(),
        detail
    )?;
    Ok(())
}

/// Events of one kind that one actor causes about one account.
pub(super) struct Like<'a> {
    pub(super) event: Event,
    pub(super) account: Option<AccountId>,
    pub(super) client: &'a Client,
    pub(super) detail: Option<&'a str>,
    pub(super) since: Timestamp,
}

/// Counts an event in the row of an earlier one like it, if there are `rows` of them; with `any`, whatever their details.
pub(super) async fn count_in_earlier(
    conn: Conn<'_>,
    like: &Like<'_>,
    any: bool,
    rows: i64,
) -> Result<bool, crate::db::Error> {
    let Like { event, account, client, detail, since } = *like;
    let address = client.address().map(|address| address.to_string());
    let (name, actor, earlier) = (event.name(), client.acting_account(), rows - 1);
    let counted = if let Some(account) = account {
        let sql = count_in!("account_id = $8");
        execute!(conn, sql, since, name, actor, address, earlier, any, detail, account)?
    } else {
        let sql = count_in!("account_id IS NULL");
        execute!(conn, sql, since, name, actor, address, earlier, any, detail)?
    };
    Ok(counted > 0)
}

/// Deletes the oldest rows from before this time, at most 1,000, and returns how many.
pub(super) async fn delete_before(conn: Conn<'_>, before: Timestamp) -> Result<u64, crate::db::Error> {
    execute!(
        conn,
        "DELETE FROM audit_events
         WHERE id IN (SELECT id FROM audit_events WHERE at < $1 ORDER BY at LIMIT 1000)",
        before
    )
}

/// An event, for the account owner's export.
#[derive(Debug)]
pub(super) struct ExportedRow {
    pub(super) id: Uuid,
    pub(super) at: Timestamp,
    pub(super) event: String,
    pub(super) address: Option<String>,
}
crate::db::from_row!(ExportedRow { id, at, event, address });

/// The events after `after`, oldest first. The row value lets both databases begin in the middle of the index.
pub(super) async fn events_of(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<ExportedRow>, crate::db::Error> {
    let (at, id) = after.unwrap_or((Timestamp::from_micros(i64::MIN), Uuid::nil()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    fetch_all!(
        conn,
        ExportedRow,
        "SELECT id, at, event, address FROM audit_events
         WHERE account_id = $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4",
        account,
        at,
        id,
        limit
    )
}

/// The events of a [`Filter`] (`$1` to `$3`) on one side of a position (`$4`, `$5`).
macro_rules! select_events {
    ($side:literal) => {
        concat!(
            "SELECT id, at, event, account_id, actor, actor_id, address, request_id, detail, repeated
             FROM audit_events
             WHERE ($1 IS NULL OR account_id = $1 OR actor_id = $1) AND ($2 IS NULL OR event = $2)
               AND ($3 OR event NOT LIKE 'admin.%') AND ",
            $side,
            " LIMIT $6"
        )
    };
}

pub(super) async fn events_before(
    conn: Conn<'_>,
    filter: Filter<'_>,
    (at, id): Place,
    limit: u32,
) -> Result<Vec<Entry>, crate::db::Error> {
    fetch_all!(
        conn,
        Entry,
        select_events!("(at < $4 OR (at = $4 AND id < $5)) ORDER BY at DESC, id DESC"),
        filter.account,
        filter.event,
        filter.has_reads,
        at,
        id,
        i64::from(limit)
    )
}

pub(super) async fn events_after(
    conn: Conn<'_>,
    filter: Filter<'_>,
    (at, id): Place,
    limit: u32,
) -> Result<Vec<Entry>, crate::db::Error> {
    fetch_all!(
        conn,
        Entry,
        select_events!("(at > $4 OR (at = $4 AND id > $5)) ORDER BY at, id"),
        filter.account,
        filter.event,
        filter.has_reads,
        at,
        id,
        i64::from(limit)
    )
}
