//! The routes of members.

use axum::extract::State;
use portcullis::{Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PageQuery, group};
use crate::{
    access::{OrganisationsRead, OrganisationsWrite},
    accounts::AccountId,
    api_keys::{CallerOrKey, requester},
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{BadCursor, Failed, Forbidden, NotFound, NotSo, Stale, Unavailable},
    groups::{GroupRole, Person, cursors::Part, members},
};

/// A member of an organisation or a team.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Member")]
pub(crate) struct MemberView {
    /// The `sub` of the member's tokens.
    account_id: AccountId,
    full_name: String,
    #[schemars(extend("format" = "idn-email"))]
    email: String,
    /// The role in the organisation; in a team it is always `member`.
    role: GroupRole,
    /// When they joined.
    #[schemars(extend("format" = "date-time"))]
    joined_at: String,
}

impl From<Person> for MemberView {
    fn from(person: Person) -> Self {
        Self {
            account_id: person.account_id,
            full_name: person.full_name.as_str().to_owned(),
            email: person.email.as_str().to_owned(),
            role: person.role,
            joined_at: person.created_at.to_rfc3339(),
        }
    }
}

/// A page of members.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MembersPage {
    members: Vec<MemberView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

impl From<Part<Person>> for MembersPage {
    fn from(part: Part<Person>) -> Self {
        Self { members: part.items.into_iter().map(MemberView::from).collect(), next: part.next }
    }
}

/// A new role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberRole")]
pub(crate) struct NewRole {
    role: GroupRole,
}

/// Who becomes the owner.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HandOver")]
pub(crate) struct Successor {
    /// A member of the organisation.
    account_id: AccountId,
}

/// A member in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MemberPath {
    id: String,
    account: AccountId,
}

pub(crate) async fn list_members(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<MembersPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let part = members::members(&app, requester(&guard).account(), group(&id)?, None, query.asked()).await?;
    Ok(Json(part.into()))
}

pub(crate) async fn set_member_role(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<MemberPath>,
    Json(body): Json<NewRole>,
) -> Result<NoContent, Failed<(Stale, NotFound, Forbidden, NotSo, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    members::set_role(&app, fresh, group(&path.id)?, path.account, body.role, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<MemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, NotSo, Unavailable)>> {
    members::remove(&app, caller(&guard), group(&path.id)?, path.account, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn leave_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(NotFound, NotSo, Unavailable)>> {
    members::leave(&app, caller(&guard), group(&id)?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn hand_over_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<Successor>,
) -> Result<NoContent, Failed<(Stale, NotFound, Forbidden, NotSo, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    members::hand_over(&app, fresh, group(&id)?, body.account_id, &client).await?;
    Ok(NoContent)
}
