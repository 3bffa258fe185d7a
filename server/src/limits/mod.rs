//! How often a password may be tried.
//!
//! Three counters, in the database, so that they count once over all instances and survive a restart:
//!
//! | counts failures of | limit | in |
//! |---|---|---|
//! | one name from one address | 10 | 15 minutes |
//! | one address, whatever the name | 100 | 15 minutes |
//! | one name from all addresses | 100 | 24 hours |
//!
//! An attempt is counted *before* the password is looked at, so a burst of parallel guesses cannot slip
//! past; a success gives its counts back. Names are counted as submitted, whether or not they have an
//! account. The last limit does not hold for an address from which the account has logged in before: a
//! stranger who guesses from everywhere cannot lock the owner out; and a reset of the password or a mailed
//! log-in ends it. Mailed codes have the first two counters, of their own. IPv6 addresses count by /64.

mod store;

use std::time::Duration;

use self::store::Key;
use crate::{
    accounts::{Email, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    events::{self, Event},
};

const QUARTER_HOUR: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Failures of one name from one address.
const PAIR: Limit = Limit { most: 10, window: QUARTER_HOUR };
/// Failures of one address.
const ADDRESS: Limit = Limit { most: 100, window: QUARTER_HOUR };
/// Failures of one name (NIST SP 800-63B-4 §3.2.2 allows 100).
const NAME: Limit = Limit { most: 100, window: DAY };
/// Sign-ups of one address.
const SIGN_UPS: Limit = Limit { most: 200, window: HOUR };
/// Logins with other providers that one address begins.
const SOCIAL: Limit = Limit { most: 100, window: QUARTER_HOUR };
/// Mails of one purpose that somebody asked for, to one address.
const MAILS: Limit = Limit { most: 3, window: HOUR };
/// Mails to one address which say that it has an account.
const KNOWN_ACCOUNT_MAILS: Limit = Limit { most: 1, window: DAY };
/// Mails that one source asked for, whatever the address.
const MAILS_OF_SOURCE: Limit = Limit { most: 20, window: HOUR };
/// Codes for the first administrator that one address tries.
const CLAIMS: Limit = Limit { most: 10, window: QUARTER_HOUR };
/// Challenges for passkeys that one address is given without a session, and passkeys that it shows.
const PASSKEYS: Limit = Limit { most: 1000, window: QUARTER_HOUR };
/// Emails to an account which say that a wrong second factor was shown, or a copied passkey.
const FACTOR_MAILS: Limit = Limit { most: 1, window: HOUR };
/// How long an address stays known to an account that it has logged in to.
const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// How many in how long.
#[derive(Debug, Clone, Copy)]
struct Limit {
    most: i64,
    window: Duration,
}

/// An attempt that was counted and may go on. `None` inside: limits are off.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt(Option<Keys>);

/// Under which keys an attempt is counted. MACs: the table holds neither names nor addresses.
#[derive(Debug)]
struct Keys {
    pair: Key,
    address: Key,
    /// `None` of a mailed code.
    name: Option<Key>,
}

impl Keys {
    fn new(app: &App, email: &Email, client: &Client) -> Self {
        let network = client.network();
        let name = email.as_str().as_bytes();
        // The network has one of two fixed lengths per family, so the pair reads in one way only.
        let pair = [network.as_slice(), name].concat();
        Self {
            pair: app.secret().mac("throttle: name and address", &pair),
            address: app.secret().mac("throttle: address", &network),
            name: Some(app.secret().mac("throttle: name", name)),
        }
    }

    fn of_factor(app: &App, email: &Email, client: &Client) -> Self {
        let network = client.network();
        let name = email.as_str().as_bytes();
        let pair = [network.as_slice(), name].concat();
        Self {
            pair: app.secret().mac("throttle: factors of a name and address", &pair),
            address: app.secret().mac("throttle: factors of an address", &network),
            name: Some(app.secret().mac("throttle: factors of a name", name)),
        }
    }

    /// Not by its name: each code has few tries anyway, and strangers who guess codes from everywhere keep no owner from
    /// typing a password or the right code.
    fn of_code(app: &App, email: &Email, client: &Client) -> Self {
        let network = client.network();
        let pair = [network.as_slice(), email.as_str().as_bytes()].concat();
        Self {
            pair: app.secret().mac("throttle: codes of a name and address", &pair),
            address: app.secret().mac("throttle: codes of an address", &network),
            name: None,
        }
    }
}

/// Counts a try to show a second factor, or refuses it. It counts as a password does, by counters of its own: they are
/// forgiven when the login ends in a session, and the network of one that did is known to the account.
pub(crate) async fn reserve_factor(app: &App, email: &Email, client: &Client) -> Result<Attempt, Error> {
    if !app.config().limits {
        return Ok(Attempt(None));
    }
    reserve_by(app, Keys::of_factor(app, email, client), email, client).await
}

/// The attempt that [`reserve`] counted at an earlier request of the same login, to be forgiven.
pub(crate) fn reserved(app: &App, email: &Email, client: &Client) -> Attempt {
    Attempt(app.config().limits.then(|| Keys::new(app, email, client)))
}

/// Counts an attempt, or refuses it.
///
/// What is refused is not counted further: or else one address could drive up the name's counter.
pub(crate) async fn reserve(app: &App, email: &Email, client: &Client) -> Result<Attempt, Error> {
    if !app.config().limits {
        return Ok(Attempt(None));
    }
    reserve_by(app, Keys::new(app, email, client), email, client).await
}

/// The same for a mailed code.
pub(crate) async fn reserve_code(app: &App, email: &Email, client: &Client) -> Result<Attempt, Error> {
    if !app.config().limits {
        return Ok(Attempt(None));
    }
    reserve_by(app, Keys::of_code(app, email, client), email, client).await
}

async fn reserve_by(app: &App, keys: Keys, email: &Email, client: &Client) -> Result<Attempt, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let mut at_limit = count(&mut tx, &keys.pair, PAIR, now).await?;
    at_limit |= count(&mut tx, &keys.address, ADDRESS, now).await?;
    if let Some(name) = &keys.name
        && !store::is_known(tx.conn(), email, &keys.address, now - KNOWN_FOR).await?
    {
        at_limit |= count(&mut tx, name, NAME, now).await?;
    }
    if at_limit {
        events::record(&mut tx, Event::LogInThrottled, None, client, now).await?;
    }
    tx.commit().await?;
    Ok(Attempt(Some(keys)))
}

