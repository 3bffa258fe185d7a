//! What administrators do to the accounts of others. The rooms of those things do it; this one knows who may, and
//! writes down who did.
//!
//! Every look and every act is in the audit trail, under the administrator's own number.

mod acts;
mod cursor;
mod first_admin;
pub(crate) mod http;
pub(crate) mod pages;
mod store;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::acts::{create, remove_factor, set_active, set_password, set_role};
pub(crate) use self::first_admin::claim;
pub(crate) use self::first_admin::is_shown_elsewhere;
pub use self::first_admin::{FirstAdminCode, offer_first_admin};
use crate::{
    access::{By, Fresh, Principal, SessionId},
    accounts::{self, AccountDetails, AccountId, Role},
    app::App,
    audit,
    client::Client,
    clock::Timestamp,
    db::retry,
    error::Error,
    events::{self, Event},
    sessions::{self, Listed},
};

/// How many rows of a list one answer gives, unless it is asked for more or less.
const USUAL: u32 = 50;
/// And at most.
const MOST: u32 = 100;

/// An administrator at work: who, and from where. Which scope it takes is the guard's to say; this is the second lock.
#[derive(Debug)]
pub(crate) struct AdminActor {
    principal: Principal,
    client: Client,
}

impl AdminActor {
    /// [`Error::NotFound`] for everybody else, as if what is asked for did not exist.
    pub(crate) fn of(principal: Principal, client: Client) -> Result<Self, Error> {
        match principal.role {
            Role::Admin => Ok(Self { principal, client: client.acting_as(principal.account) }),
            Role::User => Err(Error::NotFound),
        }
    }

    /// The same with the proof that the log-in is fresh, or else what RFC 9470 answers.
    pub(crate) fn fresh(self, now: Timestamp) -> Result<FreshAdmin, Error> {
        let fresh = self.principal.fresh(now)?;
        Ok(FreshAdmin(fresh, self.client))
    }

    /// As whom acts are done.
    pub(crate) fn by(&self) -> By<'_> {
        By::administrator(self.principal, &self.client)
    }

    /// The session that the administrator works in.
    pub(crate) fn session(&self) -> SessionId {
        self.principal.session
    }
}

/// An administrator whose log-in is fresh. Only [`AdminActor::fresh`] makes one.
#[derive(Debug)]
pub(crate) struct FreshAdmin(Fresh, Client);

impl FreshAdmin {
    /// As whom acts are done.
    pub(crate) fn by(&self) -> By<'_> {
        By::fresh_administrator(self.0, &self.1)
    }
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to give as `after` for the next part. `None`: this is the last one.
    pub(crate) next: Option<String>,
}

/// Which accounts are asked for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct AccountsQuery {
    /// Only accounts with this in their e-mail address or name; upper and lower case make no difference.
    #[schemars(length(min = 1, max = 254))]
    pub(crate) search: Option<String>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many; 50 if it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
}

/// Which events are asked for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct AuditQuery {
    /// Only what was done to this account, or by it to another.
    pub(crate) account: Option<AccountId>,
    /// Only events of this name.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["account.role_changed"]))]
    pub(crate) event: Option<String>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
    /// How many; 50 if it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
}

/// Lists accounts in the order of their numbers.
pub(crate) async fn list_accounts(
    app: &App,
    actor: &AdminActor,
    query: &AccountsQuery,
) -> Result<Page<AccountDetails>, Error> {
    let after = query.after.as_deref().map(|text| cursor::account(app, text)).transpose()?;
    let limit = bounded(query.limit);
    let accounts = accounts::list(app, query.search.as_deref(), after, limit + 1).await?;
    note(app, actor, Event::AccountsListed, None).await?;
    Ok(page(accounts, limit, |last| cursor::after_account(app, last.account.id)))
}

/// An account and its living sessions, the most recently used first.
pub(crate) async fn read_account(
    app: &App,
    actor: &AdminActor,
    id: AccountId,
) -> Result<(AccountDetails, Vec<Listed>), Error> {
    let account = accounts::details(app, id).await?;
    let sessions = sessions::list(app, id).await?;
    note(app, actor, Event::AccountRead, Some(id)).await?;
    Ok((account, sessions))
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

/// Lists events of the audit trail, the newest first.
pub(crate) async fn list_audit_events(
    app: &App,
    actor: &AdminActor,
    query: &AuditQuery,
) -> Result<Page<audit::Entry>, Error> {
    let before = query.after.as_deref().map(|text| cursor::event(app, text)).transpose()?;
    let limit = bounded(query.limit);
    let filter = audit::Filter { account: query.account, event: query.event.as_deref() };
    let events = audit::list(app, filter, before, limit + 1).await?;
    note(app, actor, Event::AuditRead, query.account).await?;
    Ok(page(events, limit, |last| cursor::after_event(app, last.at, last.id)))
}

/// Writes down that an administrator looked.
async fn note(app: &App, actor: &AdminActor, event: Event, account: Option<AccountId>) -> Result<(), Error> {
    let mut tx = app.db().begin().await?;
    events::record(&mut tx, event, account, &actor.client, app.now()).await?;
    Ok(tx.commit().await?)
}

/// For a caller that no schema has checked.
fn bounded(limit: Option<u32>) -> u32 {
    limit.unwrap_or(USUAL).clamp(1, MOST)
}

/// Of one row more than fits, the page, and where the next one begins.
fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| is_more).map(cursor);
    Page { items, next }
}
