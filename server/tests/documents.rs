//! The checked-in documents about the API match the server.

use std::fmt::Write;
use std::path::Path;

use portcullis_server::App;
use serde_json::Value;

use crate::on_both_databases;
use crate::support::{Database, TestApp, document};

/// Compares a file of `docs/` with its expected content, and writes that, so that the next run passes.
fn hold(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found != expected {
        std::fs::write(&path, expected).unwrap();
        panic!(
            "docs/{name} was not what the server says. It is written anew: look at the difference and commit it"
        );
    }
}

#[test]
fn the_documents_are_current() {
    let document = App::document().unwrap();
    hold("openapi.json", &(serde_json::to_string_pretty(document.value()).unwrap() + "\n"));
    hold("routes.md", &routes());
    hold("settings.md", &portcullis_server::config::reference());
}

/// The code in the tutorial is from the example, which the tests run.
#[test]
fn the_tutorial_is_the_example() {
    let [tutorial, example] =
        ["docs/who-may-see-this-document.md", "server/examples/documents.rs"].map(|file| {
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
        });
    let pieces: Vec<_> =
        tutorial.split("```rust,ignore\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    // A block may hold several pieces, separated by empty lines.
    let mut rest = example
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("//!"))
        .collect::<Vec<_>>();
    for line in pieces.iter().flat_map(|piece| piece.lines()).filter(|line| !line.trim().is_empty()) {
        let at = rest.iter().position(|other| *other == line);
        rest.remove(
            at.unwrap_or_else(|| panic!("the tutorial shows what the example does not have: {line}")),
        );
    }
    assert!(rest.is_empty(), "the tutorial leaves out: {rest:?}");
}

/// The table of routes: who may call each, and the statuses that it can return.
fn routes() -> String {
    let mut table =
        "# Routes\n\nA test writes this file from the server's own document: change a handler, not this file.\n\n\
        | route | summary | who may call | responses |\n|---|---|---|---|\n"
            .to_owned();
    for (method, path, entry) in document().operations() {
        let scopes = |requirement: &Value| {
            let scopes =
                requirement.as_object().unwrap().values().flat_map(|scopes| scopes.as_array().unwrap());
            scopes.fold(String::new(), |list, scope| list + " `" + scope.as_str().unwrap() + "`")
        };
        let ways = entry["security"].as_array().unwrap();
        let takes_keys = ways.iter().any(|way| way.get("apiKey").is_some());
        let which = if takes_keys { "an active session or an API key" } else { "an active session" };
        let who = ways.first();
        let who = who.map_or("anyone".to_owned(), |requirement| format!("{which}{}", scopes(requirement)));
        let answers = entry["responses"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        writeln!(table, "| `{method} {path}` | {} | {who} | {answers} |", entry["summary"].as_str().unwrap())
            .unwrap();
    }
    table
}

#[tokio::test]
async fn the_docs_page_is_served_under_a_strict_policy() {
    let app = TestApp::new(Database::Sqlite).await;
    let page = app.stranger().get("/docs").send().await.assert(200);
    let policy = page.header("content-security-policy");
    assert!(
        !policy.contains("unsafe")
            && policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
    );
    assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{}", page.text());
    let document = app.stranger().get("/openapi.json").send().await.assert(200);
    assert_eq!(document.json(), *App::document().unwrap().value());
    let again = app.stranger().get("/openapi.json").header("if-none-match", document.header("etag"));
    again.send().await.assert(304);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_one_dialect() {
    let app = TestApp::new(Database::Sqlite).await;
    let missing = app.stranger().get("/nowhere").send().await.assert(404);
    assert_eq!(missing.json()["detail"], "Not Found");
    let wrong = app.stranger().delete("/password/reset").send().await.assert(405);
    assert_eq!(wrong.json()["detail"], "Method Not Allowed");
    assert_eq!(wrong.header("allow"), "POST");
    for path in ["/profile/", "//profile", "/Profile", "/profile;x", "/profile%2f1", "/./profile"] {
        let status = app.stranger().get(path).send().await.status.as_u16();
        assert!(matches!(status, 401 | 404), "{path}: {status}");
    }
}

on_both_databases! {
    async fn c04_every_answer_carries_the_headers_that_protect_a_browser(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let stranger = app.stranger();
        let answers = [
            ada.get("/profile").send().await,
            stranger.get("/profile").send().await,
            stranger.get("/health").send().await,
            stranger.get("/docs").send().await,
            stranger.get("/nowhere").send().await,
            stranger.delete("/health").send().await,
            stranger.post("/signup").body("{").await,
            stranger.try_password("a@example.com", "x").await,
        ];
        for answer in answers {
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
            assert!(!answer.header("cross-origin-opener-policy").is_empty());
            assert!(!answer.header("x-request-id").is_empty());
            assert!(answer.header("access-control-allow-origin").is_empty());
            assert!(matches!(answer.header("cache-control"), "no-store" | "no-cache"));
            assert!(answer.header("strict-transport-security").is_empty(), "HSTS on plain http");
        }
        let secure = TestApp::with(database, |config| {
            config.public_url = Some("https://login.example".parse().unwrap());
        })
        .await;
        assert!(
            secure.stranger().get("/health").send().await.header("strict-transport-security").contains("max-age")
        );
    }

    /// c03: no other origin may read a response, whatever it sends.
    async fn c03_no_origin_is_let_in_by_cors(database: Database) {
        let app = TestApp::new(database).await;
        for origin in
            ["https://evil.example", "null", "http://localhost:8000", "https://localhost:8000.evil.example"]
        {
            for path in ["/profile", "/login", "/account/log-in", "/.well-known/jwks.json"] {
                let preflight = app.stranger().call(http::Method::OPTIONS, path).header("origin", origin);
                let preflight = preflight.header("access-control-request-method", "POST").send().await;
                let plain = app.stranger().get(path).header("origin", origin).send().await;
                for answer in [preflight, plain] {
                    assert_eq!(answer.header("access-control-allow-origin"), "", "{path} for {origin}");
                    assert_eq!(answer.header("access-control-allow-credentials"), "", "{path} for {origin}");
                }
            }
        }
    }

    /// d04: a compressed body is never unpacked.
    async fn d04_a_compressed_body_is_refused(database: Database) {
        let app = TestApp::new(database).await;
        for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
            let sign_up = app.stranger().post("/signup").header("content-type", "application/json");
            sign_up.header("content-encoding", encoding).body("{}").await.assert(415);
            let log_in =
                app.stranger().post("/login").header("content-type", "application/x-www-form-urlencoded");
            log_in.header("content-encoding", encoding).body("username=a").await.assert(415);
        }
    }
}
