//! Guarded reads compared with the same read without a guard, and with the rate of the load generator.

use std::time::Duration;

use crate::{
    Failure,
    client::{self, Connection},
    comparison,
    load::{self, Load},
    logins,
    place::Place,
    process::Process,
    table::{Table, median, percent, rate},
};

const ROUND: Duration = Duration::from_secs(1);

/// Alternates five routes: no database, no guard, the token checked, the session checked as well, and the released
/// program's route.
pub(crate) fn measure(
    place: &Place,
    server: &Process,
    rounds: u16,
    table: &mut Table,
) -> Result<(), Failure> {
    let accounts = logins::accounts(server)?;
    let comparison = Process::start(comparison::command(place, &keys(server)?)?)?;
    let to_all = |path: &str, with_token: bool| -> Vec<Vec<u8>> {
        let request = |account: &logins::Account| {
            let token = with_token.then_some(account.token.as_str());
            client::get(&path.replace("{id}", &account.id.to_string()), token)
        };
        accounts.iter().map(request).collect()
    };
    let kinds = [
        (server.address(), to_all("/health", false)),
        (comparison.address(), to_all("/unguarded/{id}", false)),
        (comparison.address(), to_all("/verified/{id}", true)),
        (comparison.address(), to_all("/guarded/{id}", true)),
        (server.address(), to_all("/profile/{id}", true)),
    ];
    let mut loads = [const { Vec::new() }; 5];
    for _ in 0..rounds {
        for ((address, requests), loads) in kinds.iter().zip(&mut loads) {
            loads.push(load::run(*address, requests, ROUND)?);
        }
    }
    let [_, rates @ ..] = loads.each_ref().map(|loads| Load::rates(loads));
    let [unguarded_rates, verified_rates, guarded_rates, real_rates] = rates;
    let [health, unguarded, verified, guarded, real] = loads.map(|loads| Load::median(&loads));
    let mut row = |what, load: &Load, aim| table.row(what, rate(load.per_second), aim, &load.latency());
    row("`GET /health`: no guard, no database", &health, "");
    row("profile read without a guard", &unguarded, "");
    row("the same, the token checked", &verified, "");
    row("the same, token and session checked", &guarded, "");
    row("`GET /profile/{id}` of the program", &real, "≥ 12 000/s");
    table.row("token checked of unguarded", percent(&verified_rates, &unguarded_rates), "", "");
    table.row(
        "token and session checked of unguarded",
        percent(&guarded_rates, &unguarded_rates),
        "≥ 70 %",
        "",
    );
    table.row("`GET /profile/{id}` of unguarded", percent(&real_rates, &unguarded_rates), "≥ 70 %", "");
    let share = share_of_session(&verified_rates, &guarded_rates);
    table.row("the session check's share of a read", share, "", "of the time of one read, all else equal");
    Ok(())
}

/// The loss of rate caused by the check.
fn share_of_session(without: &[f64], with: &[f64]) -> String {
    let shares = without.iter().zip(with).map(|(without, with)| 1.0 - with / without);
    format!("{:.0} %", median(shares) * 100.0)
}

/// The public keys of the server's tokens.
fn keys(server: &Process) -> Result<String, Failure> {
    load::runtime()?.block_on(async {
        let mut connection = Connection::open(server.address()).await?;
        Ok(connection.json(&client::get("/.well-known/jwks.json", None), 200).await?.to_string())
    })
}
