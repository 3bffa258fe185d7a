//! The program that the guarded read is compared with. It serves the same read of an account's row three times: open to
//! anyone, behind the library's guard, which checks only the token, and behind the server's guard, which checks the
//! session too. The released program has no such routes.

use std::{path::PathBuf, process::Command};

use axum::{
    Router,
    extract::{FromRef, State},
    routing::get,
};
use clap::Args;
use portcullis::{AccessTokens, Guard, Json, Path, Public};
use portcullis_server::{
    App, ProfileRead, SessionTokens,
    accounts::{self, Account, AccountId},
    config::{Config, LogFormat},
    db::DatabaseConfig,
    error::Error,
    log, middleware, serve,
};
use tokio::net::TcpListener;

use crate::{Failure, place::Place};

/// The same for all programs of a run, so that they accept each other's tokens.
pub(crate) const PUBLIC_URL: &str = "http://localhost:8000";

/// The data directory of the other server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The data directory.
    #[arg(long)]
    data_dir: PathBuf,
    /// The database, if it is not in the data directory.
    #[arg(long)]
    database: Option<String>,
    /// The public keys of the tokens, as a JWK set.
    #[arg(long)]
    keys: String,
}

/// How this program is started in this role.
pub(crate) fn command(place: &Place, keys: &str) -> Result<Command, Failure> {
    let mut command = place.program(&std::env::current_exe()?);
    command.args(["unguarded", "--data-dir"]).arg(place.folder()).args(["--keys", keys]);
    if let Some(url) = place.database_url() {
        command.args(["--database", &url]);
    }
    Ok(command)
}

/// Serves until it is told to stop, like the server's own `main`.
pub(crate) fn serve(options: Options) -> Result<(), Failure> {
    let mut config = Config::new(options.data_dir);
    config.public_url = Some(PUBLIC_URL.parse()?);
    if let Some(url) = options.database {
        config.database = DatabaseConfig::new(url.parse()?);
    }
    let tokens = AccessTokens::issued_by(PUBLIC_URL).audience(PUBLIC_URL).keys(&options.keys)?.build()?;
    let _log = log::init(LogFormat::Text, &config.log)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = App::open(config).await?;
        let router = Router::new()
            .route("/ready", get(|| async { "ready" }))
            .route("/unguarded/{id}", get(read_unguarded))
            .route("/guarded/{id}", get(read_guarded))
            .with_state(app.clone())
            .route("/verified/{id}", get(read_verified))
            .with_state(WithoutSessions { app: app.clone(), tokens });
        greet(address)?;
        serve::serve(listener, middleware::wrap(router, false, &[]), serve::signals()).await;
        app.close().await;
        Ok(())
    })
}

async fn read_unguarded(
    _: Public,
    State(app): State<App>,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, Error> {
    Ok(Json(accounts::by_id(&app, id).await?))
}

async fn read_guarded(
    guard: Guard<SessionTokens, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, Error> {
    if guard.principal().account != id {
        return Err(Error::NotFound);
    }
    Ok(Json(accounts::by_id(&app, id).await?))
}

/// A verifier that checks only the token.
#[derive(Clone)]
struct WithoutSessions {
    app: App,
    tokens: AccessTokens,
}

impl FromRef<WithoutSessions> for App {
    fn from_ref(state: &WithoutSessions) -> Self {
        state.app.clone()
    }
}

impl FromRef<WithoutSessions> for AccessTokens {
    fn from_ref(state: &WithoutSessions) -> Self {
        state.tokens.clone()
    }
}

async fn read_verified(
    guard: Guard<AccessTokens, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<AccountId>,
) -> Result<Json<Account>, Error> {
    if guard.principal().subject() != id.to_string() {
        return Err(Error::NotFound);
    }
    Ok(Json(accounts::by_id(&app, id).await?))
}

pub(crate) fn greet(address: std::net::SocketAddr) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "The comparison listens on http://{address}")
}
