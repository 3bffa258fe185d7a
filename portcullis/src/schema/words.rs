//! Error messages in the wording of pydantic 2 (see "Validation Errors" in its documentation).

use std::borrow::Cow;

use jsonschema::{
    JsonType,
    error::{TypeKind, ValidationErrorKind as Found},
};
use serde_json::Value;

use super::unique;

/// The message for faults that pydantic has no message for.
pub(crate) const UNACCEPTABLE: (&str, &str) = ("value_error", "Input is not acceptable");

/// The message for the fault of `instance`, in pydantic's wording.
pub(crate) fn words(kind: &Found, instance: &Value) -> (&'static str, Cow<'static, str>) {
    match kind {
        Found::Type { kind } => wrong_type(kind, instance),
        Found::MinLength { limit } => {
            ("string_too_short", format!("String should have at least {}", count(*limit, "character")).into())
        }
        Found::MaxLength { limit } => {
            ("string_too_long", format!("String should have at most {}", count(*limit, "character")).into())
        }
        Found::Pattern { pattern } => {
            ("string_pattern_mismatch", format!("String should match pattern '{pattern}'").into())
        }
        Found::Minimum { limit } => {
            ("greater_than_equal", format!("Input should be greater than or equal to {limit}").into())
        }
        Found::Maximum { limit } => {
            ("less_than_equal", format!("Input should be less than or equal to {limit}").into())
        }
        Found::ExclusiveMinimum { limit } => {
            ("greater_than", format!("Input should be greater than {limit}").into())
        }
        Found::ExclusiveMaximum { limit } => {
            ("less_than", format!("Input should be less than {limit}").into())
        }
        Found::MultipleOf { multiple_of } => {
            ("multiple_of", format!("Input should be a multiple of {multiple_of}").into())
        }
        Found::MinItems { limit } => ("too_short", sized("List", "at least", *limit, "item", instance)),
        Found::MaxItems { limit } => ("too_long", sized("List", "at most", *limit, "item", instance)),
        Found::MinProperties { limit } => {
            ("too_short", sized("Dictionary", "at least", *limit, "item", instance))
        }
        Found::MaxProperties { limit } => {
            ("too_long", sized("Dictionary", "at most", *limit, "item", instance))
        }
        Found::AdditionalItems { limit } => {
            ("too_long", sized("Tuple", "at most", *limit as u64, "item", instance))
        }
        Found::Custom { keyword, .. } if keyword == unique::KEYWORD => {
            ("value_error", "List items should be unique".into())
        }
        Found::Constant { expected_value } => ("literal_error", one_of(&[expected_value])),
        Found::Enum { options } => match &**options {
            Value::Array(options) => ("enum", one_of(&options.iter().collect::<Vec<_>>())),
            option => ("enum", one_of(&[option])),
        },
        Found::Format { format } => ill_formed(format),
        _ => (UNACCEPTABLE.0, UNACCEPTABLE.1.into()),
    }
}

fn wrong_type(wanted: &TypeKind, instance: &Value) -> (&'static str, Cow<'static, str>) {
    let wanted = match wanted {
        TypeKind::Single(wanted) => Some(*wanted),
        TypeKind::Multiple(set) => set.iter().find(|wanted| *wanted != JsonType::Null),
    };
    let (kind, msg) = match wanted {
        Some(JsonType::String) => ("string_type", "Input should be a valid string"),
        Some(JsonType::Integer) if instance.is_number() => {
            ("int_from_float", "Input should be a valid integer, got a number with a fractional part")
        }
        Some(JsonType::Integer) => ("int_type", "Input should be a valid integer"),
        Some(JsonType::Number) => ("float_type", "Input should be a valid number"),
        Some(JsonType::Boolean) => ("bool_type", "Input should be a valid boolean"),
        Some(JsonType::Array) => ("list_type", "Input should be a valid list"),
        Some(JsonType::Object) => {
            ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
        }
        Some(JsonType::Null) | None => ("none_required", "Input should be None"),
    };
    (kind, msg.into())
}

fn ill_formed(format: &str) -> (&'static str, Cow<'static, str>) {
    let (kind, msg) = match format {
        "email" | "idn-email" => ("value_error", "value is not a valid email address"),
        "uuid" => ("uuid_parsing", "Input should be a valid UUID"),
        "date-time" => ("datetime_parsing", "Input should be a valid datetime"),
        "date" => ("date_parsing", "Input should be a valid date in the format YYYY-MM-DD"),
        "time" => ("time_parsing", "Input should be in a valid time format"),
        "duration" => ("time_delta_parsing", "Input should be a valid duration"),
        "uri" | "iri" => ("url_parsing", "Input should be a valid URL"),
        "ipv4" => ("ip_v4_address", "Input is not a valid IPv4 address"),
        "ipv6" => ("ip_v6_address", "Input is not a valid IPv6 address"),
        format => return ("value_error", format!("Input should be a valid {format}").into()),
    };
    (kind, msg.into())
}

fn sized(what: &str, bound: &str, limit: u64, item: &str, instance: &Value) -> Cow<'static, str> {
    let actual = match instance {
        Value::Array(list) => list.len(),
        Value::Object(object) => object.len(),
        _ => 0,
    };
    format!("{what} should have {bound} {} after validation, not {actual}", count(limit, item)).into()
}

fn count(limit: u64, noun: &str) -> String {
    if limit == 1 { format!("1 {noun}") } else { format!("{limit} {noun}s") }
}

/// `Input should be 'a', 'b' or 'c'`.
pub(crate) fn one_of(options: &[&Value]) -> Cow<'static, str> {
    let options: Vec<String> = options
        .iter()
        .filter(|option| !option.is_null())
        .map(|option| option.as_str().map_or_else(|| option.to_string(), |text| format!("'{text}'")))
        .collect();
    let listed = match options.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "None".to_owned(),
    };
    format!("Input should be {listed}").into()
}
