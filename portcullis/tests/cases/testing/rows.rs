//! The attack on rows: what other accounts must not learn about them, and each way to leak it.

use axum::{
    Router,
    body::Body,
    extract::{FromRef, Request},
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderValue, header::CONTENT_LENGTH};
use portcullis::{
    Api, Bearer, Document as OpenApi, Granted, Json, May, NoContent, Seen, Verdict, Verify, VerifyFailed,
    permission::{Decide, Decision, Object, Undecided},
    permissions,
    testing::Attack,
};
use schemars::JsonSchema;
use serde::Serialize;

/// Accepts `ada.read.write`.
#[derive(Clone)]
struct Tokens;

impl Verify for Tokens {
    type Credential = Bearer;
    type Principal = String;
    const SCHEME: &'static str = "token";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<String>, VerifyFailed> {
        let (name, scopes) = bearer.token().split_once('.').unwrap_or_default();
        let mut named = scopes.split('.');
        let is_known = ["ada", "bob", "eve"].contains(&name)
            && named.all(|scope| ["", "read", "write"].contains(&scope));
        Ok(if is_known {
            Verdict::Accepted(name.to_owned(), Granted::parse(&scopes.replace('.', " ")))
        } else {
            Verdict::Refused
        })
    }
}

#[derive(Serialize, JsonSchema)]
struct Document {
    id: u64,
}

impl Object for Document {
    const NAME: &'static str = "document";
    type Id = u64;
    type Policy = Documents;
}

permissions! {
    on Document {
        ReadDocument "read" "Read a document";
        WriteDocument "write" "Change a document";
    }
}

/// What goes wrong. Ada owns document 1, Bob may read it, and Eve does not see it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    EveReads,
    EveWrites,
    EveIsRefused,
    BobWrites,
    BobIsRefusedReading,
    BobSeesNothing,
}

#[derive(Clone)]
struct Documents(Fault);

impl Decide<ReadDocument, String> for Documents {
    async fn decide(self, caller: &String, id: &u64) -> Result<Decision<Document>, Undecided> {
        Ok(match (id, &**caller, self.0) {
            (1, "bob", Fault::BobIsRefusedReading) => Decision::Refuse,
            (1, "bob", Fault::BobSeesNothing) => Decision::Hide,
            (1, "eve", Fault::EveReads) | (1, "ada" | "bob", _) => Decision::Allow(Document { id: 1 }),
            _ => Decision::Hide,
        })
    }
}

impl Decide<WriteDocument, String> for Documents {
    async fn decide(self, caller: &String, id: &u64) -> Result<Decision<Document>, Undecided> {
        Ok(match (id, &**caller, self.0) {
            (1, "bob", Fault::BobSeesNothing) => Decision::Hide,
            (1, "bob", Fault::BobWrites) | (1, "eve", Fault::EveWrites) | (1, "ada", _) => {
                Decision::Allow(Document { id: 1 })
            }
            (1, "bob", _) | (1, "eve", Fault::EveIsRefused) => Decision::Refuse,
            _ => Decision::Hide,
        })
    }
}

async fn list(_: Seen<Tokens, ReadDocument>) -> Json<Vec<Document>> {
    Json(Vec::new())
}

async fn read(may: May<Tokens, ReadDocument>) -> Json<Document> {
    Json(may.into_object())
}

async fn change(_: May<Tokens, WriteDocument>) -> NoContent {
    NoContent
}

#[derive(Clone, FromRef)]
struct App {
    tokens: Tokens,
    documents: Documents,
}

fn shop(fault: Fault) -> (Router, OpenApi) {
    let api = Api::new("Documents", "1");
    let api = api.get("/documents", list).get("/documents/{id}", read).put("/documents/{id}", change);
    let (router, document) = api.finish().unwrap();
    (router.with_state(App { tokens: Tokens, documents: Documents(fault) }), document)
}

