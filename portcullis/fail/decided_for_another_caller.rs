//! The policy decides for a type of caller other than the verifier's.

use portcullis::{AccessTokens, NoContent, Seen, permission::{Decide, Decision, Object, Undecided}, permissions};

struct Document;

impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u32;
    type Policy = Documents;
}

permissions! {
    on Document {
        ReadDocument "document:read" "Read a document";
        WriteDocument "document:write" "Change a document";
    }
}

#[derive(Clone)]
struct Documents;

struct Robot;

impl Decide<ReadDocument, Robot> for Documents {
    async fn decide(self, _: &Robot, _: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(Decision::Hide)
    }
}

async fn list(_: Seen<AccessTokens, ReadDocument>) -> NoContent {
    NoContent
}

fn main() {
    let _ = list;
}
