//! Login at other providers: where to send the browser, and what the provider's response proves (OpenID Connect Core
//! 1.0, RFC 6749). The consequences for accounts here are decided in `social`.

mod apple;
mod doctor;
mod error;
mod id_token;
mod kind;
mod metadata;
mod oauth;
mod openid;
mod profile;
mod settings;
mod tenant;
mod trust;
mod wire;

use std::{collections::BTreeMap, fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

pub(crate) use self::doctor::Health;
pub(crate) use self::error::{Failure, UpstreamError};
use self::{
    apple::AppleKey,
    kind::Kind,
    openid::Known,
    profile::Profile,
    tenant::Tenant,
    trust::Trust,
    wire::{ClientAuth, Wire, cleaned},
};
use crate::{
    accounts::{Email, FullName},
    clock::{Clock, Timestamp},
    config::LoginProvider,
    outgoing::Outgoing,
    secret::SecretText,
};

/// The maximum length of a subject (OpenID Connect Core §2).
const SUBJECT: usize = 255;
/// The maximum length of a code or token that is passed on.
const LONGEST: usize = 64 * 1024;

/// The configured providers.
pub(crate) struct Providers(Vec<Provider>);

/// A provider that people can log in with.
pub(crate) struct Provider {
    name: String,
    label: String,
    kind: Kind,
    /// Its address, and the `iss` of its tokens, except for Microsoft, where each tenant has its own.
    issuer: String,
    tenant: Tenant,
    client_id: String,
    credential: Credential,
    scopes: String,
    trust: Trust,
    outgoing: Arc<Outgoing>,
    clock: Clock,
    known: Known,
}

/// How we authenticate to the provider.
enum Credential {
    None,
    Secret(SecretString),
    Apple(Box<AppleKey>),
}

/// Options of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The person must log in there again, and the provider must state when they did: see [`Provider::asks_again`].
    pub(crate) fresh: bool,
}

/// A newly begun login.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Where to send the browser.
    pub(crate) url: String,
    /// What [`Provider::finish`] needs.
    pub(crate) kept: Kept,
}

/// What is kept between the two ends of a login. It is secret until the login is finished: seal it, and never log it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The provider's name.
    pub(crate) provider: String,
    /// The `state` that the browser brings back: 256 random bits.
    pub(crate) state: SecretText,
    /// Only for the ID token (OpenID Connect Core §3.1.2.1).
    nonce: SecretText,
    /// RFC 7636 §4.1.
    verifier: SecretText,
    /// When a fresh login was requested, in microseconds since 1970.
    fresh_since: Option<i64>,
}

impl Kept {
    /// Whether a fresh login was asked for.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh_since.is_some()
    }
}

/// A provider's response through the browser. Untrusted: anyone may have made it up.
#[derive(Default, Clone)]
pub(crate) struct CallbackParams {
    pub(crate) code: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_description: Option<String>,
    /// Apple's JSON with the name, sent only at the first login.
    pub(crate) user: Option<String>,
}

/// The person who has logged in, according to the provider.
#[expect(clippy::struct_field_names, reason = "that an address is proved is what the field says")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proved {
    /// With the subject, the only key of an identity (OpenID Connect Core §5.7).
    pub(crate) issuer: String,
    /// 1 to 255 bytes.
    pub(crate) subject: String,
    pub(crate) email: Option<Email>,
    /// Whether the address is proved, as far as this provider is trusted.
    pub(crate) email_is_proved: bool,
    /// A suggestion for a new account.
    pub(crate) name: Option<FullName>,
    /// When the person logged in there. If [`Ask::fresh`] was set, it is always present and not before
    /// [`Provider::begin`] (less a minute of clock difference).
    pub(crate) auth_time: Option<Timestamp>,
    /// The provider's name.
    pub(crate) provider: String,
}

