//! The schema of inputs: generated once, and used for both the document and validation.

use std::collections::BTreeSet;

use schemars::{Schema, generate::SchemaSettings, transform::Transform};
use serde_json::{Map, Value, json};

/// How the schemas of inputs are generated, for the document and for validation.
pub(crate) fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize().with_transform(RefuseUnknown);
    settings.meta_schema = None;
    settings
}

/// Makes every object schema reject members that it does not name, as `#[serde(deny_unknown_fields)]` would.
///
/// An object composed of parts (a flattened enum, a tagged variant that refers to a struct) is closed as a whole by
/// `unevaluatedProperties`. Its parts stay open, because a closed part would reject the members of the others. A schema
/// that already says which other members it allows is left unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RefuseUnknown;

impl Transform for RefuseUnknown {
    fn transform(&mut self, schema: &mut Schema) {
        let Some(object) = schema.as_object_mut() else { return };
        let mut root = Value::Object(std::mem::take(object));
        let parts = parts_of_others(&mut root);
        close(&mut root, &parts, parts.contains(ROOT));
        if let Value::Object(closed) = root {
            *object = closed;
        }
    }
}

/// [`RefuseUnknown`] for a map of named schemas that refer to each other, and for schemas that use them.
pub(crate) fn refuse_unknown<'u>(
    definitions: &mut Map<String, Value>,
    uses: impl IntoIterator<Item = &'u mut Value>,
) {
    let mut root = json!({ "$defs": std::mem::take(definitions) });
    let parts = parts_of_others(&mut root);
    close(&mut root, &parts, false);
    if let Some(Value::Object(closed)) = root.get_mut("$defs") {
        *definitions = std::mem::take(closed);
    }
    // The definition of a part stays open, so each place that uses it as a whole object is closed instead.
    uses.into_iter().for_each(|schema| close(schema, &parts, false));
}

/// The name used here for a reference to the whole schema.
const ROOT: &str = "#";

/// Keywords whose schemas apply to the same object as their parent.
pub(crate) const IN_PLACE: [&str; 7] = ["$ref", "allOf", "anyOf", "oneOf", "if", "then", "else"];

fn close(schema: &mut Value, parts: &BTreeSet<String>, is_part: bool) {
    let siblings = in_place_siblings(schema);
    let Some(object) = schema.as_object_mut() else { return };
    for (key, value) in object.iter_mut() {
        each_subschema(key, value, &mut |name, subschema| {
            let is_part = match Position::of(key) {
                Position::Definition => parts.contains(name),
                Position::Child => false,
                Position::Part => true,
                Position::Alternative => is_part || siblings > 1,
            };
            close(subschema, parts, is_part);
        });
    }
    if is_part || object.contains_key("additionalProperties") || object.contains_key("unevaluatedProperties")
    {
        return;
    }
    let refers_to_part = || target(object).is_some_and(|name| parts.contains(name));
    if object.contains_key("properties") && siblings == 1 {
        object.insert("additionalProperties".to_owned(), false.into());
    } else if object.contains_key("properties") || object.contains_key("allOf") || refers_to_part() {
        object.insert("unevaluatedProperties".to_owned(), false.into());
    }
}

/// The names of definitions that some object uses as a part of itself.
fn parts_of_others(root: &mut Value) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    loop {
        let known = parts.len();
        let mut found = parts.clone();
        note_parts(root, &parts, parts.contains(ROOT), &mut found);
        // A part's own in-place references are parts too, so repeat until nothing is new.
        if found.len() == known {
            return found;
        }
        parts = found;
    }
}

fn note_parts(schema: &mut Value, parts: &BTreeSet<String>, is_part: bool, found: &mut BTreeSet<String>) {
    let siblings = in_place_siblings(schema);
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(name) = target(object)
        && (is_part || siblings > 1)
    {
        found.insert(name.to_owned());
    }
    for (key, value) in object {
        each_subschema(key, value, &mut |name, subschema| {
            let is_part = match Position::of(key) {
                Position::Definition => parts.contains(name),
                Position::Child => false,
                Position::Part => true,
                Position::Alternative => is_part || siblings > 1,
            };
            note_parts(subschema, parts, is_part, found);
        });
    }
}

/// The number of keywords that describe the members of the same object.
fn in_place_siblings(schema: &Value) -> usize {
    IN_PLACE.iter().chain(&["properties"]).filter(|keyword| schema.get(keyword).is_some()).count()
}

