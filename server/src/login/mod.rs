//! The log-in: from a name and a password to a session.

pub(crate) mod http;
pub(crate) mod pages;
mod store;
pub(crate) mod throttle;

use self::throttle::Attempt;
use crate::{
    access::Principal,
    accounts::{self, AccountId, Credentials, Email, Held},
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    config::SignUp,
    db::{Tx, retry},
    error::Error,
    passwords::{Password, Turn, Verdict},
    recovery::{self, MailedLogIn},
    sessions::{self, Beginning, CookieToken, Renewal, Session},
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

    /// Whether its client comes back with a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        matches!(self.renewal, Renewal::Cookie(_))
    }

    /// The cookie that its client comes back with.
    pub(crate) fn into_cookie(self) -> Result<CookieToken, Error> {
        match self.renewal {
            Renewal::Cookie(cookie) => Ok(cookie),
            _ => Err(Error::Internal("a session for a cookie has none".to_owned())),
        }
    }
}

/// A password that was tried. Only [`prove`] makes one.
#[derive(Debug)]
pub(crate) enum Proof {
    /// It is the account's. The attempt is counted until it is forgiven.
    Right { attempt: Attempt, verified: Credentials },
    /// It is not, or there is no such account.
    Wrong(Option<AccountId>),
}

/// Tries a password, for whatever purpose: this is the only way, so that one count holds for all of them.
///
/// Whatever is wrong, the way is the same: the attempt is counted before anything is looked up, and a hash of the same
/// cost is computed (over a dummy where there is no account).
pub(crate) async fn prove(
    app: &App,
    turn: &Turn<'_>,
    email: &Email,
    password: Password,
    client: &Client,
) -> Result<Proof, Error> {
    let attempt = throttle::reserve(app, email, client).await?;
    let account = accounts::credentials(app.db().read().await?.conn(), email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    match (turn.verify(password.clone(), hash).await?, account) {
        (Verdict::Right { outdated: true }, Some(verified)) => {
            let verified = rehash(app, turn, verified, password).await?;
            Ok(Proof::Right { attempt, verified })
        }
        (Verdict::Right { outdated: false }, Some(verified)) => Ok(Proof::Right { attempt, verified }),
        (_, account) => Ok(Proof::Wrong(account.map(|account| account.id))),
    }
}

/// Tries a password and, if it is right, begins a session. One error says whatever was wrong with it.
pub(crate) async fn attempt(
    app: &App,
    email: &Email,
    password: Password,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let client = beginning.client;
    let turn = app.hasher().turn()?;
    let (attempt, verified) = match prove(app, &turn, email, password, client).await? {
        Proof::Right { attempt, verified } => (attempt, verified),
        Proof::Wrong(account) => return Err(refuse(app, account, client).await?),
    };
    retry(|| begin(app, &attempt, &verified, beginning)).await
}

/// Begins the session of a log-in whose password was right, if the account is active and that still is its password.
async fn begin(
    app: &App,
    attempt: &Attempt,
    verified: &Credentials,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let Some(held) = accounts::hold_verified(&mut tx, verified).await? else {
        drop(tx);
        return Err(refuse(app, Some(verified.id), beginning.client).await?);
    };
    if app.config().requires_verified_email() && held.email_verified_at.is_none() {
        return Err(ask_to_verify(app, tx, &held, attempt, beginning.client, now).await?);
    }
    throttle::forgive(&mut tx, attempt, &held, now).await?;
    let (session, renewal) = sessions::begin(app, &mut tx, &held, beginning, now).await?;
    audit::record(&mut tx, Event::LoggedIn, Some(held.id), beginning.client, now).await?;
    tx.commit().await?;
    Ok(LoggedIn { session, renewal })
}

/// Begins a session for a mailed link or code.
pub(crate) async fn by_mail(
    app: &App,
    tx: &mut Tx,
    mailed: &MailedLogIn,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let (session, renewal) = sessions::begin(app, tx, mailed.held(), beginning, now).await?;
    audit::record(tx, Event::LoggedInByMail, Some(mailed.held().id), beginning.client, now).await?;
    Ok(LoggedIn { session, renewal })
}

/// Begins a session in the place of the one in which the password was changed; see [`sessions::begin_anew`].
pub(crate) async fn anew(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    before: Principal,
    client: &Client,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let (session, renewal) = sessions::begin_anew(app, tx, held, before.session, client, now).await?;
    Ok(LoggedIn { session, renewal })
}

/// Turns away whoever knows the password of an account whose address is to be confirmed first, and mails the link again.
/// Where sign-up is quiet, that looks like a wrong password: who has just signed up with a stranger's address learns
/// nothing by logging in.
async fn ask_to_verify(
    app: &App,
    mut tx: Tx,
    held: &Held,
    attempt: &Attempt,
    client: &Client,
    now: Timestamp,
) -> Result<Error, Error> {
    let is_quiet = app.config().sign_up == SignUp::Quiet;
    if !is_quiet {
        throttle::forgive(&mut tx, attempt, held, now).await?;
    }
    recovery::mail_verification(app, &mut tx, held, client, now).await?;
    audit::record(&mut tx, Event::LogInFailed, Some(held.id), client, now).await?;
    tx.commit().await?;
    Ok(if is_quiet { Error::WrongCredentials } else { Error::EmailUnverified })
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
    let (mut tx, now) = (app.db().begin().await?, app.now());
    // If the password was changed meanwhile, [`begin`] will see that too.
    let Some(held) = accounts::hold_verified(&mut tx, &verified).await? else { return Ok(verified) };
    accounts::set_hash(&mut tx, &held, &new, now).await?;
    tx.commit().await?;
    Ok(Credentials { password_hash: new, ..verified })
}
