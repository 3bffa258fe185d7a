//! The state that every request shares, built once. There are no globals.

use std::{
    error::Error,
    fmt,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use object_store::{ObjectStore, local::LocalFileSystem};
use portcullis::{AccessTokens, credential::OwnOrigins};
use tokio::time::timeout;

use crate::{
    access::AppScopes,
    api_keys::ApiKeys,
    clock::{Clock, Timestamp},
    config::{Config, ConfigError, PublicUrl},
    db::{Db, OpenError},
    files,
    mail::Outbox,
    outgoing::{Outgoing, Reach},
    pages::{Look, LookError},
    passwords::{BreachesFileError, Hasher, breaches},
    policy::Policy,
    pool::Pool,
    purse::Purse,
    secret::{SecretKey, SecretKeyError},
    sessions::SessionCookies,
    tokens::{KeysError, SessionTokens, SigningKeys},
    upstream::{Providers, ProvidersError},
    work::Work,
};

/// How many pictures may wait to be decoded. They are decoded one at a time, which takes up to 256 MiB.
const PICTURE_QUEUE: usize = 16;
/// How many of these places, and of the one where a picture is decoded, one network can take.
const PICTURES_OF_ONE: usize = 8;
/// A clock difference that is logged for the operator, in microseconds.
const NOTABLE: u64 = 2_000_000;
/// How long a stop waits for emails and webhooks that are being sent: an attempt at a webhook takes five seconds.
const WORK_ENDS: Duration = Duration::from_secs(6);
/// How long it then waits for the database to close.
const DATABASE_CLOSES: Duration = Duration::from_secs(5);
/// The folder of the pictures in the data directory.
pub(crate) const OBJECTS: &str = "objects";

/// The account system. Cheap to clone.
///
/// Mount it in an axum application, or use its verifiers to identify the caller:
///
/// ```no_run
/// use axum::Router;
/// use portcullis_server::{App, config::Config};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = Config::new("./portcullis-data");
/// config.public_url = Some("https://shop.example/auth".parse()?);
/// let accounts = App::open(config).await?;
/// accounts.start_workers();
/// let router: Router = Router::new().nest("/auth", accounts.router()?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct App(Arc<Inner>);

pub(crate) struct Inner {
    config: Config,
    public_url: PublicUrl,
    audience: String,
    clock: Clock,
    db: Db,
    secret: SecretKey,
    hasher: Hasher,
    pictures: Pool<()>,
    picture_places: Purse,
    objects: Arc<dyn ObjectStore>,
    look: Look,
    outbox: Outbox,
    work: Work,
    is_leaving: AtomicBool,
    has_workers: AtomicBool,
    /// Whether a router was created and missing workers were not reported yet.
    wants_workers: AtomicBool,
    outgoing: Outgoing,
    providers: Providers,
    signing_keys: SigningKeys,
    session_tokens: SessionTokens,
    session_cookies: SessionCookies,
    api_keys: ApiKeys,
    scopes: AppScopes,
    policy: OnceLock<Policy>,
}

impl App {
    /// Opens the data directory and the database, and brings the tables up to date. Nothing is served and no worker
    /// runs until [`App::router`] and [`App::start_workers`] are called.
    ///
    /// # Errors
    /// [`AppError`], whose message says what to do next.
    pub async fn open(config: Config) -> Result<Self, AppError> {
        Self::open_with(config, Clock::system()).await
    }

    /// [`App::open`] with another clock, for tests.
    ///
    /// # Errors
    /// See [`App::open`].
    pub async fn open_with(mut config: Config, clock: Clock) -> Result<Self, AppError> {
        config.check()?;
        files::create_private_dir(&config.data_dir).map_err(|cause| unusable(&config.data_dir, cause))?;
        if let Some(folder) = config.sqlite_file().as_deref().and_then(Path::parent) {
            files::check_writable(folder).map_err(|cause| unusable(folder, cause))?;
        }
        let own = config.breach_check.take();
        config.breach_check = breaches::check(own, config.breaches_file.as_deref(), &config.breaches_file())?;
        let existing = SecretKey::existing(config.secret_key_file.as_deref(), &config.data_dir)?;
        let db = Box::pin(Db::open(&config.database)).await?;
        let secret = match existing {
            Some(secret) => secret,
            None => first_secret(&config, &db).await?,
        };
        tell_of_clock(db.set_clock(&clock).await.map_err(AppError::Clock)?);
        let signing_keys = SigningKeys::open(&db, &secret, clock.now()).await?;
        let (public_url, audience, now) = (config.public_url(), config.audience(), clock.clone());
        let tokens = AccessTokens::issued_by(public_url.as_str())
            .audience(&audience)
            .keys(signing_keys.jwks())
            .and_then(|tokens| tokens.clock(move || now.now().into()).build())
            .map_err(KeysError::Verifier)?;
        let scopes = AppScopes::new(&config.admin_roles);
        let session_tokens = SessionTokens::new(tokens, db.clone(), clock.clone(), scopes.clone());
        let session_cookies =
            SessionCookies::new(db.clone(), clock.clone(), config.session_idle_ttl, scopes.clone());
        let hasher = Hasher::new(config.hash_parameters);
        let pictures = Pool::new(NonZeroUsize::MIN, PICTURE_QUEUE);
        let picture_places = Purse::new(1 + PICTURE_QUEUE, PICTURES_OF_ONE);
        let outbox = Outbox::new(&config.mail, public_url.host());
        let objects = open_objects(&config.data_dir.join(OBJECTS))?;
        let look = Look::open(&config.brand)?;
        let outgoing = Outgoing::new(Reach::private_if(config.webhook_private_targets));
        Ok(Self(Arc::new(Inner {
            providers: Providers::open(&config.login_with, &clock)?,
            config,
            public_url,
            audience,
            api_keys: ApiKeys::new(db.clone(), clock.clone(), scopes.clone()),
            clock,
            db,
            secret,
            hasher,
            pictures,
            picture_places,
            objects: Arc::new(objects),
            look,
            outbox,
            work: Work::default(),
            is_leaving: AtomicBool::new(false),
            has_workers: AtomicBool::new(false),
            wants_workers: AtomicBool::new(false),
            outgoing,
            signing_keys,
            session_tokens,
            session_cookies,
            scopes,
            policy: OnceLock::new(),
        })))
    }

    /// The verifier of this server's tokens, for an application's own routes:
    /// `Guard<SessionTokens>` with this in the state.
    #[must_use]
    pub fn session_tokens(&self) -> &SessionTokens {
        &self.0.session_tokens
    }

    /// The verifier of the cookies that this server's login page sets, for an application's own pages:
    /// `Guard<SessionCookies>` with this in the state.
    #[must_use]
    pub fn session_cookies(&self) -> &SessionCookies {
        &self.0.session_cookies
    }

    /// The verifier of API keys, for an application's own routes: `Guard<CallerOrKey>` with the [`App`] in the state
    /// accepts them as well as tokens and cookies.
    #[must_use]
    pub fn api_keys(&self) -> &ApiKeys {
        &self.0.api_keys
    }

    /// The policy that [`open_policy`](Self::open_policy) opened; before that, an empty one. An application whose state
    /// is this `App` can extract it.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.0.policy.get().cloned().unwrap_or_else(|| Policy::empty(self))
    }

    pub(crate) fn keep_policy(&self, policy: Policy) {
        // `scopes` accepts only one declaration, so this is the first policy.
        let _ = self.0.policy.set(policy);
    }

    /// The scopes of the application's policy.
    pub(crate) fn scopes(&self) -> &AppScopes {
        &self.0.scopes
    }

    /// Makes `/ready` return 503, so that load balancers stop sending requests. Everything else is served as before.
    pub fn leave(&self) {
        self.0.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Records that the workers run; `false` if they already did.
    pub(crate) fn begin_workers(&self) -> bool {
        !self.0.has_workers.swap(true, Ordering::Relaxed)
    }

    /// Records that a router was created, which queues emails that only workers send.
    pub(crate) fn want_workers(&self) {
        self.0.wants_workers.store(true, Ordering::Relaxed);
    }

    /// Whether workers are missing. `true` only once, for the log.
    pub(crate) fn misses_workers(&self) -> bool {
        !self.0.has_workers.load(Ordering::Relaxed) && self.0.wants_workers.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.0.is_leaving.load(Ordering::Relaxed)
    }

    /// The origins of this server's pages, for an application that guards its own pages with
    /// [`session_cookies`](Self::session_cookies). Add it to your router as an [`Extension`](axum::Extension), and
    /// browsers without `Sec-Fetch-Site` work behind any proxy.
    #[must_use]
    pub fn own_origins(&self) -> OwnOrigins {
        OwnOrigins::new(self.0.config.own_origins())
    }

    /// Stops sending emails and webhooks, waits up to 6 s for those in progress, and closes the connections to the
    /// database once they are idle, or after 5 s.
    pub async fn close(&self) {
        self.leave();
        if timeout(WORK_ENDS, self.0.work.end()).await.is_err() {
            tracing::warn!("stopped before an email or webhook was done; it may be sent again");
        }
        if timeout(DATABASE_CLOSES, self.0.db.close()).await.is_err() {
            tracing::warn!("the database does not respond; its connections are closed");
        }
    }

    pub(crate) fn of_inner(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// A reference for workers, which must not keep the app alive.
    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// The `iss` of tokens: the public URL.
    pub(crate) fn issuer(&self) -> &str {
        self.0.public_url.as_str()
    }

    pub(crate) fn public_url(&self) -> &PublicUrl {
        &self.0.public_url
    }

    /// The appearance of the pages.
    pub(crate) fn look(&self) -> &Look {
        &self.0.look
    }

    /// The host of the public URL.
    pub(crate) fn issuer_host(&self) -> &str {
        self.0.public_url.host()
    }

    pub(crate) fn audience(&self) -> &str {
        &self.0.audience
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock of this server.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The database, for an application that keeps its own tables in it: a row and the grant on it can be committed
    /// together.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0.secret
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    pub(crate) fn picture_places(&self) -> &Purse {
        &self.0.picture_places
    }

    pub(crate) fn picture_pool(&self) -> &Pool<()> {
        &self.0.pictures
    }

    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        self.0.objects.as_ref()
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    /// Background workers register here before they start a piece of work.
    pub(crate) fn work(&self) -> &Work {
        &self.0.work
    }

    /// The HTTP client for other servers.
    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    /// The providers that people can log in with.
    pub(crate) fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// The folder of [`objects`](Self::objects).
    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.0.config.data_dir.join(OBJECTS)
    }

    pub(crate) fn signing_keys(&self) -> &SigningKeys {
        &self.0.signing_keys
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// Logs a clock that differs by so many microseconds.
fn tell_of_clock(wrong_by: i64) {
    if wrong_by.unsigned_abs() > NOTABLE {
        let seconds = wrong_by / 1_000_000;
        tracing::warn!(
            seconds,
            "this computer's clock differs from the database's; the server uses the database's"
        );
    }
}

/// The secret key for a data directory without one: a new key, unless the database already has signing keys, which only
/// the missing key can open. An instance that starts at the same moment creates the key before it seals anything, so
/// looking for the file again finds it.
async fn first_secret(config: &Config, db: &Db) -> Result<SecretKey, AppError> {
    if !SigningKeys::are_stored(db).await? {
        return Ok(SecretKey::create(&config.data_dir)?);
    }
    let path = SecretKey::path_in(&config.data_dir);
    let made_meanwhile = SecretKey::existing(None, &config.data_dir)?;
    made_meanwhile.ok_or_else(|| SecretKeyError::Missing { path }.into())
}

/// The local folder of the pictures. A write is on disk before it is acknowledged.
fn open_objects(path: &Path) -> Result<LocalFileSystem, AppError> {
    files::create_private_dir(path).map_err(|cause| unusable(path, cause))?;
    let objects = LocalFileSystem::new_with_prefix(path).map_err(|cause| unusable(path, cause))?;
    Ok(objects.with_fsync(true))
}

fn unusable(path: &Path, cause: impl Error + Send + Sync + 'static) -> AppError {
    AppError::Folder { path: path.to_owned(), cause: Box::new(cause) }
}

/// Why the server cannot start, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The secret key cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretKeyError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Reading the database's clock failed.
    #[error("cannot read the time from the database: {0}. Check that it is running")]
    Clock(crate::db::Error),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The list of breached passwords cannot be used.
    #[error(transparent)]
    Breaches(#[from] BreachesFileError),
    /// The data directory, or the folder of the pictures in it, cannot be used.
    #[error("the folder {path} cannot be used: {cause}. Give the server's user a data directory that it may write \
        (setting `data_dir`)", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error from the operating system.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The operator's logo cannot be used.
    #[error(transparent)]
    Look(#[from] LookError),
    /// A provider that people can log in with is not configured correctly.
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    /// Two routes conflict.
    #[error(transparent)]
    Api(#[from] portcullis::ApiError),
}
