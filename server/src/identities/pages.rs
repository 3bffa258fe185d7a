//! The page of the linked accounts.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Identity, IdentityId};
use crate::{
    access::Principal,
    app::App,
    client::Client,
    error::Error,
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
    upstream::Provider,
};

#[derive(Template)]
#[template(path = "identities/linked.html")]
struct LinkedPage<'a> {
    v: &'a View,
    faults: Faults,
    /// Each with its provider's display name.
    linked: Vec<(Identity, String)>,
    /// Each provider's name in paths and its display name.
    providers: Vec<(String, String)>,
}

impl LinkedPage<'_> {
    #[expect(clippy::unused_self, reason = "templates call it by `self`")]
    fn id_of(&self, identity: &Identity) -> String {
        identity.id.0.to_string()
    }
}

async fn linked_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    faults: Faults,
) -> Result<LinkedPage<'a>, Error> {
    let linked = super::list(app, principal.account).await?.into_iter();
    let linked = linked.map(|identity| (super::label(app, &identity.provider), identity));
    let linked = linked.map(|(label, identity)| (identity, label)).collect();
    let names = |provider: &Provider| (provider.name().to_owned(), provider.label().to_owned());
    let providers = app.providers().iter().map(names).collect();
    Ok(LinkedPage { v, faults, linked, providers })
}

pub(crate) async fn show_linked(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    let page = linked_page(&app, &v, *guard.principal(), Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// The identity to unlink.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UnlinkForm {
    #[serde(default)]
    id: String,
}

pub(crate) async fn unlink(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<UnlinkForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::LINKED)?;
    let unlink = async {
        let id = IdentityId::parse(&form.id).ok_or(Error::NotFound)?;
        super::unlink(&app, fresh, id, &client).await
    };
    let page = async |faults| linked_page(&app, &v, *guard.principal(), faults).await;
    v.form(&[], unlink, page).await?;
    Ok(v.go_done(paths::LINKED, Done::Unlinked))
}
