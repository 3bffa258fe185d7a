//! Rejects schemas whose validation takes time exponential in the depth of the input.
//!
//! If several alternatives check the same member, and the member can hold the whole type again, each level multiplies
//! the work. Three alternatives at a depth of 30 are 3³⁰ steps for a body of a few hundred bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::closed::{IN_PLACE, each_subschema};

/// `Err` names the member that is checked more than once at every level.
pub(crate) fn check(root: &Value) -> Result<(), String> {
    let mut homes: Vec<(String, Value)> = Vec::new();
    let mut own = root.clone();
    let definitions = own.as_object_mut().and_then(|own| own.remove("$defs"));
    homes.push(("#".to_owned(), own));
    if let Some(Value::Object(definitions)) = definitions {
        homes.extend(definitions.into_iter().map(|(name, schema)| (format!("#/$defs/{name}"), schema)));
    }
    let graph = Graph { homes: homes.into_iter().collect() };
    for (home, schema) in &graph.homes {
        let leads_back: BTreeSet<&str> =
            graph.homes.keys().map(String::as_str).filter(|other| graph.reaches(other, home)).collect();
        graph.check_all(schema, &leads_back)?;
    }
    Ok(())
}

/// The definitions, by the references to them.
struct Graph {
    homes: BTreeMap<String, Value>,
}

impl Graph {
    /// Whether a value described by `from` can contain one described by `to`, or is one.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut next = vec![from.to_owned()];
        while let Some(home) = next.pop() {
            if home == to {
                return true;
            }
            let mut targets = Vec::new();
            references(self.homes.get(&home).unwrap_or(&Value::Null), &mut targets);
            next.extend(targets.into_iter().filter(|target| seen.insert(target.clone())));
        }
        false
    }

    /// Checks `schema` and every schema written inside it.
    fn check_all(&self, schema: &Value, leads_back: &BTreeSet<&str>) -> Result<(), String> {
        let mut looks = BTreeMap::new();
        self.look(schema, 1, leads_back, &mut BTreeSet::new(), &mut looks);
        let at_any = looks.remove(ANY).unwrap_or(0);
        let many = looks.iter().find(|(_, count)| **count + at_any > 1).map(|(member, _)| member.as_str());
        if let Some(member) = many.or((at_any > 1).then_some(ANY)) {
            return Err(format!(
                "it is recursive through `{member}` in more than one alternative, which takes exponential time \
                 to check; cut the recursion with `#[schemars(with = \"serde_json::Value\")]` on that field"
            ));
        }
        let mut schema = schema.clone();
        let mut result = Ok(());
        for (key, value) in schema.as_object_mut().into_iter().flatten() {
            each_subschema(key, value, &mut |_, inner| {
                if result.is_ok() {
                    result = self.check_all(inner, leads_back);
                }
            });
        }
        result
    }

    /// Counts, for each member that leads back to the object, how often validating one object checks it.
    fn look(
        &self,
        schema: &Value,
        times: usize,
        leads_back: &BTreeSet<&str>,
        within: &mut BTreeSet<String>,
        looks: &mut BTreeMap<String, usize>,
    ) {
        let Some(object) = schema.as_object() else { return };
        for (member, inner) in members(object) {
            let mut targets = Vec::new();
            references(inner, &mut targets);
            if targets.iter().any(|target| leads_back.contains(target.as_str())) {
                *looks.entry(member.to_owned()).or_default() += times;
            }
        }
        // To find unevaluated members, the parts are evaluated once more.
        let again = object.keys().any(|key| key.starts_with("unevaluated"));
        let times = if again { times * 2 } else { times };
        for part in IN_PLACE.iter().filter_map(|keyword| object.get(*keyword)) {
            match part {
                Value::String(target) => {
                    if let Some(definition) = self.homes.get(target)
                        && within.insert(target.clone())
                    {
                        self.look(definition, times, leads_back, within, looks);
                        within.remove(target);
                    }
                }
                Value::Array(list) => {
                    for part in list {
                        self.look(part, times, leads_back, within, looks);
                    }
                }
                part => self.look(part, times, leads_back, within, looks),
            }
        }
    }
}

/// Stands for members whose names the schema does not state, and for the items of a list.
const ANY: &str = "*";

fn members(object: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let named = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    let others = object.iter().filter(|(key, _)| {
        ["additionalProperties", "patternProperties", "items", "prefixItems", "contains"]
            .contains(&key.as_str())
    });
    named.map(|(name, inner)| (name.as_str(), inner)).chain(others.map(|(_, inner)| (ANY, inner)))
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => found.push(target.clone()),
                    value => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_look_per_level_is_fine() {
        for schema in [
            json!({"properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}),
            json!({"properties": {"l": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "r": {"$ref": "#"}}}),
            json!({"oneOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"b": {"$ref": "#"}}}]}),
            json!({
                "oneOf": [{"properties": {"t": {"$ref": "#/$defs/T"}}}, {"properties": {"t": {"$ref": "#/$defs/T"}}}],
                "$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}},
            }),
            json!({"type": "array", "items": {"$ref": "#"}}),
        ] {
            assert_eq!(check(&schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn more_looks_per_level_are_refused() {
        for schema in [
            json!({"oneOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}),
            json!({"allOf": [{"$ref": "#/$defs/T"}, {"properties": {"a": {"$ref": "#"}}}], "$defs": {
                "T": {"properties": {"a": {"type": "array", "items": {"$ref": "#"}}}},
            }}),
            json!({"properties": {"x": {"$ref": "#/$defs/T"}}, "$defs": {"T": {
                "oneOf": [{"properties": {"a": {"$ref": "#/$defs/T"}}}], "unevaluatedProperties": false,
            }}}),
            json!({"anyOf": [{"additionalProperties": {"$ref": "#"}}, {"properties": {"a": {"$ref": "#"}}}]}),
            json!({"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}),
        ] {
            assert!(check(&schema).is_err(), "{schema}");
        }
    }
}
