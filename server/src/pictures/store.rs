//! The SQL of `profile_images`.

use super::{PictureId, Stored};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn insert(
    conn: Conn<'_>,
    id: PictureId,
    account: AccountId,
    content_type: &str,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO profile_images (id, account_id, content_type, created_at) VALUES ($1, $2, $3, $4)",
        id,
        account,
        content_type,
        now
    )?;
    Ok(())
}

pub(super) async fn stored(conn: Conn<'_>, id: PictureId) -> Result<Option<Stored>> {
    fetch_optional!(conn, Stored, "SELECT id, account_id, content_type FROM profile_images WHERE id = $1", id)
}

/// Removes the account's row and says which picture it named.
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

/// Notes that the bytes of this picture must go.
pub(super) async fn doom(conn: Conn<'_>, id: PictureId, now: Timestamp) -> Result<()> {
    execute!(conn, "INSERT INTO doomed_pictures (id, at) VALUES ($1, $2)", id, now)?;
    Ok(())
}

/// Pictures whose bytes must go, at most 1,000.
pub(super) async fn doomed(conn: Conn<'_>) -> Result<Vec<PictureId>> {
    let doomed = fetch_all!(conn, (PictureId,), "SELECT id FROM doomed_pictures ORDER BY at LIMIT 1000")?;
    Ok(doomed.into_iter().map(|(id,)| id).collect())
}

/// Its bytes are gone.
pub(super) async fn spare(conn: Conn<'_>, id: PictureId) -> Result<()> {
    execute!(conn, "DELETE FROM doomed_pictures WHERE id = $1", id)?;
    Ok(())
}
