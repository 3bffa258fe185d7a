//! A guard is constructed without a request.

use std::marker::PhantomData;

use portcullis::{AccessToken, AccessTokens, Guard};

fn forged(principal: AccessToken) -> Guard<AccessTokens> {
    Guard { principal, scopes: PhantomData }
}

fn main() {
    let _ = forged;
}
