//! Service accounts: who manages them, what their keys open, what ends them, and that nobody can take one for a person.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use portcullis_server::accounts::{self, AccountId};
use portcullis_server::client::Client as Acting;
use portcullis_server::groups::{self, GroupRole};
use portcullis_server::{By, admin, leaving};
use serde_json::{Value, json};

use super::{id_of, join, log_in, organisation, person, team};
use crate::admin::{as_admin, with_all_scopes};
use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email, process::eventually};

/// Creates a service account and answers its path and its number.
async fn service(client: &Client, organisation: &str, role: &str) -> (String, i64) {
    let body = json!({ "name": "Deployment", "role": role });
    let made = client.post(&format!("{organisation}/service-accounts")).json(&body).await.assert(201).json();
    let account = made["account_id"].as_i64().unwrap();
    (format!("{organisation}/service-accounts/{account}"), account)
}

async fn try_key(client: &Client, service: &str, scope: &str) -> Answer {
    client.post(&format!("{service}/keys")).json(&json!({ "name": "CI", "scope": scope })).await
}

/// Creates a key and answers it with its id.
async fn key(client: &Client, service: &str) -> (String, String) {
    let made = try_key(client, service, "organisations:read").await.assert(201).json();
    (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

async fn with_key(app: &TestApp, key: &str, path: &str) -> Answer {
    app.stranger().get(path).header("x-api-key", key).send().await
}

async fn set_active(client: &Client, service: &str, is_active: bool) -> Answer {
    client.patch(service).json(&json!({ "is_active": is_active })).await
}

/// Whether a row of a table still names this account.
async fn is_left(app: &TestApp, account: i64) -> bool {
    let mut left = String::new();
    for (table, column) in [("accounts", "id"), ("api_keys", "account_id"), ("memberships", "account_id")] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = {account}");
        left += &app.place.value(&sql).await;
    }
    left != "000"
}

on_both_databases! {
    async fn h02_a_key_of_a_service_account_reads_its_organisation_and_nothing_else(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (_, eve) = person(&app, "eve").await;
        let (engines, other) = (organisation(&ada).await, organisation(&eve).await);
        let (robot, account) = service(&ada, &engines, "member").await;
        let (secret, id) = key(&ada, &robot).await;
        assert_eq!(with_key(&app, &secret, &engines).await.assert(200).json()["role"], "member");
        let mine = with_key(&app, &secret, "/organisations").await.assert(200).json();
        assert_eq!(mine["organisations"].as_array().unwrap().len(), 1);
        // A service account is a member who is not counted and not listed among people.
        assert_eq!(mine["organisations"][0]["members"], 1);
        let members = with_key(&app, &secret, &format!("{engines}/members")).await.assert(200).json();
        assert_eq!(members["members"].as_array().unwrap().len(), 1, "{members}");
        with_key(&app, &secret, &other).await.assert(404);
        // A member sees no invitations, nor service accounts; a key never manages anything.
        with_key(&app, &secret, &format!("{engines}/invitations")).await.assert(403);
        with_key(&app, &secret, &format!("{engines}/service-accounts")).await.assert(401);
        with_key(&app, &secret, "/profile").await.assert(403);
        with_key(&app, &secret, &format!("/profile/{account}")).await.assert(403);
        app.stranger().post("/organisations").header("x-api-key", &secret).json(&json!({ "name": "x" })).await.assert(401);
        for scope in ["profile:read", "organisations:write", "accounts:read", "account"] {
            try_key(&ada, &robot, scope).await.assert(422);
        }
        // The role caps the key from the next request on.
        let (managing, _) = service(&ada, &engines, "admin").await;
        let (manager, _) = key(&ada, &managing).await;
        with_key(&app, &manager, &format!("{engines}/invitations")).await.assert(200);
        let listed = ada.get(&format!("{robot}/keys")).send().await.assert(200);
        assert!(listed.text().contains(&id) && !listed.text().contains(&secret), "{}", listed.text());
    }

    /// z02: a grant to a team counts for the keys of its service accounts, until they leave it.
    async fn z02_h02_a_service_account_is_in_teams(database: Database) {
        let app = TestApp::new(database).await;
        let ((_, ada), (bob_id, bob), (cyd_id, cyd)) = (person(&app, "ada").await, person(&app, "bob").await, person(&app, "cyd").await);
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Admin).await;
        join(&app, &engines, cyd_id, GroupRole::Member).await;
        let sales = crate::groups::id(&team(&ada, &engines, None).await.assert(201));
        let (_, robot) = service(&bob, &engines, "member").await;
        let (_, managing) = service(&ada, &engines, "admin").await;
        let foreign = organisation(&cyd).await;
        let (_, other) = service(&cyd, &foreign, "member").await;
        let here = format!("{engines}/teams/{sales}");
        let put = async |client: &Client, account: i64| {
            client.call(http::Method::PUT, &format!("{here}/members/{account}")).send().await.status.as_u16()
        };
        let listed = async |client: &Client| {
            let all = client.get(&format!("{here}/service-accounts")).send().await.assert(200).json();
            let all = all["service_accounts"].as_array().unwrap().iter();
            all.map(|one| one["account_id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((put(&bob, robot).await, put(&bob, robot).await), (204, 204), "twice is once");
        assert_eq!(listed(&bob).await, [robot]);
        // Another organisation's, one that only owners manage, and none at all.
        assert_eq!((put(&ada, other).await, put(&bob, managing).await, put(&ada, 999).await), (404, 403, 404));
        assert_eq!(put(&cyd, robot).await, 403);
        cyd.get(&format!("{here}/service-accounts")).send().await.assert(403);
        assert_eq!(put(&ada, managing).await, 204);
        assert_eq!(listed(&ada).await, [robot, managing]);
        // It is not among the people, and does not count as one.
        let people = ada.get(&format!("{here}/members")).send().await.assert(200).json();
        assert_eq!(people["members"], json!([]));
        let is_member = format!("SELECT count(*) FROM memberships WHERE account_id = {robot}");
        assert_eq!(app.place.value(&is_member).await, "2");
        bob.delete(&format!("{here}/members/{managing}")).send().await.assert(403);
        bob.delete(&format!("{here}/members/{robot}")).send().await.assert(204);
        bob.delete(&format!("{here}/members/{robot}")).send().await.assert(404);
        assert_eq!((listed(&ada).await, app.place.value(&is_member).await), (vec![managing], "1".to_owned()));
        // On the pages: of the team, and of the service account.
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let page = format!("/account{here}");
        assert!(browser.get(&page).send().await.assert(200).text().contains("Add to the team"));
        let account = robot.to_string();
        browser.post(&page).form(&[("act", "add-service"), ("account", &account)]).await.assert(303);
        assert_eq!(listed(&ada).await, [robot, managing]);
        let shown = browser.get(&format!("/account{engines}/service-accounts/{robot}")).send().await.assert(200).text();
        assert!(shown.contains(&page), "{shown}");
        browser.post(&page).form(&[("act", "remove"), ("account", &account)]).await.assert(303);
        assert_eq!(listed(&ada).await, [managing]);
    }

    async fn h02_what_ends_a_service_account_ends_its_keys_at_the_next_request(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Admin).await;
        let (robot, account) = service(&bob, &engines, "member").await;
        let (first, _) = key(&bob, &robot).await;
        // It stays when the one who made it leaves.
        bob.post(&format!("{engines}/leave")).send().await.assert(204);
        with_key(&app, &first, &engines).await.assert(200);
        set_active(&ada, &robot, false).await.assert(200);
        with_key(&app, &first, &engines).await.assert(401);
        try_key(&ada, &robot, "organisations:read").await.assert(409);
        set_active(&ada, &robot, true).await.assert(200);
        with_key(&app, &first, &engines).await.assert(401);
        let (second, id) = key(&ada, &robot).await;
        let rotated = ada.post(&format!("{robot}/keys/{id}/rotate")).json(&json!({ "overlap_hours": 0 })).await;
        let third = rotated.assert(201).json()["key"].as_str().unwrap().to_owned();
        with_key(&app, &second, &engines).await.assert(401);
        with_key(&app, &third, &engines).await.assert(200);
        // A key found in public: the owners of the organisation are told.
        let (fourth, fourth_id) = key(&ada, &robot).await;
        ada.delete(&format!("{robot}/keys/{fourth_id}")).send().await.assert(204);
        ada.delete(&format!("{robot}/keys/{fourth_id}")).send().await.assert(404);
        with_key(&app, &fourth, &engines).await.assert(401);
        ada.delete(&robot).send().await.assert(204);
        with_key(&app, &third, &engines).await.assert(401);
        assert!(!is_left(&app, account).await);
        // It ends with its organisation.
        let (robot, account) = service(&ada, &engines, "admin").await;
        let (last, _) = key(&ada, &robot).await;
        ada.delete(&engines).send().await.assert(204);
        with_key(&app, &last, &engines).await.assert(401);
        assert!(!is_left(&app, account).await);
    }

    async fn z04_who_may_manage_service_accounts(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let (cai_id, cai) = person(&app, "cai").await;
        let (_, eve) = person(&app, "eve").await;
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Admin).await;
        join(&app, &engines, cai_id, GroupRole::Member).await;
        let (robot, _) = service(&ada, &engines, "member").await;
        let (manager, _) = service(&ada, &engines, "admin").await;
        let (_, id) = key(&ada, &manager).await;
        let list = format!("{engines}/service-accounts");
        let acts = |service: &str, id: &str| -> Vec<(&'static str, String, Option<Value>)> {
            let key = json!({ "name": "x", "scope": "organisations:read" });
            vec![
                ("PATCH", service.to_owned(), Some(json!({ "is_active": true }))),
                ("POST", format!("{service}/keys"), Some(key)),
                ("POST", format!("{service}/keys/{id}/rotate"), Some(json!({}))),
                ("DELETE", format!("{service}/keys/{id}"), None),
                ("DELETE", service.to_owned(), None),
            ]
        };
        let call = async |who: &Client, (method, path, body): (&str, String, Option<Value>)| {
            let call = who.call(method.parse().unwrap(), &path);
            match body { Some(body) => call.json(&body).await, None => call.send().await }
        };
        let new = json!({ "name": "x" });
        for (who, status) in [(&cai, 403), (&eve, 404)] {
            who.get(&list).send().await.assert(status);
            who.get(&format!("{robot}/keys")).send().await.assert(status);
            who.post(&list).json(&new).await.assert(status);
            for act in acts(&robot, &id) {
                call(who, act).await.assert(status);
            }
        }
        // An admin manages members only.
        bob.get(&list).send().await.assert(200);
        bob.post(&list).json(&json!({ "name": "x", "role": "admin" })).await.assert(403);
        for act in acts(&manager, &id) {
            call(&bob, act).await.assert(403);
        }
        let (_, own) = key(&bob, &robot).await;
        for act in acts(&robot, &own) {
            assert!(call(&bob, act).await.status.is_success());
        }
        // The ids of another organisation name nothing here.
        let eves = organisation(&eve).await;
        for act in acts(&manager.replace(&engines, &eves), &id) {
            call(&eve, act).await.assert(404);
        }
        // A recent login makes keys.
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(11 * 60);
        let stale = try_key(&browser, &manager, "organisations:read").await.assert(401);
        assert!(stale.text().contains("10 minutes"), "{}", stale.text());
        browser.delete(&format!("{manager}/keys/{id}")).send().await.assert(204);
    }

    async fn nobody_can_take_a_service_account_for_a_person(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (_, root) = as_admin(&app, "root").await;
        let engines = organisation(&ada).await;
        let (_, account) = service(&ada, &engines, "member").await;
        let stored = app.place.value(&format!("SELECT email FROM accounts WHERE id = {account}")).await;
        assert!(stored.starts_with("service:"), "{stored}");
        // No login, no reset, no link: the placeholder is not an address.
        app.stranger().post("/login").form_owned(&stored, PASSWORD, "").await.assert(422);
        app.stranger().post("/password/forgot").json(&json!({ "email": stored })).await.assert(422);
        app.stranger().post("/login/link").json(&json!({ "email": stored })).await.assert(422);
        // To an administrator and the operator it is not an account.
        for (method, path) in [
            ("GET", ""), ("DELETE", ""), ("POST", "/disable"), ("POST", "/enable"), ("POST", "/password-reset"),
            ("DELETE", "/sessions"), ("DELETE", "/keys"), ("DELETE", "/factors"),
        ] {
            let path = format!("/admin/accounts/{account}{path}");
            root.call(method.parse().unwrap(), &path).send().await.assert(404);
        }
        let role = root.call(http::Method::PUT, &format!("/admin/accounts/{account}/role"));
        role.json(&json!({ "role": "admin" })).await.assert(404);
        root.get(&format!("/profile/{account}")).send().await.assert(404);
        assert!(!root.get("/admin/accounts").send().await.assert(200).text().contains("Deployment"));
        let (id, operator) = (AccountId::new(account), Acting::local("operator"));
        assert!(accounts::by_id(&app.app, id).await.is_err());
        assert!(admin::set_active(&app.app, id, false, By::operator(&operator)).await.is_err());
        assert!(leaving::delete(&app.app, id, By::operator(&operator)).await.is_err());
        // In its organisation it is not a member who could be given a role or the organisation.
        let put = async |path: &str, body: Value| ada.call(http::Method::PUT, path).json(&body).await;
        put(&format!("{engines}/members/{account}"), json!({ "role": "owner" })).await.assert(404);
        ada.post(&format!("{engines}/hand-over")).json(&json!({ "account_id": account })).await.assert(404);
        ada.delete(&format!("{engines}/members/{account}")).send().await.assert(404);
        let mut tx = app.app.db().begin().await.unwrap();
        let now = app.clock.now();
        assert!(groups::add_member(&mut tx, id_of(&engines), id, GroupRole::Owner, now).await.is_err());
        assert!(groups::remove_member(&mut tx, id_of(&engines), id).await.is_err());
        drop(tx);
        // The database itself refuses a password and a role.
        for change in ["password_hash = 'x'", "role = 'admin'", "email = 'x@example.com'"] {
            let sql = format!("UPDATE accounts SET {change} WHERE id = {account}");
            assert!(AssertUnwindSafe(app.place.sql(&sql)).catch_unwind().await.is_err(), "{change}");
        }
    }

    async fn d06_an_organisation_has_at_most_fifty_service_accounts(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let engines = organisation(&ada).await;
        let list = format!("{engines}/service-accounts");
        for _ in 0..49 {
            service(&ada, &engines, "member").await;
        }
        let create = async || ada.post(&list).json(&json!({ "name": "One more" })).await.status.as_u16();
        let (one, other) = futures_util::future::join(create(), create()).await;
        assert_eq!([one.min(other), one.max(other)], [201, 409]);
        let part = ada.get(&format!("{list}?limit=30")).send().await.assert(200).json();
        let rest = ada.get(&format!("{list}?limit=30&after={}", part["next"].as_str().unwrap())).send().await.assert(200).json();
        assert_eq!(rest["service_accounts"].as_array().unwrap().len(), 20);
        ada.get(&format!("{list}?after=x")).send().await.assert(400);
        for name in ["", " ", &"x".repeat(201)] {
            ada.post(&list).json(&json!({ "name": name })).await.assert(422);
        }
    }

    async fn service_accounts_are_in_the_audit_log_the_console_and_the_emails(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        as_admin(&app, "root").await;
        let engines = organisation(&ada).await;
        let (robot, account) = service(&ada, &engines, "member").await;
        key(&ada, &robot).await;
        // Whoever makes a key is told of it, and the owners that it expires.
        assert!(app.mails_to("ada").await.iter().any(|mail| mail.text.contains("Deployment, CI")));
        let before = app.mails_to("ada").await.len();
        app.advance(84 * 24 * 3600);
        let other = app.again().await;
        eventually("notice is given", Duration::from_secs(20), async || {
            app.mails_to("ada").await.iter().skip(before).any(|mail| mail.text.contains("CI")).then_some(())
        })
        .await;
        drop(other);
        let ada = log_in(&app.stranger(), "ada").await;
        set_active(&ada, &robot, false).await.assert(200);
        set_active(&ada, &robot, true).await.assert(200);
        ada.delete(&robot).send().await.assert(204);
        let admin = with_all_scopes(&app.stranger(), "root").await;
        let events = admin.get(&format!("/admin/audit-events?account={account}")).send().await.assert(200).text();
        for event in ["created", "disabled", "enabled", "deleted"] {
            assert!(events.contains(&format!("service_account.{event}")), "{event}: {events}");
        }
        assert!(events.contains("api_key.created"));
        let (_, second) = service(&ada, &engines, "member").await;
        let listed = admin.get(&format!("/admin{engines}/service-accounts")).send().await.assert(200).json();
        assert_eq!(listed["service_accounts"][0]["account_id"], second);
        admin.get("/admin/organisations/x/service-accounts").send().await.assert(404);
    }

    async fn an_owner_manages_service_accounts_on_pages(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let bob_id = app.sign_up("bob").await;
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        let bob = app.stranger().log_in_with_cookie(&email("bob")).await;
        let post = async |path: &str, form: &[(&str, &str)]| ada.post(path).form(form).await;
        let page = async |path: &str| ada.get(path).send().await;
        let made = post("/account/organisations/new", &[("name", "Engines")]).await.assert(303);
        let here = made.header("location").split('?').next().unwrap().to_owned();
        join(&app, &here, bob_id, GroupRole::Member).await;
        let list = format!("{here}/service-accounts");
        assert!(page(&here).await.assert(200).text().contains(&list));
        page(&list).await.assert(200);
        bob.get(&list).send().await.assert(403);
        post(&list, &[("name", " ")]).await.assert(422);
        let made = post(&list, &[("name", "Deployment & Co"), ("role", "admin")]).await.assert(303);
        let robot = made.header("location").split('?').next().unwrap().to_owned();
        assert!(page(&robot).await.assert(200).text().contains("Deployment &#38; Co"));
        bob.get(&robot).send().await.assert(403);
        page(&format!("{robot}/new-key")).await.assert(200);
        let new_key = format!("{robot}/new-key");
        post(&new_key, &[("name", "CI"), ("expires_in_days", "30")]).await.assert(422);
        let form = [("name", "CI"), ("scope", "organisations:read"), ("expires_in_days", "30")];
        let made = post(&new_key, &form).await.assert(200).text();
        let secret = made.split("<code class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let organisation = here.strip_prefix("/account").unwrap();
        with_key(&app, &secret, organisation).await.assert(200);
        let shown = page(&robot).await.assert(200).text();
        assert!(!shown.contains(&secret));
        let id = shown.split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(post(&robot, &[("act", "replace-key"), ("key", &id)]).await.assert(200).text().contains("secret"));
        post(&robot, &[("act", "remove-key"), ("key", &id)]).await.assert(303);
        with_key(&app, &secret, organisation).await.assert(401);
        post(&robot, &[("act", "disable")]).await.assert(303);
        assert!(!page(&robot).await.assert(200).text().contains("new-key"));
        post(&robot, &[("act", "enable")]).await.assert(303);
        assert_eq!(post(&robot, &[("act", "delete")]).await.assert(303).header("location"), format!("{list}?done=service-deleted"));
        page(&robot).await.assert(404);
    }
}
