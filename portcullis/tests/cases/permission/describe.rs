//! What the document says about permissions, and what `finish` rejects.

use super::*;

#[test]
fn permissions_in_the_document() {
    let (_, document) = api().finish().unwrap();
    let expected: Value = serde_json::from_str(include_str!("document.json")).unwrap();
    let document = document.value();
    let paths = ["/documents", "/documents/{id}", "/folders/{id}/documents"];
    let paths: Value = paths.into_iter().map(|path| (path, document["paths"][path].clone())).collect();
    let problem = &document["components"]["schemas"]["PermissionProblem"];
    let shown = json!({ "paths": paths, "PermissionProblem": problem });
    if shown != expected {
        let actual = serde_json::to_string_pretty(&shown).unwrap();
        panic!(
            "permission/document.json is no longer what the types say. If this is meant, write into it:\n{actual}"
        );
    }
}

#[track_caller]
fn refused(api: Api<App>, reason: &str) {
    let told = api.finish().unwrap_err().to_string();
    assert_eq!(told, format!("the API cannot be built:\n- {reason}"));
}

async fn of_two(_: (May<Door, ReadDocument>, May<Door, ReadFolder>)) -> NoContent {
    NoContent
}

async fn of_one_twice(_: (May<Door, ReadDocument>, May<Door, WriteDocument>)) -> NoContent {
    NoContent
}

#[test]
fn a_path_without_an_id_is_a_defect() {
    let advice = "give the parameter this name, or use `Seen` for a list";
    for path in ["/documents", "/documents/{document}"] {
        let reason = format!(
            "get {path}: the path has no `{{id}}`, by which `document:read` finds the document: {advice}"
        );
        refused(Api::new("", "").get(path, read_document), &reason);
    }
    // Behind the guard of a router too.
    let guarded = Api::new("", "").guard::<May<Door, ReadDocument>>().get("/documents", list_documents);
    let reason = format!(
        "get /documents: the path has no `{{id}}`, by which `document:read` finds the document: {advice}"
    );
    refused(guarded, &reason);
}

#[test]
fn one_id_is_one_objects() {
    let reason = "get /both/{id}: `{id}` cannot be the id of a document and of a folder: ask for one";
    let told = Api::<App>::new("", "").get("/both/{id}", of_two).finish().unwrap_err().to_string();
    assert_eq!(told, format!("the API cannot be built:\n- {reason}"));
    let (_, document) = Api::<App>::new("", "").get("/both/{id}", of_one_twice).finish().unwrap();
    let asked = &document.value()["paths"]["/both/{id}"]["get"]["x-portcullis-permission"];
    let one = |permission: &str| json!({ "permission": permission, "on": "document", "id": "id" });
    assert_eq!(*asked, json!([one("document:read"), one("document:write")]));
}
