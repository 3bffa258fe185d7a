//! What another policy would change for the existing accounts: old `EXCEPT` new, and new `EXCEPT` old.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::compile::{column, table};
use super::sql::{Sql, fill};
use super::{AccountId, Error, IdKind, ObjectId, Policy, PolicyError, Rule};
use crate::{
    accounts,
    app::App,
    db::{Conn, Encode as _, Value},
};

/// Accounts read at a time.
const PAGE: u32 = 500;
/// Accounts compared at the same time: as many as there are connections for reading.
const AT_ONCE: usize = 4;
/// The maximum number of rows read per account.
const MOST_ROWS: usize = 10_000;
/// The maximum number of different rows remembered.
const MOST_REMEMBERED: usize = 1_000_000;
/// The maximum number of example pairs of account and row.
const EXAMPLES: usize = 10;

/// What a permission gains or loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The permission.
    pub permission: String,
    /// The table of its type.
    pub table: String,
    /// Whether accounts may do more than before; otherwise less.
    pub is_gain: bool,
    /// The number of accounts concerned.
    pub accounts: usize,
    /// The number of different rows.
    pub rows: usize,
    /// Whether there are more rows than were counted.
    pub is_more: bool,
    /// A few of the accounts, each with a row.
    pub examples: Vec<(AccountId, ObjectId)>,
}

impl Policy {
    /// Compares two policies over all accounts and rows of a database, with one statement per account. Permissions with
    /// the same terms are skipped.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Policy`] if the kind of id that a permission applies to has changed.
    pub async fn diff(old: &Self, new: &Self, app: &App) -> Result<Vec<Change>, Error> {
        let names: BTreeSet<_> = old.0.rules.keys().chain(new.0.rules.keys()).collect();
        let mut changes = Vec::new();
        for name in names {
            let (before, after) = (old.0.rules.get(name), new.0.rules.get(name));
            if let (Some(before), Some(after)) = (before, after) {
                if is_same(before, after) {
                    continue;
                }
                if before.of.kind != after.of.kind {
                    let what =
                        format!("{name} was asked of another kind of id: the two have no row in common");
                    return Err(PolicyError::new(String::new(), what).into());
                }
            }
            for (is_gain, from, without) in [
                (false, before.map(|rule| (old, rule)), after.map(|rule| (new, rule))),
                (true, after.map(|rule| (new, rule)), before.map(|rule| (old, rule))),
            ] {
                if let Some(from) = from
                    && let Some(change) = differ(app, from, without, is_gain).await?
                {
                    changes.push(change);
                }
            }
        }
        Ok(changes)
    }
}

impl Policy {
    /// The ids of the rows that an account may do `permission` with, in order.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn ids(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        at_most: u32,
    ) -> Result<Vec<ObjectId>, Error> {
        let rule = self.rule(permission)?;
        let sql = self
            .0
            .queries
            .get("ids", permission, 1, || Ok(format!("{} ORDER BY 1 LIMIT $1", select(rule, 1))))?;
        let arguments = self.arguments(vec![i64::from(at_most).encode()], who, &rule.of);
        ids(conn, sql, arguments, rule.of.kind).await
    }
}

fn is_same(one: &Rule, other: &Rule) -> bool {
    one.seen == other.seen && one.of.table == other.of.table && one.of.conditions == other.of.conditions
}

type Of<'a> = (&'a Policy, &'a Rule);

async fn differ(
    app: &App,
    from: Of<'_>,
    without: Option<Of<'_>>,
    is_gain: bool,
) -> Result<Option<Change>, Error> {
    let (policy, rule) = from;
    let sql = Sql::new(except(from, without));
    let mut change = Change {
        permission: rule.name.clone(),
        table: rule.of.table.to_string(),
        is_gain,
        accounts: 0,
        rows: 0,
        is_more: false,
        examples: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let page = accounts::list(app, None, after, PAGE).await.map_err(of_accounts)?;
        let lists = page.iter().map(|account| {
            let who = account.account.id;
            let mut arguments = policy.arguments(Vec::new(), who, &rule.of);
            if let Some((other, rule)) = without {
                arguments = other.arguments(arguments, who, &rule.of);
            }
            async move {
                let mut reader = app.db().read().await?;
                Ok::<_, Error>((who, ids(reader.conn(), sql, arguments, rule.of.kind).await?))
            }
        });
        let mut lists = stream::iter(lists).buffered(AT_ONCE);
        while let Some((who, rows)) = lists.try_next().await? {
            if let Some(first) = rows.first() {
                change.accounts += 1;
                change.is_more |= rows.len() >= MOST_ROWS || seen.len() >= MOST_REMEMBERED;
                if change.examples.len() < EXAMPLES {
                    change.examples.push((who, *first));
                }
                seen.extend(rows.into_iter().take(MOST_REMEMBERED.saturating_sub(seen.len())));
            }
        }
        let Some(last) = page.last() else { break };
        after = Some(last.account.id);
    }
    change.rows = seen.len();
    Ok((change.accounts > 0).then_some(change))
}

/// The ids that a permission lists.
fn select(rule: &Rule, taken: usize) -> String {
    let at = table(&rule.of);
    format!("SELECT {} FROM {at} WHERE {}", column(&at, &rule.of.id), fill(&rule.seen, &at, taken))
}

/// The ids that one policy lists and the other does not.
fn except((policy, rule): Of<'_>, without: Option<Of<'_>>) -> String {
    let taken = policy.arguments(Vec::new(), AccountId::new(0), &rule.of).len();
    let without = without.map_or_else(String::new, |(_, other)| format!(" EXCEPT {}", select(other, taken)));
    format!("{}{without} LIMIT {MOST_ROWS}", select(rule, 0))
}

async fn ids(conn: Conn<'_>, sql: Sql, arguments: Vec<Value>, kind: IdKind) -> Result<Vec<ObjectId>, Error> {
    Ok(match kind {
        IdKind::Number => {
            let rows = conn.fetch_all::<(i64,)>(sql.text(), arguments).await?;
            rows.into_iter().map(|(id,)| id.into()).collect()
        }
        IdKind::Uuid => {
            let rows = conn.fetch_all::<(uuid::Uuid,)>(sql.text(), arguments).await?;
            rows.into_iter().map(|(id,)| id.into()).collect()
        }
    })
}

fn of_accounts(error: crate::error::Error) -> Error {
    match error {
        crate::error::Error::Database(error) => Error::Database(error),
        other => PolicyError::new(String::new(), other.to_string()).into(),
    }
}
