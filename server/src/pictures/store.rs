//! The SQL of `profile_images`.

use super::{PictureId, Stored};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

pub(super) async fn insert(
    conn: Conn<'_>,
    id: PictureId,
    account: AccountId,
    content_type: &str,
    bytes: i64,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO profile_images (id, account_id, content_type, bytes, created_at) VALUES ($1, $2, $3, $4, $5)",
        id,
        account,
        content_type,
        bytes,
        now
    )?;
    Ok(())
}

pub(super) async fn stored(conn: Conn<'_>, id: PictureId) -> Result<Option<Stored>> {
    fetch_optional!(conn, Stored, "SELECT id, account_id, content_type FROM profile_images WHERE id = $1", id)
}

pub(super) async fn all(conn: Conn<'_>) -> Result<Vec<PictureId>> {
    let all = fetch_all!(conn, (PictureId,), "SELECT id FROM profile_images")?;
    Ok(all.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn delete(conn: Conn<'_>, id: PictureId) -> Result<()> {
    execute!(conn, "DELETE FROM profile_images WHERE id = $1", id)?;
    Ok(())
}

/// Removes the account's row and returns the picture that it named.
pub(super) async fn take(conn: Conn<'_>, account: AccountId) -> Result<Option<PictureId>> {
    let taken = fetch_optional!(
        conn,
        (PictureId,),
        "DELETE FROM profile_images WHERE account_id = $1 RETURNING id",
        account
    )?;
    Ok(taken.map(|(id,)| id))
}

pub(super) async fn of_account(conn: Conn<'_>, account: AccountId) -> Result<Option<Stored>> {
    fetch_optional!(
        conn,
        Stored,
        "SELECT id, account_id, content_type FROM profile_images WHERE account_id = $1",
        account
    )
}

/// Lets one transaction at a time add a picture. The next one's statements see its changes.
pub(super) async fn lock(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE locks SET taken_at = $1 WHERE name = 'pictures'", now)?;
    Ok(())
}

/// The total size of all other accounts' pictures in bytes.
pub(super) async fn bytes_of_others(conn: Conn<'_>, account: AccountId) -> Result<i64> {
    let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM profile_images WHERE account_id <> $1";
    fetch_one!(conn, (i64,), sql, account).map(|(bytes,)| bytes)
}

/// The size of a picture. The outer `None` means that there is no such picture, the inner that its size was
/// never recorded.
pub(super) async fn size(conn: Conn<'_>, id: PictureId) -> Result<Option<Option<i64>>> {
    let found = fetch_optional!(conn, (Option<i64>,), "SELECT bytes FROM profile_images WHERE id = $1", id)?;
    Ok(found.map(|(bytes,)| bytes))
}

pub(super) async fn set_size(conn: Conn<'_>, id: PictureId, bytes: i64) -> Result<()> {
    execute!(conn, "UPDATE profile_images SET bytes = $2 WHERE id = $1", id, bytes)?;
    Ok(())
}

/// Marks this picture's bytes for deletion.
pub(super) async fn doom(conn: Conn<'_>, id: PictureId, now: Timestamp) -> Result<()> {
    execute!(conn, "INSERT INTO doomed_pictures (id, at) VALUES ($1, $2)", id, now)?;
    Ok(())
}

/// Pictures whose bytes are marked for deletion, at most 1,000.
pub(super) async fn doomed(conn: Conn<'_>) -> Result<Vec<PictureId>> {
    let doomed = fetch_all!(conn, (PictureId,), "SELECT id FROM doomed_pictures ORDER BY at LIMIT 1000")?;
    Ok(doomed.into_iter().map(|(id,)| id).collect())
}

/// Removes the mark: its bytes are deleted.
pub(super) async fn spare(conn: Conn<'_>, id: PictureId) -> Result<()> {
    execute!(conn, "DELETE FROM doomed_pictures WHERE id = $1", id)?;
    Ok(())
}
