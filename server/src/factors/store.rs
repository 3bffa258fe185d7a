//! The SQL of `totp`, `totp_enrolments`, `recovery_codes`, `logins` and `remembered_devices`.

use super::{
    gate::Waiting,
    remembered::{Device, DeviceId},
};
use crate::{
    access::SessionId,
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// An active authenticator app.
pub(super) struct Totp {
    pub(super) sealed_key: Vec<u8>,
    pub(super) last_step: i64,
    pub(super) created_at: Timestamp,
}
crate::db::from_row!(Totp { sealed_key, last_step, created_at });

pub(super) async fn totp(conn: Conn<'_>, account: AccountId) -> Result<Option<Totp>> {
    let sql = "SELECT sealed_key, last_step, created_at FROM totp WHERE account_id = $1";
    fetch_optional!(conn, Totp, sql, account)
}

/// `false` if a code of this step or a later one was used meanwhile.
pub(super) async fn use_step(conn: Conn<'_>, account: AccountId, step: i64) -> Result<bool> {
    let sql = "UPDATE totp SET last_step = $2 WHERE account_id = $1 AND last_step < $2";
    Ok(execute!(conn, sql, account, step)? == 1)
}

/// Replaces an older one, and keeps since when the account has an app: whoever replaces it has shown the older one.
pub(super) async fn put_totp(
    conn: Conn<'_>,
    account: AccountId,
    sealed_key: &[u8],
    step: i64,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO totp (account_id, sealed_key, last_step, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET sealed_key = $2, last_step = $3",
        account,
        sealed_key,
        step,
        now
    )?;
    Ok(())
}

/// `false` if there is none.
pub(super) async fn delete_totp(conn: Conn<'_>, account: AccountId) -> Result<bool> {
    Ok(execute!(conn, "DELETE FROM totp WHERE account_id = $1", account)? == 1)
}

/// Replaces one that was started before.
pub(super) async fn put_enrolment(
    conn: Conn<'_>,
    account: AccountId,
    session: SessionId,
    sealed_key: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO totp_enrolments (account_id, session_id, sealed_key, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET session_id = $2, sealed_key = $3, expires_at = $4",
        account,
        session,
        sealed_key,
        expires_at
    )?;
    Ok(())
}

/// The key that was shown in this session.
pub(super) async fn enrolment(
    conn: Conn<'_>,
    account: AccountId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Vec<u8>>> {
    let row = fetch_optional!(
        conn,
        (Vec<u8>,),
        "SELECT sealed_key FROM totp_enrolments WHERE account_id = $1 AND session_id = $2 AND expires_at > $3",
        account,
        session,
        now
    )?;
    Ok(row.map(|(sealed_key,)| sealed_key))
}

pub(super) async fn delete_enrolment(conn: Conn<'_>, account: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM totp_enrolments WHERE account_id = $1", account)?;
    Ok(())
}

pub(super) async fn insert_code(conn: Conn<'_>, account: AccountId, digest: &[u8; 32]) -> Result<()> {
    let sql = "INSERT INTO recovery_codes (digest, account_id) VALUES ($1, $2)";
    execute!(conn, sql, digest.as_slice(), account)?;
    Ok(())
}

/// `false` if it is not one of the account's codes. Of several uses at once, only one succeeds.
pub(super) async fn use_code(conn: Conn<'_>, account: AccountId, digest: &[u8; 32]) -> Result<bool> {
    let sql = "DELETE FROM recovery_codes WHERE digest = $1 AND account_id = $2";
    Ok(execute!(conn, sql, digest.as_slice(), account)? == 1)
}

pub(super) async fn delete_codes(conn: Conn<'_>, account: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM recovery_codes WHERE account_id = $1", account)?;
    Ok(())
}

pub(super) async fn codes_left(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM recovery_codes WHERE account_id = $1";
    Ok(fetch_one!(conn, (i64,), sql, account)?.0)
}

pub(super) async fn insert_login(conn: Conn<'_>, digest: &[u8; 32], login: &Waiting) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO logins (digest, account_id, epoch, method, scope, transport, before_session, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        digest.as_slice(),
        login.account_id,
        login.epoch,
        login.method.as_str(),
        login.scope.as_str(),
        login.transport.as_str(),
        login.before_session,
        login.expires_at
    )?;
    Ok(())
}

pub(super) async fn login(conn: Conn<'_>, digest: &[u8; 32], now: Timestamp) -> Result<Option<Waiting>> {
    fetch_optional!(
        conn,
        Waiting,
        "SELECT account_id, epoch, method, scope, transport, before_session, sealed_key, expires_at FROM logins
         WHERE digest = $1 AND expires_at > $2",
        digest.as_slice(),
        now
    )
}

/// Stores the key that was shown.
pub(super) async fn set_login_key(conn: Conn<'_>, digest: &[u8; 32], sealed_key: &[u8]) -> Result<()> {
    let sql = "UPDATE logins SET sealed_key = $2 WHERE digest = $1";
    execute!(conn, sql, digest.as_slice(), sealed_key)?;
    Ok(())
}

/// Counts a wrong code, and deletes the login at the `most`th one. Returns whether it was the first one.
pub(super) async fn count_wrong(conn: Conn<'_>, digest: &[u8; 32], most: i64) -> Result<bool> {
    let sql = "UPDATE logins SET tries = tries + 1 WHERE digest = $1 RETURNING tries";
    let tries = fetch_all!(conn, (i64,), sql, digest.as_slice())?.first().map_or(0, |(tries,)| *tries);
    if tries >= most {
        delete_login(conn, digest).await?;
    }
    Ok(tries == 1)
}

pub(super) async fn delete_login(conn: Conn<'_>, digest: &[u8; 32]) -> Result<()> {
    execute!(conn, "DELETE FROM logins WHERE digest = $1", digest.as_slice())?;
    Ok(())
}

/// The active sessions of accounts that have no second factor: of all accounts (`$2`), or of administrators only. A
/// session that began with a passkey may go on while the account has a passkey.
macro_rules! sessions_without {
    ($verb:literal) => {
        concat!(
            $verb,
            " WHERE ended_at IS NULL AND expires_at > $1 AND EXISTS (
                 SELECT 1 FROM accounts WHERE accounts.id = sessions.account_id AND (role = 'admin' OR staff_role IS NOT NULL OR $2)
                    AND NOT EXISTS (SELECT 1 FROM totp WHERE totp.account_id = accounts.id)
                    AND NOT (sessions.amr LIKE '%mfa'
                             AND EXISTS (SELECT 1 FROM passkeys WHERE passkeys.account_id = accounts.id)))"
        )
    };
}

