//! A signature over the request's body (HMAC), as senders of webhooks make it.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use http::{HeaderMap, request::Parts};

use super::{Challenge, Credential, Place, Presented, SecurityScheme, WantedBody, is_token, sealed};
use crate::describe::{In, Operation};

/// The most signatures that one request may carry. A sender sends one for each secret while it rotates them.
const MOST_SIGNATURES: usize = 16;

/// How a sender signs: where its signature is, and what it covers.
///
/// [`webhooks`](crate::webhooks) has the formats of Stripe, GitHub and Standard Webhooks. Others take a few lines:
///
/// ```
/// use http::HeaderMap;
/// use portcullis::credential::{SignatureFormat, Signed};
///
/// /// Slack: `v0=` and hex over `v0:TIMESTAMP:BODY`.
/// struct Slack;
/// impl SignatureFormat for Slack {
///     const HEADER: &'static str = "X-Slack-Signature";
///     const SCHEME: &'static str = "slack";
///
///     fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed> {
///         let time = headers.get("X-Slack-Request-Timestamp")?.to_str().ok()?;
///         let signature = headers.get(Self::HEADER)?.to_str().ok()?.strip_prefix("v0=")?;
///         Some(Signed::over([b"v0:", time.as_bytes(), b":", body]).at(time.parse().ok()?).hex(signature))
///     }
/// }
/// ```
pub trait SignatureFormat: Send + Sync + 'static {
    /// The header with the signature. Without it the body is not read.
    const HEADER: &'static str;
    /// The scheme's name in the document's `securitySchemes`.
    const SCHEME: &'static str;
    /// The longest body, in bytes. The default is 1 MiB. A longer one gets a 413 before it is read to its end.
    const LIMIT: usize = 1024 * 1024;

    /// Returns what was signed and the signatures that were sent, or `None` if none can be read. Nothing is verified
    /// here.
    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Signed>;

    /// Returns the key for a secret. Override it if the sender encodes its secrets.
    #[must_use]
    fn key(secret: &str) -> Option<Vec<u8>> {
        Some(secret.as_bytes().to_vec())
    }
}

/// What a sender signed, and its signatures (HMAC with SHA-256).
#[must_use]
pub struct Signed {
    pub(crate) message: Vec<u8>,
    pub(crate) signatures: Vec<[u8; 32]>,
    pub(crate) time: Option<u64>,
    pub(crate) id: Option<String>,
}

impl Signed {
    /// The signed message, in its parts.
    pub fn over<const N: usize>(parts: [&[u8]; N]) -> Self {
        Self { message: parts.concat(), signatures: Vec::new(), time: None, id: None }
    }

    /// Sets when it was signed, in seconds since 1970. The time must be part of the message; otherwise it proves
    /// nothing.
    pub fn at(self, time: u64) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Sets the sender's ID of the message. It must be part of the message, too.
    pub fn id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// Adds a signature in hexadecimal. One that is not 32 bytes is ignored, and so is every one after the sixteenth.
    pub fn hex(self, signature: &str) -> Self {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes = signature.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        self.with(bytes.collect())
    }

    /// Adds a signature in base64.
    pub fn base64(self, signature: &str) -> Self {
        use base64::{Engine as _, prelude::BASE64_STANDARD};

        let bytes = if signature.len() > 64 { None } else { BASE64_STANDARD.decode(signature).ok() };
        self.with(bytes)
    }

    fn with(mut self, signature: Option<Vec<u8>>) -> Self {
        let signature = signature.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        if self.signatures.len() < MOST_SIGNATURES {
            self.signatures.extend(signature);
        }
        self
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} bytes)", self.message.len())
    }
}

/// A signature over the whole body, not verified yet. [`Webhooks`](crate::webhooks::Webhooks) verifies it.
///
/// The guard reads the body, at most [`SignatureFormat::LIMIT`] bytes; then the handler's own extractor gets the same
/// bytes. A longer body gets a 413, one that ends early a 400. This works for routes of an [`Api`](crate::Api). In a
/// plain `Router` the guard does not see a body: 503, and a log line.
pub struct Signature<F: SignatureFormat> {
    pub(crate) signed: Signed,
    format: PhantomData<fn() -> F>,
}

impl<F: SignatureFormat> Signature<F> {
    const PLACE: Place = {
        assert!(is_token(F::HEADER), "the name of a header is a token (RFC 9110 §5.6.2)");
        assert!(!F::HEADER.eq_ignore_ascii_case("authorization"), "a signature has a header of its own");
        Place::Header(F::HEADER)
    };
}

/// The whole body of a request, for the guard.
#[derive(Debug, Clone)]
pub(crate) struct WholeBody(pub(crate) Bytes);

impl<F: SignatureFormat> fmt::Debug for Signature<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

impl<F: SignatureFormat> Credential for Signature<F> {
    fn scheme() -> SecurityScheme {
        SecurityScheme::api_key(In::Header, F::HEADER).described("HMAC-SHA256 over the request's body")
    }
}

impl<F: SignatureFormat> sealed::Read for Signature<F> {
    const CHALLENGE: Challenge = Challenge::scheme("APIKey");
    const PLACE: Place = Self::PLACE;

    fn read(parts: &Parts) -> Presented<Self> {
        let mut values = parts.headers.get_all(F::HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => return Presented::Absent,
            (Some(_), Some(_)) => return Presented::Ambiguous,
            (Some(_), None) => {}
        }
        let Some(WholeBody(body)) = parts.extensions.get() else {
            return Presented::Fault(
                "a guard of signatures reads the body in routes of `portcullis::Api` only",
            );
        };
        match F::read(&parts.headers, body) {
            Some(signed) => Presented::Present(Self { signed, format: PhantomData }),
            None => Presented::Malformed,
        }
    }

    fn body() -> Option<WantedBody> {
        Some(WantedBody { limit: F::LIMIT, headers: vec![F::HEADER] })
    }

    fn describe(operation: &mut Operation<'_>) {
        crate::input::describe_whole_body(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_32_bytes_and_16_at_most() {
        let none = || Signed::over([b"x"]);
        assert_eq!(none().hex(&"ab".repeat(32)).signatures, [[0xab; 32]]);
        assert_eq!(none().hex(&"AB".repeat(32)).signatures, [[0xab; 32]]);
        for bad in
            ["", "a", "zz", &"ab".repeat(31), &"ab".repeat(33), &"a\u{e9}".repeat(32), &"+a".repeat(32)]
        {
            assert_eq!(none().hex(bad).signatures.len(), 0, "{bad}");
        }
        assert_eq!(none().base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").signatures, [[0; 32]]);
        for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(80)] {
            assert_eq!(none().base64(bad).signatures.len(), 0, "{bad}");
        }
        let many = (0..20).fold(none(), |signed, _| signed.hex(&"ab".repeat(32)));
        assert_eq!(many.signatures.len(), MOST_SIGNATURES);
    }
}
