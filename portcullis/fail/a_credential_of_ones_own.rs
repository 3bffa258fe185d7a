//! Another parser of credentials than the one that is attacked by tests.

use portcullis::credential::{Credential, SecurityScheme};

#[derive(Debug)]
struct Token(String);

impl Credential for Token {
    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer()
    }
}

fn main() {}
