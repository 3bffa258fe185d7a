//! The pages of login and of re-authentication.

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::passkey;
use crate::{
    access::{Principal, ScopeAsked},
    accounts::{self, Email},
    app::App,
    caller::Visitor,
    client::Client,
    config::SignUp,
    error::Error,
    factors, identities,
    invalid::{Fault, Invalid},
    pages::{ARRIVED, Faults, NotShown, PageResult, View, WayBack},
    passkeys::{AssertionResponse, Browser, KnownBrowser, Presented, pages::options_text},
    passwords::Password,
    paths, recovery,
    sessions::{Beginning, LoggedIn, SessionCookies, Transport},
};

/// The fields of the login form. The rooms check their lengths: if a value is too long, the form is shown again.
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
    /// For the script; empty where passkeys do not work.
    passkey: String,
}

impl<'a> LogInPage<'a> {
    fn new(v: &'a View, app: &App, faults: Faults, email: &str, next: WayBack, passkey: String) -> Self {
        let config = app.config();
        let may_sign_up = config.sign_up != SignUp::Closed;
        Self {
            v,
            faults,
            email: email.to_owned(),
            next,
            by_mail: config.log_in_by_mail,
            may_sign_up,
            passkey,
        }
    }
}

impl LogInPage<'_> {
    /// What the browser may offer to fill in for the email address, including passkeys where they work.
    fn complete(&self) -> &'static str {
        if self.passkey.is_empty() { "username" } else { "username webauthn" }
    }
}

/// The options of a login by passkey, for the script. If passkeys are off or no options can be created at the moment,
/// the page is shown without them: people can log in another way.
async fn passkey_options(app: &App, browser: &Browser, client: &Client) -> String {
    let options = passkey::ask(app, browser, client).await;
    options.and_then(|options| options_text(&options)).unwrap_or_else(|error| {
        error.log();
        String::new()
    })
}

/// The login page, with the cookie that its passkey challenge is tied to.
fn with_browser(app: &App, browser: &Browser, mut page: Response) -> Result<Response, Error> {
    let (name, cookie) = browser.cookie(app)?;
    page.headers_mut().append(name, cookie);
    Ok(page)
}

/// Like [`with_browser`], after a form was sent: that page is the response if the form is shown again.
fn again_with_browser(app: &App, browser: &Browser, answer: PageResult) -> PageResult {
    match answer {
        Err(NotShown::Instead(page)) => Err(NotShown::Instead(Box::new(with_browser(app, browser, *page)?))),
        answer => answer,
    }
}

pub(crate) async fn show_log_in(
    visitor: Visitor,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    if visitor.0.is_some() {
        return Ok(v.way_back().go());
    }
    let faults = if v.query(ARRIVED).is_some() {
        Faults::whole_form(&v, "page.fault.no_cookie")
    } else {
        Faults::none()
    };
    let browser = Browser::or_new(known);
    let passkey = passkey_options(&app, &browser, &client).await;
    let page = LogInPage::new(&v, &app, faults, &v.kept(None), v.way_back(), passkey);
    Ok(with_browser(&app, &browser, v.show(StatusCode::OK, &page)?)?)
}

pub(crate) async fn log_in(
    Visitor(before): Visitor,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<LogInForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let log_in = async { log_in_browser(&app, &form.email()?, &form.password, before, &client).await };
    let browser = Browser::or_new(known);
    let page = async |faults| {
        let passkey = passkey_options(&app, &browser, &client).await;
        Ok(LogInPage::new(&v, &app, faults, &form.email, next.clone(), passkey))
    };
    let logged_in = v.form(&["email", "password"], log_in, page).await;
    let page = factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await;
    again_with_browser(&app, &browser, page)
}

/// A passkey sent in place of a form.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasskeyForm {
    /// The credential that the script read from the browser, in JSON.
    #[serde(default)]
    credential: String,
    #[serde(default)]
    next: String,
}

impl PasskeyForm {
    fn presented(&self) -> Result<Presented, Error> {
        AssertionResponse::decode_text(&self.credential).map_err(|_| Error::PasskeyRejected)
    }
}

pub(crate) async fn log_in_by_passkey(
    Visitor(before): Visitor,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasskeyForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    let browser = Browser::or_new(known);
    let log_in = async {
        let scope = &ScopeAsked::parse("", app.scopes())?;
        let beginning = Beginning { scope, transport: Transport::Cookie, before, client: &client };
        passkey::log_in(&app, &form.presented()?, &browser, &beginning).await
    };
    let page = async |faults| {
        let passkey = passkey_options(&app, &browser, &client).await;
        Ok(LogInPage::new(&v, &app, faults, "", next.clone(), passkey))
    };
    let logged_in = v.form(&[], log_in, page).await;
    let page = factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await;
    again_with_browser(&app, &browser, page)
}

