//! Social login: what a login at another provider does here. [`upstream`](crate::upstream) reports who has logged in
//! there; this room decides what that means for accounts ([`rules`]) and carries it out.
//!
//! | file | holds |
//! |---|---|
//! | `attempts.rs`, `cookies.rs` | a browser that is sent to a provider and returns |
//! | `rules.rs` | the decision |
//! | `proofs.rs` | addresses that the provider did not prove; an emailed code proves them |

mod attempts;
mod cookies;
pub(crate) mod pages;
mod proofs;
mod rules;
mod store;

use std::time::Duration;

use self::{
    proofs::Typed,
    rules::{Address, Decision, Facts, Known, Refusal, Wish, decide},
};
use crate::{
    access::{Method, Principal},
    accounts::{self, AccountId, Email, FullName, Held, Role},
    app::App,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    identities::{self, NewIdentity},
    limits,
    messages::Language,
    recovery::{self, Then},
    sessions::{self, Beginning, LoggedIn},
    sign_up::{self, Inserted},
    upstream::Proved,
};

/// The maximum duration of an attempt at the provider.
const LIFETIME: Duration = Duration::from_mins(10);
/// How often a decision is repeated because its facts were changed concurrently.
const TRIES: u32 = 5;

/// An identity that a provider has proved, and what is known about its email address.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    issuer: String,
    subject: String,
    provider: String,
    name: Option<FullName>,
    email: Option<Email>,
    address: Address,
}

impl Who {
    fn of(proved: Proved) -> Self {
        let address = match (&proved.email, proved.email_is_proved) {
            (None, _) => Address::None,
            (Some(_), false) => Address::Unproved,
            (Some(_), true) => Address::ByProvider,
        };
        let Proved { issuer, subject, provider, name, email, .. } = proved;
        Self { issuer, subject, provider, name, email, address }
    }

    /// The address, if it may be looked up.
    fn proved_email(&self) -> Option<&Email> {
        self.email.as_ref().filter(|_| self.address.is_proved())
    }

    fn identity(&self) -> NewIdentity<'_> {
        let Self { issuer, subject, provider, email, .. } = self;
        NewIdentity { issuer, subject, provider, email: email.as_ref() }
    }

    /// The name from the provider, or the part before the `@`.
    fn name_for(&self, email: &Email) -> Result<FullName, Error> {
        let of_address = || FullName::parse(email.local_part());
        self.name
            .clone()
            .map_or_else(of_address, Ok)
            .map_err(|_| Error::Internal("an address is no name".to_owned()))
    }
}

/// The outcome.
#[derive(Debug)]
enum Settled {
    LoggedIn(Box<LoggedIn>),
    Linked,
    /// Send a code to the address that the provider gave.
    AskToProve,
    /// Ask for an address, and send a code there.
    AskForEmail,
    Refused(Refusal),
}

/// What an identity was proved for.
#[derive(Debug, Clone, Copy)]
enum Aim {
    LogIn,
    /// To be linked to the account of this session.
    Link(Principal),
    /// To confirm that the owner of this session is there.
    Confirm(Principal),
}

impl Aim {
    fn owner(self) -> Option<Principal> {
        match self {
            Self::LogIn => None,
            Self::Link(owner) | Self::Confirm(owner) => Some(owner),
        }
    }

    fn wish(self) -> Wish {
        match self {
            Self::LogIn => Wish::LogIn,
            Self::Link(owner) => Wish::Link(owner.account),
            Self::Confirm(owner) => Wish::Confirm(owner.account),
        }
    }
}

/// Who asks, and for what.
struct Asked<'a> {
    aim: Aim,
    beginning: &'a Beginning<'a>,
    language: Language,
}

/// Logs in, confirms, or links to the account of the session that asked. One transaction; it is done anew if what the decision stood
/// on was changed by another one, so of two that make the same account at once the second logs in to it.
///
/// # Errors
/// [`Error::FactorAsked`], [`Error::TooManyIdentities`], [`Error::EmailTaken`] if the address is kept for an account that
/// can put it back.
async fn settle(app: &App, who: &Who, asked: &Asked<'_>) -> Result<Settled, Error> {
    for _ in 0..TRIES {
        let settled = retry(|| async {
            let (tx, now) = (app.db().begin().await?, app.now());
            try_settle(app, tx, who, asked, None, now).await
        });
        if let Some(settled) = settled.await? {
            return Ok(settled);
        }
    }
    Err(Error::Busy)
}

