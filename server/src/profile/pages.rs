//! The account page, with its forms.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Multipart, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Profile, attributes as own_attributes};
use crate::{
    access::{Action, Principal},
    accounts::{self, AccountDetails, FullName, Owner},
    api_keys,
    app::App,
    attributes::{self, Changer, Changes, Field, Input, Known},
    client::Client,
    error::Error,
    factors, groups, identities,
    messages::Language,
    pages::{Done, Faults, PageResult, Texts, View},
    passkeys, paths,
    pictures::{self, http::Upload},
    recovery::{self, PendingEmail},
    sessions::{self, SessionCookies},
};

/// The fields of the profile form.
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
    details: AccountDetails,
    owner: Owner,
    full_name: String,
    pending: Option<PendingEmail>,
    sessions: usize,
    keys: i64,
    has_factor: bool,
    has_password: bool,
    /// Accounts at other providers.
    linked: usize,
    organisations: i64,
    /// `None` where passkeys do not work.
    passkeys: Option<usize>,
    attributes: Vec<Known<'a>>,
    /// Those that their owner can change.
    fields: Vec<Field>,
}

impl<'a> AccountPage<'a> {
    async fn of(v: &'a View, app: &'a App, principal: &Principal, faults: Faults) -> Result<Self, Error> {
        let id = principal.account;
        let profile = super::profile(app, id).await?.allow(principal, Action::Read)?;
        let owner = accounts::owner(app.db().read().await?.conn(), id).await?.ok_or(Error::NotFound)?;
        let details = accounts::details(app, id).await?;
        let pending = recovery::pending_email(app, id).await?;
        let sessions = sessions::list(app, id).await?.len();
        let keys = api_keys::count(app, id).await?;
        let has_factor = factors::overview(app, id, principal.role).await?.totp_since.is_some();
        let passkeys = if passkeys::are_possible(app.public_url()) {
            Some(passkeys::list(app, id).await?.len())
        } else {
            None
        };
        let has_password = accounts::has_password(app.db().read().await?.conn(), id).await?;
        let linked = identities::list(app, id).await?.len();
        let full_name = profile.account.full_name.clone();
        let organisations = groups::count(app, id).await?;
        let attributes = own_attributes::own(app, id).await?;
        let fields = attributes::fields(&attributes, None, v.language);
        Ok(Self {
            v,
            faults,
            profile,
            details,
            owner,
            full_name,
            pending,
            sessions,
            keys,
            has_factor,
            has_password,
            linked,
            organisations,
            passkeys,
            attributes,
            fields,
        })
    }

    /// Whether there is an attribute that their owner sees and does not change.
    fn has_rows(&self) -> bool {
        attributes::has_rows(&self.attributes)
    }

    fn picture(&self) -> Option<String> {
        self.profile.picture.map(|id| self.v.to(&format!("/profile-images/{id}")))
    }

    fn initial(&self) -> String {
        self.profile.account.full_name.chars().next().unwrap_or('?').to_uppercase().to_string()
    }

    fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        let own = Language::of_tag(&self.owner.language);
        Language::ALL.iter().map(|one| (one.tag(), one.own_name(), *one == own)).collect()
    }
}

pub(crate) async fn show_account(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    Ok(v.show(StatusCode::OK, &AccountPage::of(&v, &app, guard.principal(), Faults::none()).await?)?)
}

pub(crate) async fn change_profile(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ProfileForm>,
) -> PageResult {
    let principal = *guard.principal();
    let change = async {
        super::set_full_name(&app, principal.into(), &FullName::of_field(&form.full_name)?, &client).await
    };
    let page = async |faults| {
        let page = AccountPage::of(&v, &app, &principal, faults).await?;
        Ok(AccountPage { full_name: form.full_name.clone(), ..page })
    };
    v.form(&["full_name"], change, page).await?;
    let Some(language) = Language::of_known_tag(&form.language) else {
        return Ok(v.go_done(paths::ACCOUNT, Done::Profile));
    };
    super::set_language(&app, principal, language).await?;
    Ok(v.go_done(&format!("{}?lang={}", paths::ACCOUNT, language.tag()), Done::Profile))
}

pub(crate) async fn change_attributes(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Texts(texts): Texts,
) -> PageResult {
    let principal = *guard.principal();
    let known = own_attributes::own(&app, principal.account).await?;
    let change = async {
        let changes = Changes::of_form(&known, Changer::Owner, &texts)?;
        own_attributes::change(&app, principal.into(), &changes, &client).await
    };
    let page = async |faults| {
        let page = AccountPage::of(&v, &app, &principal, faults).await?;
        let fields = attributes::fields(&page.attributes, Some(&texts), v.language);
        Ok(AccountPage { fields, ..page })
    };
    let ids: Vec<_> = known.iter().map(|known| attributes::id_of(known.attribute)).collect();
    let fields: Vec<_> = ids.iter().map(String::as_str).collect();
    v.form(&fields, change, page).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::Attributes))
}

/// `/` leads to the visitor's account.
pub(crate) async fn go_to_account(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::ACCOUNT))
}

pub(crate) async fn set_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Multipart(upload): Multipart<Upload>,
) -> PageResult {
    let set = pictures::set(&app, guard.principal().into(), upload.into_bytes(), &client);
    v.form(&["file"], set, async |faults| AccountPage::of(&v, &app, guard.principal(), faults).await).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::Picture))
}

pub(crate) async fn remove_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    pictures::remove(&app, guard.principal().into(), &client).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::PictureRemoved))
}
