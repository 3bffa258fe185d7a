//! The routes of organisations. The path names the organisation, and nothing else does.

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    GroupId, GroupRole, Organisation, Person, Team, acts,
    cursors::{Asked, Part},
    invitations::{self, Invitation, Invited},
};
use crate::{
    access::{OrganisationsRead, OrganisationsWrite},
    accounts::{AccountId, Email},
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{
        BadCursor, Error, Failed, Forbidden, Gone, NotFound, NotSo, Stale, Throttled, Unavailable,
        Unprocessable,
    },
    messages::Language,
};

/// An organisation that you are a member of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Organisation")]
pub(crate) struct OrganisationView {
    /// Never used again, not even after the organisation is deleted.
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

/// An open invitation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrganisationInvitation")]
pub(crate) struct InvitationView {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    /// Where the link was sent. It works only for the account with this address.
    #[schemars(extend("format" = "idn-email"))]
    email: String,
    /// The role of whoever accepts.
    role: GroupRole,
    /// The account that invited.
    invited_by: AccountId,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.as_str().to_owned(),
            role: invitation.role,
            invited_by: invitation.invited_by,
            created_at: invitation.created_at.to_rfc3339(),
            expires_at: invitation.expires_at.to_rfc3339(),
        }
    }
}

/// A page of open invitations.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvitationsPage {
    invitations: Vec<InvitationView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

/// The roles that an invitation can give.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InvitedRole {
    Member,
    Admin,
}

/// Whom to invite.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewOrganisationInvitation")]
pub(crate) struct NewInvitation {
    /// Where the link is sent. Case makes no difference.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["grace@example.com"]))]
    email: String,
    /// `member` by default. Only owners invite admins.
    role: Option<InvitedRole>,
}

/// An emailed invitation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvitationToken")]
pub(crate) struct AcceptedToken {
    /// The token at the end of the link.
    #[schemars(length(max = 4096))]
    token: String,
}

/// An invitation in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InvitationPath {
    id: String,
    invitation: String,
}

/// Which part of a list to return.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PageQuery {
    /// The `next` of the page before.
    #[schemars(length(max = 1024))]
    after: Option<String>,
    /// How many to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

impl PageQuery {
    fn asked(&self) -> Asked<'_> {
        Asked { after: self.after.as_deref(), limit: self.limit }
    }
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

/// A new team.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeam {
    /// It need not be unique.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["Engineering"]))]
    name: String,
    /// The team that it is in; the organisation if this is left out.
    #[schemars(extend("format" = "uuid"))]
    parent_id: Option<String>,
}

/// What to change about a team. What is left out stays.
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
    fn ids(&self) -> Result<(GroupId, GroupId), Error> {
        Ok((group(&self.id)?, group(&self.team)?))
    }
}

/// A member in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MemberPath {
    id: String,
    account: AccountId,
}

/// A member of a team in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TeamMemberPath {
    id: String,
    team: String,
    account: AccountId,
}

/// Text that is not an ID is treated like a missing group.
fn group(text: &str) -> Result<GroupId, Error> {
    GroupId::of_path(text).ok_or(Error::NotFound)
}

pub(crate) async fn list_organisations(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<OrganisationsPage>, Failed<(BadCursor, Unavailable)>> {
    let part = acts::list(&app, caller(&guard).account, query.asked()).await?;
    let organisations = part.items.into_iter().map(OrganisationView::from).collect();
    Ok(Json(OrganisationsPage { organisations, next: part.next }))
}

pub(crate) async fn create_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Named>,
) -> Result<Created<OrganisationView>, Failed<(NotFound, NotSo, Unprocessable, Unavailable)>> {
    Ok(Created(acts::create(&app, caller(&guard), &body.name, &client).await?.into()))
}

