//! What the document says about each operation, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::Value;

use crate::credential::CROSS_SITE;

/// The schemes that one way in requires, each with its scopes (OpenAPI 3.1 §4.8.30).
pub(super) type Requirement = BTreeMap<String, BTreeSet<String>>;

/// A permission that an operation requires: `x-portcullis-permission`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) permission: String,
    /// The object that it applies to.
    pub(super) on: String,
    /// The path parameter that names the row; empty for a list.
    pub(super) id: String,
}

/// One operation of the document.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// `GET /items/{id}`.
    pub(super) name: String,
    /// The ways in; an empty one is open to anyone.
    pub(super) ways: Vec<Requirement>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) responses: Value,
    pub(super) permissions: Vec<Asked>,
    /// Whether it requires a recent or a stronger login: `x-portcullis-step-up`.
    pub(super) demands_login: bool,
}

impl Operation {
    /// The permissions that apply to one row.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Asked> {
        self.permissions.iter().filter(|asked| !asked.id.is_empty())
    }

    /// The first of them.
    pub(super) fn row(&self) -> Option<&Asked> {
        self.rows().next()
    }

    /// Whether no credential is ever required.
    pub(super) fn is_public(&self) -> bool {
        self.ways.iter().all(BTreeMap::is_empty)
    }

    /// Whether anyone may call, with or without a credential.
    pub(super) fn is_open(&self) -> bool {
        self.is_public() || self.ways.iter().any(BTreeMap::is_empty)
    }

    /// Whether these credentials satisfy one of the ways in.
    pub(super) fn is_met_by(&self, credentials: &Requirement) -> bool {
        self.ways.iter().any(|way| {
            way.iter()
                .all(|(scheme, scopes)| credentials.get(scheme).is_some_and(|held| scopes.is_subset(held)))
        })
    }

    /// The scopes of a scheme that some way in names.
    pub(super) fn scopes_of(&self, scheme: &str) -> BTreeSet<String> {
        self.ways.iter().filter_map(|way| way.get(scheme)).flatten().cloned().collect()
    }

    /// Whether it is the handshake of a WebSocket (RFC 6455 §4.2.2).
    pub(super) fn opens_socket(&self) -> bool {
        self.method == Method::GET && self.responses.get("101").is_some()
    }

    /// Whether it takes a [`SameOrigin`](crate::credential::SameOrigin). Recognized by its sentence, because a 403 may
    /// have another cause.
    pub(super) fn refuses_other_sites(&self) -> bool {
        let description = self.responses.pointer("/403/description").and_then(Value::as_str);
        description.is_some_and(|description| description.contains(CROSS_SITE))
    }

    /// What is documented for responses with this status: its own entry, its class's, or `default`.
    pub(super) fn response(&self, status: u16) -> Option<&Value> {
        let class = format!("{}XX", status / 100);
        let keys = [status.to_string(), class, "default".to_owned()];
        keys.iter().find_map(|key| self.responses.get(key))
    }
}

/// Every operation, in the order of the document.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in members(document.get("paths")) {
        let item = resolved(document, item);
        for (method, entry) in members(Some(item)) {
            // The other members of a path item are not operations (OpenAPI 3.1 §4.8.9).
            if !["get", "put", "post", "delete", "options", "head", "patch", "trace"]
                .contains(&method.as_str())
            {
                continue;
            }
            let Ok(method) = method.to_ascii_uppercase().parse() else { continue };
            operations.push(operation(document, method, path, item, entry));
        }
    }
    operations
}

fn operation(document: &Value, method: Method, path: &str, item: &Value, entry: &Value) -> Operation {
    let security = entry.get("security").or_else(|| document.get("security"));
    let ways = list(security).map(|way| {
        let scopes = |list_of: &Value| {
            list(Some(list_of)).filter_map(|scope| Some(scope.as_str()?.to_owned())).collect()
        };
        members(Some(way)).map(|(scheme, list_of)| (scheme.clone(), scopes(list_of))).collect()
    });
    let parameters = list(item.get("parameters")).chain(list(entry.get("parameters")));
    let responses = members(entry.get("responses"));
    // One, or a list of several.
    let asked = entry.get("x-portcullis-permission");
    let asked = asked.filter(|asked| asked.is_object()).into_iter().chain(list(asked));
    let permissions = asked.filter_map(|asked| {
        let text = |member: &str| asked.get(member).and_then(Value::as_str).map(str::to_owned);
        let (permission, on) = (text("permission")?, text("on")?);
        Some(Asked { permission, on, id: text("id").unwrap_or_default() })
    });
    Operation {
        permissions: permissions.collect(),
        demands_login: entry.get("x-portcullis-step-up").is_some(),
        name: format!("{method} {path}"),
        method,
        path: path.to_owned(),
        ways: ways.collect(),
        parameters: parameters.map(|parameter| resolved(document, parameter).clone()).collect(),
        body: entry.get("requestBody").map(|body| resolved(document, body).clone()),
        responses: responses
            .map(|(key, response)| (key.clone(), resolved(document, response).clone()))
            .collect(),
    }
}

/// The target of a reference within the document, or the value itself. Broken references resolve to `None`.
pub(super) fn resolved<'d>(document: &'d Value, mut value: &'d Value) -> &'d Value {
    // No reasonable document has a longer chain of references; a circle ends here.
    for _ in 0..16 {
        let Some(target) = value.get("$ref").and_then(Value::as_str) else { break };
        value =
            target.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).unwrap_or(&Value::Null);
    }
    value
}

pub(super) fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_wrote_the_document() {
        let document = json!({
            "security": [{ "key": [] }],
            "paths": { "/a/{id}": {
                "summary": "no operation",
                "parameters": [{ "$ref": "#/components/parameters/Id" }],
                "get": { "responses": { "404": { "$ref": "#/components/responses/None" }, "4XX": { "a": 1 } } },
                "post": { "security": [{ "key": ["read"] }, {}], "responses": { "default": { "b": 1 } } },
                "put": { "security": [] },
            } },
            "components": {
                "parameters": { "Id": { "name": "id", "in": "path" } },
                "responses": { "None": { "description": "gone" } },
            },
        });
        let operations = operations(&document);
        let names: Vec<_> = operations.iter().map(|operation| operation.name.as_str()).collect();
        assert_eq!(names, ["GET /a/{id}", "POST /a/{id}", "PUT /a/{id}"]);
        let [get, post, put] = operations.as_slice() else { panic!() };
        assert_eq!((get.is_public(), get.is_open()), (false, false), "the document's own requirement holds");
        assert_eq!((post.is_public(), post.is_open()), (false, true));
        assert_eq!((put.is_public(), put.is_open()), (true, true));
        assert_eq!(get.parameters[0]["name"], "id");
        assert_eq!(get.response(404).unwrap()["description"], "gone");
        assert_eq!(get.response(401).unwrap()["a"], 1);
        assert_eq!(get.response(200), None);
        assert_eq!(post.response(200).unwrap()["b"], 1);
        let key = |scopes: &[&str]| {
            Requirement::from([("key".to_owned(), scopes.iter().map(|&scope| scope.to_owned()).collect())])
        };
        assert!(get.is_met_by(&key(&[])) && !get.is_met_by(&Requirement::new()));
        assert_eq!(post.scopes_of("key").len(), 1);
    }
}
