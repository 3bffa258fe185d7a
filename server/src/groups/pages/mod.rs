//! The pages of organisations. Each form calls the same function as the API's handler, which checks the permission. A
//! page only leaves out what its reader may not do.

mod acts;
mod invitation;
mod member;
mod team;

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::Guard;
use url::form_urlencoded;

pub(crate) use self::{
    acts::{act, create, show_act, show_create},
    invitation::{accept, show_invitation},
    member::{change_member, show_member},
    team::{change_team, show_team},
};
use super::{
    GroupId, GroupRole, Organisation, Person, Team, acts as room,
    cursors::{Asked, MOST, Part},
    invitations::{self, Invitation},
};
use crate::{
    accounts::AccountId,
    app::App,
    error::Error,
    pages::{PageResult, View},
    paths,
    sessions::SessionCookies,
};

impl GroupRole {
    /// The message key of the role's name.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Member => "page.organisation.member",
            Self::Admin => "page.organisation.admin",
            Self::Owner => "page.organisation.owner",
        }
    }
}

/// Text that is not an ID is treated like a missing group.
fn group(text: &str) -> Result<GroupId, Error> {
    GroupId::of_path(text).ok_or(Error::NotFound)
}

/// The page of a list that the query parameter `name` selects.
fn asked<'v>(v: &'v View, name: &str) -> Asked<'v> {
    Asked { after: v.query(name), limit: Some(MOST) }
}

/// The URL of this page with the next page of the list `name`.
fn next(v: &View, path: &str, name: &str, cursor: Option<&str>) -> Option<String> {
    let cursor: String = form_urlencoded::byte_serialize(cursor?.as_bytes()).collect();
    Some(format!("{}?{name}={cursor}", v.to(path)))
}

#[derive(Template)]
#[template(path = "groups/organisations.html")]
struct OrganisationsPage<'a> {
    v: &'a View,
    part: Part<Organisation>,
}

impl OrganisationsPage<'_> {
    fn next(&self) -> Option<String> {
        next(self.v, paths::ORGANISATIONS, "after", self.part.next.as_deref())
    }
}

pub(crate) async fn show_organisations(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    let part = room::list(&app, guard.principal().account, asked(&v, "after")).await?;
    Ok(v.show(StatusCode::OK, &OrganisationsPage { v: &v, part })?)
}

#[derive(Template)]
#[template(path = "groups/organisation.html")]
struct OrganisationPage<'a> {
    v: &'a View,
    organisation: Organisation,
    own: AccountId,
    members: Part<Person>,
    teams: Part<Team>,
    /// `None` if the reader may not see them.
    invitations: Option<Part<Invitation>>,
}

impl OrganisationPage<'_> {
    fn path(&self) -> String {
        paths::organisation(self.organisation.id)
    }

    fn act(&self, act: &str) -> String {
        self.v.to(&paths::organisation_act(self.organisation.id, act))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    fn member(&self, account: &AccountId) -> String {
        self.v.to(&paths::member(self.organisation.id, account))
    }

    fn team(&self, team: &GroupId) -> String {
        self.v.to(&paths::team(self.organisation.id, team))
    }

    fn manages(&self) -> bool {
        self.organisation.role >= GroupRole::Admin
    }

    fn owns(&self) -> bool {
        self.organisation.role == GroupRole::Owner
    }

    fn is_own(&self, person: &Person) -> bool {
        person.account_id == self.own
    }

    /// Whether the reader may change or remove this member.
    fn may_change(&self, person: &Person) -> bool {
        person.account_id != self.own && (self.owns() || (self.manages() && person.role == GroupRole::Member))
    }

    fn next_members(&self) -> Option<String> {
        next(self.v, &self.path(), "members", self.members.next.as_deref())
    }

    fn next_teams(&self) -> Option<String> {
        next(self.v, &self.path(), "teams", self.teams.next.as_deref())
    }
}

pub(crate) async fn show_organisation(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path(id): Path<String>,
) -> PageResult {
    let (own, id) = (guard.principal().account, group(&id)?);
    let organisation = room::read(&app, own, id).await?;
    let members = room::members(&app, own, id, None, asked(&v, "members")).await?;
    let teams = room::teams(&app, own, id, asked(&v, "teams")).await?;
    let invitations = if organisation.role >= GroupRole::Admin {
        Some(invitations::list(&app, own, id, Asked { after: None, limit: Some(MOST) }).await?)
    } else {
        None
    };
    let page = OrganisationPage { v: &v, organisation, own, members, teams, invitations };
    Ok(v.show(StatusCode::OK, &page)?)
}
