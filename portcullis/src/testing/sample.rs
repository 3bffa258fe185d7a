//! Valid requests except for the credentials, made from the document's examples or else from minimal values of its
//! schemas.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::documented::{list, members, resolved};

/// A body to call an operation with: JSON for an operation that takes JSON or a form, or bytes of a content type.
///
/// ```
/// use portcullis::testing::Sample;
/// use serde_json::json;
///
/// let order = Sample::from(json!({ "item": "tea", "count": 2 }));
/// let picture = Sample::from(("image/png", b"\x89PNG\r\n".to_vec()));
/// # let _ = (order, picture);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(pub(super) Given);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Value(Value),
    Bytes(String, Vec<u8>),
}

impl From<Value> for Sample {
    fn from(value: Value) -> Self {
        Self(Given::Value(value))
    }
}

impl From<(&str, Vec<u8>)> for Sample {
    fn from((content_type, bytes): (&str, Vec<u8>)) -> Self {
        Self(Given::Bytes(content_type.to_owned(), bytes))
    }
}

/// The maximum depth of a value, for types that contain themselves.
const DEEPEST: u8 = 12;

/// The value of a parameter: its example, or a minimal value of its schema.
pub(super) fn parameter(document: &Value, parameter: &Value) -> String {
    match example(parameter).cloned().or_else(|| value(document, parameter.get("schema")?, DEEPEST)) {
        Some(Value::String(text)) => text,
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(","),
        Some(other) => other.to_string(),
        None => "1".to_owned(),
    }
}

/// A body with its content type; `None` if the operation takes none.
pub(super) fn body(
    document: &Value,
    body: Option<&Value>,
    given: Option<&Sample>,
) -> Option<(String, Vec<u8>)> {
    if let Some(Sample(Given::Bytes(content_type, bytes))) = given {
        return Some((content_type.clone(), bytes.clone()));
    }
    let content = body.and_then(|body| body.get("content"));
    let mut media: Vec<_> = members(content).collect();
    media.sort_by_key(|(content_type, _)| !content_type.ends_with("json"));
    let (content_type, media) = media.into_iter().next().unzip();
    let schema = media.and_then(|media| media.get("schema"));
    let value = match given {
        Some(Sample(Given::Value(value))) => value.clone(),
        _ => example(media?).cloned().or_else(|| value(document, schema?, DEEPEST)).unwrap_or_default(),
    };
    let content_type = content_type.map_or("application/json", String::as_str);
    Some(match content_type {
        "application/x-www-form-urlencoded" => (content_type.to_owned(), form(&value)),
        "multipart/form-data" => {
            (format!("{content_type}; boundary={BOUNDARY}"), multipart(document, &value, schema))
        }
        _ if content_type.ends_with("json") => (content_type.to_owned(), value.to_string().into_bytes()),
        _ => (content_type.to_owned(), as_text(&value).into_bytes()),
    })
}

/// The example of a schema, a parameter or a media type (OpenAPI 3.1 §4.8.12, JSON Schema §9.5).
fn example(of: &Value) -> Option<&Value> {
    let examples = of.get("examples");
    let first =
        list(examples).next().or_else(|| members(examples).next().and_then(|(_, named)| named.get("value")));
    of.get("example").or(first)
}

/// A minimal value of the schema, as far as that can be found without validation.
fn value(document: &Value, schema: &Value, depth: u8) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let schema = resolved(document, schema);
    let said = example(schema).or_else(|| schema.get("const")).or_else(|| list(schema.get("enum")).next());
    let said = said.or_else(|| schema.get("default").filter(|default| !default.is_null()));
    if let Some(said) = said {
        return Some(said.clone());
    }
    let mut whole = None;
    for keyword in ["anyOf", "oneOf"] {
        let mut alternatives = list(schema.get(keyword)).filter(|one| kind(one) != Some("null"));
        join(&mut whole, alternatives.find_map(|one| value(document, one, depth)));
    }
    for part in list(schema.get("allOf")) {
        join(&mut whole, value(document, part, depth));
    }
    let own = match kind(schema) {
        Some("object") => Some(object(document, schema, depth)),
        Some("array") => Some(array(document, schema, depth)),
        Some("string") => Some(text(schema).into()),
        Some("integer") => Some(number(schema).into()),
        Some("number") => Some(json!(number(schema))),
        Some("boolean") => Some(true.into()),
        Some("null") => Some(Value::Null),
        _ if schema.get("properties").is_some() => Some(object(document, schema, depth)),
        _ => None,
    };
    join(&mut whole, own);
    Some(whole.unwrap_or_else(|| json!("x")))
}

