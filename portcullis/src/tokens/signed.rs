//! Other tokens that an issuer signs: ID tokens, logout tokens, security events.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    base64url::decoded,
    header::Header,
    keys::{Choice, KeyError, Keys},
    refusal::Refusal,
};
use crate::strict_json;

/// The public keys of an issuer, for tokens other than access tokens.
///
/// It verifies the signature as strictly as [`AccessTokens`](super::AccessTokens) does: one key has one algorithm,
/// and `none`, shared secrets, critical extensions and duplicate JSON members are rejected. It does not check the
/// claims. You check `iss`, `aud`, `exp` and `nonce` as the standard of your token demands (for an ID token, OpenID
/// Connect Core §3.1.3.7).
///
/// ```
/// use portcullis::tokens::PublicKeys;
///
/// # fn run(jwks: &str, id_token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let keys = PublicKeys::read(jwks)?;
/// let token = keys.open(id_token)?;
/// assert_eq!(token.claims()["aud"], "my-client-id");
/// # Ok(()) }
/// ```
pub struct PublicKeys(Keys);

/// A token whose signature was verified. Its claims are not checked.
#[derive(Debug, Clone)]
pub struct Signed {
    algorithm: String,
    key_issuer: Option<String>,
    claims: Map<String, Value>,
}

impl PublicKeys {
    /// Parses a JWK Set (RFC 7517 §5). Unusable keys are skipped, and the log says why.
    ///
    /// # Errors
    /// [`KeyError`] if the text is not a JWK Set, or no key in it is usable.
    pub fn read(jwks: &str) -> Result<Self, KeyError> {
        let mut keys = Keys::default();
        let skipped = keys.add(jwks)?;
        if keys.is_empty() {
            return Err(KeyError::new(format!("no usable key: {}", skipped.join("; "))));
        }
        if !skipped.is_empty() {
            tracing::debug!(?skipped, "some keys are not used");
        }
        Ok(Self(keys))
    }

    /// Verifies the signature of a token in the compact form (RFC 7515 §3.1). `typ` may be missing or `JWT`; an
    /// access token (RFC 9068) is rejected.
    ///
    /// # Errors
    /// [`NotSigned`] if no key of the set verifies the token.
    pub fn open(&self, token: &str) -> Result<Signed, NotSigned> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(Refusal::Form)?;
        if claims.contains('.') {
            return Err(Refusal::Form.into());
        }
        let header = Header::of_plain(head)?;
        let (key, if_bad) = match self.0.choose(&header) {
            Choice::Named(key) => (key, Refusal::Signature),
            Choice::Only(key) => (key, Refusal::NamelessSignature),
            Choice::Unclear => return Err(Refusal::Kid.into()),
            Choice::Unknown => return Err(Refusal::UnknownKid.into()),
        };
        if !key.is_for(&header.algorithm) {
            return Err(Refusal::Algorithm.into());
        }
        if !key.verifies(signed, signature) {
            return Err(if_bad.into());
        }
        let json = decoded(claims).ok_or(Refusal::Claims)?;
        let Ok(Value::Object(claims)) = strict_json::parse(&json, 8) else {
            return Err(Refusal::Claims.into());
        };
        Ok(Signed { algorithm: header.algorithm, key_issuer: key.issuer().map(str::to_owned), claims })
    }
}

impl Signed {
    /// `alg`: the algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The `issuer` next to the key in its set: Microsoft marks keys that sign for one tenant only.
    #[must_use]
    pub fn key_issuer(&self) -> Option<&str> {
        self.key_issuer.as_deref()
    }

    /// The claims, which are not checked.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeys({})", self.0.len())
    }
}

/// Why a token was rejected. The texts are fixed and contain nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSigned(Refusal);

impl NotSigned {
    /// Whether newer keys of the issuer might verify the token, because its key is not in this set.
    #[must_use]
    pub fn is_unknown_key(self) -> bool {
        matches!(self.0, Refusal::UnknownKid | Refusal::NamelessSignature)
    }
}

impl From<Refusal> for NotSigned {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotSigned {}
