//! A scope that does not apply to rows is used as a permission.

use portcullis::{AccessToken, AccessTokens, May, NoContent, Scope, permission::{Decide, Decision, Object, Permission, Undecided}, permissions};

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

struct Admin;

impl Scope for Admin {
    const NAME: &'static str = "admin";
    const DESCRIPTION: &'static str = "Do anything";
}

async fn read(_: May<AccessTokens, Admin>) -> NoContent {
    NoContent
}

fn main() {
    let _ = read;
}
