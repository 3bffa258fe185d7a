//! `portcullis webhook …` next to a running server, and a server that is killed during a delivery.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::Place;
use crate::support::process::{Ended, Server, eventually, finish};
use crate::webhooks::{Mood, Receiver, allowing};

async fn webhook(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = allowing(place);
    command.arg("webhook").args(arguments);
    finish(command, "").await
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.out
}

/// Adds a webhook and returns its id and its secret.
async fn add(place: &Place, receiver: &Receiver) -> (String, String) {
    let added = webhook(place, &["add", &receiver.url]).await;
    let words: Vec<_> = done(&added).split_whitespace().collect();
    assert_eq!((words[0], words[2]), ("id", "secret"), "{added:?}");
    (words[1].to_owned(), words[3].to_owned())
}

on_both_databases! {
    async fn an_operator_adds_looks_at_tries_and_removes_a_webhook(database: Database) {
        let place = Place::begun(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        assert!(done(&webhook(&place, &["list"]).await).contains("No webhooks yet"));
        let (id, secret) = add(&place, &receiver).await;

        let tested = webhook(&place, &["test", &id]).await;
        assert!(done(&tested).contains("responded with 204"), "{tested:?}");
        let got = receiver.gets(1).await;
        got[0].verify(&secret);
        assert!(got[0].body.contains(r#""type":"webhook.test""#), "{got:?}");
        receiver.turns(Mood::Answers(410));
        let tested = webhook(&place, &["test", &id]).await;
        assert_eq!((tested.code, tested.err.contains("responded with 410")), (Some(1), true), "{tested:?}");

        let mut command = allowing(&place);
        // At the most verbose log level.
        command.env("PORTCULLIS_LOG", "trace");
        let server = Server::start_by(&place, command).await;
        server.remote().sign_up("ada").await;
        let listed = async |failed: i64, error: Option<&str>| {
            let wanted = json!([{ "id": id, "url": receiver.url, "waiting": 0, "failed": failed, "last_error": error }]);
            let look = async || {
                let listed = webhook(&place, &["list", "--json"]).await;
                (serde_json::from_str::<Value>(done(&listed)).unwrap() == wanted).then_some(())
            };
            eventually(&wanted.to_string(), Duration::from_secs(20), look).await;
        };
        listed(1, Some("responded with 410")).await;
        let table = webhook(&place, &["list"]).await;
        assert!(done(&table).starts_with("ID ") && table.out.contains("  0        1       responded with 410\n"), "{table:?}");
        receiver.turns(Mood::Takes);
        assert!(done(&webhook(&place, &["retry", &id]).await).contains("retries 1 deliveries"));
        listed(0, None).await;

        let log = server.said();
        assert!(log.contains(&id) && log.contains("gave up"), "{log}");
        let signatures = receiver.got().into_iter().map(|received| received.signature);
        let encoded = secret.trim_start_matches("whsec_").to_owned();
        for secret in signatures.chain([encoded, "secret-path".to_owned()]) {
            assert!(!log.contains(&secret), "g03: {secret} is in the log: {log}");
        }

        done(&webhook(&place, &["remove", &id]).await);
        assert!(done(&webhook(&place, &["list"]).await).contains("No webhooks yet"));
        for command in ["remove", "test", "retry"] {
            let ended = webhook(&place, &[command, &id]).await;
            assert_eq!((ended.code, ended.err.contains("no such webhook")), (Some(1), true), "{ended:?}");
        }
        assert_eq!(webhook(&place, &["test", "7"]).await.code, Some(2));
    }

    async fn k06_a_clean_stop_delivers_nothing_twice(database: Database) {
        const EVENTS: usize = 12;
        let place = Place::begun(database).await;
        let receiver = Receiver::start(Mood::TakesSlowly).await;
        add(&place, &receiver).await;
        let server = Server::start_by(&place, allowing(&place)).await;
        for number in 0..EVENTS {
            server.remote().sign_up(&format!("user-{number}")).await;
        }
        receiver.gets(1).await;
        server.stop().await;
        let before = receiver.got().len();
        assert!(before < EVENTS, "all were delivered before the stop");
        receiver.turns(Mood::Takes);
        let _next = Server::start_by(&place, allowing(&place)).await;
        let gone = async || (place.value("SELECT count(*) FROM webhook_deliveries").await == "0").then_some(());
        // A lease that was not released would last 30 seconds.
        eventually("the rest is delivered soon", Duration::from_secs(15), gone).await;
        let got: Vec<_> = receiver.got().into_iter().map(|received| received.id).collect();
        let different: std::collections::BTreeSet<_> = got.iter().collect();
        assert_eq!((got.len(), different.len()), (EVENTS, EVENTS), "{before} before the stop");
    }

    async fn k06_what_a_killed_instance_was_delivering_another_delivers(database: Database) {
        let place = Place::begun(database).await;
        let receiver = Receiver::start(Mood::Hangs).await;
        let (_, secret) = add(&place, &receiver).await;
        let mut server = Server::start_by(&place, allowing(&place)).await;
        server.remote().sign_up("ada").await;
        receiver.gets(1).await;
        server.kill().await;
        assert_eq!(place.value("SELECT count(*) FROM webhook_deliveries WHERE attempts = 1").await, "1");
        receiver.turns(Mood::Takes);
        let _other = Server::start_by(&place, allowing(&place)).await;
        // Instead of waiting 30 seconds for the lease to expire.
        place.sql("UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at - 30000000").await;
        let got = receiver.gets(2).await;
        assert_eq!((&got[0].id, &got[0].body), (&got[1].id, &got[1].body), "at least once, under one id");
        got[1].verify(&secret);
        let gone = async || (place.value("SELECT count(*) FROM webhook_deliveries").await == "0").then_some(());
        eventually("it is done", Duration::from_secs(20), gone).await;
    }
}