/// The page that a passkey was sent to, requested by GET.
pub(crate) async fn go_to_log_in(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::LOG_IN))
}

#[derive(Template)]
#[template(path = "login/confirm.html")]
struct ConfirmPage<'a> {
    v: &'a View,
    faults: Faults,
    email: Email,
    next: WayBack,
    has_password: bool,
    /// For an account without a password: a code was emailed.
    was_sent: bool,
    /// For the script; empty if the account has no passkey.
    passkey: String,
    /// The linked providers that can prove a new login: name and label.
    providers: Vec<(String, String)>,
}

async fn confirm_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    faults: Faults,
    next: WayBack,
    was_sent: bool,
) -> Result<ConfirmPage<'a>, Error> {
    let email = accounts::by_id(app, principal.account).await?.email;
    let has_password = accounts::has_password(app.db().read().await?.conn(), principal.account).await?;
    let passkey = match passkey::ask_to_confirm(app, principal).await {
        Ok(options) => options_text(&options)?,
        Err(Error::NotFound | Error::PasskeysOff) => String::new(),
        Err(error) => return Err(error),
    };
    let linked = identities::list(app, principal.account).await?;
    let providers = app.providers().iter().filter(|provider| {
        provider.asks_again() && linked.iter().any(|identity| identity.provider == provider.name())
    });
    let providers =
        providers.map(|provider| (provider.name().to_owned(), provider.label().to_owned())).collect();
    Ok(ConfirmPage { v, faults, email, next, has_password, was_sent, passkey, providers })
}

/// The re-authentication form.
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
    let page = confirm_page(&app, &v, *guard.principal(), Faults::none(), v.way_back(), false).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// Begins another session and revokes this one, so that its old cookie becomes useless (ASVS 7.2.4).
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
            // The person is known, so only the password can be wrong.
            Error::WrongCredentials => Invalid::field("password", Fault::WrongPassword).into(),
            error => error,
        })
    };
    let page = async |faults| confirm_page(&app, &v, before, faults, next.clone(), false).await;
    let logged_in = v.form(&["password"], log_in, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

/// The re-authentication form of an account without a password.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ConfirmCodeForm {
    #[serde(default)]
    code: String,
    /// If not empty: send a code first.
    #[serde(default)]
    send: String,
    #[serde(default)]
    next: String,
}

/// The page that a form is sent to, requested by GET.
pub(crate) async fn go_to_confirm(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::CONFIRM))
}

/// Like [`confirm`], with an emailed code, for an account without a password.
pub(crate) async fn confirm_by_code(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ConfirmCodeForm>,
) -> PageResult {
    let before = *guard.principal();
    let next = WayBack::of(&app, Some(&form.next));
    if !form.send.is_empty() {
        recovery::request_confirmation(&app, before, &client).await?;
        let page = confirm_page(&app, &v, before, Faults::none(), next, true).await?;
        return Ok(v.show(StatusCode::OK, &page)?);
    }
    let confirm = async {
        let scope = &ScopeAsked::parse("", app.scopes())?;
        let beginning =
            Beginning { scope, transport: Transport::Cookie, before: Some(before), client: &client };
        recovery::confirm_by_code(&app, before, &form.code, &beginning).await.map_err(|error| match error {
            Error::DeadLink => Invalid::field("code", Fault::WrongCode).into(),
            error => error,
        })
    };
    let page = async |faults| confirm_page(&app, &v, before, faults, next.clone(), true).await;
    let logged_in = v.form(&["code"], confirm, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

/// Like [`confirm`], with a passkey of the account.
pub(crate) async fn confirm_by_passkey(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasskeyForm>,
) -> PageResult {
    let before = *guard.principal();
    let next = WayBack::of(&app, Some(&form.next));
    let log_in = async {
        let scope = &ScopeAsked::parse("", app.scopes())?;
        let beginning =
            Beginning { scope, transport: Transport::Cookie, before: Some(before), client: &client };
        passkey::confirm(&app, &form.presented()?, before, &beginning).await
    };
    let page = async |faults| confirm_page(&app, &v, before, faults, next.clone(), false).await;
    let logged_in = v.form(&[], log_in, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &next).await
}

/// A browser login. It revokes the session that the browser had before.
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
    /// The error is shown at the address; if the whole form is empty, at both fields.
    fn email(&self) -> Result<Email, Invalid> {
        match (self.email.is_empty(), self.password.is_empty()) {
            (true, true) => Err(missing("email").and(missing("password"))),
            (true, false) => Err(missing("email")),
            (false, _) => Email::of_field(&self.email, "email"),
        }
    }
}
