//! The page of a member, for those who may change or remove them.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{group, room};
use crate::{
    access::Principal,
    accounts::AccountId,
    app::App,
    client::Client,
    error::Error,
    groups::{GroupId, GroupRole, Organisation, Person, rules},
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "groups/member.html")]
struct MemberPage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    person: Person,
}

impl MemberPage<'_> {
    fn path(&self) -> String {
        self.v.to(&paths::member(self.organisation.id, self.person.account_id))
    }

    fn owns(&self) -> bool {
        self.organisation.role == GroupRole::Owner
    }

    /// Name, text, and whether it is the member's.
    fn roles(&self) -> Vec<(&'static str, &'static str, bool)> {
        GroupRole::ALL
            .iter()
            .map(|one| (one.name(), self.v.t(one.text()), *one == self.person.role))
            .collect()
    }
}

async fn page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    id: GroupId,
    account: AccountId,
    faults: Faults,
) -> Result<MemberPage<'a>, Error> {
    let organisation = room::read(app, principal.account, id).await?;
    let person = room::member(app, id, account).await?;
    rules::at_least(rules::to_remove_or_invite(person.role), Some(organisation.role))?;
    Ok(MemberPage { v, faults, organisation, person })
}

pub(crate) async fn show_member(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path((id, account)): Path<(String, i64)>,
) -> PageResult {
    let (id, account) = (group(&id)?, AccountId::new(account));
    let page = page(&app, &v, *guard.principal(), id, account, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// The button that was pressed, and the role that was selected.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MemberForm {
    #[serde(default)]
    act: String,
    #[serde(default)]
    role: String,
}

pub(crate) async fn change_member(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, account)): Path<(String, i64)>,
    Form(form): Form<MemberForm>,
) -> PageResult {
    let (principal, id, account) = (*guard.principal(), group(&id)?, AccountId::new(account));
    let again = async |faults| page(&app, &v, principal, id, account, faults).await;
    let (path, organisation) = (paths::member(id, account), paths::organisation(id));
    match form.act.as_str() {
        "role" => {
            let fresh = v.fresh(principal, &path)?;
            let role = GroupRole::of_name(&form.role).ok_or(Error::NotFound)?;
            v.form(&[], room::set_role(&app, fresh, id, account, role, &client), again).await?;
            Ok(v.go_done(&organisation, Done::MemberRoleChanged))
        }
        "hand-over" => {
            let fresh = v.fresh(principal, &path)?;
            v.form(&[], room::hand_over(&app, fresh, id, account, &client), again).await?;
            Ok(v.go_done(&organisation, Done::HandedOver))
        }
        "remove" => {
            v.form(&[], room::remove(&app, principal, id, account, &client), again).await?;
            Ok(v.go_done(&organisation, Done::MemberRemoved))
        }
        _ => Err(Error::NotFound.into()),
    }
}
