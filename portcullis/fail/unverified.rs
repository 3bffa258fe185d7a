//! Nothing public reads a token without verifying it.

use portcullis::{AccessToken, AccessTokens, credential::Credential};

fn peek<C: Credential>(parts: &http::request::Parts) -> C {
    // The reading of a request is there, for the guard; what it finds cannot be named.
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
