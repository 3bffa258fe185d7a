//! The rejection is swallowed, and the handler runs without a row.

use portcullis::{AccessToken, AccessTokens, Api, May, NoContent, permission::{Decide, Decision, Object, Permission, Rejection, Undecided}, permissions};

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

#[derive(Clone)]
struct App(AccessTokens);

impl axum::extract::FromRef<App> for AccessTokens {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl axum::extract::FromRef<App> for Documents {
    fn from_ref(_: &App) -> Self {
        Self
    }
}

async fn read(_: Result<May<AccessTokens, ReadDocument>, Rejection>) -> NoContent {
    NoContent
}

fn main() {
    let _ = Api::<App>::new("Documents", "1.0").get("/documents/{id}", read);
}
