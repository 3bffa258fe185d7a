//! What the extractors add to the OpenAPI document.

use std::any::type_name;

use http::StatusCode;
use schemars::{JsonSchema, transform::Transform};
use serde_json::{Map, Value};

use super::{
    contract::Contract,
    invalid::InvalidInput,
    kind::{Kind, Shape},
    path::misfit,
    schema,
};
use crate::describe::{DescribeResponse, In, Operation};

/// A body, and how it can be refused.
pub(super) fn body<T: JsonSchema + 'static>(operation: &mut Operation<'_>, content_type: &str) {
    check_early::<T>(operation);
    let mut schema = operation.input_schema::<T>();
    // A named type is closed where it is defined; this closes one that is written out here.
    if let Ok(schema) = <&mut schemars::Schema>::try_from(&mut schema) {
        schema::RefuseUnknown.transform(schema);
    }
    operation.request_body(content_type, &schema);
    operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
    operation.problem(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
    operation.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body has another content type");
    InvalidInput::describe_response(operation);
}

/// One parameter per field.
pub(super) fn query<T: JsonSchema + 'static>(operation: &mut Operation<'_>) {
    check_early::<T>(operation);
    query_parameters::<T>(operation);
    operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
    InvalidInput::describe_response(operation);
}

/// One parameter per field of `T`, however it is read.
pub(crate) fn query_parameters<T: JsonSchema>(operation: &mut Operation<'_>) {
    let root = written_out::<T>();
    let required = |name: &str| {
        let list = root.get("required").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|required| required == name))
    };
    for (name, property) in root.get("properties").and_then(Value::as_object).into_iter().flatten() {
        operation.parameter(name, In::Query, required(name), as_text(property.clone()));
    }
}

/// The path's own parameters, each with the schema that `T` has for it.
pub(super) fn path<T: JsonSchema + 'static>(operation: &mut Operation<'_>) {
    check_early::<T>(operation);
    let root = written_out::<T>();
    check_fit::<T>(operation, &Shape::of(&root));
    path_parameters(operation, &root);
    InvalidInput::describe_response(operation);
}

/// The path's parameters as axum's own `Path<T>` reads them: also as a list of any length, and not at all if it may
/// be absent.
pub(crate) fn axum_path<T: JsonSchema>(operation: &mut Operation<'_>) {
    let root = written_out::<T>();
    let shape = Shape::of(&root);
    if !operation.path_parameters().is_empty() && !matches!(shape, Shape::Single(Kind::List(..))) {
        check_fit::<T>(operation, &shape);
    }
    path_parameters(operation, &root);
}

/// A type that is none for its route would be answered 500, whatever is asked.
fn check_fit<T>(operation: &mut Operation<'_>, shape: &Shape) {
    if let Some(reason) = misfit(shape, &operation.path_parameters()) {
        operation.defect(&format!("`Path<{}>` does not fit: {reason}", type_name::<T>()));
    }
}

/// The schema that `root` has for each parameter of the path.
fn path_parameters(operation: &mut Operation<'_>, root: &Value) {
    for (index, name) in operation.path_parameters().into_iter().enumerate() {
        let item = root.get("prefixItems").and_then(|items| items.get(index));
        let property = root.get("properties").and_then(|properties| properties.get(name));
        let schema = item.or(property).unwrap_or(root);
        operation.parameter(name, In::Path, true, as_text(schema.clone()));
    }
}

/// A schema that cannot check anything is found when the document is made, not by the first request.
fn check_early<T: JsonSchema + 'static>(operation: &mut Operation<'_>) {
    if let Err(reason) = Contract::compiled::<T>() {
        operation.defect(&format!("the schema of {} cannot be used: {reason}", type_name::<T>()));
    }
}

/// The schema of `T` without references, for parameters have no place to keep definitions.
fn written_out<T: JsonSchema>() -> Value {
    let mut settings = schema::settings();
    settings.inline_subschemas = true;
    let mut root = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(root) = root.as_object_mut() {
        // Its title is the Rust type's name.
        root.remove("title");
    }
    root
}

