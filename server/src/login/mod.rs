//! The log-in: from a name and a password to a session.

pub(crate) mod http;
pub(crate) mod pages;
mod store;
pub(crate) mod throttle;

use crate::{
    accounts::{self, AccountId, Credentials, Email},
    app::App,
    audit::{self, Event},
    client::Client,
    error::Error,
    passwords::{Password, Turn, Verdict},
    sessions::{self, Beginning, Renewal, Session},
};

/// The proof that somebody showed who they are and a session began. Only this room makes one, and a token is
/// issued for nothing less.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    session: Session,
    renewal: Renewal,
}

impl LoggedIn {
    /// The session, and what its client comes back with.
    pub(crate) fn into_parts(self) -> (Session, Renewal) {
        (self.session, self.renewal)
    }
}

/// Tries a password and, if it is right, begins a session.
///
/// Whatever is wrong, the way is the same: the attempt is counted before anything is looked up, a hash of
/// the same cost is computed (over a dummy where there is no account), and one error comes back.
pub(crate) async fn attempt(
    app: &App,
    email: &Email,
    password: Password,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let client = beginning.client;
    let turn = app.hasher().turn()?;
    let attempt = throttle::reserve(app, email, client).await?;
    let account = accounts::credentials(app.db().read().await?.conn(), email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let verdict = turn.verify(password.clone(), hash).await?;

    let now = app.now();
    let id = account.as_ref().map(|account| account.id);
    let (Some(verified), Verdict::Right { outdated }) = (account, verdict) else {
        return Err(refuse(app, id, client).await?);
    };
    let verified = if outdated { rehash(app, &turn, verified, password).await? } else { verified };
    let mut tx = app.db().begin().await?;
    let Some((session, renewal)) = sessions::begin(app, &mut tx, &verified, beginning, now).await? else {
        drop(tx);
        return Err(refuse(app, id, client).await?);
    };
    throttle::forgive(&mut tx, attempt, verified.id, now).await?;
    audit::record(&mut tx, Event::LoggedIn, id, client, now).await?;
    tx.commit().await?;
    Ok(LoggedIn { session, renewal })
}

/// Writes down a failed attempt and says the one thing that is said about it.
async fn refuse(app: &App, account: Option<AccountId>, client: &Client) -> Result<Error, Error> {
    let mut tx = app.db().begin().await?;
    audit::record(&mut tx, Event::LogInFailed, account, client, app.now()).await?;
    tx.commit().await?;
    Ok(Error::WrongCredentials)
}

/// Hashes the password anew with the current parameters; the old hash is gone afterwards.
async fn rehash(
    app: &App,
    turn: &Turn<'_>,
    verified: Credentials,
    password: Password,
) -> Result<Credentials, Error> {
    let new = turn.hash(password).await?;
    let mut tx = app.db().begin().await?;
    let replaced =
        accounts::replace_hash(&mut tx, verified.id, &verified.password_hash, &new, app.now()).await?;
    tx.commit().await?;
    // Not replaced: the password was changed meanwhile, and `sessions::begin` will see that.
    Ok(if replaced { Credentials { password_hash: new, ..verified } } else { verified })
}
