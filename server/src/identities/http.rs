//! The routes of the caller's linked identities and of the configured providers.

use axum::extract::State;
use portcullis::{Guard, Json, NoContent, Path, Public};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Identity, IdentityId};
use crate::{
    access::ManageAccount,
    accounts::Email,
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{Error, Failed, LastWayStays, NotFound, Stale, Unavailable},
    paths,
    upstream::Provider,
};

/// A provider that people can log in with.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoginProvider")]
pub(crate) struct ProviderView {
    /// Its name in paths.
    #[schemars(extend("examples" = ["google"]))]
    name: String,
    /// Its display name.
    #[schemars(extend("examples" = ["Google"]))]
    label: String,
    /// The path on this server to which a page of the same origin submits a form to begin the login. The form's field
    /// `next` is the path to return to.
    #[schemars(extend("examples" = ["/account/log-in/with/google"]))]
    begin: String,
}

/// An account at another provider that is linked to this one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Identity")]
pub(crate) struct IdentityView {
    /// Its ID.
    id: String,
    /// The provider's name in paths.
    #[schemars(extend("examples" = ["google"]))]
    provider: String,
    /// The provider's display name.
    #[schemars(extend("examples" = ["Google"]))]
    label: String,
    /// The issuer. Together with the person's ID there, it identifies the identity.
    #[schemars(extend("examples" = ["https://accounts.google.com"]))]
    issuer: String,
    /// The address that the provider gave when the identity was linked, if it gave one. For information only.
    #[schemars(with = "Option<String>", extend("format" = "idn-email"))]
    email: Option<Email>,
    /// When it was linked.
    #[schemars(extend("format" = "date-time"))]
    linked_at: String,
    /// When it was last used to log in.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: String,
}

impl IdentityView {
    fn of(app: &App, identity: Identity) -> Self {
        Self {
            id: identity.id.0.to_string(),
            label: super::label(app, &identity.provider),
            provider: identity.provider,
            issuer: identity.issuer,
            email: identity.email,
            linked_at: identity.linked_at.to_rfc3339(),
            last_used_at: identity.last_used_at.to_rfc3339(),
        }
    }
}

pub(crate) async fn list_login_providers(_: Public, State(app): State<App>) -> Json<Vec<ProviderView>> {
    let view = |provider: &Provider| ProviderView {
        name: provider.name().to_owned(),
        label: provider.label().to_owned(),
        begin: paths::log_in_with(provider.name()),
    };
    Json(app.providers().iter().map(view).collect())
}

pub(crate) async fn list_identities(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
) -> Result<Json<Vec<IdentityView>>, Failed<(Unavailable,)>> {
    let identities = super::list(&app, caller(&guard).account).await?;
    Ok(Json(identities.into_iter().map(|identity| IdentityView::of(&app, identity)).collect()))
}

pub(crate) async fn unlink_identity(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, NotFound, LastWayStays, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let id = IdentityId::parse(&id).ok_or(Error::NotFound)?;
    super::unlink(&app, fresh, id, &client).await?;
    Ok(NoContent)
}
