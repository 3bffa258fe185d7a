//! The routes of service accounts.

use std::time::Duration;

use axum::extract::State;
use portcullis::{Created, Guard, Json, NoContent, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PageQuery, group, invitations::InvitedRole, teams::TeamPath};
use crate::{
    access::{KeyId, KeyOf, OrganisationsRead, OrganisationsWrite},
    accounts::{AccountId, FullName},
    api_keys::{
        MOST_DAYS, MOST_OVERLAP, NewKey, USUAL_DAYS,
        http::{KeyRequest, KeyView, MadeView, Rotation},
    },
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{BadCursor, Error, Failed, Forbidden, NotFound, NotSo, Stale, Unavailable, Unprocessable},
    groups::{GroupId, GroupRole, ServiceAccount, services},
    invalid::Invalid,
};

/// A service account: an account of the organisation that programs use. It has API keys and no login.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceAccount")]
pub(crate) struct ServiceView {
    /// Its account ID. It is never reused.
    account_id: AccountId,
    name: String,
    /// Its role in the organisation: `member` or `admin`.
    role: GroupRole,
    /// Whether its keys work.
    is_active: bool,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
}

impl From<ServiceAccount> for ServiceView {
    fn from(service: ServiceAccount) -> Self {
        Self {
            account_id: service.account_id,
            name: service.name.as_str().to_owned(),
            role: service.role,
            is_active: service.is_active,
            created_at: service.created_at.to_rfc3339(),
        }
    }
}

/// A page of service accounts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ServiceAccountsPage {
    service_accounts: Vec<ServiceView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

/// The service account to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewServiceAccount")]
pub(crate) struct NewService {
    /// What it is for.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Deployment"]))]
    name: String,
    /// `member` by default. Only owners create and manage one that is an `admin`.
    role: Option<InvitedRole>,
}

/// What to change about a service account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServiceAccountChange")]
pub(crate) struct ServiceChange {
    /// `false` removes all of its keys.
    is_active: bool,
}

/// A service account in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ServicePath {
    id: String,
    account: AccountId,
}

impl ServicePath {
    fn ids(&self) -> Result<(GroupId, AccountId), Error> {
        Ok((group(&self.id)?, self.account))
    }
}

/// A team's service accounts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TeamServiceAccounts {
    service_accounts: Vec<ServiceView>,
}

/// A key of a service account in the path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ServiceKeyPath {
    id: String,
    account: AccountId,
    key: String,
}

impl ServiceKeyPath {
    fn ids(&self) -> Result<(GroupId, AccountId), Error> {
        Ok((group(&self.id)?, self.account))
    }

    fn key(&self) -> Result<KeyId, Error> {
        KeyId::of_text(&self.key).ok_or(Error::NotFound)
    }
}

pub(crate) async fn list_service_accounts(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ServiceAccountsPage>, Failed<(BadCursor, NotFound, Forbidden, Unavailable)>> {
    let part = services::list(&app, caller(&guard).account, group(&id)?, query.asked()).await?;
    let service_accounts = part.items.into_iter().map(ServiceView::from).collect();
    Ok(Json(ServiceAccountsPage { service_accounts, next: part.next }))
}

pub(crate) async fn create_service_account(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    Json(body): Json<NewService>,
) -> Result<Created<ServiceView>, Failed<(NotFound, Forbidden, NotSo, Unprocessable, Unavailable)>> {
    let role = body.role.map_or(GroupRole::Member, GroupRole::from);
    let name = FullName::parse(&body.name).map_err(|fault| Invalid::field("name", fault))?;
    Ok(Created(services::create(&app, caller(&guard), group(&id)?, (&name, role), &client).await?.into()))
}

pub(crate) async fn change_service_account(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<ServicePath>,
    Json(body): Json<ServiceChange>,
) -> Result<Json<ServiceView>, Failed<(NotFound, Forbidden, Unprocessable, Unavailable)>> {
    let (principal, ids) = (caller(&guard), path.ids()?);
    services::set_active(&app, principal, ids, body.is_active, &client).await?;
    Ok(Json(services::read(&app, principal.account, ids).await?.0.into()))
}

pub(crate) async fn delete_service_account(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<ServicePath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    services::delete(&app, caller(&guard), path.ids()?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_service_account_keys(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(path): Path<ServicePath>,
) -> Result<Json<Vec<KeyView>>, Failed<(NotFound, Forbidden, Unavailable)>> {
    let (_, keys) = services::read(&app, caller(&guard).account, path.ids()?).await?;
    Ok(Json(keys.into_iter().map(KeyView::from).collect()))
}

pub(crate) async fn create_service_account_key(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<ServicePath>,
    Json(body): Json<KeyRequest>,
) -> Result<Created<MadeView>, Failed<(Stale, NotFound, Forbidden, NotSo, Unprocessable, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let days = body.expires_in_days.unwrap_or(USUAL_DAYS).min(MOST_DAYS);
    let new = NewKey::check(KeyOf::Service, app.scopes(), &body.name, &body.scope, days)?
        .limited(body.requests_per_minute);
    Ok(Created(services::make_key(&app, fresh, path.ids()?, &new, &client).await?.into()))
}

pub(crate) async fn rotate_service_account_key(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<ServiceKeyPath>,
    Json(body): Json<Rotation>,
) -> Result<Created<MadeView>, Failed<(Stale, NotFound, Forbidden, NotSo, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    let overlap = Duration::from_hours(u64::from(body.hours().min(MOST_OVERLAP)));
    let made = services::rotate_key(&app, fresh, path.ids()?, (path.key()?, overlap), &client).await?;
    Ok(Created(made.into()))
}

pub(crate) async fn remove_service_account_key(
    guard: Guard<Caller, OrganisationsWrite>,
    State(app): State<App>,
    client: Client,
    Path(path): Path<ServiceKeyPath>,
) -> Result<NoContent, Failed<(NotFound, Forbidden, Unavailable)>> {
    services::remove_key(&app, caller(&guard), path.ids()?, path.key()?, &client).await?;
    Ok(NoContent)
}

pub(crate) async fn list_team_service_accounts(
    guard: Guard<Caller, OrganisationsRead>,
    State(app): State<App>,
    Path(path): Path<TeamPath>,
) -> Result<Json<TeamServiceAccounts>, Failed<(NotFound, Forbidden, Unavailable)>> {
    let found = services::in_team(&app, caller(&guard).account, path.ids()?).await?;
    Ok(Json(TeamServiceAccounts { service_accounts: found.into_iter().map(ServiceView::from).collect() }))
}
