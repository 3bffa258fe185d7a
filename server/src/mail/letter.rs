//! What a mail says, in its reader's language. Texts come from the message files, links from the public address
//! alone (CVE-2023-49097), and what people wrote is shown as text and nothing else (CVE-2022-31127).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Message, Recipient};
use crate::{app::App, clock::Timestamp, messages::Language, secret::SecretText};

/// The pages that mails lead to, after the public address.
const VERIFY: &str = "/account/verify";
const RESET: &str = "/account/reset";
const LOG_IN_BY_LINK: &str = "/account/log-in/link";
const CONFIRM_EMAIL: &str = "/account/email/confirm";
const UNDO_EMAIL: &str = "/account/email/undo";
const LOG_IN: &str = "/account/log-in";
const FORGOTTEN: &str = "/account/forgotten";
const SESSIONS: &str = "/account/sessions";

/// What need not be escaped in a query (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longer names are left out of the greeting, as are those that a mail program would make a link of: who signs up
/// with another's address cannot write to them through us.
const LONGEST_GREETED: usize = 64;

/// A mail before it has a form.
pub(super) struct Letter {
    pub(super) language: Language,
    pub(super) subject: String,
    pub(super) greeting: String,
    pub(super) lead: String,
    pub(super) code: Option<String>,
    pub(super) action: Option<Action>,
    /// What to do when it was somebody else.
    pub(super) closing: Option<&'static str>,
    pub(super) footer: String,
}

/// The one thing that a mail asks for.
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) url: String,
    /// Whether the address works once.
    pub(super) once: bool,
}

/// The keys of a mail's texts.
struct Texts {
    subject: &'static str,
    lead: &'static str,
    button: Option<&'static str>,
    closing: Option<&'static str>,
}

/// Writes the keys of a mail's texts out, so that each can be searched for.
macro_rules! texts {
    ($subject:literal, $lead:literal) => {
        Texts { subject: $subject, lead: $lead, button: None, closing: None }
    };
    ($subject:literal, $lead:literal, $button:literal, $closing:literal) => {
        Texts { subject: $subject, lead: $lead, button: Some($button), closing: Some($closing) }
    };
}

