//! How a handler's types become its entry in the OpenAPI document.
//!
//! Each extractor says what it adds ([`Describe`]) and each answer what it can be ([`DescribeResponse`]).
//! There is no second list to keep in step: what is not in the types is not in the document.

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::{
    denied::Problem,
    input::{refuse_unknown, settings},
    scope::NamedScope,
};

/// An extractor that says what it adds to the operation it is an argument of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it adds to the OpenAPI document",
    note = "implement `portcullis::Describe` for it"
)]
pub trait Describe {
    /// Adds this extractor's parameters, body and refusals to `operation`.
    fn describe(operation: &mut Operation<'_>);
}

/// An answer that says which statuses it can have and what their bodies look like.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it answers",
    note = "answer with `portcullis::Json`, `Created`, `NoContent`, or implement `portcullis::DescribeResponse`"
)]
pub trait DescribeResponse {
    /// Adds this answer's statuses to `operation`.
    fn describe_response(operation: &mut Operation<'_>);
}

impl<T: DescribeResponse, E: DescribeResponse> DescribeResponse for Result<T, E> {
    fn describe_response(operation: &mut Operation<'_>) {
        T::describe_response(operation);
        E::describe_response(operation);
    }
}

/// State reaches a handler from inside; it is no part of the interface.
impl<T> Describe for axum::extract::State<T> {
    fn describe(_: &mut Operation<'_>) {}
}

/// An extension is put there by a layer; it is no part of the interface.
impl<T> Describe for axum::Extension<T> {
    fn describe(_: &mut Operation<'_>) {}
}

/// The peer's address is no part of the interface.
impl<T> Describe for axum::extract::ConnectInfo<T> {
    fn describe(_: &mut Operation<'_>) {}
}

/// Where a parameter is carried (OpenAPI 3.1 §4.8.12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum In {
    /// In the path, as `{name}`.
    Path,
    /// In the query, after `?`.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

impl In {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// One operation of the document while its parts add what they know.
#[derive(Debug)]
pub struct Operation<'a> {
    path: &'a str,
    object: Map<String, Value>,
    security: Option<Vec<Map<String, Value>>>,
    components: &'a mut Components,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(path: &'a str, components: &'a mut Components) -> Self {
        Self { path, object: Map::new(), security: None, components }
    }

    /// The entry; a path parameter that no extractor takes is a string (OpenAPI 3.1 §4.8.8: each is there).
    pub(crate) fn into_object(mut self) -> Map<String, Value> {
        for name in self.path_parameters() {
            if !self.has_parameter(name, In::Path) {
                self.parameter(name, In::Path, true, json!({ "type": "string" }));
            }
        }
        // Nothing but the empty requirement is written as none at all.
        let security = self.security.take().unwrap_or_default();
        let security = if security == [Map::new()] { Vec::new() } else { security };
        self.set("security", json!(security));
        self.object
    }

    fn has_parameter(&self, name: &str, place: In) -> bool {
        let known = self.object.get("parameters").and_then(Value::as_array);
        known.into_iter().flatten().any(|known| known["name"] == name && known["in"] == place.as_str())
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.object.insert(key.to_owned(), value);
    }

    /// The names of the path's parameters, in order: `id` for `/profile/{id}`.
    #[must_use]
    pub fn path_parameters(&self) -> Vec<&'a str> {
        let name = |segment: &'a str| segment.strip_prefix('{')?.strip_suffix('}');
        self.path.split('/').filter_map(name).map(|name| name.trim_start_matches('*')).collect()
    }

    /// The schema of a type that comes *in*; a named type becomes a reference into `components`.
    pub fn input_schema<T: JsonSchema>(&mut self) -> Value {
        self.components.inputs.subschema_for::<T>().to_value()
    }

    /// The schema of a type that goes *out*; a named type becomes a reference into `components`.
    pub fn output_schema<T: JsonSchema>(&mut self) -> Value {
        self.components.outputs.subschema_for::<T>().to_value()
    }

    /// Adds a parameter with its schema.
    pub fn parameter(&mut self, name: &str, place: In, required: bool, mut schema: Value) {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter =
            json!({ "name": name, "in": place.as_str(), "required": required, "schema": schema });
        if let (Some(description), Some(parameter)) = (description, parameter.as_object_mut()) {
            parameter.insert("description".to_owned(), description);
        }
        if let Value::Array(list) = self.object.entry("parameters").or_insert_with(|| json!([])) {
            list.push(parameter);
        }
    }

