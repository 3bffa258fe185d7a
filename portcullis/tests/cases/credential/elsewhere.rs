//! Tokens outside `Authorization`: in another header, in a cookie, passed as a value, and under another scheme.

use axum::{Router, extract::FromRef};
use http::{Request, StatusCode, request::Builder};
use portcullis::{
    AccessTokens, Api, Either, Granted, Guard, Json, Maybe, Scope, Verdict, Verify, VerifyFailed,
    credential::{Authorization, AuthorizationScheme, TokenIn, TokenPlace},
    describe::In,
};
use serde_json::json;

use super::{AMBIGUOUS, INVALID, MISSING, document, send};
use crate::cases::issuer::{but, claims, ed25519, verifier};

struct Gateway;
impl TokenPlace for Gateway {
    const IN: In = In::Header;
    const NAME: &'static str = "Cf-Access-Jwt-Assertion";
    const SCHEME: &'static str = "gateway";
    const DESCRIPTION: &'static str = "Added by Cloudflare Access";
}

struct InCookie;
impl TokenPlace for InCookie {
    const IN: In = In::Cookie;
    const NAME: &'static str = "__Host-access";
    const SCHEME: &'static str = "access_cookie";
}

/// A cookie as existing gateways set it.
struct OldCookie;
impl TokenPlace for OldCookie {
    const IN: In = In::Cookie;
    const NAME: &'static str = "CF_Authorization";
    const SCHEME: &'static str = "old_cookie";
    const DANGEROUS_PLANTABLE_COOKIE: bool = true;
}

struct ProfileRead;
impl Scope for ProfileRead {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Read";
}

struct Nobodys;
impl Scope for Nobodys {
    const NAME: &'static str = "nobody:has";
    const DESCRIPTION: &'static str = "Nothing";
}

struct TokenScheme;
impl AuthorizationScheme for TokenScheme {
    const NAME: &'static str = "Token";
}

#[derive(Clone)]
struct Robots;

impl Verify for Robots {
    type Credential = Authorization<TokenScheme>;
    type Principal = String;
    const SCHEME: &'static str = "robot";

    async fn verify(&self, sent: &Authorization<TokenScheme>) -> Result<Verdict<String>, VerifyFailed> {
        let good = sent.is("abc") || sent.text() == "token=\"abc\", id=\"1\"";
        Ok(if good { Verdict::Accepted(sent.text().to_owned(), Granted::none()) } else { Verdict::Refused })
    }
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    robots: Robots,
}