/// An identity whose address a code has proved, and what it came to.
struct SettledByCode {
    who: Who,
    /// The path to go to afterwards.
    next: String,
    /// An error comes after the code was accepted.
    settled: Result<Settled, Error>,
}

/// The same with the address that an emailed code proves. The code is used in the same transaction: if that fails, the
/// person can enter it again.
///
/// # Errors
/// [`Error::WrongCode`]; [`Error::DeadLogin`]; [`Error::Throttled`].
async fn settle_by_code(
    app: &App,
    token: &str,
    code: &str,
    asked: &Asked<'_>,
) -> Result<SettledByCode, Error> {
    let typed = &Typed::count(app, token, code, asked.beginning.client).await?;
    for _ in 0..TRIES {
        let settled = retry(|| async {
            let (mut tx, now) = (app.db().begin().await?, app.now());
            let Some((who, next)) = proofs::use_code(&mut tx, typed, now).await? else {
                tx.commit().await?;
                return Err(Error::WrongCode);
            };
            let settled = match try_settle(app, tx, &who, asked, Some(typed), now).await {
                Err(Error::Database(error)) => return Err(error.into()),
                Ok(None) => return Ok(None),
                Ok(Some(settled)) => Ok(settled),
                Err(error) => Err(error),
            };
            Ok(Some(SettledByCode { who, next, settled }))
        });
        if let Some(settled) = settled.await? {
            return Ok(settled);
        }
    }
    Err(Error::Busy)
}

/// `None`: try again.
async fn try_settle(
    app: &App,
    mut tx: Tx,
    who: &Who,
    asked: &Asked<'_>,
    typed: Option<&Typed>,
    now: Timestamp,
) -> Result<Option<Settled>, Error> {
    let Asked { aim, beginning, language } = *asked;
    let owner = aim.owner();
    let linked = identities::account_of(tx.conn(), &who.issuer, &who.subject).await?;
    let held = match (owner, linked, who.proved_email()) {
        (Some(owner), _, _) => Some(accounts::hold_own(&mut tx, owner, now).await?),
        (None, Some(account), _) => accounts::hold_of_login(&mut tx, account).await?,
        (None, None, Some(email)) => accounts::hold_by_email(&mut tx, email).await?,
        (None, None, None) => None,
    };
    // Read again under the lock.
    if identities::account_of(tx.conn(), &who.issuer, &who.subject).await? != linked {
        return Ok(None);
    }
    let facts = look(app, &mut tx, who, aim, linked, held.as_ref()).await?;
    let Some(facts) = facts else { return Ok(None) };
    if let Some(typed) = typed {
        limits::forgive_code(&mut tx, typed.attempt()).await?;
    }
    match (decide(facts), held) {
        (Decision::LogIn, Some(held)) => {
            identities::note_use(&mut tx, &held, &who.issuer, &who.subject, now).await?;
            log_in(app, tx, &held, who, beginning, now).await.map(Some)
        }
        (Decision::Link(_), Some(held)) if owner.is_some() => {
            if linked.is_none() {
                let (identity, client) = (who.identity(), beginning.client);
                if identities::link(app, &mut tx, held, &identity, true, client, now).await?.is_none() {
                    return Ok(None);
                }
            }
            tx.commit().await?;
            Ok(Some(Settled::Linked))
        }
        (Decision::Link(_), Some(held)) => {
            let client = beginning.client;
            let held = recovery::prove_address(app, &mut tx, held, Then::NoPassword, client, now).await?;
            match identities::link(app, &mut tx, held, &who.identity(), true, client, now).await? {
                Some(held) => log_in(app, tx, &held, who, beginning, now).await.map(Some),
                None => Ok(None),
            }
        }
        (Decision::Create, None) => create(app, tx, who, beginning, language, now).await,
        (Decision::AskToProve, _) => Ok(Some(Settled::AskToProve)),
        (Decision::AskForEmail, _) => Ok(Some(Settled::AskForEmail)),
        (Decision::Refuse(refusal), _) => {
            // A code that led here is used.
            tx.commit().await?;
            Ok(Some(Settled::Refused(refusal)))
        }
        // The rules select only an account that is held, and to confirm only the owner's.
        (Decision::LogIn | Decision::Link(_), None) | (Decision::Create, Some(_)) => {
            Err(Error::Internal("a social login was decided without its account".to_owned()))
        }
    }
}

