//! Administrators: who may do what, what remains when several act concurrently, and what the audit trail records.

mod console;
mod first;
mod staff;
mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join;
use http::Method;
use portcullis_server::accounts::{self, AccountId, Role};
use portcullis_server::client::Client as Acting;
use portcullis_server::{By, admin};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, document, email};

const GRACE: Duration = Duration::from_hours(24);
const USUAL: &str = "profile:read profile:write account offline_access";
const ADMINISTRATION: [&str; 3] = ["accounts:read", "accounts:write", "audit:read"];

/// Every operation of administrators, its scope, and its status for an authorized caller, in an order in which each
/// finds the account in the right state.
const OPERATIONS: [(&str, &str, &str, u16); 24] = [
    ("GET", "/admin/accounts", "accounts:read", 200),
    ("POST", "/admin/accounts", "accounts:write", 201),
    ("GET", "/admin/accounts/{id}", "accounts:read", 200),
    // No policy is configured.
    ("GET", "/admin/accounts/{id}/access", "accounts:read", 404),
    ("POST", "/admin/accounts/{id}/password-reset", "accounts:write", 202),
    // The target has no factors.
    ("DELETE", "/admin/accounts/{id}/factors", "accounts:write", 404),
    ("DELETE", "/admin/accounts/{id}/keys", "accounts:write", 204),
    ("GET", "/admin/accounts/{id}/attributes", "accounts:read", 200),
    ("PATCH", "/admin/accounts/{id}/attributes", "accounts:write", 200),
    ("PUT", "/admin/accounts/{id}/role", "accounts:write", 204),
    ("DELETE", "/admin/accounts/{id}/sessions", "accounts:write", 204),
    ("POST", "/admin/accounts/{id}/disable", "accounts:write", 204),
    ("POST", "/admin/accounts/{id}/enable", "accounts:write", 204),
    ("DELETE", "/admin/accounts/{id}", "accounts:write", 204),
    ("GET", "/admin/organisations", "accounts:read", 200),
    // The target is not an organisation.
    ("GET", "/admin/organisations/{id}/members", "accounts:read", 404),
    ("GET", "/admin/organisations/{id}/service-accounts", "accounts:read", 404),
    ("PUT", "/admin/organisations/{id}/members/{account}", "accounts:write", 404),
    ("GET", "/admin/organisations/{id}/attributes", "accounts:read", 404),
    ("PATCH", "/admin/organisations/{id}/attributes", "accounts:write", 404),
    ("DELETE", "/admin/organisations/{id}", "accounts:write", 404),
    ("GET", "/admin/audit-events", "audit:read", 200),
    ("GET", "/admin/audit-events.csv", "audit:read", 200),
    // Redeeming the code needs no scope, and this one is wrong.
    ("POST", "/admin/claim", "", 410),
];

/// Sets a role, as the operator does.
async fn set_role(app: &TestApp, account: i64, role: Role) {
    admin::set_role(&app.app, AccountId::new(account), role, By::operator(&Acting::local("operator")))
        .await
        .unwrap();
}

/// Logs in and requests these scopes.
async fn with_scopes(stranger: &Client, name: &str, scopes: &str) -> Client {
    let answer = stranger.post("/login").form_owned(&email(name), PASSWORD, scopes).await.assert(200);
    stranger.with_token(answer.json()["access_token"].as_str().unwrap())
}

/// Logs in and requests all scopes.
pub(crate) async fn with_all_scopes(stranger: &Client, name: &str) -> Client {
    with_scopes(stranger, name, &format!("{USUAL} {}", ADMINISTRATION.join(" "))).await
}

/// Signs up an administrator and logs in with every scope.
pub(crate) async fn as_admin(app: &TestApp, name: &str) -> (i64, Client) {
    app.sign_up(name).await;
    make_admin(app, name).await
}

