//! The pages of the sign-up and of the account.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{FullName, Owner, Profile, Role, SignedUp, SigningUp};
use crate::{
    access::{Action, Principal},
    app::App,
    client::Client,
    config::SignUp,
    error::Error,
    login::pages as login,
    messages::Language,
    pages::{Answer, Faults, Perhaps, Refused, View, WayBack},
    recovery::pages::CHECK_MAIL,
    sessions::{self, SessionCookies},
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
#[template(path = "accounts/sign_up.html")]
struct SignUpPage<'a> {
    v: &'a View,
    faults: Faults,
    full_name: &'a str,
    email: &'a str,
    next: WayBack,
    min_length: usize,
}

pub(crate) async fn show_sign_up(perhaps: Perhaps, State(app): State<App>, v: View) -> Answer {
    if perhaps.0.is_some() {
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
    Perhaps(before): Perhaps,
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
        Ok(logged_in) => Ok(login::arrive(v, logged_in, next)?),
        Err(Error::EmailUnverified) => Ok(v.go(CHECK_MAIL)),
        Err(error) => Err(error.into()),
    }
}

/// What the form of the profile says.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ProfileForm {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    language: String,
}

/// The account as its owner sees it.
#[derive(Template)]
#[template(path = "accounts/account.html")]
pub(crate) struct AccountPage<'a> {
    v: &'a View,
    pub(crate) faults: Faults,
    profile: Profile,
    owner: Owner,
    full_name: String,
    sessions: usize,
    is_admin: bool,
}

impl<'a> AccountPage<'a> {
    pub(crate) async fn of(
        v: &'a View,
        app: &App,
        principal: &Principal,
        faults: Faults,
    ) -> Result<Self, Error> {
        let profile = super::profile(app, principal.account).await?.allow(principal, Action::Read)?;
        let owner = super::owner(app.db().read().await?.conn(), principal.account).await?;
        let owner = owner.ok_or(Error::NotFound)?;
        let sessions = sessions::list(app, principal.account).await?.len();
        let full_name = profile.account.full_name.clone();
        let is_admin = principal.role == Role::Admin;
        Ok(Self { v, faults, profile, owner, full_name, sessions, is_admin })
    }

    fn picture(&self) -> Option<String> {
        self.profile.picture.map(|id| self.v.to(&format!("/profile-images/{id}")))
    }

    fn initial(&self) -> String {
        self.profile.account.full_name.chars().next().unwrap_or('?').to_uppercase().to_string()
    }

    fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        let own = Language::of_tag(&self.owner.language);
        Language::ALL.map(|language| (language.tag(), language.own_name(), language == own)).to_vec()
    }
}

pub(crate) async fn show_account(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    Ok(v.show(StatusCode::OK, &AccountPage::of(&v, &app, guard.principal(), Faults::none()).await?)?)
}

pub(crate) async fn change_profile(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ProfileForm>,
) -> Answer {
    let principal = *guard.principal();
    let changed = match FullName::of_field(&form.full_name) {
        Ok(full_name) => super::set_full_name(&app, principal, &full_name, &client).await,
        Err(refused) => Err(refused.into()),
    };
    if let Err(error) = changed {
        let faults = Faults::of(&v, error, &["full_name"])?;
        let page = AccountPage::of(&v, &app, guard.principal(), faults).await?;
        let page = AccountPage { full_name: form.full_name, ..page };
        return page.faults.show(&v, &page);
    }
    let Some(language) = Language::of_known_tag(&form.language) else {
        return Ok(v.go("/account?done=profile"));
    };
    super::set_language(&app, principal, language).await?;
    Ok(v.go(&format!("/account?done=profile&lang={}", language.tag())))
}

/// `/`: whoever comes here wants their account.
pub(crate) async fn go_to_account(_: Public, v: View) -> Answer {
    Ok(v.go("/account"))
}
