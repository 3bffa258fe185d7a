//! The text of an email in its reader's language. Texts come from the message files and links from the public
//! address only (CVE-2023-49097). What people wrote is shown as plain text (CVE-2022-31127).

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Message, Recipient, lifetime};
use crate::{app::App, clock::Timestamp, messages::Language, paths, secret::SecretText};

/// Characters that need no escaping in a query (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longer names are left out of the greeting, as are names that a mail program would turn into a link. Otherwise
/// someone who signs up with another person's address could write to them through us.
const LONGEST_GREETED: usize = 64;

/// The content of an email before it is formatted.
pub(super) struct Letter {
    pub(super) language: Language,
    pub(super) subject: String,
    pub(super) greeting: String,
    pub(super) lead: String,
    pub(super) code: Option<String>,
    pub(super) action: Option<Action>,
    /// What to do if it was someone else.
    pub(super) closing: Option<&'static str>,
    pub(super) footer: String,
}

/// The one action that an email asks for.
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) url: String,
    /// How long the link works, if it works once.
    pub(super) once: Option<String>,
}

/// The texts and links of one kind of email.
struct Row<'m> {
    subject: &'static str,
    lead: &'static str,
    /// A placeholder in the lead, and its value.
    value: Option<(&'static str, Value<'m>)>,
    /// Another placeholder, and its value.
    other: Option<(&'static str, Value<'m>)>,
    /// The button's label, and the page that it opens.
    button: Option<(&'static str, &'static str)>,
    /// The link's token, and how long it works.
    token: Option<(&'m SecretText, Duration)>,
    closing: Option<&'static str>,
}

