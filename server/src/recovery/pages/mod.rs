//! The pages that emailed links lead to, and those that request such links.
//!
//! Opening a link does not use it: the page has a single button, and its form sends the token in the body, so that no
//! later address contains it.

mod owner;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis::{Form, Public};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::owner::{
    cancel_email_change, change_password, request_email_change, request_verification, show_email,
    show_password,
};
use super::{Peeked, Purpose};
use crate::{
    access::{Principal, ScopeAsked},
    accounts::{self, Email},
    app::App,
    caller::Visitor,
    client::Client,
    error::Error,
    factors,
    invalid::{Fault, Invalid},
    pages::{Done, Faults, NotShown, PageResult, View, WayBack},
    paths,
    sessions::{Beginning, Transport, cleared},
};

#[derive(Template)]
#[template(path = "recovery/check_mail.html")]
struct CheckMailPage<'a> {
    v: &'a View,
    /// As typed on the page before.
    email: String,
    /// After a request to reset the password, rather than a sign-up.
    is_reset: bool,
}

pub(crate) async fn show_check_mail(_: Public, v: View) -> PageResult {
    Ok(v.show(
        StatusCode::OK,
        &CheckMailPage { v: &v, email: v.kept(None), is_reset: v.query("for") == Some("reset") },
    )?)
}

/// A page that asks for the address to send an email to.
#[derive(Template)]
#[template(path = "recovery/ask_mail.html")]
struct AskMailPage<'a> {
    v: &'a View,
    faults: Faults,
    email: &'a str,
    is_log_in: bool,
}

/// An email address.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddressForm {
    #[serde(default)]
    email: String,
}

impl AddressForm {
    fn email(&self) -> Result<Email, Error> {
        if self.email.is_empty() {
            return Err(Invalid::field("email", Fault::Missing).into());
        }
        Ok(Email::of_field(&self.email, "email")?)
    }
}

pub(crate) async fn show_forgotten(_: Public, v: View) -> PageResult {
    let page = AskMailPage { v: &v, faults: Faults::none(), email: "", is_log_in: false };
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn request_reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> PageResult {
    let request = async { super::request_reset(&app, &form.email()?, &client).await };
    let page = async |faults| Ok(AskMailPage { v: &v, faults, email: &form.email, is_log_in: false });
    v.form(&["email"], request, page).await?;
    Ok(v.go(&format!("{}&for=reset", v.keeping(paths::CHECK_MAIL, None, &form.email))))
}

pub(crate) async fn show_log_in_by_mail(_: Public, State(app): State<App>, v: View) -> PageResult {
    check_is_on(&app)?;
    let page = AskMailPage { v: &v, faults: Faults::none(), email: "", is_log_in: true };
    Ok(v.show(StatusCode::OK, &page)?)
}

/// Responds with the page that takes the code. A redirect would have to carry the email address in its URL, which is
/// kept in histories and logs.
pub(crate) async fn request_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> PageResult {
    let request = async { super::request_log_in(&app, &form.email()?, &client).await };
    let page = async |faults| Ok(AskMailPage { v: &v, faults, email: &form.email, is_log_in: true });
    v.form(&["email"], request, page).await?;
    Ok(v.show(StatusCode::OK, &CodePage::new(&v, &form.email, true))?)
}

fn check_is_on(app: &App) -> Result<(), Error> {
    if app.config().log_in_by_mail { Ok(()) } else { Err(Error::NotFound) }
}

#[derive(Template)]
#[template(path = "recovery/code.html")]
struct CodePage<'a> {
    v: &'a View,
    faults: Faults,
    email: &'a str,
    was_sent: bool,
}

impl<'a> CodePage<'a> {
    fn new(v: &'a View, email: &'a str, was_sent: bool) -> Self {
        Self { v, faults: Faults::none(), email, was_sent }
    }
}

/// An emailed code.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CodeForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    code: String,
}

pub(crate) async fn show_code(_: Public, State(app): State<App>, v: View) -> PageResult {
    check_is_on(&app)?;
    Ok(v.show(StatusCode::OK, &CodePage::new(&v, "", false))?)
}

