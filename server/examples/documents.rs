//! Folders and documents that people share. The policy is declared once, and every statement applies it.
//!
//! `cargo run -p portcullis-server --example documents`. The accounts are under `/auth`. Optional arguments: the
//! address to listen on, the data folder, and the URL of a PostgreSQL database.

use std::{error::Error as StdError, net::SocketAddr};

use axum::{Router, extract::State};
use portcullis::{
    Api, Created, Guard, Json, May, NoContent, Query, Seen, credential::SecurityScheme, permissions,
};
use portcullis_server::{
    App, Caller, SessionTokens,
    accounts::AccountId,
    config::Config,
    db::{DatabaseConfig, Encode as _},
    from_row, object,
    policy::{Declare as _, Declared, Error, NewGrant, Who as _, Whom, open_link, sharing, sharing_by_link},
    random,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The tables, in one text for SQLite and PostgreSQL. Every column that the policy asks about has an index.
const TABLES: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS folders
         (id UUID PRIMARY KEY NOT NULL, parent_id UUID REFERENCES folders (id), name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS documents
         (id UUID PRIMARY KEY NOT NULL, folder_id UUID NOT NULL REFERENCES folders (id),
          owner_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL, is_public BOOLEAN NOT NULL,
          title TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS folders_by_parent ON folders (parent_id)",
    "CREATE INDEX IF NOT EXISTS documents_by_folder ON documents (folder_id)",
    "CREATE INDEX IF NOT EXISTS documents_by_owner ON documents (owner_id)",
    "CREATE INDEX IF NOT EXISTS documents_by_public ON documents (is_public)",
];

#[derive(Serialize, JsonSchema)]
struct Folder {
    id: Uuid,
    parent_id: Option<Uuid>,
    name: String,
}
from_row!(Folder { id, parent_id, name });

#[derive(Serialize, JsonSchema)]
struct Document {
    id: Uuid,
    folder_id: Uuid,
    owner_id: Option<AccountId>,
    /// Everybody with an account may read it.
    is_public: bool,
    title: String,
    body: String,
}
from_row!(Document { id, folder_id, owner_id, is_public, title, body });

// Each permission is a scope too: a token without it may not do this, whoever it belongs to.
permissions! {
    on Folder {
        ReadFolder "folder:read" "See your folders";
        WriteFolder "folder:write" "Make folders, and put documents into them";
        ShareFolder "folder:share" "Share your folders";
    }
    on Document {
        ReadDocument "document:read" "Read your documents, and those that others share with you";
        WriteDocument "document:write" "Change and delete documents";
        ShareDocument "document:share" "Share your documents";
    }
}

// A role on a folder counts for the folders and the documents in it.
object! { Folder: "folder" in "folders" {
    uuid id,
    parent Folder: parent_id,
    roles [viewer, editor, manager],
    may {
        viewer: [ReadFolder],
        editor: [ReadFolder, WriteFolder],
        manager: [ReadFolder, WriteFolder, ShareFolder],
    }
} }
object! { Document: "document" in "documents" {
    uuid id,
    owner owner_id,
    parent Folder: folder_id,
    flag public: is_public,
    roles [viewer, editor, manager],
    may {
        owner: [ReadDocument, WriteDocument, ShareDocument],
        viewer: [ReadDocument],
        editor: [ReadDocument, WriteDocument],
        manager: [ReadDocument, WriteDocument, ShareDocument],
        public: [ReadDocument],
    }
} }

#[derive(Deserialize, JsonSchema)]
struct NewFolder {
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// The folder that it is in.
    parent_id: Option<Uuid>,
}

/// In another folder, the caller must be allowed to write there; a folder in none is its maker's.
async fn create_folder(
    guard: Guard<Caller, WriteFolder>,
    State(app): State<App>,
    Json(new): Json<NewFolder>,
) -> Result<Created<Folder>, Error> {
    let (policy, id) = (app.policy(), random::uuid_v7(app.clock().now()));
    let mut tx = app.db().begin().await?;
    if let Some(parent) = new.parent_id {
        // The ID is in the body, so it is decided here. 404 or 403 ends the request, and the transaction with it.
        guard.may(policy.on(tx.conn()), parent).await?;
        policy.check_parent(tx.conn(), Folder::TYPE, None, parent.into()).await?;
    }
    let sql = "INSERT INTO folders (id, parent_id, name) VALUES ($1, $2, $3) RETURNING *";
    let row = vec![id.encode(), new.parent_id.encode(), new.name.encode()];
    let folder = tx.conn().fetch_one(sql, row).await?;
    if new.parent_id.is_none() {
        let maker = Whom::Account(guard.principal().account());
        policy.give(tx.conn(), &NewGrant::of(Folder::TYPE, id, "manager", maker)).await?; // with the row
    }
    Ok(tx.commit().await.map(|()| Created(folder))?)
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    after: Option<Uuid>,
}

async fn list_folders(
    seen: Seen<Caller, ReadFolder>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Folder>>, Error> {
    let sql = "SELECT * FROM folders f WHERE f.id > $1 AND {seen f} ORDER BY f.id LIMIT 50";
    let (mut reader, after) = (app.db().read().await?, vec![page.after.unwrap_or_default().encode()]);
    Ok(Json(app.policy().list_for(reader.conn(), seen.viewer(), sql, after).await?))
}

async fn list_documents(
    seen: Seen<Caller, ReadDocument>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<Document>>, Error> {
    let sql = "SELECT * FROM documents d WHERE d.id > $1 AND {seen d} ORDER BY d.id LIMIT 50";
    let (mut reader, after) = (app.db().read().await?, vec![page.after.unwrap_or_default().encode()]);
    Ok(Json(app.policy().list_for(reader.conn(), seen.viewer(), sql, after).await?))
}

#[derive(Deserialize, JsonSchema)]
struct Text {
    #[schemars(length(min = 1, max = 100))]
    title: String,
    #[schemars(length(max = 10_000))]
    body: String,
    #[serde(default)]
    is_public: bool,
}

async fn create_document(
    may: May<Caller, WriteFolder>,
    State(app): State<App>,
    Json(new): Json<Text>,
) -> Result<Created<Document>, Error> {
    let id = random::uuid_v7(app.clock().now());
    let mut row = vec![id.encode(), may.id().encode(), may.principal().account().encode()];
    row.extend([new.is_public.encode(), new.title.encode(), new.body.encode()]);
    let sql = "INSERT INTO documents (id, folder_id, owner_id, is_public, title, body)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING *";
    let mut tx = app.db().begin().await?;
    let document = tx.conn().fetch_one(sql, row).await?;
    Ok(tx.commit().await.map(|()| Created(document))?)
}

/// Loaded and decided in one statement, before this runs.
async fn read_document(may: May<Caller, ReadDocument>) -> Json<Document> {
    Json(may.into_object())
}

/// Decided once more where the row changes: `{may}` is the same rule. No row left to change is a 404.
async fn write_document(
    may: May<Caller, WriteDocument>,
    State(app): State<App>,
    Json(new): Json<Text>,
) -> Result<NoContent, Error> {
    let sql = "UPDATE documents SET title = $2, body = $3, is_public = $4 WHERE id = $1 AND {may}";
    let row = vec![may.id().encode(), new.title.encode(), new.body.encode(), new.is_public.encode()];
    let mut tx = app.db().begin().await?;
    app.policy().change_for(tx.conn(), may.allowed(), sql, row).await?;
    Ok(tx.commit().await.map(|()| NoContent)?)
}

async fn delete_document(
    may: May<Caller, WriteDocument>,
    State(app): State<App>,
) -> Result<NoContent, Error> {
    let (sql, id) = ("DELETE FROM documents WHERE id = $1 AND {may}", *may.id());
    let mut tx = app.db().begin().await?;
    app.policy().change_for(tx.conn(), may.allowed(), sql, vec![id.encode()]).await?;
    app.policy().forget(tx.conn(), Document::TYPE, id.into()).await?; // and the grants on it
    Ok(tx.commit().await.map(|()| NoContent)?)
}

/// The documents, and the account system beside them.
pub async fn router(app: &App) -> Result<Router, Box<dyn StdError>> {
    let mut tx = app.db().begin().await?;
    for sql in TABLES {
        tx.conn().execute(sql, vec![]).await?;
    }
    tx.commit().await?;
    app.open_policy(&Declared::new().object::<Folder>().object::<Document>()).await?;
    let (router, document) = Api::<App>::new("Documents", "1.0")
        .scheme::<SessionTokens>(SecurityScheme::oauth2_password("auth/login"))
        .get("/folders", list_folders)
        .post("/folders", create_folder)
        .post("/folders/{id}/documents", create_document)
        .get("/documents", list_documents)
        .get("/documents/{id}", read_document)
        .put("/documents/{id}", write_document)
        .delete("/documents/{id}", delete_document)
        .nest("/folders/{id}/grants", sharing::<Caller, ShareFolder, _>(&["viewer", "editor"]))
        .nest("/documents/{id}/grants", sharing::<Caller, ShareDocument, _>(&["viewer", "editor"]))
        .nest("/documents/{id}/links", sharing_by_link::<Caller, ShareDocument, ReadDocument, _>())
        .get("/shared/{link}", open_link::<ReadDocument>)
        .finish()?;
    Ok(router.merge(document.routes()).with_state(app.clone()).nest("/auth", app.router()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let mut config = Config::new(arguments.next().unwrap_or_else(|| "./portcullis-data".to_owned()));
    if let Some(url) = arguments.next() {
        config.database = DatabaseConfig::new(url.parse()?);
    }
    let listener = tokio::net::TcpListener::bind(address).await?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    config.public_url = Some(format!("{url}/auth").parse()?);
    let app = App::open(config).await?;
    app.start_workers();
    let router = router(&app).await?;
    eprintln!("Sign up on {url}/auth/docs, then make a folder on {url}/docs.");
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
