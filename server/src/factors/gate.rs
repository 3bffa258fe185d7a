//! The gate of the login. After the first factor it lets a session begin, or it requires a second factor.
//!
//! | a login | when |
//! |---|---|
//! | begins a session | it was a passkey, which is two factors; or there is no app and none is required; or the browser is remembered |
//! | waits | otherwise, until 10 minutes pass, 5 codes are wrong or one is right, or credentials change or sessions end |
//!
//! The token of a waiting login can only be used to present the second factor. No guard accepts it.

use std::time::Duration;

use super::{
    codes::Typed,
    enrolment::{self, Enrolment},
    is_required, remembered, store,
    totp::Key,
};
use crate::{
    access::{self, Method, Methods, ScopeAsked, SessionId},
    accounts::{self, AccountId, Epoch, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::{Error, FactorAsked},
    events::{self, Event},
    limits::{self, Attempt},
    mail::{self, Message, Recipient},
    passkeys::{self, Bond, Presented, RequestOptions},
    secret::{SecretText, sha256},
    sessions::{self, Beginning, LoggedIn, Transport},
};

/// The prefix of a token, so that one in a log or a repository is recognized.
const PREFIX: &str = "pcmf_";
const LIFETIME: Duration = Duration::from_mins(10);
/// How many wrong codes a login accepts before it ends.
const TRIES: i64 = 5;

/// Whether a session may begin.
#[derive(Debug)]
#[must_use]
pub(crate) enum Gate {
    Open(Methods),
    /// Not yet: commit, and return this error.
    Asks(FactorAsked),
}

/// A login that waits for its second factor.
pub(super) struct Waiting {
    pub(super) account_id: AccountId,
    pub(super) epoch: Epoch,
    pub(super) method: String,
    pub(super) scope: String,
    pub(super) transport: String,
    pub(super) before_session: Option<SessionId>,
    pub(super) sealed_key: Option<Vec<u8>>,
    pub(super) expires_at: Timestamp,
}
crate::db::from_row!(Waiting {
    account_id,
    epoch,
    method,
    scope,
    transport,
    before_session,
    sealed_key,
    expires_at
});

/// Decides whether a login whose first factor was correct may begin its session. Every login method calls this.
pub(crate) async fn gate(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    by: Method,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<Gate, Error> {
    let has_app = store::totp(tx.conn(), held.id).await?.is_some();
    if by.is_two_factors() || (!has_app && !is_required(app, held.role())) {
        return Ok(Gate::Open(Methods::first(by)));
    }
    if let Some(since) = remembered::since(app, tx, held, beginning, now).await? {
        return Ok(Gate::Open(Methods::remembered(by, since)));
    }
    let has_passkey = passkeys::is_any(app, tx.conn(), held.id).await?;
    let token = SecretText::random(PREFIX);
    let waiting = Waiting {
        account_id: held.id,
        epoch: held.epoch(),
        method: by.name().to_owned(),
        scope: beginning.scope.text(),
        transport: name_of(beginning.transport).to_owned(),
        before_session: beginning.before.map(|before| before.session),
        sealed_key: None,
        expires_at: now + LIFETIME,
    };
    store::insert_login(tx.conn(), &token.digest(), &waiting).await?;
    events::record(tx, Event::FactorAsked, Some(held.id), beginning.client, now).await?;
    let methods = [("app", has_app), ("passkey", has_passkey)];
    let methods: Vec<_> =
        methods.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect();
    Ok(Gate::Asks(FactorAsked { token, must_enrol: methods.is_empty(), methods }))
}

/// The content of the page of a waiting login.
pub(super) enum Step {
    /// Asks for a code of the app, for a passkey, or for either.
    Show {
        has_app: bool,
        passkey: Option<RequestOptions>,
        /// For how many days the browser can be remembered.
        days: Option<u32>,
    },
    /// Shows a key to enrol first.
    Enrol(Enrolment),
}

/// What a login waits for. An account without a second factor sees the same key as before.
///
/// # Errors
/// [`Error::DeadLogin`].
pub(super) async fn step_of(app: &App, token: &str) -> Result<Step, Error> {
    let digest = sha256(token);
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let (held, waiting) = hold(&mut tx, &digest, now).await?;
    let has_app = store::totp(tx.conn(), held.id).await?.is_some();
    let passkey = match passkeys::ask(app, &mut tx, &Bond::to_end_login(digest, held.id), now).await {
        Ok(options) => Some(options),
        Err(Error::NotFound | Error::PasskeysOff) => None,
        Err(error) => return Err(error),
    };
    if has_app || passkey.is_some() {
        tx.commit().await?;
        let days = remembered::days(app, held.role()).filter(|_| is_cookie(&waiting));
        return Ok(Step::Show { has_app, passkey, days });
    }
    let key = match &waiting.sealed_key {
        Some(sealed) => Key::open(app, held.id, sealed)?,
        None => show_new_key(app, &mut tx, &held, &digest).await?,
    };
    let enrolment = Enrolment::of(app, &held, &key)?;
    tx.commit().await?;
    Ok(Step::Enrol(enrolment))
}

/// Starts the enrolment of an account that must enrol before it can log in.
///
/// # Errors
/// [`Error::DeadLogin`]; [`Error::FactorThere`] if the account has a second factor.
pub(super) async fn enrol_first(app: &App, token: &str) -> Result<Enrolment, Error> {
    let digest = sha256(token);
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let (held, _) = hold(&mut tx, &digest, now).await?;
    let has_app = store::totp(tx.conn(), held.id).await?.is_some();
    if has_app || passkeys::is_any(app, tx.conn(), held.id).await? {
        return Err(Error::FactorThere);
    }
    let key = show_new_key(app, &mut tx, &held, &digest).await?;
    let enrolment = Enrolment::of(app, &held, &key)?;
    tx.commit().await?;
    Ok(enrolment)
}

async fn show_new_key(app: &App, tx: &mut Tx, held: &Held, digest: &[u8; 32]) -> Result<Key, Error> {
    let key = Key::random();
    store::set_login_key(tx.conn(), digest, &key.seal(app, held.id)).await?;
    Ok(key)
}

/// Locks the account of a waiting login, and reads the login again under the lock.
async fn hold(tx: &mut Tx, digest: &[u8; 32], now: Timestamp) -> Result<(Held, Waiting), Error> {
    let seen = store::login(tx.conn(), digest, now).await?.ok_or(Error::DeadLogin)?;
    let held = accounts::hold_of_login(tx, seen.account_id).await?.ok_or(Error::DeadLogin)?;
    let waiting = store::login(tx.conn(), digest, now).await?.filter(|waiting| held.is_in(waiting.epoch));
    Ok((held, waiting.ok_or(Error::DeadLogin)?))
}

/// A login that has become a session.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) logged_in: LoggedIn,
    /// Whether its account had no second factor before.
    pub(super) has_enrolled: bool,
    /// The cookie of a browser that is remembered from now on.
    pub(super) device: Option<SecretText>,
}

/// Completes a login with a code of the app or a recovery code. Each attempt is counted before the code is checked. With
/// `remember`, the browser is remembered if the login ends in a cookie and the code was one of the app.
///
/// # Errors
/// [`Error::DeadLogin`], [`Error::WrongCode`], [`Error::Throttled`].
pub(super) async fn finish(
    app: &App,
    token: &str,
    code: &str,
    remember: bool,
    client: &Client,
) -> Result<Finished, Error> {
    let digest = sha256(token);
    let owner = {
        let mut reader = app.db().read().await?;
        let seen = store::login(reader.conn(), &digest, app.now()).await?.ok_or(Error::DeadLogin)?;
        accounts::owner(reader.conn(), seen.account_id).await?.ok_or(Error::DeadLogin)?
    };
    let attempt = limits::reserve_factor(app, &owner.email, client).await?;
    let typed = Typed::of(code);
    retry(|| try_code(app, &digest, &typed, remember, &attempt, client)).await
}

async fn try_code(
    app: &App,
    digest: &[u8; 32],
    typed: &Typed,
    remember: bool,
    attempt: &Attempt,
    client: &Client,
) -> Result<Finished, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let (held, waiting) = hold(&mut tx, digest, now).await?;
    let Some((second, has_enrolled)) = show(app, &mut tx, &held, &waiting, typed, client, now).await? else {
        count_wrong(app, tx, &held, digest, client, now).await?;
        return Err(Error::WrongCode);
    };
    let (first, logged_in) = begin(app, &mut tx, &held, digest, &waiting, second, client, now).await?;
    forgive(app, &mut tx, &held, first, client, now).await?;
    limits::forgive(&mut tx, attempt, &held, now).await?;
    let device = if remember && second == Method::Otp && is_cookie(&waiting) {
        remembered::remember(app, &mut tx, &held, client, now).await?
    } else {
        None
    };
    tx.commit().await?;
    Ok(Finished { logged_in, has_enrolled, device })
}

