use serde_json::json;

use super::*;
use crate::cases::issuer::{but, claims, ed25519, verifier};

#[path = "../../../examples/any_of_scopes.rs"]
mod any_of_scopes;
#[path = "../../../examples/issuer/mod.rs"]
mod example_issuer;
#[cfg(feature = "discovery")]
#[path = "../../../examples/mcp.rs"]
mod mcp;
#[path = "../../../examples/optional_user.rs"]
mod optional_user;
#[cfg(feature = "discovery")]
#[path = "../../../examples/resource_server.rs"]
mod resource_server;

/// A valid token with this scope.
fn with_scope(scope: &str) -> String {
    let key = ed25519();
    key.token(&key.header().to_string(), &but(&claims(), "scope", Some(&json!(scope).to_string())))
}

#[tokio::test]
async fn any_of_some_scopes_or_all_of_them() {
    let app = any_of_scopes::app(verifier()).unwrap();
    for (scope, read, change, delete) in [
        ("", 403, 403, 403),
        ("order:read", 200, 403, 403),
        ("order:write", 403, 403, 403),
        ("order:read order:write", 200, 204, 200),
        ("admin", 200, 403, 200),
    ] {
        let token = with_scope(scope);
        for (method, expected) in [("GET", read), ("PATCH", change), ("DELETE", delete)] {
            let answer = with_token(&app, method, "/orders/7", &token).await;
            assert_eq!(answer.status.as_u16(), expected, "{scope:?} {method}");
        }
    }
    let by_admin = with_token(&app, "DELETE", "/orders/7", &with_scope("admin")).await.json();
    assert_eq!(by_admin, "order 7 was deleted by an admin");
    get(&app, "/orders/7").await.assert(401);
    let ways = json!([{ "access_token": ["order:read", "order:write"] }, { "access_token": ["admin"] }]);
    assert_eq!(security(&app, "delete", "/orders/{id}").await, ways);
}

/// The library accepts the tokens of the examples' issuer.
#[tokio::test]
async fn the_examples_issuer_follows_rfc_9068() {
    let issuer = example_issuer::Issuer::new().unwrap();
    let app = any_of_scopes::app(issuer.tokens().clone()).unwrap();
    let token = issuer.token("ada", "admin").unwrap();
    with_token(&app, "GET", "/orders/7", &token).await.assert(200);
    let stranger = example_issuer::Issuer::new().unwrap().token("ada", "admin").unwrap();
    with_token(&app, "GET", "/orders/7", &stranger).await.assert(401);
}

#[tokio::test]
async fn a_stranger_sees_less_and_a_wrong_key_nothing() {
    let app = optional_user::app("lantern").unwrap();
    let read = async |headers| ask(&app, "GET", "/articles/1", headers, "").await;
    assert_eq!(read(&[]).await.assert(200).json(), json!({ "title": "Article 1", "text": null }));
    let known = read(&[("x-api-key", "lantern")]).await.assert(200).json();
    assert_eq!(known["text"], "All of article 1, for readers.");
    read(&[("x-api-key", "harbour")]).await.assert(401);
    let beside = read(&[("authorization", "Bearer of-a-proxy")]).await.assert(200).json();
    assert_eq!(beside["text"], json!(null), "no key, whatever else there is");
    assert_eq!(security(&app, "get", "/articles/{id}").await, json!([{ "reader": [] }, {}]));
}

#[cfg(feature = "discovery")]
#[tokio::test]
async fn a_resource_server_takes_its_issuers_tokens() {
    let app = resource_server::app(verifier()).unwrap();
    get(&app, "/health").await.assert(200);
    let subject = with_token(&app, "GET", "/subject", &with_scope("profile:read")).await.assert(200).json();
    assert_eq!(subject, "ana");
    let refused = with_token(&app, "GET", "/subject", &with_scope("profile:write")).await.assert(403);
    assert!(refused.header("www-authenticate").contains("scope=\"profile:read\""));
    get(&app, "/subject").await.assert(401);
}

#[cfg(feature = "discovery")]
#[tokio::test]
async fn an_mcp_server_says_where_to_get_a_token_and_calls_a_tool() {
    let app = mcp::app("https://id.example", "https://api.example/mcp", verifier()).unwrap();
    let send = async |method: &str, name: &str| {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": name } });
        post_json(&app, "/mcp", &with_scope("notes:read"), &message).await.assert(200).json()
    };
    let stranger = ask(&app, "POST", "/mcp", &[], "").await.assert(401);
    assert!(stranger.header("www-authenticate").contains("/.well-known/oauth-protected-resource/mcp"));
    let metadata = get(&app, "/.well-known/oauth-protected-resource/mcp").await.assert(200).json();
    assert_eq!(metadata["authorization_servers"], json!(["https://id.example"]));
    let called = send("tools/call", "list_notes").await;
    assert_eq!(called["result"]["content"][0]["text"], "Notes of ana: water the plants");
    assert_eq!(send("tools/call", "erase").await["error"]["message"], "Unknown tool");
    assert_eq!(send("prompts/list", "").await["error"]["code"], -32601);
    let notified = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    post_json(&app, "/mcp", &with_scope("notes:read"), &notified).await.assert(202);
}

/// Keys from a file, and from an address where nothing responds.
#[cfg(feature = "discovery")]
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_server_starts_with_keys_or_not_at_all() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("resource_server_keys.json");
    std::fs::write(&file, crate::cases::issuer::jwks([ed25519()])).unwrap();
    let issuer = crate::cases::issuer::ISSUER;
    let keys = file.to_str().unwrap();
    let tokens = resource_server::verifier(issuer, "shop", Some(keys)).await.unwrap();
    let app = resource_server::app(tokens).unwrap();
    // The clock is the system's: this token is expired or not yet valid.
    with_token(&app, "GET", "/subject", &with_scope("profile:read")).await.assert(401);

    for keys in [Some("http://127.0.0.1:9/keys"), Some("no such file"), None] {
        assert!(resource_server::verifier("http://127.0.0.1:9", "shop", keys).await.is_err(), "{keys:?}");
    }
}
