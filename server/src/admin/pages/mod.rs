//! The console: the administrators' pages.

mod acts;
mod audit;
mod claim;
mod invite;
mod organisations;

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Guard, guard::Scopes};
use url::form_urlencoded;

pub(crate) use self::{
    acts::{act_on_account, show_act},
    audit::{export_audit_trail, show_audit_trail},
    claim::{claim, show_claim},
    invite::{invite, show_invite},
    organisations::{act_on_organisation, show_organisation, show_organisations},
};
use super::{Accounts, AccountsQuery, AdminActor, AdminReader};
use crate::{
    access::AccountsRead,
    accounts::{AccountDetails, AccountId, Role},
    api_keys,
    app::App,
    client::Client,
    error::Error,
    factors,
    pages::{PageResult, View},
    paths,
    sessions::{Listed, SessionCookies},
};

fn reader<S: Scopes>(guard: &Guard<SessionCookies, S>, client: Client) -> Result<AdminReader, Error> {
    AdminReader::of(guard.principal().into(), client)
}

fn actor<S: Scopes>(guard: &Guard<SessionCookies, S>, client: Client) -> Result<AdminActor, Error> {
    AdminActor::of(*guard.principal(), client)
}

/// A query parameter that is not empty.
fn filled(v: &View, name: &str) -> Option<String> {
    let text: String = v.query(name)?.trim().chars().take(254).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// A link to a page of a list in which only these parameters differ.
fn link(v: &View, path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter_map(|(name, value)| Some((name, (*value)?))));
    format!("{}?{}", v.to(path), query.finish())
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct AccountsPage<'a> {
    v: &'a View,
    query: AccountsQuery,
    found: Accounts,
}

impl AccountsPage<'_> {
    fn search(&self) -> &str {
        self.query.search.as_deref().unwrap_or_default()
    }

    fn has_filter(&self) -> bool {
        let AccountsQuery { search, role, is_active, is_verified, .. } = &self.query;
        search.is_some() || role.is_some() || is_active.is_some() || is_verified.is_some()
    }

    /// `51–100 of 207`.
    fn range(&self) -> String {
        let first = self.found.offset + 1;
        let last = self.found.offset + self.found.page.items.len() as u64;
        self.v.t_with(
            "page.console.range",
            &[
                ("first", &first.to_string()),
                ("last", &last.to_string()),
                ("total", &self.found.total.to_string()),
            ],
        )
    }

    fn beside(&self, name: &'static str, cursor: Option<&str>) -> Option<String> {
        let AccountsQuery { search, role, is_active, is_verified, .. } = &self.query;
        let yes_or_no = |value: bool| if value { "true" } else { "false" };
        let parameters = [
            ("search", search.as_deref()),
            ("role", role.as_ref().map(Role::name)),
            ("is_active", is_active.map(yes_or_no)),
            ("is_verified", is_verified.map(yes_or_no)),
            (name, Some(cursor?)),
        ];
        Some(link(self.v, paths::CONSOLE, &parameters))
    }

    fn next(&self) -> Option<String> {
        self.beside("after", self.found.page.next.as_deref())
    }

    fn previous(&self) -> Option<String> {
        self.beside("before", self.found.page.previous.as_deref())
    }
}

pub(crate) async fn show_accounts(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let is = |name: &str| v.query(name).and_then(|text| text.parse().ok());
    let query = AccountsQuery {
        search: filled(&v, "search"),
        role: v.query("role").and_then(Role::of_name),
        is_active: is("is_active"),
        is_verified: is("is_verified"),
        after: v.query("after").map(str::to_owned),
        before: v.query("before").map(str::to_owned),
        limit: None,
    };
    let found = super::list_accounts(&app, &reader(&guard, client)?, &query).await?;
    Ok(v.show(StatusCode::OK, &AccountsPage { v: &v, query, found })?)
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage<'a> {
    v: &'a View,
    details: AccountDetails,
    sessions: Vec<Listed>,
    keys: Vec<api_keys::Listed>,
    has_factor: bool,
    /// Whether it is the administrator's own.
    is_own: bool,
}

impl AccountPage<'_> {
    fn act(&self, act: &str) -> String {
        self.v.to(&paths::console_act(self.details.account.id, act))
    }
}

pub(crate) async fn show_account(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<i64>,
) -> PageResult {
    let (reader, id) = (reader(&guard, client)?, AccountId::new(id));
    let (details, sessions, keys) = super::read_account(&app, &reader, id).await?;
    let overview = factors::overview(&app, id, details.role).await?;
    let has_factor = overview.totp_since.is_some() || overview.has_passkey;
    let is_own = guard.principal().account == id;
    Ok(v.show(StatusCode::OK, &AccountPage { v: &v, details, sessions, keys, has_factor, is_own })?)
}
