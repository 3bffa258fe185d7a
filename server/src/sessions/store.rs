//! The SQL of `sessions`.

use super::{Session, SessionId};
use crate::{
    accounts::{AccountId, Credentials},
    client::Client,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// `false` if the account is not active or has another password by now.
pub(super) async fn insert_session(
    conn: Conn<'_>,
    session: &Session,
    verified: &Credentials,
    client: &Client,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool> {
    let inserted = execute!(
        conn,
        "INSERT INTO sessions (id, account_id, created_at, expires_at, address, user_agent)
         SELECT $1, id, $4, $5, $6, $7 FROM accounts WHERE id = $2 AND password_hash = $3 AND is_active",
        session.id,
        session.account,
        &verified.password_hash,
        now,
        expires_at,
        client.address().map(|address| address.to_string()),
        client.user_agent()
    )?;
    Ok(inserted == 1)
}

/// How many sessions [`alive_among`] looks at.
pub(super) const BATCH: usize = 8;

/// The sessions of `$which` that are alive at `$now` and whose account is active, each with its account.
macro_rules! select_alive {
    ($which:literal, $now:literal) => {
        concat!(
            "SELECT sessions.id, accounts.id FROM sessions JOIN accounts ON accounts.id = sessions.account_id
             WHERE sessions.id ",
            $which,
            " AND sessions.ended_at IS NULL AND sessions.expires_at > ",
            $now,
            " AND accounts.is_active"
        )
    };
}

/// This session and its account, if it is alive and the account is active.
pub(super) async fn alive(
    conn: Conn<'_>,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<(SessionId, AccountId)>> {
    fetch_optional!(conn, (SessionId, AccountId), select_alive!("= $1", "$2"), session, now)
}

/// Those of several sessions that are.
pub(super) async fn alive_among(
    conn: Conn<'_>,
    sessions: [SessionId; BATCH],
    now: Timestamp,
) -> Result<Vec<(SessionId, AccountId)>> {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = sessions;
    fetch_all!(
        conn,
        (SessionId, AccountId),
        select_alive!("IN ($1, $2, $3, $4, $5, $6, $7, $8)", "$9"),
        first,
        second,
        third,
        fourth,
        fifth,
        sixth,
        seventh,
        eighth,
        now
    )
}

/// `false` if it has ended before: of two log-outs at once, one ended it.
pub(super) async fn end_session(conn: Conn<'_>, id: SessionId, now: Timestamp) -> Result<bool> {
    let ended =
        execute!(conn, "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", id, now)?;
    Ok(ended == 1)
}

pub(super) async fn end_sessions_of(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL",
        account,
        now
    )?;
    Ok(())
}

pub(super) async fn delete_sessions_before(conn: Conn<'_>, cut: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM sessions WHERE expires_at < $1", cut)
}
