//! The page of a team.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{asked, group, next};
use crate::{
    access::Principal,
    accounts::{AccountId, Email},
    app::App,
    client::Client,
    error::Error,
    groups::{
        GroupId, GroupRole, Organisation, Person, ServiceAccount, Team,
        cursors::{Asked, MOST, Part},
        members, organisations, services, teams,
    },
    invalid::{Fault, Invalid},
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "groups/team.html")]
struct TeamPage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    team: Team,
    /// The parent team, if there is one.
    parent: Option<Team>,
    members: Part<Person>,
    /// The service accounts in it, for those who manage them.
    services: Vec<ServiceAccount>,
    /// The organisation's other service accounts.
    other_services: Vec<ServiceAccount>,
    /// The organisation's teams, at most 100, for the form that moves this one.
    others: Part<Team>,
    form: &'a TeamForm,
}

impl TeamPage<'_> {
    fn path(&self) -> String {
        paths::team(self.organisation.id, self.team.id)
    }

    fn name(&self) -> &str {
        if self.form.name.is_empty() { &self.team.name } else { &self.form.name }
    }

    /// Where the team can be moved: the ID, the name, and whether it is there now. A team inside this one is refused when
    /// it is chosen.
    fn places(&self) -> Vec<(GroupId, &str, bool)> {
        let organisation = (self.organisation.id, self.organisation.name.as_str());
        let teams = self.others.items.iter().filter(|team| team.id != self.team.id);
        let places = std::iter::once(organisation).chain(teams.map(|team| (team.id, team.name.as_str())));
        places.map(|(id, name)| (id, name, id == self.team.parent_id)).collect()
    }

    fn manages(&self) -> bool {
        self.organisation.role >= GroupRole::Admin
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    fn service(&self, account: &AccountId) -> String {
        self.v.to(&paths::service(self.organisation.id, account))
    }

    fn next(&self) -> Option<String> {
        next(self.v, &self.path(), "members", self.members.next.as_deref())
    }
}

async fn page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    (id, team): (GroupId, GroupId),
    form: &'a TeamForm,
    faults: Faults,
) -> Result<TeamPage<'a>, Error> {
    let own = principal.account;
    let organisation = organisations::read(app, own, id).await?;
    let (team, parent) = teams::team(app, own, id, team).await?;
    let members = members::members(app, own, id, Some(team.id), asked(v, "members")).await?;
    let all = || Asked { after: None, limit: Some(MOST) };
    let others = teams::teams(app, own, id, all()).await?;
    let (mut services, mut other_services) = (Vec::new(), Vec::new());
    if organisation.role >= GroupRole::Admin {
        services = services::in_team(app, own, (id, team.id)).await?;
        other_services = services::list(app, own, id, all()).await?.items;
        other_services.retain(|one| services.iter().all(|own| own.account_id != one.account_id));
    }
    Ok(TeamPage { v, faults, organisation, team, parent, members, services, other_services, others, form })
}

pub(crate) async fn show_team(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path((id, team)): Path<(String, String)>,
) -> PageResult {
    let (ids, form) = ((group(&id)?, group(&team)?), TeamForm::default());
    let page = page(&app, &v, *guard.principal(), ids, &form, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// The button that was pressed, and the fields of the form.
#[derive(Deserialize, JsonSchema, Default)]
pub(crate) struct TeamForm {
    #[serde(default)]
    act: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    account: String,
    /// Where the team is moved.
    #[serde(default)]
    parent: String,
}

pub(crate) async fn change_team(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, team)): Path<(String, String)>,
    Form(form): Form<TeamForm>,
) -> PageResult {
    let (principal, ids) = (*guard.principal(), (group(&id)?, group(&team)?));
    let again = async |faults| page(&app, &v, principal, ids, &form, faults).await;
    let here = paths::team(ids.0, ids.1);
    match form.act.as_str() {
        "rename" => {
            let rename = teams::change_team(&app, principal, ids, Some(&form.name), None, &client);
            v.form(&["name"], rename, again).await?;
            Ok(v.go_done(&here, Done::TeamRenamed))
        }
        "move" => {
            let parent = Some(group(&form.parent)?);
            let change = teams::change_team(&app, principal, ids, None, parent, &client);
            v.form(&[], change, again).await?;
            Ok(v.go_done(&here, Done::TeamMoved))
        }
        "inner" => {
            let create = teams::create_team(&app, principal, ids.0, Some(ids.1), &form.name, &client);
            let made = v.form(&["name"], create, again).await?;
            Ok(v.go_done(&paths::team(ids.0, made.id), Done::TeamCreated))
        }
        "add" => {
            let add = async {
                if form.email.is_empty() {
                    return Err(Invalid::field("email", Fault::Missing).into());
                }
                let email = Email::of_field(&form.email, "email")?;
                let member = members::member_at(&app, principal.account, ids.0, &email).await?;
                let member = member.ok_or_else(|| Invalid::field("email", Fault::NotAMember))?;
                teams::add_to_team(&app, principal, ids, member, &client).await
            };
            v.form(&["email"], add, again).await?;
            Ok(v.go_done(&here, Done::TeamMemberAdded))
        }
        "add-service" => {
            let service = form.account.parse().map(AccountId::new).map_err(|_| Error::NotFound)?;
            teams::add_to_team(&app, principal, ids, service, &client).await?;
            Ok(v.go_done(&here, Done::TeamMemberAdded))
        }
        "remove" => {
            let member = form.account.parse().map(AccountId::new).map_err(|_| Error::NotFound)?;
            teams::remove_from_team(&app, principal, ids, member, &client).await?;
            Ok(v.go_done(&here, Done::TeamMemberRemoved))
        }
        "delete" => {
            teams::delete_team(&app, principal, ids, &client).await?;
            Ok(v.go_done(&paths::organisation(ids.0), Done::TeamDeleted))
        }
        _ => Err(Error::NotFound.into()),
    }
}