enum Value<'m> {
    Text(&'m str),
    Day(Timestamp),
    Count(i64),
    /// A name that strangers gave to an organisation.
    Name(&'m str),
    /// One of our texts, by its key.
    Key(&'static str),
}

/// The keys of an email's texts, each written out so that it can be searched for.
macro_rules! row {
    ($subject:literal, $lead:literal) => {
        Row {
            subject: $subject,
            lead: $lead,
            value: None,
            other: None,
            button: None,
            token: None,
            closing: None,
        }
    };
    ($subject:literal, $lead:literal, $button:literal => $page:expr, $closing:literal) => {
        Row { button: Some(($button, $page)), closing: Some($closing), ..row!($subject, $lead) }
    };
}

/// Writes a message for its recipient.
pub(super) fn write(app: &App, to: &Recipient, message: &Message) -> Letter {
    let language = Language::of_tag(&to.language);
    let brand = app.config().brand.name.as_str();
    let row = row(message);
    let filled = |value: Option<(&'static str, Value<'_>)>| match value {
        Some((name, Value::Text(text))) => (name, visible(text)),
        Some((name, Value::Name(text))) => (name, organisation(language, text)),
        Some((name, Value::Day(moment))) => (name, language.day(moment)),
        Some((name, Value::Count(count))) => (name, count.to_string()),
        Some((name, Value::Key(key))) => (name, language.text(key).to_owned()),
        None => ("", String::new()),
    };
    let ((name, value), (other, other_value)) = (filled(row.value), filled(row.other));
    Letter {
        language,
        subject: language.fill(row.subject, &[("brand", brand), (name, &value)]),
        greeting: greeting(language, &to.full_name),
        lead: language.fill(row.lead, &[("brand", brand), (name, &value), (other, &other_value)]),
        code: match message {
            Message::LogIn { code, .. }
            | Message::ProveAddress { code, .. }
            | Message::ConfirmLogin { code } => Some(in_halves(code.expose())),
            _ => None,
        },
        action: row.button.map(|(label, page)| Action {
            label: language.text(label),
            url: url(app, page, row.token.map(|(token, _)| token)),
            once: row.token.map(|(_, lifetime)| once(language, lifetime)),
        }),
        closing: row.closing.map(|key| language.text(key)),
        footer: language.fill("mail.footer", &[("brand", brand), ("url", app.issuer())]),
    }
}

/// The name of a kind of email, to count it by.
pub(super) fn kind(message: &Message) -> &'static str {
    row(message).subject
}

/// The table of emails.
#[expect(clippy::too_many_lines, reason = "a table")]
fn row(message: &Message) -> Row<'_> {
    match message {
        Message::VerifyEmail { token } => Row {
            token: Some((token, lifetime::VERIFY_EMAIL)),
            ..row!(
                "mail.verify_email.subject",
                "mail.verify_email.lead",
                "mail.verify_email.button" => paths::VERIFY,
                "mail.verify_email.ignore"
            )
        },
        Message::Invited { token } => Row {
            token: Some((token, lifetime::INVITATION)),
            ..row!(
                "mail.invited.subject",
                "mail.invited.lead",
                "mail.invited.button" => paths::RESET,
                "mail.invited.ignore"
            )
        },
        Message::ResetPassword { token } => Row {
            token: Some((token, lifetime::RESET_PASSWORD)),
            ..row!(
                "mail.reset_password.subject",
                "mail.reset_password.lead",
                "mail.reset_password.button" => paths::RESET,
                "mail.reset_password.ignore"
            )
        },
        Message::SignedUpAgain { token } => Row {
            token: Some((token, lifetime::RESET_PASSWORD)),
            ..row!(
                "mail.signed_up_again.subject",
                "mail.signed_up_again.lead",
                "mail.signed_up_again.button" => paths::RESET,
                "mail.signed_up_again.ignore"
            )
        },
        Message::LogIn { token, .. } => Row {
            token: Some((token, lifetime::LOG_IN)),
            ..row!(
                "mail.log_in.subject",
                "mail.log_in.lead",
                "mail.log_in.button" => paths::LOG_IN_BY_LINK,
                "mail.log_in.ignore"
            )
        },
        Message::ConfirmNewEmail { token } => Row {
            token: Some((token, lifetime::CONFIRM_EMAIL)),
            ..row!(
                "mail.confirm_new_email.subject",
                "mail.confirm_new_email.lead",
                "mail.confirm_new_email.button" => paths::CONFIRM_EMAIL,
                "mail.confirm_new_email.ignore"
            )
        },
        Message::EmailChangeRequested { new_email, undo } => Row {
            value: Some(("new_email", Value::Text(new_email))),
            token: Some((undo, lifetime::UNDO_EMAIL)),
            ..row!(
                "mail.email_change_requested.subject",
                "mail.email_change_requested.lead",
                "mail.email_change_requested.button" => paths::UNDO_EMAIL,
                "mail.email_change_requested.alarm"
            )
        },
        Message::EmailChanged { new_email, undo } => Row {
            value: Some(("new_email", Value::Text(new_email))),
            token: Some((undo, lifetime::UNDO_EMAIL)),
            ..row!(
                "mail.email_changed.subject",
                "mail.email_changed.lead",
                "mail.email_changed.button" => paths::UNDO_EMAIL,
                "mail.email_changed.alarm"
            )
        },
        Message::EmailChangeUndone => row!(
            "mail.email_change_undone.subject",
            "mail.email_change_undone.lead",
            "mail.email_change_undone.button" => paths::FORGOTTEN,
            "mail.email_change_undone.alarm"
        ),
        Message::EmailTakenBack => row!(
            "mail.email_taken_back.subject",
            "mail.email_taken_back.lead",
            "mail.email_taken_back.button" => paths::SIGN_UP,
            "mail.email_taken_back.alarm"
        ),
        Message::AlreadySignedUp => row!(
            "mail.already_signed_up.subject",
            "mail.already_signed_up.lead",
            "mail.already_signed_up.button" => paths::LOG_IN,
            "mail.already_signed_up.ignore"
        ),
        Message::PasswordChanged => row!(
            "mail.password_changed.subject",
            "mail.password_changed.lead",
            "mail.password_changed.button" => paths::FORGOTTEN,
            "mail.password_changed.alarm"
        ),
        Message::Seized => row!(
            "mail.seized.subject",
            "mail.seized.lead",
            "mail.seized.button" => paths::FORGOTTEN,
            "mail.seized.closing"
        ),
        Message::IdentityLinked { provider } => Row {
            value: Some(("provider", Value::Text(provider))),
            ..row!(
                "mail.identity_linked.subject",
                "mail.identity_linked.lead",
                "mail.identity_linked.button" => paths::LINKED,
                "mail.identity_linked.alarm"
            )
        },
        Message::IdentityUnlinked { provider } => Row {
            value: Some(("provider", Value::Text(provider))),
            ..row!(
                "mail.identity_unlinked.subject",
                "mail.identity_unlinked.lead",
                "mail.identity_unlinked.button" => paths::LINKED,
                "mail.identity_unlinked.alarm"
            )
        },
        Message::ProveAddress { provider, .. } => Row {
            value: Some(("provider", Value::Text(provider))),
            closing: Some("mail.prove_address.ignore"),
            ..row!("mail.prove_address.subject", "mail.prove_address.lead")
        },
        Message::ConfirmLogin { .. } => Row {
            closing: Some("mail.confirm_login.alarm"),
            ..row!("mail.confirm_login.subject", "mail.confirm_login.lead")
        },
        Message::RefreshTokenReplayed { device } => Row {
            value: Some(("device", Value::Text(device))),
            ..row!(
                "mail.refresh_token_replayed.subject",
                "mail.refresh_token_replayed.lead",
                "mail.refresh_token_replayed.button" => paths::SESSIONS,
                "mail.refresh_token_replayed.alarm"
            )
        },
        Message::DeletionScheduled { due_at } => Row {
            value: Some(("day", Value::Day(Timestamp::from_micros(*due_at)))),
            ..row!(
                "mail.deletion_scheduled.subject",
                "mail.deletion_scheduled.lead",
                "mail.deletion_scheduled.button" => paths::ACCOUNT,
                "mail.deletion_scheduled.alarm"
            )
        },
        Message::Deleted => row!("mail.deleted.subject", "mail.deleted.lead"),
        Message::Disabled => row!("mail.disabled.subject", "mail.disabled.lead"),
        Message::ApiKeyCreated { name, id } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            ..row!(
                "mail.api_key_created.subject",
                "mail.api_key_created.lead",
                "mail.api_key_created.button" => paths::API_KEYS,
                "mail.api_key_created.alarm"
            )
        },
        Message::ApiKeyExpires { name, id, due_at } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            other: Some(("day", Value::Day(Timestamp::from_micros(*due_at)))),
            button: Some(("mail.api_key_expires.button", paths::API_KEYS)),
            ..row!("mail.api_key_expires.subject", "mail.api_key_expires.lead")
        },
        Message::ApiKeyLeaked { name, id } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            ..row!(
                "mail.api_key_leaked.subject",
                "mail.api_key_leaked.lead",
                "mail.api_key_leaked.button" => paths::API_KEYS,
                "mail.api_key_leaked.alarm"
            )
        },
        Message::ServiceKeyCreated { name, id } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            ..row!(
                "mail.service_key_created.subject",
                "mail.service_key_created.lead",
                "mail.service_key.button" => paths::ORGANISATIONS,
                "mail.service_key_created.alarm"
            )
        },
        Message::ServiceKeyExpires { name, id, due_at } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            other: Some(("day", Value::Day(Timestamp::from_micros(*due_at)))),
            button: Some(("mail.service_key.button", paths::ORGANISATIONS)),
            ..row!("mail.service_key_expires.subject", "mail.service_key_expires.lead")
        },
        Message::ServiceKeyLeaked { name, id } => Row {
            value: Some(("name", Value::Text(key_name(name, id)))),
            button: Some(("mail.service_key.button", paths::ORGANISATIONS)),
            ..row!("mail.service_key_leaked.subject", "mail.service_key_leaked.lead")
        },
        Message::TotpAdded => row!(
            "mail.totp_added.subject",
            "mail.totp_added.lead",
            "mail.factors.button" => paths::FORGOTTEN,
            "mail.totp_added.alarm"
        ),
        Message::TotpRemoved => row!(
            "mail.totp_removed.subject",
            "mail.totp_removed.lead",
            "mail.factors.button" => paths::FORGOTTEN,
            "mail.factors.alarm"
        ),
        Message::RecoveryCodesMade => row!(
            "mail.recovery_codes_made.subject",
            "mail.recovery_codes_made.lead",
            "mail.factors.button" => paths::FORGOTTEN,
            "mail.factors.alarm"
        ),
        Message::FactorFailed => row!(
            "mail.factor_failed.subject",
            "mail.factor_failed.lead",
            "mail.factors.button" => paths::FORGOTTEN,
            "mail.factors.alarm"
        ),
        Message::RecoveryCodeUsed { left } => Row {
            value: Some(("left", Value::Count(*left))),
            ..row!(
                "mail.recovery_code_used.subject",
                "mail.recovery_code_used.lead",
                "mail.factors.button" => paths::FORGOTTEN,
                "mail.factors.alarm"
            )
        },
        Message::PasskeyAdded { name } => Row {
            value: Some(("passkey", Value::Text(name))),
            ..row!(
                "mail.passkey_added.subject",
                "mail.passkey_added.lead",
                "mail.passkeys.button" => paths::PASSKEYS,
                "mail.passkey_added.alarm"
            )
        },
        Message::PasskeyRemoved { name } => Row {
            value: Some(("passkey", Value::Text(name))),
            ..row!(
                "mail.passkey_removed.subject",
                "mail.passkey_removed.lead",
                "mail.passkeys.button" => paths::PASSKEYS,
                "mail.passkey_removed.alarm"
            )
        },
        Message::PasskeyCopied { name } => Row {
            value: Some(("passkey", Value::Text(name))),
            ..row!(
                "mail.passkey_copied.subject",
                "mail.passkey_copied.lead",
                "mail.passkeys.button" => paths::PASSKEYS,
                "mail.passkey_copied.alarm"
            )
        },
        Message::RoleChanged { role } => Row {
            value: Some((
                "role",
                match role.as_str() {
                    "admin" => Value::Key("mail.role.admin"),
                    "user" => Value::Key("mail.role.user"),
                    // As the operator declared it.
                    _ => Value::Text(role),
                },
            )),
            ..row!("mail.role_changed.subject", "mail.role_changed.lead")
        },
        Message::InvitedToOrganisation { token, organisation } => Row {
            value: Some(("organisation", Value::Name(organisation))),
            token: Some((token, lifetime::INVITATION)),
            ..row!(
                "mail.invited_to_organisation.subject",
                "mail.invited_to_organisation.lead",
                "mail.invited_to_organisation.button" => paths::INVITATION,
                "mail.invited_to_organisation.ignore"
            )
        },
        Message::OrganisationRole { organisation, role } => Row {
            value: Some(("organisation", Value::Name(organisation))),
            lead: match role.as_str() {
                "owner" => "mail.organisation.owner",
                "admin" => "mail.organisation.admin",
                _ => "mail.organisation.member",
            },
            ..row!(
                "mail.organisation.role_subject",
                "mail.organisation.member",
                "mail.organisation.button" => paths::ORGANISATIONS,
                "mail.organisation.alarm"
            )
        },
        Message::OrganisationRemoved { organisation } => Row {
            value: Some(("organisation", Value::Name(organisation))),
            ..row!(
                "mail.organisation.removed_subject",
                "mail.organisation.removed",
                "mail.organisation.button" => paths::ORGANISATIONS,
                "mail.organisation.alarm"
            )
        },
        Message::OrganisationDeleted { organisation } => Row {
            value: Some(("organisation", Value::Name(organisation))),
            ..row!(
                "mail.organisation.deleted_subject",
                "mail.organisation.deleted",
                "mail.organisation.button" => paths::ORGANISATIONS,
                "mail.organisation.alarm"
            )
        },
        Message::Trial => row!("mail.trial.subject", "mail.trial.lead"),
    }
}

