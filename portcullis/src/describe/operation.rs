//! One entry of the document while a handler's types write it.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::{
    Components, In, Statuses,
    json::{into_object, object_of, spell_out},
};
use crate::{
    credential::{Credential, SecurityScheme},
    denied::Problem,
    guard::{Demand, Ways},
    protected_resource::Pointer,
    scope::NamedScope,
    verify::Verify,
};

/// One operation of the document, while the handler's types add to it.
#[derive(Debug)]
pub struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    object: Map<String, Value>,
    ways: Ways,
    /// For each extractor that rejects unknown query parameters: its name, and the parameters that it knows.
    closed_queries: Vec<(String, BTreeSet<String>)>,
    /// Whether the handler receives the rejections described here, which then are not sent as the response.
    is_caught: bool,
    /// What the route's challenges say about its resource.
    resource: Option<Pointer>,
    components: &'a mut Components,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(method: &'a str, path: &'a str, components: &'a mut Components) -> Self {
        Self {
            method,
            path,
            object: Map::new(),
            ways: Ways::new(),
            closed_queries: Vec::new(),
            is_caught: false,
            resource: None,
            components,
        }
    }

    pub(crate) fn of_resource(mut self, resource: Option<Pointer>) -> Self {
        self.resource = resource;
        self
    }

    pub(crate) fn resource(&self) -> Option<&Pointer> {
        self.resource.as_ref()
    }

    /// The finished entry. A path parameter that no extractor reads is a string, because each must be listed (OpenAPI
    /// 3.1 §4.8.8).
    pub(crate) fn into_object(mut self) -> Map<String, Value> {
        for name in self.path_parameters() {
            if !self.has_parameter(name, In::Path) {
                self.parameter(name, In::Path, true, json!({ "type": "string" }));
            }
        }
        self.check_queries();
        let ways = std::mem::replace(&mut self.ways, Ways::new());
        let security = ways.requirements().unwrap_or_else(|clashes| {
            for clash in clashes {
                self.defect(&clash);
            }
            Vec::new()
        });
        // If the empty requirement is the only one, the list is empty.
        let security = if security == [Map::new()] { Vec::new() } else { security };
        self.set("security", json!(security));
        self.object
    }

    /// Notes that `extractor` rejects every query parameter except these and those that guards read.
    pub(crate) fn close_query(&mut self, extractor: String, known: BTreeSet<String>) {
        self.closed_queries.push((extractor, known));
    }

    /// Reports an extractor that rejects the documented parameters of another.
    fn check_queries(&mut self) {
        let parameters = self.object.get("parameters").and_then(Value::as_array);
        let in_query = parameters.into_iter().flatten().filter(|one| one["in"] == In::Query.as_str());
        let names: Vec<String> =
            in_query.filter_map(|one| Some(one.get("name")?.as_str()?.to_owned())).collect();
        for (extractor, known) in std::mem::take(&mut self.closed_queries) {
            for name in names.iter().filter(|name| !known.contains(*name)) {
                self.defect(&format!(
                    "`{extractor}` refuses the query's parameter `{name}` of another extractor: make them one struct, \
                     with `#[serde(flatten)]` for its parts"
                ));
            }
        }
    }

    fn has_parameter(&self, name: &str, place: In) -> bool {
        let known = self.object.get("parameters").and_then(Value::as_array);
        known.into_iter().flatten().any(|known| known["name"] == name && known["in"] == place.as_str())
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.object.insert(key.to_owned(), value);
    }

    /// The values of an extension so far (OpenAPI 3.1 §4.9).
    pub(crate) fn extension(&self, key: &str) -> &[Value] {
        match self.object.get(key) {
            Some(Value::Array(several)) => several,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        }
    }

    /// Adds a value to an extension: a single value is not wrapped, several are a list.
    pub(crate) fn add_extension(&mut self, key: &str, value: Value) {
        let mut said = self.extension(key).to_vec();
        if said.is_empty() {
            self.set(key, value);
        } else if !said.contains(&value) {
            said.push(value);
            self.set(key, said.into());
        }
    }

    /// The method, in lower case as in the document.
    pub(crate) fn method(&self) -> &'a str {
        self.method
    }

    /// The names of the path's parameters, in order: `id` for `/profile/{id}`.
    #[must_use]
    pub fn path_parameters(&self) -> Vec<&'a str> {
        let name = |segment: &'a str| segment.strip_prefix('{')?.strip_suffix('}');
        self.path.split('/').filter_map(name).map(|name| name.trim_start_matches('*')).collect()
    }

    /// The schema of an *input* type of this crate's extractors, which reject unknown members. A named type becomes a
    /// reference into `components`.
    pub fn input_schema<T: JsonSchema>(&mut self) -> Value {
        spelled_out(self.components.inputs.subschema_for::<T>())
    }

    /// The schema of an *input* type of an extractor that ignores unknown members, like axum's own. A named type
    /// becomes a reference into `components`.
    pub fn open_input_schema<T: JsonSchema>(&mut self) -> Value {
        spelled_out(self.components.open_inputs.subschema_for::<T>())
    }

    /// The schema of an *output* type. A named type becomes a reference into `components`.
    pub fn output_schema<T: JsonSchema>(&mut self) -> Value {
        spelled_out(self.components.outputs.subschema_for::<T>())
    }

    /// Adds a parameter with its schema. An existing one stays as it is.
    pub fn parameter(&mut self, name: &str, place: In, required: bool, mut schema: Value) {
        if self.has_parameter(name, place) {
            return;
        }
        if place == In::Query && self.is_key_in_query(name) {
            self.defect(&format!(
                "the query's parameter `{name}` is the key that a guard asks for: give the input another name"
            ));
        }
        spell_out(&mut schema);
        // These belong to the parameter itself (OpenAPI 3.1 §4.8.12). Its examples stay: a schema has a list of them.
        let own = ["description", "deprecated"]
            .map(|key| schema.as_object_mut().and_then(|schema| schema.remove_entry(key)));
        let mut parameter =
            json!({ "name": name, "in": place.as_str(), "required": required, "schema": schema });
        object_of(&mut parameter).extend(own.into_iter().flatten());
        self.push_parameter(parameter);
    }

    /// Whether a guard reads the query parameter `name`. A client that follows the document would then send it twice.
    pub(crate) fn is_key_in_query(&self, name: &str) -> bool {
        self.ways.ask_in_query(name)
    }

    fn push_parameter(&mut self, parameter: Value) {
        if let Value::Array(list) = self.object.entry("parameters").or_insert_with(|| json!([])) {
            list.push(parameter);
        }
    }

    /// Documents the request's body: one media type and its schema. A second call adds an alternative media type or
    /// schema.
    pub fn request_body(&mut self, content_type: &str, schema: &Value) {
        let body = self.object.entry("requestBody").or_insert_with(|| json!({ "required": true }));
        add_content(object_of(body), content_type, schema.clone());
    }

    /// Makes the request's body optional, and all parameters except those in the path.
    pub(super) fn make_optional(&mut self) {
        self.body_may_be_absent();
        let parameters = self.object.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten().filter_map(Value::as_object_mut) {
            let is_in_path = parameter.get("in").is_some_and(|place| place == In::Path.as_str());
            parameter.insert("required".to_owned(), is_in_path.into());
        }
    }

    /// Gives every response so far any media type.
    #[cfg(feature = "axum-extra")]
    pub(super) fn lose_content_type(&mut self) {
        let responses = self.object.get_mut("responses").and_then(Value::as_object_mut);
        for response in responses.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            for (_, media) in into_object(response.remove("content")) {
                add_content(response, "*/*", schema_of(media));
            }
        }
    }

    /// Allows every response so far to have another media type than its own. Of two that match, the narrower one
    /// applies (OpenAPI 3.1 §4.8.17).
    pub(super) fn doubt_content_type(&mut self) {
        let responses = self.object.get_mut("responses").and_then(Value::as_object_mut);
        for response in responses.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            for (_, media) in into_object(response.get("content").cloned()) {
                add_content(response, "*/*", schema_of(media));
            }
        }
    }

    /// Adds this header to every response so far.
    #[cfg(feature = "axum-extra")]
    pub(super) fn header_everywhere(&mut self, name: &str) {
        let responses = self.object.get_mut("responses").and_then(Value::as_object_mut);
        for response in responses.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            let headers = object_of(response.entry("headers").or_insert_with(|| json!({})));
            headers.entry(name).or_insert_with(|| json!({ "schema": { "type": "string" } }));
        }
    }

    /// Makes the request's body optional.
    pub(super) fn body_may_be_absent(&mut self) {
        if let Some(body) = self.object.get_mut("requestBody").and_then(Value::as_object_mut) {
            body.insert("required".to_owned(), false.into());
        }
    }

    /// Adds a response without a body. If a status is added twice, it has both descriptions, one per paragraph.
    pub fn empty_response(&mut self, statuses: impl Into<Statuses>, description: &str) {
        add_description(self.response(statuses), description);
    }

    /// Adds a response with a body of one media type. If a status is added twice, it has both descriptions, one per
    /// paragraph, and both media types or schemas.
    pub fn content_response(
        &mut self,
        statuses: impl Into<Statuses>,
        description: &str,
        content_type: &str,
        schema: Value,
    ) {
        let response = self.response(statuses);
        add_description(response, description);
        add_content(response, content_type, schema);
    }

    /// Adds a response whose body is JSON of type `T`.
    pub fn json_response<T: JsonSchema>(&mut self, statuses: impl Into<Statuses>, description: &str) {
        let schema = self.output_schema::<T>();
        self.content_response(statuses, description, "application/json", schema);
    }

    /// Adds an error response in the common format: `{"detail": "…"}`.
    pub fn problem(&mut self, statuses: impl Into<Statuses>, description: &str) {
        self.json_response::<Problem>(statuses, description);
    }

    /// Adds a header to a response that was added before. If a header is added twice, it has both descriptions.
    pub fn response_header(&mut self, statuses: impl Into<Statuses>, name: &str, description: &str) {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        add_header(self.response(statuses), name, header);
    }

    /// Adds what `describe` adds, but all its responses get these statuses and this description. Use it for a response
    /// that is sent with another status than its own.
    ///
    /// ```
    /// use http::StatusCode;
    /// use portcullis::{Json, describe::{DescribeResponse, Operation}};
    ///
    /// struct Accepted(Json<u64>);
    ///
    /// impl DescribeResponse for Accepted {
    ///     fn describe_response(operation: &mut Operation<'_>) {
    ///         operation.restated(StatusCode::ACCEPTED, "It will be done", Json::<u64>::describe_response);
    ///     }
    /// }
    /// ```
    pub fn restated(
        &mut self,
        statuses: impl Into<Statuses>,
        description: &str,
        describe: impl FnOnce(&mut Self),
    ) {
        let statuses = statuses.into();
        let mut part = self.apart(describe);
        let responses = part.remove("responses");
        self.absorb(part);
        self.empty_response(statuses, description);
        for (_, mut response) in into_object(responses) {
            let own = object_of(&mut response);
            own.remove("description");
            if statuses.is_bodiless() {
                own.remove("content");
            }
            self.absorb_response(&statuses.key(), response);
        }
    }

    /// Returns what `describe` adds, and nothing else.
    pub(super) fn apart(&mut self, describe: impl FnOnce(&mut Self)) -> Map<String, Value> {
        let before = std::mem::take(&mut self.object);
        describe(self);
        std::mem::replace(&mut self.object, before)
    }

    /// Adds what was described apart.
    pub(super) fn absorb(&mut self, mut part: Map<String, Value>) {
        if let Some(Value::Array(parameters)) = part.remove("parameters") {
            for parameter in parameters {
                let name_and_place =
                    |parameter: &Value| ["name", "in"].map(|key| parameter.get(key).cloned());
                let known = self.object.get("parameters").and_then(Value::as_array);
                if !known
                    .into_iter()
                    .flatten()
                    .any(|known| name_and_place(known) == name_and_place(&parameter))
                {
                    self.push_parameter(parameter);
                }
            }
        }
        for (key, response) in into_object(part.remove("responses")) {
            self.absorb_response(&key, response);
        }
        self.object.append(&mut part);
    }

    fn absorb_response(&mut self, key: &str, response: Value) {
        let known = self.response_at(key);
        let mut response = into_object(Some(response));
        for (content_type, media) in into_object(response.remove("content")) {
            add_content(known, &content_type, schema_of(media));
        }
        if let Some(Value::String(description)) = response.remove("description") {
            add_description(known, &description);
        }
        for (name, header) in into_object(response.remove("headers")) {
            add_header(known, &name, header);
        }
        for (key, value) in response {
            known.entry(key).or_insert(value);
        }
    }

    /// Adds a defect, which [`ApiError`](crate::ApiError) reports.
    pub(crate) fn defect(&mut self, reason: &str) {
        self.components.defects.push(format!("{} {}: {reason}", self.method, self.path));
    }

    /// Adds a demand on the caller, besides earlier ones.
    pub(crate) fn demand(&mut self, demand: Demand) {
        for (number, this) in demand.asked.iter().enumerate() {
            if demand.asked.iter().take(number).any(|known| known.is(this)) {
                self.defect(&format!(
                    "`{}` is on both sides of an `Either`: use one verifier type for each issuer",
                    this.scheme
                ));
            }
        }
        self.ways.narrow(demand);
    }

    /// Adds what `describe` adds, for a handler that also runs after a rejection.
    pub(super) fn caught(&mut self, describe: impl FnOnce(&mut Self)) {
        let was_caught = std::mem::replace(&mut self.is_caught, true);
        describe(self);
        self.is_caught = was_caught;
    }

    /// Requires that the rejection of `name` is sent as the response. It is a defect if the handler could run anyway.
    pub(crate) fn refuse_to_be_caught(&mut self, name: &str) {
        if self.is_caught {
            self.defect(&format!(
                "`{name}` inside another extractor would let in requests that it rejected: take it as a separate \
                    argument"
            ));
        }
    }

    /// Adds a security scheme, and how its credential is read.
    pub(crate) fn add_scheme(&mut self, name: &'static str, scheme: SecurityScheme, read: SecurityScheme) {
        self.components.add_scheme(name, scheme, read);
    }

    /// Adds a verifier's security scheme.
    pub(crate) fn security_scheme<V: Verify>(&mut self) {
        self.components.add_scheme(V::SCHEME, V::scheme(), <V::Credential as Credential>::scheme());
    }

    /// Adds scopes of a scheme.
    pub(crate) fn scopes(&mut self, scheme: &'static str, scopes: &[NamedScope]) {
        self.components.add_scopes(scheme, scopes);
    }

    fn response(&mut self, statuses: impl Into<Statuses>) -> &mut Map<String, Value> {
        self.response_at(&statuses.into().key())
    }

    fn response_at(&mut self, key: &str) -> &mut Map<String, Value> {
        let responses = self.object.entry("responses").or_insert_with(|| json!({}));
        object_of(object_of(responses).entry(key).or_insert_with(|| json!({})))
    }
}

