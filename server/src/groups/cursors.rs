//! The cursors of the lists of organisations, teams and members.

use uuid::Uuid;

use super::GroupId;
use crate::{
    accounts::AccountId,
    app::App,
    cursor::{open, seal},
    error::Error,
};

const GROUPS: &str = "cursor: groups";
const MEMBERS: &str = "cursor: members";

/// The most rows of a list in one response.
pub(super) const MOST: u32 = 100;
/// The number of rows by default.
const USUAL: u32 = 50;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Part<T> {
    pub(crate) items: Vec<T>,
    /// The cursor to send as `after` for the next page; `None` on the last one.
    pub(crate) next: Option<String>,
}

/// The requested page of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: Option<u32>,
}

impl Asked<'_> {
    /// One row more than the page holds, to find out whether there are more.
    pub(super) fn rows(self) -> i64 {
        i64::from(self.most()) + 1
    }

    fn most(self) -> u32 {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// The group after which the page starts.
    pub(super) fn after_group(self, app: &App) -> Result<GroupId, Error> {
        let Some(text) = self.after else { return Ok(GroupId::new(Uuid::nil())) };
        Ok(GroupId::new(Uuid::from_bytes(open(app, GROUPS, text)?)))
    }

    /// The group before which the page starts, in a list with the newest first.
    pub(super) fn before_group(self, app: &App) -> Result<GroupId, Error> {
        if self.after.is_some() { self.after_group(app) } else { Ok(GroupId::new(Uuid::max())) }
    }

    /// The account after which the page starts.
    pub(super) fn after_account(self, app: &App) -> Result<AccountId, Error> {
        let Some(text) = self.after else { return Ok(AccountId::new(0)) };
        Ok(AccountId::new(i64::from_be_bytes(open(app, MEMBERS, text)?)))
    }

    /// The page, from the rows that were requested with [`rows`](Self::rows).
    pub(super) fn part<T>(self, mut rows: Vec<T>, cursor: impl FnOnce(&T) -> String) -> Part<T> {
        let most = usize::try_from(self.most()).unwrap_or(usize::MAX);
        let has_more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| has_more).map(cursor);
        Part { items: rows, next }
    }
}

pub(super) fn of_group(app: &App, id: GroupId) -> String {
    seal(app, GROUPS, id.uuid().as_bytes())
}

pub(super) fn of_account(app: &App, id: AccountId) -> String {
    seal(app, MEMBERS, &id.number().to_be_bytes())
}
