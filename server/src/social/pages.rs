//! The way to a provider and back, and the page that asks to prove an address.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Aim, Asked, Refusal, Settled, SettledByCode, Who,
    attempts::{self, Back, Failed, Purpose},
    proofs,
};
use crate::{
    access::{Principal, ScopeAsked},
    accounts::Email,
    app::App,
    caller::Visitor,
    client::Client,
    error::Error,
    events::{self, Event},
    factors,
    invalid::{Fault, Invalid},
    pages::{Done, Faults, NotShown, PageResult, View, WayBack},
    paths,
    sessions::{Beginning, SessionCookies, Transport},
    upstream::{CallbackParams, Failure, Provider, UpstreamError},
};

/// Where to go afterwards.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct BeginForm {
    #[serde(default)]
    next: String,
}

/// The page in between. A redirect in response to the form would be blocked: `form-action 'self'` of the content
/// security policy stops a form whose response leads to another origin. A page of its own may lead anywhere.
#[derive(Template)]
#[template(path = "social/leaving.html")]
struct LeavingPage<'a> {
    v: &'a View,
    label: &'a str,
    url: &'a str,
}

pub(crate) async fn begin_log_in(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Form(form): Form<BeginForm>,
) -> PageResult {
    let next = WayBack::of(&app, Some(&form.next));
    begin(&app, &v, &provider, Purpose::LogIn, &next, &headers, &client).await
}

/// Begins to link an identity, in a session whose login is fresh (ASVS 7.5.1).
pub(crate) async fn begin_link(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(provider): Path<String>,
    headers: HeaderMap,
) -> PageResult {
    v.fresh(*guard.principal(), paths::LINKED)?;
    let next = WayBack::of(&app, Some(&v.to(paths::LINKED)));
    let purpose = Purpose::Link(guard.principal().session);
    begin(&app, &v, &provider, purpose, &next, &headers, &client).await
}

/// To confirm in a session that its owner is there, with a provider that can prove it: with another one, anybody at the
/// owner's browser could, where the owner is still logged in there.
pub(crate) async fn begin_confirm(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Form(form): Form<BeginForm>,
) -> PageResult {
    app.providers().get(&provider).filter(|provider| provider.asks_again()).ok_or(Error::NotFound)?;
    let next = WayBack::of(&app, Some(&form.next));
    let purpose = Purpose::Confirm(guard.principal().session);
    begin(&app, &v, &provider, purpose, &next, &headers, &client).await
}

/// The pages that forms are sent to, requested by GET.
pub(crate) async fn go_to_log_in(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::LOG_IN))
}

pub(crate) async fn go_to_linked(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::LINKED))
}

async fn begin(
    app: &App,
    v: &View,
    name: &str,
    purpose: Purpose,
    next: &WayBack,
    headers: &HeaderMap,
    client: &Client,
) -> PageResult {
    let provider = app.providers().get(name).ok_or(Error::NotFound)?;
    let begun = match attempts::begin(app, provider, purpose, next.as_str(), headers, client).await {
        Ok(begun) => begun,
        Err(failed) => return explain(app, v, provider, false, failed, client).await,
    };
    let page = LeavingPage { v, label: provider.label(), url: &begun.url };
    let mut answer = v.show(StatusCode::OK, &page)?;
    let refresh = HeaderValue::try_from(format!("0; url={}", begun.url));
    let refresh = refresh.map_err(|cause| Error::Internal(format!("a provider's address: {cause}")))?;
    answer.headers_mut().insert(header::REFRESH, refresh);
    answer.headers_mut().extend(begun.cookies);
    Ok(answer)
}

/// The browser has returned.
pub(crate) async fn come_back(
    Visitor(visitor): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(provider): Path<String>,
    headers: HeaderMap,
) -> PageResult {
    let provider = app.providers().get(&provider).ok_or(Error::NotFound)?;
    let param = |name| v.query(name).map(str::to_owned);
    let params = CallbackParams {
        code: param("code"),
        iss: param("iss"),
        error: param("error"),
        error_description: param("error_description"),
        user: None,
    };
    let state = v.query("state").unwrap_or_default();
    match attempts::finish(&app, provider, state, params, &headers).await {
        Ok((back, cleared)) => {
            let mut answer = match arrive(&app, &v, provider, visitor, back, &client).await {
                Ok(answer) => answer,
                Err(not_shown) => not_shown.into_response(),
            };
            answer.headers_mut().extend([cleared]);
            Ok(answer)
        }
        Err(failed) => explain(&app, &v, provider, visitor.is_some(), failed, &client).await,
    }
}

/// What a provider posts as a form.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PostedForm {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    user: Option<String>,
}

