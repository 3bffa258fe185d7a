//! The routes of the second step of a login, and of the owner's second factor.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use portcullis::{
    Guard, Json, NoContent, Path, Public,
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::RecoveryCodes,
    enrolment::Enrolment,
    gate,
    remembered::{self, Device, DeviceId},
};
use crate::{
    access::ManageAccount,
    app::App,
    caller::{Caller, caller},
    client::Client,
    clock::Timestamp,
    error::{
        Error, FactorFailed, Failed, Forbidden, NotFound, PasskeyFactorFailed, Stale, Unavailable,
        Unprocessable,
    },
    passkeys::{AssertionResponse, RequestOptions},
    secret::SecretText,
    sessions::LoggedIn,
    tokens::{self, TokenAnswer},
};

/// A login that waits for its second factor.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MfaToken {
    /// As the login returned it.
    #[schemars(length(max = 256))]
    mfa_token: String,
}

/// The second factor of a login.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactor {
    /// As the login returned it.
    #[schemars(length(max = 256))]
    mfa_token: String,
    /// Six digits of the authenticator app, or a recovery code.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["123456", "7K2M-0XJ4-9TQW-3HV8"]))]
    code: String,
    /// Whether to remember this browser, so that later logins in it need no second factor. It has an effect only after
    /// a code of the app, for a login that began at `/login/cookie`, if the operator allows it.
    #[serde(default)]
    remember: bool,
}

/// A code of the authenticator app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    /// Six digits.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["123456"]))]
    code: String,
}

/// The second factor of an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Factors")]
pub(crate) struct FactorsView {
    /// The authenticator app; `null` if there is none.
    totp: Option<TotpView>,
    /// Recovery codes that are not used yet.
    recovery_codes_left: i64,
    /// Whether the operator requires a second factor of this account.
    required: bool,
}

/// An authenticator app.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Totp")]
pub(crate) struct TotpView {
    /// When it was added.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

/// A key for an authenticator app. It takes effect once its first code is confirmed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TotpKey")]
pub(crate) struct KeyView {
    /// The key in base32, to type into an app.
    #[schemars(with = "String")]
    key: SecretText,
    /// The key as apps read it from a QR code: `otpauth://totp/…`.
    #[schemars(with = "String")]
    uri: SecretText,
    /// The QR code of `uri`, as SVG.
    #[schemars(with = "String")]
    qr: SecretText,
}

impl From<Enrolment> for KeyView {
    fn from(shown: Enrolment) -> Self {
        let secret = |text: &str| SecretText::new(text.to_owned());
        Self { key: secret(&shown.key), uri: secret(&shown.uri), qr: secret(&shown.qr) }
    }
}

/// Recovery codes. They are shown only once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecoveryCodes")]
pub(crate) struct CodesView {
    /// Each can be used once, instead of a code of the app.
    #[schemars(with = "Vec<String>")]
    recovery_codes: Vec<SecretText>,
}

impl From<RecoveryCodes> for CodesView {
    fn from(codes: RecoveryCodes) -> Self {
        Self { recovery_codes: codes.into_shown() }
    }
}

/// The response to a login that has presented its second factor, in the transport that it started with.
#[derive(Debug)]
pub(crate) enum LogInFinished {
    Tokens(TokenAnswer),
    /// That of the session, and that of a remembered device.
    Cookies(Vec<(HeaderName, HeaderValue)>),
}

impl LogInFinished {
    async fn of(app: &App, logged_in: LoggedIn, device: Option<&SecretText>) -> Result<Self, Error> {
        Ok(if logged_in.has_cookie() {
            let device = device.map(|device| remembered::cookie(app, device)).transpose()?;
            Self::Cookies(std::iter::once(logged_in.cookie_header()?).chain(device).collect())
        } else {
            Self::Tokens(tokens::issue(app, logged_in.into(), app.now()).await?)
        })
    }
}

impl IntoResponse for LogInFinished {
    fn into_response(self) -> Response {
        match self {
            Self::Tokens(tokens) => tokens.into_response(),
            Self::Cookies(cookies) => (AppendHeaders(cookies), NoContent).into_response(),
        }
    }
}

impl DescribeResponse for LogInFinished {
    fn describe_response(operation: &mut Operation<'_>) {
        TokenAnswer::describe_response(operation);
        operation.empty_response(
            StatusCode::NO_CONTENT,
            "If the login began at `/login/cookie`: `Set-Cookie` holds the session's cookie, and another one if the \
                browser is remembered",
        );
    }
}

pub(crate) async fn finish_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<SecondFactor>,
) -> Result<LogInFinished, FactorFailed> {
    let finished = gate::finish(&app, &body.mfa_token, &body.code, body.remember, &client).await?;
    Ok(LogInFinished::of(&app, finished.logged_in, finished.device.as_ref()).await?)
}

