//! What somebody wants to change, checked against the declarations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{AttributeValue, Known, field::id_of, shape::Typed};
use crate::{
    config::{Attribute, AttributeAtSignUp, AttributeOf, AttributeReaders},
    invalid::{Fault, Invalid},
};

/// The texts of a form, by the names of its fields.
pub(crate) type FormTexts = BTreeMap<String, String>;

/// The most characters of an undeclared name that an error repeats.
const LONGEST_NAME: usize = 30;

/// Who wants to change attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changer {
    /// The account itself; an owner of the organisation.
    Owner,
    Administrator,
}

impl Changer {
    /// As whom they read.
    pub(crate) fn reader(self) -> AttributeReaders {
        match self {
            Self::Owner => AttributeReaders::Owner,
            Self::Administrator => AttributeReaders::Administrators,
        }
    }
}

/// New values by name; `None` removes one. Each is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub(crate) struct Changes(Vec<(String, Option<AttributeValue>)>);

impl Changes {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&AttributeValue>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a client sent to change attributes of an account or an organisation.
    ///
    /// # Errors
    /// Every name that is not declared for this changer, and every value that is not allowed.
    pub(crate) fn of_json(
        attributes: &[Attribute],
        of: AttributeOf,
        by: Changer,
        typed: &Typed,
    ) -> Result<Self, Invalid> {
        let mut checked = Checked::default();
        for (name, value) in typed {
            let known =
                attributes.iter().find(|one| one.of == of && one.name == *name && one.read >= by.reader());
            match known {
                None => checked.undeclared(name),
                Some(attribute) if !attribute.may_be_changed_by(by.reader()) => {
                    checked.push(attribute, Err(Fault::ReadOnly));
                }
                Some(attribute) => checked.push(attribute, of_json(attribute, by, value)),
            }
        }
        checked.done()
    }

    /// What a client sent at sign-up.
    ///
    /// # Errors
    /// As [`of_json`](Self::of_json), and every required attribute that is missing.
    pub(crate) fn at_sign_up(attributes: &[Attribute], typed: &Typed) -> Result<Self, Invalid> {
        let asked = || attributes.iter().filter(|attribute| attribute.is_asked());
        let mut checked = Checked::default();
        for name in typed.keys().filter(|name| asked().all(|attribute| attribute.name != **name)) {
            checked.undeclared(name);
        }
        for attribute in asked() {
            let value = typed.get(&attribute.name).unwrap_or(&Value::Null);
            checked.push(attribute, of_json(attribute, Changer::Owner, value));
        }
        checked.done()
    }

    /// What a person typed into the form of a sign-up.
    ///
    /// # Errors
    /// As [`at_sign_up`](Self::at_sign_up).
    pub(crate) fn of_sign_up_form(attributes: &[Attribute], texts: &FormTexts) -> Result<Self, Invalid> {
        let mut checked = Checked::default();
        for attribute in attributes.iter().filter(|attribute| attribute.is_asked()) {
            let text = texts.get(&id_of(attribute)).map_or("", String::as_str);
            checked.push(attribute, of_text(attribute, Changer::Owner, text));
        }
        checked.done()
    }

    /// What a person typed into a form that shows these values. What is as it was is not a change, so a value that is no
    /// longer allowed does not stand in the way of another.
    ///
    /// # Errors
    /// Every value that is not allowed.
    pub(crate) fn of_form(known: &[Known<'_>], by: Changer, texts: &FormTexts) -> Result<Self, Invalid> {
        let mut checked = Checked::default();
        for Known { attribute, value, .. } in known.iter().filter(|known| known.may_change) {
            let Some(text) = texts.get(&id_of(attribute)) else { continue };
            if *text != value.as_ref().map(AttributeValue::text).unwrap_or_default() {
                checked.push(attribute, of_text(attribute, by, text));
            }
        }
        checked.done()
    }
}

fn of_json(attribute: &Attribute, by: Changer, value: &Value) -> Result<Option<AttributeValue>, Fault> {
    if value.is_null() {
        return removed(attribute, by);
    }
    AttributeValue::of_json(&attribute.kind, value).map(Some)
}

fn of_text(attribute: &Attribute, by: Changer, text: &str) -> Result<Option<AttributeValue>, Fault> {
    if text.trim().is_empty() {
        return removed(attribute, by);
    }
    AttributeValue::of_text(&attribute.kind, text).map(Some)
}

/// What sign-up requires, its owner cannot remove either.
fn removed(attribute: &Attribute, by: Changer) -> Result<Option<AttributeValue>, Fault> {
    let is_required = attribute.sign_up == AttributeAtSignUp::Required && by == Changer::Owner;
    if is_required { Err(Fault::Missing) } else { Ok(None) }
}

#[derive(Default)]
struct Checked {
    changes: Vec<(String, Option<AttributeValue>)>,
    faults: Option<Invalid>,
}

impl Checked {
    fn push(&mut self, attribute: &Attribute, value: Result<Option<AttributeValue>, Fault>) {
        match value {
            Ok(value) => self.changes.push((attribute.name.clone(), value)),
            Err(fault) => self.fault(Invalid::field(id_of(attribute), fault)),
        }
    }

    fn undeclared(&mut self, name: &str) {
        let is_short = name.chars().count() <= LONGEST_NAME;
        let field = if is_short { format!("attributes.{name}") } else { "attributes".to_owned() };
        self.fault(Invalid::field(field, Fault::Undeclared));
    }

    fn fault(&mut self, fault: Invalid) {
        self.faults = Some(match self.faults.take() {
            Some(faults) => faults.and(fault),
            None => fault,
        });
    }

    fn done(self) -> Result<Changes, Invalid> {
        match self.faults {
            Some(faults) => Err(faults),
            None => Ok(Changes(self.changes)),
        }
    }
}
