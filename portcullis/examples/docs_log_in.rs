//! An API whose docs page logs in at another service: authorization code with PKCE, and real tokens to try it with.
//!
//! Register a public client there with the redirect address `http://127.0.0.1:3000/docs/oauth2-redirect`, then:
//!
//! `cargo run -p portcullis --features discovery --example docs_log_in -- ISSUER AUDIENCE AUTHORIZE_URL TOKEN_URL CLIENT`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum tokio \
//!         --features portcullis/discovery,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::{error::Error, sync::OnceLock};

use axum::Router;
use portcullis::{
    AccessToken, AccessTokens, Api, Bearer, Guard, Json, Scope, SecurityScheme, Verdict, Verify, VerifyFailed,
};

/// Where to log in. An application that knows it when it is written says it in `scheme` and needs no such thing.
static LOG_IN: OnceLock<(String, String)> = OnceLock::new();

/// The library's verifier, shown as what the docs page can log in to.
#[derive(Clone)]
struct Accounts(AccessTokens);

impl Verify for Accounts {
    type Credential = Bearer;
    type Principal = AccessToken;
    const SCHEME: &'static str = "accounts";

    fn scheme() -> SecurityScheme {
        let (authorize, token) = LOG_IN.get().map_or(("authorize", "token"), |(one, two)| (one, two));
        SecurityScheme::oauth2_authorization_code(authorize, token)
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<AccessToken>, VerifyFailed> {
        self.0.verify(bearer).await
    }
}

struct ProfileRead;

impl Scope for ProfileRead {
    const NAME: &'static str = "profile:read";
    const DESCRIPTION: &'static str = "See your profile";
}

async fn read_subject(guard: Guard<Accounts, ProfileRead>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, audience, authorize, token, client] = &arguments[..] else {
        return Err("usage: docs_log_in ISSUER AUDIENCE AUTHORIZE_URL TOKEN_URL CLIENT".into());
    };
    LOG_IN.get_or_init(|| (authorize.clone(), token.clone()));
    let tokens = AccessTokens::discover(issuer).audience(audience).build().await?;

    let (router, document) = Api::new("Docs log-in", "1.0").get("/subject", read_subject).finish()?;
    let app: Router = router.merge(document.docs_client(client).routes()).with_state(Accounts(tokens));
    let listener = tokio::net::TcpListener::bind(listen()).await?;
    eprintln!("listens on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

#[expect(clippy::disallowed_methods, reason = "an example's settings are its own")]
fn listen() -> String {
    std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned())
}
