//! An API whose docs page logs in at another service and gets real tokens to call the API with.
//!
//! For a person, with the authorization code flow and PKCE: register a public client at the issuer, with the redirect
//! URI `http://127.0.0.1:3000/docs/oauth2-redirect`. Pass the URLs to the page, or let it read the issuer's
//! configuration:
//!
//! `cargo run -p portcullis --features discovery --example docs_log_in -- ISSUER AUDIENCE CLIENT code AUTHORIZE_URL TOKEN_URL`
//! `cargo run -p portcullis --features discovery --example docs_log_in -- ISSUER AUDIENCE CLIENT openid`
//!
//! For a program, with a secret that the page asks for:
//!
//! `cargo run -p portcullis --features discovery --example docs_log_in -- ISSUER AUDIENCE CLIENT program TOKEN_URL`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum tokio \
//!         --features portcullis/discovery,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::error::Error;

use axum::Router;
use portcullis::{AccessTokens, Api, Guard, Json, Scope, credential::SecurityScheme};

struct ProfileRead;

impl Scope for ProfileRead {
    const NAME: &'static str = "profile:read";
    const DESCRIPTION: &'static str = "See your profile";
}

async fn read_subject(guard: Guard<AccessTokens, ProfileRead>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

/// The login that the Authorize button of the docs page offers.
fn scheme(issuer: &str, flow: &[&str]) -> Result<SecurityScheme, &'static str> {
    match flow {
        ["code", authorize, token] => Ok(SecurityScheme::oauth2_authorization_code(authorize, token)),
        ["program", token] => Ok(SecurityScheme::oauth2_client_credentials(token)),
        ["openid"] => {
            let configuration = format!("{issuer}/.well-known/openid-configuration");
            Ok(SecurityScheme::open_id_connect(&configuration))
        }
        _ => Err(USAGE),
    }
}

const USAGE: &str =
    "usage: docs_log_in ISSUER AUDIENCE CLIENT (code AUTHORIZE_URL TOKEN_URL | program TOKEN_URL | openid)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [issuer, audience, client, flow @ ..] = &arguments[..] else { return Err(USAGE.into()) };
    let tokens = AccessTokens::discover(issuer).audience(audience).build().await?;

    let api = Api::new("Docs log-in", "1.0").scheme::<AccessTokens>(scheme(issuer, flow)?);
    let (router, document) = api.get("/subject", read_subject).finish()?;
    let app: Router = router.merge(document.docs_client(client).routes()).with_state(tokens);
    let listener = tokio::net::TcpListener::bind(listen()).await?;
    eprintln!("listens on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

#[expect(clippy::disallowed_methods, reason = "an example's settings are its own")]
fn listen() -> String {
    std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned())
}