/// A provider posts its response: a request from another site, which brings none of our cookies. It is stored under its
/// `state`, and the browser is redirected to fetch the result itself.
pub(crate) async fn take_posted(
    _: Public,
    State(app): State<App>,
    Path(provider): Path<String>,
    Form(form): Form<PostedForm>,
) -> Result<Response, Error> {
    let provider = app.providers().get(&provider).ok_or(Error::NotFound)?;
    let PostedForm { state, code, iss, error, error_description, user } = form;
    let params = CallbackParams { code, iss, error, error_description, user };
    if !attempts::keep_answer(&app, provider, &state, params).await? {
        return Err(Error::NotFound);
    }
    let state: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let path = format!("{}{}?state={state}", app.public_url().path(), paths::callback(provider.name()));
    Ok(Redirect::to(&path).into_response())
}

/// Carries out the decision for a proved identity.
async fn arrive(
    app: &App,
    v: &View,
    provider: &Provider,
    visitor: Option<Principal>,
    back: Back,
    client: &Client,
) -> PageResult {
    let who = Who::of(back.proved);
    // What was begun in a session ends in it.
    let owner = |session| visitor.filter(|visitor| visitor.session == session).ok_or(Error::SessionEnded);
    let aim = match back.purpose {
        Purpose::LogIn => Aim::LogIn,
        Purpose::Link(session) => {
            let owner = owner(session)?;
            // The login may have grown old at the provider.
            v.fresh(owner, paths::LINKED)?;
            Aim::Link(owner)
        }
        Purpose::Confirm(session) => Aim::Confirm(owner(session)?),
    };
    let next = WayBack::of(app, Some(&back.next));
    let scope = &ScopeAsked::parse("", app.scopes())?;
    let beginning = &Beginning { scope, transport: Transport::Cookie, before: visitor, client };
    let settled = super::settle(app, &who, &Asked { aim, beginning, language: v.language }).await;
    finish(app, v, provider.label(), &who, settled, &next, client).await
}

async fn finish(
    app: &App,
    v: &View,
    label: &str,
    who: &Who,
    settled: Result<Settled, Error>,
    next: &WayBack,
    client: &Client,
) -> PageResult {
    let logged_in = match settled {
        Ok(Settled::LoggedIn(logged_in)) => Ok(*logged_in),
        Ok(Settled::Linked) => return Ok(v.go_done(paths::LINKED, Done::Linked)),
        Ok(Settled::AskForEmail) => {
            let token = proofs::begin(app, who, next.as_str()).await?;
            return show_ask(v, label, token.expose(), "", Faults::none());
        }
        Ok(Settled::AskToProve) => {
            let token = proofs::begin(app, who, next.as_str()).await?;
            let email =
                who.email.as_ref().ok_or_else(|| Error::Internal("no address to prove".to_owned()))?;
            proofs::send_code(app, token.expose(), email, v.language, client).await?;
            return show_code(v, label, token.expose(), email, Faults::none());
        }
        Ok(Settled::Refused(refusal)) => return refuse(app, v, &who.provider, refusal, client).await,
        Err(Error::EmailUnverified) => return Ok(v.go_done(paths::LOG_IN, Done::VerifyFirst)),
        Err(Error::TooManyIdentities) => return Ok(v.go_done(paths::LINKED, Done::TooManyLinked)),
        Err(error) => Err(NotShown::Error(error)),
    };
    factors::pages::arrive_or_ask(app, v, logged_in, next).await
}

async fn refuse(app: &App, v: &View, provider: &str, refusal: Refusal, client: &Client) -> PageResult {
    let (word, page, done) = match refusal {
        Refusal::Disabled => ("disabled", paths::LOG_IN, Done::WithDisabled),
        Refusal::SignUpClosed => ("sign-up closed", paths::LOG_IN, Done::WithNoAccount),
        Refusal::LinkedElsewhere => ("linked to another account", paths::LINKED, Done::LinkedElsewhere),
        Refusal::NotLinked => ("not linked to the account", paths::CONFIRM, Done::NotLinked),
    };
    record_failure(app, provider, word, client).await?;
    Ok(v.go_done(page, done))
}

