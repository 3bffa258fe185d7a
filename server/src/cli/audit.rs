//! `portcullis audit …`: the audit log, with email addresses beside the IDs.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::out::{Listing, csv, moment, or_nothing, say};
use super::user::{find, sentence};
use super::{AuditCommand, AuditFilter};
use crate::{
    accounts::{self, AccountId},
    app::App,
    audit::{self, Entry, Filter},
    clock::Timestamp,
    error::Error,
};

/// How many rows one query reads.
const PAGE: u32 = 500;

/// A row as `--json` prints it.
#[derive(Serialize)]
struct Row {
    id: String,
    at: String,
    event: String,
    account_id: Option<AccountId>,
    /// `null` if the account was deleted.
    account_email: Option<String>,
    /// `operator` for the command line.
    actor: Option<String>,
    /// The account that acted, if it was another one.
    actor_id: Option<AccountId>,
    actor_email: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    detail: Option<String>,
    /// Further events like this one within the minute.
    repeated: i64,
    #[serde(skip)]
    moment: Timestamp,
}

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: AuditCommand) -> Result<(), String> {
    let AuditCommand::List { filter, format } = command;
    let AuditFilter { account, event, since, limit } = filter;
    let account = match account {
        // The events of a deleted account remain, so an ID is not looked up.
        Some(super::WhichAccount::Id(number)) => Some(AccountId::new(number)),
        Some(which) => Some(find(app, which).await?.id),
        None => None,
    };
    let from = since.map(|ago| began(app.now(), ago));
    let filter = Filter { account, event: event.as_deref(), has_reads: true };
    let mut names = Names::default();
    let mut listing = Listing::new(["TIME", "EVENT", "ACCOUNT", "BY", "ADDRESS", "DETAIL"], format.json);
    if format.csv {
        say(&csv(HEADER))?;
    }
    let (mut before, mut left) = (None, limit);
    while left > 0 {
        let page =
            audit::list(app, filter, before, left.min(PAGE)).await.map_err(|error| sentence(&error))?;
        let Some(last) = page.last() else { break };
        before = Some((last.at, last.id));
        left -= u32::try_from(page.len()).unwrap_or(left).min(left);
        let is_old = |entry: &Entry| from.is_some_and(|from| entry.at < from);
        let reaches_back = is_old(last);
        let mut rows = Vec::with_capacity(page.len());
        for entry in page.into_iter().filter(|entry| !is_old(entry)) {
            rows.push(names.row(app, entry).await?);
        }
        if format.csv {
            rows.iter().try_for_each(|row| say(&row.csv()))?;
        } else {
            listing.page(rows.iter().map(|row| (row, row.cells())))?;
        }
        if reaches_back {
            break;
        }
    }
    if format.csv { Ok(()) } else { listing.end("No events match.") }
}

fn began(now: Timestamp, ago: Duration) -> Timestamp {
    let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(ago))
}

const HEADER: [&str; 12] = [
    "at",
    "event",
    "account_id",
    "account_email",
    "actor",
    "actor_id",
    "actor_email",
    "address",
    "detail",
    "request_id",
    "id",
    "repeated",
];

impl Row {
    fn cells(&self) -> [String; 6] {
        let by = self.actor.clone().or_else(|| named(self.actor_id, self.actor_email.as_deref()));
        [
            moment(self.moment),
            self.event.clone(),
            or_nothing(named(self.account_id, self.account_email.as_deref())),
            or_nothing(by),
            or_nothing(self.address.clone()),
            or_nothing(self.details()),
        ]
    }

    fn details(&self) -> Option<String> {
        let repeated = (self.repeated > 0).then(|| format!("and {} more like it", self.repeated));
        let details: Vec<_> = self.detail.iter().cloned().chain(repeated).collect();
        (!details.is_empty()).then(|| details.join(", "))
    }

    fn csv(&self) -> String {
        let number = |id: Option<AccountId>| id.map_or_else(String::new, |id| id.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            self.at.clone(),
            self.event.clone(),
            number(self.account_id),
            text(&self.account_email),
            text(&self.actor),
            number(self.actor_id),
            text(&self.actor_email),
            text(&self.address),
            text(&self.detail),
            text(&self.request_id),
            self.id.clone(),
            self.repeated.to_string(),
        ];
        csv(fields.iter().map(String::as_str))
    }
}

/// For example `ada@example.com (1)`.
fn named(id: Option<AccountId>, email: Option<&str>) -> Option<String> {
    id.map(|id| format!("{} ({id})", email.unwrap_or("deleted")))
}

/// The addresses of accounts that were looked up; `None` if the account was deleted.
#[derive(Default)]
struct Names(HashMap<AccountId, Option<String>>);

impl Names {
    async fn row(&mut self, app: &App, entry: Entry) -> Result<Row, String> {
        Ok(Row {
            id: entry.id.to_string(),
            at: entry.at.to_rfc3339(),
            event: entry.event,
            account_id: entry.account_id,
            account_email: self.of(app, entry.account_id).await?,
            actor: entry.actor,
            actor_id: entry.actor_id,
            actor_email: self.of(app, entry.actor_id).await?,
            address: entry.address,
            request_id: entry.request_id,
            detail: entry.detail,
            repeated: entry.repeated,
            moment: entry.at,
        })
    }

    async fn of(&mut self, app: &App, id: Option<AccountId>) -> Result<Option<String>, String> {
        let Some(id) = id else { return Ok(None) };
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let email = match accounts::by_id(app, id).await {
            Ok(account) => Some(account.email.to_string()),
            Err(Error::NotFound) => None,
            Err(error) => return Err(sentence(&error)),
        };
        self.0.insert(id, email.clone());
        Ok(email)
    }
}
