//! What administrators do to other users' accounts. The modules that own those things do the work; this one checks who
//! may, and records who did.
//!
//! Every view and every action is in the audit trail, under the administrator's own ID.

mod acts;
pub(crate) mod attributes;
mod csv;
mod cursor;
mod first_admin;
pub(crate) mod http;
pub(crate) mod organisations;
pub(crate) mod pages;
mod store;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use self::acts::{Invitation, invite};
pub use self::acts::{create, remove_factor, set_active, set_password, set_role};
pub(crate) use self::csv::AuditCsv;
pub(crate) use self::first_admin::claim;
pub(crate) use self::first_admin::is_shown_elsewhere;
pub use self::first_admin::{FirstAdminCode, offer_first_admin};
use crate::{
    access::{By, Fresh, Principal, Requester, SessionId},
    accounts::{self, AccountDetails, AccountId, Role},
    api_keys,
    app::App,
    audit,
    client::Client,
    clock::Timestamp,
    db::retry,
    error::Error,
    events::{self, Event},
    sessions::{self, Listed},
};

/// How many rows a page of a list has by default.
const USUAL: u32 = 50;
/// How many rows a page has at most.
const MOST: u32 = 100;

/// An administrator who reads, or an API key of theirs, and the client they use. The guard checks the scope; this
/// checks the role again.
#[derive(Debug)]
pub(crate) struct AdminReader {
    requester: Requester,
    client: Client,
}

impl AdminReader {
    /// [`Error::NotFound`] for everybody else, as if the resource did not exist.
    pub(crate) fn of(requester: Requester, client: Client) -> Result<Self, Error> {
        match requester.role() {
            Role::Admin | Role::Staff(_) => {
                Ok(Self { requester, client: client.acting_as(requester.account()) })
            }
            Role::User => Err(Error::NotFound),
        }
    }

    /// The administrator's session; `None` for an API key.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.requester.principal().map(|principal| principal.session)
    }
}

/// An administrator who acts, in a session.
#[derive(Debug)]
pub(crate) struct AdminActor {
    principal: Principal,
    client: Client,
}

impl AdminActor {
    /// See [`AdminReader::of`].
    pub(crate) fn of(principal: Principal, client: Client) -> Result<Self, Error> {
        AdminReader::of(principal.into(), client).map(|reader| Self { principal, client: reader.client })
    }

    /// The administrator, if the login is fresh; otherwise the error that RFC 9470 describes.
    pub(crate) fn fresh(self, now: Timestamp) -> Result<FreshAdmin, Error> {
        let fresh = self.principal.fresh(now)?;
        Ok(FreshAdmin(fresh, self.client))
    }

    /// The same administrator, for reading.
    fn reader(&self) -> AdminReader {
        AdminReader { requester: self.principal.into(), client: self.client.clone() }
    }

    /// The administrator as the party that acts.
    pub(crate) fn by(&self) -> By<'_> {
        By::administrator(self.principal, &self.client)
    }
}

/// An administrator whose login is fresh. Only [`AdminActor::fresh`] constructs one.
#[derive(Debug)]
pub(crate) struct FreshAdmin(Fresh, Client);

impl FreshAdmin {
    /// The administrator as the party that acts.
    pub(crate) fn by(&self) -> By<'_> {
        By::fresh_administrator(self.0, &self.1)
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor to send as `after` for the next page; `None` on the last one.
    pub(crate) next: Option<String>,
    /// The cursor to send as `before` for the previous page; `None` on the first one.
    pub(crate) previous: Option<String>,
}

/// Which accounts to return.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct AccountsQuery {
    /// Only accounts with this in their email address or name, or with this ID. Case and accents do not matter.
    #[schemars(length(min = 1, max = 254))]
    pub(crate) search: Option<String>,
    /// Only accounts with this role.
    pub(crate) role: Option<Role>,
    /// Only accounts that are active, or that are disabled.
    pub(crate) is_active: Option<bool>,
    /// Only accounts whose email address is confirmed, or is not.
    pub(crate) is_verified: Option<bool>,
    /// Only accounts with a value of this attribute.
    #[schemars(length(min = 1, max = 30))]
    pub(crate) attribute: Option<String>,
    /// Only accounts with this value of the attribute.
    #[schemars(length(min = 1, max = 1024))]
    pub(crate) value: Option<String>,
    /// The `next` of another page of this list.
    pub(crate) after: Option<String>,
    /// The `previous` of another page of this list.
    pub(crate) before: Option<String>,
    /// How many accounts to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
}

/// Which events to return.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct AuditQuery {
    /// Only events that happened to this account, or that it caused to others.
    pub(crate) account: Option<AccountId>,
    /// Only events with this name.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["account.role_changed"]))]
    pub(crate) event: Option<String>,
    /// `false` leaves out events of administrators viewing data (`admin.*`).
    pub(crate) views: Option<bool>,
    /// The `next` of another page of this list.
    pub(crate) after: Option<String>,
    /// The `previous` of another page of this list.
    pub(crate) before: Option<String>,
    /// How many events to return; 50 by default.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
}

impl AccountsQuery {
    fn filter<'a>(&'a self, attribute: Option<accounts::WithAttribute<'a>>) -> accounts::Filter<'a> {
        let Self { role, is_active, is_verified, .. } = *self;
        accounts::Filter { search: self.search.as_deref(), role, is_active, is_verified, attribute }
    }
}

