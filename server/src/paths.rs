//! The path of each page, below the public address's path. Routes, links, redirects and emails use these constants.

use std::fmt::Display;

pub(crate) const ROOT: &str = "/";

// For strangers.
pub(crate) const SIGN_UP: &str = "/account/sign-up";
pub(crate) const SIGN_UP_PASSKEY: &str = "/account/sign-up/passkey";
pub(crate) const CREATE_FIRST_PASSKEY: &str = "/account/sign-up/passkey/create";
pub(crate) const LOG_IN: &str = "/account/log-in";
pub(crate) const LOG_IN_BY_MAIL: &str = "/account/log-in/mail";
pub(crate) const LOG_IN_BY_CODE: &str = "/account/log-in/code";
pub(crate) const LOG_IN_BY_LINK: &str = "/account/log-in/link";
pub(crate) const LOG_IN_FACTOR: &str = "/account/log-in/factor";
pub(crate) const LOG_IN_WITH: &str = "/account/log-in/with/{provider}";
pub(crate) const PROVE: &str = "/account/log-in/prove";
pub(crate) const PROVE_CODE: &str = "/account/log-in/prove/code";
/// Registered with the providers, so it must never change.
pub(crate) const CALLBACK: &str = "/log-in/with/{provider}/callback";
pub(crate) const LOG_IN_FACTOR_PASSKEY: &str = "/account/log-in/factor/passkey";
pub(crate) const LOG_IN_BY_PASSKEY: &str = "/account/log-in/passkey";
pub(crate) const LOG_OUT: &str = "/account/log-out";
pub(crate) const FORGOTTEN: &str = "/account/forgotten";
pub(crate) const CHECK_MAIL: &str = "/account/check-mail";
pub(crate) const RESET: &str = "/account/reset";
pub(crate) const VERIFY: &str = "/account/verify";
pub(crate) const CONFIRM_EMAIL: &str = "/account/email/confirm";
pub(crate) const UNDO_EMAIL: &str = "/account/email/undo";

// For the owner of an account.
pub(crate) const ACCOUNT: &str = "/account";
pub(crate) const PROFILE: &str = "/account/profile";
pub(crate) const ATTRIBUTES: &str = "/account/attributes";
pub(crate) const PICTURE: &str = "/account/picture";
pub(crate) const REMOVE_PICTURE: &str = "/account/picture/remove";
pub(crate) const EMAIL: &str = "/account/email";
pub(crate) const CANCEL_EMAIL: &str = "/account/email/cancel";
pub(crate) const VERIFICATION: &str = "/account/email/verification";
pub(crate) const PASSWORD: &str = "/account/password";
pub(crate) const FACTOR: &str = "/account/second-factor";
pub(crate) const ADD_TOTP: &str = "/account/second-factor/totp";
pub(crate) const CONFIRM_TOTP: &str = "/account/second-factor/confirm";
pub(crate) const MAKE_CODES: &str = "/account/second-factor/codes";
pub(crate) const REMOVE_TOTP: &str = "/account/second-factor/remove";
pub(crate) const FORGET_DEVICE: &str = "/account/second-factor/forget";
pub(crate) const PASSKEYS: &str = "/account/passkeys";
pub(crate) const ADD_PASSKEY: &str = "/account/passkeys/add";
pub(crate) const CREATE_PASSKEY: &str = "/account/passkeys/create";
pub(crate) const RENAME_PASSKEY: &str = "/account/passkeys/rename";
pub(crate) const REMOVE_PASSKEY: &str = "/account/passkeys/remove";
pub(crate) const SESSIONS: &str = "/account/sessions";
pub(crate) const END_SESSION: &str = "/account/sessions/end";
pub(crate) const API_KEYS: &str = "/account/api-keys";
pub(crate) const NEW_API_KEY: &str = "/account/api-keys/new";
pub(crate) const ROTATE_API_KEY: &str = "/account/api-keys/replace";
pub(crate) const REMOVE_API_KEY: &str = "/account/api-keys/remove";
pub(crate) const END_OTHER_SESSIONS: &str = "/account/sessions/end-others";
pub(crate) const LINKED: &str = "/account/linked";
pub(crate) const LINK_WITH: &str = "/account/linked/with/{provider}";
pub(crate) const UNLINK: &str = "/account/linked/unlink";
pub(crate) const CONFIRM_BY_CODE: &str = "/account/confirm/code";
pub(crate) const CONFIRM_WITH: &str = "/account/confirm/with/{provider}";
pub(crate) const CONFIRM: &str = "/account/confirm";
pub(crate) const CONFIRM_BY_PASSKEY: &str = "/account/confirm/passkey";
pub(crate) const EXPORT: &str = "/account/export";
pub(crate) const DELETE: &str = "/account/delete";
pub(crate) const CANCEL_DELETION: &str = "/account/delete/call-back";
pub(crate) const ORGANISATIONS: &str = "/account/organisations";
pub(crate) const NEW_ORGANISATION: &str = "/account/organisations/new";
pub(crate) const ORGANISATION: &str = "/account/organisations/{id}";
pub(crate) const ORGANISATION_ATTRIBUTES: &str = "/account/organisations/{id}/attributes";
pub(crate) const ORGANISATION_ACT: &str = "/account/organisations/{id}/{act}";
pub(crate) const MEMBER: &str = "/account/organisations/{id}/members/{account}";
pub(crate) const TEAM: &str = "/account/organisations/{id}/teams/{team}";
pub(crate) const SERVICES: &str = "/account/organisations/{id}/service-accounts";
pub(crate) const SERVICE: &str = "/account/organisations/{id}/service-accounts/{account}";
pub(crate) const NEW_SERVICE_KEY: &str = "/account/organisations/{id}/service-accounts/{account}/new-key";
pub(crate) const INVITATION: &str = "/account/invitation";
pub(crate) const BELOW_ACCOUNT: &str = "/account/{*rest}";

