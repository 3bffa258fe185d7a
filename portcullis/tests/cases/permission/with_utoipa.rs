//! Permissions in a document that utoipa writes.

use portcullis::{GuardedRoutes as _, guarded};
use utoipa_axum::router::OpenApiRouter;

use super::*;

#[utoipa::path(get, path = "/documents/{id}", responses((status = 200)))]
async fn read_by_utoipa(_: May<Door, ReadDocument>) {}

#[utoipa::path(
    put, path = "/documents/{id}", params(("id" = u32, Path, description = "In its own words")),
    responses((status = 200), (status = 404, description = "Nowhere"))
)]
async fn write_by_utoipa(_: May<Door, WriteDocument>) {}

#[utoipa::path(get, path = "/documents", responses((status = 200)))]
async fn list_by_utoipa(_: Seen<Door, ReadDocument>) {}

#[test]
fn utoipas_document_says_the_same() {
    let routes = guarded!(read_by_utoipa, write_by_utoipa, list_by_utoipa);
    let (_, document) = OpenApiRouter::<App>::new().guarded(routes).unwrap().split_for_parts();
    let document = serde_json::to_value(document).unwrap();
    let read = &document["paths"]["/documents/{id}"]["get"];
    assert_eq!(read["security"], json!([{ "door": ["document:read"] }]));
    let asked = json!({ "permission": "document:read", "on": "document", "id": "id" });
    assert_eq!(read["x-portcullis-permission"], asked);
    assert_eq!(read["parameters"][0]["name"], "id");
    assert_eq!(read["parameters"][0]["schema"]["type"], "integer");
    let statuses: Vec<_> = read["responses"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "404", "422", "503"]);

    let write = &document["paths"]["/documents/{id}"]["put"];
    assert_eq!(write["parameters"].as_array().unwrap().len(), 1);
    assert_eq!(write["parameters"][0]["description"], "In its own words");
    assert_eq!(write["responses"]["404"]["description"], "Nowhere");

    let list = &document["paths"]["/documents"]["get"];
    assert_eq!(list["x-portcullis-permission"], json!({ "permission": "document:read", "on": "document" }));
    assert!(list.get("parameters").is_none());
}
