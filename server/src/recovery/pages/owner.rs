//! What a logged-in owner changes: the password, the email address, and whether it is verified.

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
    invalid::{Fault, Invalid},
    pages::{Done, Faults, PageResult, View, with_cookie},
    paths, recovery,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "recovery/password.html")]
struct PasswordPage<'a> {
    v: &'a View,
    faults: Faults,
    email: Email,
    has_password: bool,
    min_length: usize,
}

async fn password_page<'a>(
    app: &App,
    v: &'a View,
    guard: &Guard<SessionCookies>,
    faults: Faults,
) -> Result<PasswordPage<'a>, Error> {
    let email = accounts::by_id(app, guard.principal().account).await?.email;
    let account = guard.principal().account;
    let has_password = accounts::has_password(app.db().read().await?.conn(), account).await?;
    Ok(PasswordPage { v, faults, email, has_password, min_length: app.config().password_min_length })
}

/// Two passwords.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
}

pub(crate) async fn show_password(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    Ok(v.show(StatusCode::OK, &password_page(&app, &v, &guard, Faults::none()).await?)?)
}

pub(crate) async fn change_password(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasswordForm>,
) -> PageResult {
    let PasswordForm { current_password, password } = &form;
    let change = async {
        match (current_password.is_empty(), password.is_empty()) {
            (true, true) => Err(missing("current_password").and(missing("password")).into()),
            (true, false) => Err(missing("current_password").into()),
            _ => {
                recovery::change_password(&app, *guard.principal(), current_password, password, &client).await
            }
        }
    };
    let page = async |faults| password_page(&app, &v, &guard, faults).await;
    let logged_in = v.form(&["current_password", "password"], change, page).await?;
    Ok(with_cookie(v.go_done(paths::ACCOUNT, Done::PasswordChanged), &logged_in)?)
}

fn missing(field: &'static str) -> Invalid {
    Invalid::field(field, Fault::Missing)
}

#[derive(Template)]
#[template(path = "recovery/email.html")]
struct EmailPage<'a> {
    v: &'a View,
    faults: Faults,
    current: Email,
    email: &'a str,
}

pub(crate) async fn show_email(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    v.fresh(*guard.principal(), paths::EMAIL)?;
    let current = accounts::by_id(&app, guard.principal().account).await?.email;
    let email = &v.kept(Some(*guard.principal()));
    Ok(v.show(StatusCode::OK, &EmailPage { v: &v, faults: Faults::none(), current, email })?)
}

/// The typed address survives the login that may be required first.
pub(crate) async fn request_email_change(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> PageResult {
    let principal = *guard.principal();
    let fresh = v.fresh(principal, &v.keeping(paths::EMAIL, Some(principal), &form.email))?;
    let request = async { recovery::request_email_change(&app, fresh, &form.email()?, &client).await };
    let page = async |faults| {
        let current = accounts::by_id(&app, guard.principal().account).await?.email;
        Ok(EmailPage { v: &v, faults, current, email: &form.email })
    };
    v.form(&["email"], request, page).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::EmailRequested))
}

pub(crate) async fn cancel_email_change(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    recovery::cancel_email_change(&app, *guard.principal(), &client).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::EmailCancelled))
}

pub(crate) async fn request_verification(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    recovery::request_verification(&app, *guard.principal(), &client).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::VerificationSent))
}
