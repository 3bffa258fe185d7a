//! The end of a session, and the tokens of an ended session.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Database, PASSWORD, TestApp, email};

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

on_both_databases! {
    async fn a_log_out_ends_this_session_at_once_and_no_other(database: Database) {
        let app = TestApp::new(database).await;
        let (phone, laptop) = (app.as_user("ada").await, app.log_in("ada").await);
        let second = app.again().await;
        phone.post("/logout").send().await.assert(204);
        for client in [phone.clone(), second.stranger().with_token(phone.token())] {
            let refused = client.get("/profile").send().await.assert(401);
            assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        }
        phone.post("/logout").send().await.assert(401);
        laptop.get("/profile").send().await.assert(200);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'session.logged_out'").await, "1");
    }

    async fn s01_a_dump_of_the_database_logs_nobody_in(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let dump = app.place.dump().await;
        assert!(!dump.contains(ada.token()) && !dump.contains(PASSWORD));
        assert!(!dump.contains(ada.token().rsplit('.').next().unwrap()));
        // The `sid` is not a credential: forging a token from it would need the signing key, which is encrypted.
        let sealed = app.place.value("SELECT sealed_private_key FROM signing_keys").await;
        let sealed: Vec<u8> = serde_json::from_str(&sealed).unwrap();
        let pkcs8_head = [0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05];
        assert!(!sealed.windows(7).any(|bytes| bytes == pkcs8_head), "the private key is readable");
    }

    async fn s07_s08_disabling_reaches_every_token_and_instance(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let (first, other) = (app.log_in("ada").await, app.log_in("ada").await);
        let second = app.again().await;
        app.disable(id).await;
        for token in [first.token(), other.token()] {
            app.stranger().with_token(token).get("/profile").send().await.assert(401);
            second.stranger().with_token(token).get("/profile").send().await.assert(401);
        }
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.enable(id).await;
        app.stranger().with_token(first.token()).get("/profile").send().await.assert(401);
        app.log_in("ada").await.get("/profile").send().await.assert(200);
    }

    async fn s07_a_new_password_ends_every_session(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        app.set_password(id, "another-lantern-in-the-harbour").await;
        ada.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), "another-lantern-in-the-harbour").await.assert(200);
    }

    async fn t08_a_deleted_account_leaves_no_key_behind(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let old = claims(ada.token());
        app.delete(old["sub"].as_str().unwrap().parse().unwrap()).await;
        ada.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        let again = app.as_user("ada").await;
        assert_ne!(claims(again.token())["sub"], old["sub"]);
        ada.get("/profile").send().await.assert(401);
        for table in ["sessions", "known_addresses", "profile_images"] {
            let left = app.place.value(&format!("SELECT COUNT(*) FROM {table} WHERE account_id = {}", old["sub"].as_str().unwrap())).await;
            assert_eq!(left, "0", "{table}");
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM audit_events WHERE event = 'account.deleted'").await, "1");
    }

    async fn a_session_ends_with_its_time_to_the_second(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        app.advance(299);
        ada.get("/profile").send().await.assert(200);
        app.advance(1);
        ada.get("/profile").send().await.assert(401);
    }

    async fn d06_a_hundred_sessions_are_the_most(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let id = app.sign_up("ada").await;
        let first = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(60);
        let second = app.stranger().log_in_with_cookie(&email("ada")).await;
        // A program that logs in again and again and lets its sessions expire ends nobody's session.
        let expired = |many: u32| {
            let random = match database {
                Database::Sqlite => "randomblob(16)",
                Database::Postgres => "gen_random_uuid()",
            };
            format!(
                "INSERT INTO sessions (id, account_id, created_at, authenticated_at, last_seen_at, expires_at, ends_at)
                 SELECT {random}, account_id, created_at, authenticated_at, last_seen_at + n, $END, $END
                 FROM sessions, (WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {many}) SELECT n FROM t) t
                 WHERE cookie_digest IS NOT NULL AND created_at = (SELECT max(created_at) FROM sessions)"
            )
        };
        let now = app.clock.now().as_micros();
        app.place.sql(&expired(150).replace("$END", &(now + 1).to_string())).await;
        app.advance(1);
        let third = app.stranger().log_in_with_cookie(&email("ada")).await;
        for browser in [&first, &second, &third] {
            browser.get("/profile").send().await.assert(200);
        }
        // A hundred that are alive end the one that was used longest ago.
        app.advance(61);
        for browser in [&second, &third] {
            browser.get("/profile").send().await.assert(200);
        }
        let now = app.clock.now().as_micros();
        app.place.sql(&expired(97).replace("$END", &(now + 3_600_000_000).to_string())).await;
        let alive = format!("SELECT count(*) FROM sessions WHERE account_id = {id} AND ended_at IS NULL AND expires_at > {now}");
        assert_eq!(app.place.value(&alive).await, "100");
        app.advance(1);
        let fourth = app.stranger().log_in_with_cookie(&email("ada")).await;
        assert_eq!(app.place.value(&alive).await, "100");
        first.get("/profile").send().await.assert(401);
        for browser in [&second, &third, &fourth] {
            browser.get("/profile").send().await.assert(200);
        }
        let listed = fourth.get("/sessions").send().await.assert(200).json();
        assert_eq!(listed.as_array().unwrap().len(), 100);
    }

    async fn t07_a_token_carries_what_rfc_9068_asks_for(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, again) = (app.as_user("ada").await, app.log_in("ada").await);
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(ada.token().split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("EdDSA")));
        let (claims, other) = (claims(ada.token()), claims(again.token()));
        let names: HashSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, HashSet::from(["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time", "amr", "acr"]));
        assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("http://localhost:8000"), Some("http://localhost:8000")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("1"), &json!("portcullis")));
        assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd"]), &json!("aal1")));
        assert_ne!(claims["jti"], other["jti"]);
        assert_ne!(claims["sid"], other["sid"]);

        let keys = app.stranger().get("/.well-known/jwks.json").send().await.assert(200);
        assert_eq!(keys.header("cache-control"), "public, max-age=300");
        assert_eq!(keys.json()["keys"][0]["kid"], header["kid"]);
        let members: HashSet<String> = keys.json()["keys"][0].as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["kty", "crv", "alg", "use", "kid", "x"].map(str::to_owned).into());
    }

    async fn another_audience_and_lifetime_are_settings(database: Database) {
        let app = TestApp::with(database, |config| {
            config.audience = Some("shop".to_owned());
            config.access_token_ttl = std::time::Duration::from_mins(1);
        }).await;
        let ada = app.as_user("ada").await;
        assert_eq!(claims(ada.token())["aud"], "shop");
        // The same database under another audience: a token for API A at API B.
        let other = app.again().await;
        other.stranger().with_token(ada.token()).get("/profile").send().await.assert(401);
        app.advance(60);
        ada.get("/profile").send().await.assert(401);
    }

    async fn c01_the_cookie_is_for_this_host_and_no_script(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let form = [("username", "ada@example.com"), ("password", PASSWORD)];
        let answer = app.stranger().post("/login/cookie").header("sec-fetch-site", "same-origin").form(&form).await.assert(204);
        let cookie = answer.header("set-cookie");
        let (value, attributes) = cookie.split_once("; ").unwrap();
        assert!(value.starts_with("__Host-portcullis=") && value.len() > 40, "{cookie}");
        assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!app.place.dump().await.contains(value.split_once('=').unwrap().1), "s01: the cookie is readable");
    }

    async fn s07_one_session_by_cookie_reads_profiles_and_ends_as_any_other(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let second = app.again().await;
        browser.get("/profile").send().await.assert(200);
        second.stranger().with_cookie(browser.cookie()).get("/profile").send().await.assert(200);
        let out = browser.post("/logout").send().await.assert(204);
        assert!(out.header("set-cookie").contains("__Host-portcullis=; ") && out.header("set-cookie").contains("Max-Age=0"));
        second.stranger().with_cookie(browser.cookie()).get("/profile").send().await.assert(401);

        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.disable(id).await;
        browser.get("/profile").send().await.assert(401);
    }

    async fn s02_a_log_in_makes_a_new_cookie_and_a_planted_one_is_worthless(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let planted = app.stranger().with_cookie("__Host-portcullis=planted-by-a-stranger-00000000000000000000");
        planted.get("/profile").send().await.assert(401);
        let after = planted.log_in_with_cookie(&email("ada")).await;
        assert_ne!(after.cookie(), planted.cookie());
        planted.get("/profile").send().await.assert(401);
        let again = after.log_in_with_cookie(&email("ada")).await;
        assert_ne!(again.cookie(), after.cookie());
    }

    async fn c02_a_strangers_page_changes_nothing_and_logs_nobody_in(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let cookie = browser.cookie();
        let cross = |site: &'static str, value: &'static str| {
            app.stranger().post("/logout").header("cookie", cookie).header(site, value)
        };
        for call in [
            cross("sec-fetch-site", "cross-site"),
            cross("sec-fetch-site", "same-site"),
            cross("origin", "null"),
            cross("origin", "https://evil.example"),
            app.stranger().post("/logout").header("cookie", cookie),
        ] {
            call.send().await.assert(403);
        }
        browser.get("/profile").send().await.assert(200);
        let form = [("username", "ada@example.com"), ("password", PASSWORD)];
        for site in ["cross-site", "same-site"] {
            let answer = app.stranger().post("/login/cookie").header("sec-fetch-site", site).form(&form).await.assert(403);
            assert_eq!(answer.header("set-cookie"), "");
        }
        // An invalid bearer token never falls back to the cookie.
        browser.get("/profile").header("authorization", "Bearer junk").send().await.assert(401);
    }

    async fn s11_a_cookie_ends_when_idle_and_absolutely_to_the_second(database: Database) {
        let hour = 3600;
        let app = TestApp::with(database, |config| {
            config.session_idle_ttl = std::time::Duration::from_secs(hour);
            config.session_ttl = std::time::Duration::from_secs(3 * hour);
        }).await;
        app.sign_up("ada").await;
        let (idle, used) = (app.stranger().log_in_with_cookie(&email("ada")).await, app.stranger().log_in_with_cookie(&email("ada")).await);
        for _ in 0..2 {
            app.advance(hour - 1);
            used.get("/profile").send().await.assert(200);
        }
        idle.get("/profile").send().await.assert(401);
        app.advance(hour - 1);
        used.get("/profile").send().await.assert(200);
        app.advance(2);
        used.get("/profile").send().await.assert(200);
        app.advance(1);
        used.get("/profile").send().await.assert(401);
    }

    async fn s10_the_owner_sees_every_session_and_ends_any(database: Database) {
        let app = TestApp::new(database).await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        app.sign_up("ada").await;
        let form = [("username", "ada@example.com"), ("password", PASSWORD)];
        let answer = app.stranger_at("198.51.100.7").post("/login").header("user-agent", firefox).form(&form).await;
        let laptop = app.stranger().with_token(answer.assert(200).json()["access_token"].as_str().unwrap());
        app.advance(1);
        let phone = app.log_in("ada").await;
        let ben = app.as_user("ben").await;

        let list = phone.get("/sessions").send().await.assert(200).json();
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!((&list[0]["is_current"], &list[1]["is_current"]), (&json!(true), &json!(false)));
        assert_eq!((list[1]["device"].as_str(), list[1]["address"].as_str()), (Some("Firefox on Linux"), Some("198.51.100.7")));
        assert!(list[1]["created_at"].as_str().unwrap() < list[0]["created_at"].as_str().unwrap());
        let path = format!("/sessions/{}", list[1]["id"].as_str().unwrap());
        // e05: another account's session looks like one that does not exist.
        let others = ben.delete(&path).send().await.assert(404);
        let absent = ben.delete("/sessions/0192f0c1-2345-7abc-8def-0123456789ab").send().await.assert(404);
        assert_eq!(others.text(), absent.text());
        phone.delete("/sessions/not-an-id").send().await.assert(404);
        laptop.get("/profile").send().await.assert(200);
        phone.delete(&path).send().await.assert(204);
        laptop.get("/profile").send().await.assert(401);
        phone.delete(&path).send().await.assert(404);

        let (tablet, browser) = (app.log_in("ada").await, app.stranger().log_in_with_cookie(&email("ada")).await);
        phone.delete("/sessions").send().await.assert(204);
        for ended in [&tablet, &browser] {
            ended.get("/profile").send().await.assert(401);
        }
        phone.get("/profile").send().await.assert(200);
        ben.get("/profile").send().await.assert(200);
        assert_eq!(phone.get("/sessions").send().await.assert(200).json().as_array().unwrap().len(), 1);
    }

    async fn s10_what_is_sensitive_needs_a_log_in_of_the_last_ten_minutes(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(600);
        browser.delete("/sessions").send().await.assert(204);
        app.advance(1);
        let stale = browser.delete("/sessions").send().await.assert(401);
        let challenge = stale.header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"insufficient_user_authentication\"") && challenge.ends_with("max_age=\"600\""), "{challenge}");
        browser.get("/sessions").send().await.assert(200);
        let fresh = browser.log_in_with_cookie(&email("ada")).await;
        fresh.delete("/sessions").send().await.assert(204);
        browser.get("/profile").send().await.assert(401);
    }
}
