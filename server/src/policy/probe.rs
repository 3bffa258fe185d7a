//! A policy held against the tables that are there: columns that do not exist, and plans that read a whole table.

use uuid::Uuid;

use super::compile::{column, comparison, table};
use super::declare::Declared;
use super::names::Name;
use super::rules::{Term, Type};
use super::sql::{Sql, fill};
use super::{Error, IdKind, ObjectId, Policy, PolicyError};
use crate::{
    accounts::AccountId,
    db::{Conn, Dialect, Encode as _, Value},
};

/// No account has this number.
const NOBODY: AccountId = AccountId::new(0);

impl Policy {
    /// Runs every statement once, for an account and a row that do not exist. What the database refuses is looked for
    /// column by column, so that the error has a place.
    pub(crate) async fn probe(&self, conn: Conn<'_>, declared: &Declared) -> Result<(), Error> {
        for of in self.0.types.values() {
            self.probe_columns(conn, of, declared).await?;
        }
        for rule in self.0.rules.values() {
            let list = Sql::new(format!(
                "SELECT 1 FROM {} WHERE {} LIMIT 1",
                table(&rule.of),
                fill(&rule.seen, &table(&rule.of), 0)
            ));
            let id = nothing(&rule.of);
            let checked = conn
                .fetch_all::<(i64,)>(rule.check.text(), self.arguments(vec![id.value()], NOBODY, &rule.of));
            let listed = conn.fetch_all::<(i64,)>(list.text(), self.arguments(Vec::new(), NOBODY, &rule.of));
            for outcome in [checked.await, listed.await] {
                outcome
                    .map_err(|error| refused(declared, &rule.of, "", &format!("{}: {error}", rule.name)))?;
            }
        }
        Ok(())
    }

    async fn probe_columns(&self, conn: Conn<'_>, of: &Type, declared: &Declared) -> Result<(), Error> {
        let at = table(of);
        let sql = Sql::new(format!("SELECT 1 FROM {at} LIMIT 0"));
        let there = conn.fetch_all::<(i64,)>(sql.text(), Vec::new()).await;
        there.map_err(|error| {
            refused(declared, of, "table", &format!("there is no table {}: {error}", of.table))
        })?;
        for (part, name, test) in columns(of) {
            let sql = Sql::new(format!("SELECT 1 FROM {at} WHERE {} {test} LIMIT 0", column(&at, name)));
            let literals = of.conditions.iter().filter_map(|condition| condition.operand.literal());
            let mut arguments = vec![0_i64.encode(), 0_i64.encode()];
            arguments.extend(literals);
            conn.fetch_all::<(i64,)>(sql.text(), arguments).await.map_err(|error| {
                refused(
                    declared,
                    of,
                    &part,
                    &format!("the column {name} of {} does not fit: {error}", of.table),
                )
            })?;
        }
        Ok(())
    }
}

/// The id of no row.
fn nothing(of: &Type) -> ObjectId {
    match of.kind {
        IdKind::Number => ObjectId::Number(0),
        IdKind::Uuid => ObjectId::Uuid(Uuid::nil()),
    }
}

/// Each column, where it is declared, and a test that needs the type it must have.
fn columns(of: &Type) -> Vec<(String, &Name, String)> {
    let id = |of: &Type| match of.kind {
        IdKind::Number => "> 0".to_owned(),
        IdKind::Uuid => "IN (SELECT object_uuid FROM grants WHERE 1 = 0)".to_owned(),
    };
    let mut columns = vec![("id".to_owned(), &of.id, id(of))];
    if let Some(above) = &of.inside_itself {
        columns.push((format!("parents.{}", of.name), above, id(of)));
    }
    for parent in &of.parents {
        columns.push((format!("parents.{}", parent.of.name), &parent.column, id(&parent.of)));
    }
    for term in &of.terms {
        match term {
            Term::Owner { column } => columns.push(("owner".to_owned(), column, "> 0".to_owned())),
            Term::Flag { name, column } => {
                columns.push((format!("flags.{name}"), column, "= TRUE".to_owned()));
            }
            Term::When { name, condition } => {
                let (_, place) = comparison(of, condition);
                let test = fill(&format!("{} {place}", condition.comparison.as_sql()), "", 0);
                columns.push((format!("when.{name}"), &condition.column, test));
            }
            Term::Role(_) => {}
        }
    }
    columns
}

fn refused(declared: &Declared, of: &Type, part: &str, what: &str) -> Error {
    let object = declared.objects.iter().find(|object| object.name == of.name.as_str());
    let place = object.map_or_else(String::new, |object| object.places.of(part));
    PolicyError::new(place, format!("type {}: {what}", of.name)).into()
}

/// A statement that reads a whole table of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullScan {
    /// The permission whose statement it is.
    pub permission: String,
    /// Whether it is the statement of a list, or else of a check.
    pub is_list: bool,
    /// The table.
    pub table: String,
    /// The line of the database's plan.
    pub plan: String,
}

impl Policy {
    /// Asks the database for the plan of each check and each list, and returns those that read the whole table of the
    /// object. The answer is for the rows that are there now: on PostgreSQL a small table is read whole with every
    /// index.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn full_scans(&self, conn: Conn<'_>) -> Result<Vec<FullScan>, Error> {
        let mut found = Vec::new();
        for rule in self.0.rules.values() {
            let at = table(&rule.of);
            let list = format!("SELECT 1 FROM {at} WHERE {} LIMIT 50", fill(&rule.seen, &at, 0));
            let own = self.arguments(Vec::new(), NOBODY, &rule.of);
            let check = self.arguments(vec![nothing(&rule.of).value()], NOBODY, &rule.of);
            for (is_list, text, arguments) in
                [(true, list, own), (false, rule.check.text().to_owned(), check)]
            {
                let sql = Sql::new(format!("{}{text}", self.0.dialect.explain()));
                let plan = plan(conn, sql, arguments).await?;
                let table = rule.of.table.to_string();
                let is_full = |at: usize| reads_all(&plan, at, &table);
                if let Some(line) = (0..plan.len()).find(|at| is_full(*at)).and_then(|at| plan.get(at)) {
                    let (permission, plan) = (rule.name.clone(), line.trim().to_owned());
                    found.push(FullScan { permission, is_list, table, plan });
                }
            }
        }
        Ok(found)
    }
}

async fn plan(conn: Conn<'_>, sql: Sql, arguments: Vec<Value>) -> Result<Vec<String>, Error> {
    Ok(match conn.dialect() {
        Dialect::Sqlite => {
            let rows = conn.fetch_all::<(i64, i64, i64, String)>(sql.text(), arguments).await?;
            rows.into_iter().map(|(_, _, _, line)| line).collect()
        }
        Dialect::Postgres => {
            let rows = conn.fetch_all::<(String,)>(sql.text(), arguments).await?;
            rows.into_iter().map(|(line,)| line).collect()
        }
    })
}

/// Whether a line of a plan reads all rows of a table: SQLite says `SCAN`, PostgreSQL `Seq Scan`, or uses an index
/// without a condition on it.
fn reads_all(plan: &[String], at: usize, table: &str) -> bool {
    let Some(line) = plan.get(at) else { return false };
    let words: Vec<_> = line.split_whitespace().collect();
    let is_about = |before: &str| words.windows(2).any(|pair| pair == [before, table]);
    if is_about("SCAN") {
        return true;
    }
    let has_condition = plan.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
    is_about("on")
        && (line.contains("Seq Scan")
            || line.contains("Index") && line.contains("Scan using") && !has_condition)
}