/// The facts of the decision, with the account locked. `None`: the account was created since the attempt to lock it.
async fn look(
    app: &App,
    tx: &mut Tx,
    who: &Who,
    aim: Aim,
    linked: Option<AccountId>,
    held: Option<&Held>,
) -> Result<Option<Facts>, Error> {
    let owner = aim.owner();
    let known =
        |held: &Held| Known::Active { account: held.id, is_verified: held.email_verified_at.is_some() };
    let linked_to = match (owner, linked) {
        (Some(_), Some(account)) => Some(Known::Active { account, is_verified: true }),
        (None, Some(_)) => Some(held.map_or(Known::Disabled, known)),
        (_, None) => None,
    };
    let by_address = match (owner, linked, who.proved_email()) {
        (None, None, Some(email)) => match (held, accounts::is_active_at(tx.conn(), email).await?) {
            (Some(held), _) => Some(known(held)),
            (None, Some(true)) => return Ok(None),
            (None, Some(false)) => Some(Known::Disabled),
            (None, None) => None,
        },
        _ => None,
    };
    Ok(Some(Facts {
        wish: aim.wish(),
        linked_to,
        address: who.address,
        by_address,
        may_sign_up: may_sign_up(app, who.email.as_ref()),
    }))
}

/// Creates an account without a password and with a proved address. `None` if another transaction created it meanwhile.
async fn create(
    app: &App,
    mut tx: Tx,
    who: &Who,
    beginning: &Beginning<'_>,
    language: Language,
    now: Timestamp,
) -> Result<Option<Settled>, Error> {
    let email =
        who.proved_email().ok_or_else(|| Error::Internal("an account without an address".to_owned()))?;
    let (name, client) = (who.name_for(email)?, beginning.client);
    let made = sign_up::insert(&mut tx, email, &name, None, Role::User, language, now).await?;
    let account = match made {
        Inserted::Made(account) => account,
        Inserted::Taken => return Ok(None),
        Inserted::Reserved => return Err(Error::EmailTaken),
    };
    events::record(&mut tx, Event::SignedUp, Some(account.id), client, now).await?;
    let held = accounts::hold_new(&mut tx, account.id).await?;
    accounts::mark_verified(&mut tx, &held, email, now).await?;
    events::record(&mut tx, Event::EmailVerified, Some(account.id), client, now).await?;
    match identities::link(app, &mut tx, held, &who.identity(), false, client, now).await? {
        Some(held) => log_in(app, tx, &held, who, beginning, now).await.map(Some),
        None => Ok(None),
    }
}

/// Begins the session, or asks for the second factor.
async fn log_in(
    app: &App,
    mut tx: Tx,
    held: &Held,
    who: &Who,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<Settled, Error> {
    if app.config().requires_verified_email() && held.email_verified_at.is_none() {
        recovery::mail_verification(app, &mut tx, held, beginning.client, now).await?;
        tx.commit().await?;
        return Err(Error::EmailUnverified);
    }
    let methods = match factors::gate(app, &mut tx, held, Method::Federated, beginning, now).await? {
        Gate::Open(methods) => methods,
        Gate::Asks(asked) => {
            tx.commit().await?;
            return Err(Error::FactorAsked(asked));
        }
    };
    limits::end_lock(app, &mut tx, held, Some(beginning.client), now).await?;
    let logged_in = sessions::begin(app, &mut tx, held, methods, beginning, now).await?;
    let (event, detail) = (Event::LoggedInWithProvider, Some(who.provider.as_str()));
    events::record_detail(&mut tx, event, Some(held.id), beginning.client, detail, now).await?;
    tx.commit().await?;
    Ok(Settled::LoggedIn(Box::new(logged_in)))
}

/// Whether a new account may be created for this address.
fn may_sign_up(app: &App, email: Option<&Email>) -> bool {
    let config = app.config();
    let is_listed =
        |email: &Email| config.social_domains.iter().any(|domain| domain.as_str() == email.domain());
    config.may_sign_up_with_provider() && (config.social_domains.is_empty() || email.is_some_and(is_listed))
}

/// Deletes expired attempts and proofs.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_expired(tx.conn(), now).await
}

/// Deletes all of them after restoring a backup.
pub(crate) async fn forget_every(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every(tx.conn()).await?)
}
