//! Sign-up and the profile.

use std::collections::HashSet;

use futures_util::future::join_all;
use portcullis_server::passwords::BreachCheck;
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Answer, PASSWORD, TestApp, email};

async fn sign_up(app: &TestApp, email: &str, full_name: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "full_name": full_name, "password": password });
    app.stranger().post("/signup").json(&body).await
}

/// Neither sign-up nor login accepts this as an address.
async fn nobody_is_called(app: &TestApp, address: &str) {
    sign_up(app, address, "Ada", PASSWORD).await.assert_invalid(&["body.email"]);
    app.stranger().try_password(address, PASSWORD).await.assert_invalid(&["body.username"]);
}

on_both_databases! {
    async fn an_account_is_made_and_shows_its_profile_to_its_owner(database: Database) {
        let app = TestApp::new(database).await;
        let account = sign_up(&app, "Ada@Example.com", " Ada Lovelace ", PASSWORD).await.assert(201).json();
        let expected =
            json!({ "id": 1, "email": "ada@example.com", "full_name": "Ada Lovelace", "is_active": true });
        assert_eq!(account, expected);

        let ada = app.stranger().log_in("ADA@example.com").await;
        let profile = ada.get("/profile/1").send().await.assert(200).json();
        assert_eq!(profile["full_name"], "Ada Lovelace");
        assert_eq!(profile["profile_image_url"], json!(null));
        assert_eq!(ada.get("/profile").send().await.assert(200).json(), profile);

        let changed = ada.patch("/profile").json(&json!({ "full_name": "Ada King" })).await.assert(200).json();
        assert_eq!(changed["full_name"], "Ada King");
        assert_eq!(ada.get("/profile").send().await.assert(200).json(), changed);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'profile.changed'").await, "1");
    }

    async fn e05_anothers_profile_is_one_that_does_not_exist(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let eve = app.as_user("eve").await;
        let anothers = eve.get("/profile/1").send().await.assert(404);
        let nobodys = eve.get("/profile/99").send().await.assert(404);
        assert_eq!(anothers.body, nobodys.body);
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<HashSet<_>>();
        assert_eq!(names(&anothers), names(&nobodys));
    }

    async fn ids_of_every_kind_are_answered(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        for id in ["0", "-1", "2", "9223372036854775807", "-9223372036854775808"] {
            ada.get(&format!("/profile/{id}")).send().await.assert(404);
        }
        for id in ["9223372036854775808", "1e3", "0x1", "ada", "1%00", "%F0%9F%98%80", "1'--", "1.5"] {
            ada.get(&format!("/profile/{id}")).send().await.assert_invalid(&["path.id"]);
        }
    }

    async fn p01_the_minimum_length_counts_and_has_a_floor(database: Database) {
        let app = TestApp::new(database).await;
        sign_up(&app, "a@example.com", "Ada", "violet-harb").await.assert_invalid(&["body.password"]);
        let app = TestApp::with(database, |config| config.password_min_length = 8).await;
        sign_up(&app, "a@example.com", "Ada", "kV7#q9Lz").await.assert(201);
        sign_up(&app, "b@example.com", "Ada", "kV7#q9L").await.assert_invalid(&["body.password"]);
        let mut config = app.place.config();
        config.password_min_length = 7;
        let refused = portcullis_server::App::open(config).await.unwrap_err().to_string();
        assert!(refused.contains("password_min_length"), "{refused}");
    }

    async fn p02_long_passwords_of_any_script_log_in(database: Database) {
        let app = TestApp::new(database).await;
        let long = "tide ".repeat(12) + "over";
        let longer = (0..128).map(|n| char::from(b'!' + u8::try_from(n * 37 % 90).unwrap())).collect::<String>();
        let others = ["  spaces at both ends of it  ", "πολύ μεγάλο μυστικό", "🦀🐙🦑🐚🪼🐬🐋🦈🐟🐠🐡🦭"];
        for (n, password) in [long.as_str(), &longer].into_iter().chain(others).enumerate() {
            let email = email(&format!("p{n}"));
            sign_up(&app, &email, "Ada", password).await.assert(201);
            app.stranger().try_password(&email, password).await.assert(200);
            app.stranger().try_password(&email, &format!("{password}x")).await.assert(401);
        }
    }

    async fn p03_a_huge_password_costs_no_hash(database: Database) {
        let app = TestApp::new(database).await;
        let most = "tide-Harbour 7".chars().cycle().take(1024).collect::<String>();
        sign_up(&app, "a@example.com", "Ada", &most).await.assert(201);
        app.stranger().try_password("a@example.com", &most).await.assert(200);
        sign_up(&app, "b@example.com", "Ada", &(most.clone() + "x")).await.assert_invalid(&["body.password"]);
        app.stranger().try_password("a@example.com", &(most + "x")).await.assert_invalid(&["body.password"]);
        sign_up(&app, "c@example.com", "Ada", &"é".repeat(600)).await.assert_invalid(&["body.password"]);
        sign_up(&app, "d@example.com", "Ada", &"x".repeat(10_000_000)).await.assert(413);
    }

    async fn p04_bytes_after_the_72nd_and_after_a_nul_count(database: Database) {
        let app = TestApp::new(database).await;
        let start = "violet harbour lantern seven ".repeat(3);
        sign_up(&app, "a@example.com", "Ada", &format!("{start}one")).await.assert(201);
        app.stranger().try_password("a@example.com", &format!("{start}two")).await.assert(401);
        app.stranger().try_password("a@example.com", &format!("{start}one")).await.assert(200);
        sign_up(&app, "b@example.com", "Ada", "violet-harbour\0lantern").await.assert_invalid(&["body.password"]);
    }

    async fn p05_case_and_spaces_count_and_the_normal_form_does_not(database: Database) {
        let app = TestApp::new(database).await;
        sign_up(&app, "a@example.com", "Ada", " Café-au-lait at dawn ").await.assert(201);
        let decomposed = " Cafe\u{301}-au-lait at dawn ";
        app.stranger().try_password("a@example.com", decomposed).await.assert(200);
        for wrong in ["Café-au-lait at dawn ", " Café-au-lait at dawn", " café-au-lait at dawn ", " Cafe-au-lait at dawn "] {
            app.stranger().try_password("a@example.com", wrong).await.assert(401);
        }
    }

    async fn p06_guessable_passwords_are_refused_with_a_reason(database: Database) {
        let app = TestApp::new(database).await;
        let refused = [
            "password1234", "123456789012", "qwertyuiop12", "iloveyou1234", "aaaaaaaaaaaaaa", "abcdefghijkl",
            "ada.lovelace@analytical.example", "ada.lovelace", "analytical.example", "Ada Lovelace!", "portcullis123",
            "portcullisportcullis", "localhost:8000",
        ];
        for password in refused {
            let answer = sign_up(&app, "ada.lovelace@analytical.example", "Ada Lovelace", password).await;
            assert_eq!(answer.status.as_u16(), 422, "{password}");
            let reason = answer.assert_invalid(&["body.password"]).json()["detail"][0]["msg"].to_string();
            assert!(reason.len() > 20 && !reason.contains(password), "{password}: {reason}");
        }
    }

    async fn p06_a_list_of_breaches_can_be_asked_and_fails_open(database: Database) {
        let app = TestApp::with(database, |config| {
            config.breach_check = Some(BreachCheck::new(|password| match password {
                "once-in-a-great-breach" => Ok(true),
                "the-list-is-out-of-reach" => Err("no such file".into()),
                _ => Ok(false),
            }));
        }).await;
        sign_up(&app, "a@example.com", "Ada", "once-in-a-great-breach").await.assert_invalid(&["body.password"]);
        sign_up(&app, "a@example.com", "Ada", "the-list-is-out-of-reach").await.assert(201);
        sign_up(&app, "b@example.com", "Ada", PASSWORD).await.assert(201);
    }

    async fn p08_a_hash_is_argon2id_with_a_salt_of_its_own(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        app.sign_up("eve").await;
        let hashes = app.place.sql("SELECT password_hash FROM accounts").await.concat();
        assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{hashes:?}");
        assert_ne!(hashes[0], hashes[1]);
    }

    async fn p08_raised_parameters_rehash_at_the_next_log_in(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let mut config = app.place.config();
        config.hash_parameters = portcullis_server::passwords::HashParameters::new(20_000, 3, 1).unwrap();
        let raised = app.again_with(config).await;
        raised.log_in("ada").await;
        let hash = app.place.value("SELECT password_hash FROM accounts").await;
        assert!(hash.starts_with("$argon2id$v=19$m=20000,t=3,p=1$"), "{hash}");
        raised.log_in("ada").await;
        assert_eq!(app.place.value("SELECT password_hash FROM accounts").await, hash);
    }

    async fn p10_no_answer_repeats_a_password(database: Database) {
        let app = TestApp::new(database).await;
        let secret = "canary-7f3a";
        let bodies = [
            json!({ "email": "x", "full_name": "", "password": secret }),
            json!({ "email": secret, "full_name": [secret], "password": { "deep": secret } }),
            json!({ "email": "a@example.com", "full_name": "Ada", "password": secret, "extra": secret }),
            json!([secret]),
            json!(secret),
        ];
        for body in bodies {
            let answer = app.stranger().post("/signup").json(&body).await.assert(422);
            assert!(!answer.text().contains(secret), "{}", answer.text());
        }
        let broken = app.stranger().post("/signup").header("content-type", "application/json");
        let answer = broken.body(format!("{{\"password\": \"{secret}\", ")).await.assert(400);
        assert!(!answer.text().contains(secret));
        for pairs in [[("username", secret), ("password", secret)], [("username", "a@example.com"), ("password", secret)]] {
            let answer = app.stranger().post("/login").form(&pairs).await;
            assert!(!answer.text().contains(secret));
        }
    }

    async fn p11_of_fifty_sign_ups_at_once_one_wins(database: Database) {
        let app = TestApp::new(database).await;
        let second = app.again().await;
        let spellings = ["ada@example.com", "ADA@example.com", "Ada@EXAMPLE.com"];
        let calls = (0..50).map(|n| {
            let app = if n % 2 == 0 { &app } else { &second };
            async move { sign_up(app, spellings[n % 3], "Ada", PASSWORD).await.status.as_u16() }
        });
        let mut statuses = join_all(calls).await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, "1");
    }

    async fn p12_nobody_chooses_what_is_not_theirs(database: Database) {
        let app = TestApp::new(database).await;
        for field in ["role", "is_admin", "email_verified", "id", "created_at", "is_active", "password_hash"] {
            let mut body = json!({ "email": "a@example.com", "full_name": "Ada", "password": PASSWORD });
            body[field] = json!(true);
            let name = format!("body.{field}");
            app.stranger().post("/signup").json(&body).await.assert_invalid(&[&name]);
        }
        let ada = app.as_user("ada").await;
        for field in ["id", "email", "is_active", "role", "account_id"] {
            let mut body = json!({ "full_name": "Ada" });
            body[field] = json!(2);
            ada.patch("/profile").json(&body).await.assert_invalid(&[&format!("body.{field}")]);
        }
    }

    async fn a01_only_plain_addresses_sign_up_and_log_in(database: Database) {
        let app = TestApp::new(database).await;
        let long = format!("a@{}.org", "x".repeat(250));
        for address in [
            "a@x.org, b@y.org",
            "\"e@evil.org\"@x.org",
            "a@x.org\r\nBcc: b@y.org",
            "a%0d%0a@x.org",
            "a(c)@x.org",
            "a@[127.0.0.1]",
            "a@localhost",
            "a@@x.org",
            &long,
        ] {
            nobody_is_called(&app, address).await;
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, "0");
    }

    async fn a02_look_alikes_and_invisible_characters_are_no_address(database: Database) {
        let app = TestApp::new(database).await;
        for address in ["a\u{FF20}x.org", "a@x\u{FF0E}org", "a@x\u{3002}org", "a\u{200B}@x.org", "a\u{202E}@x.org", "a\0@x.org"] {
            nobody_is_called(&app, address).await;
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, "0");
    }

    async fn a03_one_mailbox_is_one_account(database: Database) {
        let app = TestApp::new(database).await;
        sign_up(&app, "Kiss@München.de", "Ada", PASSWORD).await.assert(201);
        for spelling in ["kiss@xn--mnchen-3ya.de", "KISS@MÜNCHEN.DE", "kiss@mu\u{308}nchen.de"] {
            sign_up(&app, spelling, "Ada", PASSWORD).await.assert(409);
            app.stranger().try_password(spelling, PASSWORD).await.assert(200);
        }
        for other in ["\u{212A}iss@xn--mnchen-3ya.de", "k\u{131}ss@xn--mnchen-3ya.de", "ki\u{17F}s@xn--mnchen-3ya.de"] {
            let answer = sign_up(&app, other, "Ada", PASSWORD).await;
            assert!(matches!(answer.status.as_u16(), 201 | 422), "{other}: {}", answer.status);
            let id = app.stranger().try_password(other, PASSWORD).await;
            assert!(matches!(id.status.as_u16(), 200 | 422));
        }
        assert_eq!(app.place.value("SELECT email FROM accounts WHERE id = 1").await, "kiss@xn--mnchen-3ya.de");
    }

    async fn every_bad_field_is_named_at_once(database: Database) {
        let app = TestApp::new(database).await;
        let body = json!({ "email": "nobody", "full_name": "\u{202E}", "password": "short" });
        app.stranger().post("/signup").json(&body).await.assert_invalid(&["body.email", "body.full_name", "body.password"]);
        let body = json!({ "email": "nobody@localhost.", "full_name": "a\tb", "password": "short" });
        let answer = app.stranger().post("/signup").json(&body).await.assert(422).json();
        assert!(!answer["detail"].as_array().unwrap().is_empty());
        app.stranger().post("/signup").json(&json!({})).await
            .assert_invalid(&["body.email", "body.full_name", "body.password"]);
        let body = json!({ "email": "a@example.com", "full_name": "\u{202E}x", "password": "password1234" });
        app.stranger().post("/signup").json(&body).await.assert_invalid(&["body.full_name", "body.password"]);
        for (name, value) in [("long", "x".repeat(201)), ("blank", "  ".to_owned()), ("nul", "a\0b".to_owned())] {
            let answer = sign_up(&app, "a@example.com", &value, PASSWORD).await;
            assert_eq!(answer.status.as_u16(), 422, "{name}");
        }
        let broken = app.stranger().post("/signup").header("content-type", "application/json").body("{").await;
        assert_eq!(broken.assert(400).json()["detail"].as_str().map(str::is_empty), Some(false));
        app.stranger().post("/signup").body("{}").await.assert(415);
    }

    async fn sign_ups_of_one_address_are_bounded_and_the_guides_pace_is_not(database: Database) {
        let app = TestApp::with(database, |config| {
            config.hash_parameters = portcullis_server::passwords::HashParameters::default();
        }).await;
        for n in 0..40 {
            sign_up(&app, &email(&format!("n{n}")), "Ada", PASSWORD).await.assert(201);
        }
        app.place.sql("UPDATE attempts SET failures = 200").await;
        let refused = sign_up(&app, "late@example.com", "Ada", PASSWORD).await.assert(429);
        assert_eq!(refused.header("retry-after"), "3600");
        let body: Value = json!({ "email": "else@example.com", "full_name": "Ada", "password": PASSWORD });
        app.stranger_at("192.0.2.77").post("/signup").json(&body).await.assert(201);
    }
}