/// Writes a message to its recipient.
pub(super) fn write(app: &App, to: &Recipient, message: &Message) -> Letter {
    let language = Language::of_tag(&to.language);
    let brand = app.config().brand.name.as_str();
    let texts = texts_of(message);
    let [name, value] = value_of(message).unwrap_or(["", ""].map(Cow::Borrowed));
    let lead = language.fill(texts.lead, &[("brand", brand), (&name, &visible(&value))]);
    let action = texts.button.zip(target_of(message)).map(|(button, (page, token))| Action {
        label: language.text(button),
        url: url(app, page, token),
        once: token.is_some(),
    });
    Letter {
        language,
        subject: language.fill(texts.subject, &[("brand", brand)]),
        greeting: greeting(language, &to.full_name),
        lead,
        code: match message {
            Message::LogIn { code, .. } => Some(code.expose().to_owned()),
            _ => None,
        },
        action,
        closing: texts.closing.map(|key| language.text(key)),
        footer: language.fill("mail.footer", &[("brand", brand), ("url", app.issuer())]),
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn texts_of(message: &Message) -> Texts {
    match message {
        Message::VerifyEmail { .. } => texts!(
            "mail.verify_email.subject",
            "mail.verify_email.lead",
            "mail.verify_email.button",
            "mail.verify_email.ignore"
        ),
        Message::ResetPassword { .. } => texts!(
            "mail.reset_password.subject",
            "mail.reset_password.lead",
            "mail.reset_password.button",
            "mail.reset_password.ignore"
        ),
        Message::LogIn { .. } => {
            texts!("mail.log_in.subject", "mail.log_in.lead", "mail.log_in.button", "mail.log_in.ignore")
        }
        Message::ConfirmNewEmail { .. } => texts!(
            "mail.confirm_new_email.subject",
            "mail.confirm_new_email.lead",
            "mail.confirm_new_email.button",
            "mail.confirm_new_email.ignore"
        ),
        Message::EmailChangeRequested { .. } => texts!(
            "mail.email_change_requested.subject",
            "mail.email_change_requested.lead",
            "mail.email_change_requested.button",
            "mail.email_change_requested.alarm"
        ),
        Message::EmailChanged { .. } => texts!(
            "mail.email_changed.subject",
            "mail.email_changed.lead",
            "mail.email_changed.button",
            "mail.email_changed.alarm"
        ),
        Message::EmailChangeUndone => texts!(
            "mail.email_change_undone.subject",
            "mail.email_change_undone.lead",
            "mail.email_change_undone.button",
            "mail.email_change_undone.alarm"
        ),
        Message::AlreadySignedUp => texts!(
            "mail.already_signed_up.subject",
            "mail.already_signed_up.lead",
            "mail.already_signed_up.button",
            "mail.already_signed_up.ignore"
        ),
        Message::PasswordChanged => texts!(
            "mail.password_changed.subject",
            "mail.password_changed.lead",
            "mail.password_changed.button",
            "mail.password_changed.alarm"
        ),
        Message::RefreshTokenReplayed { .. } => texts!(
            "mail.refresh_token_replayed.subject",
            "mail.refresh_token_replayed.lead",
            "mail.refresh_token_replayed.button",
            "mail.refresh_token_replayed.alarm"
        ),
        Message::DeletionScheduled { .. } => texts!(
            "mail.deletion_scheduled.subject",
            "mail.deletion_scheduled.lead",
            "mail.deletion_scheduled.button",
            "mail.deletion_scheduled.alarm"
        ),
        Message::Deleted => texts!("mail.deleted.subject", "mail.deleted.lead"),
        Message::Disabled => texts!("mail.disabled.subject", "mail.disabled.lead"),
        Message::TotpAdded => texts!(
            "mail.totp_added.subject",
            "mail.totp_added.lead",
            "mail.factors.button",
            "mail.factors.alarm"
        ),
        Message::TotpRemoved => texts!(
            "mail.totp_removed.subject",
            "mail.totp_removed.lead",
            "mail.factors.button",
            "mail.factors.alarm"
        ),
        Message::RecoveryCodesMade => texts!(
            "mail.recovery_codes_made.subject",
            "mail.recovery_codes_made.lead",
            "mail.factors.button",
            "mail.factors.alarm"
        ),
        Message::RecoveryCodeUsed { .. } => texts!(
            "mail.recovery_code_used.subject",
            "mail.recovery_code_used.lead",
            "mail.factors.button",
            "mail.factors.alarm"
        ),
        Message::FactorFailed => texts!(
            "mail.factor_failed.subject",
            "mail.factor_failed.lead",
            "mail.factors.button",
            "mail.factors.alarm"
        ),
        Message::RoleChanged { .. } => texts!("mail.role_changed.subject", "mail.role_changed.lead"),
        Message::Trial => texts!("mail.trial.subject", "mail.trial.lead"),
    }
}

/// The name and the value that a message's text has a place for.
fn value_of(message: &Message) -> Option<[Cow<'_, str>; 2]> {
    let (name, value) = match message {
        Message::EmailChangeRequested { new_email, .. } | Message::EmailChanged { new_email, .. } => {
            ("new_email", Cow::Borrowed(new_email.as_str()))
        }
        Message::RefreshTokenReplayed { device } => ("device", Cow::Borrowed(device.as_str())),
        Message::DeletionScheduled { due_at } => ("day", Cow::Owned(day(*due_at))),
        Message::RecoveryCodeUsed { left } => ("left", Cow::Owned(left.to_string())),
        Message::RoleChanged { role } => ("role", Cow::Borrowed(role.as_str())),
        _ => return None,
    };
    Some([Cow::Borrowed(name), value])
}

/// `2026-11-24` in UTC.
fn day(micros: i64) -> String {
    let moment = Timestamp::from_micros(micros).to_rfc3339();
    moment.split('T').next().unwrap_or_default().to_owned()
}

/// The page that a message leads to, and the token that goes with it.
fn target_of(message: &Message) -> Option<(&'static str, Option<&SecretText>)> {
    Some(match message {
        Message::VerifyEmail { token } => (VERIFY, Some(token)),
        Message::ResetPassword { token } => (RESET, Some(token)),
        Message::LogIn { token, .. } => (LOG_IN_BY_LINK, Some(token)),
        Message::ConfirmNewEmail { token } => (CONFIRM_EMAIL, Some(token)),
        Message::EmailChangeRequested { undo, .. } | Message::EmailChanged { undo, .. } => {
            (UNDO_EMAIL, Some(undo))
        }
        Message::AlreadySignedUp | Message::DeletionScheduled { .. } => (LOG_IN, None),
        Message::PasswordChanged
        | Message::EmailChangeUndone
        | Message::TotpAdded
        | Message::TotpRemoved
        | Message::RecoveryCodesMade
        | Message::RecoveryCodeUsed { .. }
        | Message::FactorFailed => (FORGOTTEN, None),
        Message::RefreshTokenReplayed { .. } => (SESSIONS, None),
        Message::Deleted | Message::Disabled | Message::RoleChanged { .. } | Message::Trial => return None,
    })
}

fn url(app: &App, page: &str, token: Option<&SecretText>) -> String {
    let base = app.issuer();
    match token {
        Some(token) => format!("{base}{page}?token={}", utf8_percent_encode(token.expose(), ESCAPED)),
        None => format!("{base}{page}"),
    }
}

fn greeting(language: Language, name: &str) -> String {
    let name = visible(name);
    if name.trim().is_empty() || name.chars().count() > LONGEST_GREETED || is_like_link(&name) {
        language.text("mail.greeting").to_owned()
    } else {
        language.fill("mail.greeting_name", &[("name", name.trim())])
    }
}

/// Whether a mail program might make a link of it: `://`, an `@`, or a dot before two letters.
fn is_like_link(text: &str) -> bool {
    let letters = |rest: &str| rest.chars().take(2).filter(|c| c.is_alphanumeric()).count() == 2;
    text.contains("://") || text.contains('@') || text.split('.').skip(1).any(letters)
}

/// Without line ends, control characters, and those that turn the direction of what follows.
fn visible(text: &str) -> String {
    let is_disguise = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_disguise(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a04_a_greeting_is_no_way_to_write_to_strangers() {
        for name in
            ["Ada Lovelace", "J.R.R. Tolkien", "O'Brien", "<script>alert(1)</script>", "{{7*7}}", "李小龙"]
        {
            assert_eq!(greeting(Language::En, name), format!("Hello {name},"), "{name}");
        }
        for name in ["", " ", "see evil.example now", "https://e", "a@b", &"x".repeat(65)] {
            assert_eq!(greeting(Language::En, name), "Hello,", "{name}");
        }
        assert_eq!(greeting(Language::De, "a\r\nBcc: b\u{202E}c"), "Hallo a  Bcc: b c,");
    }

    #[test]
    fn a_day_is_that_of_utc() {
        assert_eq!(day(1_700_000_000_000_000), "2023-11-14");
    }
}
