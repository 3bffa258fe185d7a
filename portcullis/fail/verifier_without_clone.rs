//! A verifier is handed to each request.

use portcullis::{Bearer, Verdict, Verify, VerifyFailed};

struct Door;

impl Verify for Door {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "door";

    async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Refused)
    }
}

fn main() {}
