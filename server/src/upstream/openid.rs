//! Finishes a login at an OpenID provider: the code, the ID token, and the claims from userinfo.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis::tokens::{PublicKeys, Signed};
use serde_json::{Map, Value};

use super::{
    CallbackParams, Kept, Provider, UpstreamError, apple,
    id_token::{self, Expected},
    kind::Kind,
    metadata::Metadata,
    profile::Profile,
    tenant,
    wire::Wire,
};
use crate::clock::Timestamp;

/// How long metadata and keys are cached, in seconds. If a key is not among the cached ones, they are fetched again
/// immediately.
const KNOWN: i64 = 3600;
/// The issuer that Apple's tokens sometimes have.
const APPLE_TOO: &str = "https://account.apple.com";

/// The cached documents of a provider.
#[derive(Default)]
pub(super) struct Known(Mutex<Remembered>);

#[derive(Default, Clone)]
struct Remembered {
    metadata: Option<(Timestamp, Arc<Metadata>)>,
    keys: Option<(Timestamp, Arc<PublicKeys>)>,
}

impl Known {
    fn get(&self) -> Remembered {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Remembered)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Provider {
    /// The metadata, cached for an hour.
    pub(super) async fn metadata(&self, wire: &Wire<'_>) -> Result<Arc<Metadata>, UpstreamError> {
        let now = self.clock.now();
        if let Some((read, metadata)) = self.known.get().metadata
            && is_recent(read, now)
        {
            return Ok(metadata);
        }
        let (address, issuer) = match self.kind {
            Kind::Microsoft => {
                (self.tenant.discovery(&self.issuer), self.tenant.metadata_issuer(&self.issuer))
            }
            _ => (self.issuer.clone(), self.issuer.clone()),
        };
        let metadata = Arc::new(Metadata::fetch(wire, &address, &issuer).await?);
        self.known.set(|known| known.metadata = Some((now, Arc::clone(&metadata))));
        Ok(metadata)
    }

    pub(super) async fn fetch_keys(
        &self,
        wire: &Wire<'_>,
        metadata: &Metadata,
    ) -> Result<Arc<PublicKeys>, UpstreamError> {
        const WHAT: &str = "the keys";
        let jwks = wire.get(WHAT, &metadata.jwks_uri).await?;
        let keys =
            PublicKeys::read(&jwks.to_string()).map_err(|cause| wire.wrong(WHAT, &cause.to_string()))?;
        let keys = Arc::new(keys);
        self.known.set(|known| known.keys = Some((self.clock.now(), Arc::clone(&keys))));
        Ok(keys)
    }

    /// # Errors
    /// [`UpstreamError`]. The cached documents are then dropped, because they may be the cause.
    pub(super) async fn openid_profile(
        &self,
        wire: &Wire<'_>,
        redirect_uri: &str,
        kept: &Kept,
        params: &CallbackParams,
    ) -> Result<(Profile, Option<Timestamp>), UpstreamError> {
        let outcome = self.openid_login(wire, redirect_uri, kept, params).await;
        if outcome.is_err() {
            self.known.set(|known| *known = Remembered::default());
        }
        outcome
    }

    async fn openid_login(
        &self,
        wire: &Wire<'_>,
        redirect_uri: &str,
        kept: &Kept,
        params: &CallbackParams,
    ) -> Result<(Profile, Option<Timestamp>), UpstreamError> {
        let metadata = self.metadata(wire).await?;
        let answer = self
            .exchange(wire, (&metadata.token_endpoint, metadata.auth), redirect_uri, kept, params)
            .await?;
        let id_token = answer
            .id_token
            .as_deref()
            .ok_or_else(|| wire.wrong("the token endpoint", "returned no ID token"))?;
        let token = self.opened(wire, &metadata, id_token).await?;
        let expected = Expected {
            is_issuer: &|issuer, claims| self.is_token_issuer(issuer, claims, token.key_issuer()),
            client_id: &self.client_id,
            nonce: kept.nonce.expose(),
            access_token: answer.access_token.expose(),
            fresh_since: kept.fresh_since.map(Timestamp::from_micros),
            now: self.clock.now(),
        };
        let auth_time = id_token::check(&token, &expected).map_err(|why| wire.wrong("the ID token", why))?;
        let mut claims = token.claims().clone();
        if self.asks_userinfo()
            && !claims.contains_key("email")
            && let Some(url) = &metadata.userinfo_endpoint
        {
            let userinfo = self.userinfo(wire, url, answer.access_token.expose(), &claims).await?;
            // The ID token is signed, so its claims take precedence.
            for (name, value) in userinfo {
                claims.entry(name).or_insert(value);
            }
        }
        let profile = self.profile_of(claims, params).map_err(|why| wire.wrong("the ID token", why))?;
        Ok((profile, auth_time))
    }

    /// The token, verified by the cached keys, or by fresh ones if its key is not among them. Each login fetches them
    /// at most once, so an issuer cannot make us fetch them more often than people log in.
    async fn opened(
        &self,
        wire: &Wire<'_>,
        metadata: &Metadata,
        id_token: &str,
    ) -> Result<Signed, UpstreamError> {
        let known = self.known.get().keys.filter(|(read, _)| is_recent(*read, self.clock.now()));
        if let Some((_, keys)) = known {
            match keys.open(id_token) {
                Err(cause) if cause.is_unknown_key() => {}
                opened => return opened.map_err(|cause| wire.wrong("the ID token", &cause.to_string())),
            }
        }
        let keys = self.fetch_keys(wire, metadata).await?;
        keys.open(id_token).map_err(|cause| wire.wrong("the ID token", &cause.to_string()))
    }

    /// Whether `iss` names the provider.
    pub(super) fn is_token_issuer(
        &self,
        issuer: &str,
        claims: &Map<String, Value>,
        key_issuer: Option<&str>,
    ) -> bool {
        match self.kind {
            Kind::Google => issuer == self.issuer || Some(issuer) == self.issuer.strip_prefix("https://"),
            Kind::Apple => issuer == self.issuer || self.is_at_home() && issuer == APPLE_TOO,
            Kind::Microsoft => claims.get("tid").and_then(Value::as_str).is_some_and(|tid| {
                issuer == tenant::issuer_of(&self.issuer, tid)
                    && self.tenant.has(&self.issuer, issuer)
                    && key_issuer.is_none_or(|of_key| tenant::signs_for(of_key, tid, issuer))
            }),
            _ => issuer == self.issuer,
        }
    }

    /// Whether userinfo is queried for claims that the ID token lacks. The other providers put all of them in the
    /// token.
    fn asks_userinfo(&self) -> bool {
        matches!(self.kind, Kind::GitLab | Kind::Issuer)
    }

    async fn userinfo(
        &self,
        wire: &Wire<'_>,
        url: &str,
        access_token: &str,
        claims: &Map<String, Value>,
    ) -> Result<Map<String, Value>, UpstreamError> {
        const WHAT: &str = "userinfo";
        let Some(Value::Object(userinfo)) = wire.get_as(WHAT, url, access_token).await? else {
            return Err(wire.wrong(WHAT, "returned no JSON object"));
        };
        // OpenID Connect Core §5.3.2: otherwise it is about someone else.
        if userinfo
            .get("sub")
            .and_then(Value::as_str)
            .is_none_or(|sub| Some(sub) != claims.get("sub").and_then(Value::as_str))
        {
            return Err(wire.wrong(WHAT, "is about another person than the ID token (`sub`)"));
        }
        Ok(userinfo)
    }

    fn profile_of(
        &self,
        mut claims: Map<String, Value>,
        params: &CallbackParams,
    ) -> Result<Profile, &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let issuer = match self.kind {
            // Each tenant has its own.
            Kind::Microsoft => text("iss").ok_or("has no `iss`")?.to_owned(),
            // The same person has one issuer, however the token spells it.
            _ => self.issuer.clone(),
        };
        let subject = match self.kind {
            // `sub` differs between applications; `oid` identifies the person.
            Kind::Microsoft => text("oid").ok_or("has no `oid`; ask for the scope `profile`")?,
            _ => text("sub").ok_or("has no `sub`")?,
        };
        let subject = subject.to_owned();
        let email = text("email").map(str::to_owned);
        let name = match self.kind {
            Kind::Apple => params.user.as_deref().and_then(apple::name_in),
            _ => text("name").or_else(|| text("preferred_username")).map(str::to_owned),
        };
        if self.kind == Kind::Apple && claims.get("email_verified").is_some_and(|claim| claim == "true") {
            // Only Apple sometimes writes it as text.
            claims.insert("email_verified".to_owned(), true.into());
        }
        Ok(Profile { issuer, subject, email, claims, name })
    }
}

fn is_recent(read: Timestamp, now: Timestamp) -> bool {
    now.as_secs().abs_diff(read.as_secs()) < KNOWN.unsigned_abs()
}
