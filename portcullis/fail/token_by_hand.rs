//! An access token is made of thin air, or of JSON that nobody signed.

use portcullis::{AccessToken, AccessTokens, Maybe};

fn main() {
    let _ = AccessToken::default();
    let _: AccessToken = serde_json::from_str("{}").unwrap();
    let _ = Maybe::<AccessTokens>(None);
}
