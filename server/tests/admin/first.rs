//! The first administrator: one code, one use, one hour, one administrator.

use futures_util::future::join_all;
use portcullis_server::accounts::Role;
use portcullis_server::admin::offer_first_admin;
use portcullis_server::config::SignUp;
use serde_json::json;

use super::{administrators, set_role, with_all_scopes};
use crate::on_both_databases;
use crate::support::{Answer, Client, TestApp, email};

const HOUR: u64 = 60 * 60;

/// The code of this start; empty if there is none.
async fn offered(app: &TestApp) -> String {
    offer_first_admin(&app.app).await.unwrap().map(|code| code.reveal().to_string()).unwrap_or_default()
}

async fn claim(client: &Client, code: &str) -> Answer {
    client.post("/admin/claim").json(&json!({ "code": code })).await
}

on_both_databases! {
    async fn g01_of_fifty_claims_on_two_instances_one_makes_an_administrator(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let code = offered(&app).await;
        assert_eq!(administrators(&app).await, "0");
        let mut claims = Vec::new();
        for user in 0..10 {
            let user = app.as_user(&format!("user{user}")).await;
            for at in 0..5 {
                let instance = if at % 2 == 0 { &app } else { &other };
                let stranger = instance.stranger_at(&format!("198.51.{}.7", claims.len()));
                claims.push(stranger.with_token(user.token()));
            }
        }
        assert_eq!(claims.len(), 50);
        let claims = claims.into_iter().map(|client| {
            let code = code.clone();
            tokio::spawn(async move { claim(&client, &code).await.status.as_u16() })
        });
        let mut statuses: Vec<u16> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
        statuses.sort_unstable();
        let mut expected = vec![410; 50];
        expected[0] = 204;
        assert_eq!(statuses, expected);
        assert_eq!(administrators(&app).await, "1");
        let told = "SELECT COUNT(*) FROM audit_events WHERE event = 'account.first_admin'";
        assert_eq!(app.place.value(told).await, "1");
    }

    async fn g01_the_code_makes_an_administrator_with_all_rights_once(database: Database) {
        let app = TestApp::new(database).await;
        let code = offered(&app).await;
        let ada = app.as_user("ada").await;
        let cookie = app.stranger().log_in_with_cookie(&email("ada")).await;
        claim(&app.stranger(), &code).await.assert(401);
        claim(&ada, "00000-00000-00000-00000").await.assert(410);
        ada.post("/admin/claim").json(&json!({ "code": code, "account": 2 })).await.assert_invalid(&["body.account"]);
        cookie.get("/admin/accounts").send().await.assert(403);
        claim(&ada, &code.to_lowercase().replace('-', " ")).await.assert(204);
        // A session immediately has the rights of its role; a token keeps the scopes it was issued with.
        cookie.get("/admin/accounts").send().await.assert(200);
        ada.get("/admin/accounts").send().await.assert(403);
        let admin = with_all_scopes(&app.stranger(), "ada").await;
        let accounts = admin.get("/admin/accounts").send().await.assert(200).json();
        assert_eq!(accounts["accounts"][0]["role"], "admin");

        let eve = app.as_user("eve").await;
        for client in [&ada, &eve] {
            claim(client, &code).await.assert(410);
        }
        assert_eq!(administrators(&app).await, "1");
        assert_eq!(app.place.value("SELECT COUNT(*) FROM first_admin").await, "0");
        assert_eq!(offered(&app).await, "");
    }

    async fn g01_the_code_lives_for_an_hour(database: Database) {
        for (seconds, status) in [(HOUR - 1, 204), (HOUR, 410)] {
            let app = TestApp::new(database).await;
            let code = offered(&app).await;
            app.sign_up("ada").await;
            app.advance(seconds);
            claim(&app.log_in("ada").await, &code).await.assert(status);
            assert_eq!(administrators(&app).await, u8::from(status == 204).to_string());
        }
    }

    async fn g01_a_restart_kills_the_code_before_it(database: Database) {
        let app = TestApp::new(database).await;
        let old = offered(&app).await;
        let again = app.again().await;
        assert_eq!(offered(&again).await, "", "of instances that start together one shows a code");
        app.advance(11);
        let new = offered(&again).await;
        assert_ne!(old, new);
        let ada = again.as_user("ada").await;
        claim(&ada, &old).await.assert(410);
        claim(&ada, &new).await.assert(204);
    }

    async fn g01_a_system_that_lives_offers_no_code_and_takes_none(database: Database) {
        let app = TestApp::new(database).await;
        let code = offered(&app).await;
        let ada = app.as_user("ada").await;
        // Once there is an account, even without an administrator, a start shows no code.
        assert_eq!(offered(&app.again().await).await, "");
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts WHERE role = 'admin'").await, "0");
        // An administrator created on the command line invalidates the code, even if it is disabled.
        let root = app.sign_up("root").await;
        set_role(&app, root, Role::Admin).await;
        claim(&ada, &code).await.assert(410);
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts WHERE role = 'admin'").await, "1");
        assert_eq!(offered(&app.again().await).await, "");
    }

    async fn g01_who_may_not_sign_up_is_offered_no_code(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Closed).await;
        assert_eq!(offered(&app).await, "");
    }

    async fn g01_codes_are_not_tried_without_end(database: Database) {
        let app = TestApp::new(database).await;
        let code = offered(&app).await;
        let ada = app.as_user("ada").await;
        for _ in 0..10 {
            claim(&ada, "00000-00000-00000-00000").await.assert(410);
        }
        claim(&ada, &code).await.assert(429);
        let refused = "SELECT COUNT(*) FROM audit_events WHERE event = 'account.first_admin_refused'";
        assert_eq!(app.place.value(refused).await, "10");
        claim(&app.stranger_at("203.0.113.5").with_token(ada.token()), &code).await.assert(204);
    }
}
