//! A value, and what a declaration accepts.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    accounts,
    config::{AttributeKind, LONGEST_VALUE},
    db::{self, FromRow, Row},
    invalid::{Fault, JsonType},
};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum AttributeValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl AttributeValue {
    /// The value that a client sent as JSON.
    pub(super) fn of_json(kind: &AttributeKind, value: &Value) -> Result<Self, Fault> {
        match (kind, value) {
            (AttributeKind::Text(_) | AttributeKind::Choice(_), Value::String(text)) => {
                Self::of_text(kind, text)
            }
            (AttributeKind::Text(_) | AttributeKind::Choice(_), _) => Err(Fault::NotA(JsonType::String)),
            (AttributeKind::Integer(least, most), value) => {
                let number = value.as_i64().ok_or(Fault::NotA(JsonType::Integer))?;
                Self::within(number, *least, *most)
            }
            (AttributeKind::Boolean, value) => {
                value.as_bool().map(Self::Boolean).ok_or(Fault::NotA(JsonType::Boolean))
            }
        }
    }

    /// The value that a person typed or chose, or that stands in a query.
    pub(crate) fn of_text(kind: &AttributeKind, text: &str) -> Result<Self, Fault> {
        match kind {
            AttributeKind::Text(most) => {
                let text = accounts::name(text, *most)?;
                if text.len() > LONGEST_VALUE {
                    return Err(Fault::TooManyBytes(LONGEST_VALUE));
                }
                Ok(Self::Text(text))
            }
            AttributeKind::Choice(values) if values.iter().any(|value| value == text) => {
                Ok(Self::Text(text.to_owned()))
            }
            AttributeKind::Choice(values) => Err(Fault::NotOneOf(one_of(values))),
            AttributeKind::Integer(least, most) => {
                let number = text.trim().parse().map_err(|_| Fault::NotWithin(*least, *most))?;
                Self::within(number, *least, *most)
            }
            AttributeKind::Boolean => {
                text.parse().map(Self::Boolean).map_err(|_| Fault::NotA(JsonType::Boolean))
            }
        }
    }

    fn within(number: i64, least: i64, most: i64) -> Result<Self, Fault> {
        if (least..=most).contains(&number) {
            Ok(Self::Integer(number))
        } else {
            Err(Fault::NotWithin(least, most))
        }
    }

    /// The text that [`of_text`](Self::of_text) reads.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
        }
    }

    /// The columns of the table, of which one is not NULL.
    pub(crate) fn columns(&self) -> (Option<&str>, Option<i64>, Option<bool>) {
        match self {
            Self::Text(text) => (Some(text), None, None),
            Self::Integer(number) => (None, Some(*number), None),
            Self::Boolean(truth) => (None, None, Some(*truth)),
        }
    }
}

impl FromRow for AttributeValue {
    fn from_row(row: &Row<'_>) -> Result<Self, db::Error> {
        let columns = (row.named("text_value")?, row.named("integer_value")?, row.named("boolean_value")?);
        match columns {
            (Some(text), _, _) => Ok(Self::Text(text)),
            (_, Some(number), _) => Ok(Self::Integer(number)),
            (_, _, Some(truth)) => Ok(Self::Boolean(truth)),
            (None, None, None) => Err(db::Error::Column("text_value")),
        }
    }
}

/// `'free' or 'pro'`, in pydantic's words.
fn one_of(values: &[String]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_of_its_type_and_within_its_bounds() {
        let choice = AttributeKind::Choice(vec!["free".to_owned(), "pro".to_owned()]);
        for (kind, good, bad) in [
            (
                AttributeKind::Text(3),
                vec![json!("a"), json!("äöü")],
                vec![json!("abcd"), json!(1), json!(""), json!("a\nb")],
            ),
            (choice.clone(), vec![json!("free")], vec![json!("Free"), json!(""), json!(true)]),
            (
                AttributeKind::Integer(-1, 2),
                vec![json!(-1), json!(2)],
                vec![json!(3), json!(1.5), json!("1"), json!(u64::MAX)],
            ),
            (AttributeKind::Boolean, vec![json!(true)], vec![json!("true"), json!(1)]),
        ] {
            for value in good {
                let read = AttributeValue::of_json(&kind, &value).unwrap();
                assert_eq!(serde_json::to_value(&read).unwrap(), value);
                assert_eq!(AttributeValue::of_text(&kind, &read.text()).unwrap(), read);
            }
            for value in bad {
                assert!(AttributeValue::of_json(&kind, &value).is_err(), "{value}");
            }
        }
        let long = AttributeKind::Text(1024);
        assert!(AttributeValue::of_text(&long, &"ä".repeat(512)).is_ok());
        assert_eq!(AttributeValue::of_text(&long, &"ä".repeat(513)), Err(Fault::TooManyBytes(1024)));
        let fault = AttributeValue::of_text(&choice, "gold").unwrap_err();
        assert_eq!(fault.to_string(), "Input should be 'free' or 'pro'");
    }
}