pub(crate) async fn read_organisation(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<OrganisationView>, Failed<(NotFound, Unavailable)>> {
    Ok(Json(acts::read(&app, caller(&guard).account, group(&id)?).await?.into()))
}

pub(crate) async fn rename_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<Named>,
) -> Result<Json<OrganisationView>, Failed<(NotFound, Forbidden, Unprocessable, Unavailable)>> {
    let (principal, id) = (caller(&guard), group(&id)?);
    acts::rename(&app, principal, id, &body.name, &client).await?;
    Ok(Json(acts::read(&app, principal.account, id).await?.into()))
}

pub(crate) async fn delete_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(Stale, NotFound, Forbidden, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    acts::delete(&app, fresh, group(&id)?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_members(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<MembersPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let part = acts::members(&app, caller(&guard).account, group(&id)?, None, query.asked()).await?;
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
    acts::set_role(&app, fresh, group(&path.id)?, path.account, body.role, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<MemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, NotSo, Unavailable)>> {
    acts::remove(&app, caller(&guard), group(&path.id)?, path.account, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn leave_organisation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
) -> Result<NoContent, Failed<(NotFound, NotSo, Unavailable)>> {
    acts::leave(&app, caller(&guard), group(&id)?, &client).await?;
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
    acts::hand_over(&app, fresh, group(&id)?, body.account_id, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_teams(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<TeamsPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let part = acts::teams(&app, caller(&guard).account, group(&id)?, query.asked()).await?;
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
    let team = acts::create_team(&app, caller(&guard), group(&id)?, parent, &body.name, &client).await?;
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
    Ok(Json(acts::change_team(&app, principal, path.ids()?, name, parent, &client).await?.into()))
}

pub(crate) async fn delete_team(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    acts::delete_team(&app, caller(&guard), path.ids()?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_team_members(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(path): Path<TeamPath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<MembersPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let (id, team) = path.ids()?;
    let part = acts::members(&app, caller(&guard).account, id, Some(team), query.asked()).await?;
    Ok(Json(part.into()))
}

pub(crate) async fn add_team_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamMemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, NotSo, Unavailable)>> {
    let team = (group(&path.id)?, group(&path.team)?);
    acts::add_to_team(&app, caller(&guard), team, path.account, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_team_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<TeamMemberPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    let team = (group(&path.id)?, group(&path.team)?);
    acts::remove_from_team(&app, caller(&guard), team, path.account, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_invitations(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<InvitationsPage>, Failed<(BadCursor, NotFound, Forbidden, Unavailable)>> {
    let part = invitations::list(&app, caller(&guard).account, group(&id)?, query.asked()).await?;
    let invitations = part.items.into_iter().map(InvitationView::from).collect();
    Ok(Json(InvitationsPage { invitations, next: part.next }))
}

pub(crate) async fn invite_member(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    language: Language,
    Path(id): Path<String>,
    Json(body): Json<NewInvitation>,
) -> Result<
    Created<InvitationView>,
    Failed<(NotFound, Forbidden, NotSo, Unprocessable, Throttled, Unavailable)>,
> {
    let role = match body.role {
        Some(InvitedRole::Admin) => GroupRole::Admin,
        Some(InvitedRole::Member) | None => GroupRole::Member,
    };
    let invited = Invited { email: Email::of_field(&body.email, "email")?, role, language };
    let made = invitations::invite(&app, caller(&guard), group(&id)?, &invited, &client).await?;
    Ok(Created(made.into()))
}

pub(crate) async fn revoke_invitation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<InvitationPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    // Invitations are not groups, but have IDs of the same form.
    let invitation = group(&path.invitation)?.uuid();
    invitations::revoke(&app, caller(&guard), group(&path.id)?, invitation, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn accept_invitation(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<AcceptedToken>,
) -> Result<Json<OrganisationView>, Failed<(NotFound, Forbidden, NotSo, Gone, Unprocessable, Unavailable)>> {
    let principal = caller(&guard);
    let id = invitations::accept(&app, principal, &body.token, &client).await?;
    Ok(Json(acts::read(&app, principal.account, id).await?.into()))
}
