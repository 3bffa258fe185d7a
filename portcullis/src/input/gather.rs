//! Assembles named texts into the value that a schema describes.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::{
    dialect::Origin,
    invalid::{FieldError, Loc},
    rejection::InputRejection,
};
use crate::schema::{Fields, Kind};

/// The most pairs in a form or query.
const MAX_PAIRS: usize = 100;

/// Decodes `application/x-www-form-urlencoded` (WHATWG URL §5.1), but rejects invalid UTF-8 instead of replacing it.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, InputRejection> {
    let mut pairs = Vec::new();
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(InputRejection::bad_request("Too many fields"));
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        pairs.push((name, decode(halves.next().unwrap_or_default())?));
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Result<String, InputRejection> {
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = percent_decode(&text).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| InputRejection::bad_request("The input is not valid UTF-8"))
}

/// The value so far, and the errors in it.
pub(super) struct Gathered<'f> {
    fields: &'f Fields,
    origin: Origin,
    given: BTreeMap<String, usize>,
    pub(super) value: Map<String, Value>,
    pub(super) amiss: Vec<FieldError>,
}

/// Where the next text or file of a name goes.
pub(super) enum Place<'f> {
    /// There is no such field.
    Unknown,
    /// The field takes one, and has it already.
    Taken,
    /// An item of the field: its kind and its location.
    Free(&'f Kind, Vec<Loc>),
}

impl<'f> Gathered<'f> {
    pub(super) fn new(fields: &'f Fields, origin: Origin) -> Self {
        Self { fields, origin, given: BTreeMap::new(), value: Map::new(), amiss: Vec::new() }
    }

    /// Adds a text. An empty one counts as missing (RFC 6749 §3.1; an HTML form sends every field).
    pub(super) fn text(&mut self, name: &str, text: &str) {
        if let Place::Free(kind, loc) = self.place(name)
            && !text.is_empty()
        {
            self.put(name, loc, kind.read(text));
        }
    }

    /// Where the next text or file called `name` goes. If it goes nowhere, that becomes an error.
    pub(super) fn place(&mut self, name: &str) -> Place<'f> {
        let Some(kind) = self.fields.kind(name) else {
            // The schema will reject the name, so the value is left out.
            self.value.insert(name.to_owned(), Value::Null);
            return Place::Unknown;
        };
        let given = self.given.entry(name.to_owned()).or_default();
        *given += 1;
        let again = *given > 1;
        let mut loc = self.origin.field(name);
        if let Kind::List(item, _) = kind {
            let list = self.value.get(name).and_then(Value::as_array);
            loc.push(list.map_or(0, Vec::len).into());
            return Place::Free(item, loc);
        }
        if again {
            self.amiss.push(FieldError::new(loc, "value_error", "Field given more than once"));
            return Place::Taken;
        }
        Place::Free(kind, loc)
    }

    /// Puts an item of the field `name` at `loc`, or adds its error.
    pub(super) fn put(
        &mut self,
        name: &str,
        loc: Vec<Loc>,
        item: Result<Value, (&'static str, Cow<'static, str>)>,
    ) {
        let item = item.unwrap_or_else(|(kind, msg)| {
            self.amiss.push(FieldError::new(loc, kind, msg));
            Value::Null
        });
        if !matches!(self.fields.kind(name), Some(Kind::List(..))) {
            self.value.insert(name.to_owned(), item);
        } else if let Value::Array(list) = self.value.entry(name).or_insert_with(|| Value::Array(Vec::new()))
        {
            list.push(item);
        }
    }
}
