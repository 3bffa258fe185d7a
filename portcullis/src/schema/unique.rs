//! `uniqueItems` in time linear in the length of the list, for any content.
//!
//! The validator's own check uses a hash that is equal for `[[]]` and `[[],[]]`, so it compares every pair in a list of
//! nothing but brackets.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Number, Value};

pub(crate) const KEYWORD: &str = "uniqueItems";

/// The options with this check in place of the validator's own.
pub(crate) fn checked(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options.with_keyword(KEYWORD, |_, wanted, _| {
        Ok(Box::new(Unique { is_wanted: *wanted == Value::Bool(true) }))
    })
}

struct Unique {
    is_wanted: bool,
}

impl<'i> Keyword<'i> for Unique {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) { Ok(()) } else { Err(ValidationError::custom("not unique")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        !self.is_wanted || instance.as_array().is_none_or(|list| is_unique(list))
    }
}

fn is_unique(list: &[Value]) -> bool {
    // The standard library uses a new key per process, so nobody can construct colliding values.
    let state = RandomState::new();
    let mut known: HashMap<u64, Vec<&Value>> = HashMap::with_capacity(list.len());
    list.iter().all(|item| {
        let alike = known.entry(hash_of(item, &state)).or_default();
        let is_new = !alike.contains(&item);
        alike.push(item);
        is_new
    })
}

/// A hash that distinguishes types, lengths and nesting.
fn hash_of(value: &Value, state: &RandomState) -> u64 {
    let mut hasher = state.build_hasher();
    std::mem::discriminant(value).hash(&mut hasher);
    match value {
        Value::Null => {}
        Value::Bool(value) => value.hash(&mut hasher),
        Value::Number(number) => hash_number(number, &mut hasher),
        Value::String(text) => text.hash(&mut hasher),
        Value::Array(list) => {
            list.len().hash(&mut hasher);
            for item in list {
                hash_of(item, state).hash(&mut hasher);
            }
        }
        Value::Object(object) => {
            object.len().hash(&mut hasher);
            // Independent of the member order, which a feature of `serde_json` changes.
            let members = object.iter().map(|(name, member)| state.hash_one((name, hash_of(member, state))));
            members.fold(0, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Equal numbers have equal hashes: an integer is never written as a fraction here (see `Json`).
fn hash_number(number: &Number, hasher: &mut impl Hasher) {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), ..) => number.hash(hasher),
        (_, Some(number), _) => number.hash(hasher),
        // Adding zero turns `-0.0` into `0.0`.
        (.., number) => (number.unwrap_or_default() + 0.0).to_bits().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_told_apart_as_json_schema_has_it() {
        let lists = [
            json!([[], [[]], [[], []], [[[]]], {}, {"a": {}}, {"a": []}, "", 0, false, null]),
            json!([1, 2, -1, u64::MAX, u64::MAX - 1, i64::MIN, 0.5, "1"]),
            json!([{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1}]),
        ];
        for list in lists {
            let list = list.as_array().unwrap();
            assert!(is_unique(list), "{list:?}");
            for item in list {
                assert!(!is_unique(&[list.as_slice(), std::slice::from_ref(item)].concat()), "{item}");
            }
        }
        let turned: Value = serde_json::from_str(r#"[{"a":1,"b":2},{"b":2,"a":1}]"#).unwrap();
        assert!(!is_unique(turned.as_array().unwrap()));
    }
}
