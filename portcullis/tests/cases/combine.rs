//! Combinations by type: both, either, any of, and a guard for a whole router. What is enforced is what is documented.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Router, body::to_bytes, extract::FromRef, response::Response};
use http::{
    Request, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use portcullis::{
    Api, ApiKey, Basic, Bearer, Document, Either, Granted, Guard, Json, Maybe, Public, Scope, SessionCookie,
    Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, CookieSettings, SameOrigin},
    describe::In,
    guard::{Access, AnyOf, Denied},
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// Accepts `<its name>~<scope>~<scope>…`; fails for `down` and `<its name>.down`.
macro_rules! verifier {
    ($name:ident, $credential:ident, $scheme:literal, $read:expr $(, $realm:literal)?) => {
        #[derive(Clone, Default)]
        struct $name;

        impl Verify for $name {
            type Credential = $credential;
            type Principal = &'static str;
            const SCHEME: &'static str = $scheme;
            $(const REALM: Option<&'static str> = Some($realm);)?

            async fn verify(&self, credential: &$credential) -> Result<Verdict<&'static str>, VerifyFailed> {
                let read: fn(&$credential) -> &str = $read;
                let text = read(credential);
                if text == "down" || text == concat!($scheme, ".down") {
                    return Err("out of reach".into());
                }
                Ok(match text.strip_prefix($scheme) {
                    Some(scopes) => Verdict::Accepted($scheme, Granted::parse(&scopes.replace('~', " "))),
                    None => Verdict::Refused,
                })
            }
        }
    };
}
verifier!(Users, Bearer, "users", Bearer::token);
verifier!(Robots, Bearer, "robots", Bearer::token);
verifier!(Abroad, Bearer, "abroad", Bearer::token, "Abroad");
verifier!(Staff, Basic, "staff", Basic::password);
verifier!(Partners, Key, "partners", Key::key);
verifier!(Resellers, SameKey, "resellers", SameKey::key);
verifier!(Links, Link, "links", Link::key);
verifier!(Visitors, Cookie, "visitors", Cookie::token);
verifier!(Guests, SameCookie, "guests", SameCookie::token);

type Key = ApiKey<KeyHeader>;
struct KeyHeader;
impl ApiKeyPlace for KeyHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "X-Key";
}

/// Another type in the same place.
type SameKey = ApiKey<SameHeader>;
struct SameHeader;
impl ApiKeyPlace for SameHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "x-key";
}

type Link = ApiKey<InQuery>;
struct InQuery;
impl ApiKeyPlace for InQuery {
    const IN: In = In::Query;
    const NAME: &'static str = "link";
}

/// Another type for the same cookie.
type SameCookie = SessionCookie<SameShop>;
struct SameShop;
impl CookieSettings for SameShop {
    const NAME: &'static str = "__Host-shop";
}

type Cookie = SessionCookie<Shop>;
struct Shop;
impl CookieSettings for Shop {
    const NAME: &'static str = "__Host-shop";
}

#[derive(Clone, Default, FromRef)]
struct App {
    users: Users,
    robots: Robots,
    abroad: Abroad,
    staff: Staff,
    partners: Partners,
    resellers: Resellers,
    links: Links,
    visitors: Visitors,
    guests: Guests,
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look at things";
}

struct Admin;
impl Scope for Admin {
    const NAME: &'static str = "admin";
    const DESCRIPTION: &'static str = "Do anything";
}

fn api() -> Api<App> {
    Api::new("Doors", "1")
}

fn built(api: Api<App>) -> (Router, Document) {
    let (router, document) = api.finish().unwrap();
    (router.with_state(App::default()), document)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("ada:{password}")))
}

async fn ask(router: &Router, path: &str, authorization: impl Into<Option<String>>) -> Response {
    let mut request = Request::get(path);
    if let Some(authorization) = authorization.into() {
        request = request.header(AUTHORIZATION, authorization);
    }
    router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
}

async fn status(router: &Router, path: &str, authorization: impl Into<Option<String>>) -> u16 {
    ask(router, path, authorization).await.status().as_u16()
}

