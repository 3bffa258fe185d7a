//! The routes of organisations themselves.

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PageQuery, group};
use crate::{
    access::{OrganisationsRead, OrganisationsWrite},
    api_keys::{CallerOrKey, requester},
    app::App,
    attributes::{AttributesChange, AttributesView, Changer, Changes},
    caller::{Caller, caller},
    client::Client,
    config::AttributeOf,
    error::{BadCursor, Failed, Forbidden, NotFound, NotSo, Stale, Unavailable, Unprocessable},
    groups::{GroupRole, Organisation, attributes, organisations},
    messages::Language,
};

/// An organisation that you are a member of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Organisation")]
pub(crate) struct OrganisationView {
    /// It is never reused, not even after the organisation is deleted.
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
    /// Your role in it.
    role: GroupRole,
    /// How many members it has.
    members: i64,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

impl From<Organisation> for OrganisationView {
    fn from(organisation: Organisation) -> Self {
        Self {
            id: organisation.id.to_string(),
            name: organisation.name,
            role: organisation.role,
            members: organisation.members,
            created_at: organisation.created_at.to_rfc3339(),
        }
    }
}

/// A page of your organisations.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OrganisationsPage {
    organisations: Vec<OrganisationView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

/// A name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OrganisationName")]
pub(crate) struct Named {
    /// It need not be unique.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["Analytical Engines"]))]
    name: String,
}

pub(crate) async fn list_organisations(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<OrganisationsPage>, Failed<(BadCursor, Unavailable)>> {
    let part = organisations::list(&app, requester(&guard).account(), query.asked()).await?;
    let organisations = part.items.into_iter().map(OrganisationView::from).collect();
    Ok(Json(OrganisationsPage { organisations, next: part.next }))
}

pub(crate) async fn create_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Named>,
) -> Result<Created<OrganisationView>, Failed<(NotFound, NotSo, Unprocessable, Unavailable)>> {
    Ok(Created(organisations::create(&app, caller(&guard), &body.name, &client).await?.into()))
}

pub(crate) async fn read_organisation(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<OrganisationView>, Failed<(NotFound, Unavailable)>> {
    Ok(Json(organisations::read(&app, requester(&guard).account(), group(&id)?).await?.into()))
}

pub(crate) async fn rename_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<Named>,
) -> Result<Json<OrganisationView>, Failed<(NotFound, Forbidden, Unprocessable, Unavailable)>> {
    let (principal, id) = (caller(&guard), group(&id)?);
    organisations::rename(&app, principal, id, &body.name, &client).await?;
    Ok(Json(organisations::read(&app, principal.account, id).await?.into()))
}

pub(crate) async fn delete_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, NotFound, Forbidden, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    organisations::delete(&app, fresh, group(&id)?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn read_organisation_attributes(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    language: Language,
) -> Result<Json<AttributesView>, Failed<(NotFound, Unavailable)>> {
    let known = attributes::seen_by(&app, requester(&guard).account(), group(&id)?).await?;
    Ok(Json(AttributesView::of(known, language)))
}

pub(crate) async fn change_organisation_attributes(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    language: Language,
    Json(body): Json<AttributesChange>,
) -> Result<Json<AttributesView>, Failed<(NotFound, Forbidden, Unprocessable, Unavailable)>> {
    let (principal, id) = (caller(&guard), group(&id)?);
    // The role first: what is wrong with a value would say what is declared.
    organisations::check_role(&app, principal.account, id, GroupRole::Owner).await?;
    let declared = &app.config().attributes;
    let changes = Changes::of_json(declared, AttributeOf::Organisation, Changer::Owner, &body.attributes)?;
    attributes::change(&app, principal, id, &changes, &client).await?;
    Ok(Json(AttributesView::of(attributes::seen_by(&app, principal.account, id).await?, language)))
}
