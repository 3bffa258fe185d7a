//! A verifier can only ask for the parts of the request that this crate defines.

use portcullis::{Bearer, Verdict, Verify, VerifyFailed, credential::With};

#[derive(Clone)]
struct Door;

struct Everything;

impl Verify for Door {
    type Credential = With<Bearer, Everything>;
    type Principal = ();
    const SCHEME: &'static str = "door";

    async fn verify(&self, _: &With<Bearer, Everything>) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Refused)
    }
}

fn main() {}