/// Takes a success out of the counters again, and remembers the address for the account; of a mailed code
/// [`end_lock`] does the latter.
pub(crate) async fn forgive(
    tx: &mut Tx,
    attempt: &Attempt,
    held: &Held,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(keys) = &attempt.0 else { return Ok(()) };
    // In the order of `reserve`: two transactions that meet here wait for each other and never in a ring.
    store::forget(tx.conn(), &keys.pair).await?;
    store::give_back(tx.conn(), &keys.address).await?;
    if let Some(name) = &keys.name {
        store::forget(tx.conn(), name).await?;
        store::remember_address(tx.conn(), held.id, &keys.address, now).await?;
    }
    Ok(())
}

/// The same of a mailed code that proves an address, which need not have an account.
pub(crate) async fn forgive_code(tx: &mut Tx, attempt: &Attempt) -> Result<(), Error> {
    let Some(keys) = &attempt.0 else { return Ok(()) };
    store::forget(tx.conn(), &keys.pair).await?;
    Ok(store::give_back(tx.conn(), &keys.address).await?)
}

/// What a mailed link or code proves ends what strangers counted up under the owner's name: whoever reads the owner's
/// mail is in, wherever they are. With `from`, a log-in, that network is known to the account from now on.
pub(crate) async fn end_lock(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    from: Option<&Client>,
    now: Timestamp,
) -> Result<(), Error> {
    forget(app, tx, &held.email).await?;
    if let Some(client) = from.filter(|_| app.config().limits) {
        let address = app.secret().mac("throttle: address", &client.network());
        store::remember_address(tx.conn(), held.id, &address, now).await?;
    }
    Ok(())
}

/// Counts a sign-up, or refuses it.
pub(crate) async fn count_sign_up(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: sign-up", SIGN_UPS, client).await
}

/// Counts a login with another provider that begins, or refuses it.
pub(crate) async fn count_social(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: social login", SOCIAL, client).await
}

/// Counts a try to become the first administrator, or refuses it.
pub(crate) async fn count_claim(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: first administrator", CLAIMS, client).await
}

/// Counts a step of a login by passkey, or refuses it. Nobody guesses a signature: this bounds the rows that strangers make.
pub(crate) async fn count_passkey(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: passkeys", PASSKEYS, client).await
}

async fn count_by_address(
    app: &App,
    purpose: &'static str,
    limit: Limit,
    client: &Client,
) -> Result<(), Error> {
    if !app.config().limits {
        return Ok(());
    }
    let key = app.secret().mac(purpose, &client.network());
    let mut tx = app.db().begin().await?;
    count(&mut tx, &key, limit, app.now()).await?;
    Ok(tx.commit().await?)
}

/// What a mail is for that somebody asked for. Each is counted by itself, so that none of them uses up another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailFor {
    /// To confirm the address in force.
    Verification,
    /// To set a new password.
    NewPassword,
    /// To log in.
    LogIn,
    /// To confirm a new address.
    NewAddress,
    /// To say that there is an account already.
    KnownAccount,
    /// To prove the address of an identity at another provider.
    Proof,
    /// To confirm that the owner of a session is still there.
    Confirmation,
}

