//! The login: its responses, what they do not reveal, and how often one may try.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use serde_json::json;

use crate::on_both_databases;
use crate::support::{Answer, PASSWORD, TestApp, email, timing};

const WRONG: &str = "not-the-password-1";

/// A response without the parts that always differ.
pub fn comparable(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    headers.remove("x-request-id");
    format!("{} {headers:?} {}", answer.status, answer.text())
}

on_both_databases! {
    async fn a_log_in_answers_a_bearer_token(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let answer = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!(body["token_type"], "bearer");
        assert_eq!(body["expires_in"], 300);
        assert_eq!(body["scope"], "account profile:read profile:write");
        let wrong = app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        assert_eq!(wrong.header("www-authenticate"), "Bearer");
        assert_eq!(wrong.header("cache-control"), "no-store");
        assert_eq!(wrong.json()["error"], "invalid_grant");
        assert_eq!(wrong.json()["detail"], wrong.json()["error_description"]);
    }

    async fn the_form_is_that_of_the_password_grant_without_a_client(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (name, log_in) = (email("ada"), || app.stranger().post("/login"));
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let form = [("username", name.as_str()), ("password", PASSWORD)];
        let with = |more: (&'static str, &'static str)| [form[0], form[1], more];
        log_in().form(&with(("grant_type", "password"))).await.assert(200);
        log_in().form(&with(("client_id", ""))).await.assert(200);
        log_in().header("authorization", &basic(":")).form(&form).await.assert(200);
        log_in().header("authorization", "Bearer old").form(&form).await.assert(200);
        log_in().form(&with(("grant_type", "client_credentials"))).await.assert_invalid(&["body.grant_type"]);
        log_in().form(&with(("otp", "1"))).await.assert_invalid(&["body.otp"]);
        log_in().form(&with(("username", "x@example.com"))).await.assert_invalid(&["body.username"]);
        log_in().form(&[("username", &name)]).await.assert_invalid(&["body.password"]);
        log_in().json(&json!({ "username": name, "password": PASSWORD })).await.assert(415);
        for named in [
            log_in().form(&with(("client_id", "shop"))).await,
            log_in().form(&with(("client_secret", "x"))).await,
            log_in().header("authorization", &basic("shop:secret")).form(&form).await,
        ] {
            assert_eq!(named.assert(401).json()["error"], "invalid_client");
        }
    }

    async fn a_log_in_may_ask_for_less(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let name = email("ada");
        let ask = |scope| app.stranger().post("/login").form_owned(&name, PASSWORD, scope);
        let answer = ask("profile:read").await.assert(200).json();
        assert_eq!(answer["scope"], "profile:read");
        let reader = app.stranger().with_token(answer["access_token"].as_str().unwrap());
        reader.get("/profile").send().await.assert(200);
        let refused = reader.patch("/profile").json(&json!({ "full_name": "X" })).await.assert(403);
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"profile:write\"");
        assert_eq!(ask("profile:read admin").await.assert(400).json()["error"], "invalid_scope");
    }

    async fn e01_unknown_wrong_and_disabled_look_alike(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let bob = app.sign_up("bob").await;
        app.disable(bob).await;
        let answers = [
            app.stranger().try_password(&email("nobody"), PASSWORD).await,
            app.stranger().try_password(&email("ada"), WRONG).await,
            app.stranger().try_password(&email("bob"), WRONG).await,
            app.stranger().try_password(&email("bob"), PASSWORD).await,
        ];
        for answer in &answers {
            assert_eq!(answer.status.as_u16(), 401);
            assert_eq!(comparable(answer), comparable(&answers[0]));
        }
    }

    async fn b01_ten_wrong_passwords_from_one_address(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        for _ in 0..10 {
            app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        }
        let refused = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(429);
        assert_eq!(refused.header("retry-after"), "900");
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
        app.stranger().try_password(&email("eve"), WRONG).await.assert(401);
        app.advance(899);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(429);
        app.advance(1);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'session.log_in_throttled'").await, "1");
    }

    async fn b01_a_success_clears_the_count(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        for _ in 0..3 {
            for _ in 0..9 {
                app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
            }
            app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
        }
    }

    async fn b01_a_hundred_from_everywhere_is_the_most(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        guess_from_ten_networks(&app).await;
        app.stranger_at("203.0.113.200").try_password(&email("ada"), PASSWORD).await.assert(429);
        app.advance(24 * 60 * 60);
        app.stranger_at("203.0.113.200").try_password(&email("ada"), PASSWORD).await.assert(200);
    }

    async fn b02_strangers_who_guess_do_not_lock_the_owner_out(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let home = app.stranger_at("198.51.100.7");
        home.log_in(&email("ada")).await;
        guess_from_ten_networks(&app).await;
        app.stranger_at("203.0.113.200").try_password(&email("ada"), PASSWORD).await.assert(429);
        home.try_password(&email("ada"), PASSWORD).await.assert(200);
        // That login reset the count of failures.
        app.stranger_at("203.0.113.200").try_password(&email("ada"), PASSWORD).await.assert(200);
    }

    async fn b03_parallel_guesses_do_not_slip_past(database: Database) {
        let app = TestApp::new(database).await;
        let second = app.again().await;
        app.sign_up("ada").await;
        let (first, other) = (app.stranger(), second.stranger());
        let guesses = (0..50).map(|n| {
            let client = if n % 2 == 0 { &first } else { &other };
            async move { client.try_password(&email("ada"), &format!("{WRONG}{n}")).await.status.as_u16() }
        });
        let statuses = join_all(guesses).await;
        let of = |status| statuses.iter().filter(|known| **known == status).count();
        assert_eq!((of(401), of(429)), (10, 40), "{statuses:?}");
    }

    async fn b04_stuffing_is_stopped_by_address_and_network(database: Database) {
        let app = TestApp::new(database).await;
        let stuff = |address: &'static str, from: u32, count: u32| {
            let client = app.stranger_at(address);
            async move {
                let mut refused = 0;
                for n in from..from + count {
                    let answer = client.try_password(&email(&format!("victim{n}")), PASSWORD).await;
                    refused += usize::from(answer.status.as_u16() == 429);
                }
                refused
            }
        };
        assert_eq!(stuff("192.0.2.9", 0, 110).await, 10);
        assert_eq!(stuff("192.0.2.10", 0, 5).await, 0);
        assert_eq!(stuff("2001:db8:1:2::1", 200, 60).await, 0);
        assert_eq!(stuff("2001:db8:1:2:ffff::9", 300, 50).await, 10);
        assert_eq!(stuff("2001:db8:1:3::1", 400, 5).await, 0);
    }

    async fn b05_every_spelling_of_a_name_counts_as_one(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        for n in 0..10 {
            let spelling = ["ada@example.com", "ADA@example.com", "Ada@EXAMPLE.com"][n % 3];
            app.stranger().try_password(spelling, WRONG).await.assert(401);
        }
        app.stranger().try_password("aDa@example.com", WRONG).await.assert(429);
    }

    async fn e05_limits_are_the_same_for_names_without_an_account(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let mut refused = Vec::new();
        for name in ["ada", "nobody"] {
            for _ in 0..10 {
                app.stranger().try_password(&email(name), WRONG).await.assert(401);
            }
            refused.push(comparable(&app.stranger().try_password(&email(name), WRONG).await.assert(429)));
        }
        assert_eq!(refused[0], refused[1]);
    }

    async fn b07_counts_survive_a_restart_and_are_swept(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        for _ in 0..10 {
            app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        }
        let restarted = app.again().await;
        restarted.stranger().try_password(&email("ada"), PASSWORD).await.assert(429);
        assert_ne!(app.place.value("SELECT COUNT(*) FROM attempts").await, "0");
        app.advance(25 * 60 * 60);
        let swept = app.again().await;
        let begin = Instant::now();
        while app.place.value("SELECT COUNT(*) FROM attempts").await != "0" {
            assert!(begin.elapsed() < Duration::from_secs(10), "the sweep leaves attempts");
            tokio::task::yield_now().await;
        }
        drop(swept);
    }

    async fn the_counters_hold_no_name_and_no_address(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        app.stranger_at("198.51.100.7").try_password(&email("ada"), WRONG).await.assert(401);
        app.stranger_at("198.51.100.7").try_password(&email("nobody"), WRONG).await.assert(401);
        let counters = format!("{:?}", app.place.sql("SELECT * FROM attempts").await);
        assert!(!counters.contains("198.51") && !counters.contains("ada") && !counters.contains("nobody"));
        assert!(!app.place.dump().await.contains("nobody"));
    }

    async fn limits_can_be_off_for_measuring(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        app.sign_up("ada").await;
        for _ in 0..12 {
            app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        }
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
    }
}

/// A hundred wrong passwords for one name, as many from each address as are allowed.
async fn guess_from_ten_networks(app: &TestApp) {
    for network in 0..10 {
        let attacker = app.stranger_at(&format!("203.0.113.{network}"));
        for _ in 0..10 {
            attacker.try_password(&email("ada"), WRONG).await.assert(401);
        }
    }
}

on_both_databases! {
    async fn e02_an_unknown_name_takes_as_long(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        app.sign_up("ada").await;
        timing::takes_as_long("ada", "nobody", async |email| {
            let (took, answer) = timing::timed(app.stranger().try_password(&email, WRONG)).await;
            answer.assert(401);
            assert!(took > Duration::from_millis(5), "{email} is answered in {took:?}: nothing was hashed");
            took
        })
        .await;
    }
}
