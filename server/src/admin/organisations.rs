//! Other users' organisations: an administrator finds them, gives one an owner, and deletes it.

use portcullis::{Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use axum::extract::State;

use super::{AdminActor, note};
use crate::{
    access::{AccountsRead, AccountsWrite},
    accounts::AccountId,
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{BadCursor, Error, Failed, NotFound, NotSo, Stale, Unavailable},
    events::Event,
    groups::{
        self, Found, GroupId, GroupRole, Part, Person,
        http::{members::MembersPage, services::ServiceView},
    },
};

/// Which organisations to return.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct OrganisationsQuery {
    /// Only organisations with this in their name, or with this ID. Case and accents do not matter.
    #[schemars(length(min = 1, max = 254))]
    pub(crate) search: Option<String>,
    /// The `next` of the previous page.
    #[schemars(length(max = 1024))]
    pub(crate) after: Option<String>,
    /// How many to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
}

/// Which members to return.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct MembersQuery {
    /// The `next` of the previous page.
    #[schemars(length(max = 1024))]
    after: Option<String>,
    /// How many to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// An organisation, as administrators see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedOrganisation")]
pub(crate) struct FoundView {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
    /// How many members it has.
    members: i64,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        Self {
            id: found.id.to_string(),
            name: found.name,
            members: found.members,
            created_at: found.created_at.to_rfc3339(),
        }
    }
}

/// A page of all organisations.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManagedOrganisationsPage {
    organisations: Vec<FoundView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

/// The new role of a member.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ManagedMemberRole")]
pub(crate) struct NewRole {
    role: GroupRole,
}

/// A member in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MemberPath {
    id: String,
    account: AccountId,
}

/// Lists organisations, newest first.
pub(super) async fn list(
    app: &App,
    actor: &AdminActor,
    query: &OrganisationsQuery,
) -> Result<Part<Found>, Error> {
    let part = groups::find(app, query.search.as_deref(), query.after.as_deref(), query.limit).await?;
    note(app, &actor.reader(), Event::OrganisationsListed, None).await?;
    Ok(part)
}

/// An organisation and a page of its members.
pub(super) async fn read(
    app: &App,
    actor: &AdminActor,
    id: GroupId,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<(Found, Part<Person>), Error> {
    let read = groups::details(app, id, after, limit).await?;
    note(app, &actor.reader(), Event::OrganisationRead, None).await?;
    Ok(read)
}

fn id_of(text: &str) -> Result<GroupId, Error> {
    GroupId::of_path(text).ok_or(Error::NotFound)
}

pub(crate) async fn list_all_organisations(
    guard: Guard<Caller, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Query(query): Query<OrganisationsQuery>,
) -> Result<Json<ManagedOrganisationsPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let part = list(&app, &AdminActor::of(caller(&guard), client)?, &query).await?;
    let organisations = part.items.into_iter().map(FoundView::from).collect();
    Ok(Json(ManagedOrganisationsPage { organisations, next: part.next }))
}

pub(crate) async fn list_members_of_organisation(
    guard: Guard<Caller, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Query(query): Query<MembersQuery>,
) -> Result<Json<MembersPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?;
    let (_, members) = read(&app, &actor, id_of(&id)?, query.after.as_deref(), query.limit).await?;
    Ok(Json(members.into()))
}

/// The service accounts of an organisation. There are at most 50.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManagedServiceAccounts {
    service_accounts: Vec<ServiceView>,
}

pub(crate) async fn list_service_accounts_of_organisation(
    guard: Guard<Caller, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<Json<ManagedServiceAccounts>, Failed<(NotFound, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?;
    let services = groups::services(&app, id_of(&id)?).await?;
    note(&app, &actor.reader(), Event::OrganisationRead, None).await?;
    Ok(Json(ManagedServiceAccounts {
        service_accounts: services.into_iter().map(ServiceView::from).collect(),
    }))
}

pub(crate) async fn set_role_in_organisation(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<MemberPath>,
    Json(body): Json<NewRole>,
) -> Result<NoContent, Failed<(Stale, NotFound, NotSo, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?.fresh(app.now())?;
    groups::set_role_by(&app, id_of(&path.id)?, path.account, body.role, actor.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_organisation(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, NotFound, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?.fresh(app.now())?;
    groups::delete_by(&app, id_of(&id)?, actor.by()).await?;
    Ok(NoContent)
}
