//! The handler requires a permission on a document but takes a folder.

use portcullis::{AccessToken, AccessTokens, May, permission::{Decide, Decision, Object, Permission, Undecided}, permissions};

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

struct Folder;

async fn read(may: May<AccessTokens, ReadDocument>) {
    let _: Folder = may.into_object();
}

fn main() {
    let _ = read;
}
