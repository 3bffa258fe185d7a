//! Logging in at other providers: where a person is sent, and what the provider's response proves (OpenID Connect Core
//! 1.0, RFC 6749). What becomes of it for accounts here is not decided in this room.
#![expect(dead_code, reason = "no route calls it yet")]

mod error;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::error::{Failure, UpstreamError};
use crate::{
    accounts::{Email, FullName},
    clock::{Clock, Timestamp},
    config::LoginProvider,
    secret::SecretText,
};

/// The providers that the settings name.
pub(crate) struct Providers(Vec<Provider>);

/// A provider that people can log in with.
pub(crate) struct Provider {
    name: String,
    label: String,
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The person must log in there again, and the provider say when they did: see [`Provider::asks_again`].
    pub(crate) fresh: bool,
}

/// A login that begins.
pub(crate) struct Begun {
    /// Where to send the browser.
    pub(crate) url: String,
    /// What [`Provider::finish`] needs.
    pub(crate) kept: Kept,
}

/// What is kept between the two ends of a login. It is secret until the login ends: seal it, and never log it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The provider's name.
    pub(crate) provider: String,
    /// The `state` that the browser brings back: 256 random bits.
    pub(crate) state: SecretText,
    /// For the ID token alone (OpenID Connect Core §3.1.2.1).
    pub(super) nonce: SecretText,
    /// RFC 7636 §4.1.
    pub(super) verifier: SecretText,
    /// When a fresh login was asked for, in microseconds since 1970.
    pub(super) fresh_since: Option<i64>,
}

/// What a provider sends back through the browser: anybody can have made it up.
#[derive(Default, Clone)]
pub(crate) struct CallbackParams {
    pub(crate) code: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    /// Apple's JSON with the name, at the first login only.
    pub(crate) user: Option<String>,
}

/// Who a provider says has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proved {
    /// With the subject, the one key of an identity (OpenID Connect Core §5.7).
    pub(crate) issuer: String,
    /// 1 to 255 bytes.
    pub(crate) subject: String,
    pub(crate) email: Option<Email>,
    /// Whether the address was proved, as far as this provider's word counts.
    pub(crate) email_is_proved: bool,
    /// A suggestion for a new account.
    pub(crate) name: Option<FullName>,
    /// When the person logged in there. Always given, and later than [`Provider::begin`], if [`Ask::fresh`] was asked.
    pub(crate) auth_time: Option<Timestamp>,
    /// The provider's name.
    pub(crate) provider: String,
}

impl Providers {
    /// # Errors
    /// Which setting is wrong or which file cannot be read, and what to do.
    pub(crate) fn open(
        providers: &BTreeMap<String, LoginProvider>,
        _clock: &Clock,
    ) -> Result<Self, ProvidersError> {
        let providers = providers.keys().map(|name| Provider { name: name.clone(), label: name.clone() });
        Ok(Self(providers.collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.name == name)
    }

    /// In the order of the buttons.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Provider {
    /// As it stands in paths: 1 to 30 characters of `a-z`, `0-9` and `-`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As it stands on buttons.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether the response comes as a form that another site posts, so without our cookies (Apple).
    pub(crate) fn answers_by_form(&self) -> bool {
        false
    }

    /// Whether it can prove that the person has just logged in there ([`Ask::fresh`]).
    pub(crate) fn asks_again(&self) -> bool {
        false
    }

    /// Begins a login. `redirect_uri` is the provider's own: `…/log-in/with/{name}/callback`.
    ///
    /// # Errors
    /// The provider's metadata cannot be read.
    #[expect(clippy::unused_async, reason = "metadata are fetched")]
    pub(crate) async fn begin(&self, _redirect_uri: &str, _ask: Ask) -> Result<Begun, UpstreamError> {
        Err(UpstreamError::invalid("not built yet"))
    }

    /// Ends a login: exchanges the code and verifies what comes back, within 10 seconds in all. The caller has checked
    /// `state`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    #[expect(clippy::unused_async, reason = "the provider is asked")]
    pub(crate) async fn finish(
        &self,
        _redirect_uri: &str,
        _kept: &Kept,
        _params: &CallbackParams,
    ) -> Result<Proved, UpstreamError> {
        Err(UpstreamError::invalid("not built yet"))
    }
}

/// Why the settings of a provider cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the login provider `{name}`: {problem}")]
pub struct ProvidersError {
    name: String,
    problem: String,
}