pub(crate) async fn ask_for_passkey_at_log_in(
    _: Public,
    State(app): State<App>,
    Json(body): Json<MfaToken>,
) -> Result<Json<RequestOptions>, PasskeyFactorFailed> {
    Ok(Json(gate::ask_for_passkey(&app, &body.mfa_token).await?))
}

/// A passkey as the second factor of a login.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyFactor {
    /// As the login returned it.
    #[schemars(length(max = 256))]
    mfa_token: String,
    /// The credential that the authenticator signed.
    credential: AssertionResponse,
}

pub(crate) async fn finish_log_in_by_passkey(
    _: Public,
    State(app): State<App>,
    client: Client,
    Json(body): Json<PasskeyFactor>,
) -> Result<LogInFinished, PasskeyFactorFailed> {
    let presented = body.credential.decode().map_err(|_| Error::PasskeyRejected)?;
    let logged_in = gate::finish_by_passkey(&app, &body.mfa_token, &presented, &client).await?;
    Ok(LogInFinished::of(&app, logged_in, None).await?)
}

pub(crate) async fn enrol_at_log_in(
    _: Public,
    State(app): State<App>,
    Json(body): Json<MfaToken>,
) -> Result<Json<KeyView>, FactorFailed> {
    Ok(Json(gate::enrol_first(&app, &body.mfa_token).await?.into()))
}

pub(crate) async fn read_factors(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<FactorsView>, Failed<(Unavailable,)>> {
    let principal = caller(&guard);
    let overview = super::overview(&app, principal.account, principal.role).await?;
    let totp = overview.totp_since.map(Timestamp::to_rfc3339).map(|created_at| TotpView { created_at });
    let recovery_codes_left = overview.recovery_codes_left;
    Ok(Json(FactorsView { totp, recovery_codes_left, required: overview.is_required }))
}

pub(crate) async fn add_totp(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<KeyView>, Failed<(Stale, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Json(super::begin_enrolment(&app, fresh).await?.into()))
}

pub(crate) async fn confirm_totp(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<FirstCode>,
) -> Result<Json<CodesView>, Failed<(Stale, NotFound, Unprocessable, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Json(super::confirm_enrolment(&app, fresh, &body.code, &client).await?.into()))
}

pub(crate) async fn remove_totp(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(Stale, Forbidden, NotFound, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    super::remove(&app, fresh, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn make_recovery_codes(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<Json<CodesView>, Failed<(Stale, NotFound, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Json(super::renew_codes(&app, fresh, &client).await?.into()))
}

/// A browser that is not asked for the second factor.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RememberedDevice")]
pub(crate) struct DeviceView {
    /// Its ID.
    id: String,
    /// The device, as it described itself when the second factor was used in it. It is not proof.
    name: String,
    /// When the second factor was used in it.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When somebody last logged in with it; `null` if nobody has.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    /// When it is asked for the second factor again.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// Whether this request comes from it.
    is_current: bool,
}

impl DeviceView {
    fn of(device: Device, client: &Client) -> Self {
        Self {
            is_current: device.is(client),
            id: device.id.to_string(),
            name: device.name,
            created_at: device.created_at.to_rfc3339(),
            last_used_at: device.last_used_at.map(Timestamp::to_rfc3339),
            expires_at: device.expires_at.to_rfc3339(),
        }
    }
}

pub(crate) async fn list_remembered_devices(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<Json<Vec<DeviceView>>, Failed<(Unavailable,)>> {
    let devices = remembered::list(&app, caller(&guard).account).await?;
    Ok(Json(devices.into_iter().map(|device| DeviceView::of(device, &client)).collect()))
}

pub(crate) async fn forget_remembered_device(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    let id = DeviceId::parse(&id).ok_or(Error::NotFound)?;
    remembered::forget(&app, caller(&guard), id, &client).await?;
    Ok(NoContent)
}