/// The first type that the schema names and that is not `null`.
fn kind(schema: &Value) -> Option<&str> {
    let named = schema.get("type")?;
    named.as_str().or_else(|| list(Some(named)).filter_map(Value::as_str).find(|kind| *kind != "null"))
}

/// Parts that are objects are merged; of other values, the first is used.
fn join(whole: &mut Option<Value>, part: Option<Value>) {
    match (whole, part) {
        (Some(Value::Object(whole)), Some(Value::Object(part))) => whole.extend(part),
        (whole @ None, part) => *whole = part,
        _ => {}
    }
}

fn object(document: &Value, schema: &Value, depth: u8) -> Value {
    let properties = schema.get("properties");
    let required = list(schema.get("required")).filter_map(Value::as_str);
    let members = required.map(|name| {
        let property = properties.and_then(|properties| properties.get(name)).unwrap_or(&Value::Null);
        (name.to_owned(), value(document, property, depth).unwrap_or_default())
    });
    Value::Object(members.collect::<Map<_, _>>())
}

fn array(document: &Value, schema: &Value, depth: u8) -> Value {
    let mut items: Vec<_> =
        list(schema.get("prefixItems")).filter_map(|item| value(document, item, depth)).collect();
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(100);
    let item = schema.get("items").and_then(|item| value(document, item, depth)).unwrap_or_default();
    while (items.len() as u64) < least {
        items.push(item.clone());
    }
    Value::Array(items)
}

fn text(schema: &Value) -> String {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("date") => "2026-01-01",
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email" | "idn-email") => "someone@example.com",
        Some("uri" | "iri" | "uri-reference" | "iri-reference" | "url") => "https://example.com/",
        Some("hostname" | "idn-hostname") => "example.com",
        Some("ipv4" | "ip") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        _ => "x",
    };
    let length = |keyword: &str| schema.get(keyword)?.as_u64()?.try_into().ok();
    let (least, most): (usize, usize) =
        (length("minLength").unwrap_or(1), length("maxLength").unwrap_or(usize::MAX));
    // If a longer text is needed, give an example. A sample of megabytes would be sent with every call.
    let padding = "x".repeat(least.min(64 * 1024).saturating_sub(text.len()));
    (text.to_owned() + &padding).chars().take(most).collect()
}

fn number(schema: &Value) -> i64 {
    let bound = |keyword: &str, beyond: i64| {
        let bound = schema.get(keyword)?;
        let whole = || bound.as_f64()?.trunc().to_string().parse().ok();
        Some(bound.as_i64().or_else(whole)?.saturating_add(beyond))
    };
    let least = bound("minimum", 0).into_iter().chain(bound("exclusiveMinimum", 1)).max();
    let most = bound("maximum", 0).into_iter().chain(bound("exclusiveMaximum", -1)).min();
    let number = 1.max(least.unwrap_or(1)).min(most.unwrap_or(i64::MAX));
    let step = schema.get("multipleOf").and_then(Value::as_i64).filter(|step| *step > 1).unwrap_or(1);
    number.checked_add(step - 1).map_or(number, |up| up / step * step)
}

