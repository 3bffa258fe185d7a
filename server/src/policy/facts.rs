//! Creates the tables and rows of a policy test.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::names::{self, Name, Operand};
use super::rules::{Term, Type};
use super::sql::Sql;
use super::trial::File;
use super::{AccountId, Error, IdKind, NewGrant, Policy, PolicyError, Whom, store};
use crate::{
    attributes,
    clock::Timestamp,
    db::{Conn, Dialect, Encode as _, Value},
    groups::GroupId,
    random,
};

/// The tables that a policy's statements read besides the application's own.
const SHADOWED: [&str; 5] = ["groups", "group_paths", "memberships", "grants", "attribute_values"];

/// The accounts and groups of a test.
pub(super) struct Facts {
    accounts: BTreeMap<String, AccountId>,
    groups: BTreeMap<String, GroupId>,
}

/// Formats a position in the file.
type Place<'p> = &'p (dyn Fn(std::ops::Range<usize>) -> String + Sync);

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Number,
    Uuid,
    Text,
    Bool,
    Account,
    Moment,
}

impl Holds {
    const fn of_id(kind: IdKind) -> Self {
        match kind {
            IdKind::Number => Self::Number,
            IdKind::Uuid => Self::Uuid,
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Number | Self::Account | Self::Moment => "BIGINT",
            Self::Uuid => "UUID",
            Self::Text => "TEXT",
            Self::Bool => "BOOLEAN",
        }
    }
}

impl Facts {
    /// Creates and fills the tables.
    pub(super) async fn make(
        policy: &Policy,
        conn: Conn<'_>,
        file: &File,
        place: Place<'_>,
    ) -> Result<Self, Error> {
        let is_temporary = conn.dialect() == Dialect::Postgres;
        if is_temporary {
            for table in SHADOWED {
                let text =
                    format!("CREATE TEMPORARY TABLE {table} (LIKE {table} INCLUDING ALL) ON COMMIT DROP");
                conn.execute(Sql::new(text).text(), Vec::new()).await?;
            }
        }
        let mut facts = Self { accounts: BTreeMap::new(), groups: BTreeMap::new() };
        for (number, name) in (1..).zip(&file.accounts) {
            facts.accounts.insert(name.clone(), AccountId::new(number));
        }
        for (name, values) in &file.attributes {
            let account = facts.account(name).ok_or_else(|| {
                PolicyError::new(place(values.span()), format!("there is no account {name:?}"))
            })?;
            for (attribute, value) in values.get_ref() {
                attributes::make_up(conn, account, attribute, &value.value()).await?;
            }
        }
        facts.make_groups(conn, file).await?;
        facts.make_rows(policy, conn, file, place).await?;
        for spanned in &file.grants {
            let (given, at) = (spanned.get_ref(), place(spanned.span()));
            let wrong = |what: String| PolicyError::new(at.clone(), what);
            let to = facts
                .whom(&given.to)
                .ok_or_else(|| wrong(format!("there is no account and no group {:?}", given.to)))?;
            let (object_type, object) =
                policy.object_named(&given.on).map_err(|error| wrong(error.to_string()))?;
            let of = policy.object_type(&object_type)?;
            if !of.roles.contains(&given.role) {
                return Err(wrong(format!("{:?} is not a role on a {object_type}", given.role)).into());
            }
            let now = policy.now();
            let expires_at = match &given.expires {
                Some(text) => {
                    Some(moment(text, now).ok_or_else(|| wrong(format!("{text:?} is not +1h or -1h")))?)
                }
                None => None,
            };
            let (object_type, role) = (object_type.as_str(), given.role.as_str());
            let new = NewGrant { object_type, object, role, to, given_by: None, expires_at };
            store::insert(conn, super::GrantId::new(random::uuid_v7(now)), &new, now).await?;
        }
        Ok(facts)
    }

    pub(super) fn account(&self, name: &str) -> Option<AccountId> {
        self.accounts.get(name).copied()
    }

    fn whom(&self, name: &str) -> Option<Whom> {
        let group = || self.groups.get(name).copied().map(Whom::Group);
        self.account(name).map(Whom::Account).or_else(group)
    }

    async fn make_groups(&mut self, conn: Conn<'_>, file: &File) -> Result<(), Error> {
        let wrong = |what: String| PolicyError::new(String::new(), what);
        let mut left: Vec<_> = file.groups.iter().collect();
        while !left.is_empty() {
            let (ready, waiting): (Vec<_>, Vec<_>) = left.iter().partition(|(_, group)| {
                group.inside.as_ref().is_none_or(|inside| self.groups.contains_key(inside))
            });
            if ready.is_empty() {
                let names: Vec<_> = waiting.iter().map(|(name, _)| name.as_str()).collect();
                return Err(wrong(format!(
                    "the groups {} are inside themselves, or inside one that is missing",
                    names.join(", ")
                ))
                .into());
            }
            for (name, group) in ready {
                let id = GroupId::new(random::uuid_v7(Timestamp::from_secs(0)));
                let parent = group.inside.as_ref().and_then(|inside| self.groups.get(inside)).copied();
                crate::groups::make_up(conn, id, name, parent).await?;
                for member in &group.members {
                    let account = self
                        .account(member)
                        .ok_or_else(|| wrong(format!("groups.{name}: there is no account {member:?}")))?;
                    crate::groups::make_up_member(conn, id, account).await?;
                }
                self.groups.insert(name.clone(), id);
            }
            left = waiting;
        }
        Ok(())
    }

