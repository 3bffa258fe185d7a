//! Our own API under the attack that the library offers for everyone's tests.

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Extension, Router};
use http::StatusCode;
use portcullis::testing::Attack;
use portcullis_server::App;
use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::client;
use portcullis_server::{By, admin};
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::on_both_databases;
use crate::support::{Client, PASSWORD, TestApp, email};

/// What anyone may call. Opening a route always means editing this list.
const PUBLIC: [&str; 27] = [
    "GET /.well-known/jwks.json",
    "GET /.well-known/passkey-endpoints",
    "GET /health",
    "GET /login/with",
    "GET /ready",
    "GET /signup/attributes",
    "POST /email/confirm",
    "POST /email/undo",
    "POST /email/verify",
    "POST /login",
    "POST /login/code",
    "POST /login/cookie",
    "POST /login/factor",
    "POST /login/factor/passkey",
    "POST /login/factor/passkey/options",
    "POST /login/factor/totp",
    "POST /login/link",
    "POST /login/link/token",
    "POST /login/passkey",
    "POST /login/passkey/cookie",
    "POST /login/passkey/options",
    "POST /password/forgot",
    "POST /password/reset",
    "POST /signup",
    "POST /signup/passkey",
    "POST /signup/passkey/options",
    "POST /token",
];

/// Every scope that a route demands.
const SCOPES: [&str; 8] = [
    "account",
    "accounts:read",
    "accounts:write",
    "audit:read",
    "organisations:read",
    "organisations:write",
    "profile:read",
    "profile:write",
];

/// The operation whose documented example cannot work, because it needs the account's own password.
const SAMPLED: &str = "PUT /password";

/// The router for a client with an address, and the statuses of [`SAMPLED`].
fn noting(router: Router) -> (Router, &'static Mutex<Vec<StatusCode>>) {
    let statuses: &Mutex<Vec<StatusCode>> = Box::leak(Box::default());
    let address = ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4000)));
    let router = router.layer(from_fn(|request, next| note(statuses, request, next)));
    (router.layer(Extension(address)), statuses)
}

async fn note(statuses: &Mutex<Vec<StatusCode>>, request: Request, next: Next) -> Response {
    let is_sampled = format!("{} {}", request.method(), request.uri().path()) == SAMPLED;
    let response = next.run(request).await;
    if is_sampled {
        statuses.lock().unwrap().push(response.status());
    }
    response
}

/// The guard responds before the body is read, so a faulty sample would go unnoticed.
fn assert_accepted(statuses: &Mutex<Vec<StatusCode>>) {
    let statuses = statuses.lock().unwrap();
    assert!(statuses.contains(&StatusCode::OK), "the sample of {SAMPLED} was never accepted: {statuses:?}");
}

/// The administrator's latest login for each requested scope. A login costs a hash, and the attack requests a valid
/// credential hundreds of times.
#[derive(Default)]
struct LoggedIn(Mutex<HashMap<String, Client>>);

impl LoggedIn {
    /// One that is still valid, or else the result of `log_in`. The attack waits for it.
    fn or(&self, scope: &str, log_in: impl Future<Output = Client>) -> Client {
        let find = async {
            let known = self.0.lock().unwrap().get(scope).cloned();
            if let Some(known) = known
                && known.get("/profile").send().await.status != 401
            {
                return known;
            }
            let new = log_in.await;
            self.0.lock().unwrap().insert(scope.to_owned(), new.clone());
            new
        };
        block_in_place(|| Handle::current().block_on(find))
    }
}

/// With an access token of the administrator.
async fn with_token(stranger: &Client, scope: &str) -> Client {
    let answer = stranger.post("/login").form_owned(&email("root"), PASSWORD, scope).await.assert(200);
    stranger.with_token(answer.json()["access_token"].as_str().unwrap())
}

/// With an API key of the administrator. A password change in the meantime may have revoked the one before.
async fn with_key(stranger: &Client, scope: &str) -> Client {
    let owner = stranger.log_in(&email("root")).await;
    let made = owner.post("/keys").json(&json!({ "name": "attack", "scope": scope })).await.assert(201);
    stranger.with_token(made.json()["key"].as_str().unwrap())
}

