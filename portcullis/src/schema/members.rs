//! The members that an object's schema names, anywhere inside it.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The maximum number of references and parts to follow.
pub(crate) const MAX_HOPS: usize = 16;

/// The members of an object: its own, those of its parts and those of its alternatives.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    /// In the order in which they are found.
    pub(crate) named: Vec<Member<'a>>,
    /// The schemas for members with other names. Empty if there are none.
    pub(crate) others: Vec<&'a Value>,
    /// The members that every alternative requires.
    pub(crate) required: BTreeSet<&'a str>,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    /// One schema, or one for each alternative that has the member.
    pub(crate) schemas: Vec<&'a Value>,
    /// Whether only some alternatives have it, like a variant's field.
    pub(crate) is_of_a_variant: bool,
}

impl<'a> Members<'a> {
    pub(crate) fn of(root: &'a Value) -> Self {
        Self::within(root, root, MAX_HOPS)
    }

    /// The members of an object described by any of `schemas`, which lie within `root`.
    pub(crate) fn of_any(schemas: &[&'a Value], root: &'a Value) -> Self {
        Self::any(schemas.iter().map(|schema| Self::within(schema, root, MAX_HOPS)).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Member<'a>> {
        self.named.iter().find(|member| member.name == name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.others.is_empty()
    }

    fn within(schema: &'a Value, root: &'a Value, hops: usize) -> Self {
        let Some(hops) = hops.checked_sub(1) else { return Self::default() };
        let mut members = Self::default();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            members.named.push(Member { name, schemas: vec![property], is_of_a_variant: false });
        }
        let required = schema.get("required").and_then(Value::as_array);
        members.required = required.into_iter().flatten().filter_map(Value::as_str).collect();
        // A map with numeric keys uses a pattern for their names.
        let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
        members.others = by_pattern.into_iter().flat_map(|by_pattern| by_pattern.values()).collect();
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        members.others.extend(others);
        let all_of = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for part in referred(schema, root).into_iter().chain(all_of) {
            members.add(Self::within(part, root, hops));
        }
        for alternatives in ["anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)) {
            // An object never matches the alternative `null`.
            let alternatives = alternatives
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one.get("type").is_none_or(|kind| kind != "null"));
            members.add(Self::any(alternatives.map(|one| Self::within(one, root, hops)).collect()));
        }
        members
    }

    /// The members of an object that fits one of `alternatives`.
    fn any(mut alternatives: Vec<Self>) -> Self {
        let Some(first) = alternatives.first_mut() else { return Self::default() };
        let mut required = std::mem::take(&mut first.required);
        for other in alternatives.iter().skip(1) {
            required.retain(|name| other.required.contains(name));
        }
        let mut any = Self::default();
        for alternative in alternatives {
            any.add(alternative);
        }
        // serde's adjacently tagged form, `tag` and `content`, is not a choice between fields.
        let is_choice = any.named.len() > 2;
        for member in &mut any.named {
            member.is_of_a_variant |= is_choice;
        }
        any.required = required;
        any
    }

    fn add(&mut self, more: Self) {
        for member in more.named {
            match self.named.iter_mut().find(|known| known.name == member.name) {
                Some(known) => {
                    let new: Vec<_> =
                        member.schemas.into_iter().filter(|schema| !known.schemas.contains(schema)).collect();
                    known.schemas.extend(new);
                    known.is_of_a_variant &= member.is_of_a_variant;
                }
                None => self.named.push(member),
            }
        }
        for other in more.others {
            if !self.others.contains(&other) {
                self.others.push(other);
            }
        }
        self.required.extend(more.required);
    }
}

/// The schema that `schema` refers to.
fn referred<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    target_of(schema.get("$ref").and_then(Value::as_str)?, root)
}

/// The target of a reference.
pub(crate) fn target_of<'a>(target: &str, root: &'a Value) -> Option<&'a Value> {
    root.pointer(&percent_decode_str(target.strip_prefix('#')?).decode_utf8().ok()?)
}

/// The schemas that apply to the same value as `schema`.
pub(crate) fn parts<'a>(schema: &'a Value, root: &'a Value) -> impl Iterator<Item = &'a Value> {
    let alternatives = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword));
    referred(schema, root).into_iter().chain(alternatives.filter_map(Value::as_array).flatten())
}

/// The schema of the second item of each pair, if `root` is a list of name-value pairs.
pub(crate) fn value_of_pairs(root: &Value) -> Option<&Value> {
    match root.get("items")?.get("prefixItems")?.as_array()?.as_slice() {
        [_, value] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named<'a>(members: &Members<'a>) -> Vec<(&'a str, usize, bool)> {
        members.named.iter().map(|one| (one.name, one.schemas.len(), one.is_of_a_variant)).collect()
    }

    #[test]
    fn members_are_those_of_all_parts_and_required_where_each_alternative_requires_them() {
        let schema = json!({
            "properties": {"q": true},
            "required": ["q"],
            "oneOf": [
                {"properties": {"by": {"const": "name"}, "name": true}, "required": ["by", "name"]},
                {"$ref": "#/$defs/Id"},
            ],
            "allOf": [{"properties": {"page": true}, "required": ["page"]}],
            "$defs": {"Id": {"properties": {"by": {"const": "id"}, "id": true}, "required": ["by"]}},
        });
        let members = Members::of(&schema);
        assert_eq!(
            named(&members),
            [("q", 1, false), ("page", 1, false), ("by", 2, true), ("name", 1, true), ("id", 1, true)]
        );
        assert_eq!(members.required, BTreeSet::from(["by", "page", "q"]));
        assert!(members.others.is_empty());
    }

    #[test]
    fn to_be_null_is_no_alternative_for_an_object() {
        let schema = json!({"anyOf": [{"properties": {"a": true}, "required": ["a"]}, {"type": "null"}]});
        let members = Members::of(&schema);
        assert_eq!(named(&members), [("a", 1, false)]);
        assert_eq!(members.required, BTreeSet::from(["a"]));
    }

    #[test]
    fn other_members_are_those_of_maps() {
        let schema = json!({
            "properties": {"a": true}, "additionalProperties": {"type": "string"},
            "patternProperties": {"^\\d+$": {"type": "boolean"}},
        });
        assert_eq!(Members::of(&schema).others, [&json!({"type": "boolean"}), &json!({"type": "string"})]);
        assert!(Members::of(&json!({"properties": {}, "additionalProperties": false})).is_empty());
    }

    #[test]
    fn what_refers_to_itself_ends() {
        let schema = json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}});
        assert!(Members::of(&schema).is_empty());
    }
}