// For administrators.
pub(crate) const CONSOLE: &str = "/console";
pub(crate) const INVITE: &str = "/console/invite";
pub(crate) const AUDIT: &str = "/console/audit";
pub(crate) const AUDIT_CSV: &str = "/console/audit.csv";
pub(crate) const CLAIM: &str = "/console/claim";
pub(crate) const CONSOLE_ACCOUNT: &str = "/console/accounts/{id}";
pub(crate) const CONSOLE_ATTRIBUTES: &str = "/console/accounts/{id}/attributes";
pub(crate) const CONSOLE_ACCESS: &str = "/console/accounts/{id}/access";
pub(crate) const CONSOLE_ACT: &str = "/console/accounts/{id}/{act}";
pub(crate) const CONSOLE_ORGANISATIONS: &str = "/console/organisations";
pub(crate) const CONSOLE_ORGANISATION: &str = "/console/organisations/{id}";
pub(crate) const CONSOLE_ORGANISATION_ATTRIBUTES: &str = "/console/organisations/{id}/attributes";
pub(crate) const BELOW_CONSOLE: &str = "/console/{*rest}";

/// The path that a provider sends people back to. Each has its own, so that no response is mistaken for another's.
pub(crate) fn provider_callback(name: impl Display) -> String {
    format!("/log-in/with/{name}/callback")
}

/// [`CONSOLE_ACCOUNT`] of this account.
pub(crate) fn console_account(id: impl Display) -> String {
    format!("/console/accounts/{id}")
}

/// [`CONSOLE_ACCESS`] of this account.
pub(crate) fn console_access(id: impl Display) -> String {
    format!("/console/accounts/{id}/access")
}

/// [`CONSOLE_ACT`] of this account.
pub(crate) fn console_act(id: impl Display, act: &str) -> String {
    format!("/console/accounts/{id}/{act}")
}

/// [`LOG_IN_WITH`] this provider.
pub(crate) fn log_in_with(provider: &str) -> String {
    format!("/account/log-in/with/{provider}")
}

/// [`LINK_WITH`] this provider.
pub(crate) fn link_with(provider: &str) -> String {
    format!("/account/linked/with/{provider}")
}

/// [`CONFIRM_WITH`] this provider.
pub(crate) fn confirm_with(provider: &str) -> String {
    format!("/account/confirm/with/{provider}")
}

/// [`CALLBACK`] of this provider.
pub(crate) fn callback(provider: &str) -> String {
    format!("/log-in/with/{provider}/callback")
}

/// [`ORGANISATION`] of this id.
pub(crate) fn organisation(id: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}")
}

/// [`ORGANISATION_ACT`] of this organisation.
pub(crate) fn organisation_act(id: impl Display, act: &str) -> String {
    format!("{ORGANISATIONS}/{id}/{act}")
}

/// [`MEMBER`] of this organisation.
pub(crate) fn member(id: impl Display, account: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}/members/{account}")
}

/// [`TEAM`] of this organisation.
pub(crate) fn team(id: impl Display, team: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}/teams/{team}")
}

/// [`SERVICES`] of this organisation.
pub(crate) fn services(id: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}/service-accounts")
}

/// [`SERVICE`] of this organisation.
pub(crate) fn service(id: impl Display, account: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}/service-accounts/{account}")
}

/// [`NEW_SERVICE_KEY`] of this service account.
pub(crate) fn new_service_key(id: impl Display, account: impl Display) -> String {
    format!("{ORGANISATIONS}/{id}/service-accounts/{account}/new-key")
}

/// [`CONSOLE_ORGANISATION`] of this id.
pub(crate) fn console_organisation(id: impl Display) -> String {
    format!("{CONSOLE_ORGANISATIONS}/{id}")
}

/// [`CONSOLE_ORGANISATION_ATTRIBUTES`] of this id.
pub(crate) fn console_organisation_attributes(id: impl Display) -> String {
    format!("{CONSOLE_ORGANISATIONS}/{id}/attributes")
}
