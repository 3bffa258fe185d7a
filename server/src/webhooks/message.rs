//! One message of Standard Webhooks (<https://www.standardwebhooks.com>, specification 1.0): its body, and its
//! signature.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::Full;
use secrecy::SecretString;
use serde_json::{Map, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{accounts::AccountId, clock::Timestamp, error::Error, random};

/// The length of a secret in bytes: that of the signature.
const SECRET: usize = 32;

/// The content of a message.
pub(super) struct Body {
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) account: Option<AccountId>,
    pub(super) organisation: Option<Uuid>,
}

impl Body {
    pub(super) fn to_json(&self) -> String {
        let mut data = Map::new();
        // A string, as in the `sub` of a token.
        data.extend(self.account.map(|id| ("account_id".to_owned(), id.to_string().into())));
        data.extend(self.organisation.map(|id| ("organisation_id".to_owned(), id.to_string().into())));
        json!({ "type": self.kind, "timestamp": self.at.to_rfc3339(), "data": data }).to_string()
    }
}

/// The secret shared by a webhook and the server. It does not print itself.
pub(super) struct Secret(Zeroizing<[u8; SECRET]>);

impl Secret {
    pub(super) fn random() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The form in which the application gets it.
    pub(super) fn shown(&self) -> SecretString {
        let encoded = Zeroizing::new(STANDARD.encode(self.bytes()));
        format!("whsec_{}", *encoded).into()
    }

    /// The request, without its target. `at` is the time of this attempt: receivers reject old ones.
    pub(super) fn sign(&self, id: Uuid, at: Timestamp, body: String) -> Result<Request<Full<Bytes>>, Error> {
        let id = format!("msg_{}", id.simple());
        let signature = signature(self.bytes(), &id, at.as_secs(), &body);
        Request::post("/")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.as_secs())
            .header("webhook-signature", signature)
            .header(CONTENT_TYPE, "application/json")
            .header("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body.into()))
            .map_err(|cause| Error::Internal(format!("a webhook request cannot be built: {cause}")))
    }
}

fn signature(secret: &[u8], id: &str, at: i64, body: &str) -> String {
    let signed = format!("{id}.{at}.{body}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's own libraries use in their tests.
    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_message_names_the_account_and_nothing_else() {
        let at = Timestamp::from_secs(1_795_538_182);
        let account = Some(AccountId::new(17));
        let body = Body { kind: "account.signed_up", at, account, organisation: None }.to_json();
        let expected = json!({
            "type": "account.signed_up",
            "timestamp": "2026-11-24T16:36:22Z",
            "data": { "account_id": "17" }
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
    }
}
