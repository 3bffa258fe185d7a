//! The encoding of every part of a token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Decodes base64url without padding, and accepts nothing else (RFC 7515 §2).
pub(crate) fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