/// The names and texts of an object's members, with each list item separately.
fn fields(value: &Value) -> impl Iterator<Item = (&str, String)> {
    members(Some(value)).flat_map(|(name, value)| {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        items.iter().map(move |item| (name.as_str(), as_text(item)))
    })
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn form(value: &Value) -> Vec<u8> {
    let pairs: Vec<_> =
        fields(value).map(|(name, text)| format!("{}={}", encoded(name), encoded(&text))).collect();
    pairs.join("&").into_bytes()
}

/// Everything except `unreserved` is percent-encoded (RFC 3986 §2.3).
pub(super) fn encoded(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

const BOUNDARY: &str = "portcullis-sample";

/// RFC 7578; a field whose schema is binary is a file.
fn multipart(document: &Value, value: &Value, schema: Option<&Value>) -> Vec<u8> {
    let properties =
        schema.map(|schema| resolved(document, schema)).and_then(|schema| schema.get("properties"));
    let is_file = |name: &str| {
        let property = properties.and_then(|properties| properties.get(name));
        let property = property.map(|property| property.get("items").unwrap_or(property));
        property.is_some_and(|property| {
            resolved(document, property).get("format").is_some_and(|format| format == "binary")
        })
    };
    let part = |(name, text): (&str, String)| {
        let file = if is_file(name) {
            "; filename=\"sample\"\r\nContent-Type: application/octet-stream"
        } else {
            ""
        };
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
    };
    let parts: String = fields(value).map(part).collect();
    (parts + &format!("--{BOUNDARY}--\r\n")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_one_that_the_schema_takes() {
        let document = json!({ "components": { "schemas": {
            "Item": {
                "type": "object",
                "required": ["name", "count", "tags", "size", "next"],
                "properties": {
                    "name": { "type": "string", "minLength": 5, "maxLength": 6 },
                    "count": { "type": "integer", "exclusiveMinimum": 4, "multipleOf": 10 },
                    "tags": { "type": "array", "minItems": 2, "items": { "enum": ["a", "b"] } },
                    "size": { "anyOf": [{ "type": "null" }, { "type": "number", "maximum": -2 }] },
                    "next": { "type": ["null", "string"], "format": "date" },
                    "left_out": { "type": "string" },
                },
                "additionalProperties": false,
            },
            "Whole": {
                "allOf": [{ "$ref": "#/components/schemas/Item" }],
                "oneOf": [{ "properties": { "kind": { "const": "k" } }, "required": ["kind"] }],
            },
            "Circle": {
                "type": "object", "required": ["again"],
                "properties": { "again": { "$ref": "#/components/schemas/Circle" } },
            },
            "Loop": { "$ref": "#/components/schemas/Loop" },
        } } });
        let of = |name: &str| {
            value(&document, &json!({ "$ref": format!("#/components/schemas/{name}") }), DEEPEST).unwrap()
        };
        let item =
            json!({ "name": "xxxxx", "count": 10, "tags": ["a", "a"], "size": -2, "next": "2026-01-01" });
        assert_eq!(of("Item"), item);
        assert_eq!(of("Whole")["kind"], "k");
        assert_eq!(of("Whole")["name"], "xxxxx");
        for name in ["Circle", "Loop"] {
            let _ = of(name);
        }
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Item" }], "components": document["components"] });
        assert!(jsonschema::is_valid(&schema, &item));
        let number = |schema: Value| number(&schema);
        assert_eq!(number(json!({ "minimum": i64::MAX, "multipleOf": 2 })), i64::MAX);
        assert_eq!(number(json!({ "minimum": 6.5, "maximum": 1e300 })), 6);
        assert_eq!(number(json!({ "maximum": 0 })), 0);
        assert_eq!(parameter(&document, &json!({ "example": 7, "schema": {} })), "7");
        assert_eq!(
            parameter(&document, &json!({ "schema": { "type": "array", "minItems": 2 } })),
            "null,null"
        );
    }

    #[test]
    fn a_body_is_written_as_its_content_type_asks() {
        let of = |content: Value, given: Option<Sample>| {
            let (content_type, bytes) =
                body(&Value::Null, Some(&json!({ "content": content })), given.as_ref()).unwrap();
            (content_type, String::from_utf8(bytes).unwrap())
        };
        let media = json!({
            "schema": {
                "required": ["image", "note"],
                "properties": { "image": { "type": "string", "format": "binary" }, "note": { "type": "string" } },
            },
        });
        let (content_type, text) = of(json!({ "multipart/form-data": media }), None);
        assert_eq!(content_type, "multipart/form-data; boundary=portcullis-sample");
        assert!(
            text.contains("name=\"image\"; filename=\"sample\"\r\nContent-Type")
                && text.contains("name=\"note\"\r\n\r\nx")
        );
        let given = Sample::from(json!({ "a": "1&2", "b": [1, 2] }));
        let form = json!({ "application/x-www-form-urlencoded": media });
        assert_eq!(of(form, Some(given)).1, "a=1%262&b=1&b=2");
        let json = json!({ "text/plain": {}, "application/json": { "example": { "a": 1 } } });
        assert_eq!(of(json, None), ("application/json".to_owned(), "{\"a\":1}".to_owned()));
        assert_eq!(of(json!({ "text/plain": { "example": "hi" } }), None).1, "hi");
        let raw = Sample::from(("image/png", b"PNG".to_vec()));
        assert_eq!(of(json!({ "text/plain": {} }), Some(raw)), ("image/png".to_owned(), "PNG".to_owned()));
        assert_eq!(body(&Value::Null, None, None), None);
    }
}
