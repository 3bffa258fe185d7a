//! Permissions on documents: the owner may do everything, a reader may read, and for everyone else the row does not
//! exist.
//! `cargo run -p portcullis --example permissions`
//!
//! What it needs in a package of your own (with the folder `issuer`):
//!
//!     cargo add portcullis axum schemars@1 serde tokio aws-lc-rs base64 jsonwebtoken serde_json \
//!         --features axum/macros,jsonwebtoken/aws_lc_rs,serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread,tokio/sync

mod issuer; // creates a key at startup, and signs tokens

use std::{collections::BTreeMap, error::Error, sync::Arc};

use axum::extract::{FromRef, State};
use portcullis::{
    AccessToken, AccessTokens, Api, ApiError, Created, Guard, Json, May, NoContent, Seen,
    permission::{Allowed, Decide, Decision, Object, Rejection, Undecided, Viewer},
    permissions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

#[derive(Clone, Serialize, JsonSchema)]
struct Document {
    id: u32,
    title: String,
    owner: String,
    readers: Vec<String>,
}

/// The object of the permissions: its id, and the policy that decides.
impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u32;
    type Policy = Documents;
}

// Each is a scope too: a token without `document:write` cannot change anything, whoever holds it.
permissions! {
    on Document {
        ReadDocument "document:read" "Read your documents, and those that others let you read";
        WriteDocument "document:write" "Change your documents";
    }
}

impl Document {
    fn is_seen_by(&self, account: &str) -> bool {
        self.owner == account || self.readers.iter().any(|reader| reader == account)
    }
}

/// The rows. With a database, each of the functions below is one SQL statement.
#[derive(Clone, Default)]
struct Documents(Arc<RwLock<BTreeMap<u32, Document>>>);

impl Decide<ReadDocument, AccessToken> for Documents {
    async fn decide(self, caller: &AccessToken, id: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(match self.0.read().await.get(id) {
            Some(document) if document.is_seen_by(caller.subject()) => Decision::Allow(document.clone()),
            _ => Decision::Hide, // 404, whether or not there is one
        })
    }
}

impl Decide<WriteDocument, AccessToken> for Documents {
    async fn decide(self, caller: &AccessToken, id: &u32) -> Result<Decision<Document>, Undecided> {
        Ok(match self.0.read().await.get(id) {
            Some(document) if document.owner == caller.subject() => Decision::Allow(document.clone()),
            Some(document) if document.is_seen_by(caller.subject()) => Decision::Refuse, // 403 document:write
            _ => Decision::Hide,
        })
    }
}

impl Documents {
    /// A list takes a `Viewer`, so it cannot be queried without one.
    async fn seen_by(&self, viewer: &Viewer<ReadDocument, AccessToken>) -> Vec<Document> {
        let account = viewer.principal().subject();
        self.0.read().await.values().filter(|document| document.is_seen_by(account)).cloned().collect()
    }

    async fn add(&self, title: String, owner: &str) -> Document {
        let mut rows = self.0.write().await;
        let id = rows.last_key_value().map_or(1, |(id, _)| id + 1);
        let document = Document { id, title, owner: owner.to_owned(), readers: Vec::new() };
        rows.insert(id, document.clone());
        document
    }

    /// A change takes the proof. It checks the owner again under the lock, as `WHERE owner = $1` would, because the
    /// document may have been removed since the decision.
    async fn change(
        &self,
        allowed: &Allowed<WriteDocument, AccessToken>,
        change: impl FnOnce(&mut Document),
    ) -> Option<Document> {
        let mut rows = self.0.write().await;
        let owner = allowed.principal().subject();
        let document = rows.get_mut(allowed.id()).filter(|document| document.owner == owner)?;
        change(document);
        Some(document.clone())
    }

    async fn remove(&self, allowed: &Allowed<WriteDocument, AccessToken>) -> Option<Document> {
        let mut rows = self.0.write().await;
        let owner = allowed.principal().subject();
        rows.get(allowed.id()).filter(|document| document.owner == owner)?;
        rows.remove(allowed.id())
    }
}

#[derive(Deserialize, JsonSchema)]
struct Title {
    #[schemars(length(min = 1, max = 100))]
    title: String,
}

#[derive(Deserialize, JsonSchema)]
struct Reader {
    #[schemars(length(min = 1, max = 100))]
    account: String,
}

async fn list_documents(
    seen: Seen<AccessTokens, ReadDocument>,
    State(documents): State<Documents>,
) -> Json<Vec<Document>> {
    Json(documents.seen_by(seen.viewer()).await)
}

/// A new document has no owner yet, so a `Guard` checks the scope only.
async fn create_document(
    guard: Guard<AccessTokens, WriteDocument>,
    State(documents): State<Documents>,
    Json(new): Json<Title>,
) -> Created<Document> {
    Created(documents.add(new.title, guard.principal().subject()).await)
}

async fn read_document(may: May<AccessTokens, ReadDocument>) -> Json<Document> {
    Json(may.into_object())
}

async fn rename_document(
    may: May<AccessTokens, WriteDocument>,
    State(documents): State<Documents>,
    Json(new): Json<Title>,
) -> Result<Json<Document>, Rejection> {
    let renamed = documents.change(may.allowed(), |document| document.title = new.title).await;
    renamed.map(Json).ok_or(Rejection::missing::<Document>()) // the same 404
}

async fn share_document(
    may: May<AccessTokens, WriteDocument>,
    State(documents): State<Documents>,
    Json(reader): Json<Reader>,
) -> Result<Json<Document>, Rejection> {
    let shared = documents.change(may.allowed(), |document| document.readers.push(reader.account)).await;
    shared.map(Json).ok_or(Rejection::missing::<Document>())
}

async fn delete_document(
    may: May<AccessTokens, WriteDocument>,
    State(documents): State<Documents>,
) -> Result<NoContent, Rejection> {
    documents.remove(may.allowed()).await.map(|_| NoContent).ok_or(Rejection::missing::<Document>())
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    documents: Documents,
}

/// An application without documents, for callers with a token of the issuer that `tokens` trusts.
pub fn app(tokens: AccessTokens) -> Result<axum::Router, ApiError> {
    let (router, document) = Api::new("Documents", "1")
        .get("/documents", list_documents)
        .post("/documents", create_document)
        .get("/documents/{id}", read_document)
        .put("/documents/{id}/title", rename_document)
        .post("/documents/{id}/readers", share_document)
        .delete("/documents/{id}", delete_document)
        .finish()?;
    Ok(router.merge(document.routes()).with_state(App { tokens, documents: Documents::default() }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    let issuer = issuer::Issuer::new()?;
    for account in ["ada", "bob"] {
        eprintln!("{account}:\n{}\n", issuer.token(account, "document:read document:write")?);
    }
    eprintln!(
        "Paste Ada's after Authorize on http://{address}/docs and create a document. Bob gets 404 for it until"
    );
    eprintln!("Ada adds him to its readers; then he reads it, and gets 403 when he renames it.");
    Ok(axum::serve(listener, app(issuer.tokens().clone())?).await?)
}
