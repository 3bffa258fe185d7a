//! Actions on a whole organisation, each with its own page.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::{group, room};
use crate::{
    access::Principal,
    accounts::Email,
    app::App,
    client::Client,
    error::Error,
    groups::{
        GroupId, GroupRole, Organisation,
        invitations::{self, Invited},
    },
    invalid::{Fault, Invalid},
    messages::Language,
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Rename,
    Invite,
    Revoke,
    NewTeam,
    Leave,
    Delete,
}

/// The text of an action's page.
struct Words {
    title: &'static str,
    text: &'static str,
    button: &'static str,
}

impl Act {
    fn of_path(word: &str) -> Result<Self, Error> {
        Ok(match word {
            "rename" => Self::Rename,
            "invite" => Self::Invite,
            "revoke" => Self::Revoke,
            "new-team" => Self::NewTeam,
            "leave" => Self::Leave,
            "delete" => Self::Delete,
            _ => return Err(Error::NotFound),
        })
    }

    fn words(self) -> Words {
        let (title, text, button) = match self {
            Self::Rename => {
                ("page.organisation.rename", "page.organisation.rename_text", "page.organisation.rename")
            }
            Self::Invite => (
                "page.organisation.invite",
                "page.organisation.invite_text",
                "page.organisation.invite_button",
            ),
            Self::Revoke => {
                ("page.organisation.revoke", "page.organisation.revoke_text", "page.organisation.revoke")
            }
            Self::NewTeam => (
                "page.organisation.new_team",
                "page.organisation.new_team_text",
                "page.organisation.new_team",
            ),
            Self::Leave => {
                ("page.organisation.leave", "page.organisation.leave_text", "page.organisation.leave")
            }
            Self::Delete => {
                ("page.organisation.delete", "page.organisation.delete_text", "page.organisation.delete")
            }
        };
        Words { title, text, button }
    }

    /// The role that the page requires. The action itself checks it again.
    fn least(self) -> GroupRole {
        match self {
            Self::Rename | Self::Invite | Self::Revoke | Self::NewTeam => GroupRole::Admin,
            Self::Leave => GroupRole::Member,
            Self::Delete => GroupRole::Owner,
        }
    }
}

/// The fields of the form.
#[derive(Deserialize, JsonSchema, Default)]
pub(crate) struct ActForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    language: String,
    /// The ID of the invitation to revoke.
    #[serde(default)]
    invitation: String,
}

#[derive(Template)]
#[template(path = "groups/act.html")]
struct ActPage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    act: Act,
    words: Words,
    form: &'a ActForm,
    /// Where the form is submitted.
    path: String,
}

impl ActPage<'_> {
    fn has_name(&self) -> bool {
        matches!(self.act, Act::Rename | Act::NewTeam)
    }

    fn name(&self) -> &str {
        if self.act == Act::Rename && self.form.name.is_empty() {
            &self.organisation.name
        } else {
            &self.form.name
        }
    }

    fn invites_admins(&self) -> bool {
        self.organisation.role == GroupRole::Owner
    }

    /// Tag, name, and whether it is selected.
    fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = Language::of_known_tag(&self.form.language).unwrap_or(self.v.language);
        Language::ALL.iter().map(|one| (one.tag(), one.own_name(), *one == chosen)).collect()
    }
}

async fn page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    (id, act): (GroupId, Act),
    form: &'a ActForm,
    faults: Faults,
) -> Result<ActPage<'a>, Error> {
    let organisation = room::read(app, principal.account, id).await?;
    if organisation.role < act.least() {
        return Err(Error::RoleRequired(act.least()));
    }
    let path = v.to(&paths::organisation_act(id, word(act)));
    Ok(ActPage { v, faults, organisation, act, words: act.words(), form, path })
}

const fn word(act: Act) -> &'static str {
    match act {
        Act::Rename => "rename",
        Act::Invite => "invite",
        Act::Revoke => "revoke",
        Act::NewTeam => "new-team",
        Act::Leave => "leave",
        Act::Delete => "delete",
    }
}

