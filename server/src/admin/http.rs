//! The administrators' routes.

use axum::extract::State;
use portcullis::{Answer, Created, Guard, Json, NoContent, Path, Query, guard::Scopes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Accounts, AccountsQuery, AdminActor, AdminReader, AuditCsv, AuditQuery, Invitation, acts};
use crate::{
    access::{AccountsRead, AccountsWrite, AuditRead},
    accounts::{Account, AccountDetails, AccountId, Role},
    api_keys::{self, CallerOrKey, http::KeyView, requester},
    app::App,
    audit,
    caller::{Caller, caller},
    client::Client,
    clock::Timestamp,
    devices::http::SessionView,
    error::{
        AccountNeeded, BadCursor, Conflict, Error, Failed, Gone, LastAdminStays, NotFound, Stale, Throttled,
        Unavailable, Unprocessable,
    },
    leaving,
    messages::Language,
    recovery::{
        self,
        http::{Accepted, accepted},
    },
};

/// An account, as administrators see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedAccount")]
pub(crate) struct AccountView {
    #[serde(flatten)]
    account: Account,
    /// The role of the account.
    role: Role,
    /// When its owner confirmed the email address; `null` if they have not.
    #[schemars(extend("format" = "date-time"))]
    email_verified_at: Option<String>,
    /// When it was created.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When its owner last logged in; `null` if they never did.
    #[schemars(extend("format" = "date-time"))]
    last_login_at: Option<String>,
    /// When it will be deleted, if its owner requested that; `null` otherwise.
    #[schemars(extend("format" = "date-time"))]
    deletion_due_at: Option<String>,
}

impl From<AccountDetails> for AccountView {
    fn from(details: AccountDetails) -> Self {
        Self {
            account: details.account,
            role: details.role,
            email_verified_at: details.email_verified_at.map(Timestamp::to_rfc3339),
            created_at: details.created_at.to_rfc3339(),
            last_login_at: details.last_login_at.map(Timestamp::to_rfc3339),
            deletion_due_at: details.deletion_due_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// A page of the list of accounts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccountsPage {
    accounts: Vec<AccountView>,
    /// How many accounts match the query.
    total: u64,
    /// How many accounts come before this page.
    offset: u64,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
    /// Send it as `before` for the previous page; `null` on the first one.
    previous: Option<String>,
}

/// An account with its sessions.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedAccountWithSessions")]
pub(crate) struct AccountWithSessions {
    #[serde(flatten)]
    account: AccountView,
    /// Its active sessions, most recently used first; at most 100.
    sessions: Vec<SessionView>,
    /// Its API keys, newest first.
    api_keys: Vec<KeyView>,
}

/// What happened, to whom, by whom, when and from where.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEvent")]
pub(crate) struct EventView {
    id: String,
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// What happened, for example `account.role_changed`.
    event: String,
    /// The account that it happened to. The ID stays when the account is deleted.
    account_id: Option<AccountId>,
    /// The administrator who did it, if it was not the account's owner.
    actor_id: Option<AccountId>,
    /// Who did it, if not through a request: `operator` on the command line.
    actor: Option<String>,
    /// The IP address of the request.
    address: Option<String>,
    /// The request's `x-request-id`.
    request_id: Option<String>,
    /// More about the event, for example the new role.
    detail: Option<String>,
    /// How many more such events the same actor caused within the minute. They are not listed individually.
    repeated: i64,
}

impl From<audit::Entry> for EventView {
    fn from(entry: audit::Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at.to_rfc3339(),
            event: entry.event,
            account_id: entry.account_id,
            actor_id: entry.actor_id,
            actor: entry.actor,
            address: entry.address,
            request_id: entry.request_id,
            detail: entry.detail,
            repeated: entry.repeated,
        }
    }
}

/// A page of the audit log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuditPage {
    events: Vec<EventView>,
    /// Send it as `after` for the next, older page; `null` on the last one.
    next: Option<String>,
    /// Send it as `before` for the previous, newer page; `null` on the first one.
    previous: Option<String>,
}

/// The new role of an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    role: Role,
}

/// The code that the server printed when it started.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    /// Hyphens and case do not matter.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["7K2MP-0XJ4R-9TQWE-3HV8N"]))]
    code: String,
}

fn reader<S: Scopes>(guard: &Guard<CallerOrKey, S>, client: Client) -> Result<AdminReader, Error> {
    AdminReader::of(requester(guard), client)
}

fn actor<S: Scopes>(guard: &Guard<Caller, S>, client: Client) -> Result<AdminActor, Error> {
    AdminActor::of(caller(guard), client)
}

