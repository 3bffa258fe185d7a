//! What an issuer says about an opaque token (RFC 7662 §2.2), parsed strictly.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    scope::Granted,
    tokens::{
        LEEWAY,
        claims::{Audience, scope, seconds_of, timely},
        refusal::Refusal,
    },
};

/// An opaque token that its issuer reported as active. Only [`Introspection`](super::Introspection) makes one, by
/// accepting it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IntrospectedToken(Arc<Said>);

#[derive(Debug)]
struct Said {
    subject: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    scope: Granted,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    /// The response as text, which takes a fraction of the memory of parsed JSON.
    json: Box<str>,
}

impl IntrospectedToken {
    /// `sub`: the issuer's identifier of the principal, if the issuer sends it.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// `client_id`: the application that the token was issued to, if the issuer sends it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// `username`: a name for people to read, if the issuer sends it. Not an identifier.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// `scope`: what the token allows.
    #[must_use]
    pub fn scope(&self) -> &Granted {
        &self.0.scope
    }

    /// `iat`, in seconds since 1970, if the issuer sends it.
    #[must_use]
    pub fn issued_at(&self) -> Option<u64> {
        self.0.issued_at
    }

    /// `exp`, in seconds since 1970, if the issuer sends it.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        self.0.expires_at
    }

    /// Everything that the issuer sent, as a type of your own.
    ///
    /// # Errors
    /// The response does not have that shape.
    pub fn claims<C: DeserializeOwned>(&self) -> Result<C, serde_json::Error> {
        serde_json::from_str(&self.0.json)
    }

    /// The length of the response, in bytes of JSON without spaces.
    pub(super) fn length(&self) -> usize {
        self.0.json.len()
    }
}

/// The result of a response: the token, or why it is not valid for us.
pub(super) type Found = Result<IntrospectedToken, Refusal>;

/// The required issuer and audience of a token.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) issuer: Option<String>,
    pub(super) audience: Audience,
    /// Whether tokens that are bound to a key are accepted without proof of it.
    pub(super) accepts_sender_constrained: bool,
}

