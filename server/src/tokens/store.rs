//! The SQL of `signing_keys`.

use super::keys::{KeyInfo, StoredKey};
use crate::{
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

pub(super) async fn newest_key(conn: Conn<'_>) -> Result<Option<StoredKey>> {
    fetch_optional!(
        conn,
        StoredKey,
        "SELECT kid, sealed_private_key, public_key FROM signing_keys ORDER BY generation DESC LIMIT 1"
    )
}

/// Every key, newest first.
pub(super) async fn keys(conn: Conn<'_>) -> Result<Vec<KeyInfo>> {
    fetch_all!(
        conn,
        KeyInfo,
        "SELECT kid, algorithm, created_at FROM signing_keys ORDER BY generation DESC LIMIT 1000"
    )
}

/// Does nothing if another instance was first.
pub(super) async fn insert_first_key(
    conn: Conn<'_>,
    key: &StoredKey,
    algorithm: &str,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO signing_keys (generation, kid, algorithm, sealed_private_key, public_key, created_at)
         VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (generation) DO NOTHING",
        &key.kid,
        algorithm,
        &key.sealed_private_key,
        &key.public_key,
        now
    )?;
    Ok(())
}
