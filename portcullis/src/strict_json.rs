//! I-JSON (RFC 7493): no duplicate members, nothing after the value, bounded nesting.
//!
//! Two parsers can pick different members of a duplicate, so that the value checked is not the value used (RFC 8725
//! §2.4 describes it for tokens). Duplicates are therefore rejected, not resolved.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Not JSON, or something follows the value.
    Syntax,
    /// A number that no `f64` can hold (RFC 8259 §6 allows it).
    NumberOutOfRange,
    /// Arrays and objects are nested more deeply than allowed.
    TooDeep,
    /// An object has two members with the same name (RFC 7493 §2.3).
    DuplicateMember,
}

/// Parses one JSON value with at most `max_depth` levels of arrays and objects.
pub(crate) fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, Rejected> {
    let rejected = Cell::new(Rejected::Syntax);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth_left: max_depth, rejected: &rejected }
        .deserialize(&mut deserializer)
        .map_err(|error| if is_out_of_range(&error) { Rejected::NumberOutOfRange } else { rejected.get() })?;
    deserializer.end().map_err(|_| Rejected::Syntax)?;
    Ok(value)
}

/// `serde_json` has no other sign of it.
fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.is_syntax() && error.to_string().starts_with("number out of range")
}

/// Builds a [`Value`] and records in `rejected` why it stopped, because a serde error cannot carry that.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth_left: usize,
    rejected: &'a Cell<Rejected>,
}

impl Strict<'_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.stop(Rejected::TooDeep)),
        }
    }

    fn stop<E: serde::de::Error>(self, why: Rejected) -> E {
        self.rejected.set(why);
        E::custom("rejected")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.stop(Rejected::DuplicateMember));
            }
            object.insert(name, members.next_value_seed(inside)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_json_and_keeps_every_kind() {
        let text = br#" {"a":[null,true,-1,18446744073709551615,1.5,"x\u0000"],"b":{}} "#;
        let value = json!({"a": [null, true, -1, u64::MAX, 1.5, "x\u{0}"], "b": {}});
        assert_eq!(parse(text, 2), Ok(value));
    }

    #[test]
    fn refuses_a_duplicate_member_at_any_depth_and_however_written() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"c":2,"a":3}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(parse(text.as_bytes(), 8), Err(Rejected::DuplicateMember), "{text}");
        }
        assert!(parse(br#"[{"a":1},{"a":1}]"#, 8).is_ok());
    }

    #[test]
    fn allows_the_depth_and_not_one_more() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(32).as_bytes(), 32).is_ok());
        assert_eq!(parse(nested(33).as_bytes(), 32), Err(Rejected::TooDeep));
        assert_eq!(parse(nested(60_000).as_bytes(), 32), Err(Rejected::TooDeep));
        assert_eq!(parse(b"1", 0), Ok(json!(1)));
        assert_eq!(parse(b"{}", 0), Err(Rejected::TooDeep));
    }

    #[test]
    fn refuses_what_is_not_json() {
        let texts = [
            "",
            " ",
            "{}{}",
            "1 2",
            "[1,]",
            "{\"a\":}",
            "nul",
            "NaN",
            "01",
            "'a'",
            "\"\\ud800\"",
            "\"a\nb\"",
            "\u{feff}{}",
            "{a:1}",
            "[1] //",
        ];
        for text in texts {
            assert_eq!(parse(text.as_bytes(), 8), Err(Rejected::Syntax), "{text}");
        }
        assert_eq!(parse(b"\"\xff\"", 8), Err(Rejected::Syntax));
        for number in ["1e400", "-1e400", "[1, {\"a\": 1e400}]"] {
            assert_eq!(parse(number.as_bytes(), 8), Err(Rejected::NumberOutOfRange), "{number}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_it_writes(value in value()) {
            let text = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(parse(&text, 16), Ok(serde_json::from_slice(&text).unwrap()));
        }

        #[test]
        fn d07_takes_nothing_that_serde_json_refuses(text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            "[\\[\\]{}:,\"a01.e \\\\-]{0,48}".prop_map(String::into_bytes),
        ]) {
            match (parse(&text, 128), serde_json::from_slice::<Value>(&text)) {
                (Ok(ours), theirs) => prop_assert_eq!(ours, theirs.unwrap()),
                (Err(Rejected::Syntax | Rejected::NumberOutOfRange), theirs) => prop_assert!(theirs.is_err()),
                // serde_json may take these, or meet a syntax error further on.
                (Err(Rejected::DuplicateMember | Rejected::TooDeep), _) => {}
            }
        }
    }
}
