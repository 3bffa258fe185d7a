//! The SQL of `identities`.

use super::{Identity, IdentityId, NewIdentity};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

pub(super) async fn account_of(conn: Conn<'_>, issuer: &str, subject: &str) -> Result<Option<AccountId>> {
    let sql = "SELECT account_id FROM identities WHERE issuer = $1 AND subject = $2";
    Ok(fetch_optional!(conn, (AccountId,), sql, issuer, subject)?.map(|(account,)| account))
}

/// Call it with the account's row locked, so that the count holds until the transaction ends.
pub(super) async fn count(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT count(*) FROM identities WHERE account_id = $1";
    Ok(fetch_one!(conn, (i64,), sql, account)?.0)
}

/// `false` if it is already linked. The unique key lets only one of several concurrent calls succeed.
pub(super) async fn insert(
    conn: Conn<'_>,
    id: IdentityId,
    account: AccountId,
    new: &NewIdentity<'_>,
    now: Timestamp,
) -> Result<bool> {
    let inserted = execute!(
        conn,
        "INSERT INTO identities (id, account_id, issuer, subject, provider, email, linked_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (issuer, subject) DO NOTHING",
        id,
        account,
        new.issuer,
        new.subject,
        new.provider,
        new.email,
        now
    )?;
    Ok(inserted == 1)
}

pub(super) async fn note_use(conn: Conn<'_>, issuer: &str, subject: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2";
    execute!(conn, sql, issuer, subject, now)?;
    Ok(())
}

pub(super) async fn list(conn: Conn<'_>, account: AccountId) -> Result<Vec<Identity>> {
    fetch_all!(
        conn,
        Identity,
        "SELECT id, provider, issuer, email, linked_at, last_used_at FROM identities
         WHERE account_id = $1 ORDER BY linked_at, id",
        account
    )
}

/// The provider of the deleted identity; `None` if it does not belong to this account.
pub(super) async fn delete(conn: Conn<'_>, id: IdentityId, account: AccountId) -> Result<Option<String>> {
    let sql = "DELETE FROM identities WHERE id = $1 AND account_id = $2 RETURNING provider";
    Ok(fetch_optional!(conn, (String,), sql, id, account)?.map(|(provider,)| provider))
}

/// With the subject.
pub(super) async fn exported(conn: Conn<'_>, account: AccountId) -> Result<Vec<(Identity, String)>> {
    let identities = list(conn, account).await?;
    let subjects = fetch_all!(
        conn,
        (IdentityId, String),
        "SELECT id, subject FROM identities WHERE account_id = $1 ORDER BY linked_at, id",
        account
    )?;
    let subject = |id| subjects.iter().find(|(known, _)| *known == id).map(|(_, subject)| subject.clone());
    Ok(identities.into_iter().filter_map(|identity| subject(identity.id).map(|s| (identity, s))).collect())
}