/// Tries API keys too, and one that was removed.
async fn with_keys(attack: Attack, app: &TestApp) -> Attack {
    let owner = app.log_in("root").await;
    let made =
        owner.post("/keys").json(&json!({ "name": "removed", "scope": "profile:read" })).await.assert(201);
    owner.delete(&format!("/keys/{}", made.json()["id"].as_str().unwrap())).send().await.assert(204);
    let removed = made.json()["key"].as_str().unwrap().to_owned();
    ["apiKey", "apiKeyAsToken"].into_iter().fold(attack, |attack, scheme| {
        attack.good(scheme, keys(app.stranger())).bad(scheme, "a removed API key", &removed)
    })
}

/// Creates keys for the attack. There are no keys without a scope.
fn keys(stranger: Client) -> impl Fn(&[&str]) -> Option<String> {
    let known = LoggedIn::default();
    move |scopes| {
        let scope = scopes.join(" ");
        (!scope.is_empty()).then(|| known.or(&scope, with_key(&stranger, &scope)).token().to_owned())
    }
}

/// A cookie may do everything that its account may, and nobody has the key that signs tokens. The matrix of
/// administrators and the test of spoiled tokens cover these.
fn is_tried_elsewhere(line: &str) -> bool {
    line.contains("`session` without `") || line.contains("`.signed(")
}

on_both_databases! {
    async fn t13_the_whole_interface_withstands_the_attack(database: Database) {
        let app = TestApp::with(database, |config| {
            config.limits = false;
            config.log_in_by_mail = true;
        })
        .await;
        let target = app.sign_up("target").await;
        let admin = app.sign_up("root").await;
        let operator = client::Client::local("operator");
        admin::set_role(&app.app, AccountId::new(admin), Role::Admin, By::operator(&operator)).await.unwrap();

        let ended = app.log_in("root").await;
        ended.post("/logout").send().await.assert(204);
        let gone = app.as_user("gone").await;
        app.disable(app.place.value("SELECT max(id) FROM accounts").await.parse().unwrap()).await;
        let cookie = app.stranger().log_in_with_cookie(&email("root")).await;
        let form = [("username", &*email("root")), ("password", PASSWORD), ("scope", "offline_access")];
        let refresh = app.stranger().post("/login").form(&form).await.assert(200).json()["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let jwks = app.stranger().get("/.well-known/jwks.json").send().await.text();

        let (with_tokens, with_cookies, stranger) = (LoggedIn::default(), LoggedIn::default(), app.stranger());
        let another = stranger.clone();
        let (router, sampled) = noting(app.router());
        let mut attack = Attack::on(router, App::document().unwrap().value())
            .public(PUBLIC)
            .same_origin(["POST /login/cookie", "POST /login/passkey/cookie"])
            .good("portcullis", move |scopes| {
                // One more, which no route demands, because a request without scopes gets the default ones.
                let scope = format!("offline_access {}", scopes.join(" "));
                let scope = scope.trim();
                with_tokens.or(scope, with_token(&stranger, scope)).token().to_owned()
            })
            .good("session", move |scopes| {
                // A cookie may do everything that its account may.
                let has_all = SCOPES.iter().all(|scope| scopes.contains(scope));
                let root = email("root");
                let log_in = || with_cookies.or("", another.log_in_with_cookie(&root));
                has_all.then(|| log_in().cookie_value().to_owned())
            })
            .keys("portcullis", &jwks)
            .bad("portcullis", "a token of an ended session", ended.token())
            .bad("portcullis", "a token of a disabled account", gone.token())
            .bad("portcullis", "a cookie as a token", cookie.cookie_value())
            .bad("portcullis", "a refresh token", &refresh)
            .bad("session", "a token as a cookie", ended.token())
            .bad("session", "a refresh token as a cookie", &refresh)
            .sample(SAMPLED, json!({ "current_password": PASSWORD, "password": PASSWORD }))
            .last(["DELETE /account", "POST /logout"]);
        attack = with_keys(attack, &app).await;
        for (method, path, _) in crate::support::document().operations() {
            if path.starts_with("/admin/accounts/{id}") {
                attack = attack.parameter(&format!("{method} {path}"), "id", &target.to_string());
            }
        }
        let report = attack.run().await.unwrap_or_else(|holes| panic!("{holes}"));
        let mut not_tried = report.not_tried().iter().map(ToString::to_string);
        assert!(not_tried.all(|line| is_tried_elsewhere(&line)), "{report}");
        assert!(report.calls() > 1500, "{report}");
        assert_accepted(sampled);
    }
}
