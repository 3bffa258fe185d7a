//! Challenges: each is for one ceremony, bound to whoever requested it, for one use within 5 minutes (WebAuthn §13.4.3).

use std::{convert::Infallible, time::Duration};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use axum::extract::FromRequestParts;
use http::{HeaderName, HeaderValue, header, request::Parts};
use portcullis::describe::{Describe, Operation};

use super::{store, webauthn};
use crate::{
    access::Principal, accounts::AccountId, app::App, clock::Timestamp, db::Tx, error::Error, random,
    secret::SecretText,
};

/// How long a ceremony may take. WebAuthn §15.1 recommends 5 to 10 minutes where the user is verified.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// The bytes of a challenge before its MAC: when it expires, and what is random.
const GIVEN: usize = 8 + 32;

/// What a ceremony is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Add,
    LogIn,
    Confirm,
    SecondFactor,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::LogIn => "log in",
            Self::Confirm => "confirm",
            Self::SecondFactor => "second factor",
        }
    }
}

/// What a challenge is bound to; it is accepted for nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bond {
    pub(super) ceremony: Ceremony,
    bound_to: [u8; 32],
    /// The account whose passkeys may be used; `None` if the passkey determines it.
    pub(super) account: Option<AccountId>,
}

impl Bond {
    /// To add a passkey in a session.
    pub(super) fn to_add(session: Principal) -> Self {
        Self::of_session(Ceremony::Add, session)
    }

    /// To make, in a browser, the passkey that an account is signed up with.
    pub(super) fn to_sign_up(browser: &Browser) -> Self {
        Self { ceremony: Ceremony::Add, bound_to: browser.0.digest(), account: None }
    }

    /// To confirm in a session that its owner is present.
    pub(crate) fn to_confirm(session: Principal) -> Self {
        Self::of_session(Ceremony::Confirm, session)
    }

    fn of_session(ceremony: Ceremony, session: Principal) -> Self {
        let bound_to = sha256_of(session.session.as_bytes());
        Self { ceremony, bound_to, account: Some(session.account) }
    }

    /// To log in from a browser.
    pub(crate) fn to_log_in(browser: &Browser) -> Self {
        Self { ceremony: Ceremony::LogIn, bound_to: browser.0.digest(), account: None }
    }

    /// To complete a login that waits for its second factor; `login` is the digest of its token.
    pub(crate) fn to_end_login(login: [u8; 32], account: AccountId) -> Self {
        Self { ceremony: Ceremony::SecondFactor, bound_to: login, account: Some(account) }
    }

    fn mac(&self, app: &App, given: &[u8]) -> [u8; 32] {
        let account = self.account.map_or(0, AccountId::number).to_be_bytes();
        let name = self.ceremony.name().as_bytes();
        // Each part but the last has a fixed length, so no two bonds give the same bytes.
        app.secret().mac("passkey: challenge", &[given, &self.bound_to, &account, name].concat())
    }
}

/// Creates a challenge: its expiry, 32 random bytes, and a MAC over both and over what it is bound to. It is not stored
/// until it is used, so a page that offers passkeys writes nothing, however often it is loaded.
pub(super) fn give(app: &App, bond: &Bond, now: Timestamp) -> Vec<u8> {
    let mut challenge = (now + LIFETIME).as_micros().to_be_bytes().to_vec();
    challenge.extend(random::bytes::<32>());
    challenge.extend(bond.mac(app, &challenge));
    challenge
}

/// Uses the challenge that a ceremony was run with, if it was created for this. If two requests bring the same one, only
/// one of them gets it. Commit even if the ceremony fails, so that the challenge stays used.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    bond: &Bond,
    client_data_json: &[u8],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, Error> {
    let Ok(challenge) = webauthn::challenge_of(client_data_json) else { return Ok(None) };
    let Some((given, mac)) = challenge.split_last_chunk::<32>() else { return Ok(None) };
    let Some(expires_at) = given.first_chunk().map(|at| Timestamp::from_micros(i64::from_be_bytes(*at)))
    else {
        return Ok(None);
    };
    // Another length could put the parts of the MAC's input elsewhere.
    let is_ours = given.len() == GIVEN && verify_slices_are_equal(&bond.mac(app, given), mac).is_ok();
    if !is_ours || expires_at <= now {
        return Ok(None);
    }
    let is_first = store::use_challenge(tx.conn(), &sha256_of(&challenge), expires_at).await?;
    Ok(is_first.then_some(challenge))
}

fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sha256
}

/// A browser that may log in or sign up, identified by a random cookie value from the moment it asks for options. An
/// assertion made for one browser cannot begin a session in another.
#[derive(Debug)]
pub(crate) struct Browser(SecretText);

impl Browser {
    /// A public address with plain http is always this computer, and there Safari does not keep `Secure` cookies.
    const fn cookie_name(is_https: bool) -> &'static str {
        if is_https { "__Host-portcullis-passkey" } else { "portcullis-passkey" }
    }

    /// The browser that the cookie names, or a new one.
    pub(crate) fn or_new(known: Option<Self>) -> Self {
        known.unwrap_or_else(|| Self(SecretText::random("")))
    }

    /// The header that sets its cookie for as long as a challenge lives.
    pub(crate) fn cookie(&self, app: &App) -> Result<(HeaderName, HeaderValue), Error> {
        let is_https = app.public_url().is_https();
        let secure = if is_https { "; Secure" } else { "" };
        let (name, value) = (Self::cookie_name(is_https), self.0.expose());
        let lifetime = LIFETIME.as_secs();
        // Lax: a link from another site to the login page must not turn this into a different browser.
        let cookie = format!("{name}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}");
        let mut cookie = HeaderValue::try_from(cookie).map_err(|cause| Error::Internal(cause.to_string()))?;
        cookie.set_sensitive(true);
        Ok((header::SET_COOKIE, cookie))
    }
}

/// The browser that sent a request, if it has the cookie.
#[derive(Debug)]
pub(crate) struct KnownBrowser(pub(crate) Option<Browser>);

/// The cookie is optional, so there is nothing to document.
impl Describe for KnownBrowser {
    fn describe(_: &mut Operation<'_>) {}
}

impl FromRequestParts<App> for KnownBrowser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let name = Browser::cookie_name(app.public_url().is_https());
        let fields = parts.headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
        // Two cookies of the same name would be ambiguous.
        let value = values.next().filter(|value| is_ours(value) && values.next().is_none());
        Ok(Self(value.map(|value| Browser(SecretText::new(value.to_owned())))))
    }
}

/// 256 bits in base64url.
fn is_ours(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