fn challenges(response: &Response) -> Vec<&str> {
    response.headers().get_all(WWW_AUTHENTICATE).iter().map(|value| value.to_str().unwrap()).collect()
}

fn security(document: &Document, path: &str) -> Value {
    document.value()["paths"][path]["get"]["security"].clone()
}

async fn user_or_staff(guard: Guard<Either<Users, Staff>>) -> Json<String> {
    Json(format!("{:?}", guard.principal()))
}

async fn user_or_robot(guard: Guard<Either<Users, Robots>, Read>) -> Json<String> {
    Json(format!("{:?}", guard.principal()))
}

async fn user_or_staff_or_robot(guard: Guard<Either<Either<Users, Staff>, Robots>>) -> Json<String> {
    Json(format!("{:?}", guard.principal()))
}

async fn maybe_either(guard: Maybe<Either<Users, Staff>>) -> Json<bool> {
    Json(guard.principal().is_some())
}

#[tokio::test]
async fn the_credential_that_is_present_decides() {
    let (router, document) = built(api().get("/", user_or_staff).get("/maybe", maybe_either));
    assert_eq!(security(&document, "/"), json!([{ "users": [] }, { "staff": [] }]));
    assert_eq!(security(&document, "/maybe"), json!([{ "users": [] }, { "staff": [] }, {}]));

    let answer = ask(&router, "/", bearer("users")).await;
    assert_eq!(to_bytes(answer.into_body(), 99).await.unwrap(), r#""Left(\"users\")""#);
    let answer = ask(&router, "/", basic("staff")).await;
    assert_eq!(to_bytes(answer.into_body(), 99).await.unwrap(), r#""Right(\"staff\")""#);

    let nothing = ask(&router, "/", None).await;
    assert_eq!(nothing.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(challenges(&nothing), ["Bearer", "Basic realm=\"staff\", charset=\"UTF-8\""]);
    assert_eq!(challenges(&ask(&router, "/", "Negotiate x".to_owned()).await).len(), 2);

    let wrong = ask(&router, "/", bearer("staff")).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(challenges(&wrong)[0].starts_with("Bearer error=\"invalid_token\""));
    assert_eq!(status(&router, "/", basic("users")).await, 401);
    assert_eq!(status(&router, "/", bearer("down")).await, 503);

    for (authorization, expected) in [
        (None, 200),
        (Some(bearer("users")), 200),
        (Some(bearer("junk")), 401),
        (Some(basic("junk")), 401),
        (Some("Digest x".to_owned()), 401),
    ] {
        assert_eq!(status(&router, "/maybe", authorization.clone()).await, expected, "{authorization:?}");
    }
}

async fn user_or_partner_or_robot(_: Guard<Either<Either<Users, Partners>, Robots>>) -> Json<()> {
    Json(())
}

async fn user_or_inner(_: Guard<Either<Users, Either<Robots, Partners>>>) -> Json<()> {
    Json(())
}

async fn status_of(router: &Router, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn two_at_once_are_not_ours_to_choose_from() {
    let doors = api().get("/", user_or_staff).get("/a", user_or_partner_or_robot).get("/b", user_or_inner);
    let (router, _) = built(doors);
    let basic = basic("staff");
    assert_eq!(
        status_of(&router, "/", &[("authorization", "Bearer users"), ("authorization", &basic)]).await,
        400
    );
    // Wherever the two kinds are, and even if one kind is on both sides.
    for path in ["/a", "/b"] {
        for token in ["Bearer users", "Bearer robots", "Bearer junk"] {
            for key in ["partners", "junk"] {
                let both = [("authorization", token), ("x-key", key)];
                assert_eq!(status_of(&router, path, &both).await, 400, "{path} {both:?}");
            }
        }
        for (name, value, expected) in [
            ("authorization", "Bearer users", 200),
            ("authorization", "Bearer robots", 200),
            ("authorization", "Bearer junk", 401),
            ("x-key", "partners", 200),
            ("x-key", "junk", 401),
        ] {
            assert_eq!(status_of(&router, path, &[(name, value)]).await, expected, "{path} {value}");
        }
    }
}

#[tokio::test]
async fn two_issuers_of_one_kind_are_asked_in_turn() {
    let (router, document) = built(api().get("/", user_or_robot));
    assert_eq!(security(&document, "/"), json!([{ "users": ["read"] }, { "robots": ["read"] }]));
    assert_eq!(challenges(&ask(&router, "/", None).await), ["Bearer"], "one scheme is asked for once");
    for (token, expected) in [
        ("users~read", 200),
        ("robots~read", 200),
        ("users", 403),
        ("robots", 403),
        ("junk", 401),
        ("down", 503),
        // The verifier that cannot be reached might accept it.
        ("users.down", 503),
        ("robots.down", 503),
    ] {
        assert_eq!(status(&router, "/", bearer(token)).await, expected, "{token}");
    }
}

#[tokio::test]
async fn an_either_inside_another_is_asked_for_its_kinds_too() {
    let (router, _) = built(api().get("/", user_or_staff_or_robot));
    for (authorization, principal) in [
        (bearer("users"), "Left(Left(\"users\"))"),
        (basic("staff"), "Left(Right(\"staff\"))"),
        (bearer("robots"), "Right(\"robots\")"),
    ] {
        let answer = ask(&router, "/", authorization).await;
        assert_eq!(answer.status(), StatusCode::OK, "{principal}");
        let body = to_bytes(answer.into_body(), 1000).await.unwrap();
        assert_eq!(serde_json::from_slice::<String>(&body).unwrap(), principal);
    }
    assert_eq!(status(&router, "/", bearer("else")).await, 401);
}

async fn any_of(_: Guard<Users, AnyOf<(Read, Admin)>>) -> Json<()> {
    Json(())
}

async fn nested(_: Guard<Users, (Read, AnyOf<(Admin, ())>)>) -> Json<()> {
    Json(())
}

#[tokio::test]
async fn any_of_the_scopes_is_enough() {
    let (router, document) = built(api().get("/", any_of).get("/nested", nested));
    assert_eq!(security(&document, "/"), json!([{ "users": ["read"] }, { "users": ["admin"] }]));
    assert_eq!(
        security(&document, "/nested"),
        json!([{ "users": ["read", "admin"] }, { "users": ["read"] }])
    );
    for (token, expected) in
        [("users~read", 200), ("users~admin", 200), ("users~read~admin", 200), ("users~write", 403)]
    {
        assert_eq!(status(&router, "/", bearer(token)).await, expected, "{token}");
    }
    let refused = ask(&router, "/", bearer("users")).await;
    assert_eq!(challenges(&refused), ["Bearer error=\"insufficient_scope\", scope=\"read\""]);
    for (token, expected) in [("users~read", 200), ("users~admin", 403)] {
        assert_eq!(status(&router, "/nested", bearer(token)).await, expected, "{token}");
    }
}

async fn both(_: (Guard<Users, Read>, Guard<Robots>)) -> Json<()> {
    Json(())
}

async fn user_and_admin(_: (Guard<Users, Read>, Guard<Users, Admin>)) -> Json<()> {
    Json(())
}

#[tokio::test]
async fn a_tuple_of_guards_demands_both() {
    let (router, document) = built(api().get("/", both).get("/same", user_and_admin));
    assert_eq!(security(&document, "/"), json!([{ "users": ["read"], "robots": [] }]));
    assert_eq!(security(&document, "/same"), json!([{ "users": ["read", "admin"] }]));
    for (token, expected) in [("users~read", 401), ("robots", 401), ("users", 403)] {
        assert_eq!(status(&router, "/", bearer(token)).await, expected, "{token}");
    }
    for (token, expected) in [("users~read", 403), ("users~admin", 403), ("users~read~admin", 200)] {
        assert_eq!(status(&router, "/same", bearer(token)).await, expected, "{token}");
    }
}

async fn user_perhaps_partner((_, partner): (Guard<Users>, Maybe<Partners>)) -> Json<bool> {
    Json(partner.principal().is_some())
}

async fn visitor_and_partner(_: (Guard<Visitors>, Guard<Partners>, Public)) -> Json<()> {
    Json(())
}

#[tokio::test]
async fn kinds_that_can_come_together_are_met_together() {
    let (router, document) = built(api().get("/", user_perhaps_partner).get("/both", visitor_and_partner));
    assert_eq!(security(&document, "/"), json!([{ "users": [], "partners": [] }, { "users": [] }]));
    assert_eq!(security(&document, "/both"), json!([{ "visitors": [], "partners": [] }]));
    let (token, key, cookie) =
        (("authorization", "Bearer users"), ("x-key", "partners"), ("cookie", "__Host-shop=visitors"));
    for (path, headers, expected) in [
        ("/", &[token][..], 200),
        ("/", &[token, key], 200),
        ("/", &[token, ("x-key", "junk")], 401),
        ("/", &[key], 401),
        ("/both", &[cookie, key], 200),
        ("/both", &[cookie], 401),
        ("/both", &[key], 401),
        ("/both", &[cookie, ("x-key", "junk")], 401),
    ] {
        assert_eq!(status_of(&router, path, headers).await, expected, "{path} {headers:?}");
    }
}

/// Types in the same place are one kind, like two issuers of tokens.
#[tokio::test]
async fn two_types_of_credential_in_one_place_are_one_kind() {
    async fn by_key(guard: Guard<Either<Partners, Resellers>>) -> Json<&'static str> {
        Json(guard.principal().inner())
    }
    async fn by_cookie(guard: Guard<Either<Visitors, Guests>>) -> Json<&'static str> {
        Json(guard.principal().inner())
    }
    let (router, document) = built(api().get("/key", by_key).get("/cookie", by_cookie));
    assert_eq!(security(&document, "/key"), json!([{ "partners": [] }, { "resellers": [] }]));
    for (path, header, expected) in [
        ("/key", ("x-key", "partners"), 200),
        ("/key", ("x-key", "resellers"), 200),
        ("/key", ("x-key", "junk"), 401),
        ("/cookie", ("cookie", "__Host-shop=visitors"), 200),
        ("/cookie", ("cookie", "__Host-shop=guests"), 200),
        ("/cookie", ("cookie", "__Host-shop=junk"), 401),
    ] {
        assert_eq!(status_of(&router, path, &[header]).await, expected, "{path} {header:?}");
    }
}

/// The status with valid credentials of these schemes and nothing else.
async fn status_with(router: &Router, path: &str, schemes: &[&str]) -> u16 {
    let mut request = Request::get(path);
    for scheme in schemes {
        request = match *scheme {
            "users" => request.header(AUTHORIZATION, bearer("users")),
            "robots" => request.header(AUTHORIZATION, bearer("robots")),
            "staff" => request.header(AUTHORIZATION, basic("staff")),
            "partners" => request.header("x-key", "partners"),
            "links" => request.uri(format!("{path}?link=links")),
            "visitors" => request.header("cookie", "__Host-shop=visitors"),
            other => panic!("{other}"),
        };
    }
    let request = request.body(axum::body::Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

type UserOrPartner = Either<Users, Partners>;
type UserOrLink = Either<Users, Links>;
type UserOrVisitor = Either<Users, Visitors>;
type PartnerOrLink = Either<Partners, Links>;

/// Asserts that exactly these ways in are documented, that each is let in, and that nothing else is.
async fn assert_ways(api: Api<App>, expected: Value) {
    let (router, document) = built(api);
    assert_eq!(security(&document, "/"), expected);
    let ways = expected.as_array().unwrap().iter().map(|way| way.as_object().unwrap());
    let ways: Vec<Vec<&str>> = ways.map(|way| way.keys().map(String::as_str).collect()).collect();
    for way in &ways {
        assert_eq!(status_with(&router, "/", way).await, 200, "{way:?} of {expected}");
    }
    let schemes = ["users", "staff", "partners", "links", "visitors"];
    for chosen in 0_u32..1 << schemes.len() {
        let chosen = (0..schemes.len()).filter(|at| chosen & (1 << at) != 0);
        let chosen: Vec<_> = chosen.map(|at| schemes[at]).collect();
        let is_in = status_with(&router, "/", &chosen).await == 200;
        let is_way = ways.iter().any(|way| way.iter().all(|scheme| chosen.contains(scheme)));
        assert!(!is_in || is_way, "{chosen:?} is none of {expected}");
    }
}

#[tokio::test]
async fn an_either_beside_another_guard_has_the_ways_that_are_documented() {
    async fn either_and_one(_: (Guard<UserOrPartner>, Guard<Partners>)) -> Json<()> {
        Json(())
    }
    async fn either_and_either(_: (Guard<UserOrPartner>, Guard<UserOrLink>)) -> Json<()> {
        Json(())
    }
    async fn either_and_staff(_: (Guard<UserOrPartner>, Guard<Staff>)) -> Json<()> {
        Json(())
    }
    async fn one_and_maybe(_: (Guard<Partners>, Maybe<PartnerOrLink>)) -> Json<()> {
        Json(())
    }
    async fn token_and_maybe(_: (Guard<Users>, Maybe<Either<Users, Staff>>)) -> Json<()> {
        Json(())
    }
    async fn maybe_and_maybe(_: (Maybe<Partners>, Maybe<Either<Visitors, Links>>)) -> Json<()> {
        Json(())
    }
    async fn three(_: (Guard<Either<Visitors, Users>>, Guard<Partners>, Maybe<Links>)) -> Json<()> {
        Json(())
    }
    for (api, expected) in [
        (api().get("/", either_and_one), json!([{ "partners": [] }])),
        (api().get("/", either_and_either), json!([{ "users": [] }, { "partners": [], "links": [] }])),
        (api().get("/", either_and_staff), json!([{ "partners": [], "staff": [] }])),
        (api().get("/", one_and_maybe), json!([{ "partners": [] }])),
        (api().get("/", token_and_maybe), json!([{ "users": [] }])),
        (
            api().get("/", maybe_and_maybe),
            json!([
                { "partners": [], "visitors": [] }, { "partners": [], "links": [] }, { "partners": [] },
                { "visitors": [] }, { "links": [] }, {},
            ]),
        ),
        (
            api().get("/", three),
            json!([
                { "visitors": [], "partners": [], "links": [] }, { "visitors": [], "partners": [] },
                { "users": [], "partners": [], "links": [] }, { "users": [], "partners": [] },
            ]),
        ),
    ] {
        assert_ways(api, expected).await;
    }
}

/// A cookie does not count next to `Authorization`.
#[tokio::test]
async fn a_route_narrows_the_either_of_its_router() {
    async fn user(_: Guard<Users>) -> Json<()> {
        Json(())
    }
    async fn partner(_: Guard<Partners>) -> Json<()> {
        Json(())
    }
    async fn key_or_link(_: Guard<PartnerOrLink>) -> Json<()> {
        Json(())
    }
    let programs = || api().guard::<Guard<UserOrPartner>>();
    let pages = || api().guard::<Guard<UserOrVisitor>>();
    for (api, expected) in [
        (programs().get("/", partner), json!([{ "partners": [] }])),
        (programs().get("/", key_or_link), json!([{ "users": [], "links": [] }, { "partners": [] }])),
        (pages().get("/", user), json!([{ "users": [] }])),
        (pages().merge(pages().get("/", open)), json!([{ "users": [] }, { "visitors": [] }])),
    ] {
        assert_ways(api, expected).await;
    }
}

/// Routes with every scheme.
fn doors() -> Api<App> {
    type Anyone = Either<Either<Users, Staff>, Either<Partners, Visitors>>;
    async fn all(_: Guard<Anyone, Read>) -> Json<()> {
        Json(())
    }
    async fn key(_: Guard<Partners, AnyOf<(Read, Admin)>>) -> Json<()> {
        Json(())
    }
    async fn key_and_cookie(_: (Guard<Links>, Guard<Visitors>)) -> Json<()> {
        Json(())
    }
    async fn two_issuers(_: Guard<Either<Users, Either<Abroad, Partners>>, Read>) -> Json<()> {
        Json(())
    }
    api()
        .post("/all", all)
        .post("/key", key)
        .post("/key-and-cookie", key_and_cookie)
        .post("/two-issuers", two_issuers)
}

/// A rejection of each kind, for each scheme: the response is exactly what is documented for its status.
#[tokio::test]
async fn the_headers_of_a_refusal_are_those_that_are_documented() {
    let (router, document) = built(doors());
    let (staff, junk, staff_down) = (basic("staff"), basic("junk"), basic("down"));
    let own = ("sec-fetch-site", "same-origin");
    let requests: [&[(&str, &str)]; 16] = [
        &[],
        &[("authorization", "Digest x")],
        &[("authorization", "Bearer junk")],
        &[("authorization", "Bearer users")],
        &[("authorization", "Bearer down")],
        &[("authorization", "Bearer users"), ("authorization", "Bearer users")],
        &[("authorization", "Bearer users"), ("x-key", "partners")],
        &[("authorization", &staff)],
        &[("authorization", &junk)],
        &[("authorization", &staff_down)],
        &[("x-key", "partners")],
        &[("x-key", "partners"), ("x-key", "partners")],
        &[("x-key", "down")],
        &[("cookie", "__Host-shop=visitors"), own],
        &[("cookie", "__Host-shop=visitors; __Host-shop=visitors"), own],
        &[("cookie", "__Host-shop=visitors")],
    ];
    let queries = ["", "?link=links", "?link=links&link=links", "?link=down"];
    for path in ["/all", "/key", "/key-and-cookie", "/two-issuers"] {
        let mut sent = BTreeMap::<_, BTreeSet<String>>::new();
        for (headers, query) in requests.iter().flat_map(|headers| queries.map(|query| (headers, query))) {
            let request = Request::post(format!("{path}{query}"));
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let request = request.body(axum::body::Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let status = answer.status().as_str().to_owned();
            for name in ["WWW-Authenticate", "Retry-After"] {
                let values = answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap());
                let values = values.map(|value| match name {
                    "Retry-After" => "Seconds to wait".to_owned(),
                    _ => format!("`{value}`"),
                });
                sent.entry((status.clone(), name)).or_default().extend(values);
            }
        }
        for ((status, name), sent) in sent {
            let response = &document.value()["paths"][path]["post"]["responses"][&status];
            assert!(response.is_object(), "{path}: {status} is not documented");
            let said = response["headers"][name]["description"].as_str().unwrap_or_default();
            let said: BTreeSet<_> =
                said.split("\n\n").filter(|said| !said.is_empty()).map(str::to_owned).collect();
            assert_eq!(sent, said, "{path}: `{name}` of {status}");
        }
    }
}

/// Asserts that `finish` returns an error with this text.
fn assert_refused(api: Api<App>, expected: &[&str]) {
    let defects = api.finish().unwrap_err().to_string();
    let expected: Vec<_> = expected.iter().map(|defect| format!("\n- get /: {defect}")).collect();
    assert_eq!(defects, format!("the API cannot be built:{}", expected.concat()));
}

/// Combinations that the document would promise but no request could satisfy.
#[test]
fn what_cannot_come_together_is_refused_when_the_router_is_built() {
    async fn two_in_one_header(_: (Guard<Users>, Guard<Staff>)) -> Json<()> {
        Json(())
    }
    async fn cookie_beside_it(_: (Guard<Visitors>, Guard<Users>)) -> Json<()> {
        Json(())
    }
    async fn in_an_either(_: (Guard<UserOrVisitor>, Guard<Staff>)) -> Json<()> {
        Json(())
    }
    async fn with_neither(_: (Guard<Staff>, Guard<Either<Users, Robots>>)) -> Json<()> {
        Json(())
    }
    async fn two_for_an_either(_: (Guard<PartnerOrLink>, Guard<Partners>, Guard<Links>)) -> Json<()> {
        Json(())
    }
    async fn twice(_: Guard<Either<Users, Users>>) -> Json<()> {
        Json(())
    }
    async fn for_staff(_: Guard<Staff>) -> Json<()> {
        Json(())
    }
    async fn for_visitors(_: Public, _: Result<SameOrigin<Shop>, Denied>) -> Json<()> {
        Json(())
    }
    let header =
        "`users` and `staff` cannot be asked for together: an `Authorization` header has one credential";
    let cookie = |pair| {
        format!(
            "{pair} cannot be asked for together: a cookie does not count beside an `Authorization` header"
        )
    };
    assert_refused(api().get("/", two_in_one_header), &[header]);
    assert_refused(api().guard::<Guard<Users>>().get("/", for_staff), &[header]);
    assert_refused(api().get("/", cookie_beside_it), &[&cookie("`visitors` and `users`")]);
    assert_refused(api().get("/", in_an_either), &[header, &cookie("`visitors` and `staff`")]);
    let also = header.replace("`users` and `staff`", "`staff` and `robots`");
    let first = header.replace("`users` and `staff`", "`staff` and `users`");
    assert_refused(api().get("/", with_neither), &[&first, &also]);
    assert_refused(
        api().get("/", two_for_an_either),
        &[
            "`links` and `partners` cannot be asked for together: an `Either` takes one kind of credential at a time",
        ],
    );
    assert_refused(
        api().get("/", twice),
        &["`users` is on both sides of an `Either`: use one verifier type for each issuer"],
    );
    assert_refused(
        api().get("/", for_visitors),
        &[
            "`SameOrigin<…>` inside another extractor would let in requests that it rejected: take it as a separate argument",
        ],
    );
}

/// A `Maybe` that must accept what it is shown is not optional, and one that can be shown nothing is useless.
#[test]
fn a_maybe_that_is_none_is_refused_when_the_router_is_built() {
    async fn another(_: (Guard<Users>, Maybe<Robots>)) -> Json<()> {
        Json(())
    }
    async fn the_same(_: (Guard<Users>, Maybe<Users>)) -> Json<()> {
        Json(())
    }
    async fn two(_: (Maybe<Users>, Maybe<Robots>)) -> Json<()> {
        Json(())
    }
    async fn cookie(_: (Guard<Users>, Maybe<Visitors>)) -> Json<()> {
        Json(())
    }
    let shown = "`users` and `robots` cannot be asked for together: a credential for one is also presented to the \
        other, which rejects it";
    assert_refused(api().get("/", another), &[shown]);
    assert_refused(api().get("/", two), &[shown]);
    assert_refused(
        api().get("/", cookie),
        &[
            "`users` and `visitors` cannot be asked for together: a cookie does not count beside an `Authorization` \
             header",
        ],
    );
    let _ = built(api().get("/", the_same));
}

async fn open(_: Public) -> Json<()> {
    Json(())
}

async fn more(_: Guard<Users, Admin>) -> Json<()> {
    Json(())
}

async fn before(_: Public) -> Json<()> {
    Json(())
}

#[tokio::test]
async fn a_router_s_guard_holds_for_every_route_after_it_and_a_route_may_only_add() {
    let inner =
        api().get("/before", before).guard::<Guard<Users, Read>>().get("/open", open).get("/more", more);
    let (router, document) = built(api().nest("/inner", inner));
    assert_eq!(security(&document, "/inner/before"), json!([]));
    assert_eq!(security(&document, "/inner/open"), json!([{ "users": ["read"] }]));
    assert_eq!(security(&document, "/inner/more"), json!([{ "users": ["read", "admin"] }]));
    let refusals = &document.value()["paths"]["/inner/open"]["get"]["responses"];
    assert!(refusals["401"].is_object() && refusals["403"].is_object());
    for (path, token, expected) in [
        ("/inner/before", None, 200),
        ("/inner/open", None, 401),
        ("/inner/open", Some(bearer("junk")), 401),
        ("/inner/open", Some(bearer("users")), 403),
        ("/inner/open", Some(bearer("users~read")), 200),
        ("/inner/more", Some(bearer("users~read")), 403),
        ("/inner/more", Some(bearer("users~admin")), 403),
        ("/inner/more", Some(bearer("users~read~admin")), 200),
    ] {
        assert_eq!(status(&router, path, token.clone()).await, expected, "{path} {token:?}");
    }
    let post = Request::post("/inner/open").body(axum::body::Body::empty()).unwrap();
    assert_eq!(router.oneshot(post).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// It is placed like an axum layer, after the routes it should wrap, so its author believes that the routes are
/// guarded.
#[test]
fn a_router_s_guard_behind_all_routes_is_refused() {
    let routes = || api().get("/open", open);
    let guarded = || api().guard::<Guard<Users>>().get("/open", open);
    for api in [
        routes().guard::<Guard<Users>>(),
        guarded().guard::<Guard<Users, Admin>>(),
        routes().guard::<Guard<Users>>().merge(api()),
        api().nest("/inner", routes().guard::<Guard<Users>>()),
        routes().guard::<Guard<Users>>().with_state(App::default()),
    ] {
        let told = api.finish().unwrap_err().to_string();
        assert!(
            told.contains("it applies to routes that are declared after it, and there are none"),
            "{told}"
        );
    }
    for api in [guarded(), api().guard::<Guard<Users>>(), routes().guard::<Guard<Users>>().get("/more", more)]
    {
        assert!(api.finish().is_ok());
    }
}

#[tokio::test]
async fn a_router_s_guard_holds_for_what_is_nested_and_merged_after_it_and_guards_add_up() {
    let named = |name| api().route(portcullis::api::get("/open", open).operation_id(name));
    let all = api()
        .nest("/before", named("a"))
        .guard::<Guard<Users, Read>>()
        .nest("/nested", named("b"))
        .nest(
            "/guarded",
            api().guard::<Guard<Users, Admin>>().route(portcullis::api::get("/open", open).operation_id("c")),
        )
        .merge(named("d"))
        .guard::<Guard<Partners>>()
        .guard::<Public>()
        .get("/last", before);
    let (router, document) = built(all);
    for (path, expected) in [
        ("/before/open", json!([])),
        ("/nested/open", json!([{ "users": ["read"] }])),
        ("/guarded/open", json!([{ "users": ["read", "admin"] }])),
        ("/open", json!([{ "users": ["read"] }])),
        ("/last", json!([{ "users": ["read"], "partners": [] }])),
    ] {
        assert_eq!(security(&document, path), expected, "{path}");
    }
    let (reader, admin, key) = (
        ("authorization", "Bearer users~read"),
        ("authorization", "Bearer users~read~admin"),
        ("x-key", "partners"),
    );
    for (path, headers, expected) in [
        ("/before/open", &[][..], 200),
        ("/nested/open", &[], 401),
        ("/nested/open", &[reader], 200),
        ("/guarded/open", &[reader], 403),
        ("/guarded/open", &[admin], 200),
        ("/open", &[], 401),
        ("/open", &[reader], 200),
        ("/last", &[], 401),
        ("/last", &[reader], 401),
        ("/last", &[key], 401),
        ("/last", &[reader, key], 200),
    ] {
        assert_eq!(status_of(&router, path, headers).await, expected, "{path} {headers:?}");
    }
}

/// How a guard appears in a log: its schemes, never a principal.
#[test]
fn an_access_is_named_by_its_schemes() {
    fn is_access<A: Access>() {}
    is_access::<(Guard<Users>, Maybe<Partners>, Public, Public)>();
    assert_eq!(format!("{:?}", Either::<u8, u8>::Left(1)), "Left(1)");
    for (side, inner) in [(Either::Left("user"), "user"), (Either::Right("staff"), "staff")] {
        assert_eq!((*side.inner(), side.into_inner()), (inner, inner));
    }
}
