//! Logins compared with raw Argon2id, and the memory that they leave behind.

use std::{thread, time::Duration};

use serde_json::json;

use crate::{
    Failure,
    client::{self, Connection},
    hashing,
    load::{self, CONCURRENCY, Load},
    process::Process,
    table::{Table, median, percent},
};

const PASSWORD: &str = "violet-anchor-9341-quorum";
const ROUND: Duration = Duration::from_secs(3);
const FLOOD: Duration = Duration::from_secs(30);
/// A process counts as idle after this time.
const REST: Duration = Duration::from_secs(2);
/// By then, the hashing threads have returned their memory.
const LATER: Duration = Duration::from_secs(15);

/// The memory of a server that has just started, then under a flood of logins and after it.
pub(crate) fn measure_memory(server: &Process, table: &mut Table) -> Result<(), Failure> {
    thread::sleep(REST);
    let idle = server.memory()?;
    let accounts = accounts(server)?;
    let flood = load::run(server.address(), &requests(&accounts), FLOOD)?;
    let after = server.memory()?;
    thread::sleep(LATER);
    ask_whether_ready(server)?;
    let later = server.memory()?;
    let mb = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
    table.row("memory, idle", mb(idle.resident), "≤ 40 MB", "resident (VmRSS)");
    let beside = format!("{:.0} log-ins a second; peak (VmHWM) {}", flood.per_second, mb(after.peak));
    table.row("memory after 30 s of log-ins", mb(after.resident), "≤ 120 MB", &beside);
    table.row("memory 15 s later", mb(later.resident), "", "after twenty `GET /ready`");
    Ok(())
}

/// Calls `/ready` repeatedly, as a supervisor does, because the allocator returns memory only at a later allocation.
fn ask_whether_ready(server: &Process) -> Result<(), Failure> {
    load::runtime()?.block_on(async {
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Connection::open(server.address()).await?.exchange(&client::get("/ready", None), 200).await?;
        }
        Ok(())
    })
}

/// Alternates logins and raw hashes.
pub(crate) fn measure(server: &Process, rounds: u16, table: &mut Table) -> Result<(), Failure> {
    let requests = requests(&accounts(server)?);
    let (mut raw, mut logins) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        raw.push(hashing::rate(ROUND)?);
        logins.push(load::run(server.address(), &requests, ROUND)?);
    }
    let share = percent(&Load::rates(&logins), &raw);
    let (raw, logins) = (median(raw), Load::median(&logins));
    table.row("raw Argon2id", format!("{raw:.1}/s"), "", "19 MiB, 2 passes, all cores, memory kept");
    table.row("log-ins", format!("{:.1}/s", logins.per_second), "", &logins.latency());
    table.row("log-ins of raw", share, "≥ 90 %", "");
    Ok(())
}

/// An account for each connection, logged in once: its number and an access token.
pub(crate) fn accounts(server: &Process) -> Result<Vec<Account>, Failure> {
    load::runtime()?.block_on(async {
        let mut connection = Connection::open(server.address()).await?;
        let mut accounts = Vec::new();
        for number in 0..CONCURRENCY {
            accounts.push(account(&mut connection, number).await?);
        }
        Ok(accounts)
    })
}

pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) token: String,
    number: usize,
}

async fn account(connection: &mut Connection, number: usize) -> Result<Account, Failure> {
    let name = format!("bench{number}@example.com");
    let body = json!({ "email": name, "full_name": "Ada Lovelace", "password": PASSWORD }).to_string();
    let sign_up = client::post("/signup", "application/json", &body);
    // An earlier group of figures has already created it.
    if connection.exchange(&sign_up, 201).await.is_err() {
        connection.exchange(&sign_up, 409).await?;
    }
    let answer = connection.json(&log_in(number), 200).await?;
    let token =
        answer.get("access_token").and_then(|token| token.as_str()).ok_or("no access token")?.to_owned();
    let profile = connection.json(&client::get("/profile", Some(&token)), 200).await?;
    let id = profile.get("id").and_then(serde_json::Value::as_i64).ok_or("no account number")?;
    Ok(Account { id, token, number })
}

fn requests(accounts: &[Account]) -> Vec<Vec<u8>> {
    accounts.iter().map(|account| log_in(account.number)).collect()
}

/// A login that also returns a refresh token.
pub(crate) fn log_in_for_refresh(account: &Account) -> Vec<u8> {
    let name = format!("bench{}%40example.com", account.number);
    let form = format!("username={name}&password={PASSWORD}&scope=profile%3Aread+offline_access");
    client::post("/login", "application/x-www-form-urlencoded", &form)
}

fn log_in(number: usize) -> Vec<u8> {
    let form = format!("username=bench{number}%40example.com&password={PASSWORD}");
    client::post("/login", "application/x-www-form-urlencoded", &form)
}