/// What of a schema a text can be: a parameter that may be left out is never `null`.
fn as_text(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = schema.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = alternatives.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            let mut merged: Map<String, Value> = only;
            merged.append(&mut schema);
            schema = merged;
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    schema.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        describe::{Components, Describe},
        input::{File, Form, Json, Multipart, Path, Query},
    };

    /// The operation and the `components` that an extractor makes at `path`.
    fn described<E: Describe>(path: &str) -> (Value, Value) {
        let mut components = Components::new();
        let mut operation = Operation::new("post", path, &mut components);
        E::describe(&mut operation);
        let mut operation = Value::from(operation.into_object());
        let components = components.finish(&mut operation);
        (operation, components)
    }

    fn statuses(operation: &Value) -> Vec<&str> {
        operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[derive(serde::Deserialize, JsonSchema)]
    enum Sort {
        Up,
        Down,
    }

    /// A page of a list.
    #[derive(serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Page {
        /// How many at most.
        limit: Option<u8>,
        sort: Option<Sort>,
        name: String,
    }

    #[test]
    fn a_query_is_one_parameter_per_field() {
        let (mut operation, _) = described::<Query<Page>>("/");
        let parameters = operation["parameters"].as_array_mut().unwrap();
        parameters.sort_by_key(|parameter| parameter["name"].to_string());
        assert_eq!(
            *parameters,
            [
                json!({
                    "name": "limit", "in": "query", "required": false, "description": "How many at most.",
                    "schema": {"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255},
                }),
                json!({"name": "name", "in": "query", "required": true, "schema": {"type": "string"}}),
                json!({
                    "name": "sort", "in": "query", "required": false,
                    "schema": {"type": "string", "enum": ["Up", "Down"]},
                }),
            ]
        );
        assert_eq!(statuses(&operation), ["400", "422"]);
    }

    #[test]
    fn a_path_is_described_in_each_of_its_forms() {
        #[derive(serde::Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        struct Both {
            /// Whose it is.
            b: String,
            a: u64,
        }
        let a = json!({
            "name": "a", "in": "path", "required": true,
            "schema": {"type": "integer", "format": "uint64", "minimum": 0},
        });
        let b = json!({"name": "b", "in": "path", "required": true, "schema": {"type": "string"}});
        assert_eq!(described::<Path<u64>>("/x/{a}").0["parameters"], json!([a]));
        assert_eq!(described::<Path<(u64, String)>>("/{a}/{b}").0["parameters"], json!([a, b]));
        let (operation, _) = described::<Path<Both>>("/{a}/{b}");
        assert_eq!(operation["parameters"][0], a);
        assert_eq!(operation["parameters"][1]["description"], "Whose it is.");
        assert_eq!(statuses(&operation), ["422"]);
    }

    #[test]
    fn a_body_is_a_named_schema_that_is_closed() {
        for (content_type, (operation, components)) in [
            ("application/json", described::<Json<Page>>("/")),
            ("application/x-www-form-urlencoded", described::<Form<Page>>("/")),
        ] {
            let body = &operation["requestBody"];
            assert_eq!(body["content"][content_type]["schema"], json!({"$ref": "#/components/schemas/Page"}));
            assert_eq!(components["schemas"]["Page"]["additionalProperties"], false);
            assert_eq!(statuses(&operation), ["400", "413", "415", "422"]);
            let error = &operation["responses"]["422"]["content"]["application/json"]["schema"];
            assert_eq!(*error, json!({"$ref": "#/components/schemas/InvalidInput"}));
            let loc = &components["schemas"]["FieldError"]["properties"]["loc"]["items"]["anyOf"];
            assert_eq!((&loc[0]["type"], &loc[1]["type"]), (&json!("string"), &json!("integer")));
        }
    }

    #[test]
    fn a_file_is_binary_and_states_its_limit() {
        #[derive(serde::Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        struct Upload {
            image: File<1000>,
        }
        let (operation, components) = described::<Multipart<Upload>>("/");
        assert!(operation["requestBody"]["content"]["multipart/form-data"].is_object());
        let image = &components["schemas"]["Upload"]["properties"]["image"];
        assert_eq!((&image["format"], &image["maxLength"]), (&json!("binary"), &json!(1000)));
    }
}
