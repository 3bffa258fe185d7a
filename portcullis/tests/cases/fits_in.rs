//! What an existing application brings: a state behind an `Arc`, headers as input, more to say in the document, parts,
//! attributes on handlers, and tokens for its tests.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRef, State},
};
use http::Request;
use portcullis::{AccessTokens, Api, Guard, Json, Public, documented, input::Headers, tokens::TypedTokens};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::cases::issuer::{ed25519, verifier};

async fn ask(app: &Router, path: &str, headers: &[(&str, &[u8])]) -> (u16, Value) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn bearer(token: &str) -> Vec<u8> {
    format!("Bearer {token}").into_bytes()
}

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Clone, FromRef)]
struct AppState {
    tokens: AccessTokens,
    typed: TypedTokens<Claims>,
    name: String,
}

/// F5: the most common kind of state in axum.
#[tokio::test]
async fn a_state_behind_an_arc() {
    async fn whoami(guard: Guard<AccessTokens>, State(state): State<Arc<AppState>>) -> Json<String> {
        Json(format!("{} at {}", guard.principal().subject(), state.name))
    }
    async fn typed(guard: Guard<TypedTokens<Claims>>) -> Json<String> {
        Json(guard.principal().claims().sub.clone())
    }
    let tokens = verifier();
    let state = Arc::new(AppState { typed: tokens.typed(), tokens, name: "shop".to_owned() });
    let api = Api::<Arc<AppState>>::new("Shop", "1").get("/whoami", whoami).get("/typed", typed);
    let app = api.finish().unwrap().0.with_state(state);
    let good = bearer(&ed25519().good());
    assert_eq!(ask(&app, "/whoami", &[("authorization", &good)]).await, (200, json!("ana at shop")));
    assert_eq!(ask(&app, "/typed", &[("authorization", &good)]).await, (200, json!("ana")));
    assert_eq!(ask(&app, "/whoami", &[]).await.0, 401);
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Conditions {
    /// The same for each attempt.
    #[schemars(length(min = 2, max = 8))]
    idempotency_key: String,
    x_tries: Option<u8>,
    #[serde(default)]
    x_tag: Vec<String>,
}

async fn conditions(_: Public, Headers(headers): Headers<Conditions>) -> Json<String> {
    Json(format!("{} {:?} {:?}", headers.idempotency_key, headers.x_tries, headers.x_tag))
}

#[tokio::test]
async fn headers_are_input_that_the_schema_has_checked() {
    let app = Api::<()>::new("Shop", "1").get("/", conditions).finish().unwrap().0;
    let ask = async |headers: &[(&str, &[u8])]| ask(&app, "/", headers).await;
    let own: (&str, &[u8]) = ("Idempotency-Key", b"abc");
    assert_eq!(ask(&[own]).await, (200, json!("abc None []")));
    let all = [own, ("X-TRIES", b" 3 "), ("x-tag", b"a"), ("x-tag", b"b"), ("x-unknown", b"\xff")];
    assert_eq!(ask(&all).await, (200, json!(r#"abc Some(3) ["a", "b"]"#)));
    assert_eq!(ask(&[own, ("x-tries", b"")]).await.0, 200, "empty is not sent");
    let refused = async |headers: &[(&str, &[u8])]| {
        let (status, body) = ask(headers).await;
        assert_eq!(status, 422, "{body}");
        (body["detail"][0]["type"].clone(), body["detail"][0]["loc"].clone())
    };
    let key = json!(["header", "idempotency-key"]);
    assert_eq!(refused(&[]).await, (json!("missing"), key.clone()));
    assert_eq!(refused(&[("idempotency-key", b"a")]).await, (json!("string_too_short"), key.clone()));
    assert_eq!(refused(&[own, own]).await, (json!("value_error"), key.clone()));
    assert_eq!(refused(&[("idempotency-key", b"\xe9\xe9")]).await, (json!("value_error"), key));
    assert_eq!(refused(&[own, ("x-tries", b"300")]).await.1, json!(["header", "x-tries"]));
}

#[test]
fn headers_are_parameters_of_the_document() {
    let (_, document) = Api::<()>::new("Shop", "1").get("/", conditions).finish().unwrap();
    let parameters = &document.value()["paths"]["/"]["get"]["parameters"];
    let key = parameters.as_array().unwrap().iter().find(|one| one["name"] == "idempotency-key").unwrap();
    assert_eq!(
        *key,
        json!({
            "name": "idempotency-key", "in": "header", "required": true, "description": "The same for each attempt.",
            "schema": { "type": "string", "minLength": 2, "maxLength": 8 },
        })
    );
    assert!(document.value()["paths"]["/"]["get"]["responses"]["422"].is_object());
}

#[test]
fn a_header_that_can_never_be_given_is_a_defect() {
    macro_rules! header {
        ($kind:ident $name:literal) => {{
            #[derive(serde::Deserialize, schemars::JsonSchema)]
            #[expect(dead_code, reason = "only its schema matters")]
            struct $kind {
                #[serde(rename = $name)]
                field: String,
            }
            async fn read(_: Public, _: Headers<$kind>) -> Json<u8> {
                Json(1)
            }
            Api::<()>::new("Shop", "1").get("/", read).finish().unwrap_err().to_string()
        }};
    }
    for (error, expected) in [
        (header!(Underscore "x_tries"), "rename_all = \"kebab-case\""),
        (header!(Space "x tries"), "not a valid header name"),
        (header!(Credential "Authorization"), "a credential is a guard's"),
        (header!(Cookies "cookie"), "a credential is a guard's"),
        (header!(Type "Content-Type"), "the document says it elsewhere"),
    ] {
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
}

async fn list(_: Guard<AccessTokens>) -> Json<Vec<u8>> {
    Json(vec![1])
}

/// F7.
#[tokio::test]
async fn the_document_says_more_and_docs_show_it() {
    let (router, document) = Api::<AccessTokens>::new("Shop", "1").get("/items", list).finish().unwrap();
    let document = document.docs_client("shop-docs");
    let document = document
        .edit(|document| {
            document["info"]["contact"] = json!({ "email": "api@shop.example" });
            document["x-logo"] = "logo.svg".into();
            document["webhooks"] =
                json!({ "sold": { "post": { "responses": { "204": { "description": "" } } } } });
            document["paths"]["/items"]["get"]["responses"]["200"]["content"]["application/json"]["example"] =
                json!([7]);
            document["paths"]["/items"]["summary"] = "Items".into();
        })
        .unwrap();
    let app = router.merge(document.routes()).with_state(verifier());
    let (_, served) = ask(&app, "/openapi.json", &[]).await;
    assert_eq!(served, *document.value());
    assert_eq!(served["info"]["contact"]["email"], "api@shop.example");
    assert_eq!(
        served["paths"]["/items"]["get"]["responses"]["200"]["content"]["application/json"]["example"],
        json!([7])
    );
    let page = app.clone().oneshot(Request::get("/docs").body(Body::empty()).unwrap()).await.unwrap();
    let page = to_bytes(page.into_body(), 100_000).await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("shop-docs"), "what was set before stays");
}

#[test]
fn what_guards_enforce_cannot_be_edited() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 5] = [
        (|document| document["paths"]["/items"]["get"]["security"] = json!([]), "its `security` was edited"),
        (|document| document["components"]["securitySchemes"] = json!({}), "`securitySchemes` was edited"),
        (
            |document| document["paths"]["/items"] = json!({}),
            "it is in the router but not in the edited document",
        ),
        (
            |document| document["paths"]["/other"]["get"] = json!({}),
            "in the edited document but not in the router",
        ),
        (|document| *document = json!(null), "it is in the router but not in the edited document"),
    ];
    for (change, expected) in changes {
        let (_, document) = Api::<AccessTokens>::new("Shop", "1").get("/items", list).finish().unwrap();
        let error = document.edit(change).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
}

#[test]
fn a_part_has_no_title_of_its_own() {
    let part = Api::<AccessTokens>::part().get("/", list);
    let (_, document) = Api::new("Shop", "1").nest("/items", part).finish().unwrap();
    assert_eq!(document.value()["info"], json!({ "title": "Shop", "version": "1" }));
    assert!(document.value()["paths"]["/items"].is_object());
}

documented! {
    /// What is sold.
    #[tracing::instrument(skip_all)]
    /// All of it.
    #[inline]
    async fn sold(_: Public) -> Json<u8> {
        Json(1)
    }

    /// Nothing else.
    async fn plain(_: Public) {}
}

#[tokio::test]
async fn a_documented_handler_keeps_its_other_attributes() {
    let (router, document) =
        Api::<()>::new("Shop", "1").get("/sold", sold).get("/plain", plain).finish().unwrap();
    assert_eq!(document.value()["paths"]["/sold"]["get"]["description"], "What is sold.\nAll of it.");
    assert_eq!(document.value()["paths"]["/plain"]["get"]["description"], "Nothing else.");
    assert_eq!(ask(&router, "/sold", &[]).await, (200, json!(1)));
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn tokens_for_the_test_of_a_guarded_handler() {
    use portcullis::{Scope, testing};

    struct Read;
    impl Scope for Read {
        const NAME: &'static str = "read";
        const DESCRIPTION: &'static str = "Read";
    }
    async fn whoami(guard: Guard<AccessTokens, Read>) -> Json<String> {
        Json(guard.principal().subject().to_owned())
    }
    let issuer = testing::issuer();
    let app = Api::new("Shop", "1").get("/", whoami).finish().unwrap().0.with_state(issuer.tokens());
    let ask = async |token: &str| ask(&app, "/", &[("authorization", &bearer(token))]).await.0;
    assert_eq!(ask(&issuer.token("ada", "read write")).await, 200);
    assert_eq!(ask(&issuer.token("ada", "write")).await, 403);
    assert_eq!(ask(&issuer.token_with(json!({ "scope": "read", "exp": 1 }))).await, 401);
    assert_eq!(ask(&issuer.token_with(json!({ "scope": "read", "sub": null }))).await, 401);
    assert_eq!(ask(&testing::issuer().token("ada", "read")).await, 401, "another issuer's");
    assert_ne!(issuer.token("ada", ""), issuer.token("ada", ""), "each has an id");
}
