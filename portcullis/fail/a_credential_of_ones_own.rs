//! A credential type with a parser of its own, which the attack's tests would not cover.

use portcullis::credential::{Credential, SecurityScheme};

#[derive(Debug)]
struct Token(String);

impl Credential for Token {
    fn scheme() -> SecurityScheme {
        SecurityScheme::bearer()
    }
}

fn main() {}