/// The last segment of this schema's own `$ref`.
fn target(object: &Map<String, Value>) -> Option<&str> {
    object.get("$ref")?.as_str()?.rsplit('/').next()
}

/// How a subschema relates to the object that its parent describes.
enum Position {
    Definition,
    Child,
    Part,
    Alternative,
}

impl Position {
    fn of(keyword: &str) -> Self {
        match keyword {
            "$defs" => Self::Definition,
            "allOf" | "if" | "then" | "else" | "not" | "dependentSchemas" => Self::Part,
            "anyOf" | "oneOf" => Self::Alternative,
            _ => Self::Child,
        }
    }
}

/// Calls `visit` with each schema directly under `keyword`, and its name if it has one.
pub(crate) fn each_subschema(keyword: &str, value: &mut Value, visit: &mut dyn FnMut(&str, &mut Value)) {
    match (keyword, value) {
        ("$defs" | "properties" | "patternProperties" | "dependentSchemas", Value::Object(named)) => {
            for (name, schema) in named {
                visit(name, schema);
            }
        }
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
            for schema in list {
                visit("", schema);
            }
        }
        (
            "items"
            | "contains"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "propertyNames"
            | "if"
            | "then"
            | "else"
            | "not",
            schema,
        ) => visit("", schema),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(schema: Value) -> Value {
        let mut schema = Schema::try_from(schema).unwrap();
        RefuseUnknown.transform(&mut schema);
        schema.to_value()
    }

    #[test]
    fn closes_objects_at_every_level_and_only_once() {
        let open =
            json!({"properties": {"a": {"items": {"properties": {"b": true}}}, "c": {"type": "object"}}});
        let shut = json!({
            "properties": {
                "a": {"items": {"properties": {"b": true}, "additionalProperties": false}},
                "c": {"type": "object"},
            },
            "additionalProperties": false,
        });
        assert_eq!(closed(open), shut);
        assert_eq!(closed(shut.clone()), shut);
        for said in
            [json!({"properties": {}, "additionalProperties": {}}), json!(true), json!({"type": "string"})]
        {
            assert_eq!(closed(said.clone()), said);
        }
    }

    #[test]
    fn alternatives_are_closed_one_by_one_unless_they_are_parts() {
        assert_eq!(
            closed(
                json!({"oneOf": [{"properties": {"a": true}}, {"$ref": "#/$defs/T"}], "$defs": {"T": {"properties": {}}}})
            ),
            json!({
                "oneOf": [{"properties": {"a": true}, "additionalProperties": false}, {"$ref": "#/$defs/T"}],
                "$defs": {"T": {"properties": {}, "additionalProperties": false}},
            })
        );
        assert_eq!(
            closed(json!({"properties": {"a": true}, "anyOf": [{"properties": {"b": true}}]})),
            json!({
                "properties": {"a": true},
                "anyOf": [{"properties": {"b": true}}],
                "unevaluatedProperties": false,
            })
        );
    }

    #[test]
    fn a_definition_that_is_a_part_somewhere_is_closed_where_it_is_used() {
        let mut definitions = json!({
            "Tagged": {"properties": {"tag": true}, "$ref": "#/components/schemas/Part"},
            "Part": {"$ref": "#/components/schemas/Inner"},
            "Inner": {"properties": {"a": true}},
            "Other": {"properties": {"whole": {"$ref": "#/components/schemas/Inner"}}},
        });
        let mut uses = [
            json!({"$ref": "#/components/schemas/Inner"}),
            json!({"items": {"$ref": "#/components/schemas/Inner"}}),
            json!({"$ref": "#/components/schemas/Other"}),
        ];
        refuse_unknown(definitions.as_object_mut().unwrap(), &mut uses);
        assert_eq!(
            uses,
            [
                json!({"$ref": "#/components/schemas/Inner", "unevaluatedProperties": false}),
                json!({"items": {"$ref": "#/components/schemas/Inner", "unevaluatedProperties": false}}),
                json!({"$ref": "#/components/schemas/Other"}),
            ]
        );
        assert_eq!(
            definitions,
            json!({
                "Tagged": {
                    "properties": {"tag": true},
                    "$ref": "#/components/schemas/Part",
                    "unevaluatedProperties": false,
                },
                "Part": {"$ref": "#/components/schemas/Inner"},
                "Inner": {"properties": {"a": true}},
                "Other": {
                    "properties": {"whole": {"$ref": "#/components/schemas/Inner", "unevaluatedProperties": false}},
                    "additionalProperties": false,
                },
            })
        );
    }
}
