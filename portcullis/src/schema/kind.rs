//! The kind of value that a field's schema expects from a text, because forms, queries and paths carry only text.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::members::{MAX_HOPS, Members, parts};

/// The kind of value of one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// A file of at most this many bytes.
    File {
        min: u64,
        max: u64,
    },
    /// Any number of items, each sent under the same name. The schema may limit the number.
    List(Box<Kind>, Option<u64>),
    /// A value that cannot be sent as text: an object, or one of several kinds that text does not distinguish.
    Never,
}

/// What an extractor can read from the texts of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) lists: bool,
    pub(crate) files: bool,
}

/// The shape of a whole type.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Fields by name.
    Fields(Fields),
    /// Fields by order.
    Tuple(Vec<Kind>),
    /// A single value.
    Single(Kind),
}

/// The fields of a [`Shape`].
#[derive(Debug, Default)]
pub(crate) struct Fields {
    named: BTreeMap<String, Kind>,
    others: Option<Kind>,
    required: Vec<String>,
}

impl Fields {
    /// The kind of the field `name`; `None` if there is no such field.
    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.named.get(name).or(self.others.as_ref())
    }

    /// The required fields.
    pub(crate) fn required(&self) -> impl Iterator<Item = &str> {
        self.required.iter().map(String::as_str)
    }

    /// The fields and their kinds. Fields without a fixed name are called `*`.
    pub(crate) fn named_kinds(&self) -> impl Iterator<Item = (&str, &Kind)> {
        let named = self.named.iter().map(|(name, kind)| (name.as_str(), kind));
        named.chain(self.others.iter().map(|kind| ("*", kind)))
    }

    /// Whether only the named fields are allowed.
    pub(crate) fn are_closed(&self) -> bool {
        self.others.is_none()
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.named.values().chain(&self.others)
    }
}

/// The maximum size of a file whose schema has no `maxLength`.
const MAX_UNSTATED_FILE: u64 = 64 * 1024;

impl Shape {
    pub(crate) fn of(root: &Value) -> Self {
        if let Some(Value::Array(items)) = root.get("prefixItems") {
            return Self::Tuple(items.iter().map(|item| Kind::of(item, root, MAX_HOPS)).collect());
        }
        let members = Members::of(root);
        if members.is_empty() && !is_object(root) {
            return Self::Single(Kind::of(root, root, MAX_HOPS));
        }
        let kind = |schemas: &[&Value]| Kind::of_any(schemas.iter().copied(), root, MAX_HOPS);
        let named = members
            .named
            .iter()
            .map(|member| (member.name.to_owned(), kind(&member.schemas).unwrap_or(Kind::Text)));
        Self::Fields(Fields {
            named: named.collect(),
            others: (!members.others.is_empty()).then(|| kind(&members.others).unwrap_or(Kind::Text)),
            required: members.required.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Why a type of this shape cannot be used in a route whose parameters are called `names`.
    pub(crate) fn misfit(&self, names: &[&str]) -> Option<String> {
        let takes = match self {
            Self::Single(_) if names.len() != 1 => "one parameter".to_owned(),
            Self::Tuple(kinds) if names.len() != kinds.len() => format!("{} parameters", kinds.len()),
            Self::Fields(fields) => {
                let field = fields.required().find(|field| !names.contains(field))?;
                format!("a parameter `{field}`")
            }
            Self::Single(_) | Self::Tuple(_) => return None,
        };
        let has = if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
        Some(format!("it takes {takes}, and the route has {has}"))
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

impl Kind {
    pub(crate) fn of(schema: &Value, root: &Value, hops: usize) -> Self {
        Self::known(schema, root, hops).unwrap_or(Self::Text)
    }

    /// `None` if the schema only takes `null` or does not say.
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
                let tuple = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
                let items = tuple.chain(schema.get("items").filter(|items| items.is_object()));
                let items: Vec<_> = items.map(|item| Self::of(item, root, hops)).collect();
                let item = match items.as_slice() {
                    [] => Self::Text,
                    [first, others @ ..] if others.iter().all(|other| other == first) => first.clone(),
                    _ => Self::Never,
                };
                Some(Self::List(Box::new(item), schema.get("maxItems").and_then(Value::as_u64)))
            }
            Some("null") => None,
            Some("object") => Some(Self::Never),
            Some(_) => Some(Self::Text),
            None => Self::of_any(parts(schema, root), root, hops),
        }
    }

    /// The kind that fits a value of any of `schemas`. If they differ, a text does not show which is meant, so the
    /// value stays a text if one of them takes text.
    fn of_any<'a>(schemas: impl Iterator<Item = &'a Value>, root: &Value, hops: usize) -> Option<Self> {
        let kinds: Vec<_> = schemas.filter_map(|schema| Self::known(schema, root, hops)).collect();
        let first = kinds.first()?;
        Some(if kinds.iter().all(|kind| kind == first) {
            first.clone()
        } else if kinds.contains(&Self::Text) {
            Self::Text
        } else {
            Self::Never
        })
    }

    /// Why this kind cannot be read from text. `takes` says whether lists and files are possible.
    pub(crate) fn misfit(&self, takes: Takes) -> Option<&'static str> {
        match self {
            Self::Text | Self::Integer | Self::Number | Self::Boolean => None,
            Self::File { .. } if takes.files => None,
            Self::File { .. } => Some("a file, which only `portcullis::Multipart` takes"),
            Self::List(item, _) if takes.lists => item.misfit(Takes { lists: false, ..takes }),
            Self::List(..) => Some("a list where there is one text"),
            Self::Never => Some("an object, or one of several kinds that no text tells apart"),
        }
    }

    /// The value of `text`, or pydantic's `type` and `msg` if it is invalid.
    pub(crate) fn read(&self, text: &str) -> Result<Value, (&'static str, Cow<'static, str>)> {
        match self {
            Self::Text | Self::File { .. } | Self::Never if text.contains('\0') => Err((NUL.0, NUL.1.into())),
            Self::Text | Self::File { .. } | Self::Never => Ok(text.into()),
            Self::Integer => integer(text),
            Self::Number => number(text),
            Self::Boolean => boolean(text),
            Self::List(item, _) => item.read(text),
        }
    }
}

/// PostgreSQL cannot store U+0000 and C libraries stop at it, so inputs must not contain it.
pub(crate) const NUL: (&str, &str) = ("value_error", "Input should not contain the character U+0000");

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
    // Rust also parses "inf" and "NaN", which JSON cannot represent.
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