impl AuditQuery {
    fn filter(&self) -> audit::Filter<'_> {
        let has_reads = self.views.unwrap_or(true);
        audit::Filter { account: self.account, event: self.event.as_deref(), has_reads }
    }
}

/// A page of accounts, newest first.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) page: Page<AccountDetails>,
    /// How many accounts match the query.
    pub(crate) total: u64,
    /// How many accounts come before this page.
    pub(crate) offset: u64,
}

/// Lists accounts, newest first.
pub(crate) async fn list_accounts(
    app: &App,
    reader: &AdminReader,
    query: &AccountsQuery,
) -> Result<Accounts, Error> {
    let place = Place::of(query.after.as_deref(), query.before.as_deref())?;
    let limit = bounded(query.limit);
    let value = attributes::wanted_value(app, query);
    let filter = query.filter(attributes::wanted(app, query, value.as_ref()));
    let rows = match place {
        Place::First => accounts::newest(app, filter, None, limit + 1).await?,
        Place::After(text) => {
            accounts::newest(app, filter, Some(cursor::account(app, text)?), limit + 1).await?
        }
        Place::Before(text) => {
            accounts::newer_than(app, filter, cursor::account(app, text)?, limit + 1).await?
        }
    };
    let page = page(rows, limit, place, |row| cursor::of_account(app, row.account.id));
    let first = page.items.first().map_or(AccountId::new(i64::MAX), |first| first.account.id);
    let (total, offset) = accounts::count(app, filter, first).await?;
    note(app, reader, Event::AccountsListed, None).await?;
    Ok(Accounts { page, total, offset })
}

/// An account, its active sessions (most recently used first) and its API keys (newest first).
pub(crate) async fn read_account(
    app: &App,
    reader: &AdminReader,
    id: AccountId,
) -> Result<(AccountDetails, Vec<Listed>, Vec<api_keys::Listed>), Error> {
    let account = accounts::details(app, id).await?;
    let sessions = sessions::list(app, id).await?;
    let keys = api_keys::list(app, id).await?;
    note(app, reader, Event::AccountRead, Some(id)).await?;
    Ok((account, sessions, keys))
}

/// Ends every session of an account.
pub(crate) async fn end_sessions(app: &App, actor: &AdminActor, id: AccountId) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, id, actor.by(), now).await?;
        sessions::end_all(&mut tx, &locked, now).await?;
        events::record(&mut tx, Event::SessionsEnded, Some(id), &actor.client, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Lists events of the audit trail, newest first.
pub(crate) async fn list_audit_events(
    app: &App,
    reader: &AdminReader,
    query: &AuditQuery,
) -> Result<Page<audit::Entry>, Error> {
    let place = Place::of(query.after.as_deref(), query.before.as_deref())?;
    let limit = bounded(query.limit);
    let filter = query.filter();
    let events = match place {
        Place::First => audit::list(app, filter, None, limit + 1).await?,
        Place::After(text) => audit::list(app, filter, Some(cursor::event(app, text)?), limit + 1).await?,
        Place::Before(text) => audit::list_after(app, filter, cursor::event(app, text)?, limit + 1).await?,
    };
    note(app, reader, Event::AuditRead, query.account).await?;
    Ok(page(events, limit, place, |event| cursor::of_event(app, event.at, event.id)))
}

/// Records that an administrator viewed something.
async fn note(
    app: &App,
    reader: &AdminReader,
    event: Event,
    account: Option<AccountId>,
) -> Result<(), Error> {
    let (mut tx, detail) = (app.db().begin().await?, reader.requester.detail());
    events::record_detail(&mut tx, event, account, &reader.client, detail.as_deref(), app.now()).await?;
    Ok(tx.commit().await?)
}

/// Bounds the limit for callers whose input no schema has checked.
fn bounded(limit: Option<u32>) -> u32 {
    limit.unwrap_or(USUAL).clamp(1, MOST)
}

/// The position of a page in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    First,
    /// After this cursor.
    After(&'a str),
    /// Before this cursor. The rows were read in the opposite order.
    Before(&'a str),
}

impl<'a> Place<'a> {
    fn of(after: Option<&'a str>, before: Option<&'a str>) -> Result<Self, Error> {
        match (after, before) {
            (None, None) => Ok(Self::First),
            (Some(after), None) => Ok(Self::After(after)),
            (None, Some(before)) => Ok(Self::Before(before)),
            (Some(_), Some(_)) => Err(Error::BadCursor),
        }
    }
}

/// Cuts the page from rows that include one more than fits, and makes the cursors of the pages around it.
fn page<T>(mut rows: Vec<T>, limit: u32, place: Place<'_>, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let is_back = matches!(place, Place::Before(_));
    if is_back {
        rows.reverse();
    }
    // A reader who went back came from a next page, and one who went forward came from a previous one.
    let (has_next, has_previous) = if is_back { (true, is_more) } else { (is_more, place != Place::First) };
    let next = rows.last().filter(|_| has_next).map(&cursor);
    let previous = rows.first().filter(|_| has_previous).map(&cursor);
    Page { items: rows, next, previous }
}