/// Reports what went wrong: to the person on the page that they came from, to the operator in the log.
async fn explain(
    app: &App,
    v: &View,
    provider: &Provider,
    is_logged_in: bool,
    failed: Failed,
    client: &Client,
) -> PageResult {
    let (word, page, done) = match failed {
        Failed::Upstream(error, purpose) => {
            log(provider, &error);
            let page = match purpose {
                Purpose::LogIn => paths::LOG_IN,
                Purpose::Link(_) => paths::LINKED,
                Purpose::Confirm(_) => paths::CONFIRM,
            };
            let (word, done) = match error.kind() {
                Failure::Denied => ("denied", Done::WithDenied),
                Failure::Unavailable => ("provider unavailable", Done::WithUnavailable),
                Failure::Invalid => ("response invalid", Done::WithInvalid),
            };
            (word, page, done)
        }
        Failed::Error(Error::DeadLogin) => {
            let page = if is_logged_in { paths::LINKED } else { paths::LOG_IN };
            ("attempt expired, or of another browser", page, Done::LoginExpired)
        }
        Failed::Error(error) => return Err(error.into()),
    };
    record_failure(app, provider.name(), word, client).await?;
    Ok(v.go_done(page, done))
}

fn log(provider: &Provider, error: &UpstreamError) {
    match error.kind() {
        Failure::Denied => tracing::info!(provider = provider.name(), %error, "a social login was cancelled"),
        Failure::Unavailable | Failure::Invalid => {
            tracing::warn!(provider = provider.name(), %error, "a social login failed");
        }
    }
}

async fn record_failure(app: &App, provider: &str, word: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let detail = format!("{provider}: {word}");
    let event = Event::ProviderLogInFailed;
    events::record_detail(&mut tx, event, None, client, Some(&detail), now).await?;
    Ok(tx.commit().await?)
}

/// Asks for an address, or for the code that was sent there.
#[derive(Template)]
#[template(path = "social/prove.html")]
struct ProvePage<'a> {
    v: &'a View,
    faults: Faults,
    label: &'a str,
    token: &'a str,
    /// As typed.
    email: &'a str,
    asks_code: bool,
}

fn show_ask(v: &View, label: &str, token: &str, email: &str, faults: Faults) -> PageResult {
    let page = ProvePage { v, faults, label, token, email, asks_code: false };
    Ok(v.show(StatusCode::OK, &page)?)
}

fn show_code(v: &View, label: &str, token: &str, email: &Email, faults: Faults) -> PageResult {
    let page = ProvePage { v, faults, label, token, email: email.as_str(), asks_code: true };
    Ok(v.show(StatusCode::OK, &page)?)
}

/// An address to prove.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AddressForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
}

pub(crate) async fn send_code(
    _: Public,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<AddressForm>,
) -> PageResult {
    let shown = proofs::shown(&app, &form.token).await;
    let Some((label, _)) = alive(shown)? else { return Ok(expired(&v)) };
    let send = async {
        if form.email.is_empty() {
            return Err(Invalid::field("email", Fault::Missing).into());
        }
        let email = Email::of_field(&form.email, "email")?;
        proofs::send_code(&app, &form.token, &email, v.language, &client).await?;
        Ok(email)
    };
    let page = async |faults| {
        Ok(ProvePage {
            v: &v,
            faults,
            label: &label,
            token: &form.token,
            email: &form.email,
            asks_code: false,
        })
    };
    let email = v.form(&["email"], send, page).await?;
    show_code(&v, &label, &form.token, &email, Faults::none())
}

/// The code that was sent there.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CodeForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    code: String,
}

pub(crate) async fn use_code(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<CodeForm>,
) -> PageResult {
    let shown = proofs::shown(&app, &form.token).await;
    let Some((label, email)) = alive(shown)? else { return Ok(expired(&v)) };
    let email = email.map(|email| email.as_str().to_owned()).unwrap_or_default();
    let scope = &ScopeAsked::parse("", app.scopes())?;
    let beginning = &Beginning { scope, transport: Transport::Cookie, before, client: &client };
    let asked = &Asked { aim: Aim::LogIn, beginning, language: v.language };
    let tried = async {
        let tried = super::settle_by_code(&app, &form.token, &form.code, asked).await;
        tried.map_err(|error| match error {
            Error::WrongCode => Invalid::field("code", Fault::WrongCode).into(),
            error => error,
        })
    };
    let page = async |faults| {
        Ok(ProvePage { v: &v, faults, label: &label, token: &form.token, email: &email, asks_code: true })
    };
    let SettledByCode { who, next, settled } = match v.form(&["code"], tried, page).await {
        Err(NotShown::Error(Error::DeadLogin)) => return Ok(expired(&v)),
        used => used?,
    };
    finish(&app, &v, &label, &who, settled, &WayBack::of(&app, Some(&next)), &client).await
}

/// `None` if the token is not alive.
fn alive<T>(shown: Result<T, Error>) -> Result<Option<T>, Error> {
    match shown {
        Ok(shown) => Ok(Some(shown)),
        Err(Error::DeadLogin) => Ok(None),
        Err(error) => Err(error),
    }
}

fn expired(v: &View) -> Response {
    v.go_done(paths::LOG_IN, Done::LoginExpired)
}
