//! The sign-up page.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::Form;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SignedUp, SigningUp};
use crate::{
    access::Principal,
    app::App,
    caller::Visitor,
    client::Client,
    config::SignUp,
    error::Error,
    factors,
    login::pages as login,
    pages::{Faults, PageResult, View, WayBack},
    paths,
    sessions::LoggedIn,
};

/// The fields of the sign-up form.
#[derive(Deserialize, JsonSchema, Default)]
pub(crate) struct SignUpForm {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_up/sign_up.html")]
struct SignUpPage<'a> {
    v: &'a View,
    faults: Faults,
    form: &'a SignUpForm,
    next: WayBack,
    min_length: usize,
}

impl<'a> SignUpPage<'a> {
    fn new(v: &'a View, app: &App, faults: Faults, form: &'a SignUpForm, next: WayBack) -> Self {
        Self { v, faults, form, next, min_length: app.config().password_min_length }
    }
}

pub(crate) async fn show_sign_up(visitor: Visitor, State(app): State<App>, v: View) -> PageResult {
    if visitor.0.is_some() {
        return Ok(v.way_back().go());
    }
    if app.config().sign_up == SignUp::Closed {
        return Err(Error::SignUpClosed.into());
    }
    let form = SignUpForm { email: v.kept(None), ..SignUpForm::default() };
    Ok(v.show(StatusCode::OK, &SignUpPage::new(&v, &app, Faults::none(), &form, v.way_back()))?)
}

pub(crate) async fn sign_up(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<SignUpForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let sign_up = sign_up_and_log_in(&app, &v, &form, before, &client);
    let page = async |faults| Ok(SignUpPage::new(&v, &app, faults, &form, next.clone()));
    let logged_in = match v.form(&["full_name", "email", "password"], sign_up, page).await {
        Ok(Some(logged_in)) => Ok(logged_in),
        Ok(None) => return Ok(v.go(&v.keeping(paths::CHECK_MAIL, None, &form.email))),
        Err(not_shown) => Err(not_shown),
    };
    // Without another destination, the page welcomes the person and mentions the email on its way.
    let next = if next.is_default(&app) { WayBack::welcome(&app) } else { next };
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

/// Signs up and logs in the new account. `None` if the operator requires a verified address first.
async fn sign_up_and_log_in(
    app: &App,
    v: &View,
    form: &SignUpForm,
    before: Option<Principal>,
    client: &Client,
) -> Result<Option<LoggedIn>, Error> {
    let (email, full_name, password) = (&form.email, &form.full_name, &form.password);
    let typed = SigningUp { email, full_name, password, language: v.language };
    let SignedUp::Made(account) = super::sign_up(app, &typed, client).await? else { return Ok(None) };
    match login::log_in_browser(app, &account.email, password, before, client).await {
        Ok(logged_in) => Ok(Some(logged_in)),
        Err(Error::EmailUnverified) => Ok(None),
        Err(error) => Err(error),
    }
}
