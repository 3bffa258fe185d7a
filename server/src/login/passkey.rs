//! Login by passkey: nobody types a name, and the gate sees that two factors were shown together.

use crate::{
    access::{Method, Principal},
    accounts::{self, AccountId, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    limits,
    passkeys::{self, Bond, Browser, Presented, Rejected, RequestOptions},
    recovery,
    sessions::{self, Beginning, LoggedIn},
};

/// The detail that the audit trail records for a login by passkey.
const DETAIL: &str = "passkey";

/// Requests any passkey that the browser has for this server. The options name no account and are the same for
/// everyone.
///
/// # Errors
/// [`Error::PasskeysOff`].
pub(crate) fn ask(app: &App, browser: &Browser) -> Result<RequestOptions, Error> {
    passkeys::ask_anyone(app, &Bond::to_log_in(browser), app.now())
}

/// Requests a passkey of the session's account.
///
/// # Errors
/// [`Error::PasskeysOff`], [`Error::NotFound`] if it has none.
pub(super) async fn ask_to_confirm(app: &App, session: Principal) -> Result<RequestOptions, Error> {
    let mut reader = app.db().read().await?;
    passkeys::ask(app, reader.conn(), session.account, &Bond::to_confirm(session), app.now()).await
}

/// Begins a session of the account that the passkey belongs to. A single error covers everything wrong with the
/// passkey.
///
/// # Errors
/// [`Error::PasskeyRejected`], [`Error::EmailUnverified`], [`Error::Throttled`].
pub(crate) async fn log_in(
    app: &App,
    presented: &Presented,
    browser: &Browser,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    limits::count_passkey(app, beginning.client).await?;
    let bond = Bond::to_log_in(browser);
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let Some(held) = passkeys::hold_by(&mut tx, presented).await? else {
            passkeys::waste(app, &mut tx, presented, &bond, now).await?;
            return Err(refuse(tx, None, Rejected::Unknown, beginning.client, now).await?);
        };
        begin(app, tx, held, presented, &bond, beginning, now).await
    })
    .await
}

/// Replaces the caller's session by a new one after its owner shows a passkey of the same account.
///
/// # Errors
/// Those of [`log_in`], and [`Error::SessionEnded`].
pub(super) async fn confirm(
    app: &App,
    presented: &Presented,
    before: Principal,
    beginning: &Beginning<'_>,
) -> Result<LoggedIn, Error> {
    limits::count_passkey(app, beginning.client).await?;
    let bond = Bond::to_confirm(before);
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, before, now).await?;
        begin(app, tx, held, presented, &bond, beginning, now).await
    })
    .await
}

async fn begin(
    app: &App,
    mut tx: Tx,
    held: Held,
    presented: &Presented,
    bond: &Bond,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<LoggedIn, Error> {
    let client = beginning.client;
    if let Err(rejected) = passkeys::verify(app, &mut tx, &held, presented, bond, client, now).await? {
        return Err(refuse(tx, Some(held.id), rejected, client, now).await?);
    }
    if app.config().requires_verified_email() && held.email_verified_at.is_none() {
        recovery::mail_verification(app, &mut tx, &held, client, now).await?;
        tx.commit().await?;
        return Err(Error::EmailUnverified);
    }
    let methods = match factors::gate(app, &mut tx, &held, Method::Passkey, beginning, now).await? {
        Gate::Open(methods) => methods,
        Gate::Asks(asked) => {
            tx.commit().await?;
            return Err(Error::FactorAsked(asked));
        }
    };
    limits::end_lock(app, &mut tx, &held, Some(client), now).await?;
    let logged_in = sessions::begin(app, &mut tx, &held, methods, beginning, now).await?;
    events::record_detail(&mut tx, Event::LoggedIn, Some(held.id), client, Some(DETAIL), now).await?;
    tx.commit().await?;
    Ok(logged_in)
}

/// Records the reason and returns the one error for it.
async fn refuse(
    mut tx: Tx,
    account: Option<AccountId>,
    rejected: Rejected,
    client: &Client,
    now: Timestamp,
) -> Result<Error, Error> {
    let detail = format!("{DETAIL}: {}", rejected.reason());
    events::record_detail(&mut tx, Event::LogInFailed, account, client, Some(&detail), now).await?;
    tx.commit().await?;
    Ok(Error::PasskeyRejected)
}
