//! Guarded reads beside the same read without a guard, and the rate of the load itself.

use std::time::Duration;

use crate::{
    Failure, client, comparison,
    load::{self, Load},
    logins,
    place::Place,
    process::Process,
    table::{Table, percent, rate},
};

const ROUND: Duration = Duration::from_secs(1);

/// The four in turn: no database, no guard, the same with a guard, the real route of the real program.
pub(crate) fn measure(
    place: &Place,
    server: &Process,
    rounds: u16,
    table: &mut Table,
) -> Result<(), Failure> {
    let accounts = logins::accounts(server)?;
    let comparison = Process::start(comparison::command(place)?)?;
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
        (comparison.address(), to_all("/guarded/{id}", true)),
        (server.address(), to_all("/profile/{id}", true)),
    ];
    let mut loads = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        for ((address, requests), loads) in kinds.iter().zip(&mut loads) {
            loads.push(load::run(*address, requests, ROUND)?);
        }
    }
    let [_, rates @ ..] = loads.each_ref().map(|loads| Load::rates(loads));
    let [unguarded_rates, guarded_rates, real_rates] = rates;
    let [health, unguarded, guarded, real] = loads.map(|loads| Load::median(&loads));
    let mut row = |what, load: &Load, aim| table.row(what, rate(load.per_second), aim, &load.latency());
    row("`GET /health`: no guard, no database", &health, "");
    row("profile read without a guard", &unguarded, "");
    row("the same with a guard", &guarded, "");
    row("`GET /profile/{id}` of the program", &real, "≥ 12 000/s");
    table.row("guarded of unguarded", percent(&guarded_rates, &unguarded_rates), "≥ 70 %", "");
    table.row("`GET /profile/{id}` of unguarded", percent(&real_rates, &unguarded_rates), "≥ 70 %", "");
    Ok(())
}
