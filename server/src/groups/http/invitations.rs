//! The routes of invitations.

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PageQuery, group, organisations::OrganisationView};
use crate::{
    access::{OrganisationsRead, OrganisationsWrite},
    accounts::{AccountId, Email},
    api_keys::{CallerOrKey, requester},
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{BadCursor, Failed, Forbidden, Gone, NotFound, NotSo, Throttled, Unavailable, Unprocessable},
    groups::{
        GroupRole,
        invitations::{self, Invitation, Invited},
        organisations,
    },
    messages::Language,
};

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

/// The roles that an invitation or a service account can have.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InvitedRole {
    Member,
    Admin,
}

impl From<InvitedRole> for GroupRole {
    fn from(role: InvitedRole) -> Self {
        match role {
            InvitedRole::Member => Self::Member,
            InvitedRole::Admin => Self::Admin,
        }
    }
}

/// Whom to invite.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewOrganisationInvitation")]
pub(crate) struct NewInvitation {
    /// Where the link is sent. Case does not matter.
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

pub(crate) async fn list_invitations(
    guard: Guard<CallerOrKey, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<InvitationsPage>, Failed<(BadCursor, NotFound, Forbidden, Unavailable)>> {
    let part = invitations::list(&app, requester(&guard).account(), group(&id)?, query.asked()).await?;
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
    let role = body.role.map_or(GroupRole::Member, GroupRole::from);
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
    Ok(Json(organisations::read(&app, principal.account, id).await?.into()))
}
