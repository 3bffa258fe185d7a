//! The JSON routes. All of them are POST or PUT, so nothing that merely opens a link uses it.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use portcullis::{
    Answer, Guard, Json, NoContent, Public,
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    access::{ManageAccount, ScopeAsked},
    accounts::Email,
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{
        Conflict, Failed, Forbidden, Gone, MailedLogInFailed, NotFound, Stale, Throttled, Unavailable,
        Unprocessable,
    },
    sessions::{Beginning, Transport},
    tokens::{self, TokenAnswer},
};

/// The request was accepted. The response is the same whether or not an email was sent.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Accepted {
    /// What to do next, in one sentence.
    detail: &'static str,
}

/// The same response for everyone who requests an email.
pub(crate) fn accepted() -> Answer<202, Json<Accepted>> {
    Answer(Json(Accepted { detail: "If there is something to do, we sent an email that explains it" }))
}

/// An email address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
}

/// An emailed link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// The token at the end of the link.
    #[schemars(length(max = 4096))]
    token: String,
}

/// An emailed link, and the password that it sets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    /// The token at the end of the link.
    #[schemars(length(max = 4096))]
    token: String,
    /// At least 12 characters, or more if the operator says so, and not easy to guess.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    password: String,
}

/// A new password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The current password.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    current_password: String,
    /// At least 12 characters, or more if the operator says so, and not easy to guess.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["difference-engine-1822"]))]
    password: String,
}

/// An emailed login link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkLogIn {
    /// The token at the end of the link.
    #[schemars(length(max = 4096))]
    token: String,
    /// As at `/login`.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    scope: String,
}

/// An emailed login code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeLogIn {
    /// The address that the code was sent to.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// The code. Spaces, hyphens and case do not matter.
    #[schemars(length(max = 64), extend("examples" = ["K7M2-QRS9"]))]
    code: String,
    /// As at `/login`.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    scope: String,
}

pub(crate) async fn request_verification(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<Answer<202, Json<Accepted>>, Failed<(Unavailable,)>> {
    super::request_verification(&app, caller(&guard), &client).await?;
    Ok(accepted())
}

pub(crate) async fn verify_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Token>,
) -> Result<NoContent, Failed<(Gone, Unprocessable, Unavailable)>> {
    super::verify_email(&app, &body.token, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn request_reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Address>,
) -> Result<Answer<202, Json<Accepted>>, Failed<(Unprocessable, Unavailable)>> {
    super::request_reset(&app, &Email::of_field(&body.email, "email")?, &client).await?;
    Ok(accepted())
}

pub(crate) async fn reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Reset>,
) -> Result<NoContent, Failed<(Gone, Unprocessable, Unavailable)>> {
    super::reset(&app, &body.token, &body.password, &client).await?;
    Ok(NoContent)
}

/// Every session is revoked, including this one. The response carries the new session's token or cookie, as at
/// login.
pub(crate) async fn change_password(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<PasswordChange>,
) -> Result<PasswordChanged, Failed<(Forbidden, NotFound, Unprocessable, Throttled, Unavailable)>> {
    let (current, new) = (&body.current_password, &body.password);
    let logged_in = super::change_password(&app, caller(&guard), current, new, &client).await?;
    Ok(if logged_in.has_cookie() {
        PasswordChanged::Cookie(logged_in.cookie_header()?)
    } else {
        PasswordChanged::Tokens(tokens::issue(&app, logged_in.into(), app.now()).await?)
    })
}

/// The new session, by the same transport as the old one.
#[derive(Debug)]
pub(crate) enum PasswordChanged {
    Tokens(TokenAnswer),
    Cookie((HeaderName, HeaderValue)),
}

impl IntoResponse for PasswordChanged {
    fn into_response(self) -> Response {
        match self {
            Self::Tokens(tokens) => tokens.into_response(),
            Self::Cookie(cookie) => (AppendHeaders([cookie]), NoContent).into_response(),
        }
    }
}

impl DescribeResponse for PasswordChanged {
    fn describe_response(operation: &mut Operation<'_>) {
        TokenAnswer::describe_response(operation);
        operation.empty_response(
            StatusCode::NO_CONTENT,
            "`Set-Cookie` holds the new session's cookie, if the caller used a cookie",
        );
    }
}

pub(crate) async fn request_email_change(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Address>,
) -> Result<Answer<202, Json<Accepted>>, Failed<(Stale, NotFound, Unprocessable, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    super::request_email_change(&app, fresh, &Email::of_field(&body.email, "email")?, &client).await?;
    Ok(accepted())
}

pub(crate) async fn cancel_email_change(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(Unavailable,)>> {
    super::cancel_email_change(&app, caller(&guard), &client).await?;
    Ok(NoContent)
}

pub(crate) async fn confirm_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Token>,
) -> Result<NoContent, Failed<(Gone, Conflict, Unprocessable, Unavailable)>> {
    super::confirm_email(&app, &body.token, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn undo_email_change(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Token>,
) -> Result<NoContent, Failed<(Gone, Conflict, Unprocessable, Unavailable)>> {
    super::undo_email_change(&app, &body.token, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn request_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Address>,
) -> Result<Answer<202, Json<Accepted>>, Failed<(Forbidden, Unprocessable, Unavailable)>> {
    super::request_log_in(&app, &Email::of_field(&body.email, "email")?, &client).await?;
    Ok(accepted())
}

pub(crate) async fn log_in_by_link(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<LinkLogIn>,
) -> Result<TokenAnswer, MailedLogInFailed> {
    let scope = &ScopeAsked::parse(&body.scope, app.scopes())?;
    let beginning = Beginning { scope, transport: Transport::Bearer, before: None, client: &client };
    let logged_in = super::log_in_by_link(&app, &body.token, &beginning).await?;
    Ok(tokens::issue(&app, logged_in.into(), app.now()).await?)
}

pub(crate) async fn log_in_by_code(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<CodeLogIn>,
) -> Result<TokenAnswer, MailedLogInFailed> {
    let email = Email::of_field(&body.email, "email")?;
    let scope = &ScopeAsked::parse(&body.scope, app.scopes())?;
    let beginning = Beginning { scope, transport: Transport::Bearer, before: None, client: &client };
    let logged_in = super::log_in_by_code(&app, &email, &body.code, &beginning).await?;
    Ok(tokens::issue(&app, logged_in.into(), app.now()).await?)
}
