//! The pages of service accounts and their keys.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{group, next};
use crate::{
    access::{KeyId, KeyOf, Principal},
    accounts::{AccountId, FullName},
    api_keys::{
        self, MOST_OVERLAP,
        pages::{MadePage, NewForm, NewPage},
    },
    app::App,
    client::Client,
    error::Error,
    groups::{
        GroupId, GroupRole, Membership, Organisation, ServiceAccount,
        cursors::{Asked, MOST, Part},
        organisations, services,
    },
    invalid::Invalid,
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "groups/services.html")]
struct ServicesPage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    part: Part<ServiceAccount>,
    form: &'a ServiceForm,
}

impl ServicesPage<'_> {
    fn path(&self) -> String {
        self.v.to(&paths::services(self.organisation.id))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    fn service(&self, account: &AccountId) -> String {
        self.v.to(&paths::service(self.organisation.id, account))
    }

    fn owns(&self) -> bool {
        self.organisation.role == GroupRole::Owner
    }

    fn next(&self) -> Option<String> {
        next(self.v, &paths::services(self.organisation.id), "after", self.part.next.as_deref())
    }
}

async fn list_page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    id: GroupId,
    form: &'a ServiceForm,
    faults: Faults,
) -> Result<ServicesPage<'a>, Error> {
    let organisation = organisations::read(app, principal.account, id).await?;
    let asked = Asked { after: v.query("after"), limit: Some(MOST) };
    let part = services::list(app, principal.account, id, asked).await?;
    Ok(ServicesPage { v, faults, organisation, part, form })
}

/// A new service account.
#[derive(Deserialize, JsonSchema, Default)]
pub(crate) struct ServiceForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
}

pub(crate) async fn show_services(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path(id): Path<String>,
) -> PageResult {
    let form = ServiceForm::default();
    let page = list_page(&app, &v, *guard.principal(), group(&id)?, &form, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn create_service(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<String>,
    Form(form): Form<ServiceForm>,
) -> PageResult {
    let (principal, id) = (*guard.principal(), group(&id)?);
    let again = async |faults| list_page(&app, &v, principal, id, &form, faults).await;
    let create = async {
        let name = FullName::parse(&form.name).map_err(|fault| Invalid::field("name", fault))?;
        let role = if form.role == "admin" { GroupRole::Admin } else { GroupRole::Member };
        services::create(&app, principal, id, (&name, role), &client).await
    };
    let made = v.form(&["name"], create, again).await?;
    Ok(v.go_done(&paths::service(id, made.account_id), Done::ServiceCreated))
}

#[derive(Template)]
#[template(path = "groups/service.html")]
struct ServicePage<'a> {
    v: &'a View,
    faults: Faults,
    organisation: Organisation,
    service: ServiceAccount,
    keys: Vec<api_keys::Listed>,
    teams: Vec<Membership>,
}

impl ServicePage<'_> {
    fn team(&self, id: &GroupId) -> String {
        self.v.to(&paths::team(self.organisation.id, *id))
    }

    fn path(&self) -> String {
        self.v.to(&paths::service(self.organisation.id, self.service.account_id))
    }

    fn new_key(&self) -> String {
        self.v.to(&paths::new_service_key(self.organisation.id, self.service.account_id))
    }

    fn scopes(&self, key: &api_keys::Listed) -> String {
        api_keys::pages::labels(self.v, key)
    }

    /// Whether the reader may change it.
    fn manages(&self) -> bool {
        self.organisation.role == GroupRole::Owner || self.service.role == GroupRole::Member
    }
}

async fn page<'a>(
    app: &App,
    v: &'a View,
    principal: Principal,
    ids: (GroupId, AccountId),
    faults: Faults,
) -> Result<ServicePage<'a>, Error> {
    let organisation = organisations::read(app, principal.account, ids.0).await?;
    let (service, keys) = services::read(app, principal.account, ids).await?;
    let teams = services::teams_of(app, ids).await?;
    Ok(ServicePage { v, faults, organisation, service, keys, teams })
}

