//! An access token is constructed from nothing, or from unsigned JSON.

use portcullis::{AccessToken, AccessTokens, Maybe};

fn main() {
    let _ = AccessToken::default();
    let _: AccessToken = serde_json::from_str("{}").unwrap();
    let _ = Maybe::<AccessTokens>(None);
}