/// Makes an account an administrator's, and logs in with every scope.
pub(crate) async fn make_admin(app: &TestApp, name: &str) -> (i64, Client) {
    let id: i64 = accounts::by_email(&app.app, &email(name)).await.unwrap().id.to_string().parse().unwrap();
    set_role(app, id, Role::Admin).await;
    (id, with_all_scopes(&app.stranger(), name).await)
}

/// Calls an operation on an account, with the body that it expects.
async fn act(client: &Client, method: &str, path: &str, account: i64) -> Answer {
    let query = if path.ends_with("/access") { "?permission=a&object=b:1" } else { "" };
    let call = client.call(
        method.parse().unwrap(),
        &(path.replace("{id}", &account.to_string()).replace("{account}", "1") + query),
    );
    match path {
        "/admin/organisations/{id}/members/{account}" => call.json(&json!({ "role": "owner" })).await,
        "/admin/accounts" if method == "POST" => {
            let address = email(&format!("invited{account}"));
            call.json(&json!({ "email": address, "full_name": "Invited" })).await
        }
        "/admin/accounts/{id}/role" => call.json(&json!({ "role": "user" })).await,
        path if path.ends_with("/attributes") && method == "PATCH" => {
            call.json(&json!({ "attributes": {} })).await
        }
        "/admin/claim" => call.json(&json!({ "code": "00000-00000-00000-00000" })).await,
        _ => call.send().await,
    }
}

async fn change_role(client: &Client, account: i64, role: &str) -> Answer {
    let path = format!("/admin/accounts/{account}/role");
    client.call(Method::PUT, &path).json(&json!({ "role": role })).await
}

async fn administrators(app: &TestApp) -> String {
    app.place.value("SELECT COUNT(*) FROM accounts WHERE role = 'admin' AND is_active").await
}

/// Everything called `name` in the schemas that a value refers to.
fn fields_named(name: &str, value: &Value, seen: &mut BTreeSet<String>, root: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(|value| fields_named(name, value, seen, root)).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| {
                let inside = match (key.as_str(), value.as_str()) {
                    ("$ref", Some(target)) if seen.insert(target.to_owned()) => {
                        let schema = root.pointer(target.trim_start_matches('#')).unwrap();
                        fields_named(name, schema, seen, root)
                    }
                    _ => fields_named(name, value, seen, root),
                };
                usize::from(key.to_lowercase().contains(name)) + inside
            })
            .sum(),
        _ => 0,
    }
}

/// The scopes in an operation's entry, the same for each way in.
fn scopes_of(entry: &Value) -> String {
    let ways = entry["security"].as_array().unwrap().iter().flat_map(|way| way.as_object().unwrap().values());
    let scopes: BTreeSet<&str> =
        ways.flat_map(|scopes| scopes.as_array().unwrap()).map(|scope| scope.as_str().unwrap()).collect();
    scopes.into_iter().collect::<Vec<_>>().join(" ")
}