/// Adds a cause of a response, as a paragraph of its own. An empty one is ignored.
fn add_description(response: &mut Map<String, Value>, description: &str) {
    let known = response.get("description").and_then(Value::as_str).unwrap_or_default();
    let all = if known.is_empty() {
        description.to_owned()
    } else if description.is_empty() || format!("\n\n{known}\n\n").contains(&format!("\n\n{description}\n\n"))
    {
        return;
    } else {
        format!("{known}\n\n{description}")
    };
    response.insert("description".to_owned(), all.into());
}

/// Adds a header, or another description to an existing one.
fn add_header(response: &mut Map<String, Value>, name: &str, header: Value) {
    let headers = object_of(response.entry("headers").or_insert_with(|| json!({})));
    match headers.get_mut(name) {
        Some(known) => {
            let description = header.get("description").and_then(Value::as_str).unwrap_or_default();
            add_description(object_of(known), description);
        }
        None => {
            headers.insert(name.to_owned(), header);
        }
    }
}

/// Adds a media type to a body.
fn add_content(response: &mut Map<String, Value>, content_type: &str, schema: Value) {
    let content = object_of(response.entry("content").or_insert_with(|| json!({})));
    match content.get_mut(content_type).and_then(|media| media.get_mut("schema")) {
        Some(known) if *known != schema => add_alternative(known, schema),
        Some(_) => {}
        None => {
            content.insert(content_type.to_owned(), json!({ "schema": schema }));
        }
    }
}

/// The schema of a media type.
fn schema_of(media: Value) -> Value {
    into_object(Some(media)).remove("schema").unwrap_or_default()
}

/// Adds an alternative schema for one status and media type.
fn add_alternative(known: &mut Value, schema: Value) {
    // A schema with more than `anyOf` is itself an alternative.
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

fn spelled_out(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    spell_out(&mut schema);
    schema
}
