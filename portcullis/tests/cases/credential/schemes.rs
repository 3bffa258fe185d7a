//! Every named scheme in the document.

use std::marker::PhantomData;

use axum::extract::FromRef;
use portcullis::{
    Api, ApiKey, Bearer, Granted, Guard, NoContent, Scope, Verdict, Verify, VerifyFailed,
    api::get,
    credential::{ApiKeyPlace, OAuth2Flow, SecurityScheme},
    describe::In,
};
use serde_json::{Value, json};

use super::document;

trait Named: Send + Sync + 'static {
    fn scheme() -> SecurityScheme;
}

struct Nobody<N>(PhantomData<fn() -> N>);

impl<N> Clone for Nobody<N> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<N: Named> Verify for Nobody<N> {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "it";

    fn scheme() -> SecurityScheme {
        N::scheme()
    }

    async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(Verdict::Accepted((), Granted::none()))
    }
}

struct Read;
impl Scope for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Look at things";
}

struct OfflineAccess;
impl Scope for OfflineAccess {
    const NAME: &'static str = "offline_access";
    const DESCRIPTION: &'static str = "Stay logged in";
}

fn api<N: Named>() -> Api<Nobody<N>> {
    async fn look<N: Named>(_: Guard<Nobody<N>, Read>) -> NoContent {
        NoContent
    }
    Api::new("Shop", "1").route(get("/", look::<N>).operation_id("look"))
}

fn shown<N: Named>() -> Value {
    document(api::<N>())["components"]["securitySchemes"]["it"].clone()
}

macro_rules! shown {
    ($scheme:expr) => {{
        struct It;
        impl Named for It {
            fn scheme() -> SecurityScheme {
                $scheme
            }
        }
        shown::<It>()
    }};
}

#[test]
fn each_scheme_is_shown_as_openapi_writes_it() {
    let scopes = json!({ "read": "Look at things" });
    assert_eq!(
        shown!(SecurityScheme::bearer_format("opaque").described("From the log-in.")),
        json!({ "type": "http", "scheme": "bearer", "bearerFormat": "opaque", "description": "From the log-in." })
    );
    assert_eq!(shown!(SecurityScheme::bearer()), json!({ "type": "http", "scheme": "bearer" }));
    assert_eq!(
        shown!(SecurityScheme::oauth2([
            OAuth2Flow::authorization_code("/authorize", "/token").refreshed_at("/refresh"),
            OAuth2Flow::client_credentials("/token"),
        ])),
        json!({ "type": "oauth2", "flows": {
            "authorizationCode": { "authorizationUrl": "/authorize", "tokenUrl": "/token",
                "refreshUrl": "/refresh", "scopes": scopes },
            "clientCredentials": { "tokenUrl": "/token", "scopes": scopes } } })
    );
    // A flow may offer other scopes than those of the guards.
    assert_eq!(
        shown!(SecurityScheme::oauth2([
            OAuth2Flow::password("login").offering::<OfflineAccess>(),
            OAuth2Flow::client_credentials("/token"),
        ])),
        json!({ "type": "oauth2", "flows": {
            "password": { "tokenUrl": "login",
                "scopes": { "offline_access": "Stay logged in", "read": "Look at things" } },
            "clientCredentials": { "tokenUrl": "/token", "scopes": scopes } } })
    );
    assert_eq!(
        shown!(SecurityScheme::oauth2_password("login")),
        json!({ "type": "oauth2", "flows": { "password": { "tokenUrl": "login", "scopes": scopes } } })
    );
    assert_eq!(
        shown!(SecurityScheme::oauth2_authorization_code("/authorize", "/token")),
        json!({ "type": "oauth2", "flows": { "authorizationCode":
            { "authorizationUrl": "/authorize", "tokenUrl": "/token", "scopes": scopes } } })
    );
    assert_eq!(
        shown!(SecurityScheme::oauth2_client_credentials("/token").described("For programs.")),
        json!({ "type": "oauth2", "description": "For programs.",
            "flows": { "clientCredentials": { "tokenUrl": "/token", "scopes": scopes } } })
    );
    assert_eq!(
        shown!(SecurityScheme::open_id_connect("https://id.example/.well-known/openid-configuration")),
        json!({ "type": "openIdConnect",
            "openIdConnectUrl": "https://id.example/.well-known/openid-configuration" })
    );
}

