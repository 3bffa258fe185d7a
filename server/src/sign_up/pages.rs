//! The pages of the sign-up.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::Public;

use super::{
    SignedUp, SigningUp,
    passkey::{self, WithPasskey},
};
use crate::{
    access::{Principal, ScopeAsked},
    app::App,
    attributes::{self, Changes, Field, FormTexts, Input},
    caller::Visitor,
    client::Client,
    config::SignUp,
    error::Error,
    factors,
    invalid::Invalid,
    login::pages as login,
    pages::{Faults, PageResult, Texts, View, WayBack, arrive},
    passkeys::{self, Browser, KnownBrowser, RegistrationResponse, Rejected, pages::options_text, rejected},
    paths,
    sessions::{Beginning, LoggedIn, Transport},
};

/// The fields of the sign-up form.
#[derive(Default)]
struct SignUpForm {
    full_name: String,
    email: String,
    password: String,
    next: String,
    attributes: FormTexts,
}

impl SignUpForm {
    fn of(app: &App, Texts(mut texts): Texts) -> Self {
        let mut take = |name: &str| texts.remove(name).unwrap_or_default();
        let (full_name, email, password, next) =
            (take("full_name"), take("email"), take("password"), take("next"));
        let attributes =
            attributes::asked(app).filter_map(|attribute| texts.remove_entry(&attributes::id_of(attribute)));
        Self { full_name, email, password, next, attributes: attributes.collect() }
    }

    /// The attributes, or what is wrong with them.
    fn attributes(&self, app: &App) -> Result<Changes, Invalid> {
        Changes::of_sign_up_form(&app.config().attributes, &self.attributes)
    }

    /// The names of the fields that the page has.
    fn fields<'a>(app: &App, own: &[&'a str], ids: &'a mut Vec<String>) -> Vec<&'a str> {
        *ids = attributes::asked(app).map(attributes::id_of).collect();
        own.iter().copied().chain(ids.iter().map(String::as_str)).collect()
    }
}

#[derive(Template)]
#[template(path = "sign_up/sign_up.html")]
struct SignUpPage<'a> {
    v: &'a View,
    faults: Faults,
    form: &'a SignUpForm,
    next: WayBack,
    min_length: usize,
    /// Whether the account can have a passkey instead of a password.
    has_passkeys: bool,
    attributes: Vec<Field>,
}

impl<'a> SignUpPage<'a> {
    fn new(v: &'a View, app: &App, faults: Faults, form: &'a SignUpForm, next: WayBack) -> Self {
        let has_passkeys = passkeys::are_possible(app.public_url());
        let typed =
            |attribute| form.attributes.get(&attributes::id_of(attribute)).cloned().unwrap_or_default();
        let field = |attribute| Field::new(attribute, typed(attribute), v.language);
        let attributes = attributes::asked(app).map(field).collect();
        Self { v, faults, form, next, min_length: app.config().password_min_length, has_passkeys, attributes }
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
    texts: Texts,
) -> PageResult {
    let form = SignUpForm::of(&app, texts);
    let next = WayBack::of(&app, Some(&form.next));
    let sign_up = sign_up_and_log_in(&app, &v, &form, before, &client);
    let page = async |faults| Ok(SignUpPage::new(&v, &app, faults, &form, next.clone()));
    let ids = &mut Vec::new();
    let fields = SignUpForm::fields(&app, &["full_name", "email", "password"], ids);
    let logged_in = match v.form(&fields, sign_up, page).await {
        Ok(Some(logged_in)) => Ok(logged_in),
        Ok(None) => return Ok(v.go(&v.keeping(paths::CHECK_MAIL, None, &form.email))),
        Err(not_shown) => Err(not_shown),
    };
    factors::pages::arrive_or_ask(&app, &v, logged_in, &welcome(&app, next)).await
}

/// Whoever wanted no other page is welcomed, and told of the email that is on its way.
fn welcome(app: &App, next: WayBack) -> WayBack {
    if next.is_default(app) { WayBack::welcome(app) } else { next }
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
    let attributes = &form.attributes(app);
    let typed = SigningUp { email, full_name, password, attributes, language: v.language };
    let SignedUp::Made(account) = super::sign_up(app, &typed, client).await? else { return Ok(None) };
    match login::log_in_browser(app, &account.email, password, before, client).await {
        Ok(logged_in) => Ok(Some(logged_in)),
        Err(Error::EmailUnverified) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The page that makes the passkey of a new account.
#[derive(Template)]
#[template(path = "sign_up/passkey.html")]
struct PasskeyPage<'a> {
    v: &'a View,
    /// For the script.
    options: String,
    email: &'a str,
    full_name: &'a str,
    attributes: &'a FormTexts,
    next: WayBack,
}

/// The page that the forms are sent from, requested by GET.
pub(crate) async fn go_to_sign_up(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::SIGN_UP))
}

