//! Two processes on one database act as one server.

use rustix::process::Signal;
use serde_json::json;

use crate::on_both_databases;
use crate::support::process::Server;
use crate::support::remote::Remote;
use crate::support::{Database, PASSWORD, Place, email};

on_both_databases! {
    async fn k04_first_starts_at_once_agree_on_one_key(database: Database) {
        let place = Place::new(database).await;
        let servers = both(&place).await;
        let keys = [keys_of(&servers[0]).await, keys_of(&servers[1]).await];
        assert_eq!(keys[0], keys[1]);
        assert_eq!(place.value("SELECT count(*) FROM signing_keys").await, "1");
        // Each accepts the other's tokens.
        servers[0].remote().sign_up("ada").await;
        for (signs, verifies) in [(0, 1), (1, 0)] {
            let ada = servers[signs].remote().log_in("ada").await;
            assert_eq!(ada.at(&servers[verifies]).status_of_profile().await, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_sqlite_file_work_and_the_second_says_that_there_is_another() {
    let place = Place::new(Database::Sqlite).await;
    let servers = [Server::start(&place).await, Server::start(&place).await];
    let warnings = servers.each_ref().map(|server| server.said().contains("another server already uses"));
    assert_eq!(warnings, [false, true]);
    servers[0].remote().sign_up("ada").await;
    let ada = servers[1].remote().log_in("ada").await;
    assert_eq!(ada.at(&servers[0]).status_of_profile().await, 200);
    drop(servers);
    let alone = Server::start(&place).await;
    assert!(!alone.said().contains("another server"), "{}", alone.said());
}

async fn both(place: &Place) -> [Server; 2] {
    let (one, other) = tokio::join!(Server::start(place), Server::start(place));
    [one, other]
}

async fn keys_of(server: &Server) -> serde_json::Value {
    server.remote().get("/.well-known/jwks.json").send().await.unwrap().assert(200).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k04_p11_of_fifty_sign_ups_with_one_address_over_two_instances_one_wins() {
    let place = Place::new(Database::Postgres).await;
    let servers = both(&place).await;
    let race = (0..50).map(|number| {
        let remote = servers[number % 2].remote();
        // Spellings of one address.
        let spelt = if number % 3 == 0 { "Ada@EXAMPLE.com" } else { "ada@example.com" };
        tokio::spawn(async move { remote.try_sign_up(spelt).await.unwrap().status.as_u16() })
    });
    let statuses = joined(race).await;
    assert_eq!(statuses, [vec![201], vec![409; 49]].concat());
    assert_eq!(place.value("SELECT count(*) FROM accounts").await, "1");
}

/// The results of the tasks, sorted.
async fn joined<T: Ord>(tasks: impl Iterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut all = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        all.push(task.await.unwrap());
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k04_a_log_out_at_one_instance_counts_at_the_other_at_once() {
    let place = Place::new(Database::Postgres).await;
    let servers = both(&place).await;
    servers[0].remote().sign_up("ada").await;
    for round in 0..10 {
        let here = servers[round % 2].remote().log_in("ada").await;
        let there = here.at(&servers[(round + 1) % 2]);
        assert_eq!(there.status_of_profile().await, 200);
        here.post("/logout").send().await.unwrap().assert(204);
        assert_eq!(there.status_of_profile().await, 401);
        there.post("/logout").send().await.unwrap().assert(401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k04_b07_guesses_count_once_over_two_instances() {
    let place = Place::new(Database::Postgres).await;
    let servers = both(&place).await;
    servers[0].remote().sign_up("ada").await;
    // Concurrently, so that a separate read and write of the count would let some slip through.
    let guesses = (0..24).map(|number| {
        let remote = servers[number % 2].remote();
        tokio::spawn(async move { guess(&remote, number).await })
    });
    assert_eq!(joined(guesses).await, [vec![401; 10], vec![429; 14]].concat());
    for server in &servers {
        let refused = server.remote().try_password(&email("ada"), PASSWORD).await.unwrap().assert(429);
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&seconds), "{seconds}");
    }
}

async fn guess(remote: &Remote, number: usize) -> u16 {
    remote.try_password(&email("ada"), &format!("guess {number}")).await.unwrap().status.as_u16()
}

on_both_databases! {
    async fn b07_limits_survive_a_restart(database: Database) {
        let place = Place::new(database).await;
        let mut server = Server::start(&place).await;
        server.remote().sign_up("ada").await;
        for number in 0..10 {
            assert_eq!(guess(&server.remote(), number).await, 401);
        }
        for signal in [Signal::TERM, Signal::KILL] {
            server.signal(signal);
            server.ended().await;
            server = Server::start(&place).await;
            server.remote().try_password(&email("ada"), PASSWORD).await.unwrap().assert(429);
            // Another account at the same address has its own count.
            assert_eq!(server.remote().try_password(&email("eve"), "guess").await.unwrap().status, 401);
        }
    }

    async fn k04_one_of_many_log_outs_at_once_ends_the_session(database: Database) {
        let place = Place::new(database).await;
        let servers = both(&place).await;
        let ada = servers[0].remote().as_user("ada").await;
        let race = (0..20).map(|number| {
            let remote = ada.at(&servers[number % 2]);
            tokio::spawn(async move { remote.post("/logout").send().await.unwrap().status.as_u16() })
        });
        let statuses = joined(race).await;
        assert!(statuses.iter().all(|status| [204, 401].contains(status)), "{statuses:?}");
        let ended = place.value("SELECT count(*) FROM audit_events WHERE event = 'session.logged_out'").await;
        assert_eq!(ended, "1", "{statuses:?}");
        let change = json!({ "full_name": "Eve" });
        ada.patch("/profile").json(&change).await.unwrap().assert(401);
    }
}
