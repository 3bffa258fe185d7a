//! The SQL of `passkeys` and `passkey_challenges`.

use super::{Passkey, PasskeyId, webauthn::Credential};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// A passkey to be added.
pub(super) struct New<'a> {
    pub(super) id: PasskeyId,
    pub(super) account: AccountId,
    pub(super) user_handle: &'a [u8],
    pub(super) credential: &'a Credential,
    pub(super) name: &'a str,
}

/// `None` if the credential is already registered. The unique column decides, also between two instances.
pub(super) async fn insert_passkey(conn: Conn<'_>, new: &New<'_>, now: Timestamp) -> Result<Option<Passkey>> {
    fetch_optional!(
        conn,
        Passkey,
        "INSERT INTO passkeys (id, account_id, credential_id, user_handle, public_key, sign_count,
                               is_backup_eligible, is_backed_up, name, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (credential_id) DO NOTHING
         RETURNING id, name, created_at, last_used_at, is_backed_up",
        new.id,
        new.account,
        new.credential.id.as_slice(),
        new.user_handle,
        new.credential.public_key.as_slice(),
        i64::from(new.credential.sign_count),
        new.credential.is_backup_eligible,
        new.credential.is_backed_up,
        new.name,
        now
    )
}

pub(super) async fn passkeys_of(conn: Conn<'_>, account: AccountId) -> Result<Vec<Passkey>> {
    fetch_all!(
        conn,
        Passkey,
        "SELECT id, name, created_at, last_used_at, is_backed_up FROM passkeys WHERE account_id = $1
         ORDER BY created_at, id",
        account
    )
}

pub(super) async fn count(conn: Conn<'_>, account: AccountId) -> Result<usize> {
    let (count,) = fetch_one!(conn, (i64,), "SELECT count(*) FROM passkeys WHERE account_id = $1", account)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

pub(super) async fn credential_ids(conn: Conn<'_>, account: AccountId) -> Result<Vec<Vec<u8>>> {
    let sql = "SELECT credential_id FROM passkeys WHERE account_id = $1 ORDER BY created_at, id";
    Ok(fetch_all!(conn, (Vec<u8>,), sql, account)?.into_iter().map(|(id,)| id).collect())
}

/// The account's user handle, if it has a passkey.
pub(super) async fn user_handle(conn: Conn<'_>, account: AccountId) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT user_handle FROM passkeys WHERE account_id = $1 ORDER BY created_at, id LIMIT 1";
    Ok(fetch_optional!(conn, (Vec<u8>,), sql, account)?.map(|(handle,)| handle))
}

/// The account that the credential belongs to.
pub(super) async fn account_of(conn: Conn<'_>, credential_id: &[u8]) -> Result<Option<AccountId>> {
    let sql = "SELECT account_id FROM passkeys WHERE credential_id = $1";
    Ok(fetch_optional!(conn, (AccountId,), sql, credential_id)?.map(|(account,)| account))
}

/// The registered values that an assertion is verified against.
pub(super) struct Row {
    pub(super) id: PasskeyId,
    pub(super) user_handle: Vec<u8>,
    pub(super) public_key: Vec<u8>,
    pub(super) sign_count: i64,
    pub(super) is_backup_eligible: bool,
    pub(super) name: String,
}
crate::db::from_row!(Row { id, user_handle, public_key, sign_count, is_backup_eligible, name });

pub(super) async fn credential(
    conn: Conn<'_>,
    account: AccountId,
    credential_id: &[u8],
) -> Result<Option<Row>> {
    fetch_optional!(
        conn,
        Row,
        "SELECT id, user_handle, public_key, sign_count, is_backup_eligible, name FROM passkeys
         WHERE account_id = $1 AND credential_id = $2",
        account,
        credential_id
    )
}

pub(super) async fn note_use(
    conn: Conn<'_>,
    id: PasskeyId,
    sign_count: i64,
    is_backed_up: bool,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE passkeys SET sign_count = $2, is_backed_up = $3, last_used_at = $4 WHERE id = $1";
    execute!(conn, sql, id, sign_count, is_backed_up, now)?;
    Ok(())
}

pub(super) async fn rename(
    conn: Conn<'_>,
    account: AccountId,
    id: PasskeyId,
    name: &str,
) -> Result<Option<Passkey>> {
    fetch_optional!(
        conn,
        Passkey,
        "UPDATE passkeys SET name = $3 WHERE id = $2 AND account_id = $1
         RETURNING id, name, created_at, last_used_at, is_backed_up",
        account,
        id,
        name
    )
}

/// Returns its name; `None` if it does not belong to the account.
pub(super) async fn delete_passkey(
    conn: Conn<'_>,
    account: AccountId,
    id: PasskeyId,
) -> Result<Option<String>> {
    let sql = "DELETE FROM passkeys WHERE id = $2 AND account_id = $1 RETURNING name";
    Ok(fetch_optional!(conn, (String,), sql, account, id)?.map(|(name,)| name))
}

/// Returns their names.
pub(super) async fn delete_passkeys_of(conn: Conn<'_>, account: AccountId) -> Result<Vec<String>> {
    let sql = "DELETE FROM passkeys WHERE account_id = $1 RETURNING name";
    Ok(fetch_all!(conn, (String,), sql, account)?.into_iter().map(|(name,)| name).collect())
}

pub(super) async fn insert_challenge(
    conn: Conn<'_>,
    digest: &[u8; 32],
    ceremony: &str,
    bound_to: &[u8; 32],
    account: Option<AccountId>,
    expires_at: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO passkey_challenges (digest, ceremony, bound_to, account_id, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        digest.as_slice(),
        ceremony,
        bound_to.as_slice(),
        account,
        expires_at
    )?;
    Ok(())
}

/// Those but the newest `kept`.
pub(super) async fn delete_older_challenges(
    conn: Conn<'_>,
    ceremony: &str,
    bound_to: &[u8; 32],
    kept: i64,
) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM passkey_challenges WHERE bound_to = $1 AND ceremony = $2 AND digest NOT IN (
             SELECT digest FROM passkey_challenges WHERE bound_to = $1 AND ceremony = $2
             ORDER BY expires_at DESC, digest LIMIT $3)",
        bound_to.as_slice(),
        ceremony,
        kept
    )?;
    Ok(())
}

/// Deletes a living challenge and answers whose passkeys may answer it: of many at once, one takes it.
pub(super) async fn take_challenge(
    conn: Conn<'_>,
    digest: &[u8; 32],
    ceremony: &str,
    bound_to: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Option<AccountId>>> {
    let taken = fetch_optional!(
        conn,
        (Option<AccountId>,),
        "DELETE FROM passkey_challenges WHERE digest = $1 AND ceremony = $2 AND bound_to = $3 AND expires_at > $4
         RETURNING account_id",
        digest.as_slice(),
        ceremony,
        bound_to.as_slice(),
        now
    )?;
    Ok(taken.map(|(account,)| account))
}

pub(super) async fn delete_every_challenge(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM passkey_challenges")?;
    Ok(())
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM passkey_challenges WHERE expires_at <= $1", now)
}
