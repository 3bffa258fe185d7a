//! Form errors, next to their fields and in the reader's language.

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use super::{NotShown, View};
use crate::{
    error::{Error, ForeignPicture},
    invalid::Fault,
};

/// The errors of a form; they never repeat what was sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    status: StatusCode,
    wait: Option<u64>,
    whole: Option<String>,
    fields: Vec<(String, String)>,
}

impl View {
    /// Does what a form asks for. If that fails, the response is the form again, with errors next to the fields
    /// that `fields` names.
    pub(crate) fn form<T, P: Template>(
        &self,
        fields: &[&str],
        act: impl Future<Output = Result<T, Error>>,
        form: impl AsyncFnOnce(Faults) -> Result<P, Error>,
    ) -> impl Future<Output = Result<T, NotShown>> {
        // Boxed, or every form handler's future would hold the act twice.
        let act = Box::pin(act);
        async move {
            let error = match act.await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let faults = Faults::of(self, error, fields)?;
            let page = Box::pin(form(faults.clone())).await?;
            Err(NotShown::Instead(Box::new(faults.show(self, &page)?)))
        }
    }
}

impl Faults {
    /// A form that nobody has filled in yet.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// One sentence about the form as a whole.
    pub(crate) fn whole_form(v: &View, key: &'static str) -> Self {
        Self { whole: Some(v.t(key).to_owned()), ..Self::default() }
    }

    /// Turns a room's error into errors of the form with these fields. Errors that the person cannot fix pass
    /// through.
    fn of(v: &View, error: Error, fields: &[&str]) -> Result<Self, NotShown> {
        error.log();
        let whole = |key| Some(v.t(key).to_owned());
        let mut faults = Self { status: error.status(), ..Self::default() };
        match &error {
            Error::Invalid(invalid) => {
                for (name, fault) in invalid.fields() {
                    let sentence = sentence(v, name, fault);
                    if fields.contains(&name) {
                        faults.fields.push((name.to_owned(), sentence));
                    } else {
                        faults.whole = Some(sentence);
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
            Error::FactorRequired => faults.whole = whole("page.factor.required"),
            Error::PasskeyRejected => faults.whole = whole("page.fault.passkey"),
            Error::PasskeysOff => faults.whole = whole("page.passkeys.off"),
            Error::PasskeyTaken => faults.whole = whole("page.fault.passkey_taken"),
            Error::TooManyPasskeys => faults.whole = whole("page.fault.too_many_passkeys"),
            Error::LastWayIn => faults.whole = whole("page.fault.last_way_in"),
            Error::TooManyKeys => faults.whole = whole("page.fault.too_many_keys"),
            Error::KeyReplaced => faults.whole = whole("page.fault.key_replaced"),
            Error::LastAdmin => faults.whole = whole("page.fault.last_admin"),
            Error::Refused(refusal) => faults.whole = whole(refusal.text()),
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
        self.fields.push((field.to_owned(), v.t(key).to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.fields.is_empty()
    }

    /// Whether there is more to show than one field's error.
    pub(crate) fn has_summary(&self) -> bool {
        self.whole.is_some() || self.fields.len() > 1
    }

    /// The error of a field.
    pub(crate) fn field(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, sentence)| sentence.as_str())
    }

    /// Whether this is the only field with an error; it then gets the focus.
    pub(crate) fn is_only(&self, field: &str) -> bool {
        !self.has_summary() && self.field(field).is_some()
    }

    /// An error that belongs to no field.
    pub(crate) fn whole(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// Each field with its error, for the summary.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The form again, with the status of the JSON route.
    fn show(&self, v: &View, page: &impl Template) -> Result<Response, Error> {
        let mut answer = v.show(self.status, page)?;
        if let Some(wait) = self.wait {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2; browsers open no login dialog for this scheme.
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

/// The text of a fault. A missing field is named, so that two empty fields can be told apart.
fn sentence(v: &View, field: &str, fault: &Fault) -> String {
    let key = match fault {
        Fault::TooFewCharacters(count) => return v.t1("page.fault.too_short", "count", count),
        Fault::TooManyCharacters(count) => return v.t1("page.fault.too_many_characters", "count", count),
        Fault::NotAnObject(of) => return v.t1("page.fault.not_an_object", "type", of),
        Fault::NotUpTo(most) => return v.t1("page.fault.not_up_to", "most", most),
        Fault::NotWithin(least, most) => {
            let numbers = [("least", least.to_string()), ("most", most.to_string())];
            let numbers: Vec<_> = numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
            return v.language.fill("page.fault.not_within", &numbers);
        }
        Fault::LargePicture { side, megapixels, mib } => {
            let numbers = [
                ("side", side.to_string()),
                ("megapixels", megapixels.to_string()),
                ("mib", mib.to_string()),
            ];
            let numbers: Vec<_> = numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
            return v.language.fill("page.fault.picture_large", &numbers);
        }
        Fault::Missing | Fault::Blank => match field {
            "email" => "page.fault.no_email",
            "password" => "page.fault.no_password",
            "current_password" => "page.fault.no_current_password",
            "full_name" | "name" => "page.fault.no_name",
            "code" => "page.fault.no_code",
            _ => "page.fault.required",
        },
        Fault::TooManyBytes(_) => "page.fault.too_long",
        Fault::ControlCharacters => "page.fault.disguise",
        Fault::NotAnEmail => "page.fault.email",
        Fault::AnotherEmail => "page.fault.another_email",
        Fault::AnotherName => "page.fault.another_name",
        Fault::NotAMember => "page.fault.not_a_member",
        Fault::OwnWords => "page.fault.own_words",
        Fault::CommonPassword => "page.fault.common",
        Fault::BreachedPassword => "page.fault.breached",
        Fault::GuessablePassword(_) => "page.fault.guessable",
        Fault::WrongPassword => "page.fault.wrong_password",
        Fault::WrongCode => "page.fault.code",
        Fault::NotTicked => "page.fault.sure",
        Fault::RejectedPasskey(_) => "page.fault.passkey_new",
        Fault::NotAmong(_) => "page.fault.not_among",
        Fault::NotOneOf(_) | Fault::NotA(_) => "page.fault.not_one_of",
        Fault::Undeclared | Fault::ReadOnly => "page.fault.read_only",
        Fault::BrokenPicture => "page.fault.picture_broken",
    };
    v.t(key).to_owned()
}
