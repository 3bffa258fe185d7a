//! Login with a form, for people with browsers. The session is in a cookie that pages of other sites cannot use.
//! `cargo run -p portcullis --example cookie_session`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis argon2 aws-lc-rs axum base64 http schemars@1 serde tokio \
//!         --features serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread,tokio/sync

use std::{collections::HashMap, error::Error, sync::Arc};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use aws_lc_rs::{digest, rand};
use axum::extract::State;
use axum::response::{AppendHeaders, Html, Redirect};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue};
use portcullis::{
    Api, Form, Granted, Guard, Public, SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{CookieSettings, SameOrigin},
};
use tokio::{sync::RwLock, task::block_in_place};

struct Site;
impl CookieSettings for Site {
    const NAME: &'static str = "__Host-session"; // host-only, and `Secure`
}

#[derive(Clone)]
struct Sessions {
    /// The users of the sessions, by the SHA-256 of the token, so that a leaked copy logs nobody in.
    open: Arc<RwLock<HashMap<Vec<u8>, String>>>,
    /// The password of the one user, `ada`.
    password_hash: Arc<str>,
}

fn kept(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

impl Verify for Sessions {
    type Credential = SessionCookie<Site>;
    type Principal = (String, Vec<u8>); // the user, and the digest of the token
    const SCHEME: &'static str = "session";

    async fn verify(&self, cookie: &SessionCookie<Site>) -> Result<Verdict<Self::Principal>, VerifyFailed> {
        let kept = kept(cookie.token());
        let user = self.open.read().await.get(&kept).cloned();
        Ok(user.map_or(Verdict::Refused, |user| Verdict::Accepted((user, kept), Granted::none())))
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct LogIn {
    #[schemars(length(max = 254))]
    username: String,
    #[schemars(length(max = 1024))]
    password: String,
}

portcullis::answers! {
    enum LogInFailed {
        /// Incorrect username or password
        Incorrect = 400,
        /// Not available at the moment
        Unavailable = 500,
    }
}

/// Sets or clears a cookie, and redirects.
type CookieAnd<T> = (AppendHeaders<[(HeaderName, HeaderValue); 1]>, T);

const FORM: &str = "<title>Log in</title><form method=post action=/login><input name=username> \
    <input name=password type=password> <button>Log in</button></form>";

async fn show_form(_: Public) -> Html<&'static str> {
    Html(FORM)
}

/// There is no guard yet, so it takes `SameOrigin`. Otherwise another site could log your visitor in to *its* account.
async fn log_in(
    _: Public,
    _: SameOrigin<Site>,
    State(sessions): State<Sessions>,
    Form(form): Form<LogIn>,
) -> Result<CookieAnd<Redirect>, LogInFailed> {
    let (argon2, password) = (Argon2::default(), form.password.as_bytes());
    // Hashing is slow on purpose. Other requests run on the runtime's other threads; a single-threaded runtime panics
    // here.
    let verified = block_in_place(|| argon2.verify_password(password, &*sessions.password_hash));
    if verified.is_err() || form.username != "ada" {
        return Err(LogInFailed::Incorrect);
    }
    // A new token at each login, so a cookie from before becomes worthless.
    let bytes = rand::generate(&rand::SystemRandom::new()).map_err(|_| LogInFailed::Unavailable)?;
    let token = BASE64_URL_SAFE_NO_PAD.encode::<[u8; 32]>(bytes.expose());
    sessions.open.write().await.insert(kept(&token), form.username);
    let cookie = SessionCookie::<Site>::set(&token).map_err(|_| LogInFailed::Unavailable)?;
    Ok((AppendHeaders([cookie]), Redirect::to("/account")))
}

async fn show_account(guard: Guard<Sessions>) -> Html<String> {
    let (user, _) = guard.principal(); // one of our own names; escape names that users choose
    Html(format!("<p>Welcome, {user}!</p><form method=post action=/logout><button>Log out</button></form>"))
}

/// The guard rejects requests from other sites' pages. The form needs no CSRF token.
async fn log_out(guard: Guard<Sessions>, State(sessions): State<Sessions>) -> CookieAnd<Redirect> {
    sessions.open.write().await.remove(&guard.principal().1);
    (AppendHeaders([SessionCookie::<Site>::clear()]), Redirect::to("/"))
}

/// The whole application, with the password of its one user.
pub fn app(password: &str) -> Result<axum::Router, Box<dyn Error>> {
    let api = Api::new("Cookies", "1").get("/", show_form).post("/login", log_in);
    let (router, document) = api.get("/account", show_account).post("/logout", log_out).finish()?;
    let password_hash = Argon2::default().hash_password(password.as_bytes())?.to_string().into();
    Ok(router.merge(document.routes()).with_state(Sessions { open: Arc::default(), password_hash }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("Open http://localhost:{} and log in: ada, analytical-engine-1843", address.port());
    Ok(axum::serve(listener, app("analytical-engine-1843")?).await?)
}
