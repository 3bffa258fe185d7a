//! No public function parses a token without verifying it.

use portcullis::{AccessToken, AccessTokens, credential::Credential};

fn peek<C: Credential>(parts: &http::request::Parts) -> C {
    // The guard needs this function to read a request, but its result cannot be named.
    match C::read(parts) {
        portcullis::credential::Presented::Present(credential) => credential,
        _ => unreachable!(),
    }
}

fn main() {
    let tokens: AccessTokens = None.unwrap();
    let _: Option<AccessToken> = tokens.check("a.b.c");
    let _ = portcullis::tokens::claims::Expected::read;
    let _ = peek::<portcullis::Bearer>;
}