fn ids_of(id: &str, account: i64) -> Result<(GroupId, AccountId), Error> {
    Ok((group(id)?, AccountId::new(account)))
}

pub(crate) async fn show_service(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path((id, account)): Path<(String, i64)>,
) -> PageResult {
    let page = page(&app, &v, *guard.principal(), ids_of(&id, account)?, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// The button that was pressed, and the key that it is about.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ServiceActForm {
    #[serde(default)]
    act: String,
    #[serde(default)]
    key: String,
}

impl ServiceActForm {
    fn key(&self) -> Result<KeyId, Error> {
        KeyId::of_text(&self.key).ok_or(Error::NotFound)
    }
}

pub(crate) async fn change_service(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, account)): Path<(String, i64)>,
    Form(form): Form<ServiceActForm>,
) -> PageResult {
    let (principal, ids) = (*guard.principal(), ids_of(&id, account)?);
    let here = paths::service(ids.0, ids.1);
    match form.act.as_str() {
        "disable" | "enable" => {
            let is_active = form.act == "enable";
            services::set_active(&app, principal, ids, is_active, &client).await?;
            Ok(v.go_done(&here, if is_active { Done::ServiceEnabled } else { Done::ServiceDisabled }))
        }
        "delete" => {
            services::delete(&app, principal, ids, &client).await?;
            Ok(v.go_done(&paths::services(ids.0), Done::ServiceDeleted))
        }
        "remove-key" => match services::remove_key(&app, principal, ids, form.key()?, &client).await {
            // `NotFound`: the key was already removed.
            Ok(()) | Err(Error::NotFound) => Ok(v.go_done(&here, Done::KeyRemoved)),
            Err(error) => Err(error.into()),
        },
        "replace-key" => {
            let fresh = v.fresh(principal, &here)?;
            let overlap = Duration::from_hours(u64::from(MOST_OVERLAP));
            let rotate =
                async { services::rotate_key(&app, fresh, ids, (form.key()?, overlap), &client).await };
            let again = async |faults| page(&app, &v, principal, ids, faults).await;
            let made = v.form(&[], rotate, again).await?;
            Ok(v.show(StatusCode::OK, &MadePage { v: &v, made, is_successor: true, keys: &here })?)
        }
        _ => Err(Error::NotFound.into()),
    }
}

/// Requires a fresh login before showing the form, so that submitting it needs none.
pub(crate) async fn show_new_service_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
    Path((id, account)): Path<(String, i64)>,
) -> PageResult {
    let (principal, ids) = (*guard.principal(), ids_of(&id, account)?);
    let (path, keys) = (paths::new_service_key(ids.0, ids.1), paths::service(ids.0, ids.1));
    services::read(&app, principal.account, ids).await?;
    v.fresh(principal, &path)?;
    let form = NewForm::default();
    let page = NewPage {
        v: &v,
        faults: Faults::none(),
        app: &app,
        of: KeyOf::Service,
        form: &form,
        path: &path,
        keys: &keys,
    };
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn create_service_key(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, account)): Path<(String, i64)>,
    Form(form): Form<NewForm>,
) -> PageResult {
    let (principal, ids) = (*guard.principal(), ids_of(&id, account)?);
    let (path, keys) = (paths::new_service_key(ids.0, ids.1), paths::service(ids.0, ids.1));
    let fresh = v.fresh(principal, &path)?;
    let of = KeyOf::Service;
    let create = async { services::make_key(&app, fresh, ids, &form.check(&app, of)?, &client).await };
    let again =
        async |faults| Ok(NewPage { v: &v, faults, app: &app, of, form: &form, path: &path, keys: &keys });
    let made = v.form(&NewForm::FIELDS, create, again).await?;
    Ok(v.show(StatusCode::OK, &MadePage { v: &v, made, is_successor: false, keys: &keys })?)
}
