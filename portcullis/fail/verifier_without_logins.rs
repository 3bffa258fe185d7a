//! A recent login is required of keys, which have no login.

use portcullis::{Bearer, Granted, Guard, NoContent, Verdict, Verify, VerifyFailed, step_up::{Level, StepUp}};

#[derive(Clone)]
struct Robots;

impl Verify for Robots {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "robot";

    async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Accepted((), Granted::none()))
    }
}

struct Recent;

impl Level for Recent {
    const ACR_VALUES: &'static [&'static str] = &["mfa"];
}

async fn greet(_: Guard<StepUp<Robots, Recent>>) -> NoContent {
    NoContent
}

fn main() {
    let _ = greet;
}
