//! Permissions in a document that utoipa generates.

// Tells clippy that all of it is test code, helper functions too.
#![cfg(test)]

use axum::extract::FromRef;
use portcullis::{
    Bearer, Granted, May, Scope as _, Seen, Verdict, Verify, VerifyFailed,
    permission::{Decide, Decision, Object, Undecided},
    permissions,
};
use portcullis_utoipa::{GuardedRoutes as _, guarded};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

#[derive(Clone)]
struct Door;

impl Verify for Door {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "door";

    async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Accepted((), Granted::parse(ReadDocument::NAME)))
    }
}

#[derive(Serialize, JsonSchema)]
struct Document {}

#[derive(Clone)]
struct Documents;

impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u32;
    type Policy = Documents;
}

permissions! {
    on Document {
        ReadDocument "document:read" "Read a document";
        WriteDocument "document:write" "Change a document";
    }
}

impl<P: portcullis::permission::Permission<Object = Document>> Decide<P, ()> for Documents {
    async fn decide(self, (): &(), _: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(Decision::Hide)
    }
}

#[derive(Clone, FromRef)]
struct App {
    door: Door,
    documents: Documents,
}

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
