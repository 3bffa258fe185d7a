//! The SQL of `mails`.

use uuid::Uuid;

use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn insert(
    conn: Conn<'_>,
    id: Uuid,
    account: Option<AccountId>,
    sealed: &[u8],
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO mails (id, account_id, sealed, created_at, next_attempt_at) VALUES ($1, $2, $3, $4, $4)",
        id,
        account,
        sealed,
        now
    )?;
    Ok(())
}

pub(super) async fn delete(conn: Conn<'_>, id: Uuid) -> Result<()> {
    execute!(conn, "DELETE FROM mails WHERE id = $1", id)?;
    Ok(())
}
