//! The pages of the second factor: the second step of a login, and what its owner does about it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis::{Form, Guard, InvalidInput, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Overview,
    codes::RecoveryCodes,
    enrolment::{self, Enrolment},
    gate::{self, Step},
};
use crate::{
    access::{Fresh, Principal},
    app::App,
    client::Client,
    error::{Error, FactorAsked},
    pages::{Answer, Faults, Refused, View, WayBack, arrive},
    sessions::SessionCookies,
};

/// The page about the second factor.
const PAGE: &str = "/account/second-factor";
/// The second step of the login.
const LOG_IN: &str = "/account/log-in/factor";

/// Asks for a code, to end a login.
#[derive(Template)]
#[template(path = "factors/ask.html")]
struct AskPage<'a> {
    v: &'a View,
    faults: Faults,
    token: &'a str,
    next: &'a WayBack,
}

/// Shows a key, and asks for its first code: at a login, or in a session.
#[derive(Template)]
#[template(path = "factors/enrol.html")]
struct EnrolPage<'a> {
    v: &'a View,
    faults: Faults,
    enrolment: Enrolment,
    /// Where the form goes.
    action: &'static str,
    /// Empty in a session.
    token: &'a str,
    next: &'a str,
}

/// The page that a login goes on with whose first factor was right.
pub(crate) async fn ask(app: &App, v: &View, asked: &FactorAsked, next: &WayBack) -> Answer {
    show_step(app, v, asked.token.expose(), next, Faults::none()).await
}

async fn show_step(app: &App, v: &View, token: &str, next: &WayBack, faults: Faults) -> Answer {
    match gate::step_of(app, token).await? {
        Step::Code => {
            let page = AskPage { v, faults, token, next };
            page.faults.show(v, &page)
        }
        Step::Enrol(enrolment) => {
            let next = next.as_str();
            let page = EnrolPage { v, faults, enrolment, action: LOG_IN, token, next };
            page.faults.show(v, &page)
        }
    }
}

/// The second factor of a login.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FactorForm {
    #[serde(default)]
    mfa_token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn finish_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<FactorForm>,
) -> Answer {
    let next = WayBack::of(&app, Some(&form.next));
    match gate::finish(&app, &form.mfa_token, &form.code, &client).await {
        // Its recovery codes are still to be made.
        Ok(finished) if finished.has_enrolled => {
            Ok(arrive(&v, finished.logged_in, &WayBack::of(&app, Some(&v.to(PAGE))))?)
        }
        Ok(finished) => Ok(arrive(&v, finished.logged_in, &next)?),
        Err(Error::DeadLogin) => Ok(expired(&v)),
        Err(error) => {
            let faults = Faults::of(&v, of_field(error), &["code"])?;
            match show_step(&app, &v, &form.mfa_token, &next, faults).await {
                // That was the last try.
                Err(Refused::Error(Error::DeadLogin)) => Ok(expired(&v)),
                answer => answer,
            }
        }
    }
}

fn expired(v: &View) -> Response {
    v.go("/account/log-in?done=login-expired")
}

/// A wrong code as a fault of the field that it was typed into.
fn of_field(error: Error) -> Error {
    match error {
        Error::WrongCode => InvalidInput::field(["body", "code"], "value_error", "The code is wrong").into(),
        error => error,
    }
}

/// The page that a form of the login was sent to, asked for again: its login cannot go on.
pub(crate) async fn show_log_in(_: Public, v: View) -> Answer {
    Ok(v.go("/account/log-in"))
}

/// The state of the second factor, and what can be done about it.
#[derive(Template)]
#[template(path = "factors/factors.html")]
struct FactorsPage<'a> {
    v: &'a View,
    faults: Faults,
    overview: Overview,
}

async fn factors_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    faults: Faults,
) -> Result<FactorsPage<'a>, Error> {
    let overview = super::overview(app, principal.account, principal.role).await?;
    Ok(FactorsPage { v, faults, overview })
}

pub(crate) async fn show_factors(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    Ok(v.show(StatusCode::OK, &factors_page(&app, &v, *guard.principal(), Faults::none()).await?)?)
}

/// The pages that forms answer with, asked for again.
pub(crate) async fn go_to_factors(_: Public, v: View) -> Answer {
    Ok(v.go(PAGE))
}

pub(crate) async fn add_totp(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    let fresh = v.fresh(*guard.principal(), PAGE)?;
    let enrolment = super::begin_enrolment(&app, fresh).await?;
    show_key(&v, enrolment, Faults::none())
}

fn show_key(v: &View, enrolment: Enrolment, faults: Faults) -> Answer {
    let action = "/account/second-factor/confirm";
    let page = EnrolPage { v, faults, enrolment, action, token: "", next: "" };
    page.faults.show(v, &page)
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
) -> Answer {
    let fresh = v.fresh(*guard.principal(), PAGE)?;
    match super::confirm_enrolment(&app, fresh, &form.code, &client).await {
        Ok(codes) => show_codes(&v, codes),
        // The key was shown too long ago, or in another session.
        Err(Error::NotFound) => Ok(v.go(PAGE)),
        Err(error) => {
            let faults = Faults::of(&v, error, &["code"])?;
            show_key(&v, enrolment::shown(&app, fresh).await?, faults)
        }
    }
}

#[derive(Template)]
#[template(path = "factors/codes.html")]
struct CodesPage<'a> {
    v: &'a View,
    codes: RecoveryCodes,
}

fn show_codes(v: &View, codes: RecoveryCodes) -> Answer {
    Ok(v.show(StatusCode::OK, &CodesPage { v, codes })?)
}

pub(crate) async fn make_codes(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let fresh: Fresh = v.fresh(*guard.principal(), PAGE)?;
    show_codes(&v, super::renew_codes(&app, fresh, &client).await?)
}

pub(crate) async fn remove_totp(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), PAGE)?;
    match super::remove(&app, fresh, &client).await {
        // Somebody was faster.
        Ok(()) | Err(Error::NotFound) => Ok(v.go(&format!("{PAGE}?done=factor-removed"))),
        Err(error) => {
            let faults = Faults::of(&v, error, &[])?;
            let page = factors_page(&app, &v, *guard.principal(), faults).await?;
            page.faults.show(&v, &page)
        }
    }
}
