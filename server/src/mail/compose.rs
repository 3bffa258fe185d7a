//! An email as RFC 5322 text: two alternatives, plain text and HTML, to exactly one address.

use askama::Template;
use lettre::{
    Address,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use super::{
    Message, Recipient,
    letter::{self, Letter},
};
use crate::{accounts::Email, app::App, clock::Timestamp};

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Plain<'l> {
    letter: &'l Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'l> {
    letter: &'l Letter,
    brand: &'l str,
    color: String,
}

/// An email ready to be sent.
pub(super) struct Outgoing {
    pub(super) id: Uuid,
    pub(super) from: Address,
    /// The one recipient; this type has no room for another.
    pub(super) to: Address,
    pub(super) text: Vec<u8>,
}

/// Why an email cannot be written. It contains no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("the stored address cannot receive email")]
    Address,
    #[error("the sender is not an email address; correct the setting `mail_from`")]
    Sender,
    #[error("the text of the email cannot be rendered: {0}")]
    Text(String),
}

/// Writes a message. Its `Message-ID` is derived from `id`, so that a mailbox can recognise a duplicate.
pub(super) fn compose(
    app: &App,
    id: Uuid,
    to: &Recipient,
    message: &Message,
    now: Timestamp,
) -> Result<Outgoing, Unwritable> {
    let to_address = address(&to.email).ok_or(Unwritable::Address)?;
    let (from_name, from) = sender(app).ok_or(Unwritable::Sender)?;
    let failed = |cause: &dyn std::fmt::Display| Unwritable::Text(cause.to_string());

    let letter = letter::write(app, to, message);
    let brand = &app.config().brand;
    let plain = Plain { letter: &letter }.render().map_err(|cause| failed(&cause))?;
    let html = Html { letter: &letter, brand: &brand.name, color: brand.color.to_string() };
    let html = html.render().map_err(|cause| failed(&cause))?;

    let mail = lettre::Message::builder()
        .from(Mailbox::new(Some(from_name), from.clone()))
        .to(Mailbox::new(None, to_address.clone()))
        .subject(letter.subject.as_str())
        .date(now.into())
        .message_id(Some(format!("<{id}@{}>", app.issuer_host())))
        // RFC 3834 §5: suppress out-of-office replies.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(MultiPart::alternative_plain_html(plain, html))
        .map_err(|cause| failed(&cause))?;
    Ok(Outgoing { id, from, to: to_address, text: mail.formatted() })
}

/// The sender's name and address: as configured, or else the brand at the public address's host.
pub(super) fn sender(app: &App) -> Option<(String, Address)> {
    let brand = &app.config().brand.name;
    Some(match &app.config().mail.from {
        Some(from) => (from.name.clone().unwrap_or_else(|| brand.clone()), address(&from.email)?),
        // An IP address is not a domain; a server without a name is reachable from this computer only.
        None => (
            brand.clone(),
            Address::new("no-reply", app.issuer_host())
                .or_else(|_| Address::new("no-reply", "localhost"))
                .ok()?,
        ),
    })
}

fn address(email: &Email) -> Option<Address> {
    Address::new(email.local_part(), email.domain()).ok()
}
