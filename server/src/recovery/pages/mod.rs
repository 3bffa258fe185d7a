//! The pages that mailed links lead to, and those that ask for them.
//!
//! Opening a link uses nothing: the page has one button, and its form carries the token in its body, so that it stands
//! in no later address.

mod owner;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis::{Form, InvalidInput, Public};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::owner::{
    change_password, request_email_change, request_verification, show_email, show_password,
};
use super::Purpose;
use crate::{
    access::ScopeAsked,
    accounts::Email,
    app::App,
    caller::Visitor,
    client::Client,
    error::Error,
    factors,
    pages::{Answer, Faults, View, WayBack, arrive},
    sessions::{Beginning, Transport, cleared},
};

/// What to do next is in the mail.
pub(crate) const CHECK_MAIL: &str = "/account/check-mail";

#[derive(Template)]
#[template(path = "recovery/check_mail.html")]
struct CheckMailPage<'a> {
    v: &'a View,
}

pub(crate) async fn show_check_mail(_: Public, v: View) -> Answer {
    Ok(v.show(StatusCode::OK, &CheckMailPage { v: &v })?)
}

/// A page that asks for an address to write to.
#[derive(Template)]
#[template(path = "recovery/ask_mail.html")]
struct AskMailPage<'a> {
    v: &'a View,
    faults: Faults,
    email: &'a str,
    is_log_in: bool,
}

/// An address of mail.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddressForm {
    #[serde(default)]
    email: String,
}

impl AddressForm {
    fn email(&self) -> Result<Email, Error> {
        if self.email.is_empty() {
            return Err(InvalidInput::field(["body", "email"], "missing", "Field required").into());
        }
        Ok(Email::of_field(&self.email, "email")?)
    }
}

pub(crate) async fn show_forgotten(_: Public, v: View) -> Answer {
    let page = AskMailPage { v: &v, faults: Faults::none(), email: "", is_log_in: false };
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn request_reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> Answer {
    let asked = async { super::request_reset(&app, &form.email()?, &client).await };
    match asked.await {
        Ok(()) => Ok(v.go(CHECK_MAIL)),
        Err(error) => {
            let faults = Faults::of(&v, error, &["email"])?;
            let page = AskMailPage { v: &v, faults, email: &form.email, is_log_in: false };
            page.faults.show(&v, &page)
        }
    }
}

pub(crate) async fn show_log_in_by_mail(_: Public, State(app): State<App>, v: View) -> Answer {
    is_on(&app)?;
    let page = AskMailPage { v: &v, faults: Faults::none(), email: "", is_log_in: true };
    Ok(v.show(StatusCode::OK, &page)?)
}

/// Answers with the page that takes the code. A redirect would have to carry the address of mail in its own, where it
/// stays in histories and logs.
pub(crate) async fn request_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> Answer {
    let asked = async { super::request_log_in(&app, &form.email()?, &client).await };
    match asked.await {
        Ok(()) => Ok(v.show(StatusCode::OK, &CodePage::new(&v, &form.email, true))?),
        Err(error) => {
            let faults = Faults::of(&v, error, &["email"])?;
            let page = AskMailPage { v: &v, faults, email: &form.email, is_log_in: true };
            page.faults.show(&v, &page)
        }
    }
}

fn is_on(app: &App) -> Result<(), Error> {
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

/// A mailed code.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CodeForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    code: String,
}

pub(crate) async fn show_code(_: Public, State(app): State<App>, v: View) -> Answer {
    is_on(&app)?;
    Ok(v.show(StatusCode::OK, &CodePage::new(&v, "", false))?)
}

pub(crate) async fn log_in_by_code(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<CodeForm>,
) -> Answer {
    let asked = async {
        let email = Email::of_field(&form.email, "email")?;
        let beginning = Beginning {
            scope: &ScopeAsked::parse("")?,
            transport: Transport::Cookie,
            before,
            client: &client,
        };
        super::log_in_by_code(&app, &email, &form.code, &beginning).await
    };
    match asked.await {
        Ok(logged_in) => Ok(arrive(&v, logged_in, &WayBack::of(&app, None))?),
        Err(Error::FactorAsked(asked)) => {
            factors::pages::ask(&app, &v, &asked, &WayBack::of(&app, None)).await
        }
        Err(error) => {
            let error = match error {
                Error::DeadLink => {
                    InvalidInput::field(["body", "code"], "value_error", "The code is wrong").into()
                }
                error => error,
            };
            let faults = Faults::of(&v, error, &["email", "code"])?;
            let page = CodePage { faults, ..CodePage::new(&v, &form.email, false) };
            page.faults.show(&v, &page)
        }
    }
}

/// What a link is for, and what its page says.
#[derive(Debug, Clone, Copy)]
struct Kind {
    purpose: Purpose,
    path: &'static str,
    title: &'static str,
    /// With a place for the address of mail.
    text: &'static str,
    button: &'static str,
}

const VERIFY: Kind = Kind {
    purpose: Purpose::VerifyEmail,
    path: "/account/verify",
    title: "page.verify.title",
    text: "page.verify.text",
    button: "page.verify.button",
};
const CONFIRM_EMAIL: Kind = Kind {
    purpose: Purpose::ConfirmEmail,
    path: "/account/email/confirm",
    title: "page.confirm_email.title",
    text: "page.confirm_email.text",
    button: "page.confirm_email.button",
};
const UNDO_EMAIL: Kind = Kind {
    purpose: Purpose::UndoEmail,
    path: "/account/email/undo",
    title: "page.undo_email.title",
    text: "page.undo_email.text",
    button: "page.undo_email.button",
};
const LOG_IN: Kind = Kind {
    purpose: Purpose::LogIn,
    path: "/account/log-in/link",
    title: "page.link.title",
    text: "page.link.text",
    button: "page.link.button",
};

/// One question and one button.
#[derive(Template)]
#[template(path = "recovery/link.html")]
struct LinkPage<'a> {
    v: &'a View,
    kind: Kind,
    token: &'a str,
    email: Email,
}

