//! The shapes of attributes in requests and responses.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AttributeValue, Known};
use crate::{
    config::{Attribute, AttributeAtSignUp, AttributeKind},
    messages::Language,
};

/// Values by name, as a client sends them.
pub(crate) type Typed = BTreeMap<String, Value>;

/// An attribute and its value.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attribute")]
pub(crate) struct AttributeView {
    name: String,
    /// What people call it, in the language that `Accept-Language` prefers.
    label: String,
    /// `null` if there is none.
    value: Option<AttributeValue>,
    /// The JSON Schema of its values. A value from before the operator changed it may not match.
    schema: Map<String, Value>,
    /// Whether you can change it.
    may_change: bool,
}

/// The attributes that you can read, in the order of their declaration.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attributes")]
pub(crate) struct AttributesView {
    attributes: Vec<AttributeView>,
}

impl AttributesView {
    pub(crate) fn of(known: Vec<Known<'_>>, language: Language) -> Self {
        let view = |known: Known<'_>| AttributeView {
            name: known.attribute.name.clone(),
            label: known.attribute.label(&language).to_owned(),
            value: known.value,
            schema: schema(known.attribute),
            may_change: known.may_change,
        };
        Self { attributes: known.into_iter().map(view).collect() }
    }
}

/// An attribute that sign-up asks for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AttributeAsked")]
pub(crate) struct AskedView {
    name: String,
    /// What people call it, in the language that `Accept-Language` prefers.
    label: String,
    /// The JSON Schema of its values.
    schema: Map<String, Value>,
    required: bool,
}

/// The attributes that sign-up asks for.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AttributesAsked {
    pub(crate) attributes: Vec<AskedView>,
}

impl AskedView {
    pub(crate) fn of(attribute: &Attribute, language: Language) -> Self {
        Self {
            name: attribute.name.clone(),
            label: attribute.label(&language).to_owned(),
            schema: schema(attribute),
            required: attribute.sign_up == AttributeAtSignUp::Required,
        }
    }
}

/// New values by name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributesChange {
    /// `null` removes a value; what is not named stays.
    #[schemars(extend("maxProperties" = 32))]
    pub(crate) attributes: Typed,
}

fn schema(attribute: &Attribute) -> Map<String, Value> {
    let schema = match &attribute.kind {
        AttributeKind::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        AttributeKind::Choice(values) => json!({ "type": "string", "enum": values }),
        AttributeKind::Integer(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        AttributeKind::Boolean => json!({ "type": "boolean" }),
    };
    if let Value::Object(schema) = schema { schema } else { Map::new() }
}
