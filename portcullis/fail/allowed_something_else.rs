//! A proof of read permission is used for a change.

use portcullis::{AccessToken, AccessTokens, May, permission::{Allowed, Decide, Decision, Object, Permission, Undecided}, permissions};

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

impl<P: Permission<Object = Document>> Decide<P, AccessToken> for Documents {
    async fn decide(self, _: &AccessToken, _: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(Decision::Hide)
    }
}

fn rename(_: &Allowed<WriteDocument, AccessToken>) {}

async fn read(may: May<AccessTokens, ReadDocument>) {
    rename(may.allowed());
}

fn main() {
    let _ = read;
}
