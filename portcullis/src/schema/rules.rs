//! A type's schema taken apart, to explain why the validator rejected a value.
//!
//! The validator decides what is accepted. It cannot explain that cheaply: if no alternative fits, it collects the
//! errors of all alternatives, each with a copy of its value, before the first can be read.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{contract::options, members::target_of};

/// The rules of a schema. The first is that of the whole schema.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

/// What one schema demands of one value. Nested rules are indexes into [`Rules`].
#[derive(Debug, Default)]
pub(crate) struct Rule {
    /// The schema `false`.
    pub(crate) is_never: bool,
    /// Keywords that depend only on the value itself.
    pub(crate) own: Option<Own>,
    /// `$ref` and `allOf`.
    pub(crate) parts: Vec<usize>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) condition: Option<Condition>,
    /// `dependentSchemas`.
    pub(crate) dependent: BTreeMap<String, usize>,
    pub(crate) properties: BTreeMap<String, usize>,
    pub(crate) patterns: Vec<(Validator, usize)>,
    pub(crate) additional: Option<usize>,
    pub(crate) names: Option<usize>,
    pub(crate) prefix: Vec<usize>,
    pub(crate) items: Option<usize>,
    /// `unevaluatedProperties`.
    pub(crate) unevaluated: Option<usize>,
}

/// The compiled keywords that depend only on the value itself.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) validator: Validator,
    /// Whether it may be asked for its errors: each must cost no more than its own keyword.
    pub(crate) gives_reasons: bool,
}

/// `anyOf` or `oneOf`.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) alternatives: Vec<usize>,
    pub(crate) takes_one_only: bool,
}

/// `if`, `then` and `else`.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) when: usize,
    pub(crate) then: Option<usize>,
    pub(crate) otherwise: Option<usize>,
}

/// Keywords with a field in [`Rule`], and keywords that demand nothing. `unevaluatedItems` is not explained.
const TAKEN_APART: [&str; 26] = [
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "dependentSchemas",
    "deprecated",
    "description",
    "else",
    "examples",
    "if",
    "items",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "then",
    "title",
    "unevaluatedItems",
    "unevaluatedProperties",
    "writeOnly",
];

/// Keywords that contain schemas, whose errors may cost more than they explain.
const OPAQUE: [&str; 2] = ["contains", "not"];

impl Rules {
    pub(crate) fn of(root: &Value) -> Self {
        let mut reader = Reader { root, rules: Vec::new(), known: BTreeMap::new() };
        reader.known.insert("#".to_owned(), 0);
        reader.read(root);
        Self(reader.rules)
    }

    pub(crate) fn get(&self, rule: usize) -> Option<&Rule> {
        self.0.get(rule)
    }
}

struct Reader<'r> {
    root: &'r Value,
    rules: Vec<Rule>,
    /// The rules of referenced schemas.
    known: BTreeMap<String, usize>,
}

impl Reader<'_> {
    fn read(&mut self, schema: &Value) -> usize {
        let place = self.rules.len();
        // Reserves the place, because a schema may refer to itself.
        self.rules.push(Rule::default());
        let rule = match schema {
            Value::Object(schema) => self.rule(schema),
            schema => Rule { is_never: *schema == Value::Bool(false), ..Rule::default() },
        };
        if let Some(held) = self.rules.get_mut(place) {
            *held = rule;
        }
        place
    }

    fn rule(&mut self, schema: &Map<String, Value>) -> Rule {
        let mut parts = self.list(schema, "allOf");
        parts.extend(self.target(schema));
        let choice = |takes_one_only, alternatives| Choice { alternatives, takes_one_only };
        let choices = [choice(false, self.list(schema, "anyOf")), choice(true, self.list(schema, "oneOf"))];
        let condition = self.one(schema, "if").map(|when| Condition {
            when,
            then: self.one(schema, "then"),
            otherwise: self.one(schema, "else"),
        });
        let patterns = self.named(schema, "patternProperties").into_iter();
        Rule {
            is_never: false,
            own: self.own(schema),
            parts,
            choices: choices.into_iter().filter(|choice| !choice.alternatives.is_empty()).collect(),
            condition,
            dependent: self.named(schema, "dependentSchemas"),
            properties: self.named(schema, "properties"),
            patterns: patterns
                .filter_map(|(pattern, rule)| {
                    let name = serde_json::json!({ "pattern": pattern });
                    Some((options().build(&name).ok()?, rule))
                })
                .collect(),
            additional: self.one(schema, "additionalProperties"),
            names: self.one(schema, "propertyNames"),
            prefix: self.list(schema, "prefixItems"),
            items: self.one(schema, "items"),
            unevaluated: self.one(schema, "unevaluatedProperties"),
        }
    }

    fn own(&self, schema: &Map<String, Value>) -> Option<Own> {
        let own = schema.iter().filter(|(keyword, _)| !TAKEN_APART.contains(&keyword.as_str()));
        let mut own: Map<_, _> = own.map(|(keyword, value)| (keyword.clone(), value.clone())).collect();
        if own.is_empty() {
            return None;
        }
        let gives_reasons = OPAQUE.iter().all(|keyword| !own.contains_key(*keyword));
        if !gives_reasons && let Some(definitions) = self.root.get("$defs") {
            own.insert("$defs".to_owned(), definitions.clone());
        }
        let validator = options().build(&own.into()).ok()?;
        Some(Own { validator, gives_reasons })
    }

    fn target(&mut self, schema: &Map<String, Value>) -> Option<usize> {
        let target = schema.get("$ref")?.as_str()?;
        if let Some(known) = self.known.get(target) {
            return Some(*known);
        }
        let definition = target_of(target, self.root)?.clone();
        // Registered before it is read, because it may refer to itself.
        self.known.insert(target.to_owned(), self.rules.len());
        Some(self.read(&definition))
    }

    fn one(&mut self, schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
        schema.get(keyword).map(|inner| self.read(inner))
    }

    fn list(&mut self, schema: &Map<String, Value>, keyword: &str) -> Vec<usize> {
        let inner = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        inner.map(|inner| self.read(inner)).collect()
    }

    fn named(&mut self, schema: &Map<String, Value>, keyword: &str) -> BTreeMap<String, usize> {
        let inner = schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
        inner.map(|(name, inner)| (name.clone(), self.read(inner))).collect()
    }
}
