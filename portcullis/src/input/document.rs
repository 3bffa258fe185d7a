//! What the extractors add to the OpenAPI document.

use std::any::type_name;

use http::{HeaderName, StatusCode};
use schemars::{JsonSchema, transform::Transform};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::invalid::InvalidInput;
use crate::{
    describe::{DescribeResponse, In, Operation},
    schema::{self, Contract, Fields, Kind, MAX_HOPS, Members, Shape, Takes, value_of_pairs},
};

/// A body and its rejections.
fn body<T: Input>(operation: &mut Operation<'_>, content_type: &str, too_large: &str) {
    check_early::<T>(operation);
    let mut schema = operation.input_schema::<T>();
    // Closes a schema that is inlined here. A named type is closed where it is defined.
    if let Ok(schema) = <&mut schemars::Schema>::try_from(&mut schema) {
        schema::RefuseUnknown.transform(schema);
    }
    operation.request_body(content_type, &schema);
    operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
    operation.problem(StatusCode::PAYLOAD_TOO_LARGE, too_large);
    operation.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request body has another content type");
    InvalidInput::describe_response(operation);
}

fn over(max: usize) -> String {
    format!("The request body has more than {max} bytes")
}

pub(super) fn json<T: Input>(operation: &mut Operation<'_>, max: usize) {
    body::<T>(operation, "application/json", &over(max));
}

/// A form body.
pub(super) fn form<T: Input>(operation: &mut Operation<'_>, max: usize) {
    body::<T>(operation, "application/x-www-form-urlencoded", &over(max));
    check_struct::<T>(operation, "Form", Takes { lists: true, files: false });
}

/// A body of texts and files, each with a limit of its own.
pub(super) fn multipart<T: Input>(operation: &mut Operation<'_>) {
    body::<T>(operation, "multipart/form-data", "The request body is too large");
    check_struct::<T>(operation, "Multipart", Takes { lists: true, files: true });
}

/// One parameter per field.
pub(super) fn query<T: Input>(operation: &mut Operation<'_>) {
    check_early::<T>(operation);
    check_struct::<T>(operation, "Query", Takes { lists: true, files: false });
    query_parameters::<T>(operation);
    if let Shape::Fields(fields) = Shape::of(&written_out::<T>())
        && fields.are_closed()
    {
        let known = fields.named_kinds().map(|(name, _)| name.to_owned()).collect();
        operation.close_query(format!("Query<{}>", type_name::<T>()), known);
    }
    operation.problem(StatusCode::BAD_REQUEST, "The request is malformed");
    InvalidInput::describe_response(operation);
}

/// One parameter per field of `T`, however it is read, and one for all those that `T` does not name.
pub(crate) fn query_parameters<T: JsonSchema>(operation: &mut Operation<'_>) {
    let root = written_out::<T>();
    let mut members = Members::of(&root);
    members.others.extend(value_of_pairs(&root));
    for member in &members.named {
        let required = members.required.contains(member.name);
        operation.parameter(member.name, In::Query, required, text_of(&member.schemas));
    }
    if !members.others.is_empty() {
        // The name does not occur in the query: an object's members are parameters of their own (OpenAPI 3.1 §4.8.12,
        // `style: form` and `explode: true`, the defaults in a query).
        let mut name = "others".to_owned();
        while members.get(&name).is_some() || operation.is_key_in_query(&name) {
            name.push('_');
        }
        let schema = json!({ "type": "object", "additionalProperties": text_of(&members.others) });
        operation.parameter(&name, In::Query, false, schema);
    }
}

/// One parameter per field, in a header of its name.
pub(super) fn headers<T: Input>(operation: &mut Operation<'_>) {
    check_early::<T>(operation);
    check_struct::<T>(operation, "Headers", Takes { lists: true, files: false });
    let root = written_out::<T>();
    let members = Members::of(&root);
    for member in &members.named {
        if let Some(fault) = header_fault(member.name) {
            operation.defect(&format!(
                "`Headers<{}>`, the field `{}`: {fault}",
                type_name::<T>(),
                member.name
            ));
        }
        let required = members.required.contains(member.name);
        operation.parameter(member.name, In::Header, required, text_of(&member.schemas));
    }
    InvalidInput::describe_response(operation);
}

