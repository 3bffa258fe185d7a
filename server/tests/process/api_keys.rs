//! `portcullis api-key …` next to a running server.

use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::process::{Ended, Server, finish, program};
use crate::support::remote::Remote;
use crate::support::{Place, email};

async fn api_key(place: &Place, arguments: &[&str], input: &str) -> Ended {
    let mut command = program(place);
    command.arg("api-key").args(arguments);
    finish(command, input).await
}

async fn created(owner: &Remote, name: &str) -> Value {
    let body = json!({ "name": name, "scope": "profile:read" });
    owner.post("/keys").json(&body).await.unwrap().assert(201).json()
}

async fn status(server: &Server, key: &str) -> u16 {
    server.remote().with_token(key).status_of_profile().await.as_u16()
}

on_both_databases! {
    async fn h07_a_report_of_leaked_keys_ends_ours_once_and_tells_their_owners(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        let ada = server.remote().as_user("ada").await;
        let (leaked, kept) = (created(&ada, "leaked").await, created(&ada, "kept").await);
        let key = |made: &Value| made["key"].as_str().unwrap().to_owned();
        let (leaked, kept) = (key(&leaked), key(&kept));
        // Keys that look like ours but have a wrong checksum.
        let foreign: Vec<_> = (0..10_000)
            .map(|number| format!("ghp_{number:040}\n{{\"token\":\"portcullis_{number:012}_{number:038}\"}}\n"))
            .collect();
        let foreign = foreign.concat();
        let report = format!("{foreign}[{{\"token\": \"{leaked}\", \"url\": \"https://x\"}}, \"{leaked}\"]");
        let ended = api_key(&place, &["leaked"], &report).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let shown = leaked.rsplit_once('_').unwrap().0;
        assert_eq!(
            ended.out,
            format!("Revoked {shown} and notified {}.\nRevoked 1 of this server's API keys; 0 other strings look like API keys.\n", email("ada"))
        );
        assert_eq!((status(&server, &leaked).await, status(&server, &kept).await), (401, 200));
        let again = api_key(&place, &["leaked"], &report).await;
        assert_eq!(again.out, "Revoked 0 of this server's API keys; 1 other strings look like API keys.\n");
        let events = "SELECT count(*) FROM audit_events WHERE event = 'api_key.leaked' AND account_id = 1 AND actor = 'operator'";
        assert_eq!(place.value(events).await, "1");
        server.stop().await;
        let secret = leaked.rsplit_once('_').unwrap().1;
        assert!(!place.dump().await.contains(secret), "h06");
    }

    async fn h06_an_operator_lists_and_revokes_keys_and_sees_no_secret(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        let ada = server.remote().as_user("ada").await;
        let bob = server.remote().as_user("bob").await;
        let (made, other) = (created(&ada, "Nightly export").await, created(&bob, "other").await);
        let key = made["key"].as_str().unwrap();
        let listed = api_key(&place, &["list"], "").await;
        assert!(listed.out.contains("Nightly export") && listed.out.contains("other"), "{listed:?}");
        let of_ada = api_key(&place, &["list", "--account", "ada@example.com", "--json"], "").await;
        let of_ada: Value = serde_json::from_str(&of_ada.out).unwrap();
        assert_eq!((of_ada.as_array().unwrap().len(), &of_ada[0]["id"]), (1, &made["id"]));
        assert!(!listed.out.contains(key.rsplit_once('_').unwrap().1));
        let revoked = api_key(&place, &["revoke", made["id"].as_str().unwrap()], "").await;
        assert_eq!(revoked.code, Some(0), "{revoked:?}");
        assert_eq!(status(&server, key).await, 401);
        assert_eq!(status(&server, other["key"].as_str().unwrap()).await, 200);
        for id in [made["id"].as_str().unwrap(), "nonsense", key] {
            let again = api_key(&place, &["revoke", id], "").await;
            assert!(again.code == Some(1) && again.err.contains("no such API key"), "{again:?}");
        }
        // A request with a key leaves nothing of the key in the log, wherever it is sent.
        server.remote().get(&format!("/profile?access_token={key}")).send().await.unwrap();
        server.remote().get(&format!("/{key}")).send().await.unwrap();
        assert!(!server.said().contains(key.rsplit_once('_').unwrap().1), "{}", server.said());
    }
}
