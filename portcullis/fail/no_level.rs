//! What stands for the level of login is none.

use portcullis::{AccessTokens, Guard, NoContent, step_up::StepUp};

struct Recent;

async fn greet(_: Guard<StepUp<AccessTokens, Recent>>) -> NoContent {
    NoContent
}

fn main() {
    let _ = greet;
}
