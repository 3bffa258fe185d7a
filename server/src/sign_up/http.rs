//! The sign-up routes.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use portcullis::{Json, Public, answers};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    SignedUp, SigningUp,
    passkey::{self, WithPasskey},
};
use crate::{
    accounts::Account,
    app::App,
    attributes::{self, AskedView, AttributesAsked, Changes, Typed},
    client::Client,
    error::{Conflict, Error, Failed, Forbidden, SignUpConflict, Throttled, Unavailable, Unprocessable},
    messages::Language,
    passkeys::{Browser, CreationOptions, KnownBrowser, RegistrationResponse, Rejected, rejected},
    recovery::http::{Accepted, accepted},
};

/// A new account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    /// Your email address. Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
    /// At least 12 characters, or more if the operator says so, and not easy to guess.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    password: String,
    /// The attributes that `GET /signup/attributes` lists, by name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    attributes: Typed,
}

answers! {
    /// What a sign-up comes to.
    #[derive(Debug)]
    pub(crate) enum SignUpAnswer {
        /// The account.
        Made(Json<Account>) = 201,
        /// If sign-up is quiet: the same response for every address. The email says what to do next.
        Quietly(Json<Accepted>) = 202,
    }
}

pub(crate) async fn sign_up(
    _: Public,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<SignUp>,
) -> Result<SignUpAnswer, Failed<(Forbidden, Conflict, Unprocessable, Throttled, Unavailable)>> {
    let (email, full_name, password) = (&body.email, &body.full_name, &body.password);
    let attributes = &Changes::at_sign_up(&app.config().attributes, &body.attributes);
    let typed = SigningUp { email, full_name, password, attributes, language };
    Ok(match super::sign_up(&app, &typed, &client).await? {
        SignedUp::Made(account) => SignUpAnswer::Made(Json(account)),
        SignedUp::Quietly => SignUpAnswer::Quietly(accepted().0),
    })
}

pub(crate) async fn list_attributes_asked(
    _: Public,
    State(app): State<App>,
    language: Language,
) -> Json<AttributesAsked> {
    let attributes = attributes::asked(&app).map(|attribute| AskedView::of(attribute, language)).collect();
    Json(AttributesAsked { attributes })
}

/// A new account that gets a passkey instead of a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeySignUpAsked {
    /// Your email address. Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
}

/// Begins a sign-up by passkey. The browser keeps a cookie for 5 minutes, which `/signup/passkey` asks for.
pub(crate) async fn ask_for_first_passkey(
    _: Public,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    Json(body): Json<PasskeySignUpAsked>,
) -> Result<
    (AppendHeaders<[(HeaderName, HeaderValue); 1]>, Json<CreationOptions>),
    Failed<(Forbidden, Conflict, Unprocessable, Throttled, Unavailable)>,
> {
    let browser = Browser::or_new(known);
    // Attributes come with the passkey.
    let no_attributes = Ok(Changes::default());
    let (email, full_name) = (&body.email, &body.full_name);
    let options = passkey::ask(&app, email, full_name, &no_attributes, &browser, &client).await?;
    Ok((AppendHeaders([browser.cookie(&app)?]), Json(options)))
}

/// A new account and its passkey.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeySignUp {
    /// Your email address. Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
    /// The credential that the authenticator created.
    credential: RegistrationResponse,
    /// The attributes that `GET /signup/attributes` lists, by name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 32))]
    attributes: Typed,
}

pub(crate) async fn sign_up_with_passkey(
    _: Public,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<PasskeySignUp>,
) -> Result<SignUpAnswer, Failed<(Forbidden, SignUpConflict, Unprocessable, Unavailable)>> {
    let browser = &known.ok_or_else(|| rejected(Rejected::Challenge)).map_err(Error::from)?;
    let made = &body.credential.decode().map_err(rejected).map_err(Error::from)?;
    let attributes = &Changes::at_sign_up(&app.config().attributes, &body.attributes);
    let (email, full_name) = (&body.email, &body.full_name);
    let typed = WithPasskey { email, full_name, attributes, made, browser, language };
    Ok(match passkey::sign_up(&app, &typed, None, &client).await? {
        (SignedUp::Made(account), _) => SignUpAnswer::Made(Json(account)),
        (SignedUp::Quietly, _) => SignUpAnswer::Quietly(accepted().0),
    })
}

/// If sign-up is closed, rejects its routes before anything of the request is read (CVE-2024-49757).
pub(crate) async fn refuse_sign_up(request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/signup" | "/signup/passkey" | "/signup/passkey/options") {
        return Error::SignUpClosed.into_response();
    }
    next.run(request).await
}
