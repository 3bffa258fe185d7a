//! The pages of the second factor: the second step of a login, and its owner's settings.

#![expect(
    clippy::ref_binding_to_reference,
    reason = "the derive of a template for an enum matches on references"
)]

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Overview,
    codes::RecoveryCodes,
    enrolment::{self, Enrolment},
    gate::{self, Step},
    remembered::{self, Device, DeviceId},
};
use crate::{
    access::Principal,
    app::App,
    client::Client,
    error::{Error, FactorAsked},
    invalid::{Fault, Invalid},
    pages::{Done, Faults, NotShown, PageResult, View, WayBack, arrive},
    passkeys::{self, AssertionResponse},
    paths,
    sessions::{LoggedIn, SessionCookies},
};

/// The pages that ask for a code.
#[derive(Template)]
enum StepPage<'a> {
    /// To complete a login.
    #[template(path = "factors/ask.html")]
    Ask {
        v: &'a View,
        faults: Faults,
        has_app: bool,
        /// The options for the script, in JSON; empty if the account has no passkey.
        passkey: String,
        /// For how many days the browser can be remembered.
        days: Option<u32>,
        token: &'a str,
        next: &'a WayBack,
    },
    /// Shows a key and asks for its first code, at a login or in a session.
    #[template(path = "factors/enrol.html")]
    Enrol {
        v: &'a View,
        faults: Faults,
        enrolment: Enrolment,
        /// Where the form is submitted.
        action: &'static str,
        /// The token of the waiting login; empty in a session.
        token: &'a str,
        next: &'a str,
    },
}

/// Redirects a browser whose login has succeeded, or shows the page that asks for its second factor.
pub(crate) async fn arrive_or_ask(
    app: &App,
    v: &View,
    logged_in: Result<LoggedIn, NotShown>,
    next: &WayBack,
) -> PageResult {
    match logged_in {
        Ok(logged_in) => Ok(arrive(v, &logged_in, next)?),
        Err(NotShown::Error(Error::FactorAsked(asked))) => ask(app, v, &asked, next).await,
        Err(not_shown) => Err(not_shown),
    }
}

async fn ask(app: &App, v: &View, asked: &FactorAsked, next: &WayBack) -> PageResult {
    let page = step_page(app, v, asked.token.expose(), next, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

async fn step_page<'a>(
    app: &App,
    v: &'a View,
    token: &'a str,
    next: &'a WayBack,
    faults: Faults,
) -> Result<StepPage<'a>, Error> {
    Ok(match gate::step_of(app, token).await? {
        Step::Show { has_app, passkey, days } => {
            let passkey =
                passkey.as_ref().map(passkeys::pages::options_text).transpose()?.unwrap_or_default();
            StepPage::Ask { v, faults, has_app, passkey, days, token, next }
        }
        Step::Enrol(enrolment) => {
            let (action, next) = (paths::LOG_IN_FACTOR, next.as_str());
            StepPage::Enrol { v, faults, enrolment, action, token, next }
        }
    })
}

/// The second factor of a login.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FactorForm {
    #[serde(default)]
    mfa_token: String,
    #[serde(default)]
    code: String,
    /// `yes` if the box is ticked.
    #[serde(default)]
    remember: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn finish_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<FactorForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let finish = async {
        let remember = form.remember == "yes";
        let finished = gate::finish(&app, &form.mfa_token, &form.code, remember, &client).await;
        finished.map_err(|error| match error {
            Error::WrongCode => Invalid::field("code", Fault::WrongCode).into(),
            error => error,
        })
    };
    let page = async |faults| step_page(&app, &v, &form.mfa_token, &next, faults).await;
    match v.form(&["code"], finish, page).await {
        // The next page offers to create its recovery codes.
        Ok(finished) if finished.has_enrolled => {
            Ok(arrive(&v, &finished.logged_in, &WayBack::of(&app, Some(&v.to(paths::FACTOR))))?)
        }
        Ok(finished) => {
            let mut page = arrive(&v, &finished.logged_in, &next)?;
            if let Some(device) = &finished.device {
                let (name, cookie) = remembered::cookie(&app, device)?;
                page.headers_mut().append(name, cookie);
            }
            Ok(page)
        }
        // The login expired, or this was its last attempt.
        Err(NotShown::Error(Error::DeadLogin)) => Ok(v.go_done(paths::LOG_IN, Done::LoginExpired)),
        Err(not_shown) => Err(not_shown),
    }
}

