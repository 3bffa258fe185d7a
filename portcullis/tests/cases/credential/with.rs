//! Verifiers that see parts of the request.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, MatchedPath},
};
use http::{Method, Request, request::Builder};
use portcullis::{
    Api, Bearer, Granted, Guard, Json, Verdict, Verify, VerifyFailed,
    credential::{ClientAddress, PathParameter, PathParameterName, TrustedProxies, With},
};
use serde_json::json;

use super::{INVALID, MISSING, document, send};

struct Org;
impl PathParameterName for Org {
    const NAME: &'static str = "org";
}

/// A token is `ORG~rights`: an organization, and what the caller may do in it.
#[derive(Clone)]
struct OrgKeys;

impl Verify for OrgKeys {
    type Credential = With<Bearer, (PathParameter<Org>, Method, MatchedPath)>;
    type Principal = String;
    const SCHEME: &'static str = "org_key";

    async fn verify(&self, sent: &Self::Credential) -> Result<Verdict<String>, VerifyFailed> {
        let (org, method, path) = sent.request();
        let Some((of, rights)) = sent.credential().token().split_once('~') else {
            return Ok(Verdict::Refused);
        };
        if of != org.value().replace(' ', "_") || (*method != Method::GET && rights != "rw") {
            return Ok(Verdict::Forbidden);
        }
        Ok(Verdict::Accepted(format!("{org:?} {method} {}", path.as_str()), Granted::none()))
    }
}

struct OurProxies;
impl TrustedProxies for OurProxies {
    fn is_trusted(hop: IpAddr) -> bool {
        hop == IpAddr::from([10, 0, 0, 1])
    }
}

/// Valid from one address only.
#[derive(Clone)]
struct Office;

impl Verify for Office {
    type Credential = With<Bearer, ClientAddress<OurProxies>>;
    type Principal = String;
    const SCHEME: &'static str = "office";

    async fn verify(&self, sent: &Self::Credential) -> Result<Verdict<String>, VerifyFailed> {
        let address = sent.request().address();
        Ok(if address == IpAddr::from([192, 0, 2, 7]) {
            Verdict::Accepted(address.to_string(), Granted::none())
        } else {
            Verdict::Forbidden
        })
    }
}

/// Forbids without seeing the request.
#[derive(Clone)]
struct Blind;

impl Verify for Blind {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "blind";

    async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Forbidden)
    }
}

async fn invoices(guard: Guard<OrgKeys>) -> Json<String> {
    Json(guard.into_principal())
}

async fn office(guard: Guard<Office>) -> Json<String> {
    Json(guard.into_principal())
}

async fn blind(_: Guard<Blind>) -> Json<u8> {
    Json(1)
}

const FORBIDDEN: &str = "The credential is not for this request";

fn of_orgs() -> Api<OrgKeys> {
    use portcullis::api::{get, post};

    Api::new("Orgs", "1")
        .route(get("/orgs/{org}/invoices/{id}", invoices).operation_id("read"))
        .route(post("/orgs/{org}/invoices/{id}", invoices).operation_id("write"))
}

fn to(method: &str, path: &str, token: &str) -> Builder {
    Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_key_of_one_organization_that_may_read() {
    let app = of_orgs().finish().unwrap().0.with_state(OrgKeys);
    let ask = async |method: &str, path: &str, token: &str| send(&app, to(method, path, token)).await;
    let (own, other) = ("/orgs/acme/invoices/7", "/orgs/evil/invoices/7");
    ask("GET", own, "acme~r").await.is_answer(r#""org=\"acme\" GET /orgs/{org}/invoices/{id}""#, "own");
    ask("POST", own, "acme~rw").await.is_answer(r#""org=\"acme\" POST /orgs/{org}/invoices/{id}""#, "own");
    ask("POST", own, "acme~r").await.is_refusal(403, None, FORBIDDEN, "a key that reads");
    ask("GET", other, "acme~rw").await.is_refusal(403, None, FORBIDDEN, "another organization");
    ask("GET", own, "junk").await.is_refusal(
        401,
        Some(
            "Bearer error=\"invalid_token\", error_description=\"The token is invalid, expired or revoked\"",
        ),
        INVALID,
        "junk",
    );
    let none = send(&app, Request::builder().uri(own)).await;
    none.is_refusal(401, Some("Bearer"), MISSING, "nothing");
    let encoded = ask("GET", "/orgs/a%20b/invoices/7", "a_b~r").await;
    encoded.is_answer(r#""org=\"a b\" GET /orgs/{org}/invoices/{id}""#, "percent-decoded");
    assert_eq!(ask("GET", "/orgs/%ff/invoices/7", "a~r").await.status, 401, "not UTF-8: no organization");
}

#[test]
fn the_document_says_that_a_good_credential_may_be_forbidden() {
    let document = document(of_orgs());
    let operation = &document["paths"]["/orgs/{org}/invoices/{id}"]["get"];
    assert_eq!(operation["security"], json!([{ "org_key": [] }]));
    assert_eq!(
        operation["responses"]["403"]["description"],
        "The credential is valid, but not for this request"
    );
}

#[test]
fn a_path_without_the_parameter_is_a_defect() {
    let error = Api::<OrgKeys>::new("Orgs", "1").get("/invoices", invoices).finish().unwrap_err().to_string();
    assert!(error.contains("get /invoices: its guard asks for the path parameter `{org}`"), "{error}");
}

#[tokio::test]
async fn a_key_of_one_address() {
    let app = Api::<Office>::new("Office", "1").get("/", office).finish().unwrap().0.with_state(Office);
    let from =
        |peer: [u8; 4]| app.clone().layer(axum::Extension(ConnectInfo(SocketAddr::from((peer, 4711)))));
    let ask = async |app: &Router, forwarded: Option<&str>| {
        let mut request = to("GET", "/", "x");
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        send(app, request).await
    };
    ask(&from([192, 0, 2, 7]), None).await.is_answer("\"192.0.2.7\"", "from the office");
    ask(&from([10, 0, 0, 1]), Some("6.6.6.6, 192.0.2.7"))
        .await
        .is_answer("\"192.0.2.7\"", "through a proxy of ours");
    ask(&from([192, 0, 2, 8]), Some("192.0.2.7")).await.is_refusal(
        403,
        None,
        FORBIDDEN,
        "a header is no proof",
    );
    let unknown = ask(&app, None).await;
    unknown.is_refusal(503, None, "Credentials cannot be checked at the moment", "no connection's address");
}

/// If the verifier does not see the request, a forbidden credential counts as invalid.
#[tokio::test]
async fn a_verifier_that_sees_nothing_forbids_nothing() {
    let (router, document) = Api::<Blind>::new("Blind", "1").get("/", blind).finish().unwrap();
    let answer = send(&router.with_state(Blind), to("GET", "/", "x")).await;
    assert_eq!((answer.status.as_u16(), answer.detail().as_str()), (401, INVALID));
    assert!(document.value()["paths"]["/"]["get"]["responses"].get("403").is_none());
}