impl Providers {
    /// # Errors
    /// Which setting is wrong or which file cannot be read, and what to do.
    pub(crate) fn open(
        providers: &BTreeMap<String, LoginProvider>,
        clock: &Clock,
    ) -> Result<Self, ProvidersError> {
        let ways = settings::Ways::new();
        let open =
            |(name, settings): (&String, &LoginProvider)| settings::provider(name, settings, &ways, clock);
        let mut providers = providers.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        providers.sort_by_key(|provider| provider.kind.place());
        Ok(Self(providers))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.name == name)
    }

    /// In the order of their buttons.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Provider {
    /// The name in paths: 1 to 30 characters of `a-z`, `0-9` and `-`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The name on buttons.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether the response comes as a form posted by another site, and therefore without our cookies (Apple).
    pub(crate) fn answers_by_form(&self) -> bool {
        self.kind == Kind::Apple
    }

    /// Whether it can prove that the person has just logged in there ([`Ask::fresh`]).
    pub(crate) fn asks_again(&self) -> bool {
        self.kind.asks_again()
    }

    /// Begins a login. `redirect_uri` is the provider's own: `…/log-in/with/{name}/callback`.
    ///
    /// # Errors
    /// The provider's metadata cannot be read.
    pub(crate) async fn begin(&self, redirect_uri: &str, ask: Ask) -> Result<Begun, UpstreamError> {
        let wire = self.wire();
        let endpoint = if self.kind.is_openid() {
            self.metadata(&wire).await?.authorization_endpoint.clone()
        } else {
            self.authorization_endpoint()
        };
        let mut url =
            Url::parse(&endpoint).map_err(|_| wire.wrong("`authorization_endpoint`", "is not a URL"))?;
        let kept = Kept {
            provider: self.name.clone(),
            state: SecretText::random(""),
            nonce: SecretText::random(""),
            verifier: SecretText::random(""),
            fresh_since: ask.fresh.then(|| self.clock.now().as_micros()),
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, kept.verifier.expose().as_bytes()));
        let mut query = url.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &self.scopes),
            ("state", kept.state.expose()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        if self.kind.is_openid() {
            query.append_pair("nonce", kept.nonce.expose());
        }
        if ask.fresh {
            // Some providers heed only the other one.
            query.append_pair("max_age", "0").append_pair("prompt", "login");
        }
        match self.kind {
            Kind::Apple => drop(query.append_pair("response_mode", "form_post")),
            // Without it, Discord asks for consent at every login.
            Kind::Discord => drop(query.append_pair("prompt", "none")),
            _ => {}
        }
        drop(query);
        Ok(Begun { url: url.into(), kept })
    }

    /// Finishes a login: exchanges the code and verifies the response, within 10 seconds in all. The caller has checked
    /// `state`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub(crate) async fn finish(
        &self,
        redirect_uri: &str,
        kept: &Kept,
        params: &CallbackParams,
    ) -> Result<Proved, UpstreamError> {
        let wire = self.wire();
        // RFC 9700 §4.4.2: a code from another provider must never be sent to this one.
        if kept.provider != self.name {
            return Err(wire.wrong("the response", "belongs to a login at another provider"));
        }
        self.check_callback_issuer(&wire, params).await?;
        if let Some(error) = &params.error {
            return Err(self.said_no(error, params.error_description.as_deref()));
        }
        let (profile, auth_time) = if self.kind.is_openid() {
            self.openid_profile(&wire, redirect_uri, kept, params).await?
        } else {
            (self.oauth_profile(&wire, redirect_uri, kept, params).await?, None)
        };
        self.proved(&wire, profile, auth_time)
    }

    /// RFC 9207 §2.4: `iss` is compared if present, and required if the metadata announce it, also for errors.
    async fn check_callback_issuer(
        &self,
        wire: &Wire<'_>,
        params: &CallbackParams,
    ) -> Result<(), UpstreamError> {
        const WHAT: &str = "the response";
        match &params.iss {
            Some(iss) if !self.is_callback_issuer(iss) => {
                Err(wire.wrong(WHAT, "comes from another provider (`iss`)"))
            }
            None if self.kind.is_openid() && self.metadata(wire).await?.names_itself => {
                Err(wire.wrong(WHAT, "does not name the provider (`iss`), which its metadata promise"))
            }
            _ => Ok(()),
        }
    }

    fn is_callback_issuer(&self, iss: &str) -> bool {
        match self.kind {
            Kind::Microsoft => {
                iss == self.tenant.metadata_issuer(&self.issuer) || self.tenant.has(&self.issuer, iss)
            }
            Kind::GitHub => iss.strip_prefix(&self.issuer) == Some("/login/oauth"),
            _ => iss == self.issuer,
        }
    }

    /// Maps the codes of RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6 and Apple's own.
    fn said_no(&self, error: &str, description: Option<&str>) -> UpstreamError {
        let reason = format!(
            "{}: {} {}",
            self.name,
            cleaned(error, &[]),
            cleaned(description.unwrap_or_default(), &[])
        );
        let reason = reason.trim_end();
        match error {
            "access_denied"
            | "user_cancelled_authorize"
            | "user_denied"
            | "consent_required"
            | "login_required"
            | "interaction_required"
            | "account_selection_required" => UpstreamError::denied(reason),
            "temporarily_unavailable" | "server_error" => UpstreamError::unavailable(reason),
            _ => UpstreamError::invalid(format!(
                "{reason}. Check the settings of this provider, there and here"
            )),
        }
    }

    /// Exchanges the code (RFC 6749 §4.1.3).
    async fn exchange(
        &self,
        wire: &Wire<'_>,
        (url, auth): (&str, ClientAuth),
        redirect_uri: &str,
        kept: &Kept,
        params: &CallbackParams,
    ) -> Result<Tokens, UpstreamError> {
        const WHAT: &str = "the token endpoint";
        let code = params.code.as_deref().filter(|code| (1..=LONGEST).contains(&code.len()));
        let code = code.ok_or_else(|| wire.wrong("the response", "has no code"))?;
        let made;
        let client_secret = match &self.credential {
            Credential::None => None,
            Credential::Secret(secret) => Some(secret.expose_secret()),
            Credential::Apple(key) => {
                made = key
                    .client_secret(&self.client_id, &self.issuer, self.clock.now())
                    .map(SecretText::new)
                    .ok_or_else(|| wire.wrong("`key_file`", "cannot sign"))?;
                Some(made.expose())
            }
        };
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", kept.verifier.expose()),
        ];
        let answer = wire.exchange(url, auth, (&self.client_id, client_secret), &parameters).await?;
        Tokens::read(&answer).map_err(|why| wire.wrong(WHAT, why))
    }

    fn proved(
        &self,
        wire: &Wire<'_>,
        profile: Profile,
        auth_time: Option<Timestamp>,
    ) -> Result<Proved, UpstreamError> {
        if !(1..=SUBJECT).contains(&profile.subject.len()) || profile.subject.chars().any(char::is_control) {
            return Err(wire.wrong("the person's id", "is not 1 to 255 bytes without control characters"));
        }
        // An address that is not valid here counts as missing.
        let email = profile.email.and_then(|email| Email::parse(&email).ok());
        Ok(Proved {
            issuer: profile.issuer,
            subject: profile.subject,
            email_is_proved: email.as_ref().is_some_and(|email| self.trust.proves(email, &profile.claims)),
            email,
            name: profile.name.and_then(|name| FullName::parse(&name).ok()),
            auth_time,
            provider: self.name.clone(),
        })
    }

    fn wire(&self) -> Wire<'_> {
        Wire::new(&self.outgoing, &self.name)
    }

    /// Whether its address is the one in the table.
    fn is_at_home(&self) -> bool {
        self.kind.address() == Some(&self.issuer)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.name)
    }
}

/// The token endpoint's response. None of it is stored.
struct Tokens {
    access_token: SecretText,
    id_token: Option<String>,
}

impl Tokens {
    fn read(answer: &Value) -> Result<Self, &'static str> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        // OpenID Connect Core §3.1.3.3.
        if answer
            .get("token_type")
            .is_some_and(|kind| kind.as_str().is_none_or(|kind| !kind.eq_ignore_ascii_case("bearer")))
        {
            return Err("returned a token that is not a bearer token");
        }
        let access_token = text("access_token").filter(|token| token.len() <= LONGEST);
        Ok(Self {
            access_token: SecretText::new(access_token.ok_or("returned no access token")?.to_owned()),
            id_token: text("id_token").map(str::to_owned),
        })
    }
}

/// Why a provider's settings cannot be used. Never repeats a secret.
#[derive(Debug, thiserror::Error)]
#[error("the setting `{setting}` {problem}. docs/social-login.md describes each provider")]
pub struct ProvidersError {
    setting: String,
    problem: String,
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