pub(crate) async fn show_act(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path((id, word)): Path<(String, String)>,
) -> PageResult {
    let (principal, id, act) = (*guard.principal(), group(&id)?, Act::of_path(&word)?);
    let form =
        ActForm { invitation: v.query("invitation").unwrap_or_default().to_owned(), ..ActForm::default() };
    let page = page(&app, &v, principal, (id, act), &form, Faults::none()).await?;
    if act == Act::Delete {
        v.fresh(principal, &paths::organisation_act(id, &word))?;
    }
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn act(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, word)): Path<(String, String)>,
    Form(form): Form<ActForm>,
) -> PageResult {
    let (principal, id, act) = (*guard.principal(), group(&id)?, Act::of_path(&word)?);
    let again = async |faults| page(&app, &v, principal, (id, act), &form, faults).await;
    let here = paths::organisation(id);
    match act {
        Act::Rename => {
            let rename = room::rename(&app, principal, id, &form.name, &client);
            v.form(&["name"], rename, again).await?;
            Ok(v.go_done(&here, Done::OrganisationRenamed))
        }
        Act::NewTeam => {
            let create = room::create_team(&app, principal, id, None, &form.name, &client);
            let team = v.form(&["name"], create, again).await?;
            Ok(v.go_done(&paths::team(id, team.id), Done::TeamCreated))
        }
        Act::Invite => {
            let invite = async {
                if form.email.is_empty() {
                    return Err(Invalid::field("email", Fault::Missing).into());
                }
                let email = Email::of_field(&form.email, "email")?;
                let role = if form.role == "admin" { GroupRole::Admin } else { GroupRole::Member };
                let language = Language::of_known_tag(&form.language).unwrap_or(v.language);
                invitations::invite(&app, principal, id, &Invited { email, role, language }, &client).await
            };
            v.form(&["email"], invite, again).await?;
            Ok(v.go_done(&here, Done::InvitedToOrganisation))
        }
        Act::Revoke => {
            let invitation = Uuid::try_parse(&form.invitation).map_err(|_| Error::NotFound)?;
            invitations::revoke(&app, principal, id, invitation, &client).await?;
            Ok(v.go_done(&here, Done::InvitationRevoked))
        }
        Act::Leave => {
            v.form(&[], room::leave(&app, principal, id, &client), again).await?;
            Ok(v.go_done(paths::ORGANISATIONS, Done::OrganisationLeft))
        }
        Act::Delete => {
            let fresh = v.fresh(principal, &paths::organisation_act(id, &word))?;
            let delete = async {
                // Deleting an organisation requires its name, so that a slip cannot delete another one.
                if room::read(&app, principal.account, id).await?.name != form.name.trim() {
                    return Err(Invalid::field("name", Fault::AnotherName).into());
                }
                room::delete(&app, fresh, id, &client).await
            };
            v.form(&["name"], delete, again).await?;
            Ok(v.go_done(paths::ORGANISATIONS, Done::OrganisationDeleted))
        }
    }
}

#[derive(Template)]
#[template(path = "groups/create.html")]
struct CreatePage<'a> {
    v: &'a View,
    faults: Faults,
    name: &'a str,
}

/// The name of a new organisation.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NameForm {
    #[serde(default)]
    name: String,
}

pub(crate) async fn show_create(_: Guard<SessionCookies>, v: View) -> PageResult {
    Ok(v.show(StatusCode::OK, &CreatePage { v: &v, faults: Faults::none(), name: "" })?)
}

pub(crate) async fn create(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<NameForm>,
) -> PageResult {
    let create = room::create(&app, *guard.principal(), &form.name, &client);
    let page = async |faults| Ok(CreatePage { v: &v, faults, name: &form.name });
    let made = v.form(&["name"], create, page).await?;
    Ok(v.go_done(&paths::organisation(made.id), Done::OrganisationCreated))
}
