//! The end of a session, and the tokens of one that has ended.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{PASSWORD, TestApp, email};

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
        // The sid is no credential: a token made of it would need the signing key, and that is sealed.
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

    async fn t07_a_token_carries_what_rfc_9068_asks_for(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, again) = (app.as_user("ada").await, app.log_in("ada").await);
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(ada.token().split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("EdDSA")));
        let (claims, other) = (claims(ada.token()), claims(again.token()));
        let names: HashSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, HashSet::from(["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid"]));
        assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("http://localhost:8000"), Some("http://localhost:8000")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("1"), &json!("portcullis")));
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
}
