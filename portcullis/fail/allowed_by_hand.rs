//! A proof of permission that no policy issued.

use portcullis::{AccessToken, permission::{Allowed, Object, Viewer}, permissions};

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

fn forged(principal: AccessToken) -> Allowed<WriteDocument, AccessToken> {
    Allowed { principal, id: 1, permission: std::marker::PhantomData }
}

fn all(principal: AccessToken) -> Viewer<ReadDocument, AccessToken> {
    Viewer { principal, permission: std::marker::PhantomData }
}

fn main() {
    let _ = (forged, all);
}