/// Creates the options for a passkey that completes a login.
///
/// # Errors
/// [`Error::DeadLogin`]; [`Error::NotFound`] if the account has none; [`Error::PasskeysOff`].
pub(super) async fn ask_for_passkey(app: &App, token: &str) -> Result<RequestOptions, Error> {
    let digest = sha256(token);
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let (held, _) = hold(&mut tx, &digest, now).await?;
    let options = passkeys::ask(app, &mut tx, &Bond::to_end_login(digest, held.id), now).await?;
    tx.commit().await?;
    Ok(options)
}

/// Completes a login with a passkey of its account. A wrong passkey counts like a wrong code.
///
/// # Errors
/// [`Error::DeadLogin`], [`Error::PasskeyRejected`], [`Error::Throttled`].
pub(super) async fn finish_by_passkey(
    app: &App,
    token: &str,
    presented: &Presented,
    client: &Client,
) -> Result<LoggedIn, Error> {
    limits::count_passkey(app, client).await?;
    let digest = sha256(token);
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let (held, waiting) = hold(&mut tx, &digest, now).await?;
        let bond = Bond::to_end_login(digest, held.id);
        if passkeys::verify(app, &mut tx, &held, presented, &bond, client, now).await?.is_err() {
            count_wrong(app, tx, &held, &digest, client, now).await?;
            return Err(Error::PasskeyRejected);
        }
        let second = Method::Passkey;
        let (first, logged_in) = begin(app, &mut tx, &held, &digest, &waiting, second, client, now).await?;
        forgive(app, &mut tx, &held, first, client, now).await?;
        tx.commit().await?;
        Ok(logged_in)
    })
    .await
}