/// The form of the sign-up, sent by its other button: a passkey is to take the place of the password.
pub(crate) async fn ask_for_passkey(
    _: Public,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    v: View,
    texts: Texts,
) -> PageResult {
    passkey::manner(&app)?;
    let form = SignUpForm::of(&app, texts);
    let next = WayBack::of(&app, Some(&form.next));
    let browser = Browser::or_new(known);
    let (email, full_name) = (form.email.as_str(), form.full_name.as_str());
    let attributes = &form.attributes(&app);
    let ask = passkey::ask(&app, email, full_name, attributes, &browser, &client);
    let page = async |faults| Ok(SignUpPage::new(&v, &app, faults, &form, next.clone()));
    let ids = &mut Vec::new();
    let fields = SignUpForm::fields(&app, &["full_name", "email"], ids);
    let options = options_text(&v.form(&fields, ask, page).await?)?;
    let attributes = &form.attributes;
    let page = PasskeyPage { v: &v, options, email, full_name, attributes, next: next.clone() };
    let mut page = v.show(StatusCode::OK, &page)?;
    page.headers_mut().extend([browser.cookie(&app)?]);
    Ok(page)
}

pub(crate) async fn sign_up_with_passkey(
    Visitor(before): Visitor,
    KnownBrowser(known): KnownBrowser,
    State(app): State<App>,
    client: Client,
    v: View,
    Texts(mut texts): Texts,
) -> PageResult {
    passkey::manner(&app)?;
    // What the script read from the browser, in JSON.
    let credential = texts.remove("credential").unwrap_or_default();
    let form = SignUpForm::of(&app, Texts(texts));
    let next = WayBack::of(&app, Some(&form.next));
    let (email, full_name) = (form.email.as_str(), form.full_name.as_str());
    let sign_up = async {
        let browser = known.as_ref().ok_or_else(|| rejected(Rejected::Challenge))?;
        let made = &RegistrationResponse::decode_text(&credential).map_err(rejected)?;
        let attributes = &form.attributes(&app);
        let typed = WithPasskey { email, full_name, attributes, made, browser, language: v.language };
        let scope = &ScopeAsked::parse("", app.scopes())?;
        let beginning = Beginning { scope, transport: Transport::Cookie, before, client: &client };
        let (_, logged_in) = passkey::sign_up(&app, &typed, Some(&beginning), &client).await?;
        Ok(logged_in)
    };
    // Back to what was typed: the button there gives another challenge.
    let page = async |faults| Ok(SignUpPage::new(&v, &app, faults, &form, next.clone()));
    let ids = &mut Vec::new();
    let fields = SignUpForm::fields(&app, &["full_name", "email"], ids);
    match v.form(&fields, sign_up, page).await? {
        Some(logged_in) => Ok(arrive(&v, &logged_in, &welcome(&app, next.clone()))?),
        None => Ok(v.go(&v.keeping(paths::CHECK_MAIL, None, email))),
    }
}