pub(crate) async fn log_in_by_code(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<CodeForm>,
) -> PageResult {
    let log_in = async {
        let email = Email::of_field(&form.email, "email")?;
        let beginning = Beginning {
            scope: &ScopeAsked::parse("", app.scopes())?,
            transport: Transport::Cookie,
            before,
            client: &client,
        };
        super::log_in_by_code(&app, &email, &form.code, &beginning).await.map_err(|error| match error {
            Error::DeadLink => Invalid::field("code", Fault::WrongCode).into(),
            error => error,
        })
    };
    let page = async |faults| Ok(CodePage { faults, ..CodePage::new(&v, &form.email, false) });
    let logged_in = v.form(&["email", "code"], log_in, page).await;
    factors::pages::arrive_or_ask(&app, &v, logged_in, &WayBack::of(&app, None)).await
}

/// The purpose of a link, and the texts of its page.
#[derive(Debug, Clone, Copy)]
struct Kind {
    purpose: Purpose,
    path: &'static str,
    /// The page that sends another link if this one is dead; if there is none, the account page.
    again: &'static str,
    title: &'static str,
    /// With a placeholder for the email address.
    text: &'static str,
    button: &'static str,
}

const VERIFY: Kind = Kind {
    purpose: Purpose::VerifyEmail,
    path: paths::VERIFY,
    again: paths::VERIFICATION,
    title: "page.verify.title",
    text: "page.verify.text",
    button: "page.verify.button",
};
const CONFIRM_EMAIL: Kind = Kind {
    purpose: Purpose::ConfirmEmail,
    path: paths::CONFIRM_EMAIL,
    again: paths::EMAIL,
    title: "page.confirm_email.title",
    text: "page.confirm_email.text",
    button: "page.confirm_email.button",
};
const UNDO_EMAIL: Kind = Kind {
    purpose: Purpose::UndoEmail,
    path: paths::UNDO_EMAIL,
    again: paths::ACCOUNT,
    title: "page.undo_email.title",
    text: "page.undo_email.text",
    button: "page.undo_email.button",
};
const LOG_IN: Kind = Kind {
    purpose: Purpose::LogIn,
    path: paths::LOG_IN_BY_LINK,
    again: paths::LOG_IN_BY_MAIL,
    title: "page.link.title",
    text: "page.link.text",
    button: "page.link.button",
};

impl Kind {
    fn dead(self, error: Error) -> NotShown {
        NotShown::of_link(error, self.again)
    }
}

/// A question and a button.
#[derive(Template)]
#[template(path = "recovery/link.html")]
struct LinkPage<'a> {
    v: &'a View,
    kind: Kind,
    token: &'a str,
    email: Email,
}

/// An emailed link's token.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TokenForm {
    #[serde(default)]
    token: String,
}

async fn show_link(app: &App, v: &View, kind: Kind, token: &str) -> PageResult {
    let peeked = super::peek(app, token, kind.purpose).await?;
    let Peeked { email } = peeked.ok_or_else(|| kind.dead(Error::DeadLink))?;
    Ok(v.show(StatusCode::OK, &LinkPage { v, kind, token, email })?)
}

/// An email scanner may have opened the link and pressed the button. A visitor who is logged in and verified is told
/// that all is well.
pub(crate) async fn show_verify(Visitor(visitor): Visitor, State(app): State<App>, v: View) -> PageResult {
    match (show_link(&app, &v, VERIFY, v.link()).await, visitor) {
        (Err(NotShown::DeadLink(_)), Some(visitor)) if is_verified(&app, visitor).await? => {
            Ok(v.go_done(paths::ACCOUNT, Done::Verified))
        }
        (answer, _) => answer,
    }
}

async fn is_verified(app: &App, visitor: Principal) -> Result<bool, Error> {
    Ok(accounts::details(app, visitor.account).await?.email_verified_at.is_some())
}

