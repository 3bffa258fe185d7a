//! What the operations of a document share: schemas and security schemes.

use std::collections::BTreeMap;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{In, operation::object_of};
use crate::{
    input::{refuse_unknown, settings},
    scope::NamedScope,
};

/// The parts that operations share: schemas and security schemes.
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
    scheme: Value,
    /// Where its tokens are had here, if not where its type says.
    token_url: Option<String>,
    scopes: BTreeMap<&'static str, &'static str>,
}

impl NamedScheme {
    fn has_token_url(&self) -> bool {
        let flows = self.scheme.get("flows").and_then(Value::as_object);
        flows.is_some_and(|flows| flows.values().all(|flow| flow.get("tokenUrl").is_some()))
    }
}

/// Types that come in and types that go out are described by two contracts (an `Option` may be left out on
/// the way in and is `null` on the way out), and what comes in through axum's own extractors is not closed to
/// members that it does not name. Each has a generator, and they meet in [`Components::finish`].
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

    /// What keeps the document from being true, one sentence each.
    pub(crate) fn defects(&self) -> &[String] {
        &self.defects
    }

    pub(super) fn add_scheme(&mut self, name: &'static str, scheme: &Value) {
        let known = self.schemes.entry(name).or_insert_with(|| NamedScheme {
            scheme: scheme.clone(),
            token_url: None,
            scopes: BTreeMap::new(),
        });
        if known.scheme != *scheme {
            self.defects.push(format!("two different security schemes are called `{name}`"));
        }
        if scheme["in"] == In::Path.as_str() {
            self.defects.push(format!("`{name}`: an API key is in a header, in the query or in a cookie"));
        }
    }

    pub(super) fn add_scopes(&mut self, scheme: &'static str, scopes: &[NamedScope]) {
        let Some(known) = self.schemes.get_mut(scheme) else { return };
        for scope in scopes {
            match known.scopes.insert(scope.name, scope.description) {
                None if !scope.is_token() => {
                    let defect = format!("the scope `{}` is no scope-token (RFC 6749 §3.3)", scope.name);
                    self.defects.push(defect);
                }
                Some(other) if other != scope.description => {
                    self.defects.push(format!("the scope `{}` is described in two ways", scope.name));
                }
                _ => {}
            }
        }
    }

    /// Says where this document's reader gets tokens of a scheme.
    pub(crate) fn set_token_url(&mut self, name: &'static str, url: &str) {
        let defect = match self.schemes.get_mut(name) {
            None => "no route has a guard of this scheme",
            Some(known) if !known.has_token_url() => {
                "the scheme has no token URL; `SecurityScheme::oauth2_password` and the like have"
            }
            Some(known) if known.token_url.as_ref().is_some_and(|other| other != url) => {
                "another token URL was given before"
            }
            Some(known) => {
                known.token_url = Some(url.to_owned());
                return;
            }
        };
        self.defects.push(format!("the token URL `{url}` of `{name}`: {defect}"));
    }

    /// The `components` object; `paths` is rewritten to point into it.
    pub(crate) fn finish(self, paths: &mut Value) -> Value {
        let mut schemas = self.inputs.definitions().clone();
        refuse_unknown(&mut schemas);
        merge(&mut schemas, self.outputs.definitions(), OUTPUTS, "Output", paths);
        merge(&mut schemas, self.open_inputs.definitions(), OPEN_INPUTS, "Open", paths);
        schemas.sort_keys();

        let mut security = Map::new();
        for (name, NamedScheme { mut scheme, token_url, scopes }) in self.schemes {
            let flows = scheme.get_mut("flows").and_then(Value::as_object_mut);
            for flow in flows.into_iter().flat_map(Map::values_mut).map(object_of) {
                flow.insert("scopes".to_owned(), json!(scopes));
                flow.extend(token_url.as_ref().map(|url| ("tokenUrl".to_owned(), json!(url))));
            }
            security.insert(name.to_owned(), scheme);
        }
        json!({ "schemas": schemas, "securitySchemes": security })
    }
}

/// Adds definitions that lie at `place` for now, those that another of their name differs from with `suffix`;
/// `paths` is rewritten to point at them.
fn merge(
    schemas: &mut Map<String, Value>,
    definitions: &Map<String, Value>,
    place: &str,
    suffix: &str,
    paths: &mut Value,
) {
    let renamed = renamed(schemas, definitions, place, suffix);
    let name_of = |name: &str| renamed.get(name).cloned().unwrap_or_else(|| name.to_owned());
    for (name, schema) in definitions {
        let mut schema = schema.clone();
        redirect(&mut schema, place, &name_of);
        schemas.insert(name_of(name), schema);
    }
    redirect(paths, place, &name_of);
}

/// The new names of those definitions that a known one of the same name differs from, by itself or by what it
/// refers to.
fn renamed(
    known: &Map<String, Value>,
    definitions: &Map<String, Value>,
    place: &str,
    suffix: &str,
) -> BTreeMap<String, String> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let differing: Vec<_> = definitions
            .iter()
            .filter(|(name, schema)| {
                let mut schema = (*schema).clone();
                let name_of = |name: &str| renamed.get(name).map_or(name, String::as_str).to_owned();
                redirect(&mut schema, place, &name_of);
                !renamed.contains_key(*name) && known.get(*name).is_some_and(|known| *known != schema)
            })
            .map(|(name, _)| name.clone())
            .collect();
        // What refers to a renamed one differs by that, so look again until nothing is new.
        if differing.is_empty() {
            return renamed;
        }
        for name in differing {
            let mut twin = format!("{name}{suffix}");
            while known.contains_key(&twin) || definitions.contains_key(&twin) {
                twin.push('_');
            }
            renamed.insert(name, twin);
        }
    }
}

/// Points every reference into `place` at the final name.
fn redirect(value: &mut Value, place: &str, name_of: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if key == "$ref"
                    && let Some(name) = value.as_str().and_then(|target| target.strip_prefix(place))
                {
                    *value = format!("{SCHEMAS}{}", name_of(name)).into();
                } else {
                    redirect(value, place, name_of);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| redirect(value, place, name_of)),
        _ => {}
    }
}
