//! What a logged-in owner changes: password, address of mail, and whether that is confirmed.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::AddressForm;
use crate::{
    accounts::{self, Email},
    app::App,
    client::Client,
    error::Error,
    pages::{Answer, Faults, View, with_cookie},
    recovery,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "recovery/password.html")]
struct PasswordPage<'a> {
    v: &'a View,
    faults: Faults,
    email: Email,
    min_length: usize,
}

async fn password_page<'a>(
    app: &App,
    v: &'a View,
    guard: &Guard<SessionCookies>,
    faults: Faults,
) -> Result<PasswordPage<'a>, Error> {
    let email = accounts::by_id(app, guard.principal().account).await?.email;
    Ok(PasswordPage { v, faults, email, min_length: app.config().password_min_length })
}

/// Two passwords.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
}

pub(crate) async fn show_password(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    Ok(v.show(StatusCode::OK, &password_page(&app, &v, &guard, Faults::none()).await?)?)
}

pub(crate) async fn change_password(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasswordForm>,
) -> Answer {
    let PasswordForm { current_password, password } = &form;
    match recovery::change_password(&app, *guard.principal(), current_password, password, &client).await {
        Ok(logged_in) => Ok(with_cookie(v.go("/account?done=password"), logged_in)?),
        Err(error) => {
            let faults = Faults::of(&v, error, &["current_password", "password"])?;
            let page = password_page(&app, &v, &guard, faults).await?;
            page.faults.show(&v, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "recovery/email.html")]
struct EmailPage<'a> {
    v: &'a View,
    faults: Faults,
    current: Email,
    email: &'a str,
}

const EMAIL: &str = "/account/email";

pub(crate) async fn show_email(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    v.fresh(*guard.principal(), EMAIL)?;
    let current = accounts::by_id(&app, guard.principal().account).await?.email;
    Ok(v.show(StatusCode::OK, &EmailPage { v: &v, faults: Faults::none(), current, email: "" })?)
}

pub(crate) async fn request_email_change(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), EMAIL)?;
    let asked = async { recovery::request_email_change(&app, fresh, &form.email()?, &client).await };
    match asked.await {
        Ok(()) => Ok(v.go("/account?done=email-requested")),
        Err(error) => {
            let current = accounts::by_id(&app, guard.principal().account).await?.email;
            let faults = Faults::of(&v, error, &["email"])?;
            let page = EmailPage { v: &v, faults, current, email: &form.email };
            page.faults.show(&v, &page)
        }
    }
}

pub(crate) async fn request_verification(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    recovery::request_verification(&app, *guard.principal(), &client).await?;
    Ok(v.go("/account?done=verification-sent"))
}