/// Records a wrong second factor, and notifies the owner of the first one.
async fn count_wrong(
    app: &App,
    mut tx: Tx,
    held: &Held,
    digest: &[u8; 32],
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let is_first = store::count_wrong(tx.conn(), digest, TRIES).await?;
    if is_first && limits::may_tell_of_factor(app, &mut tx, held, now).await? {
        mail::enqueue(app, &mut tx, &Recipient::of(held), &Message::FactorFailed, now).await?;
    }
    events::record(&mut tx, Event::FactorFailed, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Begins the session of a login whose second factor was correct. Also returns its first method.
#[expect(clippy::too_many_arguments, reason = "a step of one transaction, of which each is a part")]
async fn begin(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    digest: &[u8; 32],
    waiting: &Waiting,
    second: Method,
    client: &Client,
    now: Timestamp,
) -> Result<(Method, LoggedIn), Error> {
    store::delete_login(tx.conn(), digest).await?;
    let first = Method::of_name(&waiting.method).ok_or_else(|| unreadable("method"))?;
    let before = match waiting.before_session {
        Some(session) => access::living(tx.conn(), session, now).await?.map(access::Living::principal),
        None => None,
    };
    let scope = &ScopeAsked::parse(&waiting.scope, app.scopes())?;
    let transport = transport_of(&waiting.transport).ok_or_else(|| unreadable("transport"))?;
    let beginning = Beginning { scope, transport, before, client };
    let logged_in = sessions::begin(app, tx, held, Methods::both(first, second), &beginning, now).await?;
    let event = match first {
        Method::Email => Event::LoggedInByMail,
        Method::Federated => Event::LoggedInWithProvider,
        _ => Event::LoggedIn,
    };
    events::record(tx, event, Some(held.id), client, now).await?;
    Ok((first, logged_in))
}

/// Checks a code and uses it up if it is correct. Returns its method, and whether it completed an enrolment.
async fn show(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    waiting: &Waiting,
    typed: &Typed,
    client: &Client,
    now: Timestamp,
) -> Result<Option<(Method, bool)>, Error> {
    let totp = store::totp(tx.conn(), held.id).await?;
    match (typed, totp, &waiting.sealed_key) {
        (Typed::OfApp(code), Some(totp), _) => {
            let key = Key::open(app, held.id, &totp.sealed_key)?;
            let Some(step) = key.step_of(code, now, totp.last_step) else { return Ok(None) };
            let is_new = store::use_step(tx.conn(), held.id, step).await?;
            Ok(is_new.then_some((Method::Otp, false)))
        }
        (Typed::OfApp(code), None, Some(sealed)) => {
            let key = Key::open(app, held.id, sealed)?;
            let Some(step) = key.step_of(code, now, 0) else { return Ok(None) };
            sessions::end_all(tx, held, now).await?;
            enrolment::enrol(app, tx, held, &key, step, client, now).await?;
            Ok(Some((Method::Otp, true)))
        }
        (Typed::Recovery(digest), Some(_), _) => {
            let is_right = store::use_code(tx.conn(), held.id, digest).await?;
            if is_right {
                let left = store::codes_left(tx.conn(), held.id).await?;
                let message = Message::RecoveryCodeUsed { left };
                mail::enqueue(app, tx, &Recipient::of(held), &message, now).await?;
                events::record(tx, Event::RecoveryCodeUsed, Some(held.id), client, now).await?;
            }
            Ok(is_right.then_some((Method::RecoveryCode, false)))
        }
        _ => Ok(None),
    }
}

/// Only after both factors are the failed attempts forgiven, and the network known to the account.
async fn forgive(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    first: Method,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if first == Method::Password {
        limits::forgive(tx, &limits::reserved(app, &held.email, client), held, now).await
    } else {
        limits::end_lock(app, tx, held, Some(client), now).await
    }
}

/// Whether the login is a browser's.
fn is_cookie(waiting: &Waiting) -> bool {
    transport_of(&waiting.transport) == Some(Transport::Cookie)
}

fn name_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Bearer => "bearer",
        Transport::Cookie => "cookie",
    }
}

fn transport_of(name: &str) -> Option<Transport> {
    [Transport::Bearer, Transport::Cookie].into_iter().find(|transport| name_of(*transport) == name)
}

fn unreadable(column: &str) -> Error {
    Error::Internal(format!("the table `logins` has a value in `{column}` that this version does not know"))
}
