//! The account system inside another application (`examples/mounted.rs`).

use axum::{Router, body::Body};
use http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tower::ServiceExt;

use crate::on_both_databases;
use crate::support::{PASSWORD, TestApp, email};

#[path = "../examples/mounted.rs"]
#[expect(unreachable_pub, dead_code, reason = "it is a program of its own, with a `main`")]
mod mounted;

/// A shop at `http://localhost:3000`, and its accounts under `/auth`.
async fn mounted(database: crate::support::Database) -> (TestApp, Router) {
    let public_url = "http://localhost:3000/auth".parse().unwrap();
    let accounts = TestApp::with(database, |config| config.public_url = Some(public_url)).await;
    // On SQLite this is the accounts' own file.
    let file = accounts.place.data_dir().join("portcullis.db");
    let file = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let orders = SqlitePool::connect_with(file).await.unwrap();
    let router = mounted::app(&accounts.app, orders).await.unwrap();
    (accounts, router)
}

async fn ask(
    shop: &Router,
    method: &str,
    path: &str,
    token: &str,
    (kind, body): (&str, String),
) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = shop.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn get(shop: &Router, path: &str, token: &str) -> (u16, Value) {
    ask(shop, "GET", path, token, ("text/plain", String::new())).await
}

fn in_json(value: &Value) -> (&'static str, String) {
    ("application/json", value.to_string())
}

/// Signs up and logs in, under `/auth`. Returns the account's number and a token.
async fn join(shop: &Router, name: &str) -> (Value, String) {
    let sign_up = json!({ "email": email(name), "full_name": name, "password": PASSWORD });
    let (status, account) = ask(shop, "POST", "/auth/signup", "", in_json(&sign_up)).await;
    assert_eq!(status, 201, "{account}");
    let form = serde_urlencoded::to_string([("username", &*email(name)), ("password", PASSWORD)]).unwrap();
    let form = ("application/x-www-form-urlencoded", form);
    let (status, answer) = ask(shop, "POST", "/auth/login", "", form).await;
    assert_eq!(status, 200, "{answer}");
    (account["id"].clone(), answer["access_token"].as_str().unwrap().to_owned())
}

on_both_databases! {
    async fn one_application_with_its_own_routes_and_the_accounts(database: Database) {
        let (accounts, shop) = mounted(database).await;
        let (ada, token) = join(&shop, "ada").await;
        let (_, eves) = join(&shop, "eve").await;
        assert_eq!(get(&shop, "/goods", "").await.0, 200);
        assert_eq!(get(&shop, "/auth/profile", &token).await.1["id"], ada);

        let lantern = json!({ "item": "lantern" });
        for bad in ["", "junk"] {
            assert_eq!(ask(&shop, "POST", "/orders", bad, in_json(&lantern)).await.0, 401);
            assert_eq!(get(&shop, "/orders", bad).await.0, 401);
        }
        let (status, order) = ask(&shop, "POST", "/orders", &token, in_json(&lantern)).await;
        assert_eq!((status, &order["owner"]), (201, &json!(ada.to_string())));
        assert_eq!(get(&shop, "/orders", &token).await, (200, json!([order])));
        assert_eq!(get(&shop, "/orders", &eves).await, (200, json!([])));

        // A token for another public URL of the server is not valid here.
        let elsewhere = TestApp::new(database).await.as_user("ada").await;
        assert_eq!(get(&shop, "/orders", elsewhere.token()).await.0, 401);

        let nothing = || ("text/plain", String::new());
        assert_eq!(ask(&shop, "POST", "/auth/logout", &token, nothing()).await.0, 204);
        assert_eq!(get(&shop, "/orders", &token).await.0, 401);
        assert_eq!(get(&shop, "/orders", &eves).await.0, 200);
        accounts.disable(2).await;
        assert_eq!(get(&shop, "/orders", &eves).await.0, 401);
    }

    async fn both_documents_are_published_beside_their_routes(database: Database) {
        let (_accounts, shop) = mounted(database).await;
        let (_, own) = get(&shop, "/openapi.json", "").await;
        let (_, auth) = get(&shop, "/auth/openapi.json", "").await;
        assert_eq!(own["paths"]["/orders"]["get"]["security"], json!([{ "portcullis": [] }]));
        assert!(auth["paths"]["/login"].is_object() && own["paths"]["/login"].is_null());
        assert_eq!(get(&shop, "/docs", "").await.0, 200);
        assert_eq!(get(&shop, "/auth/docs", "").await.0, 200);
        // The Authorize button on either page sends the password here.
        let log_in = &own["components"]["securitySchemes"]["portcullis"]["flows"]["password"]["tokenUrl"];
        assert_eq!((log_in, &own["servers"]), (&json!("auth/login"), &json!([{ "url": "." }])));
        let log_in = &auth["components"]["securitySchemes"]["portcullis"]["flows"]["password"]["tokenUrl"];
        assert_eq!((log_in, &auth["servers"]), (&json!("login"), &json!([{ "url": "." }])));
    }

    async fn a_shop_beside_it_later_takes_the_same_tokens(database: Database) {
        let (accounts, shop) = mounted(database).await;
        let (_, token) = join(&shop, "ada").await;
        // The same data served by a separate process needs no new login.
        let mut config = accounts.place.config();
        config.public_url = Some("http://localhost:3000/auth".parse().unwrap());
        let alone = accounts.again_with(config).await;
        alone.stranger().with_token(&token).get("/profile").send().await.assert(200);
    }
}
