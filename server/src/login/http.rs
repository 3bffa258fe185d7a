//! `POST /login`: the form of RFC 6749 §4.3.2, for the first party only; it returns tokens or a cookie. Login by
//! passkey works likewise.

use axum::{extract::State, response::AppendHeaders};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use portcullis::{
    Form, Json, NoContent, Public,
    credential::SameOrigin,
    describe::{Describe, Operation},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::passkey;
use crate::{
    access::{Principal, ScopeAsked, USUAL},
    accounts::Email,
    app::App,
    caller::Visitor,
    client::Client,
    error::{Error, Failed, Forbidden, LogInFailed, PasskeyLogInFailed},
    invalid::Invalid,
    passkeys::{AssertionResponse, Browser, KnownBrowser, RequestOptions},
    passwords::Password,
    sessions::{Beginning, LoggedIn, SessionsCookie, Transport},
    tokens::{self, TokenAnswer},
};

/// The password form. Generic OAuth clients also send `client_id` and `client_secret`, which must be empty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// `password`, if present.
    #[serde(default)]
    #[schemars(regex(pattern = "^(password)?$"), extend("default" = "password"))]
    #[expect(dead_code, reason = "the schema has checked it, and there is nothing to choose")]
    grant_type: String,
    /// The email address.
    #[schemars(title = "Email", length(min = 1, max = 254), extend("examples" = ["ada@example.com"]))]
    username: String,
    /// The password.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    password: String,
    /// Scopes, separated by spaces. The default covers your own profile and account, and every scope that the
    /// application declares. `offline_access` requests a refresh token.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("default" = USUAL.join(" ")))]
    scope: String,
    /// Must be empty: this route does not accept a client.
    #[serde(default)]
    #[schemars(length(max = 256))]
    client_id: String,
    /// Must be empty: this route does not accept a client.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    client_secret: String,
}

pub(crate) async fn log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    oauth_client: OAuthClient,
    Form(form): Form<LogIn>,
) -> Result<TokenAnswer, LogInFailed> {
    let logged_in = form.attempt(&app, &client, &oauth_client, Transport::Bearer, None).await?;
    Ok(tokens::issue(&app, logged_in.into(), app.now()).await?)
}

/// Like [`log_in`], with a cookie in the response: for an application's own page, which then need not store a token.
/// The form must come from a page of this origin; otherwise a stranger's page could log a browser in to the stranger's
/// account. The session of the cookie that the browser sends is ended.
pub(crate) async fn log_in_with_cookie(
    _: Public,
    _: SameOrigin<SessionsCookie>,
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    oauth_client: OAuthClient,
    Form(form): Form<LogIn>,
) -> Result<(AppendHeaders<[(HeaderName, HeaderValue); 1]>, NoContent), LogInFailed> {
    let logged_in = form.attempt(&app, &client, &oauth_client, Transport::Cookie, before).await?;
    Ok((AppendHeaders([logged_in.cookie_header()?]), NoContent))
}

impl LogIn {
    async fn attempt(
        &self,
        app: &App,
        client: &Client,
        oauth_client: &OAuthClient,
        transport: Transport,
        before: Option<Principal>,
    ) -> Result<LoggedIn, Error> {
        if oauth_client.is_named || !self.client_id.is_empty() || !self.client_secret.is_empty() {
            return Err(Error::UnexpectedClient);
        }
        let email = Email::of_field(&self.username, "username")?;
        let password = Password::parse(&self.password).map_err(|fault| Invalid::field("password", fault))?;
        let scope = &ScopeAsked::parse(&self.scope, app.scopes())?;
        super::attempt(app, &email, password, &Beginning { scope, transport, before, client }).await
    }
}

/// Begins a login by passkey. The browser keeps a cookie for 5 minutes, which `/login/passkey` asks for.
pub(crate) async fn ask_for_passkey(
    _: Public,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
) -> Result<(AppendHeaders<[(HeaderName, HeaderValue); 1]>, Json<RequestOptions>), Failed<(Forbidden,)>> {
    let browser = Browser::or_new(known);
    let options = passkey::ask(&app, &browser)?;
    Ok((AppendHeaders([browser.cookie(&app)?]), Json(options)))
}

/// A passkey, to log in with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyLogIn {
    /// The credential that the authenticator signed.
    credential: AssertionResponse,
    /// As at `/login`.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    scope: String,
}

pub(crate) async fn log_in_by_passkey(
    _: Public,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    Json(body): Json<PasskeyLogIn>,
) -> Result<TokenAnswer, PasskeyLogInFailed> {
    let logged_in = body.attempt(&app, &client, known, Transport::Bearer, None).await?;
    Ok(tokens::issue(&app, logged_in.into(), app.now()).await?)
}

/// Like [`log_in_by_passkey`], with a cookie in the response, as [`log_in_with_cookie`].
pub(crate) async fn log_in_by_passkey_with_cookie(
    _: Public,
    _: SameOrigin<SessionsCookie>,
    Visitor(before): Visitor,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    Json(body): Json<PasskeyLogIn>,
) -> Result<(AppendHeaders<[(HeaderName, HeaderValue); 1]>, NoContent), PasskeyLogInFailed> {
    let logged_in = body.attempt(&app, &client, known, Transport::Cookie, before).await?;
    Ok((AppendHeaders([logged_in.cookie_header()?]), NoContent))
}

impl PasskeyLogIn {
    async fn attempt(
        &self,
        app: &App,
        client: &Client,
        browser: Option<Browser>,
        transport: Transport,
        before: Option<Principal>,
    ) -> Result<LoggedIn, Error> {
        let scope = &ScopeAsked::parse(&self.scope, app.scopes())?;
        let browser = browser.ok_or(Error::PasskeyRejected)?;
        let presented = self.credential.decode().map_err(|_| Error::PasskeyRejected)?;
        let beginning = Beginning { scope, transport, before, client };
        passkey::log_in(app, &presented, &browser, &beginning).await
    }
}

/// Whether an OAuth client identifies itself by HTTP Basic (RFC 6749 §2.3.1). Swagger UI sends an empty name and an
/// empty password, which do not identify a client.
#[derive(Debug)]
pub(crate) struct OAuthClient {
    is_named: bool,
}

impl OAuthClient {
    fn of(headers: &HeaderMap) -> Self {
        Self { is_named: headers.get_all(header::AUTHORIZATION).iter().any(names_a_client) }
    }
}

/// `Basic` with anything but the base64 of `:`. Another scheme is not client authentication: a token that a client
/// sends out of habit changes nothing here.
fn names_a_client(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    scheme.eq_ignore_ascii_case("basic")
        && !STANDARD.decode(credentials.trim()).is_ok_and(|pair| pair.is_empty() || pair == b":")
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for OAuthClient {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, std::convert::Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// There is nothing to document: clients must not authenticate here.
impl Describe for OAuthClient {
    fn describe(_: &mut Operation<'_>) {}
}