pub(crate) async fn list_accounts(
    guard: Guard<CallerOrKey, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Query(query): Query<AccountsQuery>,
) -> Result<Json<AccountsPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let Accounts { page, total, offset } =
        super::list_accounts(&app, &reader(&guard, client)?, &query).await?;
    Ok(Json(AccountsPage {
        accounts: page.items.into_iter().map(AccountView::from).collect(),
        total,
        offset,
        next: page.next,
        previous: page.previous,
    }))
}

/// The account to create. Its owner receives an email with a link to choose a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Invitation")]
pub(crate) struct NewInvitation {
    /// Where the link is sent. Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// The name of the account's owner.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
    /// The role of the account: `user` (the default) or `admin`.
    role: Option<Role>,
}

pub(crate) async fn invite_account(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<NewInvitation>,
) -> Result<Created<AccountView>, Failed<(Stale, NotFound, Conflict, Unprocessable, Unavailable)>> {
    let actor = actor(&guard, client)?.fresh(app.now())?;
    let role = body.role.unwrap_or(Role::User);
    let invitation = Invitation::check(&body.email, &body.full_name, role, language)?;
    Ok(Created(acts::invite(&app, &invitation, actor.by()).await?.into()))
}

pub(crate) async fn read_account(
    guard: Guard<CallerOrKey, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<Json<AccountWithSessions>, Failed<(NotFound, Unavailable)>> {
    let reader = reader(&guard, client)?;
    let (account, sessions, keys) = super::read_account(&app, &reader, id).await?;
    let sessions = sessions.into_iter().map(|session| SessionView::of(session, reader.session())).collect();
    let api_keys = keys.into_iter().map(KeyView::from).collect();
    Ok(Json(AccountWithSessions { account: account.into(), sessions, api_keys }))
}

pub(crate) async fn disable_account(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(Stale, NotFound, LastAdminStays, Unavailable)>> {
    acts::set_active(&app, id, false, actor(&guard, client)?.fresh(app.now())?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn start_password_reset(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<Answer<202, Json<Accepted>>, Failed<(NotFound, Unavailable)>> {
    recovery::start_reset(&app, id, actor(&guard, client)?.by()).await?;
    Ok(accepted())
}

pub(crate) async fn enable_account(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    acts::set_active(&app, id, true, actor(&guard, client)?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn end_account_sessions(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    super::end_sessions(&app, &actor(&guard, client)?, id).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_account_keys(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    api_keys::revoke_all(&app, id, actor(&guard, client)?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_account_factor(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(Stale, NotFound, Unavailable)>> {
    acts::remove_factor(&app, id, actor(&guard, client)?.fresh(app.now())?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn set_account_role(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
    Json(body): Json<RoleChange>,
) -> Result<NoContent, Failed<(Stale, NotFound, LastAdminStays, Unprocessable, Unavailable)>> {
    acts::set_role(&app, id, body.role, actor(&guard, client)?.fresh(app.now())?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn remove_account(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
) -> Result<NoContent, Failed<(Stale, NotFound, AccountNeeded, Unavailable)>> {
    leaving::delete(&app, id, actor(&guard, client)?.fresh(app.now())?.by()).await?;
    Ok(NoContent)
}

pub(crate) async fn list_audit_events(
    guard: Guard<CallerOrKey, AuditRead>,
    State(app): State<App>,
    client: Client,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Failed<(BadCursor, NotFound, Unavailable)>> {
    let page = super::list_audit_events(&app, &reader(&guard, client)?, &query).await?;
    let events = page.items.into_iter().map(EventView::from).collect();
    Ok(Json(AuditPage { events, next: page.next, previous: page.previous }))
}

/// Which events to export.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExportQuery {
    /// Only events that happened to this account, or that it caused.
    account: Option<AccountId>,
    /// Only events with this name.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["account.role_changed"]))]
    event: Option<String>,
    /// `false` leaves out events of administrators viewing data (`admin.*`).
    views: Option<bool>,
}

pub(crate) async fn export_audit_events(
    guard: Guard<CallerOrKey, AuditRead>,
    State(app): State<App>,
    client: Client,
    Query(ExportQuery { account, event, views }): Query<ExportQuery>,
) -> Result<AuditCsv, Failed<(NotFound, Unavailable)>> {
    let query = AuditQuery { account, event, views, ..AuditQuery::default() };
    Ok(AuditCsv::begin(&app, &reader(&guard, client)?, query).await?)
}

pub(crate) async fn claim_first_admin(
    guard: Guard<Caller>,
    State(app): State<App>,
    client: Client,
    Json(body): Json<Claim>,
) -> Result<NoContent, Failed<(Stale, Gone, Throttled, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    super::claim(&app, fresh, &body.code, &client).await?;
    Ok(NoContent)
}
