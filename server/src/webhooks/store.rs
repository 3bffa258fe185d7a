//! The SQL of `webhooks` and `webhook_deliveries`.

use uuid::Uuid;

use super::{Hook, Webhook};
use crate::{
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// A due delivery, as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) id: Uuid,
    pub(super) next_attempt_at: Timestamp,
}
crate::db::from_row!(Due { id, next_attempt_at });

/// A delivery that this instance has leased.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) body: String,
    /// Including this one.
    pub(super) attempts: i64,
}
crate::db::from_row!(Leased { body, attempts });

/// Lets one transaction at a time add a webhook, so that the next one's count includes it.
pub(super) async fn lock(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO locks (name, taken_at) VALUES ('webhooks', $1)
         ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at",
        now
    )?;
    Ok(())
}

pub(super) async fn count(conn: Conn<'_>) -> Result<i64> {
    fetch_one!(conn, (i64,), "SELECT count(*) FROM webhooks").map(|(count,)| count)
}

pub(super) async fn insert(
    conn: Conn<'_>,
    id: Uuid,
    url: &str,
    sealed_secret: &[u8],
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO webhooks (id, url, sealed_secret, created_at) VALUES ($1, $2, $3, $4)",
        id,
        url,
        sealed_secret,
        now
    )?;
    Ok(())
}

pub(super) async fn overview(conn: Conn<'_>) -> Result<Vec<Webhook>> {
    fetch_all!(
        conn,
        Webhook,
        "SELECT id, url,
            (SELECT count(*) FROM webhook_deliveries WHERE webhook_id = webhooks.id AND failed_at IS NULL) AS waiting,
            (SELECT count(*) FROM webhook_deliveries WHERE webhook_id = webhooks.id AND failed_at IS NOT NULL) AS failed,
            (SELECT last_error FROM webhook_deliveries WHERE webhook_id = webhooks.id AND last_error IS NOT NULL
                ORDER BY attempted_at DESC LIMIT 1) AS last_error
         FROM webhooks ORDER BY id"
    )
}

pub(super) async fn by_id(conn: Conn<'_>, id: Uuid) -> Result<Option<Hook>> {
    fetch_optional!(conn, Hook, "SELECT id, url, sealed_secret FROM webhooks WHERE id = $1", id)
}

/// Returns whether it existed.
pub(super) async fn delete(conn: Conn<'_>, id: Uuid) -> Result<bool> {
    let found = execute!(conn, "DELETE FROM webhooks WHERE id = $1", id)? > 0;
    execute!(conn, "DELETE FROM webhook_deliveries WHERE webhook_id = $1", id)?;
    Ok(found)
}

/// One statement for all webhooks; without any it inserts nothing.
pub(super) async fn queue(conn: Conn<'_>, id: Uuid, body: &str, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO webhook_deliveries (id, webhook_id, body, created_at, next_attempt_at)
         SELECT $1, id, $2, $3, $3 FROM webhooks",
        id,
        body,
        now
    )?;
    Ok(())
}

/// The webhooks with due deliveries.
pub(super) async fn with_due(conn: Conn<'_>, now: Timestamp) -> Result<Vec<Hook>> {
    fetch_all!(
        conn,
        Hook,
        "SELECT id, url, sealed_secret FROM webhooks WHERE EXISTS (
            SELECT 1 FROM webhook_deliveries
            WHERE webhook_id = webhooks.id AND failed_at IS NULL AND next_attempt_at <= $1)",
        now
    )
}

/// The due deliveries of one webhook, longest waiting first.
pub(super) async fn due(conn: Conn<'_>, hook: Uuid, now: Timestamp, limit: i64) -> Result<Vec<Due>> {
    fetch_all!(
        conn,
        Due,
        "SELECT id, next_attempt_at FROM webhook_deliveries
         WHERE webhook_id = $1 AND failed_at IS NULL AND next_attempt_at <= $2
         ORDER BY next_attempt_at LIMIT $3",
        hook,
        now,
        limit
    )
}

/// Leases a delivery, if it is still as it was read. Of several concurrent calls, one succeeds.
pub(super) async fn lease(
    conn: Conn<'_>,
    hook: Uuid,
    due: Due,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Leased>> {
    fetch_optional!(
        conn,
        Leased,
        "UPDATE webhook_deliveries SET next_attempt_at = $5, attempts = attempts + 1, attempted_at = $4
         WHERE webhook_id = $1 AND id = $2 AND next_attempt_at = $3 AND failed_at IS NULL
         RETURNING body, attempts",
        hook,
        due.id,
        due.next_attempt_at,
        now,
        until
    )
}

/// Returns an unused lease: the delivery is due, as if it had never been leased.
pub(super) async fn let_go(conn: Conn<'_>, hook: Uuid, leased: Due, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "UPDATE webhook_deliveries SET next_attempt_at = $4, attempts = attempts - 1
         WHERE webhook_id = $1 AND id = $2 AND next_attempt_at = $3",
        hook,
        leased.id,
        leased.next_attempt_at,
        now
    )?;
    Ok(())
}

pub(super) async fn delivered(conn: Conn<'_>, hook: Uuid, id: Uuid) -> Result<()> {
    execute!(conn, "DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND id = $2", hook, id)?;
    Ok(())
}

/// Records a failure, unless the lease has expired and another instance holds the delivery. Without `next` it
/// has failed for good.
pub(super) async fn failed(
    conn: Conn<'_>,
    hook: Uuid,
    leased: Due,
    error: &str,
    now: Timestamp,
    next: Option<Timestamp>,
) -> Result<()> {
    let given_up = next.is_none().then_some(now);
    execute!(
        conn,
        "UPDATE webhook_deliveries SET last_error = $4, next_attempt_at = $5, failed_at = $6
         WHERE webhook_id = $1 AND id = $2 AND next_attempt_at = $3",
        hook,
        leased.id,
        leased.next_attempt_at,
        error,
        next.unwrap_or(now),
        given_up
    )?;
    Ok(())
}

pub(super) async fn revive(conn: Conn<'_>, hook: Uuid, now: Timestamp) -> Result<u64> {
    execute!(
        conn,
        "UPDATE webhook_deliveries SET failed_at = NULL, attempts = 0, next_attempt_at = $2
         WHERE webhook_id = $1 AND failed_at IS NOT NULL",
        hook,
        now
    )
}

pub(super) async fn sweep(conn: Conn<'_>, limit: Timestamp) -> Result<u64> {
    execute!(
        conn,
        "DELETE FROM webhook_deliveries WHERE failed_at < $1 OR webhook_id NOT IN (SELECT id FROM webhooks)",
        limit
    )
}
