//! The FastAPI guide: sign up, log in with the password form, read `/profile`, all on a docs page.
//! `cargo run -p portcullis --example guide`. Accounts are in memory; see `portcullis-server` for the complete system.
//!
//! What it needs in a package of your own (with the folder `issuer`):
//!
//!     cargo add portcullis argon2 axum schemars@1 serde tokio aws-lc-rs base64 jsonwebtoken serde_json \
//!         --features jsonwebtoken/aws_lc_rs,serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread,tokio/sync

mod issuer; // creates a key at startup, and signs tokens

use std::{error::Error, sync::Arc};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use axum::{Router, extract::State};
use portcullis::{
    Api, Bearer, Form, Guard, Json, Public, Verdict, Verify, VerifyFailed, credential::SecurityScheme,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{sync::RwLock, task::block_in_place};

#[derive(Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = true))] // `grant_type` and the like, which the docs page sends
struct Login {
    #[schemars(email, length(max = 254))]
    username: String,
    #[schemars(length(min = 12, max = 1024))]
    password: String,
}

#[derive(Serialize, JsonSchema)]
struct Token {
    access_token: String,
    token_type: &'static str,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Profile {
    id: usize,
    username: String,
}

portcullis::answers! {
    enum Failed {
        /// Incorrect username or password
        Incorrect = 400,
        /// An account with this name already exists
        Taken = 409,
        /// Not available at the moment
        Unavailable = 500,
    }
}

type Outcome<T> = Result<T, Failed>;

/// The router's state, and the verifier of `Guard<Accounts>`.
#[derive(Clone)]
struct Accounts {
    list: Arc<RwLock<Vec<(Profile, String)>>>, // each with the hash of its password
    issuer: issuer::Issuer,
}

/// Like FastAPI's `get_current_user`. `AccessTokens` checks the signature, the times, the issuer and the audience.
impl Verify for Accounts {
    type Credential = Bearer;
    type Principal = Profile;
    const SCHEME: &'static str = "password";

    fn scheme() -> SecurityScheme {
        SecurityScheme::oauth2_password("login") // the Authorize button
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<Profile>, VerifyFailed> {
        let Verdict::Accepted(token, scopes) = self.issuer.tokens().verify(bearer).await? else {
            return Ok(Verdict::Refused);
        };
        let list = self.list.read().await;
        let known = list.iter().find(|(profile, _)| profile.id.to_string() == token.subject());
        Ok(known.map_or(Verdict::Refused, |(profile, _)| Verdict::Accepted(profile.clone(), scopes)))
    }
}

async fn sign_up(_: Public, State(app): State<Accounts>, Json(new): Json<Login>) -> Outcome<Json<Profile>> {
    // Hashing is slow on purpose. Other requests run on the runtime's other threads; a single-threaded runtime panics
    // here.
    let hash = block_in_place(|| Argon2::default().hash_password(new.password.as_bytes()));
    let hash = hash.map_err(|_| Failed::Unavailable)?.to_string(); // with its salt and parameters
    let mut list = app.list.write().await;
    if list.iter().any(|(one, _)| one.username == new.username) {
        return Err(Failed::Taken);
    }
    let profile = Profile { id: list.len() + 1, username: new.username };
    list.push((profile.clone(), hash));
    Ok(Json(profile))
}

async fn log_in(_: Public, State(app): State<Accounts>, Form(given): Form<Login>) -> Outcome<Json<Token>> {
    let known = app.list.read().await.iter().find(|(one, _)| one.username == given.username).cloned();
    let is_right = block_in_place(|| match &known {
        Some((_, hash)) => {
            Argon2::default().verify_password(given.password.as_bytes(), hash.as_str()).is_ok()
        }
        None => Argon2::default().hash_password(given.password.as_bytes()).is_err(), // takes as long as a check
    });
    let (profile, _) = known.filter(|_| is_right).ok_or(Failed::Incorrect)?;
    let access_token = app.issuer.token(&profile.id.to_string(), "").map_err(|_| Failed::Unavailable)?;
    Ok(Json(Token { access_token, token_type: "bearer" }))
}

async fn read_profile(guard: Guard<Accounts>) -> Json<Profile> {
    Json(guard.into_principal())
}

/// The whole application.
pub fn app() -> Result<Router, Box<dyn Error>> {
    let api =
        Api::new("Guide", "1").post("/signup", sign_up).post("/login", log_in).get("/profile", read_profile);
    let (router, document) = api.finish()?;
    let accounts = Accounts { list: Arc::default(), issuer: issuer::Issuer::new()? };
    Ok(router.merge(document.routes()).with_state(accounts))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("Open http://{address}/docs: POST /signup, then Authorize, then GET /profile.");
    Ok(axum::serve(listener, app()?).await?)
}
