//! Refresh tokens: one valid token, one successor, and what happens to a copy.

use std::collections::HashSet;

use futures_util::future::join_all;
use portcullis_server::config::RefreshTokens;
use serde_json::json;

use crate::on_both_databases;
use crate::support::{Answer, Client, Database, PASSWORD, TestApp, email};

const DAY: u64 = 24 * 60 * 60;

/// Logs in and returns the refresh token.
async fn tokens_of(app: &TestApp, name: &str) -> (Client, String) {
    let answer = app
        .stranger()
        .post("/login")
        .form_owned(&email(name), PASSWORD, "profile:read account offline_access")
        .await;
    let tokens = answer.assert(200);
    (app.stranger().with_token(&access(&tokens)), refresh_token(&tokens))
}

fn access(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/token").form(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

#[track_caller]
fn refused(answer: Answer) {
    let answer = answer.assert(400);
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert_eq!(answer.header("cache-control"), "no-store");
}

on_both_databases! {
    async fn a_refresh_token_comes_when_it_is_asked_for_or_as_the_operator_says(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let plain = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        assert!(plain.json().get("refresh_token").is_none());
        let (_, token) = tokens_of(&app, "ada").await;
        let answer = refresh(&app.stranger(), &token).await.assert(200);
        assert_eq!(answer.json()["token_type"], "bearer");
        assert_eq!(answer.json()["scope"], "account offline_access profile:read");
        assert_eq!(answer.header("cache-control"), "no-store");
        app.stranger().with_token(&access(&answer)).get("/profile").send().await.assert(200);

        let mut config = app.place.config();
        config.refresh_tokens = RefreshTokens::Always;
        let always = app.again_with(config.clone()).await;
        let answer = always.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        refresh(&app.stranger(), &refresh_token(&answer)).await.assert(200);
        config.refresh_tokens = RefreshTokens::Never;
        let never = app.again_with(config).await;
        let answer = never.stranger().post("/login").form_owned(&email("ada"), PASSWORD, "profile:read offline_access").await;
        assert_eq!(answer.assert(200).json()["scope"], "profile:read");
    }

    async fn s01_only_digests_of_refresh_tokens_are_kept(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, first) = tokens_of(&app, "ada").await;
        let second = refresh_token(&refresh(&app.stranger(), &first).await.assert(200));
        let dump = app.place.dump().await;
        for token in [first, second] {
            assert!(!dump.contains(&token) && !dump.contains(token.get(40..).unwrap()), "a token is readable");
        }
    }

    async fn s03_k04_of_fifty_uses_at_once_on_two_instances_there_is_one_successor(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let second = app.again().await;
        let (_, token) = tokens_of(&app, "ada").await;
        let uses = (0..50).map(|at| {
            let client = if at % 2 == 0 { app.stranger() } else { second.stranger() };
            let token = token.clone();
            async move { refresh(&client, &token).await }
        });
        let answers = join_all(uses).await;
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 503)), "{answers:?}");
        let successors: HashSet<String> =
            answers.iter().filter(|answer| answer.status == 200).map(refresh_token).collect();
        assert_eq!(successors.len(), 1);
        // The family stays valid.
        let successor = successors.into_iter().next().unwrap();
        refresh(&second.stranger(), &successor).await.assert(200);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL").await, "1");
    }

    async fn a_lost_answer_is_given_again_for_ten_seconds_and_it_is_the_same(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, token) = tokens_of(&app, "ada").await;
        let successor = refresh_token(&refresh(&app.stranger(), &token).await.assert(200));
        app.advance(9);
        // After a restart too: deriving it needs only the token and the server's secret.
        let again = refresh(&app.again().await.stranger(), &token).await.assert(200);
        assert_eq!(refresh_token(&again), successor);
        app.stranger().with_token(&access(&again)).get("/profile").send().await.assert(200);
        refresh(&app.stranger(), &successor).await.assert(200);
    }

    async fn s04_a_replay_ends_the_family_and_its_access_tokens_and_the_owner_is_told(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, token) = tokens_of(&app, "ada").await;
        let other = app.log_in("ada").await;
        let answer = refresh(&app.stranger(), &token).await.assert(200);
        let (living, successor) = (app.stranger().with_token(&access(&answer)), refresh_token(&answer));
        app.advance(10);
        let second = app.again().await;
        refused(refresh(&second.stranger(), &token).await);
        refused(refresh(&app.stranger(), &successor).await);
        living.get("/profile").send().await.assert(401);
        other.get("/profile").send().await.assert(200);
        refused(refresh(&app.again().await.stranger(), &successor).await);
        let told = "SELECT COUNT(*) FROM audit_events WHERE event = 'session.refresh_token_replayed'";
        assert_eq!(app.place.value(told).await, "1");
        let told = app.mails_to("ada").await;
        assert!(told.iter().any(|mail| mail.subject == "A session at Portcullis was ended"), "{told:?}");
    }

    async fn s04_a_token_is_a_replay_at_once_when_its_successor_was_used(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, first) = tokens_of(&app, "ada").await;
        let second = refresh_token(&refresh(&app.stranger(), &first).await.assert(200));
        let third = refresh_token(&refresh(&app.stranger(), &second).await.assert(200));
        refused(refresh(&app.stranger(), &first).await);
        for dead in [second, third] {
            refused(refresh(&app.stranger(), &dead).await);
        }
    }

    async fn s05_s11_the_idle_end_moves_with_use_and_the_absolute_end_does_not(database: Database) {
        let app = TestApp::with(database, |config| {
            config.session_idle_ttl = std::time::Duration::from_secs(2 * DAY);
            config.session_ttl = std::time::Duration::from_secs(5 * DAY);
        }).await;
        app.sign_up("ada").await;
        let (_, idle) = tokens_of(&app, "ada").await;
        let (_, mut used) = tokens_of(&app, "ada").await;
        app.advance(2 * DAY - 1);
        used = refresh_token(&refresh(&app.stranger(), &used).await.assert(200));
        app.advance(1);
        refused(refresh(&app.stranger(), &idle).await);
        app.advance(2 * DAY - 2);
        used = refresh_token(&refresh(&app.stranger(), &used).await.assert(200));
        app.advance(DAY + 1);
        refresh(&app.stranger(), &used).await.assert(200);
        app.advance(1);
        refused(refresh(&app.stranger(), &used).await);
        // An expired token is not a replay.
        assert!(app.mails_to("ada").await.iter().all(|mail| mail.subject.starts_with("Confirm")));
    }

    async fn s05_a_refresh_never_widens_the_scope_and_may_narrow_it(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, token) = tokens_of(&app, "ada").await;
        let exchange = |token: String, scope: &'static str| {
            let client = app.stranger();
            async move {
                client.post("/token").form(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await
            }
        };
        for wider in ["profile:read profile:write", "everything", "accounts:read"] {
            assert_eq!(exchange(token.clone(), wider).await.assert(400).json()["error"], "invalid_scope");
        }
        let narrow = exchange(token, "profile:read").await.assert(200);
        assert_eq!(narrow.json()["scope"], "profile:read");
        app.stranger().with_token(&access(&narrow)).get("/sessions").send().await.assert(403);
        // The refresh token keeps the scope that the login granted (RFC 6749 §6).
        let full = exchange(refresh_token(&narrow), "").await.assert(200);
        assert_eq!(full.json()["scope"], "account offline_access profile:read");
    }

    async fn s07_s08_log_out_disabling_a_new_password_and_deletion_end_the_family(database: Database) {
        let app = TestApp::new(database).await;
        let second = app.again().await;
        for (at, end) in ["log-out", "disable", "password", "delete"].into_iter().enumerate() {
            let name = format!("user{at}");
            let id = app.sign_up(&name).await;
            let (client, token) = tokens_of(&app, &name).await;
            match end {
                "log-out" => drop(client.post("/logout").send().await.assert(204)),
                "disable" => app.disable(id).await,
                "password" => app.set_password(id, "another-lantern-in-the-harbour").await,
                _ => app.delete(id).await,
            }
            refused(refresh(&second.stranger(), &token).await);
            refused(refresh(&app.stranger(), &token).await);
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'session.refresh_token_replayed'").await, "0");
    }

    async fn s06_o05_the_token_endpoint_takes_one_grant_in_one_form(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (ada, token) = tokens_of(&app, "ada").await;
        let good = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let post = || app.stranger().post("/token");
        let error = |answer: Answer| answer.json()["error"].as_str().unwrap_or_default().to_owned();
        for (form, expected) in [
            (vec![good[0]], "invalid_request"),
            (vec![good[1]], "invalid_request"),
            (vec![good[0], good[1], good[1]], "invalid_request"),
            (vec![("grant_type", "password"), ("username", "a"), ("password", "b")], "unsupported_grant_type"),
            (vec![("grant_type", "authorization_code"), good[1]], "unsupported_grant_type"),
            (vec![good[0], ("refresh_token", "")], "invalid_request"),
            (vec![good[0], ("refresh_token", "junk")], "invalid_grant"),
            (vec![good[0], ("refresh_token", ada.token())], "invalid_grant"),
        ] {
            assert_eq!(error(post().form(&form).await.assert(400)), expected, "{form:?}");
        }
        for form in [[good[0], good[1], ("client_id", "shop")], [good[0], good[1], ("client_secret", "x")]] {
            assert_eq!(error(post().form(&form).await.assert(401)), "invalid_client");
        }
        let basic = post().header("authorization", "Basic c2hvcDp4").form(&good).await.assert(401);
        assert!(basic.header("www-authenticate").starts_with("Basic "));
        assert_eq!(error(post().json(&json!({ "grant_type": "refresh_token", "refresh_token": token })).await.assert(400)), "invalid_request");
        assert_eq!(error(post().header("content-type", "application/x-www-form-urlencoded").body(vec![b'a'; 20_000]).await.assert(400)), "invalid_request");
        app.stranger().get("/token").send().await.assert(405);
        // None of these requests used it up, and unknown parameters are ignored.
        post().form(&[good[0], good[1], ("x", "y")]).await.assert(200);
        // t06: it gives no access by itself.
        app.stranger().with_token(&token).get("/profile").send().await.assert(401);
    }

    async fn a_made_up_token_with_the_name_of_a_session_ends_nobody(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (_, token) = tokens_of(&app, "ada").await;
        let mut forged = token.clone();
        forged.replace_range(60..70, "AAAAAAAAAA");
        refused(refresh(&app.stranger(), &forged).await);
        refresh(&app.stranger(), &token).await.assert(200);
    }
}

