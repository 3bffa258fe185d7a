//! Sessions: begun by a login, ended by a logout.
//!
//! Every access token, refresh token and cookie belongs to one. Our own guards read its row on every request, so
//! ending a session, or disabling or deleting its account, takes effect with the next request, on every instance.

mod check;
mod cookies;
mod device;
mod proof;
mod refresh;
mod store;

use http::{HeaderName, HeaderValue};
use portcullis::{Granted, Scope};

pub(crate) use self::check::Checks;
pub(crate) use self::cookies::cleared;
pub(crate) use self::cookies::keep_in_safari;
pub use self::cookies::{SessionCookies, SessionsCookie};
pub(crate) use self::proof::{Proof, prove};
pub(crate) use self::refresh::{RefreshToken, Refreshed, covers, refresh};
pub(crate) use self::store::Listed;
use self::store::SessionKind;
use crate::{
    access::{self, Fresh, Method, Methods, OfflineAccess, Principal, ScopeAsked, SessionId},
    accounts::{self, AccountId, Held, Locked, Role},
    app::App,
    client::Client,
    clock::Timestamp,
    config::RefreshTokens,
    db::Tx,
    error::Error,
    events::{self, Event},
    random,
    secret::SecretText,
};

/// A living session that tokens are issued for.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
    /// The scopes of its tokens.
    pub(crate) scope: Granted,
    pub(crate) authenticated_at: Timestamp,
    /// How its owner was authenticated: the values of `amr`, separated by spaces.
    pub(crate) amr: String,
}

/// How the client of a new session presents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// By access tokens, and a refresh token if one is granted.
    Bearer,
    /// By a cookie.
    Cookie,
}

/// What a client gets to continue its session with.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// Nothing: the session expires with its access token.
    None,
    Refresh(RefreshToken),
    Cookie(SecretText),
}

/// The proof that someone was authenticated and a session began. Only this room creates one, and no token is issued
/// without one.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    session: Session,
    renewal: Renewal,
}

impl LoggedIn {
    /// The session, and what its client continues it with.
    pub(crate) fn into_parts(self) -> (Session, Renewal) {
        (self.session, self.renewal)
    }

    /// Whether its client uses a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        matches!(self.renewal, Renewal::Cookie(_))
    }

    /// The header that sets its client's cookie.
    pub(crate) fn cookie_header(&self) -> Result<(HeaderName, HeaderValue), Error> {
        match &self.renewal {
            Renewal::Cookie(cookie) => cookies::header(cookie),
            _ => Err(Error::Internal("a session for a cookie has none".to_owned())),
        }
    }
}

/// The parameters of a login that is about to become a session.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    pub(crate) scope: &'a ScopeAsked,
    pub(crate) transport: Transport,
    /// The session whose cookie the browser sent. The new cookie replaces it, so the session is ended (ASVS 7.2.4).
    pub(crate) before: Option<Principal>,
    pub(crate) client: &'a Client,
}

/// Begins a session.
pub(crate) async fn begin(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    by: Methods,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    if let Some(before) = beginning.before {
        end_own(tx, before, beginning.client, now).await?;
    }
    accounts::note_login(tx, held, now).await?;
    let id = SessionId::new(random::uuid_v7(now));
    let (scope, renewal) = grant(app, id, held.role(), beginning);
    insert(
        app,
        tx,
        held,
        Session { id, account: held.id, scope, authenticated_at: by.shown_at(now), amr: by.amr() },
        renewal,
        beginning.client,
        now,
    )
    .await
}

/// Revokes every session of the account and replaces the caller's by a new one with the same scope, transport and time
/// of login, so that a copy of its cookie or refresh token becomes useless (ASVS 7.2.4).
pub(crate) async fn begin_anew(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    before: SessionId,
    client: &Client,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let kind = store::kind_of(tx.conn(), before).await?.ok_or(Error::SessionEnded)?;
    end_all(tx, held, now).await?;
    let id = SessionId::new(random::uuid_v7(now));
    let renewal = match (kind.has_cookie, kind.has_refresh_token) {
        (true, _) => Renewal::Cookie(SecretText::random("")),
        (false, true) => Renewal::Refresh(RefreshToken::first(app.secret(), id)),
        (false, false) => Renewal::None,
    };
    let scope = held.role().limit(Granted::parse(&kind.scope), app.scopes());
    // Whoever has asked for it has shown a password at most, which is no login where a second factor is asked for.
    let SessionKind { authenticated_at, amr, .. } = kind;
    let session = Session { id, account: held.id, scope, authenticated_at, amr };
    insert(app, tx, held, session, renewal, client, now).await
}

async fn insert(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    session: Session,
    renewal: Renewal,
    client: &Client,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let config = app.config();
    let (expires_at, ends_at) = match renewal {
        // No token of this session lives longer, and nothing renews it.
        Renewal::None => (now + config.access_token_ttl, now + config.access_token_ttl),
        _ => (now + config.session_idle_ttl.min(config.session_ttl), now + config.session_ttl),
    };
    store::make_room(tx.conn(), held.id, now).await?;
    let begun = store::Begun { session: &session, renewal: &renewal, expires_at, ends_at };
    store::insert_session(tx.conn(), &begun, client, now).await?;
    Ok(LoggedIn { session, renewal })
}

