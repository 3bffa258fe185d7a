//! Login: from an email address and a password to a session.

pub(crate) mod http;
pub(crate) mod pages;
mod passkey;

use crate::{
    access::Method,
    accounts::{self, AccountId, Credentials, Email, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    config::SignUp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    limits::{self, Attempt},
    passwords::Password,
    recovery,
    sessions::{self, Beginning, LoggedIn, Proof},
};

/// Checks a password and, if it is right, begins a session. A single error covers everything that can be wrong with the
/// credentials. Another, [`Error::FactorAsked`], asks for a second factor.
pub(crate) async fn attempt(
    app: &App,
    email: &Email,
    password: Password,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let client = beginning.client;
    let turn = app.hasher().turn()?;
    let (attempt, verified) = match sessions::prove(app, &turn, email, password, client).await? {
        Proof::Right { attempt, verified } => (attempt, verified),
        Proof::Wrong(account) => return Err(refuse(app, account, client).await?),
    };
    retry(|| begin(app, &attempt, &verified, beginning)).await
}

/// Begins the session of a login whose password was right, if the account is active and still has that password, or
/// asks for its second factor. The attempt then counts until the second factor is shown.
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
    let methods = match factors::gate(app, &mut tx, &held, Method::Password, beginning, now).await? {
        Gate::Open(methods) => methods,
        Gate::Asks(asked) => {
            tx.commit().await?;
            return Err(Error::FactorAsked(asked));
        }
    };
    limits::forgive(&mut tx, attempt, &held, now).await?;
    let logged_in = sessions::begin(app, &mut tx, &held, methods, beginning, now).await?;
    events::record(&mut tx, Event::LoggedIn, Some(held.id), beginning.client, now).await?;
    tx.commit().await?;
    Ok(logged_in)
}

/// Rejects a login with the right password while the email address is unverified, and sends the link again. With quiet
/// sign-up it looks like a wrong password: someone who signed up with a stranger's address learns nothing by logging
/// in.
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
        limits::forgive(&mut tx, attempt, held, now).await?;
    }
    recovery::mail_verification(app, &mut tx, held, client, now).await?;
    events::record(&mut tx, Event::LogInFailed, Some(held.id), client, now).await?;
    tx.commit().await?;
    Ok(if is_quiet { Error::WrongCredentials } else { Error::EmailUnverified })
}

/// Records a failed attempt and returns the one error for it.
async fn refuse(app: &App, account: Option<AccountId>, client: &Client) -> Result<Error, Error> {
    let mut tx = app.db().begin().await?;
    events::record(&mut tx, Event::LogInFailed, account, client, app.now()).await?;
    tx.commit().await?;
    Ok(Error::WrongCredentials)
}
