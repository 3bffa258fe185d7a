//! The log-in without a password, where the operator allows it: by a mailed link, or by a code that is typed.

use super::{
    asked::{self, Wanted},
    links::{self, MailedLogIn, Typed},
    seizing::{Then, prove_address},
};
use crate::{
    access::Method,
    accounts::{Email, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    limits::{self, Attempt},
    mail::{self, Message, Recipient},
    sessions::{self, Beginning, LoggedIn},
};

/// Asks for a link and a code.
///
/// # Errors
/// [`Error::LogInOff`].
pub(crate) async fn request_log_in(app: &App, email: &Email, client: &Client) -> Result<(), Error> {
    is_on(app)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    asked::ask(app, &mut tx, Wanted::LogIn, email, client, now).await?;
    Ok(tx.commit().await?)
}

/// Mails them, if somebody is there to get them.
pub(super) async fn answer(
    app: &App,
    tx: &mut Tx,
    held: Option<&Held>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(held) = held {
        let (token, code) = links::issue_with_code(app, tx, held, now).await?;
        mail::enqueue(app, tx, &Recipient::of(held), &Message::LogIn { token, code }, now).await?;
    }
    events::record(tx, Event::MailedLogInRequested, held.map(|held| held.id), client, now).await
}

/// Logs in by a mailed link.
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

/// Logs in by a mailed code. A wrong one counts for its network, beside the few tries of each code.
///
/// # Errors
/// [`Error::LogInOff`], [`Error::Throttled`], [`Error::DeadLink`] for a wrong code as for none.
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
    match links::try_code(app, &mut tx, email, code, now).await? {
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

/// Begins the session, or asks for the second factor. The address counts as confirmed: link and code were read there.
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