/// Why a field cannot be a header.
fn header_fault(name: &str) -> Option<&'static str> {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    if name.contains('_') {
        Some("proxies drop headers with `_`; put `#[serde(rename_all = \"kebab-case\")]` on the struct")
    } else if HeaderName::try_from(name).is_err() {
        Some("it is not a valid header name (RFC 9110 §5.1)")
    } else if ["authorization", "cookie"].iter().any(is) {
        Some("a credential is a guard's: take it as the first argument")
    } else if ["accept", "content-type"].iter().any(is) {
        Some("the document says it elsewhere (OpenAPI 3.1 §4.8.12); read it from axum's `HeaderMap`")
    } else {
        None
    }
}

/// The path's own parameters, each with its schema in `T`.
pub(super) fn path<T: Input>(operation: &mut Operation<'_>) {
    check_early::<T>(operation);
    let root = written_out::<T>();
    let shape = Shape::of(&root);
    check_fit::<T>(operation, &shape);
    check_texts::<T>(operation, &shape);
    path_parameters(operation, &root, &shape);
    InvalidInput::describe_response(operation);
}

/// The path's parameters as axum's own `Path<T>` reads them: also as a list of any length. A path without parameters is
/// not checked, because `Option<Path<T>>` allows it.
pub(crate) fn axum_path<T: JsonSchema>(operation: &mut Operation<'_>) {
    let root = written_out::<T>();
    let mut shape = Shape::of(&root);
    if let Shape::Single(Kind::List(item, _)) = shape {
        // Each parameter is an item or, if the items are pairs, the value of one.
        let item = value_of_pairs(&root).map_or(*item, |value| Kind::of(value, &root, MAX_HOPS));
        shape = Shape::Tuple(vec![item; operation.path_parameters().len()]);
    }
    if !operation.path_parameters().is_empty() {
        check_fit::<T>(operation, &shape);
    }
    check_texts::<T>(operation, &shape);
    path_parameters(operation, &root, &shape);
}

/// Reports a type that does not fit its route: every request would get a 500.
fn check_fit<T>(operation: &mut Operation<'_>, shape: &Shape) {
    if let Some(reason) = shape.misfit(&operation.path_parameters()) {
        operation.defect(&format!("`Path<{}>` does not fit: {reason}", type_name::<T>()));
    }
}

/// The schema in `root` of each path parameter; a string for one that it does not name.
fn path_parameters(operation: &mut Operation<'_>, root: &Value, shape: &Shape) {
    let members = Members::of(root);
    let tuple = root.get("prefixItems");
    let items = value_of_pairs(root).or(root.get("items"));
    for (index, name) in operation.path_parameters().into_iter().enumerate() {
        let schema = match shape {
            Shape::Single(_) => Some(root.clone()),
            Shape::Tuple(_) => tuple.and_then(|tuple| tuple.get(index)).or(items).cloned(),
            Shape::Fields(_) => {
                let schemas = members.get(name).map_or(&members.others, |member| &member.schemas);
                Some(text_of(schemas)).filter(Value::is_object)
            }
        };
        let schema = schema.unwrap_or_else(|| json!({ "type": "string" }));
        operation.parameter(name, In::Path, true, as_text(schema));
    }
}

/// Reports a type that no text can be: every request for the path would be rejected.
fn check_texts<T>(operation: &mut Operation<'_>, shape: &Shape) {
    let takes = Takes { lists: false, files: false };
    let (name, kinds): (_, Vec<_>) = match shape {
        Shape::Fields(fields) => return check_fields::<T>(operation, "Path", fields, takes),
        Shape::Tuple(kinds) => ("an item", kinds.iter().collect()),
        Shape::Single(kind) => ("the value", vec![kind]),
    };
    for misfit in kinds.into_iter().filter_map(|kind| kind.misfit(takes)) {
        operation.defect(&format!("`Path<{}>` can never be given: {name} is {misfit}", type_name::<T>()));
    }
}

