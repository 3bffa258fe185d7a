//! User name and password (RFC 7617).

use axum::{Router, routing::get};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use portcullis::{
    AccessTokens, Api, Basic, Either, Granted, Guard, Json, Maybe, Scope, Verdict, Verify, VerifyFailed,
};
use serde_json::json;

use super::{super::issuer::verifier, AMBIGUOUS, Answer, INVALID, MISSING, document, send};

#[derive(Clone, Copy)]
struct Staff;

impl Verify for Staff {
    type Credential = Basic;
    type Principal = String;
    const SCHEME: &'static str = "staff";
    const REALM: Option<&'static str> = Some("The shop's back office");

    async fn verify(&self, basic: &Basic) -> Result<Verdict<String>, VerifyFailed> {
        if basic.password() == "down" {
            return Err("no database".into());
        }
        let good = basic.user_id_is("ana") & basic.password_is("open: sesame £");
        let who = || format!("{} {basic:?}", basic.user_id());
        Ok(if good { Verdict::Accepted(who(), Granted::none()) } else { Verdict::Refused })
    }
}

/// The same without a realm of its own.
#[derive(Clone, Copy)]
struct Nameless;

impl Verify for Nameless {
    type Credential = Basic;
    type Principal = ();
    const SCHEME: &'static str = "nameless";

    async fn verify(&self, _: &Basic) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Refused)
    }
}

struct Keep;
impl Scope for Keep {
    const NAME: &'static str = "keep";
    const DESCRIPTION: &'static str = "Keep things";
}

async fn read(guard: Guard<Staff>) -> Json<String> {
    Json(guard.into_principal())
}

async fn glance(maybe: Maybe<Staff>) -> Json<bool> {
    Json(maybe.principal().is_some())
}

async fn keep(_: Guard<Staff, Keep>) -> Json<()> {
    Json(())
}

fn api() -> Api<Staff> {
    Api::new("Shop", "1").get("/read", read).get("/glance", glance).get("/keep", keep)
}

fn app() -> Router {
    api().finish().unwrap().0.with_state(Staff)
}

