//! The SQL of `sessions`.

use portcullis::Granted;

use super::{Renewal, Session};
use crate::{
    access::SessionId,
    accounts::AccountId,
    client::Client,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// The maximum number of active sessions of an account.
const MOST: i64 = 100;

/// A session to be inserted.
pub(super) struct Begun<'a> {
    pub(super) session: &'a Session,
    pub(super) renewal: &'a Renewal,
    pub(super) expires_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

/// Ends the sessions that were used longest ago, so that with a new one there are at most [`MOST`]. Returns how many.
/// Expired ones are the first to go.
pub(super) async fn make_room(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<u64> {
    execute!(
        conn,
        "UPDATE sessions SET ended_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $2 END
         WHERE id IN (SELECT id FROM sessions WHERE account_id = $1 AND ended_at IS NULL
                      ORDER BY expires_at > $2 DESC, last_seen_at DESC, id DESC LIMIT 1000 OFFSET $3)
         AND ended_at IS NULL",
        account,
        now,
        MOST - 1
    )
}

pub(super) async fn insert_session(
    conn: Conn<'_>,
    begun: &Begun<'_>,
    client: &Client,
    now: Timestamp,
) -> Result<()> {
    let (cookie, refresh) = match begun.renewal {
        Renewal::None => (None, None),
        Renewal::Cookie(token) => (Some(token.digest()), None),
        Renewal::Refresh(token) => (None, Some(token.digest())),
    };
    execute!(
        conn,
        "INSERT INTO sessions (id, account_id, created_at, authenticated_at, last_seen_at, expires_at, ends_at,
                               address, user_agent, scope, cookie_digest, refresh_digest, amr)
         VALUES ($1, $2, $3, $4, $3, $5, $6, $7, $8, $9, $10, $11, $12)",
        begun.session.id,
        begun.session.account,
        now,
        begun.session.authenticated_at,
        begun.expires_at,
        begun.ends_at,
        client.address().map(|address| address.to_string()),
        client.user_agent(),
        begun.session.scope.iter().collect::<Vec<_>>().join(" "),
        cookie.as_ref().map(<[u8; 32]>::as_slice),
        refresh.as_ref().map(<[u8; 32]>::as_slice),
        begun.session.amr.as_str()
    )?;
    Ok(())
}

/// A session's scopes, and how its client presents it.
pub(super) struct SessionKind {
    pub(super) scope: String,
    pub(super) amr: String,
    pub(super) has_cookie: bool,
    pub(super) has_refresh_token: bool,
}
crate::db::from_row!(SessionKind { scope, amr, has_cookie, has_refresh_token });

pub(super) async fn kind_of(conn: Conn<'_>, session: SessionId) -> Result<Option<SessionKind>> {
    fetch_optional!(
        conn,
        SessionKind,
        "SELECT scope, amr, cookie_digest IS NOT NULL AS has_cookie, refresh_digest IS NOT NULL AS has_refresh_token
         FROM sessions WHERE id = $1",
        session
    )
}

pub(super) async fn set_amr(conn: Conn<'_>, session: SessionId, amr: &str) -> Result<()> {
    execute!(conn, "UPDATE sessions SET amr = $2 WHERE id = $1", session, amr)?;
    Ok(())
}

/// Records that a session was used, and moves its idle expiry, but never beyond its absolute one. A statement that
/// waited for the row checks it again, so a session that was ended meanwhile stays ended.
pub(super) async fn touch(
    conn: Conn<'_>,
    session: SessionId,
    idle_end: Timestamp,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE sessions SET last_seen_at = $3, expires_at = CASE WHEN ends_at < $2 THEN ends_at ELSE $2 END
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $3",
        session,
        idle_end,
        now
    )?;
    Ok(())
}

/// A refresh token to be replaced.
pub(super) struct Rotation<'a> {
    pub(super) session: SessionId,
    pub(super) old: &'a [u8; 32],
    pub(super) new: &'a [u8; 32],
    pub(super) idle_end: Timestamp,
}

#[derive(Debug)]
struct Refreshable {
    account_id: AccountId,
    scope: String,
    authenticated_at: Timestamp,
    amr: String,
}
crate::db::from_row!(Refreshable { account_id, scope, authenticated_at, amr });

impl Refreshable {
    fn session(self, id: SessionId) -> Session {
        let scope = Granted::parse(&self.scope);
        Session {
            id,
            account: self.account_id,
            scope,
            authenticated_at: self.authenticated_at,
            amr: self.amr,
        }
    }
}

/// Replaces the living token, if `old` is it and the session is alive. One statement: of several concurrent calls, one
/// succeeds. One that waited for the row checks it again, so it does nothing to a session that was ended meanwhile; and
/// disabling or deleting an account ends its sessions.
pub(super) async fn rotate(
    conn: Conn<'_>,
    rotation: &Rotation<'_>,
    client: &Client,
    now: Timestamp,
) -> Result<Option<Session>> {
    let rotated = fetch_optional!(
        conn,
        Refreshable,
        "UPDATE sessions SET refresh_digest = $3, previous_refresh_digest = $2, refreshed_at = $5, last_seen_at = $5,
                             expires_at = CASE WHEN ends_at < $4 THEN ends_at ELSE $4 END,
                             address = $6, user_agent = $7
         WHERE id = $1 AND refresh_digest = $2 AND ended_at IS NULL AND expires_at > $5
           AND EXISTS (SELECT 1 FROM accounts WHERE accounts.id = sessions.account_id AND is_active)
         RETURNING account_id, scope, authenticated_at, amr",
        rotation.session,
        rotation.old.as_slice(),
        rotation.new.as_slice(),
        rotation.idle_end,
        now,
        client.address().map(|address| address.to_string()),
        client.user_agent()
    )?;
    Ok(rotated.map(|row| row.session(rotation.session)))
}

