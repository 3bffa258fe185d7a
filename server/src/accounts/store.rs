//! The SQL of `accounts`.

use super::{Account, AccountId, Credentials, Email, FullName, Profile};
use crate::{
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
    mail::Recipient,
    passwords::PasswordHash,
};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// `None` if the address is taken: the unique column decides, also between two instances.
pub(super) async fn insert_account(
    conn: Conn<'_>,
    email: &Email,
    full_name: &FullName,
    password_hash: &PasswordHash,
    now: Timestamp,
) -> Result<Option<Account>> {
    fetch_optional!(
        conn,
        Account,
        "INSERT INTO accounts (email, full_name, password_hash, is_active, created_at, updated_at)
         VALUES ($1, $2, $3, TRUE, $4, $4)
         ON CONFLICT (email) DO NOTHING
         RETURNING id, email, full_name, is_active",
        email,
        full_name,
        password_hash,
        now
    )
}

pub(super) async fn account_by_id(conn: Conn<'_>, id: AccountId) -> Result<Option<Account>> {
    fetch_optional!(conn, Account, "SELECT id, email, full_name, is_active FROM accounts WHERE id = $1", id)
}

pub(super) async fn account_by_email(conn: Conn<'_>, email: &Email) -> Result<Option<Account>> {
    fetch_optional!(
        conn,
        Account,
        "SELECT id, email, full_name, is_active FROM accounts WHERE email = $1",
        email
    )
}

pub(super) async fn accounts_after(
    conn: Conn<'_>,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<Account>> {
    fetch_all!(
        conn,
        Account,
        "SELECT id, email, full_name, is_active FROM accounts WHERE id > $1 ORDER BY id LIMIT $2",
        after.unwrap_or(AccountId::new(0)),
        i64::from(limit)
    )
}

pub(super) async fn credentials(conn: Conn<'_>, email: &Email) -> Result<Option<Credentials>> {
    fetch_optional!(
        conn,
        Credentials,
        "SELECT id, role, password_hash, email_verified_at FROM accounts WHERE email = $1",
        email
    )
}

pub(super) async fn recipient(conn: Conn<'_>, id: AccountId) -> Result<Option<Recipient>> {
    fetch_optional!(
        conn,
        Recipient,
        "SELECT id AS account, email, full_name, language FROM accounts WHERE id = $1",
        id
    )
}

pub(super) async fn profile(conn: Conn<'_>, id: AccountId) -> Result<Option<Profile>> {
    fetch_optional!(
        conn,
        Profile,
        "SELECT accounts.id, email, full_name, is_active, profile_images.id AS picture,
                language, email_verified_at, deletion_due_at
         FROM accounts LEFT JOIN profile_images ON profile_images.account_id = accounts.id
         WHERE accounts.id = $1",
        id
    )
}

pub(super) async fn set_full_name(
    conn: Conn<'_>,
    id: AccountId,
    full_name: &FullName,
    now: Timestamp,
) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET full_name = $2, updated_at = $3 WHERE id = $1",
        id,
        full_name,
        now
    )?;
    Ok(changed == 1)
}

pub(super) async fn set_language(conn: Conn<'_>, id: AccountId, language: &str) -> Result<()> {
    execute!(conn, "UPDATE accounts SET language = $2 WHERE id = $1", id, language)?;
    Ok(())
}

pub(super) async fn set_active(conn: Conn<'_>, id: AccountId, active: bool, now: Timestamp) -> Result<bool> {
    let changed =
        execute!(conn, "UPDATE accounts SET is_active = $2, updated_at = $3 WHERE id = $1", id, active, now)?;
    Ok(changed == 1)
}

pub(super) async fn set_password(
    conn: Conn<'_>,
    id: AccountId,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET password_hash = $2, updated_at = $3 WHERE id = $1",
        id,
        hash,
        now
    )?;
    Ok(changed == 1)
}

pub(super) async fn replace_hash(
    conn: Conn<'_>,
    id: AccountId,
    old: &PasswordHash,
    new: &PasswordHash,
    now: Timestamp,
) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2",
        id,
        old,
        new,
        now
    )?;
    Ok(changed == 1)
}

/// Sessions, known addresses and the picture's row go with it (`ON DELETE CASCADE`).
pub(super) async fn delete_account(conn: Conn<'_>, id: AccountId) -> Result<bool> {
    Ok(execute!(conn, "DELETE FROM accounts WHERE id = $1", id)? == 1)
}