pub(super) async fn is_any_session_without(conn: Conn<'_>, of_all: bool, now: Timestamp) -> Result<bool> {
    let sql = concat!(sessions_without!("SELECT account_id FROM sessions"), " LIMIT 1");
    Ok(fetch_optional!(conn, (AccountId,), sql, now, of_all)?.is_some())
}

pub(super) async fn end_sessions_without(conn: Conn<'_>, of_all: bool, now: Timestamp) -> Result<u64> {
    execute!(conn, sessions_without!("UPDATE sessions SET ended_at = $1"), now, of_all)
}

pub(super) async fn delete_every_step(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM totp_enrolments")?;
    execute!(conn, "DELETE FROM logins")?;
    execute!(conn, "DELETE FROM remembered_devices")?;
    Ok(())
}

pub(super) async fn insert_device(conn: Conn<'_>, account: AccountId, device: &Device) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO remembered_devices (id, digest, account_id, name, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        device.id,
        device.digest.as_slice(),
        account,
        device.name.as_str(),
        device.created_at,
        device.expires_at
    )?;
    Ok(())
}

/// Notes the use of a device that was remembered after `cut`, and returns when that was.
pub(super) async fn use_device(
    conn: Conn<'_>,
    account: AccountId,
    digest: &[u8; 32],
    cut: Timestamp,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let used = fetch_optional!(
        conn,
        (Timestamp,),
        "UPDATE remembered_devices SET last_used_at = $4
         WHERE digest = $2 AND account_id = $1 AND created_at > $3 AND expires_at > $4
         RETURNING created_at",
        account,
        digest.as_slice(),
        cut,
        now
    )?;
    Ok(used.map(|(created_at,)| created_at))
}

/// At most 20: see `remembered.rs`.
pub(super) async fn devices_of(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<Vec<Device>> {
    fetch_all!(
        conn,
        Device,
        "SELECT id, digest, name, created_at, last_used_at, expires_at FROM remembered_devices
         WHERE account_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id",
        account,
        now
    )
}

/// Those but the newest `kept`.
pub(super) async fn delete_older_devices(conn: Conn<'_>, account: AccountId, kept: i64) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM remembered_devices WHERE account_id = $1 AND id NOT IN (
             SELECT id FROM remembered_devices WHERE account_id = $1 ORDER BY created_at DESC, id LIMIT $2)",
        account,
        kept
    )?;
    Ok(())
}

/// The one whose place a browser gives to another.
pub(super) async fn delete_device_of_cookie(
    conn: Conn<'_>,
    account: AccountId,
    digest: &[u8; 32],
) -> Result<()> {
    let sql = "DELETE FROM remembered_devices WHERE account_id = $1 AND digest = $2";
    execute!(conn, sql, account, digest.as_slice())?;
    Ok(())
}

/// `false` if it is not the account's.
pub(super) async fn delete_device(conn: Conn<'_>, account: AccountId, id: DeviceId) -> Result<bool> {
    let sql = "DELETE FROM remembered_devices WHERE account_id = $1 AND id = $2";
    Ok(execute!(conn, sql, account, id)? == 1)
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    let enrolments = execute!(conn, "DELETE FROM totp_enrolments WHERE expires_at <= $1", now)?;
    let devices = execute!(conn, "DELETE FROM remembered_devices WHERE expires_at <= $1", now)?;
    Ok(enrolments + devices + execute!(conn, "DELETE FROM logins WHERE expires_at <= $1", now)?)
}
