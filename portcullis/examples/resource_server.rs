//! An API whose tokens another service issues. Its keys are discovered at the issuer, or given in a file.
//!
//! With our own server (`cargo run` serves on port 8000; log in there for a token):
//!
//! `cargo run -p portcullis --features discovery --example resource_server -- http://127.0.0.1:8000
//! http://127.0.0.1:8000 http://127.0.0.1:8000/.well-known/jwks.json`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum tokio \
//!         --features portcullis/discovery,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::error::Error;

use axum::Router;
use portcullis::{AccessTokens, Api, ApiError, Guard, Json, Public, Scope};

/// The scope's name at the issuer. For creating or changing something, declare another scope as another type.
struct ProfileRead;

impl Scope for ProfileRead {
    const NAME: &'static str = "profile:read";
    const DESCRIPTION: &'static str = "See your profile";
}

async fn check_health(_: Public) -> Json<&'static str> {
    Json("alive")
}

/// The token is verified, but nothing else is known here: the subject is the issuer's name for the user.
async fn read_subject(guard: Guard<AccessTokens, ProfileRead>) -> Json<String> {
    Json(guard.principal().subject().to_owned())
}

/// Serves callers with a token of the issuer that `tokens` trusts.
pub fn app(tokens: AccessTokens) -> Result<Router, ApiError> {
    let api = Api::new("Resource server", "1.0").get("/health", check_health).get("/subject", read_subject);
    let (router, document) = api.finish()?;
    Ok(router.merge(document.routes()).with_state(tokens))
}

/// The verifier. `keys` is the URL of the keys, for an issuer without metadata (RFC 8414).
pub async fn verifier(
    issuer: &str,
    audience: &str,
    keys: Option<&str>,
) -> Result<AccessTokens, Box<dyn Error>> {
    Ok(match keys {
        // The keys are fetched now and refreshed before they expire. A new key is fetched when its first token arrives.
        None => AccessTokens::discover(issuer).audience(audience).build().await?,
        Some(url) if url.starts_with("http") => {
            AccessTokens::discover(issuer).audience(audience).keys_at(url).build().await?
        }
        // Needs no network. New keys require a restart.
        Some(file) => {
            let jwks = tokio::task::block_in_place(|| std::fs::read_to_string(file))?;
            AccessTokens::issued_by(issuer).audience(audience).keys(&jwks)?.build()?
        }
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (issuer, audience, keys) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [issuer, audience] => (issuer, audience, None),
        [issuer, audience, keys] => (issuer, audience, Some(keys)),
        _ => {
            return Err("usage: resource_server ISSUER AUDIENCE [URL or file of its keys (a JWK Set)]".into());
        }
    };
    let app = app(verifier(issuer, audience, keys).await?)?;
    let listener = tokio::net::TcpListener::bind(listen()).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("With a token of {issuer}: curl {address}/subject -H \"Authorization: Bearer $TOKEN\"");
    Ok(axum::serve(listener, app).await?)
}

#[expect(clippy::disallowed_methods, reason = "an example's settings are its own")]
fn listen() -> String {
    std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned())
}
