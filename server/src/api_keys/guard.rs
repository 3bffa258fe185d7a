//! How a request presents an API key, and how a guard verifies it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRef;
use portcullis::{
    ApiKey, Bearer, Either, Guard, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, ApiKeySecret, Credential, SecurityScheme, StoredApiKey},
    describe::In,
    guard::Scopes,
};

use super::{rates::Rates, store};
use crate::{
    access::{self, AppScopes, KeyHolder, KeyId, Requester},
    app::App,
    client,
    clock::{Clock, Timestamp},
    db::Db,
    sessions::SessionCookies,
    tokens::SessionTokens,
};

/// How old the last recorded use must be before another one is recorded.
const USED_EVERY: Duration = Duration::from_mins(1);
/// The most uses that are being recorded at once. Others are skipped; a later use of the key is recorded instead.
const MOST_WRITING: usize = 64;

/// An access token, an API key, or the cookie of a browser session. For routes that a program may call.
/// [`Caller`](crate::caller::Caller) accepts no API key.
pub type CallerOrKey = Either<Either<SessionTokens, BearerApiKeys>, Either<ApiKeys, SessionCookies>>;

/// The sender that the guard accepted, whichever credential they sent.
pub(crate) fn requester<S: Scopes>(guard: &Guard<CallerOrKey, S>) -> Requester {
    match guard.principal() {
        Either::Left(Either::Left(principal)) | Either::Right(Either::Right(principal)) => principal.into(),
        Either::Left(Either::Right(holder)) | Either::Right(Either::Left(holder)) => Requester::Key(*holder),
    }
}

/// The header `X-API-Key`.
#[derive(Debug)]
pub struct ApiKeyHeader;

impl ApiKeyPlace for ApiKeyHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

/// Verifies API keys in `X-API-Key`. A typo is rejected by the checksum without the database; a valid key costs one
/// indexed read. An application that mounts the server's router can guard its own routes with this, or with
/// [`CallerOrKey`].
#[derive(Debug, Clone)]
pub struct ApiKeys(Arc<Parts>);

/// Verifies the same keys in `Authorization: Bearer …`.
#[derive(Debug, Clone)]
pub struct BearerApiKeys(ApiKeys);

#[derive(Debug)]
struct Parts {
    db: Db,
    clock: Clock,
    scopes: AppScopes,
    writing: Mutex<HashSet<KeyId>>,
    rates: Rates,
}

impl ApiKeys {
    pub(crate) fn new(db: Db, clock: Clock, scopes: AppScopes) -> Self {
        Self(Arc::new(Parts { db, clock, scopes, writing: Mutex::default(), rates: Rates::default() }))
    }

    async fn verify_text(&self, text: &str) -> Result<Verdict<KeyHolder>, VerifyFailed> {
        let presented = ApiKeySecret::parse(text);
        let known = presented.and_then(|key| Some((KeyId::of_text(key.id())?, key)));
        let Some((id, presented)) = known else { return Ok(Verdict::Refused) };
        let now = self.0.clock.now();
        let living = access::living_key(self.0.db.read().await?.conn(), id, now).await?;
        let Some(living) = living else { return Ok(Verdict::Refused) };
        let Ok(digest) = living.digest.as_slice().try_into() else { return Ok(Verdict::Refused) };
        if !(StoredApiKey { id: id.to_string(), digest }).matches(&presented) {
            return Ok(Verdict::Refused);
        }
        if let Some(most) = living.per_minute
            && let Err(wait) = self.0.rates.count(id, most, now)
        {
            return Ok(Verdict::Limited(wait));
        }
        if living.last_used_at.is_none_or(|last| now - last >= USED_EVERY) {
            self.note_use(id, client::sender(), now);
        }
        Ok(Verdict::Accepted(living.holder, living.holder.key_of().limit(&living.scope, &self.0.scopes)))
    }

    /// Spawns a task, so that the request does not wait for the write.
    fn note_use(&self, id: KeyId, address: Option<IpAddr>, now: Timestamp) {
        let mut writing = self.writing();
        if writing.len() >= MOST_WRITING || !writing.insert(id) {
            return;
        }
        drop(writing);
        let keys = self.clone();
        tokio::spawn(async move {
            if let Err(cause) = keys.write_use(id, address, now).await {
                tracing::debug!(%cause, "the use of an API key could not be recorded");
            }
            keys.writing().remove(&id);
        });
    }

    async fn write_use(
        &self,
        id: KeyId,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), crate::db::Error> {
        let address = address.map(|address| address.to_string());
        store::set_used(self.0.db.single().conn(), id, address.as_deref(), now).await
    }

    fn writing(&self) -> MutexGuard<'_, HashSet<KeyId>> {
        self.0.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verify for ApiKeys {
    type Credential = ApiKey<ApiKeyHeader>;
    type Principal = KeyHolder;
    const SCHEME: &'static str = "apiKey";
    const LIMITED: bool = true;

    fn scheme() -> SecurityScheme {
        <Self::Credential as Credential>::scheme()
            .described("An API key, for programs. Create one at `/keys`.")
    }

    async fn verify(&self, key: &ApiKey<ApiKeyHeader>) -> Result<Verdict<KeyHolder>, VerifyFailed> {
        self.verify_text(key.key()).await
    }
}

impl Verify for BearerApiKeys {
    type Credential = Bearer;
    type Principal = KeyHolder;
    const SCHEME: &'static str = "apiKeyAsToken";
    const LIMITED: bool = true;

    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer().described("The same API key, sent as a bearer token.")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<KeyHolder>, VerifyFailed> {
        self.0.verify_text(bearer.token()).await
    }
}

impl FromRef<App> for ApiKeys {
    fn from_ref(app: &App) -> Self {
        app.api_keys().clone()
    }
}

impl FromRef<App> for BearerApiKeys {
    fn from_ref(app: &App) -> Self {
        Self(app.api_keys().clone())
    }
}
