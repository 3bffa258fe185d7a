//! What the operations of a document share: schemas and security schemes.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::json::{object_of, spell_out};
use crate::{
    credential::SecurityScheme,
    schema::{refuse_unknown, settings},
    scope::NamedScope,
};

/// Schemas and security schemes, which operations share.
#[derive(Debug)]
pub(crate) struct Components {
    pub(super) inputs: SchemaGenerator,
    pub(super) open_inputs: SchemaGenerator,
    pub(super) outputs: SchemaGenerator,
    schemes: BTreeMap<&'static str, NamedScheme>,
    pub(super) defects: Vec<String>,
}

#[derive(Debug, Clone)]
struct NamedScheme {
    /// As its verifier defines it.
    scheme: SecurityScheme,
    /// As its credential is read, which is what the guard enforces.
    read: SecurityScheme,
    /// As this document shows it, if the application overrides it.
    shown: Option<SecurityScheme>,
    scopes: BTreeMap<&'static str, &'static str>,
}

/// Input and output types have different schemas: an `Option` may be left out of input and is `null` in output. Input
/// through axum's own extractors accepts unknown members. Each kind has a generator, and [`Components::finish`] merges
/// them.
const SCHEMAS: &str = "#/components/schemas/";
const OPEN_INPUTS: &str = "#/components/open/";
const OUTPUTS: &str = "#/components/outputs/";

impl Components {
    pub(crate) fn new() -> Self {
        let generator = |mut settings: SchemaSettings, place: &'static str| {
            settings.definitions_path = place.into();
            settings.into_generator()
        };
        Self {
            inputs: generator(settings(), SCHEMAS),
            open_inputs: generator(settings(), OPEN_INPUTS),
            outputs: generator(settings().for_serialize(), OUTPUTS),
            schemes: BTreeMap::new(),
            defects: Vec::new(),
        }
    }

    /// What makes the document wrong, one sentence each.
    pub(crate) fn defects(&self) -> Vec<String> {
        let schemes = self.schemes.iter().filter_map(|(name, scheme)| scheme.defect(name));
        self.defects.iter().cloned().chain(schemes).collect()
    }

    /// Adds a defect, which keeps the API from being built.
    pub(crate) fn defect(&mut self, defect: String) {
        self.defects.push(defect);
    }

    /// Adds a verifier's scheme; `read` is that of its credential.
    pub(super) fn add_scheme(&mut self, name: &'static str, scheme: SecurityScheme, read: SecurityScheme) {
        match self.schemes.get(name) {
            None => {
                let scopes = BTreeMap::new();
                self.schemes.insert(name, NamedScheme { scheme, read, shown: None, scopes });
            }
            // With equal descriptions but different credentials, one of the two guards would be documented wrongly.
            Some(known) if known.scheme != scheme || !known.read.is_sent_as(&read) => {
                self.defects.push(format!("two different security schemes are called `{name}`"));
            }
            Some(_) => {}
        }
    }

    pub(super) fn add_scopes(&mut self, scheme: &'static str, scopes: &[NamedScope]) {
        let Some(known) = self.schemes.get_mut(scheme) else { return };
        for scope in scopes {
            match known.scopes.insert(scope.name, scope.description) {
                None if !scope.is_token() => {
                    let defect = format!("the scope `{}` is not a scope-token (RFC 6749 §3.3)", scope.name);
                    self.defects.push(defect);
                }
                Some(other) if other != scope.description => {
                    self.defects.push(format!("the scope `{}` has two descriptions", scope.name));
                }
                _ => {}
            }
        }
    }

    /// Overrides how a scheme is shown.
    pub(crate) fn show_scheme(&mut self, name: &'static str, shown: SecurityScheme) {
        let Some(known) = self.schemes.get_mut(name) else {
            self.defects.push(format!("`{name}` cannot be shown: no route has a guard of this scheme"));
            return;
        };
        let shown = shown.described_like(&known.scheme);
        if known.shown.as_ref().is_some_and(|other| *other != shown) {
            self.defects.push(format!("`{name}` has two `.scheme(…)` descriptions"));
        }
        known.shown = Some(shown);
    }

    /// Returns the `components` object, and rewrites `paths` to refer to it.
    pub(crate) fn finish(self, paths: &mut Value) -> Value {
        let mut schemas = self.inputs.definitions().clone();
        refuse_unknown(&mut schemas, bodies(paths).filter(|schema| refers_to_inputs(schema)));
        let outputs = merge(&mut schemas, self.outputs.definitions(), OUTPUTS, "Output");
        let open_inputs = merge(&mut schemas, self.open_inputs.definitions(), OPEN_INPUTS, "Open");
        // One pass for both: this is most of the cost of a large document here.
        redirect(paths, &|target| outputs.place_of(target).or_else(|| open_inputs.place_of(target)));
        schemas.values_mut().for_each(spell_out);
        schemas.sort_keys();

        let mut security = Map::new();
        for (name, known) in self.schemes {
            let SecurityScheme(mut scheme) = known.shown().clone();
            let flows = scheme.get_mut("flows").and_then(Value::as_object_mut);
            for flow in flows.into_iter().flat_map(Map::values_mut).map(object_of) {
                let scopes = object_of(flow.entry("scopes").or_insert_with(|| json!({})));
                scopes.extend(
                    known.scopes.iter().map(|(name, description)| ((*name).to_owned(), json!(description))),
                );
                scopes.sort_keys();
            }
            security.insert(name.to_owned(), scheme);
        }
        let mut components = Map::from_iter([("schemas".to_owned(), schemas.into())]);
        if !security.is_empty() {
            // With an empty object the docs page would show an Authorize button that does nothing.
            components.insert("securitySchemes".to_owned(), security.into());
        }
        components.into()
    }
}

