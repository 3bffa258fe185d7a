//! The SQL of `audit_events`.

use uuid::Uuid;

use super::{Entry, Event, Filter, Place};
use crate::{
    accounts::AccountId,
    client::Client,
    clock::Timestamp,
    db::{Conn, Encode, Value, execute, fetch_all},
};

/// The rows of one event that one actor caused about one account since `$10`.
macro_rules! like {
    ($columns:literal, $account:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM audit_events WHERE ",
            $account,
            " AND event = $3 AND COALESCE(address, '') = COALESCE($7, '') AND at > $10
              AND actor_id IS NOT DISTINCT FROM $6",
            $more
        )
    };
}

/// A row, unless there are `$11` with the same detail already, or `$12` with any.
macro_rules! insert {
    ($account:literal) => {
        concat!(
            "INSERT INTO audit_events (id, at, event, account_id, actor, actor_id, address, request_id, detail)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
             WHERE (SELECT count(*) FROM (",
            like!("1", $account, " AND detail IS NOT DISTINCT FROM $9 LIMIT $11"),
            ") AS same) < $11 AND (SELECT count(*) FROM (",
            like!("1", $account, " LIMIT $12"),
            ") AS likes) < $12"
        )
    };
}

/// Counts an event in the latest row like it.
macro_rules! count {
    ($account:literal) => {
        concat!(
            "UPDATE audit_events SET repeated = repeated + 1 WHERE id = (",
            like!("id", $account, " ORDER BY detail IS NOT DISTINCT FROM $9 DESC, at DESC, id DESC LIMIT 1"),
            ")"
        )
    };
}

/// An event to be recorded.
pub(super) struct New<'a> {
    pub(super) id: Uuid,
    pub(super) event: Event,
    pub(super) account: Option<AccountId>,
    pub(super) client: &'a Client,
    pub(super) detail: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// How many rows like a new one there may be since a time.
pub(super) struct Most {
    pub(super) since: Timestamp,
    pub(super) same: i64,
    pub(super) likes: i64,
}

fn arguments(new: &New<'_>, most: &Most) -> Vec<Value> {
    vec![
        new.id.encode(),
        new.now.encode(),
        new.event.name().encode(),
        new.account.encode(),
        new.client.actor().encode(),
        new.client.acting_account().encode(),
        new.client.address().map(|address| address.to_string()).encode(),
        new.client.request_id().encode(),
        new.detail.encode(),
        most.since.encode(),
        most.same.encode(),
        most.likes.encode(),
    ]
}

/// `false` if there are too many like it.
pub(super) async fn insert(conn: Conn<'_>, new: &New<'_>, most: &Most) -> Result<bool, crate::db::Error> {
    let sql = if new.account.is_some() { insert!("account_id = $4") } else { insert!("account_id IS NULL") };
    Ok(conn.execute(sql, arguments(new, most)).await? > 0)
}

pub(super) async fn count(conn: Conn<'_>, new: &New<'_>, most: &Most) -> Result<(), crate::db::Error> {
    let sql = if new.account.is_some() { count!("account_id = $4") } else { count!("account_id IS NULL") };
    conn.execute(sql, arguments(new, most)).await?;
    Ok(())
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
