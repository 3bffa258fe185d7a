//! A verifier is a type: which one decides what the document says.

use portcullis::{Bearer, Verify};

fn any(_: Box<dyn Verify<Credential = Bearer, Principal = ()>>) {}

fn main() {
    let _ = any;
}
