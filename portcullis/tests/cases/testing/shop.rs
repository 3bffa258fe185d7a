//! A sound application, with a guard of every kind.

use axum::{Router, extract::FromRef};
use portcullis::{
    AccessTokens, Api, ApiKey, Basic, Created, Document, Either, Form, Granted, Guard, Json, Maybe,
    Multipart, NoContent, Path, Public, Query, Scope, SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, CookieSettings},
    describe::In,
    guard::AnyOf,
    input::File,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::issuer::{claims, ed25519, verifier};

pub(super) const KEY: &str = "till-7f3a";
pub(super) const PASSWORD: &str = "violet-harbour";
pub(super) const SESSION: &str = "hBz7";

/// A valid token with these scopes.
pub(super) fn token(scopes: &[&str]) -> String {
    let mut claims = claims();
    claims["scope"] = scopes.join(" ").into();
    signed_with(&claims)
}

/// Claims under the issuer's signature.
pub(super) fn signed_with(claims: &Value) -> String {
    ed25519().token(&ed25519().header().to_string(), &claims.to_string())
}

macro_rules! scopes {
    ($($name:ident $text:literal),*) => {$(
        struct $name;
        impl Scope for $name {
            const NAME: &'static str = $text;
            const DESCRIPTION: &'static str = "A scope";
        }
    )*};
}
scopes!(Read "read", Write "write", Admin "admin");

macro_rules! verifier {
    ($name:ident, $credential:ty, $scheme:literal, $is_good:expr) => {
        #[derive(Clone)]
        struct $name;
        impl Verify for $name {
            type Credential = $credential;
            type Principal = ();
            const SCHEME: &'static str = $scheme;

            async fn verify(&self, credential: &$credential) -> Result<Verdict<()>, VerifyFailed> {
                let is_good: fn(&$credential) -> bool = $is_good;
                Ok(if is_good(credential) {
                    Verdict::Accepted((), Granted::none())
                } else {
                    Verdict::Refused
                })
            }
        }
    };
}
verifier!(Till, ApiKey<TillKey>, "till", |key| key.key_is(KEY));
verifier!(Staff, Basic, "staff", |basic| basic.user_id_is("ada") & basic.password_is(PASSWORD));
verifier!(Sessions, SessionCookie<Shop>, "session", |cookie| cookie.token() == SESSION);

struct TillKey;
impl ApiKeyPlace for TillKey {
    const IN: In = In::Header;
    const NAME: &'static str = "X-Till";
}

struct Shop;
impl CookieSettings for Shop {
    const NAME: &'static str = "__Host-shop";
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    till: Till,
    staff: Staff,
    sessions: Sessions,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    #[schemars(length(min = 3))]
    name: String,
    count: u8,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Picture {
    title: String,
    image: File<1000>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Page {
    after: u32,
    most: Option<u32>,
}

async fn health(_: Public) -> Json<&'static str> {
    Json("alive")
}

async fn log_in(_: Public, _: Form<Credentials>) -> NoContent {
    NoContent
}

async fn read_item(_: Guard<AccessTokens, Read>, Path(_): Path<u32>) -> Json<Item> {
    Json(Item { name: "tea".to_owned(), count: 1 })
}

async fn add_item(_: Guard<AccessTokens, (Read, Write)>, Json(item): Json<Item>) -> Created<Item> {
    Created(item)
}

async fn add_picture(_: Guard<AccessTokens>, _: Multipart<Picture>) -> NoContent {
    NoContent
}

async fn greet(guard: Maybe<AccessTokens>) -> Json<bool> {
    Json(guard.principal().is_some())
}

async fn list_orders(_: Guard<Either<AccessTokens, Till>>, _: Query<Page>) -> Json<Vec<u32>> {
    Json(Vec::new())
}

async fn cancel_order(_: Guard<AccessTokens, AnyOf<(Write, Admin)>>, Path(_): Path<u32>) -> NoContent {
    NoContent
}

async fn read_ledger(_: (Guard<AccessTokens, Read>, Guard<Till>)) -> Json<u32> {
    Json(1)
}

async fn metrics(_: Guard<Staff>) -> Json<u32> {
    Json(1)
}

async fn log_out(_: Guard<Either<Sessions, AccessTokens>>) -> NoContent {
    NoContent
}

fn finished() -> (Router, Document) {
    let api = Api::<App>::new("Shop", "1")
        .get("/health", health)
        .post("/login", log_in)
        .get("/items/{id}", read_item)
        .post("/items", add_item)
        .post("/pictures", add_picture)
        .get("/greeting", greet)
        .get("/orders", list_orders)
        .delete("/orders/{id}", cancel_order)
        .get("/ledger", read_ledger)
        .get("/metrics", metrics)
        .post("/logout", log_out);
    let (router, document) = api.finish().unwrap();
    let app = App { tokens: verifier(), till: Till, staff: Staff, sessions: Sessions };
    (router.with_state(app), document)
}

pub(super) fn router() -> Router {
    finished().0
}

pub(super) fn document() -> Document {
    finished().1
}
