//! Checks a policy against the existing tables: missing columns, and plans that read a whole table.

use uuid::Uuid;

use super::compile::{column, compared, table};
use super::declare::Declared;
use super::names::Name;
use super::rules::{Term, Type};
use super::sql::{Sql, fill};
use super::{Error, IdKind, ObjectId, Policy, PolicyError};
use crate::{
    accounts::AccountId,
    db::{Conn, Dialect, Encode as _, Value},
};

/// No account has this ID.
const NOBODY: AccountId = AccountId::new(0);

impl Policy {
    /// Runs every statement once, for an account and a row that do not exist. If the database rejects one, the columns
    /// are tried one by one, so that the error has a place.
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

/// An id that no row has.
fn nothing(of: &Type) -> ObjectId {
    match of.kind {
        IdKind::Number => ObjectId::Number(0),
        IdKind::Uuid => ObjectId::Uuid(Uuid::nil()),
    }
}

/// Each column, where it is declared, and a test that requires the expected type.
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
                let test = fill(&compared(of, condition), "", 0);
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
    /// Whether it is the statement of a list; otherwise of a check.
    pub is_list: bool,
    /// The table.
    pub table: String,
    /// The line of the database's plan.
    pub plan: String,
}

impl Policy {
    /// Asks the database for the plan of each check and each list, and returns those that read the whole table of the
    /// object. The result depends on the current rows: PostgreSQL reads a small table whole even if there is an index.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn full_scans(&self, conn: Conn<'_>) -> Result<Vec<FullScan>, Error> {
        let mut found = Vec::new();
        for rule in self.0.rules.values() {
            let at = table(&rule.of);
            let id = column(&at, &rule.of.id);
            let seen = fill(&rule.seen, &at, 1);
            // As an application requests a page.
            let list = format!("SELECT 1 FROM {at} WHERE {id} > $1 AND {seen} ORDER BY {id} LIMIT 50");
            let own = self.arguments(vec![nothing(&rule.of).value()], NOBODY, &rule.of);
            let check = own.clone();
            for (is_list, text, arguments) in
                [(true, list, own), (false, rule.check.text().to_owned(), check)]
            {
                let sql = Sql::new(format!("{}{text}", self.0.dialect.explain()));
                let plan = plan(conn, sql, arguments).await?;
                let table = rule.of.table.to_string();
                if let Some(line) = reads_all(&plan, &table, rule.of.id.as_str()) {
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

/// The line of a plan that reads all rows of a table. SQLite says `SCAN`; `_r` is the table in a set of ids. PostgreSQL
/// says `Seq Scan`, or names an index without a condition. Both may use the index of the ids, where the requested page
/// begins.
fn reads_all<'p>(plan: &'p [String], table: &str, id: &str) -> Option<&'p String> {
    let is_full = |(at, line): &(usize, &String)| {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_about =
            |before: &str| words.windows(2).any(|pair| pair == [before, table] || pair == [before, "_r"]);
        let condition = plan.get(at + 1).filter(|next| next.contains("Index Cond"));
        // Alone: together with another condition it only bounds that one.
        let reads_on = |next: &String| {
            let condition = next.trim().trim_start_matches("Index Cond: (");
            condition.trim_start_matches(&format!("{table}.")).starts_with(&format!("{id} > "))
        };
        is_about("SCAN")
            || is_about("SEARCH") && (line.contains("(rowid>?)") || line.contains(&format!("({id}>?)")))
            || is_about("on") && line.contains("Seq Scan")
            || is_about("on") && line.contains("Index") && condition.is_none()
            || condition.is_some_and(reads_on)
    };
    plan.iter().enumerate().find(is_full).map(|(_, line)| line)
}
