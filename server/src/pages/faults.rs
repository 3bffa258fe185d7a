//! What is wrong with a form, beside its fields and in the reader's language.

use http::{HeaderValue, StatusCode, header};

use axum::response::Response;

use super::{Refused, View};
use crate::error::{Error, ForeignPicture};

/// What is wrong with the form, none of it repeating what was sent.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    status: StatusCode,
    wait: Option<u64>,
    whole: Option<String>,
    fields: Vec<(&'static str, String)>,
}

impl Faults {
    /// A form that nobody has filled in yet.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// One sentence about the form in whole.
    pub(crate) fn whole_form(v: &View, key: &'static str) -> Self {
        Self { whole: Some(v.t(key).to_owned()), ..Self::default() }
    }

    /// What a room says about the form with these fields. What the person before it can do nothing about passes
    /// through.
    pub(crate) fn of(v: &View, error: Error, fields: &[&'static str]) -> Result<Self, Refused> {
        error.log();
        let whole = |key| Some(v.t(key).to_owned());
        let mut faults = Self { status: error.status(), ..Self::default() };
        match &error {
            Error::Invalid(input) => {
                for bad in input.errors() {
                    let name = bad.loc().get(1).map(ToString::to_string).unwrap_or_default();
                    let sentence = sentence(v, bad.kind(), bad.msg());
                    match fields.iter().find(|field| **field == name) {
                        Some(field) => faults.fields.push((field, sentence)),
                        None => faults.whole = Some(sentence),
                    }
                }
            }
            Error::EmailTaken => faults.at(v, "email", "page.fault.email_taken"),
            Error::WrongPassword => faults.at(v, "current_password", "page.fault.wrong_password"),
            Error::UnsupportedPicture(foreign) => faults.at(v, "file", foreign_picture(*foreign)),
            Error::NoRoom => {
                faults.wait = Some(1);
                faults.at(v, "file", "page.fault.no_room");
            }
            Error::WrongCredentials => faults.whole = whole("page.fault.wrong_credentials"),
            Error::EmailUnverified => faults.whole = whole("page.fault.email_unverified"),
            Error::DeadLink => faults.whole = whole("page.fault.dead_link"),
            Error::FactorRequired => faults.whole = whole("page.factor.required"),
            Error::LastAdmin => faults.whole = whole("page.fault.last_admin"),
            Error::Throttled(wait) => {
                faults.wait = Some(wait.as_secs().max(1));
                let minutes = wait.as_secs().div_ceil(60).max(1);
                faults.whole = Some(v.t1("page.fault.throttled", "minutes", minutes));
            }
            Error::Busy | Error::NotReady | Error::Database(_) | Error::Objects(_) => {
                faults.wait = Some(1);
                faults.whole = whole("page.fault.unavailable");
            }
            _ => return Err(error.into()),
        }
        Ok(faults)
    }

    fn at(&mut self, v: &View, field: &'static str, key: &'static str) {
        self.fields.push((field, v.t(key).to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.fields.is_empty()
    }

    /// What is wrong with a field.
    pub(crate) fn field(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, sentence)| sentence.as_str())
    }

    /// What is wrong with no field in particular.
    pub(crate) fn whole(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// Each field with what is wrong with it, for the summary.
    pub(crate) fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// The form again, with the status that the JSON route answers.
    pub(crate) fn show(&self, v: &View, page: &impl askama::Template) -> Result<Response, Refused> {
        let mut answer = v.show(self.status, page)?;
        if let Some(wait) = self.wait {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2; no browser asks with a window of its own for this scheme.
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Cookie"));
        }
        Ok(answer)
    }
}

fn foreign_picture(foreign: ForeignPicture) -> &'static str {
    match foreign {
        ForeignPicture::Heic => "page.fault.picture_heic",
        ForeignPicture::Avif => "page.fault.picture_avif",
        ForeignPicture::Gif => "page.fault.picture_gif",
        ForeignPicture::Other => "page.fault.picture_type",
    }
}

/// Sentences of the rooms, by how they begin, and the texts that say the same to a person.
const SENTENCES: [(&str, &str); 16] = [
    ("Field required", "page.fault.required"),
    ("String should have at least", "page.fault.too_short"),
    ("String should have at most 200 characters", "page.fault.name_too_long"),
    ("String should have at most", "page.fault.too_long"),
    ("Value should not be blank", "page.fault.required"),
    ("Value should not contain control", "page.fault.disguise"),
    ("value is not a valid email address", "page.fault.email"),
    ("Value error, The password is made of words", "page.fault.own_words"),
    ("Value error, This is a very common password", "page.fault.common"),
    ("Value error, This password is known from a breach", "page.fault.breached"),
    ("Value error, The password is easy to guess", "page.fault.guessable"),
    ("the picture is damaged", "page.fault.picture_broken"),
    ("the picture is too large", "page.fault.picture_large"),
    ("The password is not right", "page.fault.wrong_password"),
    ("the box is not ticked", "page.fault.sure"),
    ("The code is wrong", "page.fault.code"),
];

/// The same in the reader's language. A number in it is kept: it is how many characters are asked for.
fn sentence(v: &View, kind: &str, msg: &str) -> String {
    if kind == "missing" {
        return v.t("page.fault.required").to_owned();
    }
    let known = SENTENCES.iter().find(|(beginning, _)| msg.starts_with(beginning));
    let number: String = msg.chars().filter(char::is_ascii_digit).collect();
    v.t1(known.map_or("page.fault.other", |(_, key)| *key), "count", number)
}

#[cfg(test)]
mod tests {
    use super::SENTENCES;
    use crate::{
        accounts::{Email, FullName},
        passwords::{TooLong, policy::Weak},
        pictures::decode::Refused,
    };

    #[test]
    fn every_sentence_of_a_room_has_a_translation() {
        let mut said = vec![
            Email::of_field("x", "email").unwrap_err().errors()[0].msg().to_owned(),
            TooLong.to_string(),
            Refused::Broken.to_string(),
            Refused::TooLarge.to_string(),
        ];
        for name in ["", "a\nb", &"x".repeat(201)] {
            said.push(FullName::parse(name).unwrap_err().to_owned());
        }
        for weak in [
            Weak::TooShort { min_length: 12 },
            Weak::OwnWords,
            Weak::Common,
            Weak::Breached,
            Weak::Guessable("Add another word.".to_owned()),
        ] {
            said.push(weak.message());
        }
        for sentence in said {
            assert!(SENTENCES.iter().any(|(beginning, _)| sentence.starts_with(beginning)), "{sentence}");
        }
    }
}
