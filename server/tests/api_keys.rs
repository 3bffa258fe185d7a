//! API keys: what they give access to, what they never do, and what revokes them.

mod endings;
mod rotation;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::client::Client as Acting;
use portcullis_server::{By, admin};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, document, email, process::eventually};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
/// Every scope that an administrator's key can have.
const EVERY_SCOPE: &str = "accounts:read audit:read organisations:read profile:read profile:write";

/// A program with a key, sent in one of the two places.
struct Program {
    stranger: Client,
    key: String,
    in_header: bool,
}

impl Program {
    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let call = self.stranger.call(method.parse().unwrap(), path);
        let call = if self.in_header {
            call.header("x-api-key", &self.key)
        } else {
            call.header("authorization", &format!("Bearer {}", self.key))
        };
        match body {
            Some(body) => call.json(body).await,
            None => call.send().await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }
}

/// The same program.
fn program_of(program: &Program) -> Program {
    Program { stranger: program.stranger.clone(), key: program.key.clone(), in_header: program.in_header }
}

fn program(app: &TestApp, key: &str) -> Program {
    Program { stranger: app.stranger(), key: key.to_owned(), in_header: false }
}

async fn try_create(owner: &Client, name: &str, scope: &str) -> Answer {
    owner.post("/keys").json(&json!({ "name": name, "scope": scope })).await
}

/// The response to the creation of a key.
async fn created(owner: &Client, name: &str, scope: &str) -> Value {
    try_create(owner, name, scope).await.assert(201).json()
}

fn text(made: &Value) -> String {
    made["key"].as_str().unwrap().to_owned()
}

async fn set_role(app: &TestApp, account: i64, role: Role) {
    let operator = Acting::local("operator");
    admin::set_role(&app.app, AccountId::new(account), role, By::operator(&operator)).await.unwrap();
}

/// The key with one character replaced.
fn with_a_typo(key: &str) -> String {
    let at = key.len() - 10;
    let typed = |(place, char)| match char {
        'x' if place == at => 'y',
        _ if place == at => 'x',
        char => char,
    };
    key.char_indices().map(typed).collect()
}