/// A passkey as the second factor of a login.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasskeyFactorForm {
    #[serde(default)]
    mfa_token: String,
    /// The JSON that the script got from the browser.
    #[serde(default)]
    credential: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn finish_log_in_by_passkey(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasskeyFactorForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let finish = async {
        let presented =
            AssertionResponse::decode_text(&form.credential).map_err(|_| Error::PasskeyRejected)?;
        gate::finish_by_passkey(&app, &form.mfa_token, &presented, &client).await
    };
    let page = async |faults| step_page(&app, &v, &form.mfa_token, &next, faults).await;
    match v.form(&[], finish, page).await {
        Ok(logged_in) => Ok(arrive(&v, &logged_in, &next)?),
        Err(NotShown::Error(Error::DeadLogin)) => Ok(v.go_done(paths::LOG_IN, Done::LoginExpired)),
        Err(not_shown) => Err(not_shown),
    }
}

/// Redirects a reload of a page that a form of the login returned: its login cannot go on.
pub(crate) async fn show_log_in(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::LOG_IN))
}

/// The state of the second factor, and what its owner can do.
#[derive(Template)]
#[template(path = "factors/factors.html")]
struct FactorsPage<'a> {
    v: &'a View,
    faults: Faults,
    overview: Overview,
    devices: Vec<Device>,
    client: &'a Client,
}

async fn factors_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    client: &'a Client,
    faults: Faults,
) -> Result<FactorsPage<'a>, Error> {
    let overview = super::overview(app, principal.account, principal.role).await?;
    let devices = remembered::list(app, principal.account).await?;
    Ok(FactorsPage { v, faults, overview, devices, client })
}

pub(crate) async fn show_factors(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let page = factors_page(&app, &v, *guard.principal(), &client, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// Redirects a reload of a page that a form returned.
pub(crate) async fn go_to_factors(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::FACTOR))
}

pub(crate) async fn add_totp(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::FACTOR)?;
    let enrolment = super::begin_enrolment(&app, fresh).await?;
    Ok(v.show(StatusCode::OK, &key_page(&v, enrolment, Faults::none()))?)
}

fn key_page(v: &View, enrolment: Enrolment, faults: Faults) -> StepPage<'_> {
    StepPage::Enrol { v, faults, enrolment, action: paths::CONFIRM_TOTP, token: "", next: "" }
}

/// The first code of a key.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CodeForm {
    #[serde(default)]
    code: String,
}

pub(crate) async fn confirm_totp(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<CodeForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::FACTOR)?;
    let confirm = super::confirm_enrolment(&app, fresh, &form.code, &client);
    let page = async |faults| Ok(key_page(&v, enrolment::shown(&app, fresh).await?, faults));
    match v.form(&["code"], confirm, page).await {
        Ok(codes) => show_codes(&v, codes),
        // The key has expired, or was shown in another session.
        Err(NotShown::Error(Error::NotFound)) => Ok(v.go(paths::FACTOR)),
        Err(not_shown) => Err(not_shown),
    }
}

#[derive(Template)]
#[template(path = "factors/codes.html")]
struct CodesPage<'a> {
    v: &'a View,
    codes: RecoveryCodes,
}

fn show_codes(v: &View, codes: RecoveryCodes) -> PageResult {
    Ok(v.show(StatusCode::OK, &CodesPage { v, codes })?)
}

pub(crate) async fn make_codes(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::FACTOR)?;
    show_codes(&v, super::renew_codes(&app, fresh, &client).await?)
}

pub(crate) async fn remove_totp(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::FACTOR)?;
    let remove = async {
        match super::remove(&app, fresh, &client).await {
            // It was removed meanwhile.
            Err(Error::NotFound) => Ok(()),
            removed => removed,
        }
    };
    let page = async |faults| factors_page(&app, &v, *guard.principal(), &client, faults).await;
    v.form(&[], remove, page).await?;
    Ok(v.go_done(paths::FACTOR, Done::FactorRemoved))
}

/// A remembered device to be forgotten.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DeviceForm {
    #[serde(default)]
    id: String,
}

pub(crate) async fn forget_device(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<DeviceForm>,
) -> PageResult {
    let id = DeviceId::parse(&form.id).ok_or(Error::NotFound)?;
    match remembered::forget(&app, *guard.principal(), id, &client).await {
        // Somebody was faster.
        Ok(()) | Err(Error::NotFound) => Ok(v.go_done(paths::FACTOR, Done::DeviceForgotten)),
        Err(error) => Err(error.into()),
    }
}
