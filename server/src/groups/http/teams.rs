//! The routes of teams.

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PageQuery, group, members::MembersPage};
use crate::{
    access::{OrganisationsRead, OrganisationsWrite},
    accounts::AccountId,
    api_keys::{CallerOrKey, requester},
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{BadCursor, Error, Failed, Forbidden, NotFound, NotSo, Unavailable, Unprocessable},
    groups::{GroupId, Team, members, teams},
};

/// A team.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Team")]
pub(crate) struct TeamView {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
    /// The team that it is in, or the organisation.
    #[schemars(extend("format" = "uuid"))]
    parent_id: String,
    /// How deep it is nested: 1 if it is in no other team.
    depth: i64,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id.to_string(),
            name: team.name,
            parent_id: team.parent_id.to_string(),
            depth: team.depth,
            created_at: team.created_at.to_rfc3339(),
        }
    }
}

/// A page of teams.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TeamsPage {
    teams: Vec<TeamView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

/// A new team.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeam {
    /// It need not be unique.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["Engineering"]))]
    name: String,
    /// The team that it is in. By default, it is directly in the organisation.
    #[schemars(extend("format" = "uuid"))]
    parent_id: Option<String>,
}

/// What to change about a team. Fields that are left out keep their value.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamChange {
    #[schemars(length(min = 1, max = 100), extend("examples" = ["Engineering"]))]
    name: Option<String>,
    /// The team of the same organisation that it moves into, or the organisation.
    #[schemars(extend("format" = "uuid"))]
    parent_id: Option<String>,
}

/// A team in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TeamPath {
    id: String,
    team: String,
}

impl TeamPath {
    pub(super) fn ids(&self) -> Result<(GroupId, GroupId), Error> {
        Ok((group(&self.id)?, group(&self.team)?))
    }
}

/// A member of a team in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TeamMemberPath {
    id: String,
    team: String,
    account: AccountId,
}

pub(crate) async fn list_teams(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<TeamsPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let part = teams::teams(&app, requester(&guard).account(), group(&id)?, query.asked()).await?;
    Ok(Json(TeamsPage { teams: part.items.into_iter().map(TeamView::from).collect(), next: part.next }))
}

pub(crate) async fn create_team(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<NewTeam>,
) -> Result<Created<TeamView>, Failed<(NotFound, Forbidden, NotSo, Unprocessable, Unavailable)>> {
    let parent = body.parent_id.as_deref().map(group).transpose()?;
    let team = teams::create_team(&app, caller(&guard), group(&id)?, parent, &body.name, &client).await?;
    Ok(Created(team.into()))
}

pub(crate) async fn change_team(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamPath>,
    Json(body): Json<TeamChange>,
) -> Result<Json<TeamView>, Failed<(NotFound, Forbidden, NotSo, Unprocessable, Unavailable)>> {
    let parent = body.parent_id.as_deref().map(group).transpose()?;
    let (principal, name) = (caller(&guard), body.name.as_deref());
    Ok(Json(teams::change_team(&app, principal, path.ids()?, name, parent, &client).await?.into()))
}

pub(crate) async fn delete_team(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    teams::delete_team(&app, caller(&guard), path.ids()?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_team_members(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(path): Path<TeamPath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<MembersPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let (id, team) = path.ids()?;
    let part = members::members(&app, requester(&guard).account(), id, Some(team), query.asked()).await?;
    Ok(Json(part.into()))
}

pub(crate) async fn add_team_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamMemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, NotSo, Unavailable)>> {
    let team = (group(&path.id)?, group(&path.team)?);
    teams::add_to_team(&app, caller(&guard), team, path.account, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_team_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamMemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    let team = (group(&path.id)?, group(&path.team)?);
    teams::remove_from_team(&app, caller(&guard), team, path.account, &client).await?;
    Ok(NoContent)
}
