//! A small handler over HTTP: in a bare axum `Router`, in an `Api`, and behind a guard. The requests differ only in
//! their path. Each carries a token, which only the guard reads.

use std::{process::Command, time::Duration};

use axum::{Router, routing::get};
use clap::Args;
use portcullis::{AccessTokens, Api, Guard, Json, Public};
use tokio::net::TcpListener;

use crate::{
    Failure, client,
    load::{self, CONCURRENCY, Load},
    micro::{Issuer, ProfileRead, verifier},
    process::Process,
    table::{Table, median, percent, rate},
};

const ROUND: Duration = Duration::from_secs(1);

/// The issuer of the tokens that the guard accepts.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The issuer's keys.
    jwks: String,
}

pub(crate) fn measure(rounds: u16, table: &mut Table) -> Result<(), Failure> {
    let issuer = Issuer::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("small").arg(issuer.jwks());
    let server = Process::start(command)?;
    let tokens: Vec<String> = (0..).take(CONCURRENCY).map(|number| issuer.token(number)).collect();
    let kinds = ["/bare", "/api", "/guarded"]
        .map(|path| -> Vec<_> { tokens.iter().map(|token| client::get(path, Some(token))).collect() });

    let mut loads = [const { Vec::new() }; 3];
    let mut costs = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for ((requests, loads), costs) in kinds.iter().zip(&mut loads).zip(&mut costs) {
            let before = server.processor_time()?;
            let load = load::run(server.address(), requests, ROUND)?;
            costs.push((server.processor_time()? - before) / load.answered * 1e6);
            loads.push(load);
        }
    }
    let rows = [
        "small handler in a bare `Router`",
        "the same in an `Api`",
        "the same with a guard, tokens seen before",
    ];
    for ((what, loads), costs) in rows.into_iter().zip(&loads).zip(&costs) {
        let beside = format!("{:.1} µs of processor time each", median(costs.iter().copied()));
        table.row(what, rate(Load::median(loads).per_second), "", &beside);
    }
    let [bare, api, guarded] = &costs;
    table.row("processor time in an `Api`, of a bare `Router`", percent(api, bare), "100 %", "");
    // Compares CPU time, not rates, because the load generator is slower than this server.
    let share = median(guarded.iter().zip(api).map(|(guarded, api)| 100.0 * (1.0 - api / guarded)));
    table.row("the guard's share of the request", format!("{share:.1} %"), "≤ 5 %", "");
    Ok(())
}

/// Serves until it is killed.
pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let tokens = verifier(&options.jwks)?.build()?;
    let api =
        Api::<AccessTokens>::new("Small", "1.0").get("/api", answer_anyone).get("/guarded", answer_guarded);
    let router: Router<AccessTokens> = Router::new()
        .route("/ready", get(answer_bare))
        .route("/bare", get(answer_bare))
        .merge(api.finish()?.0);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        greet(listener.local_addr()?)?;
        Ok(axum::serve(listener, router.with_state(tokens)).await?)
    })
}

async fn answer_bare() -> Json<&'static str> {
    Json("small")
}

async fn answer_anyone(_: Public) -> Json<&'static str> {
    Json("small")
}

async fn answer_guarded(_: Guard<AccessTokens, ProfileRead>) -> Json<&'static str> {
    Json("small")
}

fn greet(address: std::net::SocketAddr) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "The small server listens on http://{address}")
}
