//! The pages of the login, and of confirming one's identity once more.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    access::{Principal, ScopeAsked},
    accounts::{self, Email},
    app::App,
    caller::Visitor,
    client::Client,
    config::SignUp,
    error::Error,
    factors,
    invalid::{Fault, Invalid},
    pages::{ARRIVED, Faults, PageResult, View, WayBack},
    passwords::Password,
    sessions::{Beginning, LoggedIn, SessionCookies, Transport},
};

/// What the form of the log-in says. Its lengths are the rooms' business: what is too long gets the form again.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct LogInForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login/log_in.html")]
struct LogInPage<'a> {
    v: &'a View,
    faults: Faults,
    email: String,
    next: WayBack,
    by_mail: bool,
    may_sign_up: bool,
}

impl<'a> LogInPage<'a> {
    fn new(v: &'a View, app: &App, faults: Faults, email: &str, next: WayBack) -> Self {
        let config = app.config();
        let may_sign_up = config.sign_up != SignUp::Closed;
        Self { v, faults, email: email.to_owned(), next, by_mail: config.log_in_by_mail, may_sign_up }
    }
}

pub(crate) async fn show_log_in(visitor: Visitor, State(app): State<App>, v: View) -> PageResult {
    if visitor.0.is_some() {
        return Ok(v.way_back().go());
    }
    let faults = if v.query(ARRIVED).is_some() {
        Faults::whole_form(&v, "page.fault.no_cookie")
    } else {
        Faults::none()
    };
    Ok(v.show(StatusCode::OK, &LogInPage::new(&v, &app, faults, &v.kept(None), v.way_back()))?)
}

pub(crate) async fn log_in(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<LogInForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let log_in = async { log_in_browser(&app, &form.email()?, &form.password, before, &client).await };
    let page = async |faults| Ok(LogInPage::new(&v, &app, faults, &form.email, next.clone()));
    let logged_in = v.form(&["email", "password"], log_in, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

#[derive(Template)]
#[template(path = "login/confirm.html")]
struct ConfirmPage<'a> {
    v: &'a View,
    faults: Faults,
    email: Email,
    next: WayBack,
}

/// The form of the re-authentication.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn show_confirm(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    let email = accounts::by_id(&app, guard.principal().account).await?.email;
    Ok(v.show(StatusCode::OK, &ConfirmPage { v: &v, faults: Faults::none(), email, next: v.way_back() })?)
}

/// Begins another session and ends this one, so that what knew its cookie before knows nothing (ASVS 7.2.4).
pub(crate) async fn confirm(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ConfirmForm>,
) -> PageResult {
    let before = *guard.principal();
    let email = accounts::by_id(&app, before.account).await?.email;
    let next = WayBack::of(&app, Some(&form.next));
    let log_in = async {
        log_in_browser(&app, &email, &form.password, Some(before), &client).await.map_err(|error| match error
        {
            // The person is known; it can only be the password.
            Error::WrongCredentials => Invalid::field("password", Fault::WrongPassword).into(),
            error => error,
        })
    };
    let page = async |faults| Ok(ConfirmPage { v: &v, faults, email: email.clone(), next: next.clone() });
    let logged_in = v.form(&["password"], log_in, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

/// The login of a browser. It ends the session that the browser had before.
pub(crate) async fn log_in_browser(
    app: &App,
    email: &Email,
    password: &str,
    before: Option<Principal>,
    client: &Client,
) -> Result<LoggedIn, Error> {
    if password.is_empty() {
        return Err(missing("password").into());
    }
    let password = Password::parse(password).map_err(|fault| Invalid::field("password", fault))?;
    let beginning = Beginning {
        scope: &ScopeAsked::parse("", app.scopes())?,
        transport: Transport::Cookie,
        before,
        client,
    };
    super::attempt(app, email, password, &beginning).await
}

fn missing(field: &'static str) -> Invalid {
    Invalid::field(field, Fault::Missing)
}

impl LogInForm {
    /// The address; of a form with nothing in it, both fields are named.
    fn email(&self) -> Result<Email, Invalid> {
        match (self.email.is_empty(), self.password.is_empty()) {
            (true, true) => Err(missing("email").and(missing("password"))),
            (true, false) => Err(missing("email")),
            (false, _) => Email::of_field(&self.email, "email"),
        }
    }
}
