//! The SQL of `attempts` and `known_addresses`.

use super::Limit;
use crate::{
    accounts::{AccountId, Email},
    clock::Timestamp,
    db::{Conn, execute, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// A MAC of the counted subject.
pub(super) type Key = [u8; 32];

/// Adds one, in one statement. `None` if the limit is reached in this window.
pub(super) async fn count(conn: Conn<'_>, key: &Key, limit: Limit, now: Timestamp) -> Result<Option<i64>> {
    let counted = fetch_optional!(
        conn,
        (i64,),
        "INSERT INTO attempts (key, failures, window_ends_at) VALUES ($1, 1, $2)
         ON CONFLICT (key) DO UPDATE SET
             failures = CASE WHEN attempts.window_ends_at <= $3 THEN 1 ELSE attempts.failures + 1 END,
             window_ends_at = CASE WHEN attempts.window_ends_at <= $3 THEN $2 ELSE attempts.window_ends_at END
         WHERE attempts.window_ends_at <= $3 OR attempts.failures < $4
         RETURNING failures",
        key.as_slice(),
        now + limit.window,
        now,
        limit.most
    )?;
    Ok(counted.map(|(failures,)| failures))
}

pub(super) async fn window_end(conn: Conn<'_>, key: &Key) -> Result<Option<Timestamp>> {
    let row = fetch_optional!(
        conn,
        (Timestamp,),
        "SELECT window_ends_at FROM attempts WHERE key = $1",
        key.as_slice()
    )?;
    Ok(row.map(|(ends_at,)| ends_at))
}

/// Takes one off the count.
pub(super) async fn give_back(conn: Conn<'_>, key: &Key) -> Result<()> {
    execute!(
        conn,
        "UPDATE attempts SET failures = failures - 1 WHERE key = $1 AND failures > 0",
        key.as_slice()
    )?;
    Ok(())
}

pub(super) async fn forget(conn: Conn<'_>, key: &Key) -> Result<()> {
    execute!(conn, "DELETE FROM attempts WHERE key = $1", key.as_slice())?;
    Ok(())
}

pub(super) async fn delete_ended(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM attempts WHERE window_ends_at <= $1", now)
}

/// Whether the account with this email address, if any, has logged in from there since.
pub(super) async fn is_known(conn: Conn<'_>, email: &Email, address: &Key, since: Timestamp) -> Result<bool> {
    let known = fetch_optional!(
        conn,
        (AccountId,),
        "SELECT account_id FROM known_addresses JOIN accounts ON accounts.id = known_addresses.account_id
         WHERE accounts.email = $1 AND known_addresses.address = $2 AND known_addresses.last_seen_at > $3",
        email,
        address.as_slice(),
        since
    )?;
    Ok(known.is_some())
}

pub(super) async fn remember_address(
    conn: Conn<'_>,
    account: AccountId,
    address: &Key,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO known_addresses (account_id, address, last_seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, address) DO UPDATE SET last_seen_at = $3",
        account,
        address.as_slice(),
        now
    )?;
    Ok(())
}

pub(super) async fn delete_unseen_since(conn: Conn<'_>, cut: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM known_addresses WHERE last_seen_at < $1", cut)
}
