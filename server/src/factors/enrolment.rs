//! What owners do with their second factor, and what administrators do about a lost one.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{codes::RecoveryCodes, codes::Typed, is_required, qr, store, totp::Key};
use crate::{
    access::{By, Fresh, Method},
    accounts::{self, AccountId, Held, Locked},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    invalid::{Fault, Invalid},
    mail::{self, Message, Recipient},
    passkeys, sessions,
};

/// How long a key can be confirmed after it was shown.
const LIFETIME: Duration = Duration::from_mins(30);

/// A key that is shown to its owner, who types or scans it into an authenticator app.
pub(crate) struct Enrolment {
    pub(super) key: Zeroizing<String>,
    pub(super) uri: Zeroizing<String>,
    pub(super) qr: Zeroizing<String>,
}

impl Enrolment {
    pub(super) fn of(app: &App, held: &Held, key: &Key) -> Result<Self, Error> {
        let uri = key.uri(&app.config().brand.name, held.email.as_str());
        let qr = qr::svg(&uri, "QR code")?;
        Ok(Self { key: key.text(), uri, qr })
    }

    /// The key in groups of four.
    pub(super) fn groups(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.key.len() * 5 / 4));
        for (at, symbol) in self.key.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                text.push(' ');
            }
            text.push(symbol);
        }
        text
    }
}

/// Shows a new key. It takes effect with [`confirm_enrolment`] in the same session; until then an older app stays
/// valid.
pub(crate) async fn begin_enrolment(app: &App, fresh: Fresh) -> Result<Enrolment, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let key = Key::random();
    let session = fresh.principal().session;
    store::put_enrolment(tx.conn(), held.id, session, &key.seal(app, held.id), now + LIFETIME).await?;
    let enrolment = Enrolment::of(app, &held, &key)?;
    tx.commit().await?;
    Ok(enrolment)
}

/// The key that was shown in this session, to show it again with the error for a wrong code.
pub(super) async fn shown(app: &App, fresh: Fresh) -> Result<Enrolment, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let key = shown_key(app, &mut tx, &held, fresh, now).await?;
    Enrolment::of(app, &held, &key)
}

async fn shown_key(app: &App, tx: &mut Tx, held: &Held, fresh: Fresh, now: Timestamp) -> Result<Key, Error> {
    let session = fresh.principal().session;
    let sealed = store::enrolment(tx.conn(), held.id, session, now).await?.ok_or(Error::NotFound)?;
    Key::open(app, held.id, &sealed)
}

/// Activates the key that was shown, given its first code. Every other session of the account ends, and the account
/// gets new recovery codes.
///
/// # Errors
/// [`Error::NotFound`] if no key was shown in this session within 30 minutes; [`Error::Invalid`] for a wrong code.
pub(crate) async fn confirm_enrolment(
    app: &App,
    fresh: Fresh,
    code: &str,
    client: &Client,
) -> Result<RecoveryCodes, Error> {
    let typed = Typed::of(code);
    retry(|| confirm(app, fresh, &typed, client)).await
}

async fn confirm(app: &App, fresh: Fresh, typed: &Typed, client: &Client) -> Result<RecoveryCodes, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let key = shown_key(app, &mut tx, &held, fresh, now).await?;
    let step = match typed {
        Typed::OfApp(code) => key.step_of(code, now, 0),
        Typed::Recovery(_) | Typed::Other => None,
    };
    let step = step.ok_or_else(|| Invalid::field("code", Fault::WrongCode))?;
    sessions::raise(&mut tx, &held, fresh.principal().session, Method::Otp, now).await?;
    enrol(app, &mut tx, &held, &key, step, client, now).await?;
    let codes = make_codes(&mut tx, &held, client, now).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Activates a key whose first code was correct.
pub(super) async fn enrol(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    key: &Key,
    step: i64,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    store::put_totp(tx.conn(), held.id, &key.seal(app, held.id), step, now).await?;
    store::delete_enrolment(tx.conn(), held.id).await?;
    accounts::raise_epoch(tx, held, now).await?;
    mail::enqueue(app, tx, &Recipient::of(held), &Message::TotpAdded, now).await?;
    events::record(tx, Event::TotpAdded, Some(held.id), client, now).await
}

/// Removes the app and the recovery codes. Every other session of the account ends.
///
/// # Errors
/// [`Error::NotFound`] if there is none; [`Error::FactorRequired`] if the operator requires one and the account has
/// no passkey.
pub(crate) async fn remove(app: &App, fresh: Fresh, client: &Client) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, fresh, now).await?;
        if is_required(app, held.role()) && !passkeys::is_any(app, tx.conn(), held.id).await? {
            return Err(Error::FactorRequired);
        }
        if !forget(app, &mut tx, &held, client, now).await? {
            return Err(Error::NotFound);
        }
        accounts::raise_epoch(&mut tx, &held, now).await?;
        sessions::end_others(&mut tx, &held, fresh.principal().session, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Removes the app, the recovery codes and the passkeys of somebody who has lost them. Every session of the account
/// ends.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account, or it has no second factor; [`Error::Database`].
pub(crate) async fn remove_lost(app: &App, account: AccountId, by: By<'_>) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, account, by, now).await?;
        let had_app = forget(app, &mut tx, &locked, by.client(), now).await?;
        let had_passkeys = passkeys::forget(app, &mut tx, &locked, by.client(), now).await?;
        if !had_app && !had_passkeys {
            return Err(Error::NotFound);
        }
        accounts::raise_epoch(&mut tx, &locked, now).await?;
        sessions::end_all(&mut tx, &locked, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Removes the app and the recovery codes. Returns whether there was an app.
async fn forget(
    app: &App,
    tx: &mut Tx,
    locked: &Locked,
    client: &Client,
    now: Timestamp,
) -> Result<bool, Error> {
    if !store::delete_totp(tx.conn(), locked.id).await? {
        return Ok(false);
    }
    store::delete_codes(tx.conn(), locked.id).await?;
    store::delete_enrolment(tx.conn(), locked.id).await?;
    mail::enqueue(app, tx, &Recipient::of(locked), &Message::TotpRemoved, now).await?;
    events::record(tx, Event::TotpRemoved, Some(locked.id), client, now).await?;
    Ok(true)
}

/// Creates new recovery codes and invalidates the old ones.
///
/// # Errors
/// [`Error::NotFound`] if the account has no app.
pub(crate) async fn renew_codes(app: &App, fresh: Fresh, client: &Client) -> Result<RecoveryCodes, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, fresh, now).await?;
        if store::totp(tx.conn(), held.id).await?.is_none() {
            return Err(Error::NotFound);
        }
        let codes = make_codes(&mut tx, &held, client, now).await?;
        accounts::raise_epoch(&mut tx, &held, now).await?;
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &Message::RecoveryCodesMade, now).await?;
        tx.commit().await?;
        Ok(codes)
    })
    .await
}

async fn make_codes(
    tx: &mut Tx,
    held: &Held,
    client: &Client,
    now: Timestamp,
) -> Result<RecoveryCodes, Error> {
    let codes = RecoveryCodes::random();
    store::delete_codes(tx.conn(), held.id).await?;
    for digest in codes.digests() {
        store::insert_code(tx.conn(), held.id, &digest).await?;
    }
    events::record(tx, Event::RecoveryCodesMade, Some(held.id), client, now).await?;
    Ok(codes)
}
