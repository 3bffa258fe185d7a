//! What is done to the JSON of a document, wherever it stands.

use serde_json::{Map, Value, json};

/// The object inside `value`, which is made one if it is not.
pub(crate) fn object_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

/// The object that `value` is, or an empty one.
pub(crate) fn into_object(value: Option<Value>) -> Map<String, Value> {
    if let Some(Value::Object(object)) = value { object } else { Map::new() }
}

/// Writes a schema that anything passes as `{}`, in this one and all inside: `true` is the same (JSON Schema Core §4.3.2),
/// but there are generators of clients that take a document with it for none.
pub(super) fn spell_out(schema: &mut Value) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    (
                        "additionalProperties"
                        | "contains"
                        | "contentSchema"
                        | "else"
                        | "if"
                        | "items"
                        | "not"
                        | "propertyNames"
                        | "then"
                        | "unevaluatedItems"
                        | "unevaluatedProperties",
                        one,
                    ) => spell_out(one),
                    ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                        list.iter_mut().for_each(spell_out);
                    }
                    ("dependentSchemas" | "patternProperties" | "properties", Value::Object(named)) => {
                        named.values_mut().for_each(spell_out);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
