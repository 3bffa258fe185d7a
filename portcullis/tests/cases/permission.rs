//! Permissions: who may do what with one row, which rows of a list they see, and what the document says about it.

mod describe;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRef, State},
};
use http::{
    HeaderMap, Request,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis::{
    Api, Bearer, Document as OpenApi, Either, Granted, Guard, Json, May, NoContent, Path, Scope, Seen,
    Verdict, Verify, VerifyFailed,
    permission::{Allowed, Decide, Decision, Object, Permission, Rejection, Undecided, Viewer},
    permissions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::Level;

use super::log::Log;

/// Accepts `ada.document~read.document~write`: a name, and the scopes that it carries.
#[derive(Clone)]
struct Door;

#[derive(Debug, Clone, PartialEq)]
struct User(String);

impl Verify for Door {
    type Credential = Bearer;
    type Principal = User;
    const SCHEME: &'static str = "door";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<User>, VerifyFailed> {
        let (name, scopes) = bearer.token().split_once('.').unwrap_or((bearer.token(), ""));
        Ok(match name {
            "nobody" => Verdict::Refused,
            name => Verdict::Accepted(
                User(name.to_owned()),
                Granted::parse(&scopes.replace('.', " ").replace('~', ":")),
            ),
        })
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Document {
    id: u32,
    title: String,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Folder {
    name: String,
}

/// Ada owns document 1, which Bob may read; nobody else sees it. The policy cannot decide about 500, and panics for
/// 501.
#[derive(Clone)]
struct Documents {
    /// Whether a handler's body ran.
    ran: Arc<AtomicBool>,
}

impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u32;
    type Policy = Documents;
}

impl Object for Folder {
    const NAME: &'static str = "folder";
    type Id = String;
    type Policy = Documents;
}

permissions! {
    on Document {
        ReadDocument "document:read" "Read a document";
        WriteDocument "document:write" "Change a document";
    }
    on Folder {
        /// A doc comment that the OpenAPI document does not show.
        ReadFolder "folder:read" "See what is in a folder";
    }
}

fn decided(user: &User, id: u32, writes: bool) -> Result<Decision<Document>, Undecided> {
    match (id, &*user.0) {
        (500, _) => Err("cannot reach postgres://ada:hunter2@db".into()),
        (501, _) => panic!("the policy has a flaw"),
        (1, "bob") if writes => Ok(Decision::Refuse),
        (1, "ada" | "bob") => Ok(Decision::Allow(Document { id, title: "Plan".to_owned() })),
        _ => Ok(Decision::Hide),
    }
}

/// One implementation for all permissions of an object, and for any caller that is a user.
impl<P: Permission<Object = Document>, C: AsUser + Sync> Decide<P, C> for Documents {
    async fn decide(self, caller: &C, id: &u32) -> Result<Decision<Document>, Undecided> {
        decided(caller.user(), *id, P::NAME == WriteDocument::NAME)
    }
}

impl Decide<ReadFolder, User> for Documents {
    async fn decide(self, caller: &User, id: &String) -> Result<Decision<Folder>, Undecided> {
        let folder = Folder { name: id.clone() };
        Ok(if *id == format!("home of {}", caller.0) { Decision::Allow(folder) } else { Decision::Hide })
    }
}

trait AsUser {
    fn user(&self) -> &User;
}

impl AsUser for User {
    fn user(&self) -> &User {
        self
    }
}

impl AsUser for Either<User, User> {
    fn user(&self) -> &User {
        self.inner()
    }
}

impl Documents {
    fn seen_by(&self, viewer: &Viewer<ReadDocument, User>) -> Vec<Document> {
        self.ran.store(true, Ordering::SeqCst);
        let seen = decided(viewer.principal(), 1, false);
        seen.ok()
            .and_then(|seen| if let Decision::Allow(row) = seen { Some(row) } else { None })
            .into_iter()
            .collect()
    }

    /// Document 1 disappears before it can be renamed to `gone`.
    fn rename(&self, allowed: &Allowed<WriteDocument, User>, title: String) -> Option<Document> {
        self.ran.store(true, Ordering::SeqCst);
        (title != "gone").then(|| Document { id: *allowed.id(), title })
    }
}

/// A decision within a borrowed transaction.
struct Within<'t>(&'t mut Vec<u32>);

impl Decide<WriteDocument, User> for Within<'_> {
    async fn decide(self, caller: &User, id: &u32) -> Result<Decision<Document>, Undecided> {
        self.0.push(*id);
        decided(caller, *id, true)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Rename {
    title: String,
}

async fn read_document(may: May<Door, ReadDocument>, State(documents): State<Documents>) -> Json<Document> {
    documents.ran.store(true, Ordering::SeqCst);
    Json(may.into_object())
}

async fn rename_document(
    may: May<Door, WriteDocument>,
    State(documents): State<Documents>,
    Json(new): Json<Rename>,
) -> Result<Json<Document>, Rejection> {
    documents.rename(may.allowed(), new.title).map(Json).ok_or(Rejection::missing::<Document>())
}

async fn list_documents(
    seen: Seen<Door, ReadDocument>,
    State(documents): State<Documents>,
) -> Json<Vec<Document>> {
    Json(documents.seen_by(seen.viewer()))
}

async fn read_folder(may: May<Door, ReadFolder>) -> Json<Folder> {
    Json(may.object().clone())
}

/// A list in a folder; both permissions are required.
async fn list_folder((_, seen): (May<Door, ReadFolder>, Seen<Door, ReadDocument>)) -> Json<String> {
    Json(seen.into_viewer().principal().0.clone())
}

async fn read_of_team(
    may: May<Door, ReadDocument>,
    Path((team, id)): Path<(String, u32)>,
) -> Json<(String, u32, u32)> {
    Json((team, id, *may.id()))
}

async fn read_either(may: May<Either<Door, Door2>, ReadDocument>) -> Json<String> {
    Json(may.principal().inner().0.clone())
}

#[derive(Clone)]
struct Door2;

impl Verify for Door2 {
    type Credential = portcullis::Basic;
    type Principal = User;
    const SCHEME: &'static str = "door2";

    async fn verify(&self, basic: &portcullis::Basic) -> Result<Verdict<User>, VerifyFailed> {
        Ok(if basic.user_id_is("ada") {
            Verdict::Accepted(User("ada".to_owned()), Granted::parse("document:read"))
        } else {
            Verdict::Refused
        })
    }
}

/// Ids in the body, decided one by one in what could be a transaction.
async fn archive(
    guard: Guard<Door, WriteDocument>,
    State(documents): State<Documents>,
    Json(ids): Json<Vec<u32>>,
) -> Result<Json<Vec<u32>>, Rejection> {
    let mut transaction = Vec::new();
    for id in ids {
        let (_, allowed) = guard.may(Within(&mut transaction), id).await?.into_parts();
        assert_eq!((allowed.id(), allowed.principal()), (&id, guard.principal()));
    }
    documents.ran.store(true, Ordering::SeqCst);
    Ok(Json(transaction))
}

async fn guarded_twice(may: May<Door, WriteDocument>) -> NoContent {
    assert_eq!(format!("{may:?} {:?}", may.allowed()), "May(document:write) Allowed(document:write)");
    NoContent
}

#[derive(Clone, FromRef)]
struct App {
    door: Door,
    door2: Door2,
    documents: Documents,
}

fn api() -> Api<App> {
    let of_one = Api::new("", "").guard::<May<Door, ReadDocument>>().put("/archived", guarded_twice);
    Api::new("Documents", "1")
        .get("/documents", list_documents)
        .get("/documents/{id}", read_document)
        .put("/documents/{id}", rename_document)
        .nest("/documents/{id}", of_one)
        .post("/archive", archive)
        .get("/folders/{id}", read_folder)
        .get("/folders/{id}/documents", list_folder)
        .get("/teams/{team}/documents/{id}", read_of_team)
        .get("/either/{id}", read_either)
}

fn router() -> (Router, Arc<AtomicBool>) {
    let ran = Arc::new(AtomicBool::new(false));
    let documents = Documents { ran: ran.clone() };
    let (router, _): (_, OpenApi) = api().finish().unwrap();
    (router.with_state(App { door: Door, door2: Door2, documents }), ran)
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
    ran: bool,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// `ask("ada.document:read", "GET /documents/1", "")`
async fn ask(token: &str, operation: &str, body: &str) -> Answer {
    let (router, ran) = router();
    let (method, path) = operation.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        let scheme = if token == "YWRhOng=" { "Basic" } else { "Bearer" };
        request = request.header(AUTHORIZATION, format!("{scheme} {}", token.replace(':', "~")));
    }
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let answer = router.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = String::from_utf8(to_bytes(body, 100_000).await.unwrap().to_vec()).unwrap();
    Answer { status: head.status.as_u16(), headers: head.headers, body, ran: ran.load(Ordering::SeqCst) }
}

async fn status(token: &str, operation: &str) -> u16 {
    ask(token, operation, "").await.status
}

const ALL: &str = "document:read.document:write.folder:read";

#[tokio::test]
async fn who_may_and_who_may_not() {
    let title = r#"{"title":"New"}"#;
    for (name, read, write) in [("ada", 200, 200), ("bob", 200, 403), ("eve", 404, 404), ("nobody", 401, 401)]
    {
        let token = format!("{name}.{ALL}");
        let (reads, writes) =
            (ask(&token, "GET /documents/1", "").await, ask(&token, "PUT /documents/1", title).await);
        assert_eq!((reads.status, writes.status), (read, write), "{name}");
        assert_eq!((reads.ran, writes.ran), (read == 200, write == 200), "{name}");
        assert_eq!(status(&token, "GET /documents/2").await, if name == "nobody" { 401 } else { 404 });
    }
    assert_eq!(
        ask(&format!("ada.{ALL}"), "GET /documents/1", "").await.json(),
        json!({ "id": 1, "title": "Plan" })
    );
    assert_eq!(status("", "GET /documents/1").await, 401);
    assert_eq!(status(&format!("bob.{ALL}"), "HEAD /documents/1").await, 200);
    assert_eq!(status(&format!("eve.{ALL}"), "HEAD /documents/1").await, 404);
}

#[tokio::test]
async fn z04_a_hidden_row_is_answered_byte_by_byte_as_a_missing_one() {
    let token = format!("eve.{ALL}");
    for operation in ["GET /documents/{id}", "PUT /documents/{id}", "PUT /documents/{id}/archived"] {
        let of = async |id: &str| ask(&token, &operation.replace("{id}", id), r#"{"title":"x"}"#).await;
        let (hidden, missing) = (of("1").await, of("2").await);
        assert_eq!(hidden, missing, "{operation}");
        assert_eq!((hidden.status, &*hidden.body), (404, r#"{"detail":"There is no such document"}"#));
        assert_eq!(hidden.header(CACHE_CONTROL), Some("no-store"));
    }
    // A row that disappears between the decision and the change is missing too.
    let missing = ask(&token, "PUT /documents/2", r#"{"title":"x"}"#).await;
    let gone = ask(&format!("ada.{ALL}"), "PUT /documents/1", r#"{"title":"gone"}"#).await;
    assert_eq!((gone.status, gone.headers, gone.body), (missing.status, missing.headers, missing.body));
}

#[tokio::test]
async fn z04_a_refusal_names_the_permission_and_a_missing_scope_has_a_challenge() {
    let refused = ask(&format!("bob.{ALL}"), "PUT /documents/1", r#"{"title":"x"}"#).await;
    let detail = "You need the permission document:write on this document";
    assert_eq!(refused.json(), json!({ "detail": detail, "permission": "document:write" }));
    assert_eq!(refused.header(WWW_AUTHENTICATE), None, "another token would not help");
    assert_eq!(refused.header(CACHE_CONTROL), Some("no-store"));

    // Whatever the caller and the row, the credential does not allow it.
    for operation in ["PUT /documents/1", "PUT /documents/2", "PUT /documents/x", "PUT /documents/500"] {
        for name in ["ada", "bob", "eve"] {
            let answer = ask(&format!("{name}.document:read.folder:read"), operation, "").await;
            assert_eq!(answer.status, 403, "{operation}");
            let challenge = "Bearer error=\"insufficient_scope\", scope=\"document:write\"";
            assert_eq!(answer.header(WWW_AUTHENTICATE), Some(challenge));
            assert_eq!(answer.json(), json!({ "detail": "Not enough permissions" }));
        }
    }
    assert_eq!(status("ada.document:write", "GET /documents").await, 403);
}

#[tokio::test]
async fn the_id_is_what_its_type_takes() {
    let token = format!("ada.{ALL}");
    for id in [
        "x",
        "-1",
        "1.0",
        "1e0",
        "0x1",
        "%201",
        "1%00",
        "1%2F2",
        "%ff",
        "4294967296",
        "99999999999999999999",
        "%D9%A1",
    ] {
        let answer = ask(&token, &format!("GET /documents/{id}"), "").await;
        assert_eq!(answer.status, 422, "{id}");
        assert!(!answer.body.contains(id), "what was sent is not repeated: {}", answer.body);
    }
    assert_eq!(status(&token, "GET /documents/4294967295").await, 404);
    assert_eq!(status(&token, "GET /documents/").await, 404, "no route");
    assert_eq!(status("", "GET /documents/x").await, 401, "who calls comes first");
    assert_eq!(status(&token, "GET /folders/home%20of%20ada").await, 200);
    assert_eq!(status(&token, "GET /folders/home%20of%20bob").await, 404);
    assert_eq!(status(&token, "GET /folders/a%00").await, 422);
}

#[tokio::test]
async fn the_decision_comes_before_the_body() {
    for (name, id, expected) in [("eve", 1, 404), ("ada", 2, 404), ("bob", 1, 403), ("ada", 1, 422)] {
        let answer = ask(&format!("{name}.{ALL}"), &format!("PUT /documents/{id}"), r#"{"title":1}"#).await;
        assert_eq!(answer.status, expected, "{name} {id}");
    }
}

#[tokio::test]
async fn no_decision_is_503_and_one_line() {
    let log = Log::here();
    for id in [500, 501] {
        let answer = ask(&format!("ada.{ALL}"), &format!("GET /documents/{id}"), "").await;
        assert_eq!((answer.status, answer.header(RETRY_AFTER)), (503, Some("1")));
        assert_eq!(answer.json(), json!({ "detail": "Permissions cannot be checked at the moment" }));
        assert!(!answer.ran);
    }
    let told: Vec<_> = [Level::ERROR, Level::DEBUG].into_iter().flat_map(|level| log.taken(level)).collect();
    let told = told.concat();
    assert!(told.contains("permission=\"document:read\""), "{told}");
}

#[tokio::test]
async fn a_list_is_the_viewers() {
    let titles = async |name: &str| ask(&format!("{name}.{ALL}"), "GET /documents", "").await.json();
    assert_eq!(titles("bob").await, json!([{ "id": 1, "title": "Plan" }]));
    assert_eq!(titles("eve").await, json!([]), "nothing to see is an empty list");
}

#[tokio::test]
async fn permissions_combine() {
    let list = async |name: &str, scopes: &str| {
        status(&format!("{name}.{scopes}"), "GET /folders/home%20of%20ada/documents").await
    };
    assert_eq!(list("ada", ALL).await, 200);
    assert_eq!(list("bob", ALL).await, 404);
    assert_eq!(list("ada", "folder:read").await, 403);
    assert_eq!(list("ada", "document:read").await, 403);

    let of_team = ask(&format!("ada.{ALL}"), "GET /teams/7/documents/1", "").await;
    assert_eq!(of_team.json(), json!(["7", 1, 1]));
    assert_eq!(status(&format!("eve.{ALL}"), "GET /teams/1/documents/2").await, 404);

    // The guard of a router and that of the handler.
    for (name, scopes, expected) in [
        ("ada", ALL, 204),
        ("bob", ALL, 403),
        ("eve", ALL, 404),
        ("ada", "document:read", 403),
        ("ada", "document:write", 403),
    ] {
        assert_eq!(
            status(&format!("{name}.{scopes}"), "PUT /documents/1/archived").await,
            expected,
            "{name}"
        );
    }

    assert_eq!(ask("YWRhOng=", "GET /either/1", "").await.json(), "ada");
    assert_eq!(ask("bob.document:read", "GET /either/1", "").await.json(), "bob");
    assert_eq!(status("eve.document:read", "GET /either/1").await, 404);
}

#[tokio::test]
async fn ids_in_a_body_are_decided_one_by_one() {
    let of = async |name: &str, ids: &str| ask(&format!("{name}.{ALL}"), "POST /archive", ids).await;
    assert_eq!(of("ada", "[1,1]").await.json(), json!([1, 1]));
    for (name, ids, expected) in
        [("ada", "[1,2]", 404), ("bob", "[1]", 403), ("eve", "[1]", 404), ("ada", "[500]", 503)]
    {
        let answer = of(name, ids).await;
        assert_eq!((answer.status, answer.ran), (expected, false), "{name} {ids}");
    }
    let (in_body, in_path) =
        (of("eve", "[1]").await, ask(&format!("eve.{ALL}"), "GET /documents/1", "").await);
    assert_eq!((in_body.headers, in_body.body), (in_path.headers, in_path.body));
}
