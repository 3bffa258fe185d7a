//! The page that an emailed invitation leads to.
//!
//! Opening the page does not use the invitation. Without an account, or with another one, the reader first logs in or
//! signs up. Until then a cookie keeps the token, so that no later URL contains it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portcullis::Form;
use schemars::JsonSchema;
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    accounts,
    app::App,
    caller::Visitor,
    client::Client,
    config::SignUp,
    error::Error,
    groups::invitations::{self, Peeked},
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::{self, cleared},
};

/// Keeps the token while the reader logs in or signs up.
const COOKIE: &str = "portcullis-invitation";
/// The most characters of a token.
const LONGEST: usize = 64;

/// The reader of the page.
#[derive(Debug, PartialEq, Eq)]
enum Reader {
    Stranger,
    /// Logged in with the invited account.
    Invited,
    /// Logged in with another account, which has this address.
    Other(String),
}

#[derive(Template)]
#[template(path = "groups/invitation.html")]
struct InvitationPage<'a> {
    v: &'a View,
    faults: Faults,
    token: &'a str,
    about: Peeked,
    reader: Reader,
    can_sign_up: bool,
}

async fn page<'a>(
    app: &App,
    v: &'a View,
    visitor: &Visitor,
    token: &'a str,
    faults: Faults,
) -> Result<InvitationPage<'a>, Error> {
    let about = invitations::peek(app, token).await?.ok_or(Error::DeadLink)?;
    let reader = match visitor.0 {
        None => Reader::Stranger,
        Some(principal) => {
            let email = accounts::by_id(app, principal.account).await?.email;
            if email == about.email { Reader::Invited } else { Reader::Other(email.as_str().to_owned()) }
        }
    };
    let can_sign_up = app.config().sign_up != SignUp::Closed;
    Ok(InvitationPage { v, faults, token, about, reader, can_sign_up })
}

pub(crate) async fn show_invitation(
    visitor: Visitor,
    State(app): State<App>,
    headers: HeaderMap,
    v: View,
) -> PageResult {
    let kept = kept(&headers);
    let token = v.query("token").or(kept.as_deref()).unwrap_or_default();
    let page = page(&app, &v, &visitor, token, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// The button that was pressed.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InvitationForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    act: String,
}

pub(crate) async fn accept(
    visitor: Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<InvitationForm>,
) -> PageResult {
    let token = form.token.as_str();
    match (visitor.0, form.act.as_str()) {
        (Some(principal), "join") => {
            let join = invitations::accept(&app, principal, token, &client);
            let again = async |faults| page(&app, &v, &visitor, token, faults).await;
            let id = match v.form(&[], join, again).await {
                // The reader has switched accounts since the page was shown, so it asks again.
                Err(crate::pages::NotShown::Error(Error::AnotherAddress)) => {
                    return Ok(keeping(&app, v.go(paths::INVITATION), token));
                }
                joined => joined?,
            };
            Ok(keeping(&app, v.go_done(&paths::organisation(id), Done::Joined), ""))
        }
        // Logs out of the other account first.
        (visitor, "log-in" | "sign-up") => {
            let about = invitations::peek(&app, token).await?.ok_or(Error::DeadLink)?;
            let path = if form.act == "log-in" { paths::LOG_IN } else { paths::SIGN_UP };
            let back: String = form_urlencoded::byte_serialize(v.to(paths::INVITATION).as_bytes()).collect();
            let typed = v.keeping(path, None, about.email.as_str());
            let mut answer = keeping(&app, v.go(&format!("{typed}&next={back}")), token);
            if let Some(principal) = visitor {
                sessions::log_out(&app, principal, &client).await?;
                let (name, value) = cleared();
                answer.headers_mut().append(name, value);
            }
            Ok(answer)
        }
        // The session has ended since the page was shown.
        _ => Ok(keeping(&app, v.go(paths::INVITATION), token)),
    }
}

/// Adds the cookie that keeps this token for an hour. An empty token deletes it.
fn keeping(app: &App, mut answer: Response, token: &str) -> Response {
    let is_like_one = token.len() <= LONGEST
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let token = if is_like_one { token } else { "" };
    let age = if token.is_empty() { 0 } else { 3600 };
    let secure = if app.public_url().is_https() { "; Secure" } else { "" };
    let path = format!("{}{}", app.public_url().path(), paths::INVITATION);
    let cookie = format!("{COOKIE}={token}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

fn kept(headers: &HeaderMap) -> Option<String> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.to_owned())
}
