//! The SQL of `first_admin`.

use crate::{
    clock::Timestamp,
    db::{Conn, execute, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

pub(super) async fn replace_code(conn: Conn<'_>, digest: &[u8; 32], expires_at: Timestamp) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO first_admin (id, digest, expires_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET digest = $1, expires_at = $2",
        digest.as_slice(),
        expires_at
    )?;
    Ok(())
}

/// Whether there is a code that expires after this.
pub(super) async fn is_code_newer(conn: Conn<'_>, expires_after: Timestamp) -> Result<bool> {
    let code =
        fetch_optional!(conn, (i64,), "SELECT id FROM first_admin WHERE expires_at > $1", expires_after)?;
    Ok(code.is_some())
}

/// `false` if it is another code, has expired, or was used. Deleting the row uses it up.
pub(super) async fn use_code(conn: Conn<'_>, digest: &[u8; 32], now: Timestamp) -> Result<bool> {
    let used = execute!(
        conn,
        "DELETE FROM first_admin WHERE digest = $1 AND expires_at > $2",
        digest.as_slice(),
        now
    )?;
    Ok(used == 1)
}
