//! The SQL of `profile_images`.

use super::{PictureId, Stored};
use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_optional},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// `false` if there is no such account (any more).
pub(super) async fn insert(
    conn: Conn<'_>,
    id: PictureId,
    account: AccountId,
    content_type: &str,
    now: Timestamp,
) -> Result<bool> {
    let inserted = execute!(
        conn,
        "INSERT INTO profile_images (id, account_id, content_type, created_at)
         SELECT $1, id, $3, $4 FROM accounts WHERE id = $2
         ON CONFLICT (account_id) DO UPDATE SET id = $1, content_type = $3, created_at = $4",
        id,
        account,
        content_type,
        now
    )?;
    Ok(inserted == 1)
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
