//! Sessions: what a log-in begins and a log-out ends.
//!
//! Every access token belongs to one. Our own guard looks at its row on every request, so the end of a
//! session, the disabling of its account and its deletion count from the next request on, on every instance.

mod check;
pub(crate) mod http;
mod store;

use std::fmt;

use uuid::Uuid;

pub(crate) use self::check::Checks;
use crate::{
    accounts::{AccountId, Credentials},
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    random,
};

/// A session's name: the `sid` claim of its tokens. It is no secret: nothing is granted for knowing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Reads the `sid` claim of a token.
    pub(crate) fn of_claim(sid: &str) -> Option<Self> {
        Uuid::try_parse(sid).ok().map(Self)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session that began in this transaction.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
}

/// Begins a session, if the account still is what was verified: active, and with that very password. One
/// statement, so neither a change of password nor the disabling can slip in between.
pub(crate) async fn begin(
    app: &App,
    tx: &mut Tx,
    verified: &Credentials,
    client: &Client,
    now: Timestamp,
) -> Result<Option<Session>, Error> {
    let session = Session { id: SessionId(random::uuid_v7(now)), account: verified.id };
    // No token of this session lives longer, and nothing renews it.
    let expires_at = now + app.config().access_token_ttl;
    let begun = store::insert_session(tx.conn(), &session, verified, client, now, expires_at).await?;
    Ok(begun.then_some(session))
}

/// Ends every session of an account.
pub(crate) async fn end_all(tx: &mut Tx, account: AccountId, now: Timestamp) -> Result<(), Error> {
    Ok(store::end_sessions_of(tx.conn(), account, now).await?)
}

/// Forgets sessions that ended before `cut`.
pub(crate) async fn sweep(tx: &mut Tx, cut: Timestamp) -> Result<u64, sqlx::Error> {
    store::delete_sessions_before(tx.conn(), cut).await
}
