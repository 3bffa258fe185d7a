//! The console: what administrators do, in pages.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard, InvalidInput, Scopes};
use schemars::JsonSchema;
use serde::Deserialize;
use url::form_urlencoded;

use super::{AccountsQuery, AdminActor, AuditQuery, FreshAdmin, Page, acts};
use crate::{
    access::{AccountsRead, AccountsWrite, AuditRead},
    accounts::{AccountDetails, AccountId, Role},
    app::App,
    audit,
    client::Client,
    error::Error,
    factors, leaving,
    pages::{Answer, Faults, Refused, View},
    recovery,
    sessions::{Listed, SessionCookies},
};

fn actor<S: Scopes>(guard: &Guard<SessionCookies, S>, client: Client) -> Result<AdminActor, Error> {
    AdminActor::of(*guard.principal(), client)
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct AccountsPage<'a> {
    v: &'a View,
    search: &'a str,
    page: Page<AccountDetails>,
}

impl AccountsPage<'_> {
    fn next(&self) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("search", self.search).append_pair("after", self.page.next.as_deref()?);
        Some(self.v.to(&format!("/console?{}", query.finish())))
    }
}

pub(crate) async fn show_accounts(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let search: String = v.query("search").unwrap_or_default().trim().chars().take(254).collect();
    let query = AccountsQuery {
        search: Some(search.clone()).filter(|search| !search.is_empty()),
        after: v.query("after").map(str::to_owned),
        limit: None,
    };
    let page = super::list_accounts(&app, &actor(&guard, client)?, &query).await?;
    Ok(v.show(StatusCode::OK, &AccountsPage { v: &v, search: &search, page })?)
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage<'a> {
    v: &'a View,
    faults: Faults,
    details: AccountDetails,
    sessions: Vec<Listed>,
    has_factor: bool,
    /// It is the administrator's own.
    is_own: bool,
}

fn path_of(id: AccountId) -> String {
    format!("/console/accounts/{id}")
}

async fn account_page<'a>(
    app: &App,
    v: &'a View,
    actor: &AdminActor,
    id: AccountId,
    faults: Faults,
) -> Result<AccountPage<'a>, Error> {
    let (details, sessions) = super::read_account(app, actor, id).await?;
    let has_factor = factors::overview(app, id, details.role).await?.totp_since.is_some();
    Ok(AccountPage { v, faults, details, sessions, has_factor, is_own: actor.principal.account == id })
}

pub(crate) async fn show_account(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<i64>,
) -> Answer {
    let page = account_page(&app, &v, &actor(&guard, client)?, AccountId::new(id), Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// What an administrator does to an account, and what only a fresh log-in may.
pub(crate) async fn act_on_account(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, act)): Path<(i64, String)>,
) -> Answer {
    let id = AccountId::new(id);
    let back = path_of(id);
    let at_work = || actor(&guard, client.clone());
    let fresh = || -> Result<FreshAdmin, Refused> {
        v.fresh(*guard.principal(), &back)?;
        Ok(at_work()?.fresh(app.now())?)
    };
    let (done, word) = match act.as_str() {
        "disable" => (acts::set_active(&app, id, false, fresh()?.by()).await, "disabled"),
        "enable" => (acts::set_active(&app, id, true, at_work()?.by()).await, "enabled"),
        "end-sessions" => (super::end_sessions(&app, &at_work()?, id).await, "sessions-ended"),
        "remove-factor" => (acts::remove_factor(&app, id, fresh()?.by()).await, "factor-removed"),
        "reset" => (recovery::start_reset(&app, id, at_work()?.by()).await, "reset-mailed"),
        "make-admin" => (acts::set_role(&app, id, Role::Admin, fresh()?.by()).await, "role"),
        "make-user" => (acts::set_role(&app, id, Role::User, fresh()?.by()).await, "role"),
        "delete" => (leaving::delete(&app, id, fresh()?.by()).await, "account-deleted"),
        _ => return Err(Error::NotFound.into()),
    };
    match done {
        Ok(()) if act == "delete" => Ok(v.go(&format!("/console?done={word}"))),
        Ok(()) => Ok(v.go(&format!("{back}?done={word}"))),
        Err(error) => {
            let faults = Faults::of(&v, error, &[])?;
            let page = account_page(&app, &v, &at_work()?, id, faults).await?;
            page.faults.show(&v, &page)
        }
    }
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditTrailPage<'a> {
    v: &'a View,
    account: Option<AccountId>,
    page: Page<audit::Entry>,
}

impl AuditTrailPage<'_> {
    fn next(&self) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("after", self.page.next.as_deref()?);
        if let Some(account) = self.account {
            query.append_pair("account", &account.to_string());
        }
        Some(self.v.to(&format!("/console/audit?{}", query.finish())))
    }
}

pub(crate) async fn show_audit_trail(
    guard: Guard<SessionCookies, AuditRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let account = v.query("account").and_then(|number| number.parse().ok()).map(AccountId::new);
    let query = AuditQuery { account, event: None, after: v.query("after").map(str::to_owned), limit: None };
    let page = super::list_audit_events(&app, &actor(&guard, client)?, &query).await?;
    Ok(v.show(StatusCode::OK, &AuditTrailPage { v: &v, account, page })?)
}

#[derive(Template)]
#[template(path = "admin/claim.html")]
struct ClaimPage<'a> {
    v: &'a View,
    faults: Faults,
}

/// The code of the first start.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ClaimForm {
    #[serde(default)]
    code: String,
}

const CLAIM: &str = "/console/claim";

pub(crate) async fn show_claim(guard: Guard<SessionCookies>, v: View) -> Answer {
    v.fresh(*guard.principal(), CLAIM)?;
    Ok(v.show(StatusCode::OK, &ClaimPage { v: &v, faults: Faults::none() })?)
}

pub(crate) async fn claim(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ClaimForm>,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), CLAIM)?;
    match super::claim(&app, fresh, &form.code, &client).await {
        Ok(()) => Ok(v.go("/console?done=claimed")),
        Err(error) => {
            let error = match error {
                Error::DeadLink => {
                    InvalidInput::field(["body", "code"], "value_error", "The code is wrong").into()
                }
                error => error,
            };
            let page = ClaimPage { v: &v, faults: Faults::of(&v, error, &["code"])? };
            page.faults.show(&v, &page)
        }
    }
}