/// The name of an API key in an email. If it looks like a link, the ID is shown instead: someone with a stolen
/// session must not send links to the owner through us.
fn key_name<'m>(name: &'m str, id: &'m str) -> &'m str {
    if is_like_link(name) { id } else { name }
}

/// `KQBR-3MVW`: easier to read than eight characters in a row, and accepted with or without the hyphen.
fn in_halves(code: &str) -> String {
    code.split_at_checked(code.len() / 2)
        .map_or_else(|| code.to_owned(), |(first, second)| format!("{first}-{second}"))
}

/// How long a link works: in minutes up to 90, in hours up to two days, otherwise in days.
fn once(language: Language, lifetime: Duration) -> String {
    let minutes = lifetime.as_secs() / 60;
    let (key, count) = match minutes {
        0..=90 => ("mail.once_minutes", minutes),
        91..=2880 => ("mail.once_hours", minutes / 60),
        _ => ("mail.once_days", minutes / 1440),
    };
    language.fill(key, &[("count", &count.to_string())])
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

/// The name of an organisation, unless it is one that could carry a message to strangers.
fn organisation(language: Language, name: &str) -> String {
    let name = visible(name);
    if name.chars().count() > LONGEST_GREETED || is_like_link(&name) {
        language.text("mail.organisation.unnamed").to_owned()
    } else {
        language.fill("mail.organisation.named", &[("name", name.trim())])
    }
}

/// Whether a mail program might turn it into a link: `://`, an `@`, or a dot before two letters.
fn is_like_link(text: &str) -> bool {
    let letters = |rest: &str| rest.chars().take(2).filter(|c| c.is_alphanumeric()).count() == 2;
    text.contains("://") || text.contains('@') || text.split('.').skip(1).any(letters)
}

/// Removes line ends, control characters, and characters that change the text direction.
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
    fn a_mail_says_how_long_its_link_works() {
        for (lifetime, text) in [
            (lifetime::RESET_PASSWORD, "30 minutes"),
            (lifetime::VERIFY_EMAIL, "24 hours"),
            (lifetime::UNDO_EMAIL, "7 days"),
        ] {
            let said = once(Language::En, lifetime);
            assert!(said.contains(text), "{said}");
        }
    }
}
