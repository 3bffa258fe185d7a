//! The response that names every bad field, in the format of FastAPI and pydantic 2.

use std::{borrow::Cow, fmt};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    answer::json,
    describe::{DescribeResponse, Operation},
    schema::MAX_ERRORS,
};

/// Input that is well-formed but not acceptable: 422 with every bad field named.
///
/// The extractors return it themselves. A handler returns it for a rule that no schema can express, so that clients see
/// only one format:
/// ```
/// use portcullis::InvalidInput;
///
/// fn check_new_password(password: &str, login: &str) -> Result<(), InvalidInput> {
///     if password.contains(login) {
///         let msg = "The password must not contain the login name";
///         return Err(InvalidInput::field(["body", "password"], "value_error", msg));
///     }
///     Ok(())
/// }
/// # assert!(check_new_password("ada-1815", "ada").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(description = "The input is well-formed but not acceptable. Each bad field is listed.")]
pub struct InvalidInput {
    /// One entry for each bad field, at most 20.
    #[schemars(length(max = 20))]
    detail: Vec<FieldError>,
}

impl InvalidInput {
    /// One bad field: its location (`["body", "password"]`), the machine-readable kind of error (pydantic's if it has
    /// one, otherwise `value_error`), and a sentence for a person. Never repeat in the sentence what was sent.
    #[must_use]
    pub fn field<L: Into<Loc>>(
        loc: impl IntoIterator<Item = L>,
        kind: &'static str,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { detail: vec![FieldError::new(loc.into_iter().map(Into::into).collect(), kind, msg)] }
    }

    /// Adds a bad field. From the 21st on they are dropped.
    #[must_use]
    pub fn and_field<L: Into<Loc>>(
        mut self,
        loc: impl IntoIterator<Item = L>,
        kind: &'static str,
        msg: impl Into<Cow<'static, str>>,
    ) -> Self {
        if self.detail.len() < MAX_ERRORS {
            self.detail.push(FieldError::new(loc.into_iter().map(Into::into).collect(), kind, msg));
        }
        self
    }

    /// Adds the bad fields of `other`, up to 20 in total.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.detail.extend(other.detail);
        self.detail.truncate(MAX_ERRORS);
        self
    }

    /// The bad fields.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.detail
    }

    /// `Ok` if there are no errors.
    pub(super) fn unless_empty(mut errors: Vec<FieldError>) -> Result<(), Self> {
        errors.truncate(MAX_ERRORS);
        if errors.is_empty() { Ok(()) } else { Err(Self { detail: errors }) }
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for error in &self.detail {
            f.write_str(std::mem::replace(&mut separator, "; "))?;
            for step in error.loc.iter().skip(1) {
                write!(f, "{step}: ")?;
            }
            f.write_str(&error.msg)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidInput {}

impl IntoResponse for InvalidInput {
    fn into_response(self) -> Response {
        json(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }
}

impl DescribeResponse for InvalidInput {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<Self>(StatusCode::UNPROCESSABLE_ENTITY, "Some fields are not acceptable");
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// What is wrong, for programs, as pydantic names it: `missing`, `string_too_short`, …
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    /// Where the field is: `body`, `path` or `query`, then the names and indexes that lead to it.
    loc: Vec<Loc>,
    /// What is wrong, for people to read. It never repeats the input.
    msg: Cow<'static, str>,
}

impl FieldError {
    pub(super) fn new(loc: Vec<Loc>, kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: kind.into(), loc, msg: msg.into() }
    }

    /// The machine-readable kind of error: `missing`, `string_too_short`, …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Where the field is.
    #[must_use]
    pub fn loc(&self) -> &[Loc] {
        &self.loc
    }

    /// The sentence for a person.
    #[must_use]
    pub fn msg(&self) -> &str {
        &self.msg
    }
}

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[non_exhaustive]
pub enum Loc {
    /// Where the input was sent, or the name of a field.
    Name(Cow<'static, str>),
    /// The index in a list, from 0.
    Index(usize),
}

impl fmt::Display for Loc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => index.fmt(f),
        }
    }
}

/// The longest name from the sender that is repeated in a `loc`.
const MAX_NAME: usize = 64;

impl Loc {
    /// A name that may come from the sender: cut to 64 characters, and `?` unless it is printable ASCII. So a response
    /// or a log never contains an attacker's long texts or control characters.
    pub(super) fn name(name: &str) -> Self {
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if printable {
            Self::Name(name.chars().take(MAX_NAME).collect::<String>().into())
        } else {
            Self::Name("?".into())
        }
    }
}

impl From<&'static str> for Loc {
    fn from(name: &'static str) -> Self {
        Self::Name(name.into())
    }
}

/// A name that is made at run time. Like a sender's name, it is cut to 64 characters, and is `?` unless it is printable
/// ASCII.
impl From<String> for Loc {
    fn from(name: String) -> Self {
        Self::name(&name)
    }
}

impl From<usize> for Loc {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_is_bounded_and_printable() {
        assert_eq!(Loc::name("a b~"), Loc::Name("a b~".into()));
        assert_eq!(Loc::name(&"x".repeat(65)), Loc::Name("x".repeat(64).into()));
        for name in ["a\nb", "a\u{0}", "größe", "\u{7f}", "\u{202e}"] {
            assert_eq!(Loc::name(name), Loc::Name("?".into()), "{name:?}");
        }
    }

    #[test]
    fn a_handler_can_name_more_than_one_field_and_not_more_than_twenty() {
        let mut invalid = InvalidInput::field(["body"], "value_error", "no");
        for index in 0..30 {
            invalid = invalid.and_field([Loc::from("body"), index.into()], "value_error", "no");
        }
        assert_eq!(invalid.errors().len(), 20);
        let text = serde_json::to_value(&invalid).unwrap();
        assert_eq!(text["detail"][20], serde_json::Value::Null);
        assert_eq!(
            text["detail"][1],
            serde_json::json!({"type": "value_error", "loc": ["body", 0], "msg": "no"})
        );
    }
}
