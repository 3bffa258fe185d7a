use serde_json::json;

use super::*;

#[path = "../../../examples/guide.rs"]
mod example;

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "analytical-engine-1843";

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_from_sign_up_to_profile() {
    let app = example::app().unwrap();
    let ada = json!({ "username": ADA, "password": PASSWORD }).to_string();
    let sign_up =
        async |body| ask(&app, "POST", "/signup", &[("content-type", "application/json")], body).await;
    sign_up(&ada).await.assert(200);
    sign_up(&ada).await.assert(409);
    let amiss = sign_up(r#"{"username":"ada","password":"short"}"#).await.assert(422).json();
    assert_eq!(amiss["detail"].as_array().unwrap().len(), 2);

    // What the docs page sends.
    let form = format!("grant_type=password&username=ada%40example.com&password={PASSWORD}&scope=");
    let token = post_form(&app, "/login", &[], &form).await.assert(200).json();
    assert_eq!(token["token_type"], "bearer");
    let token = token["access_token"].as_str().unwrap();
    let profile = with_token(&app, "GET", "/profile", token).await.assert(200).json();
    assert_eq!(profile, json!({ "id": 1, "username": ADA }));

    let wrong = post_form(&app, "/login", &[], &format!("username={ADA}&password=difference-engine"))
        .await
        .assert(400);
    let unknown =
        post_form(&app, "/login", &[], &format!("username=eve@example.com&password={PASSWORD}")).await;
    assert_eq!(wrong.body, unknown.assert(400).body);
    get(&app, "/profile").await.assert(401);
    with_token(&app, "GET", "/profile", "junk").await.assert(401);
    // Another run's key, with the same claims.
    with_token(&example::app().unwrap(), "GET", "/profile", token).await.assert(401);

    let scheme = get(&app, "/openapi.json").await.json()["components"]["securitySchemes"]["password"].clone();
    assert_eq!(scheme["flows"]["password"]["tokenUrl"], "login");
    get(&app, "/docs").await.assert(200);
}