/// The session's scopes, and what renews it. A scope that the role does not have is left out (RFC 6749 §3.3).
fn grant(app: &App, id: SessionId, role: Role, beginning: &Beginning<'_>) -> (Granted, Renewal) {
    if beginning.transport == Transport::Cookie {
        return (
            role.scopes(app.scopes()).map(str::to_owned).collect(),
            Renewal::Cookie(SecretText::random("")),
        );
    }
    let scope = beginning.scope.cut_down_to(role, app.scopes());
    let asks = scope.iter().any(|name| name == OfflineAccess::NAME);
    let without = |scope: Granted| {
        scope.iter().filter(|name| *name != OfflineAccess::NAME).map(str::to_owned).collect()
    };
    match app.config().refresh_tokens {
        RefreshTokens::Never => (without(scope), Renewal::None),
        RefreshTokens::OnRequest if !asks => (scope, Renewal::None),
        RefreshTokens::OnRequest | RefreshTokens::Always => {
            (scope, Renewal::Refresh(RefreshToken::first(app.secret(), id)))
        }
    }
}

/// Ends every session of an account, every login that waits for its second factor, and forgets its remembered devices.
pub(crate) async fn end_all(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<(), Error> {
    Ok(store::end_sessions_of(tx.conn(), locked.id, None, now).await?)
}

/// Records that a second factor was shown in this session, and ends every other session of its account.
pub(crate) async fn raise(
    tx: &mut Tx,
    held: &Held,
    session: SessionId,
    second: Method,
    now: Timestamp,
) -> Result<(), Error> {
    let kind = store::kind_of(tx.conn(), session).await?.ok_or(Error::SessionEnded)?;
    end_others(tx, held, session, now).await?;
    Ok(store::set_amr(tx.conn(), session, &access::with_second(&kind.amr, second)).await?)
}

/// Ends every session of an account but this one, every login that waits for its second factor, and forgets its
/// remembered devices.
pub(crate) async fn end_others(
    tx: &mut Tx,
    held: &Held,
    but: SessionId,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::end_sessions_of(tx.conn(), held.id, Some(but), now).await?)
}

/// The living sessions of an account, most recently used first. An account has at most 100: a new one ends the one that
/// was used longest ago.
pub(crate) async fn list(app: &App, account: AccountId) -> Result<Vec<Listed>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::sessions_of(reader.conn(), account, app.now()).await?)
}

impl Listed {
    /// The device, for example `Firefox on Linux`. The client says so; it is not proof.
    pub(crate) fn device(&self) -> String {
        device::name(self.user_agent.as_deref())
    }
}

/// The device of a request, named in the same way.
pub(crate) fn device_of(client: &Client) -> String {
    device::name(client.user_agent())
}

/// Ends the caller's session. Ending it twice is not an error.
pub(crate) async fn log_out(app: &App, principal: Principal, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    end_own(&mut tx, principal, client, now).await?;
    Ok(tx.commit().await?)
}

/// It is one statement on one row, and an ended session never revives, so the account need not be locked.
async fn end_own(tx: &mut Tx, principal: Principal, client: &Client, now: Timestamp) -> Result<(), Error> {
    if store::end_session(tx.conn(), principal.session, principal.account, now).await? {
        events::record(tx, Event::LoggedOut, Some(principal.account), client, now).await?;
    }
    Ok(())
}

/// Ends one of the caller's sessions. [`Error::NotFound`] if it belongs to another account or does not exist.
pub(crate) async fn end_one(app: &App, fresh: Fresh, id: SessionId, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    if !store::end_session(tx.conn(), id, held.id, now).await? {
        return Err(Error::NotFound);
    }
    store::cancel_email_change(tx.conn(), held.id).await?;
    events::record(&mut tx, Event::SessionEnded, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Ends every session of the caller except this one.
pub(crate) async fn end_all_others(app: &App, fresh: Fresh, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    end_others(&mut tx, &held, fresh.principal().session, now).await?;
    events::record(&mut tx, Event::OtherSessionsEnded, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Ends the sessions of every account after restoring a backup: some may have been ended or stolen since it was made.
pub(crate) async fn end_every(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    Ok(store::end_every(tx.conn(), now).await?)
}

/// A session, for its owner's export.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct ExportedSession {
    id: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    last_seen_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// When it was ended; `null` if it was not.
    #[schemars(extend("format" = "date-time"))]
    ended_at: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    /// The scopes of its tokens.
    scope: String,
}

/// The recorded sessions of the account after `after`, oldest first, at most `limit`.
pub(crate) async fn exported(
    app: &App,
    account: AccountId,
    after: Option<SessionId>,
    limit: usize,
) -> Result<Vec<(SessionId, ExportedSession)>, Error> {
    let rows = store::exported(app.db().read().await?.conn(), account, after, limit).await?;
    let view = |row: store::ExportedRow| {
        let session = ExportedSession {
            id: row.id.to_string(),
            created_at: row.created_at.to_rfc3339(),
            last_seen_at: row.last_seen_at.to_rfc3339(),
            expires_at: row.expires_at.to_rfc3339(),
            ended_at: row.ended_at.map(Timestamp::to_rfc3339),
            address: row.address,
            user_agent: row.user_agent,
            scope: row.scope,
        };
        (row.id, session)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Deletes sessions that ended before `cut`.
pub(crate) async fn sweep(tx: &mut Tx, cut: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_sessions_before(tx.conn(), cut).await
}
