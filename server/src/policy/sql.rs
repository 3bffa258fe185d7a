//! The only place where text becomes a statement.
//!
//! A statement here consists of four things: text of this crate, text that an application has written in its source
//! (`&'static str`), names of the closed grammar ([`super::names`]), and numbered arguments. It never contains a value
//! that a user sends.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::PolicyError;

/// The text of a statement. It lives as long as the program: the drivers keep prepared statements by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sql(&'static str);

impl Sql {
    /// The text is never freed. Each statement is made once: at startup, or when a query of the application first
    /// runs.
    pub(super) fn new(text: String) -> Self {
        Self(text.leak())
    }

    pub(super) const fn text(self) -> &'static str {
        self.0
    }
}

/// Fills the placeholders of a compiled condition. `taken` is the number of arguments before its own.
pub(super) fn fill(condition: &str, row: &str, taken: usize) -> String {
    let mut text = String::with_capacity(condition.len() + 64);
    let mut rest = condition;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((place, after)) = after.split_once('}') else { break };
        text.push_str(before);
        let number = match place {
            "who" => Some(1),
            "now" => Some(2),
            place => place.parse::<usize>().ok().map(|literal| 3 + literal),
        };
        match number {
            Some(number) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "${}", taken + number);
            }
            None => text.push_str(row),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Inserts a condition for each `{seen}` (or `{may}`) in an application's query. `{seen d}` refers to the table's
/// alias `d`; without an alias, the row is the table's own name.
pub(super) fn embed(
    template: &'static str,
    place: &str,
    table: &str,
    condition: &str,
    taken: usize,
) -> Result<String, PolicyError> {
    let wrong = |what: &str| PolicyError::new(String::new(), format!("{what}: {template}"));
    let mut text = String::new();
    let mut rest = template;
    let mut is_found = false;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) =
            after.split_once('}').ok_or_else(|| wrong("a `{` without a `}` in the query"))?;
        let (word, alias) =
            inside.split_once(' ').map_or((inside, None), |(word, alias)| (word, Some(alias)));
        if word != place {
            return Err(wrong(&format!("the query needs {{{place}}} where the condition goes")));
        }
        let row = match alias {
            None => format!("\"{table}\""),
            Some(alias) => {
                super::names::Name::new(alias).ok_or_else(|| wrong("the alias is not a name"))?.to_string()
            }
        };
        text.push_str(before);
        text.push_str(&fill(condition, &row, taken));
        is_found = true;
        rest = after;
    }
    text.push_str(rest);
    if is_found {
        Ok(text)
    } else {
        Err(wrong(&format!("the query needs {{{place}}} where the condition goes")))
    }
}

/// The statements of an application's own queries, each made once.
#[derive(Debug, Default)]
pub(super) struct Made(Mutex<HashMap<Key, Sql>>);

/// The query, the permission, and how many arguments come before the policy's.
type Key = (&'static str, String, usize);

impl Made {
    pub(super) fn get(
        &self,
        template: &'static str,
        permission: &str,
        taken: usize,
        text: impl FnOnce() -> Result<String, PolicyError>,
    ) -> Result<Sql, PolicyError> {
        let key = (template, permission.to_owned(), taken);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sql) = made.get(&key) {
            return Ok(*sql);
        }
        let sql = Sql::new(text()?);
        made.insert(key, sql);
        Ok(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_takes_the_arguments_after_the_querys() {
        let condition = "({row}.\"owner\" = {who} OR {row}.\"n\" > {0} AND {now} < {1})";
        let sql =
            embed("SELECT * FROM t WHERE id > $1 AND {seen} LIMIT $2", "seen", "t", condition, 2).unwrap();
        let filled = "(\"t\".\"owner\" = $3 OR \"t\".\"n\" > $5 AND $4 < $6)";
        assert_eq!(sql, format!("SELECT * FROM t WHERE id > $1 AND {filled} LIMIT $2"));
        let sql = embed("SELECT * FROM t d WHERE {seen d}", "seen", "t", "{row}.\"a\"", 0).unwrap();
        assert_eq!(sql, "SELECT * FROM t d WHERE d.\"a\"");
    }

    #[test]
    fn a_query_without_the_condition_is_refused() {
        for template in ["SELECT 1", "SELECT {may}", "SELECT {seen", "SELECT {seen x;}", "SELECT {seen _g}"] {
            assert!(embed(template, "seen", "t", "c", 0).is_err(), "{template}");
        }
    }
}