impl MailFor {
    fn name(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::NewPassword => "new password",
            Self::LogIn => "log-in",
            Self::NewAddress => "new address",
            Self::KnownAccount => "account already",
            Self::Proof => "proof of an address",
            Self::Confirmation => "confirmation",
        }
    }

    /// Whether it lets the owner of the address in.
    fn is_for_the_owner(self) -> bool {
        matches!(self, Self::Verification | Self::NewPassword | Self::LogIn | Self::Confirmation)
    }

    fn limit(self) -> Limit {
        match self {
            Self::Verification
            | Self::NewPassword
            | Self::LogIn
            | Self::NewAddress
            | Self::Proof
            | Self::Confirmation => MAILS,
            Self::KnownAccount => KNOWN_ACCOUNT_MAILS,
        }
    }
}

/// Counts a mail that somebody asked for, and says whether it may be sent: or else anybody could fill another's inbox.
/// Addresses are counted as submitted, whether or not they have an account. What is refused is not counted further.
pub(crate) async fn may_mail(
    app: &App,
    tx: &mut Tx,
    what: MailFor,
    to: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<bool, Error> {
    if !app.config().limits {
        return Ok(true);
    }
    let source = app.secret().mac("throttle: mails of a source", &client.network());
    // The source first: who may ask for no more does not use up what others may ask for.
    if store::count(tx.conn(), &source, MAILS_OF_SOURCE, now).await?.is_none() {
        tracing::info!(purpose = what.name(), "a mail is held back: its network asked for too many");
        return Ok(false);
    }
    may_mail_to(app, tx, what, to, client, now).await
}

/// The same for a mail whose source is counted already.
///
/// An owner who asks from a network from which the account has logged in before is counted by themselves: what strangers
/// ask for from elsewhere does not keep the owner's mails back.
pub(crate) async fn may_mail_to(
    app: &App,
    tx: &mut Tx,
    what: MailFor,
    to: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<bool, Error> {
    if !app.config().limits {
        return Ok(true);
    }
    let network = client.network();
    let known = app.secret().mac("throttle: address", &network);
    let is_owners =
        what.is_for_the_owner() && store::is_known(tx.conn(), to, &known, now - KNOWN_FOR).await?;
    let asker = if is_owners { network.as_slice() } else { &[] };
    // A purpose has no line break, and no network begins with one, so this reads in one way only.
    let counted = [what.name().as_bytes(), b"\n", asker, b"\n", to.as_str().as_bytes()].concat();
    let address = app.secret().mac("throttle: mails to an address", &counted);
    let may = store::count(tx.conn(), &address, what.limit(), now).await?.is_some();
    if !may {
        tracing::info!(purpose = what.name(), "a mail is held back: too many were asked for to its address");
    }
    Ok(may)
}

/// Counts an email which says that a wrong second factor was shown, and says whether it may be sent.
pub(crate) async fn may_tell_of_factor(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    let key = app.secret().mac("throttle: emails about a factor", held.id.to_string().as_bytes());
    Ok(store::count(tx.conn(), &key, FACTOR_MAILS, now).await?.is_some())
}

/// Counts a wish for another address of mail, of which an account may have as many as mails to one address.
pub(crate) async fn may_change_email(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    if !app.config().limits {
        return Ok(true);
    }
    let key = app.secret().mac("throttle: changes of an address", held.id.to_string().as_bytes());
    let may = store::count(tx.conn(), &key, MAILS, now).await?.is_some();
    if !may {
        tracing::info!(account = %held.id, "a wish for another address is held back: there were too many");
    }
    Ok(may)
}

/// Forgets what was counted under this name from everywhere: its account is deleted.
pub(crate) async fn forget(app: &App, tx: &mut Tx, email: &Email) -> Result<(), Error> {
    let key = app.secret().mac("throttle: name", email.as_str().as_bytes());
    Ok(store::forget(tx.conn(), &key).await?)
}

/// Forgets windows that have ended and addresses that are not known any more.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    let attempts = store::delete_ended(tx.conn(), now).await?;
    Ok(attempts + store::delete_unseen_since(tx.conn(), now - KNOWN_FOR).await?)
}

/// Counts one more under `key`. Whether that was the last one allowed, for now.
async fn count(tx: &mut Tx, key: &Key, limit: Limit, now: Timestamp) -> Result<bool, Error> {
    if let Some(counted) = store::count(tx.conn(), key, limit, now).await? {
        return Ok(counted >= limit.most);
    }
    let ends_at = store::window_end(tx.conn(), key).await?.unwrap_or(now);
    Err(Error::Throttled(ends_at - now))
}
