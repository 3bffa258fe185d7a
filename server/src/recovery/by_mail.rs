//! Login without a password, if the operator allows it: by an emailed link or a typed code.

use super::{
    asked::{self, Wanted},
    links::{self, MailedLogIn, Purpose, Typed},
    seizing::{Then, prove_address},
};
use crate::{
    access::{Method, Principal},
    accounts::{self, Email, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    limits::{self, Attempt, MailFor},
    mail::{self, Message, Recipient},
    sessions::{self, Beginning, LoggedIn},
};

/// Requests a link and a code.
///
/// # Errors
/// [`Error::LogInOff`].
pub(crate) async fn request_log_in(app: &App, email: &Email, client: &Client) -> Result<(), Error> {
    is_on(app)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    asked::ask(app, &mut tx, Wanted::LogIn, email, client, now).await?;
    Ok(tx.commit().await?)
}

/// Emails them, if the address has an account.
pub(super) async fn answer(
    app: &App,
    tx: &mut Tx,
    held: Option<&Held>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(held) = held {
        let (token, code) = links::issue_with_code(app, tx, held, Purpose::LogIn, now).await?;
        mail::enqueue(app, tx, &Recipient::of(held), &Message::LogIn { token, code }, now).await?;
    }
    events::record(tx, Event::MailedLogInRequested, held.map(|held| held.id), client, now).await
}

/// Logs in by an emailed link.
///
/// # Errors
/// [`Error::LogInOff`], [`Error::DeadLink`].
pub(crate) async fn log_in_by_link(
    app: &App,
    token: &str,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    is_on(app)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let link = links::consume_log_in(&mut tx, token, now).await?.ok_or(Error::DeadLink)?;
        begin(app, tx, link, beginning, now).await
    })
    .await
}

/// Logs in by an emailed code. A wrong one counts against its network, in addition to the few tries of each code.
///
/// # Errors
/// [`Error::LogInOff`], [`Error::Throttled`], [`Error::DeadLink`] whether the code is wrong or there is none.
pub(crate) async fn log_in_by_code(
    app: &App,
    email: &Email,
    code: &str,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    is_on(app)?;
    let attempt = limits::reserve_code(app, email, beginning.client).await?;
    retry(|| try_code(app, email, code, &attempt, beginning)).await
}

async fn try_code(
    app: &App,
    email: &Email,
    code: &str,
    attempt: &Attempt,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    match links::try_code(app, &mut tx, email, Purpose::LogIn, code, now).await? {
        Typed::Right(code) => {
            limits::forgive(&mut tx, attempt, code.held(), now).await?;
            begin(app, tx, code, beginning, now).await
        }
        Typed::Wrong(account) => {
            events::record(&mut tx, Event::MailedLogInFailed, account, beginning.client, now).await?;
            tx.commit().await?;
            Err(Error::DeadLink)
        }
    }
}

/// Emails a code to the owner of a session to confirm that they are still present. For accounts without a password,
/// this works even if login by email is off.
pub(crate) async fn request_confirmation(
    app: &App,
    principal: Principal,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, principal, now).await?;
        if limits::may_mail(app, &mut tx, MailFor::Confirmation, &held.email, client, now).await? {
            let (_link, code) = links::issue_with_code(app, &mut tx, &held, Purpose::Confirm, now).await?;
            mail::enqueue(app, &mut tx, &Recipient::of(&held), &Message::ConfirmLogin { code }, now).await?;
        }
        Ok(tx.commit().await?)
    })
    .await
}

/// Replaces the caller's session by a new one, with an emailed code.
///
/// # Errors
/// [`Error::Throttled`], [`Error::DeadLink`] whether the code is wrong or there is none.
pub(crate) async fn confirm_by_code(
    app: &App,
    principal: Principal,
    code: &str,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    let email = accounts::by_id(app, principal.account).await?.email;
    let attempt = limits::reserve_code(app, &email, beginning.client).await?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let _own = accounts::hold_own(&mut tx, principal, now).await?;
        match links::try_code(app, &mut tx, &email, Purpose::Confirm, code, now).await? {
            Typed::Right(code) if code.held().id == principal.account => {
                limits::forgive(&mut tx, &attempt, code.held(), now).await?;
                begin(app, tx, code, beginning, now).await
            }
            Typed::Right(_) => Err(Error::DeadLink),
            Typed::Wrong(account) => {
                events::record(&mut tx, Event::MailedLogInFailed, account, beginning.client, now).await?;
                tx.commit().await?;
                Err(Error::DeadLink)
            }
        }
    })
    .await
}

/// Begins the session, or asks for the second factor. The address becomes verified: the link or code was read there.
async fn begin(
    app: &App,
    mut tx: Tx,
    mailed: MailedLogIn,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let held =
        prove_address(app, &mut tx, mailed.into_held(), Then::NoPassword, beginning.client, now).await?;
    let held = &held;
    let methods = match factors::gate(app, &mut tx, held, Method::Email, beginning, now).await? {
        Gate::Open(methods) => methods,
        Gate::Asks(asked) => {
            tx.commit().await?;
            return Err(Error::FactorAsked(asked));
        }
    };
    limits::end_lock(app, &mut tx, held, Some(beginning.client), now).await?;
    let logged_in = sessions::begin(app, &mut tx, held, methods, beginning, now).await?;
    events::record(&mut tx, Event::LoggedInByMail, Some(held.id), beginning.client, now).await?;
    tx.commit().await?;
    Ok(logged_in)
}

fn is_on(app: &App) -> Result<(), Error> {
    if app.config().log_in_by_mail { Ok(()) } else { Err(Error::LogInOff) }
}
