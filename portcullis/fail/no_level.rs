//! The type given as a level of login does not implement `Level`.

use portcullis::{AccessTokens, Guard, NoContent, step_up::StepUp};

struct Recent;

async fn greet(_: Guard<StepUp<AccessTokens, Recent>>) -> NoContent {
    NoContent
}

fn main() {
    let _ = greet;
}
