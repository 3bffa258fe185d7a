//! A verifier must be `Clone`, because each request gets its own.

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
