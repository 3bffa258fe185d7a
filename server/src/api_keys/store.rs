//! The SQL of `api_keys`. Guards use `access/living.rs`.

use super::{Listed, NewKey};
use crate::{
    access::KeyId,
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// A new key.
pub(super) struct Begun<'a> {
    pub(super) id: KeyId,
    pub(super) digest: &'a [u8; 32],
    pub(super) account: AccountId,
    pub(super) prefix: &'a str,
    pub(super) new: &'a NewKey,
    pub(super) expires_at: Timestamp,
}

pub(super) async fn insert(conn: Conn<'_>, begun: &Begun<'_>, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO api_keys (id, digest, account_id, prefix, name, scope, created_at, expires_at, per_minute)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        begun.id,
        begun.digest.as_slice(),
        begun.account,
        begun.prefix,
        begun.new.name,
        begun.new.scope,
        now,
        begun.expires_at,
        begun.new.per_minute
    )?;
    Ok(())
}

/// The columns of [`Listed`].
macro_rules! select_listed {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, prefix, name, scope, created_at, expires_at, last_used_at, last_used_address,
                    replaced_by, per_minute
             FROM api_keys WHERE ",
            $rest
        )
    };
}

/// The keys of an account that have not expired, newest first.
pub(super) async fn keys_of(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<Vec<Listed>> {
    fetch_all!(
        conn,
        Listed,
        select_listed!("account_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id LIMIT 200"),
        account,
        now
    )
}

/// The keys of every account that have not expired, newest first.
pub(super) async fn every_key(conn: Conn<'_>, now: Timestamp, limit: i64) -> Result<Vec<Listed>> {
    let sql = select_listed!("expires_at > $1 ORDER BY created_at DESC, id LIMIT $2");
    fetch_all!(conn, Listed, sql, now, limit)
}

pub(super) async fn key(conn: Conn<'_>, id: KeyId, now: Timestamp) -> Result<Option<Listed>> {
    fetch_optional!(conn, Listed, select_listed!("id = $1 AND expires_at > $2"), id, now)
}

/// The account whose key has this ID and digest.
pub(super) async fn owner_of(conn: Conn<'_>, id: KeyId, digest: &[u8; 32]) -> Result<Option<AccountId>> {
    let sql = "SELECT account_id FROM api_keys WHERE id = $1 AND digest = $2";
    Ok(fetch_optional!(conn, (AccountId,), sql, id, digest.as_slice())?.map(|(account,)| account))
}

pub(super) async fn count(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<i64> {
    let sql = "SELECT count(*) FROM api_keys WHERE account_id = $1 AND expires_at > $2";
    fetch_one!(conn, (i64,), sql, account, now).map(|(count,)| count)
}

/// Records the key's successor, and its new expiry.
pub(super) async fn set_replaced(conn: Conn<'_>, id: KeyId, by: KeyId, expires_at: Timestamp) -> Result<()> {
    let sql = "UPDATE api_keys SET replaced_by = $2, expires_at = $3 WHERE id = $1";
    execute!(conn, sql, id, by, expires_at)?;
    Ok(())
}

/// Records a use. Of several at once, the latest remains.
pub(super) async fn set_used(conn: Conn<'_>, id: KeyId, address: Option<&str>, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "UPDATE api_keys SET last_used_at = $3, last_used_address = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)",
        id,
        address,
        now
    )?;
    Ok(())
}

/// `false` if it is not the account's, or no longer exists.
pub(super) async fn delete(conn: Conn<'_>, id: KeyId, account: AccountId, now: Timestamp) -> Result<bool> {
    let sql = "DELETE FROM api_keys WHERE id = $1 AND account_id = $2 AND expires_at > $3";
    Ok(execute!(conn, sql, id, account, now)? == 1)
}

/// Returns how many there were. The links by which the account shares something let in whoever has them, as keys do, and end
/// with them.
pub(super) async fn delete_of(conn: Conn<'_>, account: AccountId) -> Result<u64> {
    execute!(conn, "DELETE FROM share_links WHERE given_by = $1", account)?;
    execute!(conn, "DELETE FROM api_keys WHERE account_id = $1", account)
}

pub(super) async fn delete_every(conn: Conn<'_>) -> Result<u64> {
    execute!(conn, "DELETE FROM api_keys")
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM api_keys WHERE expires_at <= $1", now)
}

/// A key that expires soon.
pub(super) struct Expiring {
    pub(super) id: KeyId,
    pub(super) account_id: AccountId,
    pub(super) prefix: String,
    pub(super) name: String,
    pub(super) expires_at: Timestamp,
}
crate::db::from_row!(Expiring { id, account_id, prefix, name, expires_at });

/// Claims up to 100 keys that expire by `soon`, had a lifetime longer than `notice`, and are not replaced. Their owners
/// are to be notified. Of two instances at once, only one gets each key.
pub(super) async fn claim_expiring(
    conn: Conn<'_>,
    soon: Timestamp,
    notice: i64,
    now: Timestamp,
) -> Result<Vec<Expiring>> {
    fetch_all!(
        conn,
        Expiring,
        "UPDATE api_keys SET warned_at = $3
         WHERE warned_at IS NULL
           AND id IN (SELECT id FROM api_keys
                      WHERE expires_at > $3 AND expires_at <= $1 AND expires_at - created_at > $2
                        AND warned_at IS NULL AND replaced_by IS NULL
                      ORDER BY expires_at LIMIT 100)
         RETURNING id, account_id, prefix, name, expires_at",
        soon,
        notice,
        now
    )
}