/// Likewise for the fields of a query or a form.
fn check_struct<T: JsonSchema>(operation: &mut Operation<'_>, extractor: &str, takes: Takes) {
    match Shape::of(&written_out::<T>()) {
        Shape::Fields(fields) => check_fields::<T>(operation, extractor, &fields, takes),
        _ => operation.defect(&format!(
            "`{extractor}<{}>` can never be given: the type has no fields; make it a struct",
            type_name::<T>()
        )),
    }
}

fn check_fields<T>(operation: &mut Operation<'_>, extractor: &str, fields: &Fields, takes: Takes) {
    for (name, kind) in fields.named_kinds() {
        if let Some(misfit) = kind.misfit(takes) {
            cannot_be_given::<T>(operation, extractor, name, misfit);
        }
    }
}

fn cannot_be_given<T>(operation: &mut Operation<'_>, extractor: &str, field: &str, reason: &str) {
    let of = type_name::<T>();
    operation.defect(&format!("`{extractor}<{of}>` can never be given the field `{field}`: it is {reason}"));
}

/// Reports fields that axum's or axum-extra's `extractor` always rejects, as far as the schema shows.
#[cfg(any(feature = "axum-full", feature = "axum-extra"))]
pub(crate) fn check_pairs<T: JsonSchema>(operation: &mut Operation<'_>, extractor: &str, lists: bool) {
    let root = written_out::<T>();
    let Shape::Fields(fields) = Shape::of(&root) else { return };
    let members = Members::of(&root);
    let buffered = |name: &str| match members.get(name) {
        Some(member) => member.is_of_a_variant,
        None => !members.named.is_empty(),
    };
    for (name, kind) in fields.named_kinds() {
        let reason = if let Some(misfit) = kind.misfit(Takes { lists: true, files: false }) {
            misfit
        } else if matches!(kind, Kind::List(..)) && !lists {
            "a list, of which serde_urlencoded reads none; take `portcullis::Query`, `portcullis::Form` or those of \
             axum-extra"
        } else if matches!(kind, Kind::Integer | Kind::Number | Kind::Boolean) && buffered(name) {
            "no text, and serde keeps the fields of a tagged or flattened type as texts; take `portcullis::Query` or \
             `portcullis::Form`"
        } else {
            continue;
        };
        cannot_be_given::<T>(operation, extractor, name, reason);
    }
}

/// An input type.
pub(super) trait Input: JsonSchema + DeserializeOwned + 'static {}

impl<T: JsonSchema + DeserializeOwned + 'static> Input for T {}

/// Reports a schema that cannot check anything, or that rejects what its type accepts. This happens when the document
/// is made, not on the first request.
fn check_early<T: Input>(operation: &mut Operation<'_>) {
    if let Err(reason) = Contract::of::<T>() {
        operation.defect(&format!("the schema of {} cannot be used: {reason}", type_name::<T>()));
    }
    for fault in schema::serde_faults::<T>(&schema::published::<T>()) {
        operation.defect(&fault);
    }
}

/// The schema of `T` without references, because parameters have no place for definitions.
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

/// The schema of a text that one of `schemas` describes.
fn text_of(schemas: &[&Value]) -> Value {
    if let [only] = schemas {
        return as_text((*only).clone());
    }
    // The tag of a tagged enum: each variant has one of the values.
    let values = |schema: &&Value| match (schema.get("const"), schema.get("enum")) {
        (Some(value), None) => Some(vec![value.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    };
    if let Some(values) = schemas.iter().map(values).collect::<Option<Vec<_>>>()
        && let values = values.concat()
        && values.iter().all(Value::is_string)
        && !values.is_empty()
    {
        return json!({ "type": "string", "enum": values });
    }
    let mut texts: Vec<Value> = Vec::new();
    for text in schemas.iter().map(|schema| as_text((*schema).clone())) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [] => Value::Null,
        [only] => only.clone(),
        _ => json!({ "anyOf": texts }),
    }
}

/// What a text can be under a schema: an optional parameter is never `null`.
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
