//! How far a provider is trusted about an email address. Trusting too much lets a stranger into the account of the
//! address's owner (CVE-2026-15611).

use serde_json::{Map, Value};

use crate::accounts::Email;

/// What proves an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing does: Facebook does not say whether it has verified the address.
    Never,
    /// `email_verified` is `true`.
    ClaimTrue,
    /// `email_verified` is `true` and Google runs the mailbox: a Gmail address, or an organisation's (`hd`). Any other
    /// address was verified once, and may have a new owner since.
    GmailOrHd,
    /// Microsoft's `xms_edov`: the address's domain belongs to the user's organisation. Without it, the administrator
    /// of any tenant can set any address ("nOAuth").
    Edov,
    /// `email_verified` is `true` and the operator trusts the issuer. Whoever runs the issuer can enter any account.
    OperatorSays(bool),
}

impl Trust {
    /// Whether `claims` prove `email`. Only the JSON value `true` is true: absent, null and text are not.
    pub(super) fn proves(self, email: &Email, claims: &Map<String, Value>) -> bool {
        let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
        match self {
            Self::Never => false,
            Self::ClaimTrue => is_verified,
            Self::GmailOrHd => {
                let has_domain = claims.get("hd").and_then(Value::as_str).is_some_and(|hd| !hd.is_empty());
                is_verified && (has_domain || email.domain() == "gmail.com")
            }
            // All three forms occur.
            Self::Edov => claims.get("xms_edov").is_some_and(|edov| match edov {
                Value::Bool(is_so) => *is_so,
                Value::Number(number) => number.as_u64() == Some(1),
                Value::String(text) => text == "1",
                _ => false,
            }),
            Self::OperatorSays(is_trusted) => is_trusted && is_verified,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn l03_an_address_counts_in_five_cases_only() {
        const GMAIL: &str = "ada@gmail.com";
        const OTHER: &str = "ada@example.com";
        for (trust, email, claims, expected) in [
            (Trust::Never, GMAIL, json!({ "email_verified": true, "hd": "x", "xms_edov": true }), false),
            (Trust::ClaimTrue, OTHER, json!({ "email_verified": true }), true),
            (Trust::ClaimTrue, OTHER, json!({ "email_verified": "true" }), false),
            (Trust::ClaimTrue, OTHER, json!({ "email_verified": 1 }), false),
            (Trust::ClaimTrue, OTHER, json!({ "email_verified": null }), false),
            (Trust::ClaimTrue, OTHER, json!({ "email_verified": false }), false),
            (Trust::ClaimTrue, OTHER, json!({}), false),
            (Trust::GmailOrHd, GMAIL, json!({ "email_verified": true }), true),
            (Trust::GmailOrHd, GMAIL, json!({ "email_verified": false }), false),
            (Trust::GmailOrHd, GMAIL, json!({}), false),
            (Trust::GmailOrHd, "ada@gmail.com.example", json!({ "email_verified": true }), false),
            (Trust::GmailOrHd, "ada@notgmail.com", json!({ "email_verified": true }), false),
            (Trust::GmailOrHd, OTHER, json!({ "email_verified": true }), false),
            (Trust::GmailOrHd, OTHER, json!({ "email_verified": true, "hd": "example.com" }), true),
            (Trust::GmailOrHd, OTHER, json!({ "email_verified": true, "hd": "" }), false),
            (Trust::GmailOrHd, OTHER, json!({ "email_verified": true, "hd": null }), false),
            (Trust::GmailOrHd, OTHER, json!({ "email_verified": "true", "hd": "example.com" }), false),
            (Trust::Edov, OTHER, json!({ "xms_edov": true }), true),
            (Trust::Edov, OTHER, json!({ "xms_edov": 1 }), true),
            (Trust::Edov, OTHER, json!({ "xms_edov": "1" }), true),
            (Trust::Edov, OTHER, json!({ "xms_edov": "true" }), false),
            (Trust::Edov, OTHER, json!({ "xms_edov": 0 }), false),
            (Trust::Edov, OTHER, json!({ "xms_edov": "0" }), false),
            (Trust::Edov, OTHER, json!({ "xms_edov": false }), false),
            (Trust::Edov, OTHER, json!({ "xms_edov": [true] }), false),
            (Trust::Edov, OTHER, json!({ "email_verified": true }), false),
            (Trust::OperatorSays(false), OTHER, json!({ "email_verified": true }), false),
            (Trust::OperatorSays(true), OTHER, json!({ "email_verified": true }), true),
            (Trust::OperatorSays(true), OTHER, json!({ "email_verified": "true" }), false),
            (Trust::OperatorSays(true), OTHER, json!({}), false),
        ] {
            let email = Email::parse(email).unwrap();
            assert_eq!(trust.proves(&email, claims.as_object().unwrap()), expected, "{trust:?} {claims}");
        }
    }
}
