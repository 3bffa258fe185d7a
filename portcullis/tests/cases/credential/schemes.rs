//! Every named scheme in the document.

use std::marker::PhantomData;

use portcullis::{
    Api, Bearer, Granted, Guard, In, NoContent, Scope, SecurityScheme, Verdict, Verify, VerifyFailed, get,
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
        shown!(SecurityScheme::bearer("opaque").described("From the log-in.")),
        json!({ "type": "http", "scheme": "bearer", "bearerFormat": "opaque", "description": "From the log-in." })
    );
    assert_eq!(shown!(SecurityScheme::basic()), json!({ "type": "http", "scheme": "basic" }));
    assert_eq!(
        shown!(SecurityScheme::api_key(In::Cookie, "sid")),
        json!({ "type": "apiKey", "in": "cookie", "name": "sid" })
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
fn an_application_says_where_its_tokens_are() {
    let shown = |api| document(api)["components"]["securitySchemes"]["it"].clone();
    let expected = json!({ "type": "oauth2", "description": "As the shop has it.",
        "flows": { "password": { "tokenUrl": "auth/login", "scopes": { "read": "Look at things" } } } });
    let moved = || api::<Password>().token_url::<Nobody<Password>>("auth/login");
    assert_eq!(shown(moved()), expected);
    assert_eq!(shown(moved().token_url::<Nobody<Password>>("auth/login")), expected);
    assert_eq!(shown(Api::new("", "").nest("/inner", moved())), expected);
    let outer = Api::new("", "").token_url::<Nobody<Password>>("auth/login");
    assert_eq!(shown(outer.merge(api::<Password>())), expected);
}

#[test]
fn a_token_url_that_would_change_nothing_is_refused() {
    struct Opaque;
    impl Named for Opaque {
        fn scheme() -> SecurityScheme {
            SecurityScheme::bearer("opaque")
        }
    }
    let refused = |told: String, reason: &str| {
        assert!(told.contains(&format!("the token URL `a` of `it`: {reason}")), "{told}");
    };
    let told = |api: Api<_>| api.finish().unwrap_err().to_string();
    refused(told(Api::new("", "").token_url::<Nobody<Password>>("a")), "no route has a guard of this scheme");
    let twice = api::<Password>().token_url::<Nobody<Password>>("b").token_url::<Nobody<Password>>("a");
    refused(told(twice), "another token URL was given before");
    let without = api::<Opaque>().token_url::<Nobody<Opaque>>("a").finish().unwrap_err().to_string();
    refused(without, "the scheme has no token URL; `SecurityScheme::oauth2_password` and the like have");
}

#[test]
fn a_key_in_the_path_is_refused() {
    struct It;
    impl Named for It {
        fn scheme() -> SecurityScheme {
            SecurityScheme::api_key(In::Path, "key").described("Somewhere.")
        }
    }
    let error = api::<It>().finish().unwrap_err().to_string();
    assert!(error.contains("`it`: an API key is in a header, in the query or in a cookie"), "{error}");
}