#[test]
fn g05_the_matrix_has_every_operation_and_none_of_them_knows_a_password() {
    let documented: BTreeSet<(String, String, String)> = document()
        .operations()
        .filter(|(_, path, _)| path.starts_with("/admin"))
        .map(|(method, path, entry)| (method.to_string(), path.to_owned(), scopes_of(entry)))
        .collect();
    let expected = OPERATIONS.map(|(method, path, scope, _)| (method.into(), path.into(), scope.into()));
    assert_eq!(documented, BTreeSet::from(expected));

    let root = portcullis_server::App::document().unwrap().value().clone();
    let named = |prefix: &str| -> usize {
        let paths = root["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with(prefix));
        paths
            .flat_map(|(_, methods)| methods.as_object().unwrap().values())
            .map(|entry| {
                let spoken = json!([entry["parameters"], entry["requestBody"], entry["responses"]]);
                fields_named("password", &spoken, &mut BTreeSet::new(), &root)
            })
            .sum()
    };
    assert_eq!(named("/admin"), 0);
    assert!(named("/signup") > 0, "the search finds no password where there is one");
}

on_both_databases! {
    async fn g05_each_operation_answers_each_caller_as_the_matrix_says(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        let cookie = app.stranger().log_in_with_cookie(&email("root")).await;
        let mut lacking = BTreeMap::new();
        for scope in ADMINISTRATION {
            let others = ADMINISTRATION.iter().filter(|other| **other != scope);
            let others = others.fold(USUAL.to_owned(), |all, other| format!("{all} {other}"));
            lacking.insert(scope, with_scopes(&app.stranger(), "root", &others).await);
        }
        app.sign_up("user").await;
        let user = with_all_scopes(&app.stranger(), "user").await;
        let user_cookie = app.stranger().log_in_with_cookie(&email("user")).await;
        let (demoted_id, demoted) = as_admin(&app, "demoted").await;
        let demoted_cookie = app.stranger().log_in_with_cookie(&email("demoted")).await;
        demoted.get("/admin/accounts").send().await.assert(200);
        set_role(&app, demoted_id, Role::User).await;
        let target = app.sign_up("target").await;
        let other_target = app.sign_up("other").await;

        for (method, path, scope, allowed) in OPERATIONS {
            let forbidden = if scope.is_empty() { allowed } else { 403 };
            let mut callers = vec![
                ("anonymous", app.stranger(), 401),
                ("user", user.clone(), forbidden),
                ("user by cookie", user_cookie.clone(), forbidden),
                ("demoted", demoted.clone(), forbidden),
                ("demoted by cookie", demoted_cookie.clone(), forbidden),
            ];
            callers.extend(lacking.get(scope).map(|client| ("admin without the scope", client.clone(), 403)));
            for (who, client, status) in callers {
                let before = app.place.value("SELECT COUNT(*) FROM accounts").await;
                let answer = act(&client, method, path, target).await;
                assert_eq!(answer.status.as_u16(), status, "{method} {path} by {who}: {}", answer.text());
                assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, before, "{method} {path} by {who}");
                if status == 403 {
                    let challenge = answer.header("www-authenticate");
                    assert!(challenge.contains("insufficient_scope") || client.has_cookie(), "{method} {path} by {who}: {challenge}");
                    assert!(!answer.text().contains("target"), "{method} {path} tells {who}");
                }
            }
            for (who, client, account) in [("bearer", &admin, target), ("cookie", &cookie, other_target)] {
                let answer = act(client, method, path, account).await;
                assert_eq!(answer.status.as_u16(), allowed, "{method} {path} by {who}: {}", answer.text());
            }
        }
        for (method, path, scope, _) in OPERATIONS.into_iter().filter(|(_, path, ..)| path.contains("{id}")) {
            for absent in [target, 0, i64::MAX] {
                let answer = act(&admin, method, path, absent).await;
                assert_eq!(answer.status.as_u16(), 404, "{method} {path} ({scope}) of nobody: {}", answer.text());
            }
        }
    }

    async fn s10_what_takes_an_account_away_needs_a_fresh_log_in(database: Database) {
        let app = TestApp::new(database).await;
        as_admin(&app, "root").await;
        let target = app.sign_up("target").await;
        let cookie = app.stranger().log_in_with_cookie(&email("root")).await;
        app.advance(601);
        for (method, path, scope, allowed) in OPERATIONS {
            let takes_away = matches!(path, "/admin/accounts/{id}/role" | "/admin/accounts/{id}/disable" | "/admin/accounts/{id}/factors" | "/admin/claim")
                || matches!((method, path), ("PUT", "/admin/organisations/{id}/members/{account}") | ("DELETE", "/admin/organisations/{id}" | "/admin/accounts/{id}") | ("POST", "/admin/accounts"))
                || (method == "PATCH" && path.ends_with("/attributes"));
            let answer = act(&cookie, method, path, target).await.assert(if takes_away { 401 } else { allowed });
            assert_eq!(takes_away, answer.text().contains("10 minutes"), "{method} {path} ({scope})");
        }
        let still = format!("SELECT role FROM accounts WHERE id = {target} AND is_active");
        assert_eq!(app.place.value(&still).await, "user");
    }

    async fn s09_a_role_taken_away_counts_from_the_next_request_on_every_instance(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (_, admin) = as_admin(&app, "root").await;
        let (id, _) = as_admin(&app, "second").await;
        let mut seconds = Vec::new();
        for instance in [&app, &other] {
            let bearer = with_all_scopes(&app.stranger(), "second").await;
            seconds.push(instance.stranger().with_token(bearer.token()));
            let browser = app.stranger().log_in_with_cookie(&email("second")).await;
            seconds.push(instance.stranger().with_cookie(browser.cookie()));
        }
        for _ in 0..3 {
            for second in &seconds {
                second.get("/admin/accounts").send().await.assert(200);
                second.get("/admin/audit-events").send().await.assert(200);
            }
            change_role(&admin, id, "user").await.assert(204);
            for second in &seconds {
                second.get("/admin/accounts").send().await.assert(403);
                second.get("/admin/audit-events").send().await.assert(403);
                change_role(second, id, "admin").await.assert(403);
                second.get("/profile").send().await.assert(200);
            }
            let admin = other.stranger().with_token(admin.token());
            change_role(&admin, id, "admin").await.assert(204);
        }
        // Disabled and enabled again: the sessions are revoked on both.
        admin.post(&format!("/admin/accounts/{id}/disable")).send().await.assert(204);
        for second in &seconds {
            second.get("/admin/accounts").send().await.assert(401);
        }
    }

    async fn g01_the_last_administrator_stays(database: Database) {
        let app = TestApp::with(database, |config| config.deletion_grace = GRACE).await;
        let (id, admin) = as_admin(&app, "root").await;
        let (second, _) = as_admin(&app, "second").await;
        let (third, leaving) = as_admin(&app, "third").await;
        // Disabled accounts and accounts scheduled for deletion do not count.
        app.disable(second).await;
        leaving.delete("/account").send().await.assert(202);
        for _ in 0..2 {
            change_role(&admin, id, "user").await.assert(409);
            admin.post(&format!("/admin/accounts/{id}/disable")).send().await.assert(409);
            admin.delete(&format!("/admin/accounts/{id}")).send().await.assert(409);
            admin.delete("/account").send().await.assert(409);
        }
        let row = format!("SELECT role FROM accounts WHERE id = {id} AND is_active AND deletion_due_at IS NULL");
        assert_eq!(app.place.value(&row).await, "admin");
        admin.get("/admin/accounts").send().await.assert(200);
        // The others may go. With a second active administrator, so may this one.
        for gone in [second, third] {
            admin.delete(&format!("/admin/accounts/{gone}")).send().await.assert(204);
        }
        as_admin(&app, "fourth").await;
        change_role(&admin, id, "user").await.assert(204);
        assert_eq!(administrators(&app).await, "1");
    }

    async fn g01_of_two_who_remove_each_other_at_once_one_stays(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (first_id, first) = as_admin(&app, "first").await;
        let (second_id, second) = as_admin(&app, "second").await;
        let second = other.stranger().with_token(second.token());
        for round in 0..10 {
            let both = join(change_role(&first, second_id, "user"), change_role(&second, first_id, "user")).await;
            let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
            statuses.sort_unstable();
            // The other one was no longer authorized, or was the last.
            assert!(matches!(statuses, [204, 401 | 403 | 409]), "round {round}: {statuses:?}");
            assert_eq!(administrators(&app).await, "1", "round {round}");
            for id in [first_id, second_id] {
                set_role(&app, id, Role::Admin).await;
            }
        }
        let path = |id| format!("/admin/accounts/{id}");
        let both = join(first.delete(&path(second_id)).send(), second.delete(&path(first_id)).send()).await;
        let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
        statuses.sort_unstable();
        assert!(matches!(statuses, [204, 401 | 409]), "{statuses:?}");
        assert_eq!(administrators(&app).await, "1");
    }
}
