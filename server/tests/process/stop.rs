//! SIGTERM: what runs is finished, nothing new is taken.

use rustix::process::Signal;
use serde_json::json;

use crate::on_both_databases;
use crate::support::process::Server;
use crate::support::remote::Begun;
use crate::support::{Database, Place};

/// How many requests are running when the server is told to stop.
const RUNNING: usize = 1000;

on_both_databases! {
    async fn k07_sigterm_loses_none_of_a_thousand_running_requests(database: Database) {
        let mut server = Server::start(&Place::new(database).await).await;
        let ada = server.remote().as_user("ada").await;
        let change = json!({ "full_name": "Ada King" }).to_string();
        let refused = json!({ "email": "nowhere", "full_name": "Ada", "password": "short" }).to_string();
        let mut running = Vec::new();
        for number in 0..RUNNING {
            let (call, body, status) = if number.is_multiple_of(10) {
                (ada.patch("/profile"), &change, 200)
            } else {
                (server.remote().post("/signup"), &refused, 422)
            };
            running.push((call.begin("application/json", body.len()).await, body.as_bytes(), status));
        }

        server.signal(Signal::TERM);
        server.refuses().await;
        // First all of them, so that no answer waits for another request.
        for (begun, body, _) in &mut running {
            begun.send(body).await.unwrap();
        }
        for (number, (begun, _, status)) in running.into_iter().enumerate() {
            let answer = begun.answer().await.unwrap_or_else(|lost| panic!("request {number}: {lost}"));
            answer.assert(status);
        }
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.said());
        assert!(server.said().contains("stopped"), "{}", server.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_without_requests_a_signal_stops_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&Place::new(Database::Sqlite).await).await;
        server.signal(signal);
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_a_second_signal_does_not_wait() {
    let mut server = Server::start(&Place::new(Database::Sqlite).await).await;
    let begun: Begun = server.remote().post("/signup").begin("application/json", 9).await;
    server.signal(Signal::TERM);
    server.refuses().await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.said());
    begun.answer().await.expect_err("the request was cut off");
}
