//! `/openapi.json` and `/docs`: served from this binary only, cached by content, without inline code.

use std::io::Read;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRef,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{
    HeaderMap, Request, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use portcullis::{
    Api, Bearer, Document, Either, Guard, Json, Public, Verdict, Verify, VerifyFailed,
    credential::{OAuth2Flow, SecurityScheme},
};
use serde_json::Value;
use tower::ServiceExt;

async fn greet(_: Public) -> Json<&'static str> {
    Json("hello")
}

fn app(title: &str) -> Router {
    let (router, document) = Api::<()>::new(title, "1.0").get("/", greet).finish().unwrap();
    router.merge(document.routes())
}

/// Every file, its content type, and whether it is stored compressed.
const FILES: [(&str, &str, bool); 11] = [
    ("/openapi.json", "application/json", false),
    ("/docs", "text/html; charset=utf-8", false),
    ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", true),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8", true),
    ("/docs/docs.js", "text/javascript; charset=utf-8", false),
    ("/docs/authorize.js", "text/javascript; charset=utf-8", false),
    ("/docs/tokens.js", "text/javascript; charset=utf-8", false),
    ("/docs/oauth2-redirect", "text/html; charset=utf-8", false),
    ("/docs/redirect.js", "text/javascript; charset=utf-8", false),
    ("/docs/docs.css", "text/css; charset=utf-8", false),
    ("/docs/favicon.svg", "image/svg+xml", false),
];

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

async fn get(app: &Router, uri: &str, headers: &[(http::HeaderName, &str)]) -> Answer {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    Answer { status: head.status, headers: head.headers, body: to_bytes(body, 16 << 20).await.unwrap() }
}

