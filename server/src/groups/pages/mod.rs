//! The pages of organisations. Each form calls the same function as the API's handler, which checks the permission. A
//! page only leaves out what its reader may not do.

mod acts;
mod invitation;
mod member;
mod services;
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
    services::{
        change_service, create_service, create_service_key, show_new_service_key, show_service, show_services,
    },
    team::{change_team, show_team},
};
use super::{
    GroupId, GroupRole, Organisation, Person, Team, attributes as own_attributes,
    cursors::{Asked, MOST, Part},
    invitations::{self, Invitation},
    members, organisations, teams,
};
use crate::{
    accounts::AccountId,
    app::App,
    attributes::{self, Changer, Changes, Field, Input, Known},
    client::Client,
    error::Error,
    pages::{Done, Faults, PageResult, Texts, View},
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
    let part = organisations::list(&app, guard.principal().account, asked(&v, "after")).await?;
    Ok(v.show(StatusCode::OK, &OrganisationsPage { v: &v, part })?)
}

#[derive(Template)]
#[template(path = "groups/organisation.html")]
struct OrganisationPage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    own: AccountId,
    members: Part<Person>,
    teams: Part<Team>,
    /// `None` if the reader may not see them.
    invitations: Option<Part<Invitation>>,
    attributes: Vec<Known<'a>>,
    /// Those that the reader can change.
    fields: Vec<Field>,
}

impl<'a> OrganisationPage<'a> {
    async fn of(
        app: &'a App,
        v: &'a View,
        own: AccountId,
        id: GroupId,
        faults: Faults,
    ) -> Result<Self, Error> {
        let organisation = organisations::read(app, own, id).await?;
        let members = members::members(app, own, id, None, asked(v, "members")).await?;
        let teams = teams::teams(app, own, id, asked(v, "teams")).await?;
        let invitations = if organisation.role >= GroupRole::Admin {
            Some(invitations::list(app, own, id, Asked { after: None, limit: Some(MOST) }).await?)
        } else {
            None
        };
        let attributes = own_attributes::seen_by(app, own, id).await?;
        let fields = attributes::fields(&attributes, None, v.language);
        Ok(Self { v, faults, organisation, own, members, teams, invitations, attributes, fields })
    }

    /// Whether there is an attribute that the reader sees and does not change.
    fn has_rows(&self) -> bool {
        attributes::has_rows(&self.attributes)
    }

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
    let page = OrganisationPage::of(&app, &v, own, id, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn change_attributes(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<String>,
    Texts(texts): Texts,
) -> PageResult {
    let (principal, id) = (*guard.principal(), group(&id)?);
    let known = own_attributes::seen_by(&app, principal.account, id).await?;
    let change = async {
        let changes = Changes::of_form(&known, Changer::Owner, &texts)?;
        own_attributes::change(&app, principal, id, &changes, &client).await
    };
    let page = async |faults| {
        let page = OrganisationPage::of(&app, &v, principal.account, id, faults).await?;
        let fields = attributes::fields(&page.attributes, Some(&texts), v.language);
        Ok(OrganisationPage { fields, ..page })
    };
    let ids: Vec<_> = known.iter().map(|known| attributes::id_of(known.attribute)).collect();
    let fields: Vec<_> = ids.iter().map(String::as_str).collect();
    v.form(&fields, change, page).await?;
    Ok(v.go_done(&paths::organisation(id), Done::Attributes))
}
