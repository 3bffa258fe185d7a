//! The page of the account, with the forms on it.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Multipart, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Profile;
use crate::{
    access::{Action, Principal},
    accounts::{self, FullName, Owner, Role},
    app::App,
    client::Client,
    error::Error,
    factors,
    messages::Language,
    pages::{Answer, Faults, View},
    pictures::{self, http::Upload},
    sessions::{self, SessionCookies},
};

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
#[template(path = "profile/account.html")]
struct AccountPage<'a> {
    v: &'a View,
    faults: Faults,
    profile: Profile,
    owner: Owner,
    full_name: String,
    sessions: usize,
    has_factor: bool,
    is_admin: bool,
}

impl<'a> AccountPage<'a> {
    async fn of(v: &'a View, app: &App, principal: &Principal, faults: Faults) -> Result<Self, Error> {
        let profile = super::profile(app, principal.account).await?.allow(principal, Action::Read)?;
        let owner = accounts::owner(app.db().read().await?.conn(), principal.account).await?;
        let owner = owner.ok_or(Error::NotFound)?;
        let sessions = sessions::list(app, principal.account).await?.len();
        let factors = factors::overview(app, principal.account, principal.role).await?;
        let has_factor = factors.totp_since.is_some();
        let full_name = profile.account.full_name.clone();
        let is_admin = principal.role == Role::Admin;
        Ok(Self { v, faults, profile, owner, full_name, sessions, has_factor, is_admin })
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

pub(crate) async fn set_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Multipart(upload): Multipart<Upload>,
) -> Answer {
    match pictures::set(&app, *guard.principal(), upload.into_bytes(), &client).await {
        Ok(_) => Ok(v.go("/account?done=picture")),
        Err(error) => {
            let faults = Faults::of(&v, error, &["file"])?;
            let page = AccountPage::of(&v, &app, guard.principal(), faults).await?;
            page.faults.show(&v, &page)
        }
    }
}

pub(crate) async fn remove_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    pictures::remove(&app, *guard.principal(), &client).await?;
    Ok(v.go("/account?done=picture-removed"))
}
