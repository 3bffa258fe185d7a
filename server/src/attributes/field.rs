//! Attributes as fields of a form and as texts of a page.

use super::{AttributeValue, FormTexts, Known};
use crate::{
    config::{Attribute, AttributeAtSignUp, AttributeKind},
    messages::Language,
};

/// A field of a form.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name, and its ID in the page.
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) is_required: bool,
    pub(crate) value: String,
    pub(crate) input: Input,
}

/// How a value is entered.
#[derive(Debug)]
pub(crate) enum Input {
    Text,
    /// The smallest and the largest number.
    Number(i64, i64),
    /// Each option and its text.
    Options(Vec<(String, String)>),
}

impl Field {
    pub(crate) fn new(attribute: &Attribute, value: String, language: Language) -> Self {
        let input = match &attribute.kind {
            AttributeKind::Text(_) => Input::Text,
            AttributeKind::Integer(least, most) => Input::Number(*least, *most),
            AttributeKind::Boolean => Input::Options(
                [true, false].map(|truth| (truth.to_string(), yes_or_no(truth, language).to_owned())).into(),
            ),
            AttributeKind::Choice(values) => {
                let mut options: Vec<_> = values.iter().map(|value| (value.clone(), value.clone())).collect();
                // A value that is not among them any more stays selected.
                if !value.is_empty() && !values.contains(&value) {
                    options.push((value.clone(), value.clone()));
                }
                Input::Options(options)
            }
        };
        Self {
            id: id_of(attribute),
            label: attribute.label(&language).to_owned(),
            is_required: attribute.sign_up == AttributeAtSignUp::Required,
            value,
            input,
        }
    }

    /// Whether this option is selected.
    pub(crate) fn is_chosen(&self, option: &str) -> bool {
        self.value == option
    }
}

/// The fields for what the reader can change, with what was typed, or else with the values.
pub(crate) fn fields(known: &[Known<'_>], typed: Option<&FormTexts>, language: Language) -> Vec<Field> {
    let changeable = known.iter().filter(|known| known.may_change);
    let field = |Known { attribute, value, .. }: &Known<'_>| {
        let typed = typed.and_then(|texts| texts.get(&id_of(attribute))).cloned();
        let value = || value.as_ref().map(AttributeValue::text).unwrap_or_default();
        Field::new(attribute, typed.unwrap_or_else(value), language)
    };
    changeable.map(field).collect()
}

/// Whether there is a value that the reader sees and does not change.
pub(crate) fn has_rows(known: &[Known<'_>]) -> bool {
    known.iter().any(|known| !known.may_change && known.value.is_some())
}

/// The name of an attribute's field.
pub(crate) fn id_of(attribute: &Attribute) -> String {
    format!("attributes.{}", attribute.name)
}

impl Known<'_> {
    /// The value as people read it, of an attribute that the reader does not change.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn row(&self, language: &Language) -> Option<String> {
        match self.value.as_ref().filter(|_| !self.may_change)? {
            AttributeValue::Boolean(truth) => Some(yes_or_no(*truth, *language).to_owned()),
            value => Some(value.text()),
        }
    }
}

fn yes_or_no(truth: bool, language: Language) -> &'static str {
    language.text(if truth { "page.attributes.yes" } else { "page.attributes.no" })
}