async fn call(uri: &str, authorization: &[&str]) -> Answer {
    let request = authorization.iter().fold(Request::get(uri), |r, value| r.header(AUTHORIZATION, *value));
    send(&app(), request).await
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

const CHALLENGE: Option<&str> = Some("Basic realm=\"The shop's back office\", charset=\"UTF-8\"");

#[tokio::test]
async fn t09_a_good_pair_gets_in() {
    let good = basic("ana:open: sesame £");
    call("/read", &[&good]).await.is_answer("\"ana Basic(…)\"", "exact");
    call("/read", &[&good.replacen("Basic", "bASIC", 1)]).await.is_answer("\"ana Basic(…)\"", "any case");
    call("/glance", &[&good]).await.is_answer("true", "maybe");
    call("/glance", &[]).await.is_answer("false", "nobody");
}

#[tokio::test]
async fn t09_each_refusal_of_a_pair_is_exact() {
    let good = basic("ana:open: sesame £");
    let cases: [(&str, &[&str], u16, &str); 14] = [
        ("/read", &[], 401, MISSING),
        ("/read", &["Bearer x"], 401, MISSING),
        ("/read", &["Digest username=\"ana\""], 401, MISSING),
        ("/read", &["Basic"], 401, INVALID),
        ("/read", &["Basic realm=\"x\""], 401, INVALID),
        ("/read", &[&basic("ana")], 401, INVALID),
        ("/read", &[&basic("ana:open: sesame")], 401, INVALID),
        ("/read", &[&basic("Ana:open: sesame £")], 401, INVALID),
        ("/read", &[&basic("ana:open: sesame £\r")], 401, INVALID),
        ("/read", &[&good, &good], 400, AMBIGUOUS),
        ("/read", &[&good, "Bearer x"], 400, AMBIGUOUS),
        ("/glance", &["Basic !"], 401, INVALID),
        ("/glance", &["Bearer x"], 401, MISSING),
        ("/keep", &[&good], 403, "Not enough permissions"),
    ];
    for (uri, authorization, status, detail) in cases {
        let about = format!("{uri} {authorization:?}");
        call(uri, authorization).await.is_refusal(status, CHALLENGE, detail, &about);
    }
    let down = call("/read", &[&basic("ana:down")]).await;
    assert_eq!((down.status.as_u16(), down.challenge()), (503, None));
}

#[tokio::test]
async fn t10_no_other_text_of_a_good_pair_gets_in() {
    let good = basic("ana:open: sesame £");
    assert!(good.ends_with("=="), "padding is at stake here");
    let text = good.strip_prefix("Basic ").unwrap();
    let unpadded = good.trim_end_matches('=');
    // The last character before the padding has bits that are not decoded.
    let last = unpadded.chars().last().unwrap();
    let twin = char::from(u8::try_from(last).unwrap() + 1);
    let forms = [
        unpadded.to_owned(),
        format!("{unpadded}="),
        format!("{good}="),
        format!("{}{twin}==", unpadded.strip_suffix(last).unwrap()),
        format!("Basic  {text}"),
        format!("Basic {text} "),
        format!("Basic\t{text}"),
        format!("Basic \"{text}\""),
        format!("Basic {text},"),
    ];
    for form in forms {
        assert_eq!(call("/read", &[&form]).await.status, 401, "{form:?}");
        assert_eq!(call("/glance", &[&form]).await.status, 401, "{form:?}: not anonymous either");
    }
}

#[tokio::test]
async fn t11_a_pair_beyond_the_bound_is_refused() {
    let long = format!("Basic {}", "QUFB".repeat(16 * 1024));
    assert_eq!(call("/read", &[&long]).await.status, 401);
}

#[tokio::test]
async fn t09_the_realm_is_the_schemes_name_if_there_is_no_other() {
    async fn refuse(_: Guard<Nameless>) {}
    let app = Router::new().route("/", get(refuse)).with_state(Nameless);
    let answer = send(&app, Request::get("/")).await;
    assert_eq!(answer.challenge(), Some("Basic realm=\"nameless\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn t09_either_asks_for_both() {
    #[derive(Clone, axum::extract::FromRef)]
    struct App {
        tokens: AccessTokens,
        staff: Staff,
    }
    async fn read(_: Guard<Either<AccessTokens, Staff>>) -> &'static str {
        "in"
    }
    let app = Router::new().route("/", get(read)).with_state(App { tokens: verifier(), staff: Staff });
    let answer = send(&app, Request::get("/")).await;
    let challenges: Vec<_> =
        answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!((answer.status.as_u16(), challenges), (401, vec!["Bearer", CHALLENGE.unwrap()]));
    let good = basic("ana:open: sesame £");
    send(&app, Request::get("/").header(AUTHORIZATION, good)).await.is_answer("in", "the second kind");
    let bad = send(&app, Request::get("/").header(AUTHORIZATION, basic("ana:no"))).await;
    assert_eq!((bad.status.as_u16(), bad.challenge()), (401, CHALLENGE));
}

/// The name of the scheme decides which is meant, even if the rest is malformed.
#[tokio::test]
async fn t11_one_credential_is_one_however_long_and_of_whatever_bytes() {
    #[derive(Clone, axum::extract::FromRef)]
    struct App {
        tokens: AccessTokens,
        staff: Staff,
    }
    type Both = Either<AccessTokens, Staff>;
    async fn read(_: Guard<Both>) {}
    async fn glance(_: Maybe<Both>) {}
    let app = Router::new().route("/read", get(read)).route("/glance", get(glance));
    let app = app.with_state(App { tokens: verifier(), staff: Staff });
    for scheme in ["Bearer", "bearer", "Basic", "BASIC", "Digest"] {
        for credential in [&*vec![b'a'; 64 * 1024], b"\xc3\xa9", b"\xff", b"", b" a"] {
            let value = HeaderValue::from_bytes(&[scheme.as_bytes(), b" ", credential].concat()).unwrap();
            for path in ["/read", "/glance"] {
                let answer = send(&app, Request::get(path).header(AUTHORIZATION, &value)).await;
                assert_eq!(answer.status, 401, "{path} {scheme} {}", credential.len());
            }
        }
    }
}

#[test]
fn the_document_says_http_basic() {
    let document = document(api());
    assert_eq!(
        document["components"]["securitySchemes"]["staff"],
        json!({ "type": "http", "scheme": "basic" })
    );
    let operation = &document["paths"]["/read"]["get"];
    assert_eq!(operation["security"], json!([{ "staff": [] }]));
    let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "503"]);
}
