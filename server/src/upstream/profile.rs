//! Parses the profiles of providers without OpenID Connect, each in its own format.

use serde_json::{Map, Value};

/// A provider's claims about a person, before any are trusted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    /// The claims that decide whether the address is trusted.
    pub(super) claims: Map<String, Value>,
    pub(super) name: Option<String>,
}

/// `GET /user` and `GET /user/emails`. The address in the profile is the public one, which need not be verified. The
/// list is missing if the person did not grant access to it.
pub(super) fn github(issuer: &str, user: &Value, emails: Option<&Value>) -> Result<Profile, &'static str> {
    // Names can be changed and reused by others; the number is permanent.
    let id = user.get("id").and_then(Value::as_u64).filter(|id| *id > 0).ok_or(NO_ID)?;
    let is = |email: &Value, what: &str| email.get(what) == Some(&Value::Bool(true));
    let all = emails.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let email = all.iter().find(|email| is(email, "primary") && is(email, "verified"));
    let email = email.and_then(|email| email.get("email")).and_then(Value::as_str);
    let name = text(user, "name").or_else(|| text(user, "login"));
    Ok(Profile {
        issuer: issuer.to_owned(),
        subject: id.to_string(),
        email: owned(email),
        claims: verified(email.is_some()),
        name: owned(name),
    })
}

/// `GET /users/@me`.
pub(super) fn discord(issuer: &str, user: &Value) -> Result<Profile, &'static str> {
    let id = text(user, "id").filter(|id| is_number(id)).ok_or(NO_ID)?;
    let is_verified = user.get("verified") == Some(&Value::Bool(true));
    let name = text(user, "global_name").or_else(|| text(user, "username"));
    Ok(Profile {
        issuer: issuer.to_owned(),
        subject: id.to_owned(),
        email: owned(text(user, "email")),
        claims: verified(is_verified),
        name: owned(name),
    })
}

/// `GET /me?fields=id,name,email`. Many accounts have no email address.
pub(super) fn facebook(issuer: &str, user: &Value) -> Result<Profile, &'static str> {
    let id = text(user, "id").filter(|id| is_number(id)).ok_or(NO_ID)?;
    Ok(Profile {
        issuer: issuer.to_owned(),
        subject: id.to_owned(),
        email: owned(text(user, "email")),
        claims: Map::new(),
        name: owned(text(user, "name")),
    })
}

/// Rejects empty and error profiles: with one of Supabase's, all users became one account (GHSA-5hvv-9cqv-894r).
const NO_ID: &str = "does not contain the person's id";

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0')
}

fn verified(is_verified: bool) -> Map<String, Value> {
    Map::from_iter([("email_verified".to_owned(), is_verified.into())])
}