/// A mailed link's token.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TokenForm {
    #[serde(default)]
    token: String,
}

async fn show_link(app: &App, v: &View, kind: Kind) -> Answer {
    let token = v.query("token").unwrap_or_default();
    let peeked = super::peek(app, token, kind.purpose).await?.ok_or(Error::DeadLink)?;
    Ok(v.show(StatusCode::OK, &LinkPage { v, kind, token, email: peeked.email })?)
}

pub(crate) async fn show_verify(_: Public, State(app): State<App>, v: View) -> Answer {
    show_link(&app, &v, VERIFY).await
}

pub(crate) async fn verify(
    Visitor(visitor): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> Answer {
    super::verify_email(&app, &form.token, &client).await?;
    let page = if visitor.is_some() { "/account" } else { "/account/log-in" };
    Ok(v.go(&format!("{page}?done=verified")))
}

pub(crate) async fn show_confirm_email(_: Public, State(app): State<App>, v: View) -> Answer {
    show_link(&app, &v, CONFIRM_EMAIL).await
}

pub(crate) async fn confirm_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> Answer {
    super::confirm_email(&app, &form.token, &client).await?;
    Ok(logged_out(v.go("/account/log-in?done=email-changed")))
}

pub(crate) async fn show_undo_email(_: Public, State(app): State<App>, v: View) -> Answer {
    show_link(&app, &v, UNDO_EMAIL).await
}

/// Somebody else may know the password: the next page is the one that sets a new one.
pub(crate) async fn undo_email(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> Answer {
    super::undo_email_change(&app, &form.token, &client).await?;
    Ok(logged_out(v.go("/account/forgotten?done=email-undone")))
}

pub(crate) async fn show_log_in_link(_: Public, State(app): State<App>, v: View) -> Answer {
    is_on(&app)?;
    show_link(&app, &v, LOG_IN).await
}

pub(crate) async fn log_in_by_link(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<TokenForm>,
) -> Answer {
    let beginning =
        Beginning { scope: &ScopeAsked::parse("")?, transport: Transport::Cookie, before, client: &client };
    let next = WayBack::of(&app, None);
    match super::log_in_by_link(&app, &form.token, &beginning).await {
        Ok(logged_in) => Ok(arrive(&v, logged_in, &next)?),
        Err(Error::FactorAsked(asked)) => factors::pages::ask(&app, &v, &asked, &next).await,
        Err(error) => Err(error.into()),
    }
}

/// Every session has ended: the browser forgets the cookie of its own.
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
    min_length: usize,
}

/// A mailed link, and the password that it sets.
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
    let peeked = super::peek(app, token, Purpose::ResetPassword).await?.ok_or(Error::DeadLink)?;
    Ok(ResetPage { v, faults, token, email: peeked.email, min_length: app.config().password_min_length })
}

pub(crate) async fn show_reset(_: Public, State(app): State<App>, v: View) -> Answer {
    let page = reset_page(&app, &v, v.query("token").unwrap_or_default(), Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn reset(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ResetForm>,
) -> Answer {
    match super::reset(&app, &form.token, &form.password, &client).await {
        Ok(()) => Ok(logged_out(v.go("/account/log-in?done=password-set"))),
        // Nothing to type again will help.
        Err(Error::DeadLink) => Err(Error::DeadLink.into()),
        Err(error) => {
            let faults = Faults::of(&v, error, &["password"])?;
            let page = reset_page(&app, &v, &form.token, faults).await?;
            page.faults.show(&v, &page)
        }
    }
}
