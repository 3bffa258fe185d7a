//! The pages of the audit trail.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use http::StatusCode;
use portcullis::Guard;

use super::{filled, link, reader};
use crate::{
    access::AuditRead,
    accounts::{self, AccountId},
    admin::{AuditCsv, AuditQuery, Page, list_audit_events},
    app::App,
    audit::{Entry, Event},
    client::Client,
    error::Error,
    pages::{PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditTrailPage<'a> {
    v: &'a View,
    query: AuditQuery,
    page: Page<Entry>,
    /// The current names of the people in the events.
    names: HashMap<AccountId, String>,
}

impl AuditTrailPage<'_> {
    /// The event in words. An event that this version does not know is shown by its name.
    fn words<'e>(&'e self, entry: &'e Entry) -> &'e str {
        Event::of_name(&entry.event).map_or(&entry.event, |event| self.v.t(event.text()))
    }

    /// The name of an account, or its ID if it is deleted.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    fn name(&self, id: &AccountId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| self.v.t1("page.console.deleted_account", "id", id))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    fn is_known(&self, id: &AccountId) -> bool {
        self.names.contains_key(id)
    }

    /// The events that the reader can select: name, text, and whether it is selected.
    fn events(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = self.query.event.as_deref();
        let mut events: Vec<_> = Event::ALL
            .iter()
            .map(|event| (event.name(), self.v.t(event.text()), chosen == Some(event.name())))
            .collect();
        events.sort_by_key(|(_, text, _)| text.to_lowercase());
        events
    }

    fn account(&self) -> String {
        self.query.account.map(|id| id.to_string()).unwrap_or_default()
    }

    fn has_views(&self) -> bool {
        self.query.views == Some(true)
    }

    fn beside(&self, path: &str, place: (&'static str, Option<&str>)) -> String {
        let account = self.account();
        let parameters = [
            ("account", Some(account.as_str()).filter(|account| !account.is_empty())),
            ("event", self.query.event.as_deref()),
            ("views", Some("yes").filter(|_| self.has_views())),
            place,
        ];
        link(self.v, path, &parameters)
    }

    fn next(&self) -> Option<String> {
        let next = self.page.next.as_deref()?;
        Some(self.beside(paths::AUDIT, ("after", Some(next))))
    }

    fn previous(&self) -> Option<String> {
        let previous = self.page.previous.as_deref()?;
        Some(self.beside(paths::AUDIT, ("before", Some(previous))))
    }

    fn csv(&self) -> String {
        self.beside(paths::AUDIT_CSV, ("after", None))
    }
}

/// The query that the page's form submits. It leaves out what administrators only viewed, unless they select that.
fn query(v: &View) -> AuditQuery {
    AuditQuery {
        account: filled(v, "account").and_then(|number| number.parse().ok()).map(AccountId::new),
        event: filled(v, "event"),
        views: Some(v.query("views") == Some("yes")),
        after: v.query("after").map(str::to_owned),
        before: v.query("before").map(str::to_owned),
        limit: None,
    }
}

pub(crate) async fn show_audit_trail(
    guard: Guard<SessionCookies, AuditRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let query = query(&v);
    let page = list_audit_events(&app, &reader(&guard, client)?, &query).await?;
    let names = names(&app, &page.items).await?;
    Ok(v.show(StatusCode::OK, &AuditTrailPage { v: &v, query, page, names })?)
}

async fn names(app: &App, entries: &[Entry]) -> Result<HashMap<AccountId, String>, Error> {
    let mut names = HashMap::new();
    let mut ids: Vec<_> = entries.iter().filter_map(|entry| entry.account_id).collect();
    ids.extend(entries.iter().filter_map(|entry| entry.actor_id));
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        match accounts::by_id(app, id).await {
            Ok(account) => drop(names.insert(id, account.full_name)),
            Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

pub(crate) async fn export_audit_trail(
    guard: Guard<SessionCookies, AuditRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    Ok(AuditCsv::begin(&app, &reader(&guard, client)?, query(&v)).await?.into_response())
}
