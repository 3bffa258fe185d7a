//! A verifier cannot be a trait object, because its type determines the document.

use portcullis::{Bearer, Verify};

fn any(_: Box<dyn Verify<Credential = Bearer, Principal = ()>>) {}

fn main() {
    let _ = any;
}