/// The schemas of all request bodies in a map of paths.
fn bodies(paths: &mut Value) -> impl Iterator<Item = &mut Value> {
    let operations = paths.as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    let bodies = operations.filter_map(|operation| operation.get_mut("requestBody")?.get_mut("content"));
    let media = bodies.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    media.filter_map(|media| media.get_mut("schema"))
}

/// Whether a schema contains types that this crate's extractors read. Those of axum's own are still in another place.
fn refers_to_inputs(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(key, value)| match value {
            Value::String(target) if key == "$ref" => target.starts_with(SCHEMAS),
            value => refers_to_inputs(value),
        }),
        Value::Array(list) => list.iter().any(refers_to_inputs),
        _ => false,
    }
}

impl NamedScheme {
    fn shown(&self) -> &SecurityScheme {
        self.shown.as_ref().unwrap_or(&self.scheme)
    }

    fn defect(&self, name: &str) -> Option<String> {
        let (shown, read) = (self.shown(), &self.read);
        // The characters allowed in names of components (OpenAPI 3.1 §4.8.7).
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            Some(format!(
                "a security scheme's name must consist of letters, digits, `.`, `_` and `-`: not `{name}`"
            ))
        } else if !shown.is_sent_as(read) {
            Some(format!("`{name}` would be shown as {}, but its guard looks for {}", shown.0, read.0))
        } else if shown.0.get("flows").and_then(Value::as_object).is_some_and(Map::is_empty) {
            Some(format!("`{name}` would be shown as OAuth2 without a flow"))
        } else {
            None
        }
    }
}

/// Definitions that are still at `place`, and those that get another name in the document.
struct Moved {
    place: &'static str,
    renamed: BTreeMap<String, String>,
}

impl Moved {
    fn name_of<'n>(&'n self, name: &'n str) -> &'n str {
        self.renamed.get(name).map_or(name, String::as_str)
    }

    /// The place in the document that a reference to such a definition points to.
    fn place_of(&self, target: &str) -> Option<String> {
        Some([SCHEMAS, self.name_of(target.strip_prefix(self.place)?)].concat())
    }
}

/// Adds definitions that are still at `place`. One that differs from another of the same name gets `suffix`.
fn merge(
    schemas: &mut Map<String, Value>,
    definitions: &Map<String, Value>,
    place: &'static str,
    suffix: &str,
) -> Moved {
    let moved = renamed(schemas, definitions, place, suffix);
    for (name, schema) in definitions {
        let mut schema = schema.clone();
        redirect(&mut schema, &|target| moved.place_of(target));
        schemas.insert(moved.name_of(name).to_owned(), schema);
    }
    moved
}

/// Renames those definitions that differ from a known one of the same name, by themselves or by what they refer to.
fn renamed(
    known: &Map<String, Value>,
    definitions: &Map<String, Value>,
    place: &'static str,
    suffix: &str,
) -> Moved {
    let mut moved = Moved { place, renamed: BTreeMap::new() };
    loop {
        let differing: Vec<_> = definitions
            .iter()
            .filter(|(name, schema)| {
                let mut schema = (*schema).clone();
                redirect(&mut schema, &|target| moved.place_of(target));
                !moved.renamed.contains_key(*name) && known.get(*name).is_some_and(|known| *known != schema)
            })
            .map(|(name, _)| name.clone())
            .collect();
        // What refers to a renamed definition now differs as well, so repeat until nothing is new.
        if differing.is_empty() {
            return moved;
        }
        for name in differing {
            let mut twin = format!("{name}{suffix}");
            while known.contains_key(&twin) || definitions.contains_key(&twin) {
                twin.push('_');
            }
            moved.renamed.insert(name, twin);
        }
    }
}

/// Redirects every reference that `place_of` knows.
fn redirect(value: &mut Value, place_of: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(place) = place_of(target) {
                            *target = place;
                        }
                    }
                    Value::Object(_) | Value::Array(_) => redirect(value, place_of),
                    _ => {}
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| redirect(value, place_of)),
        _ => {}
    }
}
