//! Secret text: tokens, links, codes, cookies.

use std::fmt;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::random;

/// The random bytes of a token. Nobody can guess 256 bits, so its digest needs no salt and no slow hash.
const BYTES: usize = 32;

/// A secret presented by a person or a program. It does not print itself and is wiped when dropped; the database
/// stores its [`digest`](Self::digest).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(String);

impl SecretText {
    /// 256 random bits in base64, after a prefix that makes a token in a log or a repository recognisable.
    pub(crate) fn random(prefix: &str) -> Self {
        let bytes = Zeroizing::new(random::bytes::<BYTES>());
        let mut text = String::with_capacity(prefix.len() + BYTES.div_ceil(3) * 4);
        text.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Self(text)
    }

    /// A secret created elsewhere.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, to send it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The digest to store.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// The digest of a presented secret.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_random_and_does_not_print_itself() {
        let (one, other) = (SecretText::random("pc_"), SecretText::random("pc_"));
        assert_ne!(one.expose(), other.expose());
        assert_eq!((one.expose().len(), one.expose().starts_with("pc_")), (46, true));
        assert_eq!(one.digest(), sha256(one.expose()));
        assert_eq!(format!("{one:?}"), "SecretText(…)");
    }
}