pub(crate) async fn verify(
    Visitor(visitor): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> PageResult {
    if v.is_choosing_language() {
        return show_link(&app, &v, VERIFY, &form.token).await;
    }
    let verified = super::verify_email(&app, &form.token, &client).await;
    match (verified, visitor) {
        (Ok(()), visitor) => {
            let page = if visitor.is_some() { paths::ACCOUNT } else { paths::LOG_IN };
            Ok(v.go_done(page, Done::Verified))
        }
        // The button was pressed twice.
        (Err(Error::DeadLink), Some(visitor)) if is_verified(&app, visitor).await? => {
            Ok(v.go_done(paths::ACCOUNT, Done::Verified))
        }
        (Err(error), _) => Err(VERIFY.dead(error)),
    }
}

pub(crate) async fn show_confirm_email(_: Public, State(app): State<App>, v: View) -> PageResult {
    show_link(&app, &v, CONFIRM_EMAIL, v.link()).await
}

pub(crate) async fn confirm_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> PageResult {
    if v.is_choosing_language() {
        return show_link(&app, &v, CONFIRM_EMAIL, &form.token).await;
    }
    let confirmed = super::confirm_email(&app, &form.token, &client).await;
    let email = confirmed.map_err(|error| CONFIRM_EMAIL.dead(error))?;
    Ok(logged_out(v.go_done(&v.keeping(paths::LOG_IN, None, email.as_str()), Done::EmailChanged)))
}

pub(crate) async fn show_undo_email(_: Public, State(app): State<App>, v: View) -> PageResult {
    show_link(&app, &v, UNDO_EMAIL, v.link()).await
}

/// Someone else may know the password, so the next page is the password reset.
pub(crate) async fn undo_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> PageResult {
    if v.is_choosing_language() {
        return show_link(&app, &v, UNDO_EMAIL, &form.token).await;
    }
    let undone = super::undo_email_change(&app, &form.token, &client).await;
    undone.map_err(|error| UNDO_EMAIL.dead(error))?;
    Ok(logged_out(v.go_done(paths::FORGOTTEN, Done::EmailUndone)))
}

pub(crate) async fn show_log_in_link(_: Public, State(app): State<App>, v: View) -> PageResult {
    check_is_on(&app)?;
    show_link(&app, &v, LOG_IN, v.link()).await
}

pub(crate) async fn log_in_by_link(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> PageResult {
    if v.is_choosing_language() {
        return show_link(&app, &v, LOG_IN, &form.token).await;
    }
    let beginning = Beginning {
        scope: &ScopeAsked::parse("", app.scopes())?,
        transport: Transport::Cookie,
        before,
        client: &client,
    };
    let logged_in = super::log_in_by_link(&app, &form.token, &beginning).await;
    let logged_in = logged_in.map_err(|error| LOG_IN.dead(error));
    factors::pages::arrive_or_ask(&app, &v, logged_in, &WayBack::of(&app, None)).await
}

/// Every session was revoked, so the browser's cookie is cleared.
fn logged_out(mut answer: Response) -> Response {
    let (name, value) = cleared();
    answer.headers_mut().append(name, value);
    answer
}

#[derive(Template)]
#[template(path = "recovery/reset.html")]
struct ResetPage<'a> {
    v: &'a View,
    faults: Faults,
    token: &'a str,
    email: Email,
    /// The account is new, and this is its first password.
    is_invitation: bool,
    min_length: usize,
}

/// An emailed link, and the password that it sets.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ResetForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

async fn reset_page<'a>(
    app: &App,
    v: &'a View,
    token: &'a str,
    faults: Faults,
) -> Result<ResetPage<'a>, Error> {
    let (purpose, email) = super::peek_reset(app, token).await?.ok_or(Error::DeadLink)?;
    let is_invitation = purpose == Purpose::Invitation;
    Ok(ResetPage { v, faults, token, email, is_invitation, min_length: app.config().password_min_length })
}

pub(crate) async fn show_reset(_: Public, State(app): State<App>, v: View) -> PageResult {
    show_reset_link(&app, &v, v.link()).await
}

async fn show_reset_link(app: &App, v: &View, token: &str) -> PageResult {
    let page = reset_page(app, v, token, Faults::none()).await;
    let page = page.map_err(|error| NotShown::of_link(error, paths::FORGOTTEN))?;
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ResetForm>,
) -> PageResult {
    if v.is_choosing_language() {
        return show_reset_link(&app, &v, &form.token).await;
    }
    let reset = super::reset(&app, &form.token, &form.password, &client);
    let page = async |faults| reset_page(&app, &v, &form.token, faults).await;
    match v.form(&["password"], reset, page).await {
        Ok(email) => {
            Ok(logged_out(v.go_done(&v.keeping(paths::LOG_IN, None, email.as_str()), Done::PasswordSet)))
        }
        Err(NotShown::Error(error)) => Err(NotShown::of_link(error, paths::FORGOTTEN)),
        Err(refused) => Err(refused),
    }
}
