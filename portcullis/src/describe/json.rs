//! Transformations of the document's JSON.

use serde_json::{Map, Value, json};

/// The object inside `value`, which becomes an empty one if it is not an object.
pub(crate) fn object_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

/// The object in `value`, or an empty one.
pub(crate) fn into_object(value: Option<Value>) -> Map<String, Value> {
    if let Some(Value::Object(object)) = value { object } else { Map::new() }
}

/// Writes schemas that accept anything as `{}`, at all depths. `true` means the same (JSON Schema Core §4.3.2), but
/// some client generators reject a document that contains it.
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