/// The account of a session.
pub(super) async fn account_of(conn: Conn<'_>, session: SessionId) -> Result<Option<AccountId>> {
    let account =
        fetch_optional!(conn, (AccountId,), "SELECT account_id FROM sessions WHERE id = $1", session)?;
    Ok(account.map(|(account,)| account))
}

/// The scopes of a session.
pub(super) async fn scope_of(conn: Conn<'_>, session: SessionId) -> Result<Option<Granted>> {
    let scope = fetch_optional!(conn, (String,), "SELECT scope FROM sessions WHERE id = $1", session)?;
    Ok(scope.map(|(scope,)| Granted::parse(&scope)))
}

/// The session, if it is alive and `old` is the token that was last replaced, after `cut`.
pub(super) async fn rotated_since(
    conn: Conn<'_>,
    session: SessionId,
    old: &[u8; 32],
    cut: Timestamp,
    now: Timestamp,
) -> Result<Option<Session>> {
    let found = fetch_optional!(
        conn,
        Refreshable,
        "SELECT account_id, scope, authenticated_at, amr
         FROM sessions JOIN accounts ON accounts.id = sessions.account_id
         WHERE sessions.id = $1 AND previous_refresh_digest = $2 AND refreshed_at > $3
           AND ended_at IS NULL AND expires_at > $4 AND is_active",
        session,
        old.as_slice(),
        cut,
        now
    )?;
    Ok(found.map(|row| row.session(session)))
}

/// Ends the session if `token` is neither its living token nor the one replaced after `cut`. Returns its user agent if
/// it did.
pub(super) async fn end_replayed(
    conn: Conn<'_>,
    session: SessionId,
    token: &[u8; 32],
    cut: Timestamp,
    now: Timestamp,
) -> Result<Option<Option<String>>> {
    let ended = fetch_optional!(
        conn,
        (Option<String>,),
        "UPDATE sessions SET ended_at = $4
         WHERE id = $1 AND ended_at IS NULL AND refresh_digest <> $2
           AND (previous_refresh_digest IS NULL OR previous_refresh_digest <> $2 OR refreshed_at <= $3)
         RETURNING user_agent",
        session,
        token.as_slice(),
        cut,
        now
    )?;
    Ok(ended.map(|(user_agent,)| user_agent))
}

/// A living session as its owner sees it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: SessionId,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
}
crate::db::from_row!(Listed { id, created_at, last_seen_at, expires_at, address, user_agent });

pub(super) async fn sessions_of(conn: Conn<'_>, account: AccountId, now: Timestamp) -> Result<Vec<Listed>> {
    fetch_all!(
        conn,
        Listed,
        "SELECT id, created_at, last_seen_at, expires_at, address, user_agent FROM sessions
         WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2
         ORDER BY last_seen_at DESC, id DESC LIMIT $3",
        account,
        now,
        MOST
    )
}

/// A session for its owner's export: everything except the digests.
#[derive(Debug)]
pub(super) struct ExportedRow {
    pub(super) id: SessionId,
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) scope: String,
}
crate::db::from_row!(ExportedRow {
    id,
    created_at,
    last_seen_at,
    expires_at,
    ended_at,
    address,
    user_agent,
    scope
});

pub(super) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<SessionId>,
    limit: usize,
) -> Result<Vec<ExportedRow>> {
    fetch_all!(
        conn,
        ExportedRow,
        "SELECT id, created_at, last_seen_at, expires_at, ended_at, address, user_agent, scope FROM sessions
         WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        account,
        after.unwrap_or(SessionId::new(uuid::Uuid::nil())),
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
}

/// `false` if it is not this account's or has already ended. Of two concurrent logouts, one ends it.
pub(super) async fn end_session(
    conn: Conn<'_>,
    id: SessionId,
    account: AccountId,
    now: Timestamp,
) -> Result<bool> {
    let ended = execute!(
        conn,
        "UPDATE sessions SET ended_at = $3
         WHERE id = $1 AND account_id = $2 AND ended_at IS NULL AND expires_at > $3",
        id,
        account,
        now
    )?;
    Ok(ended == 1)
}

/// Ends the sessions of every account.
pub(super) async fn end_every(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL", now)?;
    Ok(())
}

/// Also deletes the logins that wait for a second factor: each would soon become a session.
pub(super) async fn end_sessions_of(
    conn: Conn<'_>,
    account: AccountId,
    but: Option<SessionId>,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL AND ($3 IS NULL OR id <> $3)",
        account,
        now,
        but
    )?;
    execute!(conn, "DELETE FROM logins WHERE account_id = $1", account)?;
    execute!(conn, "DELETE FROM remembered_devices WHERE account_id = $1", account)?;
    cancel_email_change(conn, account).await
}

/// Cancels a pending change of the account's address. Whoever ends a session may do so because it was stolen, and its
/// thief may have asked for the change.
pub(super) async fn cancel_email_change(conn: Conn<'_>, account: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM links WHERE account_id = $1 AND purpose = 'confirm_email'", account)?;
    Ok(())
}

pub(super) async fn delete_sessions_before(conn: Conn<'_>, cut: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM sessions WHERE expires_at < $1", cut)
}
