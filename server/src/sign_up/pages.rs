//! The page of the sign-up.

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
    pages::{Answer, Faults, Refused, View, WayBack, arrive},
    recovery::pages::CHECK_MAIL,
};

/// What the form of the sign-up says.
#[derive(Deserialize, JsonSchema)]
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
    full_name: &'a str,
    email: &'a str,
    next: WayBack,
    min_length: usize,
}

pub(crate) async fn show_sign_up(visitor: Visitor, State(app): State<App>, v: View) -> Answer {
    if visitor.0.is_some() {
        return Ok(v.way_back().go());
    }
    if app.config().sign_up == SignUp::Closed {
        return Err(Error::SignUpClosed.into());
    }
    let page = SignUpPage {
        v: &v,
        faults: Faults::none(),
        full_name: "",
        email: "",
        next: v.way_back(),
        min_length: app.config().password_min_length,
    };
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn sign_up(
    Visitor(before): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<SignUpForm>,
) -> Answer {
    let next = WayBack::of(&app, Some(&form.next));
    match sign_up_and_log_in(&app, &v, &form, &next, before, &client).await {
        Ok(answer) => Ok(answer),
        Err(Refused::Error(error)) => {
            let page = SignUpPage {
                v: &v,
                faults: Faults::of(&v, error, &["full_name", "email", "password"])?,
                full_name: &form.full_name,
                email: &form.email,
                next,
                min_length: app.config().password_min_length,
            };
            page.faults.show(&v, &page)
        }
        Err(elsewhere) => Err(elsewhere),
    }
}

/// Whoever has a new account is logged in, unless the operator wants the address confirmed first.
async fn sign_up_and_log_in(
    app: &App,
    v: &View,
    form: &SignUpForm,
    next: &WayBack,
    before: Option<Principal>,
    client: &Client,
) -> Answer {
    let (email, full_name, password) = (&form.email, &form.full_name, &form.password);
    let typed = SigningUp { email, full_name, password, language: v.language };
    let SignedUp::Made(account) = super::sign_up(app, &typed, client).await? else {
        return Ok(v.go(CHECK_MAIL));
    };
    match login::attempt(app, &account.email, password, before, client).await {
        Ok(logged_in) => Ok(arrive(v, logged_in, next)?),
        Err(Error::FactorAsked(asked)) => factors::pages::ask(app, v, &asked, next).await,
        Err(Error::EmailUnverified) => Ok(v.go(CHECK_MAIL)),
        Err(error) => Err(error.into()),
    }
}