impl Wanted {
    /// The token in the issuer's response at `now`, in seconds since 1970, or why it is not valid for us.
    ///
    /// # Errors
    /// The response violates RFC 7662, so there is no verdict.
    pub(super) fn read(&self, json: &Value, now: u64) -> Result<Found, String> {
        let absent_or = |name: &str, fits: fn(&Value) -> bool| match json.get(name) {
            Some(value) if !fits(value) => Err(format!("`{name}` has the wrong type")),
            found => Ok(found),
        };
        let text = |name| absent_or(name, Value::is_string).map(|found| found.and_then(Value::as_str));
        let time = |name| {
            absent_or(name, |value| seconds_of(value).is_some()).map(|found| found.and_then(seconds_of))
        };
        match json.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(Err(Refusal::Inactive)),
            _ => return Err("`active` is neither true nor false".to_owned()),
        }
        let (issued_at, not_before, expires_at) = (time("iat")?, time("nbf")?, time("exp")?);
        let begins_at = issued_at.max(not_before).unwrap_or(0);
        let is_issuer = match (&self.issuer, text("iss")?) {
            (Some(wanted), found) => found == Some(wanted),
            (None, _) => true,
        };
        // A refresh token is active, too. A token that is bound to a key (RFC 8705 §3.2, RFC 9449 §6.2) is valid only
        // with proof of the key, which we do not request.
        let is_bound = |kind: &str| kind.eq_ignore_ascii_case("DPoP");
        let token_type = text("token_type")?;
        let is_sender_constrained = json.get("cnf").is_some() || token_type.is_some_and(is_bound);
        let is_bearer = token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer") || is_bound(kind))
            && text("token_use")?.is_none_or(|found| found == "access_token" || found == "access");
        let refusal = if !is_issuer {
            Some(Refusal::Issuer)
        } else if !self.audience.is_in(json.get("aud")) {
            Some(Refusal::Audience)
        } else if is_sender_constrained && !self.accepts_sender_constrained {
            Some(Refusal::SenderConstrained)
        } else if !is_bearer {
            Some(Refusal::NoBearerToken)
        } else {
            timely(begins_at, expires_at.unwrap_or(u64::MAX), now, LEEWAY).err()
        };
        if let Some(refusal) = refusal {
            return Ok(Err(refusal));
        }
        let scope = scope(json.get("scope")).ok_or("`scope` has the wrong type")?;
        let owned = |name| text(name).map(|found| found.map(str::to_owned));
        let (subject, client_id, username) = (owned("sub")?, owned("client_id")?, owned("username")?);
        let json = json.to_string().into();
        let said = Said { subject, client_id, username, scope, issued_at, expires_at, json };
        Ok(Ok(IntrospectedToken(Arc::new(said))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(answer: &Value) -> &'static str {
        let wanted = Wanted {
            issuer: Some("https://a.example".to_owned()),
            audience: Audience::default().named("shop"),
            accepts_sender_constrained: false,
        };
        let mut all = json!({ "active": true, "iss": "https://a.example", "aud": "shop", "exp": 1000 });
        for (name, value) in answer.as_object().unwrap() {
            all[name] = value.clone();
        }
        match wanted.read(&all, 900) {
            Ok(Ok(_)) => "good",
            Ok(Err(_)) => "refused",
            Err(_) => "no verdict",
        }
    }

    proptest::proptest! {
        #[test]
        fn d07_no_answer_upsets_the_reader(
            name in proptest::sample::select(&["active", "exp", "iat", "nbf", "aud", "iss", "scope", "sub", "token_type"][..]),
            value in proptest::sample::select(&[
                "null", "true", "0", "-1", "1e308", "18446744073709551615", "\"\"", "[]", "[1]", "{}", "[[\"shop\"]]",
            ][..]),
            text in "\\PC{0,20}",
        ) {
            let value: Value = serde_json::from_str(value).unwrap();
            for value in [value, text.into()] {
                let _ = verdict(&json!({ name: value }));
            }
        }
    }

    #[test]
    fn t05_t07_an_answer_is_good_for_us_refused_or_none_at_all() {
        let cases = [
            (json!({}), "good"),
            (json!({ "aud": ["x", "shop"], "scope": "a b", "token_type": "bearer", "iat": 900 }), "good"),
            (json!({ "token_use": "access_token", "nbf": 905, "username": "ana" }), "good"),
            (json!({ "active": false }), "refused"),
            (json!({ "active": false, "exp": "wrong" }), "refused"),
            (json!({ "iss": "https://a.example/" }), "refused"),
            (json!({ "aud": "other" }), "refused"),
            (json!({ "aud": ["x"] }), "refused"),
            (json!({ "aud": null }), "refused"),
            (json!({ "exp": 895 }), "refused"),
            (json!({ "nbf": 906 }), "refused"),
            (json!({ "iat": 906 }), "refused"),
            (json!({ "token_type": "DPoP" }), "refused"),
            (json!({ "cnf": { "jkt": "x" } }), "refused"),
            (json!({ "cnf": null }), "refused"),
            (json!({ "aud": 7 }), "refused"),
            (json!({ "token_type": "Refresh" }), "refused"),
            (json!({ "token_use": "refresh_token" }), "refused"),
            (json!({ "active": "true" }), "no verdict"),
            (json!({ "active": 1 }), "no verdict"),
            (json!({ "active": null }), "no verdict"),
            (json!({ "exp": "1000" }), "no verdict"),
            (json!({ "exp": null }), "no verdict"),
            (json!({ "exp": -1 }), "no verdict"),
            (json!({ "exp": 1e9 }), "good"),
            (json!({ "exp": 1e300 }), "no verdict"),
            (json!({ "iss": 7 }), "no verdict"),
            (json!({ "sub": 7 }), "no verdict"),
            (json!({ "scope": 7 }), "no verdict"),
        ];
        for (answer, expected) in cases {
            assert_eq!(verdict(&answer), expected, "{answer}");
        }
        let wanted = Wanted {
            issuer: None,
            audience: Audience::default().or_any(),
            accepts_sender_constrained: false,
        };
        for nothing in [json!({}), json!([]), json!("active"), json!(true), json!(null)] {
            assert!(wanted.read(&nothing, 0).is_err(), "{nothing}");
        }
        assert!(wanted.read(&json!({ "active": true }), 0).unwrap().is_ok());
    }
}