on_both_databases! {
    async fn h01_a_key_is_shown_once_and_kept_as_a_digest(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let made = created(&ada, " Nightly export ", "profile:write profile:read").await;
        let key = text(&made);
        // portcullis_<12>_<32 random of 62><6 of the checksum>: 190 bits.
        let parts: Vec<_> = key.split('_').collect();
        assert_eq!((parts[0], parts[1].len(), parts[2].len()), ("portcullis", 12, 38), "{key}");
        assert_eq!(made["prefix"], format!("portcullis_{}", parts[1]));
        assert_eq!((&made["name"], &made["scope"]), (&json!("Nightly export"), &json!("profile:read profile:write")));
        assert_ne!(text(&created(&ada, "other", "profile:read").await), key);

        let mut shown = app.place.dump().await;
        shown += &ada.get("/keys").send().await.assert(200).text();
        shown += &ada.get("/export").send().await.assert(200).text();
        shown += &app.mails().await.iter().map(|mail| mail.text.clone()).collect::<String>();
        assert!(shown.contains("Nightly export") && shown.contains(parts[1]));
        assert!(!shown.contains(parts[2]) && !shown.contains(parts[2].split_at(32).0), "the secret is somewhere");

        let program = program(&app, &key);
        assert_eq!(program.get("/profile").await.assert(200).json()["email"], email("ada"));
        let program = Program { in_header: true, ..program };
        assert_eq!(program.get("/profile").await.assert(200).json()["email"], email("ada"));
        // Two credentials: the server must not choose one.
        app.stranger().get("/profile").header("x-api-key", &key).header("authorization", &format!("Bearer {key}"))
            .send().await.assert(400);
    }

    /// A closed database shows which requests query it: a mistyped key still gets 401, a well-formed one 503.
    async fn h01_a_wrong_checksum_costs_no_look_up(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let key = text(&created(&ada, "key", "profile:read").await);
        app.app.close().await;
        for in_header in [false, true] {
            let program = |key: &str| Program { stranger: app.stranger(), key: key.to_owned(), in_header };
            for wrong in [with_a_typo(&key), key.split_at(1).1.to_owned(), key.clone() + "x", "x".repeat(500)] {
                program(&wrong).get("/profile").await.assert(401);
            }
            program(&key).get("/profile").await.assert(503);
        }
    }

    async fn h02_a_key_may_what_it_was_made_for_and_its_account_may(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let id = app.sign_up("ada").await;
        set_role(&app, id, Role::Admin).await;
        let root = app.sign_up("root").await;
        set_role(&app, root, Role::Admin).await;
        let ada = app.log_in("ada").await;
        let all = text(&created(&ada, "all", EVERY_SCOPE).await);
        let one = text(&created(&ada, "one", "profile:read").await);

        for instance in [&app, &other] {
            program(instance, &all).get("/admin/accounts").await.assert(200);
            program(instance, &all).get("/admin/audit-events.csv").await.assert(200);
            let lacking = program(instance, &one).get("/admin/accounts").await.assert(403);
            assert!(lacking.header("www-authenticate").contains("insufficient_scope"), "h04");
            assert!(lacking.header("www-authenticate").contains("accounts:read"), "h04");
        }
        let change = json!({ "full_name": "Countess" });
        let changed = program(&app, &all).call("PATCH", "/profile", Some(&change)).await.assert(200);
        assert_eq!(changed.json()["full_name"], "Countess");
        program(&app, &one).call("PATCH", "/profile", Some(&json!({ "full_name": "Eve" }))).await.assert(403);
        // The audit log names the key by its public id.
        let detail = app.place.value("SELECT detail FROM audit_events WHERE event = 'profile.changed'").await;
        assert_eq!(detail, format!("API key {}", all.split('_').nth(1).unwrap()));
        // Another account's profile does not exist for it.
        program(&app, &all).get(&format!("/profile/{root}")).await.assert(404);

        set_role(&app, id, Role::User).await;
        for instance in [&other, &app] {
            program(instance, &all).get("/admin/accounts").await.assert(403);
            program(instance, &all).get("/profile").await.assert(200);
        }
    }

    async fn h02_nobody_makes_a_key_for_more_than_they_may(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        for scope in ["accounts:read", "account", "offline_access", "accounts:write", "everything", " ", "profile:read account"] {
            try_create(&ada, "key", scope).await.assert_invalid(&["body.scope"]);
        }
        set_role(&app, id, Role::Admin).await;
        try_create(&ada, "key", "accounts:write").await.assert_invalid(&["body.scope"]);
        try_create(&ada, "key", "accounts:read").await.assert(201);
        for name in [" ", "a\nb", "evil\u{202E}"] {
            try_create(&ada, name, "profile:read").await.assert_invalid(&["body.name"]);
        }
        try_create(&ada, &"é".repeat(64), "profile:read").await.assert(201);
        try_create(&ada, &"é".repeat(65), "profile:read").await.assert_invalid(&["body.name"]);
        for days in [0, 366] {
            let body = json!({ "name": "key", "scope": "profile:read", "expires_in_days": days });
            ada.post("/keys").json(&body).await.assert_invalid(&["body.expires_in_days"]);
        }
    }

    async fn h03_a_key_is_never_a_login(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let id = app.sign_up("ada").await;
        set_role(&app, id, Role::Admin).await;
        let ada = app.log_in("ada").await;
        let key = text(&created(&ada, "all", EVERY_SCOPE).await);
        let mut open = BTreeSet::new();
        for (method, path, entry) in document().operations() {
            let schemes: BTreeSet<String> = entry["security"].as_array().unwrap().iter()
                .flat_map(|way| way.as_object().unwrap().keys().cloned()).collect();
            if schemes.is_empty() {
                continue;
            }
            let takes_keys = schemes.contains("apiKey");
            assert_eq!(takes_keys, schemes.contains("apiKeyAsToken"), "{method} {path}");
            if takes_keys {
                open.insert(format!("{method} {path}"));
                // h04: with all scopes except the required one.
                let scope = entry["security"][0]["portcullis"][0].as_str().unwrap();
                let others: Vec<_> = EVERY_SCOPE.split(' ').filter(|other| *other != scope).collect();
                let key = text(&created(&ada, "others", &others.join(" ")).await);
                let lacking = program(&app, &key).call(method.as_str(), &path.replace("{id}", "1"), None).await;
                assert!(lacking.assert(403).header("www-authenticate").contains(scope), "{method} {path}");
                continue;
            }
            let path = path.replace("{id}", "1");
            for in_header in [false, true] {
                let program = Program { stranger: app.stranger(), key: key.clone(), in_header };
                let refused = program.call(method.as_str(), &path, None).await;
                assert_eq!(refused.status.as_u16(), 401, "{method} {path}");
                assert!(refused.header("set-cookie").is_empty());
            }
        }
        // Opening another route to keys always means editing this list.
        let expected = [
            "DELETE /profile-image", "GET /admin/accounts", "GET /admin/accounts/{id}", "GET /admin/accounts/{id}/attributes",
            "GET /admin/audit-events", "GET /admin/audit-events.csv", "GET /attributes", "GET /organisations", "GET /organisations/{id}",
            "GET /organisations/{id}/attributes", "GET /organisations/{id}/invitations", "GET /organisations/{id}/members", "GET /organisations/{id}/teams",
            "GET /organisations/{id}/teams/{team}/members", "GET /profile", "GET /profile-images/{id}", "GET /profile/{id}",
            "GET /profile/{id}/attributes", "PATCH /attributes", "PATCH /profile", "POST /upload-profile-image",
        ];
        assert_eq!(open, BTreeSet::from(expected.map(str::to_owned)));
        // Nor with a cookie, a password or a refresh token.
        let browser = app.stranger().with_cookie(&format!("__Host-portcullis={key}"));
        browser.get("/profile").send().await.assert(401);
        assert_eq!(browser.get("/account").send().await.status.as_u16(), 303);
        app.stranger().try_password(&email("ada"), &key).await.assert(401);
        let form = [("grant_type", "refresh_token"), ("refresh_token", key.as_str())];
        app.stranger().post("/token").form(&form).await.assert(400);
        assert_eq!(app.place.value("SELECT count(*) FROM sessions").await, "1", "a session was begun");
    }

    async fn h04_a_key_that_is_no_good_is_401_with_one_body(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let expired = text(&created(&ada, "expired", "profile:read").await);
        app.advance(89 * DAY);
        program(&app, &expired).get("/profile").await.assert(200);
        let ada = app.log_in("ada").await;
        let removed = created(&ada, "removed", "profile:read").await;
        ada.delete(&format!("/keys/{}", removed["id"].as_str().unwrap())).send().await.assert(204);
        app.advance(DAY);
        let typo = with_a_typo(&expired);
        let removed = text(&removed);
        let mut bodies = BTreeSet::new();
        for key in [&expired, &removed, &typo] {
            for in_header in [false, true] {
                let refused = Program { stranger: app.stranger(), key: key.clone(), in_header }.get("/profile").await;
                let refused = refused.assert(401);
                let challenge = if in_header { "APIKey" } else { "Bearer error=\"invalid_token\"" };
                assert!(refused.headers.get_all("www-authenticate").iter().any(|asked| asked.to_str().unwrap().starts_with(challenge)));
                bodies.insert(refused.text());
            }
        }
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        // The sweep deletes it.
        app.advance(1);
    }

    async fn h06_a_key_in_a_url_is_refused(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let key = text(&created(&ada, "key", "profile:read").await);
        for name in ["access_token", "api_key", "apikey", "key", "X-API-Key", "x-api-key"] {
            app.stranger().get(&format!("/profile?{name}={key}")).send().await.assert(401);
        }
        app.stranger().get(&format!("/keys/{key}")).send().await.assert(405);
        ada.delete(&format!("/keys/{key}")).send().await.assert(404);
        // No event contains more of it than its prefix.
        let secret = key.split('_').nth(2).unwrap();
        assert!(!app.place.dump().await.contains(secret));
    }

    async fn a_key_is_its_owners_and_needs_a_recent_login(database: Database) {
        let app = TestApp::new(database).await;
        let (ada, eve) = (app.as_user("ada").await, app.as_user("eve").await);
        let made = created(&ada, "key", "profile:read").await;
        let id = made["id"].as_str().unwrap();
        // e05: another account's key looks like one that does not exist.
        let paths = [format!("/keys/{id}"), "/keys/x2Yt9KfPq0Ab".to_owned(), "/keys/x".to_owned()];
        let mut bodies = BTreeSet::new();
        for path in &paths {
            bodies.insert(eve.delete(path).send().await.assert(404).text());
            bodies.insert(eve.post(&format!("{path}/rotate")).json(&json!({})).await.assert(404).text());
        }
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert_eq!(eve.get("/keys").send().await.assert(200).json(), json!([]));
        let listed = ada.get("/keys").send().await.assert(200).json();
        assert_eq!((listed.as_array().unwrap().len(), listed[0]["key"].is_null()), (1, true));

        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(10 * MINUTE + 1);
        let stale = try_create(&browser, "key", "profile:read").await.assert(401);
        assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"));
        browser.post(&format!("/keys/{id}/rotate")).json(&json!({})).await.assert(401);
        // An owner who lost a key is in a hurry, so no fresh login is required.
        browser.delete(&format!("/keys/{id}")).send().await.assert(204);
        browser.delete(&format!("/keys/{id}")).send().await.assert(404);
        let events = app.place.value("SELECT count(*) FROM audit_events WHERE event LIKE 'api_key.%' AND account_id = 1");
        assert_eq!(events.await, "2");
    }

    async fn an_account_has_fifty_keys_however_many_ask_at_once(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let other = app.again().await;
        let elsewhere = other.stranger().with_token(ada.token());
        let ask = |number: usize| {
            let owner = if number.is_multiple_of(2) { &ada } else { &elsewhere };
            try_create(owner, "key", "profile:read")
        };
        let answers = join_all((0..60).map(ask)).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status.as_u16())), "{answers:?}");
        assert_eq!(made, 50);
        // Expired keys do not count.
        app.advance(90 * DAY);
        let ada = app.log_in("ada").await;
        try_create(&ada, "key", "profile:read").await.assert(201);
    }

    async fn the_last_use_is_noted_once_a_minute_beside_the_request(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let key = text(&created(&ada, "key", "profile:read").await);
        let used = async |at: &str| {
            eventually("the use is noted", Duration::from_secs(20), async || {
                let key = ada.get("/keys").send().await.assert(200).json()[0].clone();
                (key["last_used_address"] == at).then_some(key["last_used_at"].clone())
            })
            .await
        };
        let from = |address: &str| Program { stranger: app.stranger_at(address), key: key.clone(), in_header: true };
        assert!(ada.get("/keys").send().await.json()[0]["last_used_at"].is_null());
        from("198.51.100.7").get("/profile").await.assert(200);
        let first = used("198.51.100.7").await;
        app.advance(59);
        from("198.51.100.8").get("/profile").await.assert(200);
        app.advance(1);
        // While one use is being recorded, another use of the same key is not.
        let last = eventually("the next use is noted", Duration::from_secs(20), async || {
            from("198.51.100.9").get("/profile").await.assert(200);
            let key = ada.get("/keys").send().await.assert(200).json()[0].clone();
            (key["last_used_address"] == "198.51.100.9").then(|| key["last_used_at"].clone())
        })
        .await;
        assert_ne!(last, first);
        let ada_again = app.log_in("ada").await;
        let exported = ada_again.get("/export").send().await.assert(200).json();
        assert_eq!(exported["api_keys"][0]["last_used_address"], "198.51.100.9");
    }

    async fn an_owner_is_told_when_a_key_is_made_and_a_week_before_it_expires(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        created(&ada, "deploy", "profile:read").await;
        created(&ada, "see evil.example now", "profile:read").await;
        let body = json!({ "name": "short", "scope": "profile:read", "expires_in_days": 7 });
        ada.post("/keys").json(&body).await.assert(201);
        let told = async |words: &str| {
            let mails = app.mails_to("ada").await;
            mails.into_iter().filter(|mail| mail.subject.contains(words)).map(|mail| mail.text).collect::<Vec<_>>()
        };
        let made = told("New API key").await;
        assert_eq!(made.len(), 3);
        assert!(made.iter().any(|text| text.contains(": deploy.") && text.contains("/account/api-keys")), "{made:?}");
        // a04: a name cannot be used to send the owner a link.
        assert!(!made.concat().contains("evil.example") && made.concat().contains(": portcullis_"), "{made:?}");
        app.advance(82 * DAY);
        let tend = async || {
            // The worker runs once a minute; two instances notify once.
            let other = app.again().await;
            eventually("notice is given", Duration::from_secs(20), async || {
                let warned = app.place.value("SELECT count(*) FROM api_keys WHERE warned_at IS NOT NULL").await;
                (warned == "2").then_some(())
            })
            .await;
            drop(other);
        };
        assert!(told("expires soon").await.is_empty());
        app.advance(DAY + 1);
        tend().await;
        let soon = told("expires soon").await;
        assert_eq!(soon.len(), 2, "the short one was told of at its creation");
        assert!(soon.iter().any(|text| text.contains("deploy")));
    }

    /// Never 401, because the key is valid, and each instance counts for itself.
    async fn h04_a_key_beyond_its_limit_gets_429_and_then_works_again(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let body = json!({ "name": "CI", "scope": "profile:read", "requests_per_minute": 3 });
        let made = ada.post("/keys").json(&body).await.assert(201).json();
        assert_eq!(made["requests_per_minute"], 3);
        let free = program(&app, &text(&created(&ada, "other", "profile:read").await));
        let program = program(&app, &text(&made));
        for _ in 0..3 {
            program.get("/profile").await.assert(200);
        }
        app.advance(20);
        let refused = program.get("/profile").await.assert(429);
        assert_eq!(refused.header("retry-after"), "40");
        assert!(refused.text().contains("Too many requests with this credential"), "{}", refused.text());
        Program { in_header: true, ..program_of(&program) }.get("/profile").await.assert(429);
        // A burst at once does not slip through, and a key without a limit has none.
        app.advance(40);
        let answers = join_all((0..20).map(|_| program.get("/profile"))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 200).count(), 3);
        for _ in 0..10 {
            free.get("/profile").await.assert(200);
        }
        // The other instance counts for itself; the successor has the same limit.
        let other = app.again().await;
        Program { stranger: other.stranger(), ..program_of(&program) }.get("/profile").await.assert(200);
        let id = made["id"].as_str().unwrap();
        let successor = ada.post(&format!("/keys/{id}/rotate")).json(&json!({})).await.assert(201).json();
        assert_eq!(successor["requests_per_minute"], 3);
        for wrong in [0, 10_001, -1] {
            let body = json!({ "name": "CI", "scope": "profile:read", "requests_per_minute": wrong });
            ada.post("/keys").json(&body).await.assert(422);
        }
    }
}
