//! Rate limits: passwords, codes, sign-ups, emails and other things that strangers could repeat.
//!
//! Passwords have three counters, in the database, so that they hold across all instances and survive a restart:
//!
//! | counts failures of | limit | in |
//! |---|---|---|
//! | one name from one address | 10 | 15 minutes |
//! | one address, whatever the name | 100 | 15 minutes |
//! | one name from all addresses | 100 | 24 hours |
//!
//! An attempt is counted *before* the password is checked, so a burst of parallel guesses cannot slip
//! past; a success gives its counts back. Names are counted as submitted, whether or not they have an
//! account. The last limit does not apply to an address from which the account has logged in before, so
//! a stranger who guesses from everywhere cannot lock the owner out. A password reset or a login by
//! email clears it. Emailed codes have their own first two counters. IPv6 addresses count by /64.

mod store;

use std::time::Duration;

use self::store::Key;
use crate::{
    accounts::{AccountId, Email, Held},
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

/// Failures per name and address.
const PAIR: Limit = Limit { most: 10, window: QUARTER_HOUR };
/// Failures per address.
const ADDRESS: Limit = Limit { most: 100, window: QUARTER_HOUR };
/// Failures per name (NIST SP 800-63B-4 §3.2.2 allows 100).
const NAME: Limit = Limit { most: 100, window: DAY };
/// Sign-ups per address.
const SIGN_UPS: Limit = Limit { most: 200, window: HOUR };
/// Logins with other providers begun per address.
const SOCIAL: Limit = Limit { most: 100, window: QUARTER_HOUR };
/// Emails on request, per purpose and recipient.
const MAILS: Limit = Limit { most: 3, window: HOUR };
/// Emails per recipient saying that they already have an account.
const KNOWN_ACCOUNT_MAILS: Limit = Limit { most: 1, window: DAY };
/// Emails requested per source, whatever the recipient.
const MAILS_OF_SOURCE: Limit = Limit { most: 20, window: HOUR };
/// Email addresses per account that it shares a row with or looks up. Each reveals whether it has an account.
const LOOKED_UP: Limit = Limit { most: 100, window: HOUR };
/// Codes for the first administrator tried per address.
const CLAIMS: Limit = Limit { most: 10, window: QUARTER_HOUR };
/// Passkeys presented per address.
const PASSKEYS: Limit = Limit { most: 1000, window: QUARTER_HOUR };
/// Emails per account about a wrong second factor or a copied passkey.
const FACTOR_MAILS: Limit = Limit { most: 1, window: HOUR };
/// Notices of one kind per address, so that none of them uses up another's limit.
const NOTICES: Limit = Limit { most: 5, window: HOUR };
/// Notices of any kind to an address that nobody has confirmed: it may belong to someone else.
const NOTICES_UNCONFIRMED: Limit = Limit { most: 3, window: HOUR };
/// Changes of a password that end the account's emailed links.
const LINKS_ENDED: Limit = Limit { most: 1, window: HOUR };
/// Invitations to organisations per sending account.
const INVITATIONS: Limit = Limit { most: 100, window: DAY };
/// Invitations to organisations per recipient, whoever sends them.
const INVITATIONS_TO_ADDRESS: Limit = Limit { most: 3, window: DAY };
/// How long an account remembers an address that it logged in from.
const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// A maximum per window of time.
#[derive(Debug, Clone, Copy)]
struct Limit {
    most: i64,
    window: Duration,
}

/// A counted attempt that may proceed. `None` if limits are off.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt(Option<Keys>);

/// The keys that an attempt is counted under. They are MACs: the table holds neither names nor addresses.
#[derive(Debug)]
struct Keys {
    pair: Key,
    address: Key,
    /// `None` for an emailed code.
    name: Option<Key>,
}

impl Keys {
    fn new(app: &App, email: &Email, client: &Client) -> Self {
        let network = client.network();
        let name = email.as_str().as_bytes();
        // The network has one of two fixed lengths per family, so the pair is unambiguous.
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

    /// Has no counter by name: each code allows few tries anyway, and strangers who guess codes from everywhere must
    /// not keep the owner from typing a password or the right code.
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

/// Counts an attempt to show a second factor, or rejects it. It is limited as a password is, with counters of its own.
/// They are cleared when the login succeeds, and the account then remembers the network.
pub(crate) async fn reserve_factor(app: &App, email: &Email, client: &Client) -> Result<Attempt, Error> {
    if !app.config().limits {
        return Ok(Attempt(None));
    }
    reserve_by(app, Keys::of_factor(app, email, client), email, client).await
}

/// The attempt that [`reserve`] counted in an earlier request of the same login, for [`forgive`].
pub(crate) fn reserved(app: &App, email: &Email, client: &Client) -> Attempt {
    Attempt(app.config().limits.then(|| Keys::new(app, email, client)))
}

/// Counts an attempt, or rejects it.
///
/// Rejected attempts are not counted further, so one address cannot drive up the name's counter.
pub(crate) async fn reserve(app: &App, email: &Email, client: &Client) -> Result<Attempt, Error> {
    if !app.config().limits {
        return Ok(Attempt(None));
    }
    reserve_by(app, Keys::new(app, email, client), email, client).await
}

/// Like [`reserve`], for an emailed code.
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

/// Removes a success from the counters and remembers the address for the account. For an emailed code, [`end_lock`]
/// remembers it.
pub(crate) async fn forgive(
    tx: &mut Tx,
    attempt: &Attempt,
    held: &Held,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(keys) = &attempt.0 else { return Ok(()) };
    // In the order of `reserve`, so that two transactions cannot deadlock.
    store::forget(tx.conn(), &keys.pair).await?;
    store::give_back(tx.conn(), &keys.address).await?;
    if let Some(name) = &keys.name {
        store::forget(tx.conn(), name).await?;
        store::remember_address(tx.conn(), held.id, &keys.address, now).await?;
    }
    Ok(())
}

/// Like [`forgive`], for an emailed code that proves an address, which need not have an account.
pub(crate) async fn forgive_code(tx: &mut Tx, attempt: &Attempt) -> Result<(), Error> {
    let Some(keys) = &attempt.0 else { return Ok(()) };
    store::forget(tx.conn(), &keys.pair).await?;
    Ok(store::give_back(tx.conn(), &keys.address).await?)
}

/// Clears the failures counted under the owner's name: someone who can read the owner's email may log in from anywhere.
/// With `from`, a login, the account remembers that network.
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

/// Counts a sign-up, or rejects it.
pub(crate) async fn count_sign_up(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: sign-up", SIGN_UPS, client).await
}

/// Counts the start of a login with another provider, or rejects it.
pub(crate) async fn count_social(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: social login", SOCIAL, client).await
}

/// Takes a login with another provider that succeeded off the count.
pub(crate) async fn forgive_social(app: &App, tx: &mut Tx, client: &Client) -> Result<(), Error> {
    let key = app.secret().mac("throttle: social login", &client.network());
    Ok(store::give_back(tx.conn(), &key).await?)
}

/// Counts an attempt to become the first administrator, or rejects it.
pub(crate) async fn count_claim(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: first administrator", CLAIMS, client).await
}

/// Counts a lookup of an account by email address, or rejects it.
pub(crate) async fn count_look_up(app: &App, asker: AccountId) -> Result<(), Error> {
    count_by(app, app.secret().mac("throttle: look-ups", asker.to_string().as_bytes()), LOOKED_UP).await
}

/// Counts a presented passkey, or rejects it. Signatures cannot be guessed: this bounds the work that strangers cause.
pub(crate) async fn count_passkey(app: &App, client: &Client) -> Result<(), Error> {
    count_by_address(app, "throttle: passkeys", PASSKEYS, client).await
}

async fn count_by_address(
    app: &App,
    purpose: &'static str,
    limit: Limit,
    client: &Client,
) -> Result<(), Error> {
    count_by(app, app.secret().mac(purpose, &client.network()), limit).await
}

async fn count_by(app: &App, key: Key, limit: Limit) -> Result<(), Error> {
    if !app.config().limits {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    count(&mut tx, &key, limit, app.now()).await?;
    Ok(tx.commit().await?)
}

/// The purpose of a requested email. Each is counted separately, so that none uses up another's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailFor {
    /// To verify the current address.
    Verification,
    /// To set a new password.
    NewPassword,
    /// To log in.
    LogIn,
    /// To verify a new address.
    NewAddress,
    /// To say that there already is an account.
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

    /// Whether the email lets the owner of the address log in.
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

/// Counts a requested email and returns whether it may be sent. Otherwise anyone could fill someone else's inbox.
/// Addresses are counted as submitted, whether or not they have an account. Rejected requests are not counted further.
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
    // The source first: a source over its limit does not use up the recipient's.
    if store::count(tx.conn(), &source, MAILS_OF_SOURCE, now).await?.is_none() {
        tracing::info!(purpose = what.name(), "an email was not sent: too many requests from its network");
        return Ok(false);
    }
    may_mail_to(app, tx, what, to, client, now).await
}

/// Like [`may_mail`], for an email whose source is already counted.
///
/// Owners who ask from a network that the account has logged in from have their own counter: requests by strangers from
/// elsewhere do not hold back the owner's emails.
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
    // A purpose has no line break, and no network begins with one, so this is unambiguous.
    let counted = [what.name().as_bytes(), b"\n", asker, b"\n", to.as_str().as_bytes()].concat();
    let address = app.secret().mac("throttle: mails to an address", &counted);
    let may = store::count(tx.conn(), &address, what.limit(), now).await?.is_some();
    if !may {
        tracing::info!(purpose = what.name(), "an email was not sent: too many requests for its address");
    }
    Ok(may)
}

/// Counts an email about a wrong second factor and returns whether it may be sent.
pub(crate) async fn may_tell_of_factor(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    let key = app.secret().mac("throttle: emails about a factor", held.id.to_string().as_bytes());
    Ok(store::count(tx.conn(), &key, FACTOR_MAILS, now).await?.is_some())
}

/// Counts a notice, an email about something that was done, and returns whether it may be sent. What it reports is in
/// the audit log in any case.
pub(crate) async fn may_notify(
    app: &App,
    tx: &mut Tx,
    to: &Email,
    is_confirmed: bool,
    kind: &'static str,
    now: Timestamp,
) -> Result<bool, Error> {
    if !app.config().limits {
        return Ok(true);
    }
    let (limit, kind) = if is_confirmed { (NOTICES, kind) } else { (NOTICES_UNCONFIRMED, "") };
    let counted = [kind.as_bytes(), b"\n", to.as_str().as_bytes()].concat();
    let key = app.secret().mac("throttle: notices", &counted);
    let may = store::count(tx.conn(), &key, limit, now).await?.is_some();
    if !may {
        tracing::info!(kind, "a notification was not sent: too many to its address");
    }
    Ok(may)
}

/// Counts an invitation to an organisation, or rejects it. Otherwise someone could fill other people's inboxes.
pub(crate) async fn count_invitation(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    to: &Email,
    now: Timestamp,
) -> Result<(), Error> {
    if !app.config().limits {
        return Ok(());
    }
    let account = app.secret().mac("throttle: invitations of an account", held.id.to_string().as_bytes());
    count(tx, &account, INVITATIONS, now).await?;
    let address = app.secret().mac("throttle: invitations to an address", to.as_str().as_bytes());
    count(tx, &address, INVITATIONS_TO_ADDRESS, now).await?;
    Ok(())
}

/// Counts a change of the password, and returns whether it may end the links that the account's mailbox asked for.
pub(crate) async fn may_end_links(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<bool, Error> {
    if !app.config().limits {
        return Ok(true);
    }
    let key = app.secret().mac("throttle: links ended by a new password", held.id.to_string().as_bytes());
    Ok(store::count(tx.conn(), &key, LINKS_ENDED, now).await?.is_some())
}

/// Counts a request to change an account's email address. The limit is that of emails to one address.
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
        tracing::info!(account = %held.id, "a request to change the address was ignored: there were too many");
    }
    Ok(may)
}

/// Forgets the failures counted under this name from all addresses.
pub(crate) async fn forget(app: &App, tx: &mut Tx, email: &Email) -> Result<(), Error> {
    let key = app.secret().mac("throttle: name", email.as_str().as_bytes());
    Ok(store::forget(tx.conn(), &key).await?)
}

/// Deletes windows that have ended and addresses that are no longer remembered.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    let attempts = store::delete_ended(tx.conn(), now).await?;
    Ok(attempts + store::delete_unseen_since(tx.conn(), now - KNOWN_FOR).await?)
}

/// Counts one more under `key`. Returns whether that was the last one allowed in this window.
async fn count(tx: &mut Tx, key: &Key, limit: Limit, now: Timestamp) -> Result<bool, Error> {
    if let Some(counted) = store::count(tx.conn(), key, limit, now).await? {
        return Ok(counted >= limit.most);
    }
    let ends_at = store::window_end(tx.conn(), key).await?.unwrap_or(now);
    Err(Error::Throttled(ends_at - now))
}
