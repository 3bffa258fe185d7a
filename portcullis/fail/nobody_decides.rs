//! The policy decides one permission but not the other.

use portcullis::{AccessToken, AccessTokens, May, NoContent, permission::{Decide, Decision, Object, Undecided}, permissions};

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

impl Decide<ReadDocument, AccessToken> for Documents {
    async fn decide(self, _: &AccessToken, _: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(Decision::Hide)
    }
}

async fn change(_: May<AccessTokens, WriteDocument>) -> NoContent {
    NoContent
}

fn main() {
    let _ = change;
}
