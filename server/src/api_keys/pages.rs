//! The pages of API keys: the list, the form for a new key, and the new key, shown once.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Listed, MOST_DAYS, MOST_OVERLAP, MOST_PER_MINUTE, Made, NewKey, USUAL_DAYS};
use crate::{
    access::{KeyId, KeyOf, Principal},
    app::App,
    client::Client,
    error::Error,
    invalid::{Fault, Invalid},
    pages::{Done, Faults, NotShown, PageResult, View},
    paths,
    sessions::SessionCookies,
};

/// The lifetimes that the form offers, in days.
const LIFETIMES: [u16; 5] = [7, 30, USUAL_DAYS, 180, MOST_DAYS];

#[derive(Template)]
#[template(path = "api_keys/keys.html")]
struct KeysPage<'a> {
    v: &'a View,
    faults: Faults,
    keys: Vec<Listed>,
}

impl KeysPage<'_> {
    /// The scopes of a key in the reader's language.
    fn scopes(&self, key: &Listed) -> String {
        labels(self.v, key)
    }
}

/// The scopes of a key in the reader's language.
pub(crate) fn labels(v: &View, key: &Listed) -> String {
    key.scope.split(' ').map(|scope| label(v, scope)).collect::<Vec<_>>().join(", ")
}

/// A scope in the reader's language.
fn label<'a>(v: &View, scope: &'a str) -> &'a str {
    match scope {
        "profile:read" => v.t("page.keys.profile_read"),
        "profile:write" => v.t("page.keys.profile_write"),
        "organisations:read" => v.t("page.keys.organisations_read"),
        "accounts:read" => v.t("page.keys.accounts_read"),
        "audit:read" => v.t("page.keys.audit_read"),
        other => other,
    }
}

async fn keys_page<'a>(
    app: &App,
    v: &'a View,
    guard: &Guard<SessionCookies>,
    faults: Faults,
) -> Result<KeysPage<'a>, Error> {
    Ok(KeysPage { v, faults, keys: super::list(app, guard.principal().account).await? })
}

pub(crate) async fn show_keys(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    Ok(v.show(StatusCode::OK, &keys_page(&app, &v, &guard, Faults::none()).await?)?)
}

#[derive(Template)]
#[template(path = "api_keys/new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) v: &'a View,
    pub(crate) faults: Faults,
    pub(crate) app: &'a App,
    pub(crate) of: KeyOf,
    pub(crate) form: &'a NewForm,
    /// Where the form is sent, and the page of the account's keys.
    pub(crate) path: &'a str,
    pub(crate) keys: &'a str,
}

impl<'a> NewPage<'a> {
    fn own(app: &'a App, v: &'a View, principal: Principal, form: &'a NewForm, faults: Faults) -> Self {
        let of = KeyOf::Person(principal.role);
        Self { v, faults, app, of, form, path: paths::NEW_API_KEY, keys: paths::API_KEYS }
    }

    /// Each scope that can be selected: its name, its text, and whether it is selected.
    fn scopes(&self) -> Vec<(&str, &str, bool)> {
        let is_chosen = |name: &str| self.form.scope.iter().any(|chosen| chosen == name);
        let scopes = self.of.scopes(self.app.scopes());
        scopes.map(|name| (name, label(self.v, name), is_chosen(name))).collect()
    }

    /// Each lifetime that can be selected, and whether it is selected.
    fn lifetimes(&self) -> Vec<(u16, bool)> {
        let chosen = self.form.days().unwrap_or(USUAL_DAYS);
        LIFETIMES.iter().map(|days| (*days, *days == chosen)).collect()
    }
}

/// The form for a new key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct NewForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: Vec<String>,
    #[serde(default)]
    expires_in_days: String,
    /// Empty: no limit.
    #[serde(default)]
    per_minute: String,
}