async fn gateway(guard: Guard<TokenIn<Gateway>>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

async fn cookie(guard: Guard<TokenIn<InCookie>, ProfileRead>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

async fn old(guard: Guard<TokenIn<OldCookie>>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

async fn either(guard: Guard<Either<TokenIn<InCookie>, AccessTokens>>) -> Json<String> {
    Json(guard.principal().inner().subject().to_owned())
}

async fn maybe(known: Maybe<TokenIn<Gateway>>) -> Json<bool> {
    Json(known.principal().is_some())
}

async fn robot(guard: Guard<Robots>) -> Json<String> {
    Json(guard.into_principal())
}

fn api() -> Api<App> {
    Api::new("Shop", "1")
        .get("/gateway", gateway)
        .post("/cookie", cookie)
        .post("/old", old)
        .post("/either", either)
        .get("/maybe", maybe)
        .get("/robot", robot)
}

fn app() -> Router {
    api().finish().unwrap().0.with_state(App { tokens: verifier(), robots: Robots })
}

fn to(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("host", "shop.example")
}

const HEADER: &str = "cf-access-jwt-assertion";

#[tokio::test]
async fn a_gateways_header_holds_a_token() {
    let (app, token) = (app(), ed25519().good());
    let ask = async |value: &str| send(&app, to("GET", "/gateway").header(HEADER, value)).await;
    ask(&token).await.is_answer("\"ana\"", "a good token");
    for bad in ["junk", "", "Bearer x", &format!("{token}x"), &"x".repeat(8193), &format!("Bearer {token}")] {
        ask(bad).await.is_refusal(401, Some("APIKey"), INVALID, bad);
    }
    let none = send(&app, to("GET", "/gateway")).await;
    none.is_refusal(401, Some("APIKey"), MISSING, "nothing");
    let authorization = to("GET", "/gateway").header("authorization", format!("Bearer {token}"));
    send(&app, authorization).await.is_refusal(401, Some("APIKey"), MISSING, "in the usual place");
    let twice = to("GET", "/gateway").header(HEADER, &token).header(HEADER, &token);
    send(&app, twice).await.is_refusal(400, Some("APIKey"), AMBIGUOUS, "two");
    send(&app, to("GET", "/maybe")).await.is_answer("false", "a stranger");
    send(&app, to("GET", "/maybe").header(HEADER, "junk")).await.is_refusal(
        401,
        Some("APIKey"),
        INVALID,
        "junk",
    );
}

/// Longer than an API key can be, as signed tokens are: up to 8 KiB.
#[tokio::test]
async fn a_long_token_is_taken_to_the_bound() {
    let key = ed25519();
    let of_length = |filler: usize| {
        let claims = but(&claims(), "filler", Some(&json!("x".repeat(filler)).to_string()));
        key.token(&key.header().to_string(), &claims)
    };
    let short = of_length(0).len();
    // Base64 turns three bytes into four.
    let longest = of_length((8192 - short) / 4 * 3);
    assert!((8180..=8192).contains(&longest.len()), "{}", longest.len());
    let app = app();
    send(&app, to("GET", "/gateway").header(HEADER, &longest)).await.is_answer("\"ana\"", "8 KiB");
    let longer = of_length((8192 - short) / 4 * 3 + 24);
    assert!(longer.len() > 8192);
    let refused = send(&app, to("GET", "/gateway").header(HEADER, &longer)).await;
    refused.is_refusal(401, Some("APIKey"), INVALID, "longer");
}

/// F6: what is lost if a layer copies the cookie into `Authorization`.
#[tokio::test]
async fn a_token_in_a_cookie_is_of_no_use_to_another_site() {
    let (app, token) = (app(), ed25519().good());
    let ask = async |path: &str, name: &str, site: &str, value: &str| {
        let request = to("POST", path).header("cookie", format!("{name}={value}"));
        send(&app, request.header("sec-fetch-site", site)).await
    };
    for (path, name) in [("/cookie", InCookie::NAME), ("/old", OldCookie::NAME), ("/either", InCookie::NAME)]
    {
        ask(path, name, "same-origin", &token).await.is_answer("\"ana\"", path);
        for site in ["cross-site", "same-site"] {
            let refused = ask(path, name, site, &token).await;
            refused.is_refusal(403, None, "This request may come from another site's page", path);
        }
        let bad = ask(path, name, "same-origin", "junk").await;
        assert_eq!((bad.status.as_u16(), bad.detail().as_str()), (401, INVALID), "{path}");
    }
    let beside = to("POST", "/either")
        .header("cookie", format!("__Host-access={token}"))
        .header("authorization", "Bearer junk");
    assert_eq!(send(&app, beside).await.status, 401, "a bad token is not made up for");
    let header = to("POST", "/either").header("authorization", format!("Bearer {token}"));
    send(&app, header).await.is_answer("\"ana\"", "a program");
    let lacking = Router::new()
        .route("/", axum::routing::get(async |_: Guard<TokenIn<InCookie>, Nobodys>| ()))
        .with_state(verifier());
    let lacking = send(&lacking, to("GET", "/").header("cookie", format!("__Host-access={token}"))).await;
    lacking.is_refusal(403, Some("Cookie"), "Not enough permissions", "a scope");
}

#[test]
fn the_document_shows_the_place() {
    let document = document(api());
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        schemes["gateway"],
        json!({
            "type": "apiKey", "in": "header", "name": "Cf-Access-Jwt-Assertion",
            "description": "Added by Cloudflare Access",
        })
    );
    assert_eq!(
        (&schemes["access_cookie"]["in"], &schemes["access_cookie"]["name"]),
        (&json!("cookie"), &json!("__Host-access"))
    );
    assert_eq!(schemes["robot"], json!({ "type": "http", "scheme": "Token" }));
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(security("/cookie", "post"), json!([{ "access_cookie": ["read"] }]));
    assert_eq!(security("/either", "post"), json!([{ "access_cookie": [] }, { "access_token": [] }]));
    assert!(document["paths"]["/cookie"]["post"]["responses"]["403"].is_object());
}

#[tokio::test]
async fn another_scheme_of_authorization() {
    let app = app();
    let ask = async |value: &str| send(&app, to("GET", "/robot").header("authorization", value)).await;
    ask("Token abc").await.is_answer("\"abc\"", "as named");
    ask("tOKEN abc").await.is_answer("\"abc\"", "in another case");
    ask("Token token=\"abc\", id=\"1\"").await.is_answer(r#""token=\"abc\", id=\"1\"""#, "with parameters");
    for bad in [
        "Token",
        "Token ",
        "Token  abc",
        "Token abc ",
        "Token abd",
        "Token a\tb",
        &format!("Token {}", "x".repeat(8193)),
    ] {
        ask(bad).await.is_refusal(401, Some("Token"), INVALID, bad);
    }
    for other in ["Bearer abc", "Basic dTpw", "abc"] {
        ask(other).await.is_refusal(401, Some("Token"), MISSING, other);
    }
    let twice = to("GET", "/robot").header("authorization", "Token abc").header("authorization", "Token abc");
    send(&app, twice).await.is_refusal(400, Some("Token"), AMBIGUOUS, "two");
}

/// A token from a queue, for example: verified as if it came with a request.
#[tokio::test]
async fn a_token_by_value() {
    let (tokens, token) = (verifier(), ed25519().good());
    let guard = Guard::<AccessTokens, ProfileRead>::for_token(&tokens, &token).await.unwrap();
    assert_eq!(guard.principal().subject(), "ana");
    let denied = async |token: &str| {
        let denied = Guard::<AccessTokens>::for_token(&tokens, token).await.unwrap_err();
        (denied.status(), denied.to_string())
    };
    for bad in ["", " ", "junk", &format!("{token}x"), &format!("Bearer {token}"), &"x".repeat(8193)] {
        assert_eq!(denied(bad).await, (StatusCode::UNAUTHORIZED, INVALID.to_owned()), "{bad}");
    }
    let lacking = Guard::<AccessTokens, Nobodys>::for_token(&tokens, &token).await.unwrap_err();
    assert_eq!(
        (lacking.status(), lacking.to_string()),
        (StatusCode::FORBIDDEN, "Not enough permissions".to_owned())
    );
    let expired = verifier_in_the_future();
    let late = Guard::<AccessTokens>::for_token(&expired, &token).await.unwrap_err();
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
}

fn verifier_in_the_future() -> AccessTokens {
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(crate::cases::issuer::NOW + 1_000_000);
    AccessTokens::issued_by(crate::cases::issuer::ISSUER)
        .audience(crate::cases::issuer::AUDIENCE)
        .keys(&crate::cases::issuer::jwks([ed25519()]))
        .unwrap()
        .clock(move || later)
        .build()
        .unwrap()
}