struct Password;
impl Named for Password {
    fn scheme() -> SecurityScheme {
        SecurityScheme::oauth2_password("login").described("As the shop has it.")
    }
}

#[test]
fn an_application_shows_a_scheme_in_its_own_way() {
    let shown = |api| document(api)["components"]["securitySchemes"]["it"].clone();
    let expected = json!({ "type": "oauth2", "description": "As the shop has it.",
        "flows": { "password": { "tokenUrl": "auth/login", "scopes": { "read": "Look at things" } } } });
    let elsewhere = || SecurityScheme::oauth2_password("auth/login");
    let moved = || api::<Password>().scheme::<Nobody<Password>>(elsewhere());
    assert_eq!(shown(moved()), expected);
    assert_eq!(shown(moved().scheme::<Nobody<Password>>(elsewhere())), expected);
    assert_eq!(shown(Api::new("", "").nest("/inner", moved())), expected);
    let outer = Api::new("", "").scheme::<Nobody<Password>>(elsewhere());
    assert_eq!(shown(outer.merge(api::<Password>())), expected);

    let pasted = SecurityScheme::bearer_format("opaque").described("Ask Ada for one.");
    assert_eq!(
        shown(api::<Password>().scheme::<Nobody<Password>>(pasted)),
        json!({ "type": "http", "scheme": "bearer", "bearerFormat": "opaque", "description": "Ask Ada for one." })
    );
}

fn told<N: Named>(api: Api<Nobody<N>>) -> String {
    api.finish().unwrap_err().to_string().lines().skip(1).collect()
}

#[test]
fn a_scheme_is_shown_once_and_of_a_guard() {
    let basic = SecurityScheme::oauth2_password("a");
    assert_eq!(
        told::<Password>(Api::new("", "").scheme::<Nobody<Password>>(basic.clone())),
        "- `it` cannot be shown: no route has a guard of this scheme"
    );
    let twice = api::<Password>().scheme::<Nobody<Password>>(basic);
    assert_eq!(
        told(twice.scheme::<Nobody<Password>>(SecurityScheme::oauth2_password("b"))),
        "- `it` has two `.scheme(…)` descriptions"
    );
    assert_eq!(
        told(api::<Password>().scheme::<Nobody<Password>>(SecurityScheme::oauth2([]))),
        "- `it` would be shown as OAuth2 without a flow"
    );
}