/// k05: the clock that counts is the one that the instances share, which is the database's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k05_instances_whose_clocks_are_two_minutes_apart_agree() {
    let app = TestApp::new(Database::Postgres).await;
    let (fast, slow) = (app.again_with_clock_ahead(60).await, app.again_with_clock_ahead(-60).await);
    fast.sign_up("ada").await;
    let (ada, token) = tokens_of(&fast, "ada").await;
    slow.stranger().with_token(ada.token()).get("/profile").send().await.assert(200);
    slow.log_in("ada").await.get("/profile").send().await.assert(200);
    fast.stranger().with_token(slow.log_in("ada").await.token()).get("/profile").send().await.assert(200);
    // Used on one instance and repeated on the other: within ten seconds on both.
    let first = refresh_token(&refresh(&fast.stranger(), &token).await.assert(200));
    assert_eq!(refresh_token(&refresh(&slow.stranger(), &token).await.assert(200)), first);
    let second = refresh_token(&refresh(&slow.stranger(), &first).await.assert(200));
    assert_eq!(refresh_token(&refresh(&fast.stranger(), &first).await.assert(200)), second);
    let written = app.place.sql("SELECT created_at FROM sessions ORDER BY id").await.concat();
    let written: Vec<i64> = written.iter().map(|at| at.parse().unwrap()).collect();
    assert!(written.iter().max().unwrap() - written.iter().min().unwrap() < 20_000_000, "{written:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k05_a_clock_that_jumps_while_the_server_runs_counts_for_nothing() {
    let app = TestApp::new(Database::Postgres).await;
    let other = app.again_with_clock_ahead(0).await;
    other.sign_up("ada").await;
    for seconds in [400, -800] {
        let (ada, token) = tokens_of(&other, "ada").await;
        other.clock.jump(seconds * 1_000_000);
        other.stranger().with_token(ada.token()).get("/profile").send().await.assert(200);
        let first = refresh_token(&refresh(&other.stranger(), &token).await.assert(200));
        refresh(&other.stranger(), &first).await.assert(200);
    }
}
