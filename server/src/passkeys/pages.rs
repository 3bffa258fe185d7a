//! The page of the visitor's passkeys.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard, Public};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Passkey, PasskeyId,
    options::CreationOptions,
    owner::{self, Name, RegistrationResponse, rejected},
};
use crate::{
    access::Principal,
    app::App,
    client::Client,
    error::Error,
    pages::{Done, Faults, PageResult, View},
    paths, sessions,
    sessions::SessionCookies,
};

/// Options for the page's script, as the value of an attribute.
pub(crate) fn options_text(options: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(options)
        .map_err(|cause| Error::Internal(format!("the options of a passkey cannot be written: {cause}")))
}

#[derive(Template)]
#[template(path = "passkeys/passkeys.html")]
struct PasskeysPage<'a> {
    v: &'a View,
    faults: Faults,
    passkeys: Vec<Passkey>,
    /// Whether passkeys work at this address.
    are_possible: bool,
}

async fn passkeys_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    faults: Faults,
) -> Result<PasskeysPage<'a>, Error> {
    let passkeys = super::list(app, principal.account).await?;
    let are_possible = super::are_possible(app.public_url());
    Ok(PasskeysPage { v, faults, passkeys, are_possible })
}

pub(crate) async fn show_passkeys(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    Ok(v.show(StatusCode::OK, &passkeys_page(&app, &v, *guard.principal(), Faults::none()).await?)?)
}

/// The pages that forms respond with, requested by GET.
pub(crate) async fn go_to_passkeys(_: Public, v: View) -> PageResult {
    Ok(v.go(paths::PASSKEYS))
}

/// The form that names a new passkey, whose button runs the ceremony.
#[derive(Template)]
#[template(path = "passkeys/add.html")]
struct AddPage<'a> {
    v: &'a View,
    faults: Faults,
    options: String,
    name: String,
}

fn add_page<'a>(
    v: &'a View,
    options: &CreationOptions,
    name: String,
    faults: Faults,
) -> Result<AddPage<'a>, Error> {
    Ok(AddPage { v, faults, options: options_text(options)?, name })
}

pub(crate) async fn begin_to_add(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::PASSKEYS)?;
    let page = async |faults| passkeys_page(&app, &v, *guard.principal(), faults).await;
    let options = v.form(&[], owner::begin(&app, fresh), page).await?;
    Ok(v.show(StatusCode::OK, &add_page(&v, &options, sessions::device_of(&client), Faults::none())?)?)
}

/// A new passkey.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NewForm {
    #[serde(default)]
    name: String,
    /// The credential that the script read from the browser, in JSON.
    #[serde(default)]
    credential: String,
}

pub(crate) async fn add_passkey(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<NewForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::PASSKEYS)?;
    let add = async {
        let name = Name::of_field_or_device(&form.name, &client)?;
        let made = RegistrationResponse::decode_text(&form.credential).map_err(rejected)?;
        owner::add(&app, fresh, &made, &name, &client).await
    };
    let page = async |faults| add_page(&v, &owner::begin(&app, fresh).await?, form.name.clone(), faults);
    v.form(&["name"], add, page).await?;
    Ok(v.go_done(paths::PASSKEYS, Done::PasskeyAdded))
}

/// The passkey and its new name.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasskeyForm {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

impl PasskeyForm {
    fn id(&self) -> Result<PasskeyId, Error> {
        PasskeyId::parse(&self.id).ok_or(Error::NotFound)
    }
}

pub(crate) async fn rename_passkey(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Form(form): Form<PasskeyForm>,
) -> PageResult {
    let rename = async {
        let (id, name) = (form.id()?, Name::of_field(&form.name)?);
        owner::rename(&app, *guard.principal(), id, &name).await
    };
    // Its field is one of several, so the error is shown above them.
    v.form(&[], rename, async |faults| passkeys_page(&app, &v, *guard.principal(), faults).await).await?;
    Ok(v.go_done(paths::PASSKEYS, Done::PasskeyRenamed))
}

pub(crate) async fn remove_passkey(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<PasskeyForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::PASSKEYS)?;
    let remove = async {
        match owner::remove(&app, fresh, form.id()?, &client).await {
            // Another request has already removed it.
            Err(Error::NotFound) => Ok(()),
            removed => removed,
        }
    };
    v.form(&[], remove, async |faults| passkeys_page(&app, &v, *guard.principal(), faults).await).await?;
    Ok(v.go_done(paths::PASSKEYS, Done::PasskeyRemoved))
}