/// A client that follows the document must send what the guard reads.
#[test]
fn a_scheme_that_its_guard_does_not_look_for_is_refused() {
    struct Key;
    impl ApiKeyPlace for Key {
        const IN: In = In::Header;
        const NAME: &'static str = "X-Key";
    }
    #[derive(Clone)]
    struct Keys;
    impl Verify for Keys {
        type Credential = ApiKey<Key>;
        type Principal = ();
        const SCHEME: &'static str = "keys";
        fn scheme() -> SecurityScheme {
            SecurityScheme::api_key(In::Query, "X-Key")
        }
        async fn verify(&self, _: &ApiKey<Key>) -> Result<Verdict<()>, VerifyFailed> {
            Ok(Verdict::Refused)
        }
    }
    async fn look(_: Guard<Keys>) -> NoContent {
        NoContent
    }
    let error = Api::<Keys>::new("", "").get("/", look).finish().unwrap_err().to_string();
    let query = r#"{"in":"query","name":"X-Key","type":"apiKey"}"#;
    let header = r#"{"in":"header","name":"X-Key","type":"apiKey"}"#;
    let reason = format!("\n- `keys` would be shown as {query}, but its guard looks for {header}");
    assert!(error.ends_with(&reason), "{error}");

    let header = |name| SecurityScheme::api_key(In::Header, name);
    for (shown, is_taken) in [
        (header("X-Key"), true),
        (header("X-Other"), false),
        (SecurityScheme::api_key(In::Path, "X-Key"), false),
        (SecurityScheme::api_key(In::Cookie, "X-Key"), false),
        (SecurityScheme::bearer_format("JWT"), false),
        (SecurityScheme::open_id_connect("a"), false),
        (SecurityScheme::basic(), false),
    ] {
        // The application's value wins over the default that it replaces.
        let text = format!("{shown:?}");
        let api = Api::<Keys>::new("", "").scheme::<Keys>(shown).get("/", look);
        assert_eq!(api.finish().is_ok(), is_taken, "{text}");
    }
    let refused = told(api::<Password>().scheme::<Nobody<Password>>(SecurityScheme::basic()));
    assert!(
        refused
            .starts_with(r#"- `it` would be shown as {"description":"As the shop has it.","scheme":"basic""#)
    );
}

/// However they are described, and whichever comes first: the document has room for one only.
#[test]
fn one_name_is_not_two_places() {
    struct Header;
    impl ApiKeyPlace for Header {
        const IN: In = In::Header;
        const NAME: &'static str = "X-Key";
    }
    struct Query;
    impl ApiKeyPlace for Query {
        const IN: In = In::Query;
        const NAME: &'static str = "key";
    }
    macro_rules! verifier {
        ($name:ident, $place:ty) => {
            #[derive(Clone)]
            struct $name;
            impl Verify for $name {
                type Credential = ApiKey<$place>;
                type Principal = ();
                const SCHEME: &'static str = "keys";
                fn scheme() -> SecurityScheme {
                    SecurityScheme::api_key(In::Header, "X-Key")
                }
                async fn verify(&self, _: &ApiKey<$place>) -> Result<Verdict<()>, VerifyFailed> {
                    Ok(Verdict::Refused)
                }
            }
        };
    }
    verifier!(InHeader, Header);
    verifier!(InHeaderToo, Header);
    verifier!(InQuery, Query);
    #[derive(Clone, FromRef)]
    struct App {
        header: InHeader,
        header_too: InHeaderToo,
        query: InQuery,
    }
    async fn look<V: Verify>(_: Guard<V>) -> NoContent {
        NoContent
    }
    macro_rules! finished {
        ($one:ty, $other:ty) => {{
            let one = get("/a", look::<$one>).operation_id("one");
            let other = get("/b", look::<$other>).operation_id("other");
            Api::<App>::new("", "")
                .route(one)
                .route(other)
                .finish()
                .map(drop)
                .map_err(|error| error.to_string())
        }};
    }
    for refused in [finished!(InHeader, InQuery), finished!(InQuery, InHeader)] {
        let refused = refused.unwrap_err();
        assert!(refused.contains("two different security schemes are called `keys`"), "{refused}");
    }
    finished!(InHeader, InHeaderToo).unwrap();
}

/// It is a key of `components` (OpenAPI 3.1 §4.8.7).
#[test]
fn a_schemes_name_is_one_that_openapi_takes() {
    macro_rules! named {
        ($name:literal) => {{
            #[derive(Clone)]
            struct It;
            impl Verify for It {
                type Credential = Bearer;
                type Principal = ();
                const SCHEME: &'static str = $name;
                async fn verify(&self, _: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
                    Ok(Verdict::Refused)
                }
            }
            async fn look(_: Guard<It>) -> NoContent {
                NoContent
            }
            Api::<It>::new("", "").get("/", look).finish().map(drop).map_err(|error| error.to_string())
        }};
    }
    named!("a.B_c-9").unwrap();
    for refused in [named!(""), named!("access token"), named!("größe"), named!("a/b")] {
        let reason = "a security scheme's name must consist of letters, digits, `.`, `_` and `-`: not `";
        assert!(refused.unwrap_err().contains(reason));
    }
}
