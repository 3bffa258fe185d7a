//! Who may call, for documents written by other crates.

use serde_json::{Map, Value};

use super::{
    Components, Operation,
    json::{into_object, object_of},
};
use crate::{api::ApiError, guard::Access};

/// What the document says about who may call one operation. Schemas are inlined, so that it can be put into any OpenAPI
/// 3.1 document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AccessEntry {
    /// The operation's `security`.
    pub security: Value,
    /// The guard's own responses, by status.
    pub responses: Map<String, Value>,
    /// The security schemes that `security` names.
    pub schemes: Map<String, Value>,
    /// The path parameters that the guard reads: the `{id}` of a [`May`](crate::May)'s row.
    pub parameters: Vec<Value>,
    /// The operation's members that begin with `x-portcullis-`.
    pub extensions: Map<String, Value>,
}

impl AccessEntry {
    /// The entry of an operation whose handler takes an `A`, for a crate that writes documents without
    /// [`Api`](crate::Api).
    ///
    /// # Errors
    /// [`ApiError`] if the guards cannot be described correctly, for example because of an invalid scope, or of two
    /// descriptions of one scheme.
    pub fn of<A: Access>(method: &str, path: &str) -> Result<Self, ApiError> {
        let mut components = Components::new();
        let mut operation = Operation::new(method, path, &mut components);
        A::describe_access(&mut operation);
        let mut entry = Value::Object(operation.into_object());
        let defects = components.defects();
        if !defects.is_empty() {
            return Err(ApiError(defects));
        }
        let mut shared = into_object(Some(components.finish(&mut entry)));
        write_out(&mut entry, &into_object(shared.remove("schemas")));
        let entry = object_of(&mut entry);
        let parameters = match entry.remove("parameters") {
            Some(Value::Array(parameters)) => parameters,
            _ => Vec::new(),
        };
        let extensions = entry.iter().filter(|(key, _)| key.starts_with("x-portcullis-"));
        Ok(Self {
            parameters,
            extensions: extensions.map(|(key, value)| (key.clone(), value.clone())).collect(),
            security: entry.remove("security").unwrap_or_default(),
            responses: into_object(entry.remove("responses")),
            schemes: into_object(shared.remove("securitySchemes")),
        })
    }
}

/// Replaces each reference with its schema.
fn write_out(value: &mut Value, schemas: &Map<String, Value>) {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
    if let Some(schema) = target.and_then(|name| schemas.get(name)) {
        *value = schema.clone();
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(|value| write_out(value, schemas)),
        Value::Array(list) => list.iter_mut().for_each(|value| write_out(value, schemas)),
        _ => {}
    }
}
