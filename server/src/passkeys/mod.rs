//! Passkeys: credentials of Web Authentication, each of which shows two factors at once. The authenticator has the key,
//! and it verifies its owner before it signs; user verification is always required.
//!
//! A passkey is discoverable: nobody types a name, and no answer depends on one. `webauthn/` verifies what
//! authenticators send; [`ceremony`] gives out challenges and takes each once; [`owner`] is what an owner does about
//! their passkeys. The room stands below `factors`, whose gate knows that a passkey is more than a first factor, and below
//! `login`, which begins the sessions.

mod ceremony;
mod first;
pub(crate) mod http;
mod options;
mod owner;
pub(crate) mod pages;
mod shown;
mod store;
mod webauthn;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub(crate) use self::{
    ceremony::{Bond, Browser, KnownBrowser},
    first::{First, add_first, ask_for_first, verify_first},
    options::{CreationOptions, RequestOptions},
    owner::{Made, RegistrationResponse, forget, list, rejected},
    shown::{AssertionResponse, Presented, ask, hold_by, verify, waste},
    webauthn::Rejected,
};
use crate::{
    accounts::AccountId,
    app::App,
    clock::Timestamp,
    config::PublicUrl,
    db::{Conn, Tx},
    error::Error,
};

/// The passkeys of one account.
const MOST: usize = 20;

/// A passkey's ID. It names the row; the credential's own id comes from the authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasskeyId(Uuid);
crate::db::column!(PasskeyId, Uuid);

impl PasskeyId {
    /// Parses the ID from a path or a form.
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl std::fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A passkey as its owner sees it.
#[derive(Debug)]
pub(crate) struct Passkey {
    pub(crate) id: PasskeyId,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    /// Whether it is on several devices.
    pub(crate) is_backed_up: bool,
}
crate::db::from_row!(Passkey { id, name, created_at, last_used_at, is_backed_up });

/// This server as a WebAuthn relying party.
#[derive(Debug, Clone, Copy)]
struct RelyingParty<'a> {
    id: &'a str,
    origin: &'a str,
    name: &'a str,
}

impl<'a> RelyingParty<'a> {
    /// # Errors
    /// [`Error::PasskeysOff`]: see [`are_possible`].
    fn of(app: &'a App) -> Result<Self, Error> {
        let url = app.public_url();
        if !are_possible(url) {
            return Err(Error::PasskeysOff);
        }
        Ok(Self { id: url.host(), origin: url.origin(), name: &app.config().brand.name })
    }
}

/// Whether passkeys work at this public address: an RP ID is always a domain, never an IP address (WebAuthn §4, "RP
/// ID").
pub(crate) fn are_possible(url: &PublicUrl) -> bool {
    !url.is_ip_address()
}

/// Whether an account has a passkey that works at this address.
pub(crate) async fn is_any(app: &App, conn: Conn<'_>, account: AccountId) -> Result<bool, Error> {
    Ok(are_possible(app.public_url()) && store::count(conn, account).await? > 0)
}

/// A passkey, for its owner's export.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedPasskey {
    id: String,
    name: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// `null` if it was never used.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    /// Whether it is on several devices.
    is_backed_up: bool,
}

pub(crate) async fn exported(conn: Conn<'_>, account: AccountId) -> Result<Vec<ExportedPasskey>, Error> {
    let passkeys = store::passkeys_of(conn, account).await?;
    let exported = passkeys.into_iter().map(|passkey| ExportedPasskey {
        id: passkey.id.to_string(),
        name: passkey.name,
        created_at: passkey.created_at.to_rfc3339(),
        last_used_at: passkey.last_used_at.map(Timestamp::to_rfc3339),
        is_backed_up: passkey.is_backed_up,
    });
    Ok(exported.collect())
}

/// Forgets every challenge, of a restored backup: some were used after it was made. The passkeys stay.
pub(crate) async fn forget_every_challenge(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every_challenge(tx.conn()).await?)
}

/// Forgets challenges that have expired.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_expired(tx.conn(), now).await
}
