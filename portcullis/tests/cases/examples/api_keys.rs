use base64::{Engine, prelude::BASE64_STANDARD};
use sqlx::sqlite::SqlitePoolOptions;

use super::*;

#[path = "../../../examples/api_keys.rs"]
mod example;

#[tokio::test]
async fn a_key_is_made_used_and_taken_away() {
    // A database in memory belongs to its connection.
    let database = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let app = example::app(database.clone(), "secret").await.unwrap();
    let operator =
        |password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("operator:{password}")));
    let as_operator = async |method, path: &str, password| {
        ask(&app, method, path, &[("authorization", &operator(password))], "").await
    };
    as_operator("POST", "/customers/ada/keys", "guessed").await.assert(401);
    let made = as_operator("POST", "/customers/ada/keys", "secret").await.assert(201).json();
    let key = made["key"].as_str().unwrap();
    let id = key.split('_').nth(1).unwrap();

    let read = async |key| ask(&app, "GET", "/stock", &[("x-api-key", key)], "").await;
    assert_eq!(read(key).await.assert(200).json(), "12 lanterns are left, ada");
    get(&app, "/stock").await.assert(401);
    read("junk").await.assert(401);
    // A well-formed key that nobody has, and a key that names another key's id.
    let nobodys = portcullis::credential::ApiKeySecret::mint("shop").unwrap();
    read(nobodys.text()).await.assert(401);
    let row: (String, Vec<u8>) =
        sqlx::query_as("SELECT id, digest FROM keys").fetch_one(&database).await.unwrap();
    assert_eq!(row.0, id);
    assert!(row.1 == portcullis::credential::ApiKeySecret::parse(key).unwrap().stored().digest);

    as_operator("DELETE", &format!("/keys/{id}"), "secret").await.assert(204);
    read(key).await.assert(401);
    database.close().await;
    read(key).await.assert(503);
}