    /// States the request's body: one media type and its schema.
    pub fn request_body(&mut self, content_type: &str, schema: &Value) {
        self.set(
            "requestBody",
            json!({ "required": true, "content": { content_type: { "schema": schema } } }),
        );
    }

    /// Adds an answer without a body.
    pub fn empty_response(&mut self, status: StatusCode, description: &str) {
        self.response(status).entry("description").or_insert_with(|| description.into());
    }

    /// Adds an answer with a body of one media type. A status named twice keeps its first description and
    /// gains the further media type or schema.
    pub fn content_response(
        &mut self,
        status: StatusCode,
        description: &str,
        content_type: &str,
        schema: Value,
    ) {
        let response = self.response(status);
        response.entry("description").or_insert_with(|| description.into());
        let content = response.entry("content").or_insert_with(|| json!({}));
        let Some(content) = content.as_object_mut() else { return };
        match content.get_mut(content_type).and_then(|media| media.get_mut("schema")) {
            Some(known) if *known != schema => add_alternative(known, schema),
            Some(_) => {}
            None => {
                content.insert(content_type.to_owned(), json!({ "schema": schema }));
            }
        }
    }

    /// Adds an answer whose body is JSON of type `T`.
    pub fn json_response<T: JsonSchema>(&mut self, status: StatusCode, description: &str) {
        let schema = self.output_schema::<T>();
        self.content_response(status, description, "application/json", schema);
    }

    /// Adds a refusal in the one error dialect: `{"detail": "…"}`.
    pub fn problem(&mut self, status: StatusCode, description: &str) {
        self.json_response::<Problem>(status, description);
    }

    /// Adds a header to an answer that was added before.
    pub fn response_header(&mut self, status: StatusCode, name: &str, description: &str) {
        let headers = self.response(status).entry("headers").or_insert_with(|| json!({}));
        if let Some(headers) = headers.as_object_mut() {
            headers
                .entry(name)
                .or_insert_with(|| json!({ "description": description, "schema": { "type": "string" } }));
        }
    }

    /// Keeps the API from being built, with the reason in [`ApiError`](crate::ApiError).
    pub(crate) fn defect(&mut self, reason: &str) {
        self.components.defects.push(format!("{}: {reason}", self.path));
    }

    /// Names a security scheme of the document.
    pub(crate) fn security_scheme(&mut self, name: &'static str, scheme: &Value) {
        self.components.add_scheme(name, scheme);
    }

    /// Names scopes that a scheme of the document can carry.
    pub(crate) fn scopes(&mut self, scheme: &'static str, scopes: &[NamedScope]) {
        self.components.add_scopes(scheme, scopes);
    }

    /// Demands one of these requirements, beside what was demanded before: each is schemes that must all be met,
    /// with their scopes (OpenAPI 3.1 §4.8.30); an empty one is met by anyone.
    pub(crate) fn require(&mut self, requirements: &[Map<String, Value>]) {
        let before = self.security.take().unwrap_or_else(|| vec![Map::new()]);
        let mut both: Vec<Map<String, Value>> = Vec::new();
        for this in &before {
            for that in requirements {
                let requirement = together(this, that);
                if !both.contains(&requirement) {
                    both.push(requirement);
                }
            }
        }
        self.security = Some(both);
    }

    fn response(&mut self, status: StatusCode) -> &mut Map<String, Value> {
        let responses = self.object.entry("responses").or_insert_with(|| json!({}));
        let slot = object_of(responses).entry(status.as_u16().to_string()).or_insert_with(|| json!({}));
        object_of(slot)
    }
}

/// The parts that operations share: schemas and security schemes.
#[derive(Debug)]
pub(crate) struct Components {
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
    schemes: BTreeMap<&'static str, NamedScheme>,
    defects: Vec<String>,
}

#[derive(Debug, Clone)]
struct NamedScheme {
    scheme: Value,
    scopes: BTreeMap<&'static str, &'static str>,
}

/// Types that come in and types that go out are described by two contracts (an `Option` may be left out on
/// the way in and is `null` on the way out), so each way has a generator and they meet in [`Self::finish`].
const OUTPUTS: &str = "#/components/outputs/";

impl Components {
    pub(crate) fn new() -> Self {
        let mut inputs = settings();
        inputs.definitions_path = "/components/schemas".into();
        let mut outputs = inputs.clone().for_serialize();
        outputs.definitions_path = "/components/outputs".into();
        Self {
            inputs: inputs.into_generator(),
            outputs: outputs.into_generator(),
            schemes: BTreeMap::new(),
            defects: Vec::new(),
        }
    }

    /// What keeps the document from being true, one sentence each.
    pub(crate) fn defects(&self) -> &[String] {
        &self.defects
    }

