use serde_json::json;

use super::*;
use crate::cases::issuer::{claims, ed25519, verifier};

#[path = "../../../examples/permissions.rs"]
mod documents;

fn token(account: &str, scope: &str) -> String {
    let mut claims = claims();
    (claims["sub"], claims["scope"]) = (account.into(), scope.into());
    ed25519().token(&ed25519().header().to_string(), &claims.to_string())
}

async fn put_title(app: &Router, token: &str, title: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {token}"))];
    ask(app, "PUT", "/documents/1/title", &headers, &json!({ "title": title }).to_string()).await
}

#[tokio::test]
async fn a_document_is_its_owners_and_those_it_is_shared_with() {
    let app = documents::app(verifier()).unwrap();
    let all = "document:read document:write";
    let (ada, bob) = (token("ada", all), token("bob", all));
    let list = async |token: &str| with_token(&app, "GET", "/documents", token).await.assert(200).json();
    post_json(&app, "/documents", &ada, &json!({ "title": "Plan" })).await.assert(201);
    assert_eq!(list(&ada).await[0]["title"], "Plan");

    assert_eq!(list(&bob).await, json!([]), "what nobody shared is in no list");
    let hidden = with_token(&app, "GET", "/documents/1", &bob).await.assert(404);
    let missing = with_token(&app, "GET", "/documents/2", &bob).await.assert(404);
    assert_eq!((hidden.headers, hidden.body), (missing.headers, missing.body));
    put_title(&app, &bob, "Mine").await.assert(404);

    post_json(&app, "/documents/1/readers", &ada, &json!({ "account": "bob" })).await.assert(200);
    assert_eq!(list(&bob).await[0]["title"], "Plan");
    with_token(&app, "GET", "/documents/1", &bob).await.assert(200);
    assert_eq!(put_title(&app, &bob, "Mine").await.assert(403).json()["permission"], "document:write");
    with_token(&app, "DELETE", "/documents/1", &bob).await.assert(403);

    assert_eq!(put_title(&app, &ada, "Plan B").await.assert(200).json()["title"], "Plan B");
    let reads = token("ada", "document:read");
    assert!(
        put_title(&app, &reads, "C").await.assert(403).header("www-authenticate").contains("document:write")
    );
    with_token(&app, "DELETE", "/documents/1", &ada).await.assert(204);
    with_token(&app, "GET", "/documents/1", &ada).await.assert(404);
}

/// The example's own test, in one line: the attack calls as the owner, as a reader, and as somebody else.
#[cfg(feature = "testing")]
#[tokio::test]
async fn an_attack_on_it_finds_nothing() {
    use portcullis::testing::Attack;

    use crate::cases::issuer::jwks;

    let app = documents::app(verifier()).unwrap();
    let ada = token("ada", "document:read document:write");
    post_json(&app, "/documents", &ada, &json!({ "title": "Plan" })).await.assert(201);
    post_json(&app, "/documents/1/readers", &ada, &json!({ "account": "bob" })).await.assert(200);
    let document = get(&app, "/openapi.json").await.json();
    let token_of = |account: &'static str| move |scopes: &[&str]| token(account, &scopes.join(" "));
    Attack::on(app, &document)
        .good("access_token", token_of("ada"))
        .outsider("access_token", token_of("eve"))
        .holder("access_token", ["document:read"], token_of("bob"))
        .signed("access_token", |claims| {
            ed25519().token(&ed25519().header().to_string(), &claims.to_string())
        })
        .keys("access_token", &jwks([ed25519()]))
        .assert()
        .await;
}