fn token_of(name: &'static str) -> impl Fn(&[&str]) -> String + Send + Sync + 'static {
    move |scopes| format!("{name}.{}", scopes.join("."))
}

fn bare((router, document): (Router, OpenApi)) -> Attack {
    let attack = Attack::on(router, document.value()).good("token", token_of("ada"));
    attack.bad("token", "a token of a deleted account", "zoe.read.write")
}

fn attack(shop: (Router, OpenApi)) -> Attack {
    bare(shop).outsider("token", token_of("eve")).holder("token", ["read"], token_of("bob"))
}

async fn found(attack: Attack) -> Vec<String> {
    attack.run().await.unwrap_err().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn z04_nothing_is_found_where_rows_are_hidden() {
    let report = attack(shop(Fault::None)).assert().await;
    assert!(report.not_tried().is_empty(), "{report}");
    attack(shop(Fault::None)).missing("document", "77").assert().await;
}

#[tokio::test]
async fn z04_a_policy_that_lets_others_in_is_found() {
    let hidden = "a row that they may not see is as one that does not exist: 404";
    let (get, put) = ("GET /documents/{id}", "PUT /documents/{id}");
    for (fault, lines) in [
        (Fault::EveReads, vec![format!("{get}: an account without grants was answered 200, and {hidden}")]),
        (Fault::EveWrites, vec![format!("{put}: an account without grants was answered 204, and {hidden}")]),
        (
            Fault::EveIsRefused,
            vec![format!("{put}: an account without grants was answered 403, and {hidden}")],
        ),
        (
            Fault::BobWrites,
            vec![format!("{put}: an account with `read` was answered 204, documented is 403")],
        ),
        (
            Fault::BobIsRefusedReading,
            vec![format!(
                "{get}: an account with `read` was answered 403; so the refusals prove nothing (a refusal of the \
                 handler's own is avoided by `.parameter` or `.sample`)"
            )],
        ),
        (
            Fault::BobSeesNothing,
            vec![
                format!(
                    "{get}: an account with `read` was answered 404; so the 404 of others proves nothing (the id of a \
                     row that it may have is given by `.parameter`)"
                ),
                format!("{put}: an account with `read` was answered 404, documented is 403"),
            ],
        ),
    ] {
        assert_eq!(found(attack(shop(fault))).await, lines, "{fault:?}");
    }
}

/// What is found if each response with this status is altered.
async fn altered(alter: fn(&str, &mut Response), status: u16) -> Vec<String> {
    let (router, document) = shop(Fault::None);
    let layer = middleware::from_fn(move |request: Request, next: Next| async move {
        let path = request.uri().path().to_owned();
        let mut answer = next.run(request).await;
        if answer.status().as_u16() == status {
            alter(&path, &mut answer);
        }
        answer
    });
    found(attack((router.layer(layer), document))).await
}

fn is_there(path: &str) -> bool {
    path.trim_start_matches('/') == "documents/1"
}

fn say(answer: &mut Response, text: &'static str) {
    answer.headers_mut().remove(CONTENT_LENGTH);
    *answer.body_mut() = Body::from(text);
}

#[tokio::test]
async fn z04_a_404_that_tells_two_rows_apart_is_found() {
    let of_both = |problem: &str| {
        let of = |operation: &str| format!("{operation}: {problem} than for an id that does not exist");
        ["GET /documents/{id}", "PUT /documents/{id}"].map(of)
    };
    let body = altered(
        |path, answer| {
            if is_there(path) {
                say(answer, r#"{"detail":"There is no such document."}"#);
            }
        },
        404,
    );
    assert_eq!(body.await, of_both("an account without grants was answered 404 with another body"));
    let header = altered(
        |path, answer| {
            if is_there(path) {
                answer.headers_mut().insert("x-row", HeaderValue::from_static("1"));
            }
        },
        404,
    );
    assert_eq!(header.await, of_both("an account without grants was answered 404 with another `x-row`"));
}

#[tokio::test]
async fn a_403_that_does_not_name_the_permission_is_found() {
    let silent = altered(|_, answer| say(answer, r#"{"detail":"No"}"#), 403).await;
    let line =
        "PUT /documents/{id}: an account with `read` was answered 403 with a body that does not name `write`";
    assert!(silent.contains(&line.to_owned()), "{silent:?}");
    let challenge = altered(
        |_, answer| {
            let value = HeaderValue::from_static("Bearer error=\"insufficient_scope\", scope=\"write\"");
            answer.headers_mut().insert("www-authenticate", value);
        },
        403,
    );
    let line = "PUT /documents/{id}: an account with `read` was answered 403 with a challenge, though another \
                credential would not help";
    assert!(challenge.await.contains(&line.to_owned()));
}

#[tokio::test]
async fn a_row_that_is_not_there_proves_nothing() {
    let lines = found(attack(shop(Fault::None)).parameter("GET /documents/{id}", "id", "2")).await;
    let nothing =
        "so the 404 of others proves nothing (the id of a row that it may have is given by `.parameter`)";
    let line = format!(
        "GET /documents/{{id}}: an account with `read` and a good credential were answered 404; {nothing}"
    );
    assert_eq!(lines, [line]);
    let lines = found(attack(shop(Fault::None)).missing("document", "1")).await;
    let no_row = "and there is no such row: 404 (another id is given by `.missing`)";
    let both = ["GET", "PUT"].map(|method| {
        let status = if method == "GET" { 200 } else { 204 };
        format!("{method} /documents/{{id}}: a good credential, and an id that does not exist, was answered {status}, {no_row}")
    });
    assert_eq!(lines, both);
}

#[tokio::test]
async fn what_the_test_does_not_give_is_not_tried_and_what_it_misnames_is_found() {
    let report = bare(shop(Fault::None)).run().await.unwrap();
    assert_eq!(
        report.not_tried(),
        [
            "`document`: an account with one of its permissions and not all; say `.holder(…)`",
            "`token`: an account without grants; say `.outsider(…)`",
        ]
    );
    let misnamed =
        attack(shop(Fault::None)).missing("folder", "1").holder("token", ["admin"], token_of("bob"));
    assert_eq!(
        found(misnamed).await,
        [
            "folder: `.missing` names it, and no permission is asked of it",
            "admin: `.holder` names it, and no operation asks for it",
        ]
    );
}
