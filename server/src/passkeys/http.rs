//! The routes of the caller's passkeys, and the document that tells password managers where to manage them.

use axum::extract::State;
use portcullis::{Guard, Json, NoContent, Path, Public, answers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Passkey, PasskeyId,
    options::CreationOptions,
    owner::{self, Name, RegistrationResponse, rejected},
};
use crate::{
    access::ManageAccount,
    app::App,
    caller::{Caller, caller},
    client::Client,
    clock::Timestamp,
    error::{
        Error, Failed, Forbidden, LastWayStays, NotFound, PasskeyConflict, Stale, Unavailable, Unprocessable,
    },
    paths,
};

/// A passkey.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Passkey")]
pub(crate) struct PasskeyView {
    /// Its ID.
    id: String,
    /// Its name, as its owner chose it.
    name: String,
    /// When it was added.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When it was last used; `null` if it was not used yet.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    /// Whether it is synchronised between devices, as the authenticator said when it was last used.
    is_synchronised: bool,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name,
            created_at: passkey.created_at.to_rfc3339(),
            last_used_at: passkey.last_used_at.map(Timestamp::to_rfc3339),
            is_synchronised: passkey.is_backed_up,
        }
    }
}

pub(crate) async fn list_passkeys(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<Vec<PasskeyView>>, Failed<(Unavailable,)>> {
    let passkeys = super::list(&app, caller(&guard).account).await?;
    Ok(Json(passkeys.into_iter().map(PasskeyView::from).collect()))
}

pub(crate) async fn ask_for_new_passkey(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<CreationOptions>, Failed<(Stale, Forbidden, PasskeyConflict, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Json(owner::begin(&app, fresh).await?))
}

/// A new passkey.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasskey {
    /// A name that tells it from the owner's other passkeys. By default, the device, for example `Firefox on Linux`.
    #[serde(default)]
    #[schemars(length(max = 64), extend("examples" = ["My phone"]))]
    name: String,
    /// The credential that the authenticator created.
    credential: RegistrationResponse,
}

answers! {
    /// The response to adding a passkey.
    #[derive(Debug)]
    pub(crate) enum PasskeyAdded {
        /// The passkey.
        Added(Json<PasskeyView>) = 201,
    }
}

pub(crate) async fn add_passkey(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<NewPasskey>,
) -> Result<PasskeyAdded, Failed<(Stale, Forbidden, PasskeyConflict, Unprocessable, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let name = Name::of_field_or_device(&body.name, &client)?;
    let made = body.credential.decode().map_err(rejected)?;
    let passkey = owner::add(&app, fresh, &made, &name, &client).await?;
    Ok(PasskeyAdded::Added(Json(passkey.into())))
}

/// Another name of a passkey.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyName {
    /// The name, in one line.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["My phone"]))]
    name: String,
}

pub(crate) async fn rename_passkey(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<PasskeyName>,
) -> Result<Json<PasskeyView>, Failed<(NotFound, Unprocessable, Unavailable)>> {
    let name = Name::of_field(&body.name)?;
    let id = PasskeyId::parse(&id).ok_or(Error::NotFound)?;
    Ok(Json(owner::rename(&app, caller(&guard), id, &name).await?.into()))
}

pub(crate) async fn remove_passkey(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, Forbidden, NotFound, LastWayStays, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let id = PasskeyId::parse(&id).ok_or(Error::NotFound)?;
    owner::remove(&app, fresh, id, &client).await?;
    Ok(NoContent)
}

/// Where people add and manage passkeys (<https://www.w3.org/TR/passkey-endpoints/>).
#[derive(Serialize, JsonSchema)]
pub(crate) struct PasskeyEndpoints {
    /// The page to add one.
    #[schemars(extend("format" = "uri"))]
    enroll: String,
    /// The page to rename and remove them.
    #[schemars(extend("format" = "uri"))]
    manage: String,
}

pub(crate) async fn read_passkey_endpoints(
    _: Public,
    State(app): State<App>,
) -> Result<Json<PasskeyEndpoints>, Failed<(NotFound,)>> {
    if !super::are_possible(app.public_url()) {
        return Err(Error::NotFound.into());
    }
    let page = format!("{}{}", app.issuer(), paths::PASSKEYS);
    Ok(Json(PasskeyEndpoints { enroll: page.clone(), manage: page }))
}
