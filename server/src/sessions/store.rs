//! The SQL of `sessions`.

use portcullis::Granted;

use super::{Renewal, Session, SessionId};
use crate::{
    access::Principal,
    accounts::{AccountId, Role},
    client::Client,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// How many sessions a list shows.
const MOST_LISTED: i64 = 100;

/// A session that begins.
pub(super) struct Begun<'a> {
    pub(super) session: &'a Session,
    pub(super) renewal: &'a Renewal,
    pub(super) expires_at: Timestamp,
    pub(super) ends_at: Timestamp,
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
                               address, user_agent, scope, cookie_digest, refresh_digest)
         VALUES ($1, $2, $3, $4, $3, $5, $6, $7, $8, $9, $10, $11)",
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
        refresh.as_ref().map(<[u8; 32]>::as_slice)
    )?;
    Ok(())
}

/// What a session is for, and how its client comes back.
pub(super) struct SessionKind {
    pub(super) scope: String,
    pub(super) has_cookie: bool,
    pub(super) has_refresh_token: bool,
}
crate::db::from_row!(SessionKind { scope, has_cookie, has_refresh_token });

pub(super) async fn kind_of(conn: Conn<'_>, session: SessionId) -> Result<Option<SessionKind>> {
    fetch_optional!(
        conn,
        SessionKind,
        "SELECT scope, cookie_digest IS NOT NULL AS has_cookie, refresh_digest IS NOT NULL AS has_refresh_token
         FROM sessions WHERE id = $1",
        session
    )
}

/// How many sessions [`alive_among`] looks at.
pub(super) const BATCH: usize = 8;

/// A session that is alive, and of its account what a request is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Living {
    pub(super) session: SessionId,
    pub(super) account: AccountId,
    pub(super) role: Role,
    pub(super) authenticated_at: Timestamp,
}

/// By place, in the order of `select_alive!`: to look each column's name up costs as much as to read it.
type LivingRow = (SessionId, AccountId, Role, Timestamp);

impl From<LivingRow> for Living {
    fn from((session, account, role, authenticated_at): LivingRow) -> Self {
        Self { session, account, role, authenticated_at }
    }
}

impl Living {
    pub(super) fn principal(self) -> Principal {
        let Self { session, account, role, authenticated_at } = self;
        Principal { account, session, role, authenticated_at }
    }
}

/// The sessions of `$which` that are alive at `$now` and whose account is active.
macro_rules! select_alive {
    ($which:literal, $now:literal) => {
        select_alive!($which, $now, "")
    };
    ($which:literal, $now:literal, $more:literal) => {
        concat!(
            "SELECT sessions.id, accounts.id, role, authenticated_at",
            $more,
            " FROM sessions JOIN accounts ON accounts.id = sessions.account_id WHERE sessions.",
            $which,
            " AND sessions.ended_at IS NULL AND sessions.expires_at > ",
            $now,
            " AND accounts.is_active"
        )
    };
}

/// This session, if it is alive and its account is active.
pub(super) async fn alive(conn: Conn<'_>, session: SessionId, now: Timestamp) -> Result<Option<Living>> {
    let living = fetch_optional!(conn, LivingRow, select_alive!("id = $1", "$2"), session, now)?;
    Ok(living.map(Living::from))
}

/// Those of several sessions that are.
pub(super) async fn alive_among(
    conn: Conn<'_>,
    sessions: [SessionId; BATCH],
    now: Timestamp,
) -> Result<Vec<Living>> {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = sessions;
    let living = fetch_all!(
        conn,
        LivingRow,
        select_alive!("id IN ($1, $2, $3, $4, $5, $6, $7, $8)", "$9"),
        first,
        second,
        third,
        fourth,
        fifth,
        sixth,
        seventh,
        eighth,
        now
    )?;
    Ok(living.into_iter().map(Living::from).collect())
}

/// The session of a cookie, if it is alive and its account is active, and when it was last seen.
pub(super) async fn alive_by_cookie(
    conn: Conn<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Living, Timestamp)>> {
    let sql = select_alive!("cookie_digest = $1", "$2", ", last_seen_at");
    let seen = fetch_optional!(
        conn,
        (SessionId, AccountId, Role, Timestamp, Timestamp),
        sql,
        digest.as_slice(),
        now
    )?;
    Ok(seen.map(|(session, account, role, authenticated_at, last_seen_at)| {
        (Living { session, account, role, authenticated_at }, last_seen_at)
    }))
}

/// Notes that a session was used, and moves its idle end; never beyond its absolute one. Having waited for the row, it
/// looks again: a session that was ended meanwhile stays so.
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

/// A refresh token that is to be replaced.
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
}
crate::db::from_row!(Refreshable { account_id, scope, authenticated_at });

impl Refreshable {
    fn session(self, id: SessionId) -> Session {
        let scope = Granted::parse(&self.scope);
        Session { id, account: self.account_id, scope, authenticated_at: self.authenticated_at }
    }
}

/// Replaces the living token, if `old` is it and the session is alive. One statement: of many at once, one does it. One
/// that waited for the row looks at it again, so it does nothing to a session that was ended meanwhile; and whatever
/// takes an account away ends its sessions.
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
         RETURNING account_id, scope, authenticated_at",
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

/// Whose session it is.
pub(super) async fn account_of(conn: Conn<'_>, session: SessionId) -> Result<Option<AccountId>> {
    let account =
        fetch_optional!(conn, (AccountId,), "SELECT account_id FROM sessions WHERE id = $1", session)?;
    Ok(account.map(|(account,)| account))
}

/// What a session was granted.
pub(super) async fn scope_of(conn: Conn<'_>, session: SessionId) -> Result<Option<Granted>> {
    let scope = fetch_optional!(conn, (String,), "SELECT scope FROM sessions WHERE id = $1", session)?;
    Ok(scope.map(|(scope,)| Granted::parse(&scope)))
}

/// The session, if it is alive and `old` is the token that was replaced last, after `cut`.
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
        "SELECT account_id, scope, authenticated_at
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

/// Ends the session if `token` is neither its living token nor the one that was replaced after `cut`. Answers
/// with its user agent if it did.
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

/// A living session, for its owner's eyes.
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
        MOST_LISTED
    )
}

/// A session, for its owner to take along: everything but the digests.
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
         WHERE account_id = $1 AND ($2 IS NULL OR id > $2) ORDER BY id LIMIT $3",
        account,
        after,
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
}

/// `false` if it is not this account's, or has ended before: of two log-outs at once, one ended it.
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

/// Those of every account.
pub(super) async fn end_every(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL", now)?;
    Ok(())
}

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
    Ok(())
}

pub(super) async fn delete_sessions_before(conn: Conn<'_>, cut: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM sessions WHERE expires_at < $1", cut)
}
