//! The console's pages of organisations.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{actor, filled, link};
use crate::{
    access::{AccountsRead, AccountsWrite},
    accounts::AccountId,
    admin::{
        AdminActor,
        organisations::{self, OrganisationsQuery},
    },
    app::App,
    attributes::{self, Changer, Changes, Field, Input, Known},
    client::Client,
    error::Error,
    groups::{self, Found, GroupId, GroupRole, Part, Person, ServiceAccount},
    invalid::{Fault, Invalid},
    pages::{Done, Faults, PageResult, Texts, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "admin/organisations.html")]
struct OrganisationsPage<'a> {
    v: &'a View,
    query: OrganisationsQuery,
    part: Part<Found>,
}

impl OrganisationsPage<'_> {
    fn search(&self) -> &str {
        self.query.search.as_deref().unwrap_or_default()
    }

    fn next(&self) -> Option<String> {
        let parameters =
            [("search", self.query.search.as_deref()), ("after", Some(self.part.next.as_deref()?))];
        Some(link(self.v, paths::CONSOLE_ORGANISATIONS, &parameters))
    }
}

pub(crate) async fn show_organisations(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let query = OrganisationsQuery {
        search: filled(&v, "search"),
        after: v.query("after").map(str::to_owned),
        limit: None,
    };
    let part = organisations::list(&app, &actor(&guard, client)?, &query).await?;
    Ok(v.show(StatusCode::OK, &OrganisationsPage { v: &v, query, part })?)
}

#[derive(Template)]
#[template(path = "admin/organisation.html")]
struct OrganisationPage<'a> {
    v: &'a View,
    faults: Faults,
    found: Found,
    members: Part<Person>,
    services: Vec<ServiceAccount>,
    attributes: Vec<Known<'a>>,
    /// Those that administrators can change.
    fields: Vec<Field>,
}

impl OrganisationPage<'_> {
    /// Whether there is an attribute that the reader sees and does not change.
    fn has_rows(&self) -> bool {
        attributes::has_rows(&self.attributes)
    }

    fn attributes_path(&self) -> String {
        paths::console_organisation_attributes(self.found.id)
    }

    fn path(&self) -> String {
        paths::console_organisation(self.found.id)
    }

    fn next(&self) -> Option<String> {
        let after = Some(self.members.next.as_deref()?);
        Some(link(self.v, &self.path(), &[("after", after)]))
    }
}

async fn page<'a>(
    app: &'a App,
    v: &'a View,
    actor: &AdminActor,
    id: GroupId,
    faults: Faults,
) -> Result<OrganisationPage<'a>, Error> {
    let (found, members) = organisations::read(app, actor, id, v.query("after"), None).await?;
    let services = groups::services(app, id).await?;
    let mut attributes = groups::attributes_of(app, id).await?;
    if !v.is_administrator() {
        for known in &mut attributes {
            known.may_change = false;
        }
    }
    let fields = attributes::fields(&attributes, None, v.language);
    Ok(OrganisationPage { v, faults, found, members, services, attributes, fields })
}

pub(crate) async fn show_organisation(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<String>,
) -> PageResult {
    let (actor, id) = (actor(&guard, client)?, GroupId::of_path(&id).ok_or(Error::NotFound)?);
    Ok(v.show(StatusCode::OK, &page(&app, &v, &actor, id, Faults::none()).await?)?)
}

/// The button that was pressed, and what was typed to confirm.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct OrganisationForm {
    #[serde(default)]
    act: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    name: String,
}

pub(crate) async fn act_on_organisation(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<String>,
    Form(form): Form<OrganisationForm>,
) -> PageResult {
    let id = GroupId::of_path(&id).ok_or(Error::NotFound)?;
    let here = paths::console_organisation(id);
    v.fresh(*guard.principal(), &here)?;
    let reader = actor(&guard, client.clone())?;
    let by = actor(&guard, client)?.fresh(app.now())?;
    let again = async |faults| page(&app, &v, &reader, id, faults).await;
    match form.act.as_str() {
        "owner" => {
            let member = form.account.parse().map(AccountId::new).map_err(|_| Error::NotFound)?;
            v.form(&[], groups::set_role_by(&app, id, member, GroupRole::Owner, by.by()), again).await?;
            Ok(v.go_done(&here, Done::MemberRoleChanged))
        }
        "delete" => {
            let delete = async {
                let (found, _) = groups::details(&app, id, None, Some(1)).await?;
                if found.name != form.name.trim() {
                    return Err(Invalid::field("name", Fault::AnotherName).into());
                }
                groups::delete_by(&app, id, by.by()).await
            };
            v.form(&["name"], delete, again).await?;
            Ok(v.go_done(paths::CONSOLE_ORGANISATIONS, Done::OrganisationDeleted))
        }
        _ => Err(Error::NotFound.into()),
    }
}

pub(crate) async fn change_attributes_of_organisation(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<String>,
    Texts(texts): Texts,
) -> PageResult {
    let id = GroupId::of_path(&id).ok_or(Error::NotFound)?;
    let here = paths::console_organisation(id);
    v.fresh(*guard.principal(), &here)?;
    let reader = actor(&guard, client.clone())?;
    let by = actor(&guard, client)?.fresh(app.now())?;
    let known = groups::attributes_of(&app, id).await?;
    let change = async {
        let changes = Changes::of_form(&known, Changer::Administrator, &texts)?;
        groups::set_attributes_by(&app, id, &changes, by.by()).await
    };
    let again = async |faults| {
        let page = page(&app, &v, &reader, id, faults).await?;
        let fields = attributes::fields(&page.attributes, Some(&texts), v.language);
        Ok(OrganisationPage { fields, ..page })
    };
    let ids: Vec<_> = known.iter().map(|known| attributes::id_of(known.attribute)).collect();
    let fields: Vec<_> = ids.iter().map(String::as_str).collect();
    v.form(&fields, change, again).await?;
    Ok(v.go_done(&here, Done::Attributes))
}