    fn add_scheme(&mut self, name: &'static str, scheme: &Value) {
        let known = self
            .schemes
            .entry(name)
            .or_insert_with(|| NamedScheme { scheme: scheme.clone(), scopes: BTreeMap::new() });
        if known.scheme != *scheme {
            self.defects.push(format!("two different security schemes are called `{name}`"));
        }
        if scheme["in"] == In::Path.as_str() {
            self.defects.push(format!("`{name}`: an API key is in a header, in the query or in a cookie"));
        }
    }

    fn add_scopes(&mut self, scheme: &'static str, scopes: &[NamedScope]) {
        let Some(known) = self.schemes.get_mut(scheme) else { return };
        for scope in scopes {
            let is_new = known.scopes.insert(scope.name, scope.description).is_none();
            if is_new && !scope.is_token() {
                self.defects.push(format!("the scope `{}` is no scope-token (RFC 6749 §3.3)", scope.name));
            }
        }
    }

    /// The `components` object; `paths` is rewritten to point into it.
    pub(crate) fn finish(self, paths: &mut Value) -> Value {
        let mut schemas = self.inputs.definitions().clone();
        refuse_unknown(&mut schemas);
        let outputs = self.outputs.definitions().clone();
        let renamed = renamed_outputs(&schemas, &outputs);
        let name_of = |name: &str| renamed.get(name).cloned().unwrap_or_else(|| name.to_owned());
        for (name, mut schema) in outputs {
            redirect(&mut schema, &name_of);
            schemas.insert(name_of(&name), schema);
        }
        redirect(paths, &name_of);
        schemas.sort_keys();

        let mut security = Map::new();
        for (name, NamedScheme { mut scheme, scopes }) in self.schemes {
            if let Some(flows) = scheme.get_mut("flows").and_then(Value::as_object_mut) {
                for flow in flows.values_mut() {
                    object_of(flow).insert("scopes".to_owned(), json!(scopes));
                }
            }
            security.insert(name.to_owned(), scheme);
        }
        json!({ "schemas": schemas, "securitySchemes": security })
    }
}

/// Two requirements as one: the schemes of both, each with the scopes of both.
fn together(this: &Map<String, Value>, that: &Map<String, Value>) -> Map<String, Value> {
    let mut both = this.clone();
    for (scheme, scopes) in that {
        let known = both.entry(scheme).or_insert_with(|| json!([]));
        if let (Some(known), Some(scopes)) = (known.as_array_mut(), scopes.as_array()) {
            let new: Vec<_> = scopes.iter().filter(|scope| !known.contains(scope)).cloned().collect();
            known.extend(new);
        }
    }
    both
}

/// A second schema under one status and media type: either may be the body.
fn add_alternative(known: &mut Value, schema: Value) {
    // A schema that says more than `anyOf` is itself an alternative.
    if known.as_object().is_some_and(|known| known.len() == 1)
        && let Some(Value::Array(alternatives)) = known.get_mut("anyOf")
    {
        if !alternatives.contains(&schema) {
            alternatives.push(schema);
        }
        return;
    }
    *known = json!({ "anyOf": [known.take(), schema] });
}

/// The new names of those outputs that an input of the same name differs from, by itself or by what it
/// refers to.
fn renamed_outputs(inputs: &Map<String, Value>, outputs: &Map<String, Value>) -> BTreeMap<String, String> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let differing: Vec<_> = outputs
            .iter()
            .filter(|(name, schema)| {
                let mut schema = (*schema).clone();
                redirect(&mut schema, &|name| renamed.get(name).map_or(name, String::as_str).to_owned());
                !renamed.contains_key(*name) && inputs.get(*name).is_some_and(|input| *input != schema)
            })
            .map(|(name, _)| name.clone())
            .collect();
        // What refers to a renamed one differs by that, so look again until nothing is new.
        if differing.is_empty() {
            return renamed;
        }
        for name in differing {
            let mut twin = format!("{name}Output");
            while inputs.contains_key(&twin) || outputs.contains_key(&twin) {
                twin.push('_');
            }
            renamed.insert(name, twin);
        }
    }
}

/// Points every reference to an output's schema at its final name.
fn redirect(value: &mut Value, name_of: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if key == "$ref"
                    && let Some(name) = value.as_str().and_then(|target| target.strip_prefix(OUTPUTS))
                {
                    *value = format!("#/components/schemas/{}", name_of(name)).into();
                } else {
                    redirect(value, name_of);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| redirect(value, name_of)),
        _ => {}
    }
}

/// The object inside `value`, which is made one if it is not.
fn object_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}
