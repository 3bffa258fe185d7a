//! Validation errors, each as a kind with its numbers. They have two renderings: the entry of a 422, in pydantic's
//! words ([`Fault::kind`] and its `Display`), and a page's text in the reader's language (`pages::faults`).

use std::{borrow::Cow, fmt};

use portcullis::InvalidInput;

/// Why a field is not acceptable. It contains nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing was sent.
    Missing,
    /// Nothing but whitespace was sent.
    Blank,
    /// Fewer characters than this.
    TooFewCharacters(usize),
    /// More characters than this.
    TooManyCharacters(usize),
    /// More bytes than this.
    TooManyBytes(usize),
    /// Characters that make a text look like a different one.
    ControlCharacters,
    /// Not an email address.
    NotAnEmail,
    /// Not the expected email address.
    AnotherEmail,
    /// Not the name of what is about to be deleted.
    AnotherName,
    /// Not the address of a member.
    NotAMember,
    /// Not the ID of an object of this type of the application.
    NotAnObject(String),
    /// A password made of what anyone knows about the account or this server.
    OwnWords,
    /// A password on the list of common ones.
    CommonPassword,
    /// A password known from a breach elsewhere.
    BreachedPassword,
    /// A password that can be guessed too quickly; zxcvbn's sentences say why.
    GuessablePassword(String),
    /// Not the password.
    WrongPassword,
    /// Not the code, or a code that was used or has expired.
    WrongCode,
    /// A checkbox that must be ticked.
    NotTicked,
    /// A new passkey that was not accepted, and why.
    RejectedPasskey(&'static str),
    /// Not one or more of these.
    NotAmong(String),
    /// Not a whole number from 1 to this.
    NotUpTo(i64),
    /// Not a whole number between these two.
    NotWithin(i64, i64),
    /// Not a value of this type of JSON Schema.
    NotA(JsonType),
    /// Not one of these texts.
    NotOneOf(String),
    /// Nothing of this name can be sent.
    Undeclared,
    /// The sender can read it and not change it.
    ReadOnly,
    /// A picture that is damaged, truncated, or inconsistent with its header.
    BrokenPicture,
    /// A picture that takes too much memory to decode.
    LargePicture {
        /// Pixels a side.
        side: u32,
        /// Megapixels.
        megapixels: u64,
        /// MiB.
        mib: usize,
    },
}

/// A type of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonType {
    /// A string.
    String,
    /// An integer.
    Integer,
    /// A boolean.
    Boolean,
}

impl Fault {
    /// The entry's `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooFewCharacters(_) => "string_too_short",
            Self::TooManyBytes(_) => "string_too_long",
            Self::NotA(JsonType::String) => "string_type",
            Self::NotA(JsonType::Integer) => "int_type",
            Self::NotA(JsonType::Boolean) => "bool_type",
            Self::NotOneOf(_) => "enum",
            Self::Undeclared => "extra_forbidden",
            _ => "value_error",
        }
    }
}

/// The entry's `msg`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Field required",
            Self::Blank => "Value should not be blank",
            Self::TooFewCharacters(least) => {
                return write!(f, "String should have at least {least} characters");
            }
            Self::TooManyCharacters(most) => return write!(f, "String should have at most {most} characters"),
            Self::TooManyBytes(most) => return write!(f, "String should have at most {most} bytes"),
            Self::ControlCharacters => "Value should not contain control or direction characters",
            Self::NotAnEmail => "value is not a valid email address",
            Self::AnotherEmail => "Value error, This is not the account's email address",
            Self::AnotherName => "Value error, This is not the organisation's name",
            Self::NotAnObject(of) => return write!(f, "Value error, Enter {of}: and the ID of an object"),
            Self::NotAMember => "Value error, No member of the organisation has this email address",
            Self::OwnWords => {
                "Value error, The password is made up of your name, your email address or the name of this service. \
                    Choose other words."
            }
            Self::CommonPassword => "Value error, This is a very common password. Choose another one.",
            Self::BreachedPassword => {
                "Value error, This password is known from a data breach. Choose another one."
            }
            Self::GuessablePassword(why) => {
                return write!(f, "Value error, The password is easy to guess. {why}");
            }
            Self::WrongPassword => "Value error, The password is incorrect",
            Self::WrongCode => "Value error, The code is incorrect, was used, or has expired",
            Self::NotTicked => "Value error, Tick the box to confirm",
            Self::RejectedPasskey(reason) => {
                return write!(f, "Value error, The passkey was not accepted: {reason}");
            }
            Self::NotAmong(known) => return write!(f, "Value error, Choose at least one of: {known}"),
            Self::NotUpTo(most) => return write!(f, "Value error, Enter a whole number from 1 to {most}"),
            Self::NotWithin(least, most) => {
                return write!(f, "Value error, Enter a whole number from {least} to {most}");
            }
            Self::NotA(JsonType::String) => "Input should be a valid string",
            Self::NotA(JsonType::Integer) => "Input should be a valid integer",
            Self::NotA(JsonType::Boolean) => "Input should be a valid boolean",
            Self::NotOneOf(known) => return write!(f, "Input should be {known}"),
            Self::Undeclared => "Extra inputs are not permitted",
            Self::ReadOnly => "Value error, You cannot change this",
            Self::BrokenPicture => "the picture is damaged or incomplete",
            Self::LargePicture { side, megapixels, mib } => {
                return write!(
                    f,
                    "the picture is too large: at most {side} pixels a side, {megapixels} megapixels (fewer for \
                     progressive JPEG, deep colour, transparency or WebP) and {mib} MiB"
                );
            }
        })
    }
}

/// The invalid fields, each with its fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(Vec<(Cow<'static, str>, Fault)>);

impl Invalid {
    /// One field of the body. A dot in its name leads into an object.
    pub(crate) fn field(name: impl Into<Cow<'static, str>>, fault: Fault) -> Self {
        Self(vec![(name.into(), fault)])
    }

    /// The fields of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Each field with its fault.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Fault)> {
        self.0.iter().map(|(name, fault)| (name.as_ref(), fault))
    }
}

/// For a terminal: `password: String should have at least 12 characters`.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, fault)) in self.fields().enumerate() {
            write!(f, "{}{name}: {fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// The 422 response.
impl From<Invalid> for InvalidInput {
    fn from(invalid: Invalid) -> Self {
        let entries = invalid.0.into_iter().map(|(name, fault)| {
            let loc = std::iter::once("body").chain(name.split('.')).map(str::to_owned);
            Self::field(loc, fault.kind(), fault.to_string())
        });
        // Every `Invalid` has at least one field.
        entries.reduce(Self::and).unwrap_or_else(|| Self::field(["body"], "value_error", "Invalid input"))
    }
}

#[cfg(test)]
mod tests {
    use portcullis::input::FieldError;

    use super::*;

    #[test]
    fn one_fault_is_an_entry_of_a_422_and_a_line_of_a_terminal() {
        let invalid = Invalid::field("email", Fault::NotAnEmail)
            .and(Invalid::field("password", Fault::TooFewCharacters(12)));
        assert_eq!(
            invalid.to_string(),
            "email: value is not a valid email address; password: String should have at least 12 characters"
        );
        let input = InvalidInput::from(invalid);
        let kinds: Vec<_> = input.errors().iter().map(FieldError::kind).collect();
        assert_eq!(kinds, ["value_error", "string_too_short"]);
    }
}
