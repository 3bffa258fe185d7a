//! What a field's schema wants from a text: forms, queries and paths carry nothing else.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// What one field takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// A file of so many bytes.
    File {
        min: u64,
        max: u64,
    },
    /// Any number of items, each sent under the same name; the schema may bound how many.
    List(Box<Kind>, Option<u64>),
}

/// What a whole type takes.
#[derive(Debug)]
pub(super) enum Shape {
    /// Fields by name.
    Fields(Fields),
    /// Fields by order.
    Tuple(Vec<Kind>),
    /// One value.
    Single(Kind),
}

/// The fields of a [`Shape`].
#[derive(Debug, Default)]
pub(super) struct Fields {
    named: BTreeMap<String, Kind>,
    others: Option<Kind>,
    required: Vec<String>,
}

impl Fields {
    /// What the field `name` takes; `None` when there is no such field.
    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        self.named.get(name).or(self.others.as_ref())
    }

    /// The fields that must be there.
    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.required.iter().map(String::as_str)
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.named.values().chain(&self.others)
    }
}

/// The bytes of a file whose schema states no `maxLength`.
const MAX_UNSTATED_FILE: u64 = 64 * 1024;

/// How many references are followed to find out what a schema wants.
const MAX_HOPS: usize = 16;

impl Shape {
    pub(super) fn of(root: &Value) -> Self {
        if let Some(Value::Array(items)) = root.get("prefixItems") {
            return Self::Tuple(items.iter().map(|item| Kind::of(item, root, MAX_HOPS)).collect());
        }
        let required = root.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let mut fields = Fields { required, ..Fields::default() };
        gather(root, root, MAX_HOPS, &mut fields);
        if fields.named.is_empty() && fields.others.is_none() && !is_object(root) {
            return Self::Single(Kind::of(root, root, MAX_HOPS));
        }
        Self::Fields(fields)
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// Collects the fields of a schema and of the parts it is put together from.
fn gather(schema: &Value, root: &Value, hops: usize, fields: &mut Fields) {
    let Some(hops) = hops.checked_sub(1) else { return };
    if let Some(Value::Object(properties)) = schema.get("properties") {
        for (name, property) in properties {
            fields.named.entry(name.clone()).or_insert_with(|| Kind::of(property, root, MAX_HOPS));
        }
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| **others != json!(false)) {
        fields.others = Some(Kind::of(others, root, MAX_HOPS));
    }
    for part in parts(schema, root) {
        gather(part, root, hops, fields);
    }
}

/// The schemas that look at the same value as `schema`.
fn parts<'a>(schema: &'a Value, root: &'a Value) -> impl Iterator<Item = &'a Value> {
    let alternatives = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword));
    let referred = schema.get("$ref").and_then(Value::as_str).and_then(|target| {
        let pointer = percent_decode_str(target.strip_prefix('#')?).decode_utf8().ok()?;
        root.pointer(&pointer)
    });
    referred.into_iter().chain(alternatives.filter_map(Value::as_array).flatten())
}

impl Kind {
    fn of(schema: &Value, root: &Value, hops: usize) -> Self {
        Self::known(schema, root, hops).unwrap_or(Self::Text)
    }

    /// `None` when the schema takes only `null` or does not say.
    fn known(schema: &Value, root: &Value, hops: usize) -> Option<Self> {
        let hops = hops.checked_sub(1)?;
        let named = match schema.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
            _ => None,
        };
        match named {
            Some("integer") => Some(Self::Integer),
            Some("number") => Some(Self::Number),
            Some("boolean") => Some(Self::Boolean),
            Some("string") if schema.get("format").is_some_and(|format| format == "binary") => {
                let length = |keyword| schema.get(keyword).and_then(Value::as_u64);
                Some(Self::File {
                    min: length("minLength").unwrap_or(0),
                    max: length("maxLength").unwrap_or(MAX_UNSTATED_FILE),
                })
            }
            Some("array") => {
                let item = schema.get("items").map_or(Self::Text, |items| Self::of(items, root, hops));
                Some(Self::List(Box::new(item), schema.get("maxItems").and_then(Value::as_u64)))
            }
            Some("null") => None,
            Some(_) => Some(Self::Text),
            // Alternatives of different kinds cannot be told apart in a text: it stays a text.
            None => {
                let mut kinds = parts(schema, root).filter_map(|part| Self::known(part, root, hops));
                let first = kinds.next()?;
                Some(if kinds.all(|kind| kind == first) { first } else { Self::Text })
            }
        }
    }

    /// The value that `text` stands for, or pydantic's `type` and `msg` for why it stands for none.
    pub(super) fn read(&self, text: &str) -> Result<Value, (&'static str, Cow<'static, str>)> {
        match self {
            Self::Text | Self::File { .. } if text.contains('\0') => Err((NUL.0, NUL.1.into())),
            Self::Text | Self::File { .. } => Ok(text.into()),
            Self::Integer => integer(text),
            Self::Number => number(text),
            Self::Boolean => boolean(text),
            Self::List(item, _) => item.read(text),
        }
    }
}

/// PostgreSQL stores no U+0000 and C libraries stop at it, so no input carries it on.
pub(super) const NUL: (&str, &str) = ("value_error", "Input should not contain the character U+0000");

fn integer(text: &str) -> Result<Value, (&'static str, Cow<'static, str>)> {
    if let Ok(value) = text.parse::<i64>() {
        return Ok(value.into());
    }
    if let Ok(value) = text.parse::<u64>() {
        return Ok(value.into());
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let msg = "Unable to parse input string as an integer, exceeded maximum size";
        return Err(("int_parsing_size", msg.into()));
    }
    Err(("int_parsing", "Input should be a valid integer, unable to parse string as an integer".into()))
}

fn number(text: &str) -> Result<Value, (&'static str, Cow<'static, str>)> {
    if let Ok(value) = integer(text) {
        return Ok(value);
    }
    // Rust also reads "inf" and "NaN", which JSON has no word for.
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let value = text.parse::<f64>().ok().filter(|value| numeric && value.is_finite());
    value
        .map(Value::from)
        .ok_or(("float_parsing", "Input should be a valid number, unable to parse string as a number".into()))
}

fn boolean(text: &str) -> Result<Value, (&'static str, Cow<'static, str>)> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "t" | "y" | "yes" => Ok(true.into()),
        "false" | "0" | "off" | "f" | "n" | "no" => Ok(false.into()),
        _ => Err(("bool_parsing", "Input should be a valid boolean, unable to interpret input".into())),
    }
}
