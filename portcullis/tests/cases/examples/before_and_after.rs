use serde_json::json;

use super::*;
use crate::cases::issuer::{but, claims, ed25519, verifier};

#[path = "../../../examples/before_and_after/after.rs"]
mod after;
#[cfg(feature = "axum-full")]
#[path = "../../../examples/before_and_after/before.rs"]
mod before;

#[cfg(feature = "axum-full")]
#[tokio::test]
async fn before_everybody_may() {
    let app = before::app();
    post_json(&app, "/orders", "", &json!({ "item": "lantern" })).await.assert(200);
    assert_eq!(get(&app, "/orders/0").await.assert(200).json()["item"], "lantern");
    get(&app, "/openapi.json").await.assert(404);
}

#[tokio::test]
async fn after_who_has_a_token_may_and_an_order_is_its_owners() {
    let app = after::app(verifier()).unwrap();
    let ana = ed25519().good();
    let eve = ed25519().token(&ed25519().header().to_string(), &but(&claims(), "sub", Some(r#""eve""#)));
    let lantern = json!({ "item": "lantern" });
    post_json(&app, "/orders", "junk", &lantern).await.assert(401);
    post_json(&app, "/orders", &ana, &json!({ "item": "", "price": 0 })).await.assert(422);
    post_json(&app, "/orders", &ana, &lantern).await.assert(200);
    let order = with_token(&app, "GET", "/orders/0", &ana).await.assert(200).json();
    assert_eq!(order, json!({ "id": 0, "item": "lantern", "owner": "ana" }));
    with_token(&app, "GET", "/orders/0", &eve).await.assert(404);
    get(&app, "/orders/0").await.assert(401);
    assert_eq!(security(&app, "get", "/orders/{id}").await, json!([{ "access_token": [] }]));
    get(&app, "/docs").await.assert(200);
}