    async fn make_rows(
        &self,
        policy: &Policy,
        conn: Conn<'_>,
        file: &File,
        place: Place<'_>,
    ) -> Result<(), Error> {
        if let Some(unknown) = file.rows.keys().find(|name| !policy.0.types.contains_key(*name)) {
            return Err(
                PolicyError::new(String::new(), format!("rows.{unknown}: there is no such type")).into()
            );
        }
        let mut made = BTreeMap::new();
        for of in policy.0.types.values() {
            made.entry(of.table.clone()).or_insert_with(BTreeMap::new).extend(columns(of));
        }
        for (table, columns) in &made {
            let columns: Vec<_> =
                columns.iter().map(|(name, holds)| format!("\"{name}\" {}", holds.sql())).collect();
            let temporary = if conn.dialect() == Dialect::Postgres { "TEMPORARY " } else { "" };
            let text = format!("CREATE {temporary}TABLE \"{table}\" ({})", columns.join(", "));
            conn.execute(Sql::new(text).text(), Vec::new()).await?;
        }
        for (name, rows) in &file.rows {
            let of = policy.object_type(name)?;
            let Some(columns) = made.get(&of.table) else { continue };
            for row in rows {
                let at = place(row.span());
                let (text, values) = self
                    .insert(of, columns, row.get_ref(), policy.now())
                    .map_err(|what| PolicyError::new(at, format!("rows.{name}: {what}")))?;
                conn.execute(Sql::new(text).text(), values).await?;
            }
        }
        Ok(())
    }

    fn insert(
        &self,
        of: &Type,
        columns: &BTreeMap<Name, Holds>,
        row: &toml::Table,
        now: Timestamp,
    ) -> Result<(String, Vec<Value>), String> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value) in row {
            let known = columns.iter().find(|(column, _)| column.as_str() == name);
            let Some((name, holds)) = known else {
                let all: Vec<_> = columns.keys().map(Name::as_str).collect();
                return Err(format!(
                    "the policy does not use the column {name:?}; it uses {}",
                    all.join(", ")
                ));
            };
            names.push(format!("\"{name}\""));
            values.push(
                self.value(*holds, value, now).ok_or_else(|| format!("{value} does not fit into {name}"))?,
            );
        }
        if !row.contains_key(of.id.as_str()) {
            return Err(format!("the row has no {}", of.id));
        }
        let places: Vec<_> = (1..=names.len()).map(|number| format!("${number}")).collect();
        let text =
            format!("INSERT INTO \"{}\" ({}) VALUES ({})", of.table, names.join(", "), places.join(", "));
        Ok((text, values))
    }

    fn value(&self, holds: Holds, value: &toml::Value, now: Timestamp) -> Option<Value> {
        match (holds, value) {
            (Holds::Number | Holds::Moment, toml::Value::Integer(number)) => Some(number.encode()),
            (Holds::Account, toml::Value::String(name)) => Some(self.account(name)?.encode()),
            (Holds::Moment, toml::Value::String(text)) => Some(moment(text, now)?.encode()),
            (Holds::Uuid, toml::Value::String(text)) => Some(text.parse::<Uuid>().ok()?.encode()),
            (Holds::Text, toml::Value::String(text)) => Some(text.encode()),
            (Holds::Bool, toml::Value::Boolean(truth)) => Some(truth.encode()),
            _ => None,
        }
    }
}

/// Every column of a type that the policy uses.
fn columns(of: &Type) -> BTreeMap<Name, Holds> {
    let mut columns = BTreeMap::from([(of.id.clone(), Holds::of_id(of.kind))]);
    if let Some(above) = &of.inside_itself {
        columns.insert(above.clone(), Holds::of_id(of.kind));
    }
    for parent in &of.parents {
        columns.insert(parent.column.clone(), Holds::of_id(parent.of.kind));
    }
    for condition in &of.conditions {
        let holds = match condition.operand {
            Operand::Now => Holds::Moment,
            Operand::Integer(_) | Operand::Caller(_, names::Holds::Integer) => Holds::Number,
            Operand::Text(_) | Operand::Caller(_, names::Holds::Text) => Holds::Text,
            Operand::Bool(_) | Operand::Caller(_, names::Holds::Bool) => Holds::Bool,
        };
        columns.insert(condition.column.clone(), holds);
    }
    for term in &of.terms {
        match term {
            Term::Owner { column } => drop(columns.insert(column.clone(), Holds::Account)),
            Term::Flag { column, .. } => drop(columns.insert(column.clone(), Holds::Bool)),
            Term::Role(_) | Term::When { .. } => {}
        }
    }
    columns
}

/// `+1h` is in one hour, `-30days` was 30 days ago.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let duration = |text: &str| humantime::parse_duration(text).ok();
    match text.split_at_checked(1)? {
        ("+", text) => Some(now + duration(text)?),
        ("-", text) => Some(now - duration(text)?),
        _ => None,
    }
}