impl NewForm {
    pub(crate) const FIELDS: [&'static str; 4] = ["name", "scope", "expires_in_days", "per_minute"];

    fn days(&self) -> Option<u16> {
        self.expires_in_days.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days))
    }

    fn per_minute(&self) -> Result<Option<i64>, Invalid> {
        let text = self.per_minute.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let most = text.parse().ok().filter(|most| (1..=MOST_PER_MINUTE).contains(most));
        most.map(Some).ok_or_else(|| Invalid::field("per_minute", Fault::NotUpTo(MOST_PER_MINUTE)))
    }

    pub(crate) fn check(&self, app: &App, of: KeyOf) -> Result<NewKey, Invalid> {
        let days = self.days().ok_or_else(|| Invalid::field("expires_in_days", Fault::Missing));
        let scope = self.scope.join(" ");
        let new = NewKey::check(of, app.scopes(), &self.name, &scope, self.days().unwrap_or(USUAL_DAYS));
        match both(both(new, days), self.per_minute()) {
            Ok(((new, _), per_minute)) => Ok(new.limited(per_minute)),
            Err(invalid) => Err(invalid),
        }
    }
}

/// Both values, or the faults of either.
fn both<A, B>(a: Result<A, Invalid>, b: Result<B, Invalid>) -> Result<(A, B), Invalid> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.and(b)),
        (Err(invalid), Ok(_)) | (Ok(_), Err(invalid)) => Err(invalid),
    }
}

/// Requires a fresh login before showing the form, so that submitting it needs none.
pub(crate) async fn show_new_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    let principal = *guard.principal();
    v.fresh(principal, paths::NEW_API_KEY)?;
    let form = NewForm::default();
    Ok(v.show(StatusCode::OK, &NewPage::own(&app, &v, principal, &form, Faults::none()))?)
}

#[derive(Template)]
#[template(path = "api_keys/made.html")]
pub(crate) struct MadePage<'a> {
    pub(crate) v: &'a View,
    pub(crate) made: Made,
    /// Whether it replaces another key.
    pub(crate) is_successor: bool,
    /// The page of the account's keys.
    pub(crate) keys: &'a str,
}

pub(crate) async fn create_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<NewForm>,
) -> PageResult {
    let principal = *guard.principal();
    let fresh = v.fresh(principal, paths::NEW_API_KEY)?;
    let of = KeyOf::Person(principal.role);
    let create = async { super::make(&app, fresh, &form.check(&app, of)?, &client).await };
    let page = async |faults| Ok(NewPage::own(&app, &v, principal, &form, faults));
    let made = v.form(&NewForm::FIELDS, create, page).await?;
    Ok(v.show(StatusCode::OK, &MadePage { v: &v, made, is_successor: false, keys: paths::API_KEYS })?)
}

/// The key that a form is about.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct KeyForm {
    #[serde(default)]
    id: String,
}

impl KeyForm {
    fn key(&self) -> Result<KeyId, Error> {
        KeyId::of_text(&self.id).ok_or(Error::NotFound)
    }
}

/// Redirects a reload of a page that a form returned.
pub(crate) async fn go_to_keys(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::API_KEYS))
}

pub(crate) async fn rotate_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<KeyForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::API_KEYS)?;
    let overlap = Duration::from_hours(u64::from(MOST_OVERLAP));
    let rotate = async { super::rotate(&app, fresh, form.key()?, overlap, &client).await };
    let page = async |faults| keys_page(&app, &v, &guard, faults).await;
    match v.form(&[], rotate, page).await {
        Ok(made) => {
            Ok(v.show(StatusCode::OK, &MadePage { v: &v, made, is_successor: true, keys: paths::API_KEYS })?)
        }
        // The key was removed meanwhile. The list shows the current state.
        Err(NotShown::Error(Error::NotFound)) => Ok(v.go(paths::API_KEYS)),
        Err(not_shown) => Err(not_shown),
    }
}

pub(crate) async fn remove_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<KeyForm>,
) -> PageResult {
    match super::remove(&app, *guard.principal(), form.key()?, &client).await {
        // `NotFound`: the key was already removed.
        Ok(()) | Err(Error::NotFound) => Ok(v.go_done(paths::API_KEYS, Done::KeyRemoved)),
        Err(error) => Err(error.into()),
    }
}