async fn text(app: &Router, uri: &str) -> String {
    String::from_utf8(get(app, uri, &[]).await.body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_paths_come_in_the_order_in_which_they_were_declared() {
    async fn open(_: Public) -> Json<()> {
        Json(())
    }
    let route = |path: &str, name| portcullis::api::get(path, open).operation_id(name);
    let api =
        Api::<()>::new("Shop", "1").route(route("/z", "z")).route(route("/a", "a")).route(route("/m", "m"));
    let (_, document) = api.finish().unwrap();
    let router: Router = document.routes();
    let answer = router.oneshot(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.unwrap();
    let text = String::from_utf8(to_bytes(answer.into_body(), 99_999).await.unwrap().to_vec()).unwrap();
    let at = |path: &str| text.find(path).unwrap();
    assert!(at("\"/z\"") < at("\"/a\"") && at("\"/a\"") < at("\"/m\""), "{text}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), *document.value());
}

#[tokio::test]
async fn every_file_is_there_with_its_type() {
    let app = app("Shop");
    for (uri, content_type, _) in FILES {
        let answer = get(&app, uri, &[]).await;
        assert_eq!(answer.status, 200, "{uri}");
        assert_eq!(answer.headers[CONTENT_TYPE], content_type, "{uri}");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-cache", "{uri}");
        assert!(!answer.body.is_empty(), "{uri}");
    }
    let document: Value = serde_json::from_str(&text(&app, "/openapi.json").await).unwrap();
    assert_eq!(document["info"]["title"], "Shop");
    assert_eq!(
        document["paths"].as_object().unwrap().len(),
        1,
        "the page's own files are no part of the API"
    );
    for uri in ["/docs/none.js", "/docs/../openapi.json", "/docs/%2e%2e", "/docs/a/b", "/docs/docs.html"] {
        assert_eq!(get(&app, uri, &[]).await.status, 404, "{uri}");
    }
}

#[tokio::test]
async fn c04_nothing_inline_and_nothing_from_elsewhere() {
    let app = app("Shop");
    for (uri, ..) in FILES {
        let answer = get(&app, uri, &[]).await;
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
        for needed in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            // Only images may come from memory: the page shows those in responses.
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&needed), "{uri}: {needed} in {policy}");
        }
        assert_eq!(policy.matches("blob:").count(), 1, "{uri}: {policy}");
        for loose in ["unsafe", "http:", "https:", "*"] {
            assert!(!policy.contains(loose), "{uri}: {policy}");
        }
        assert_eq!(answer.headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{uri}");
        assert_eq!(answer.headers[REFERRER_POLICY], "no-referrer", "{uri}");
    }
    let page = text(&app, "/docs").await;
    for inline in ["<style", " style=", " onload=", " onclick=", "javascript:", "//", "<script>"] {
        assert!(!page.contains(inline), "{inline} in {page}");
    }
}

#[tokio::test]
async fn the_page_works_under_any_prefix() {
    let app = Router::new().nest("/a/b", app("Shop"));
    let page = text(&app, "/a/b/docs").await;
    let links = page.split(['"']).skip(1).step_by(2);
    let files: Vec<&str> =
        links.filter(|link| link.starts_with("docs/") || *link == "openapi.json").collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        // Relative to `/a/b/docs`.
        assert_eq!(get(&app, &format!("/a/b/{file}"), &[]).await.status, 200, "{file}");
    }
    assert!(text(&app, "/a/b/docs/docs.js").await.contains("url: \"openapi.json\""));
    let document: Value = serde_json::from_str(&text(&app, "/a/b/openapi.json").await).unwrap();
    assert_eq!(document["servers"][0]["url"], ".", "requests go to where the document lies");
}

#[tokio::test]
async fn a_slash_behind_leads_to_the_page() {
    let app = Router::new().nest("/a/b", app("Shop"));
    let answer = get(&app, "/a/b/docs/", &[]).await;
    // Relative to `/a/b/docs/`, this is `/a/b/docs`.
    assert_eq!((answer.status.as_u16(), answer.headers[LOCATION].to_str().unwrap()), (308, "../docs"));
}

#[tokio::test]
async fn a_title_is_text_and_no_markup() {
    let app = app("<script>alert(\"1\")</script> & 'Co'");
    let page = text(&app, "/docs").await;
    assert!(
        page.contains("<title>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; 'Co'</title>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let app = app("Shop");
    let other_etag = get(&self::app("Other"), "/openapi.json", &[]).await.headers[ETAG].clone();
    for (uri, _, compressed) in FILES {
        let first = get(&app, uri, &[]).await;
        let etag = first.headers[ETAG].to_str().unwrap().to_owned();
        assert_ne!(etag, other_etag, "{uri}");
        // A strong tag would stand for one sequence of bytes (RFC 9110 §8.8.1).
        assert_eq!(etag.starts_with("W/"), compressed, "{uri}");
        let opaque = etag.trim_start_matches("W/");
        let matching = [
            etag.clone(),
            opaque.to_owned(),
            format!("W/{opaque}"),
            format!("\"x\", {opaque}"),
            format!("\"x\",W/{opaque} , \"y\""),
            "*".to_owned(),
        ];
        for known in matching {
            let again = get(&app, uri, &[(IF_NONE_MATCH, &known)]).await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{uri}: {known}");
            assert_eq!(again.headers[ETAG], etag, "{uri}");
            assert_eq!(again.headers.get(VARY), first.headers.get(VARY), "{uri}");
            assert!(again.headers.contains_key(CONTENT_SECURITY_POLICY), "{uri}");
        }
        for unknown in ["\"x\"", "", "W/", opaque.trim_matches('"'), other_etag.to_str().unwrap()] {
            assert_eq!(get(&app, uri, &[(IF_NONE_MATCH, unknown)]).await.status, 200, "{uri}: {unknown}");
        }
        assert_eq!(
            get(&self::app("Shop"), uri, &[]).await.headers[ETAG],
            etag,
            "{uri}: the same in every process"
        );
    }
}

#[tokio::test]
async fn files_go_out_compressed_to_who_takes_it() {
    let app = app("Shop");
    let takes = ["gzip", "GZIP", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "gzip;q=0.001", "gzip; q=1"];
    let not = [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip; q=0",
        "gzip;q=0.000",
        "gzip;Q=0",
        "xgzip",
        "deflate, gzipx",
    ];
    for (uri, _, compressed) in FILES {
        let plain = get(&app, uri, &[]).await;
        assert_eq!(plain.headers.get(CONTENT_ENCODING), None, "{uri}");
        assert_eq!(plain.headers.get(VARY).is_some(), compressed, "{uri}");
        for accepted in takes {
            let answer = get(&app, uri, &[(ACCEPT_ENCODING, accepted)]).await;
            assert_eq!(answer.headers.contains_key(CONTENT_ENCODING), compressed, "{uri}: {accepted}");
            if compressed {
                assert_eq!(answer.headers[CONTENT_ENCODING], "gzip");
                assert_eq!(answer.headers[VARY], "accept-encoding");
                assert!(answer.body.len() * 2 < plain.body.len(), "{uri}");
                let mut unpacked = Vec::new();
                GzDecoder::new(answer.body.as_ref()).read_to_end(&mut unpacked).unwrap();
                assert!(unpacked == plain.body, "{uri}: another file");
            }
        }
        for refused in not {
            let answer = get(&app, uri, &[(ACCEPT_ENCODING, refused)]).await;
            assert!(!answer.headers.contains_key(CONTENT_ENCODING), "{uri}: {refused}");
            assert!(answer.body == plain.body, "{uri}: {refused}");
        }
    }
}

/// The page only sends to other hosts if a scheme of the document gets its tokens there.
#[tokio::test]
async fn c04_the_page_reaches_the_token_endpoints_of_its_document_alone() {
    macro_rules! verifier {
        ($name:ident $scheme:literal $shown:expr) => {
            #[derive(Clone)]
            struct $name;
            impl Verify for $name {
                type Credential = Bearer;
                type Principal = ();
                const SCHEME: &'static str = $scheme;
                fn scheme() -> SecurityScheme {
                    $shown
                }
                async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
                    Ok(Verdict::Refused)
                }
            }
        };
    }
    verifier!(People "people" SecurityScheme::oauth2_authorization_code("https://a.example/x", "https://b.example:8/t"));
    verifier!(Others "others" SecurityScheme::open_id_connect("http://[::1]:9/.well-known/openid-configuration"));
    verifier!(Near "near" SecurityScheme::oauth2([OAuth2Flow::password("login").refreshed_at("https://c.example/t")]));
    verifier!(Odd "odd" SecurityScheme::oauth2_password("https://evil.example;script-src/token"));
    verifier!(Wild "wild" SecurityScheme::oauth2_client_credentials("https://*.example/token"));

    #[derive(Clone, FromRef)]
    struct All {
        people: People,
        others: Others,
        near: Near,
        odd: Odd,
        wild: Wild,
    }
    type Any = Either<People, Either<Others, Either<Near, Either<Odd, Wild>>>>;
    async fn look(_: Guard<Any>) -> Json<bool> {
        Json(true)
    }
    let (_, document) = Api::<All>::new("Shop", "1").get("/", look).finish().unwrap();
    let policy = async |uri: &str| {
        let router: Router = document.routes();
        get(&router, uri, &[]).await.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    let page = policy("/docs").await;
    assert!(
        page.ends_with("; connect-src 'self' http://[::1]:9 https://b.example:8 https://c.example"),
        "{page}"
    );
    assert!(policy("/docs/oauth2-redirect").await.ends_with("; connect-src 'self'"));
}

#[test]
fn there_is_nothing_to_authorize_where_nobody_is_asked() {
    let (_, document) = Api::<()>::new("Shop", "1").get("/", greet).finish().unwrap();
    assert_eq!(document.value()["components"].get("securitySchemes"), None);
}

/// Requests from "Try it out" go to where the API is.
#[tokio::test]
async fn c04_the_page_reaches_the_servers_of_the_document() {
    let api = Api::<()>::new("Shop", "1").server("/api").server("https://api.example/v1");
    let (_, document) = api.server("{scheme}://x.example").get("/", greet).finish().unwrap();
    let page = get(&document.routes(), "/docs", &[]).await.headers[CONTENT_SECURITY_POLICY].clone();
    assert!(page.to_str().unwrap().ends_with("; connect-src 'self' https://api.example"), "{page:?}");
}

/// An `OpenID` configuration may name a token endpoint on another host than its own.
#[tokio::test]
async fn c04_the_page_reaches_the_hosts_that_the_application_names_and_no_other() {
    let (_, document) = Api::<()>::new("Shop", "1").get("/", greet).finish().unwrap();
    let policy = async |document: &Document| {
        let router: Router = document.routes();
        get(&router, "/docs", &[]).await.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    let named = document.clone().docs_reach("https://b.example/token").docs_client("shop");
    let named = named.docs_reach("http://a.example:8080").docs_reach("https://b.example");
    let page = policy(&named).await;
    assert!(page.ends_with("; connect-src 'self' http://a.example:8080 https://b.example"), "{page}");
    assert!(text(&named.routes(), "/docs").await.contains(r#"data-client-id="shop""#));
    for none in
        ["", "login", "/login", "b.example", "ftp://b.example", "https://*.example", "https://b.example;x"]
    {
        let page = policy(&document.clone().docs_reach(none)).await;
        assert!(page.ends_with("; connect-src 'self'"), "{none}: {page}");
    }
}

#[tokio::test]
async fn the_clients_name_is_text_and_no_markup() {
    let (_, document) = Api::<()>::new("Shop", "1").get("/", greet).finish().unwrap();
    let named = document.clone().docs_client("a\"><script>");
    assert!(text(&named.routes(), "/docs").await.contains(r#"data-client-id="a&quot;&gt;&lt;script&gt;""#));
    assert!(text(&document.routes(), "/docs").await.contains(r#"data-client-id="""#));
}
