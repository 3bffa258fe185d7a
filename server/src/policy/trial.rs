//! Policy tests: `policy.test.toml` states who may do what with example rows. They run on the real SQL, in a database
//! in memory or in temporary tables of PostgreSQL, and leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;
use uuid::Uuid;

use super::facts::Facts;
use super::names::Holds;
use super::rules::Callers;
use super::{AccountId, Decision, Error, IdKind, ObjectId, Policy, PolicyError, sql};
use crate::{
    attributes::AttributeValue,
    db::{Conn, Db},
};

/// The maximum number of cases in a file.
const MOST_CASES: usize = 10_000;

/// A test file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The accounts by name.
    #[serde(default)]
    pub(super) accounts: Vec<String>,
    /// The attributes of accounts, by the account's name.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Spanned<BTreeMap<String, Attribute>>>,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, Group>,
    /// Rows by the policy's type; each is a table of columns.
    #[serde(default)]
    pub(super) rows: BTreeMap<String, Vec<Spanned<toml::Table>>>,
    #[serde(default)]
    pub(super) grants: Vec<Spanned<Given>>,
    #[serde(default)]
    cases: Vec<Spanned<Case>>,
}

/// The value of an attribute.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Attribute {
    Integer(i64),
    Bool(bool),
    Text(String),
}

impl Attribute {
    fn holds(&self) -> Holds {
        match self {
            Self::Integer(_) => Holds::Integer,
            Self::Bool(_) => Holds::Bool,
            Self::Text(_) => Holds::Text,
        }
    }

    pub(super) fn value(&self) -> AttributeValue {
        match self {
            Self::Integer(number) => AttributeValue::Integer(*number),
            Self::Bool(truth) => AttributeValue::Boolean(*truth),
            Self::Text(text) => AttributeValue::Text(text.clone()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) inside: Option<String>,
    #[serde(default)]
    pub(super) members: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// An account or a group.
    pub(super) to: String,
    pub(super) role: String,
    /// `type:id`.
    pub(super) on: String,
    /// `+1h`, `-1h`.
    pub(super) expires: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    who: String,
    may: String,
    on: String,
    expect: bool,
    /// Every term that applies, in any order.
    because: Option<BTreeSet<String>>,
}

/// The result of the tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The number of cases.
    pub cases: usize,
    /// Each failed case: its position and the actual result.
    pub failures: Vec<String>,
    /// Each term that is the only reason in none of the cases, as `permission: term`.
    pub uncovered: Vec<String>,
}

impl Outcome {
    /// Whether all cases passed and every term is covered.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.failures.is_empty() && self.uncovered.is_empty()
    }
}

impl Policy {
    /// Runs a test file in a database in memory. `name` is the file's name, for errors.
    ///
    /// # Errors
    /// [`Error::Policy`] if the file cannot be read, with its line.
    pub async fn test(declared: &super::Declared, text: &str, name: &str) -> Result<Outcome, Error> {
        let db = Db::in_memory().await.map_err(|error| PolicyError::new(String::new(), error.to_string()))?;
        Self::test_on(&db, declared, text, name).await
    }

    /// Like [`test`](Self::test), in a transaction of a real database that is rolled back. On PostgreSQL the tables are
    /// temporary and shadow those of the same names; on SQLite use [`test`](Self::test).
    ///
    /// # Errors
    /// As [`test`](Self::test).
    pub async fn test_on(
        db: &Db,
        declared: &super::Declared,
        text: &str,
        name: &str,
    ) -> Result<Outcome, Error> {
        let line = |span: std::ops::Range<usize>| {
            text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(|| name.to_owned(), |span| format!("{name}:{}", line(span)));
            PolicyError::new(format!("{place}: "), error.message().to_owned())
        })?;
        let place = |span: std::ops::Range<usize>| format!("{name}:{}: ", line(span));
        if file.cases.len() > MOST_CASES {
            return Err(PolicyError::new(format!("{name}: "), format!("more than {MOST_CASES} cases")).into());
        }
        let values = file.attributes.values().flat_map(Spanned::get_ref);
        let given = values.map(|(name, value)| (name.clone(), value.holds())).collect();
        let policy = Self::compile(declared, &Callers::Given(given), db, crate::clock::Clock::system())?;
        // Held until the end, and never committed.
        let mut tx = db.begin().await?;
        let facts = Facts::make(&policy, tx.conn(), &file, &place).await?;
        let mut outcome = Outcome { cases: file.cases.len(), ..Outcome::default() };
        let mut only_reasons = BTreeSet::new();
        for spanned in &file.cases {
            let (case, at) = (spanned.get_ref(), place(spanned.span()));
            let wrong = |what: String| PolicyError::new(at.clone(), what);
            let Some(who) = facts.account(&case.who) else {
                return Err(wrong(format!("there is no account {:?}", case.who)).into());
            };
            let rule = policy.rule(&case.may).map_err(|error| wrong(error.to_string()))?;
            let object = policy.object_named(&case.on).map_err(|error| wrong(error.to_string()))?;
            if object.0 != rule.of.name.as_str() {
                return Err(wrong(format!(
                    "{} is asked of a {}, not of {}",
                    case.may, rule.of.name, case.on
                ))
                .into());
            }
            let found = policy.found(tx.conn(), who, &case.may, object.1).await?;
            if let [only] = found.because.iter().collect::<Vec<_>>().as_slice()
                && found.is_allowed
            {
                only_reasons.insert((case.may.clone(), (*only).clone()));
            }
            if let Some(failure) = found.against(case) {
                outcome.failures.push(format!("{at}{failure}"));
            }
        }
        for rule in policy.0.rules.values() {
            for term in &rule.terms {
                if !only_reasons.contains(&(rule.name.clone(), term.name().to_owned())) {
                    outcome.uncovered.push(format!("{}: {}", rule.name, term.name()));
                }
            }
        }
        Ok(outcome)
    }

    /// Decides in every way that there is.
    async fn found(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        object: ObjectId,
    ) -> Result<Found, Error> {
        let rule = self.rule(permission)?;
        let is_allowed = self.decide(conn, who, permission, object).await? == Decision::Allow;
        let sql = self.0.queries.get("is listed", permission, 1, || {
            let at = super::compile::table(&rule.of);
            let id = super::compile::column(&at, &rule.of.id);
            Ok(format!("SELECT 1 FROM {at} WHERE {id} = $1 AND {}", sql::fill(&rule.seen, &at, 1)))
        })?;
        let arguments = self.arguments(vec![object.value()], who, &rule.of);
        let is_listed = conn.fetch_optional::<(i64,)>(sql.text(), arguments).await?.is_some();
        let explanation = self.explain(conn, who, permission, object).await?;
        Ok(Found {
            is_allowed,
            is_listed,
            because: explanation.reasons.iter().map(|reason| reason.term().to_owned()).collect(),
            explanation: explanation.to_string(),
        })
    }

    /// Parses `type:id`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn object_named(&self, text: &str) -> Result<(String, ObjectId), PolicyError> {
        let wrong = |what: String| PolicyError::new(String::new(), format!("{text:?}: {what}"));
        let (name, id) =
            text.split_once(':').ok_or_else(|| wrong("write type:id, as document:42".to_owned()))?;
        let of = self.object_type(name)?;
        let id = match of.kind {
            IdKind::Number => id.parse::<i64>().ok().map(ObjectId::Number),
            IdKind::Uuid => id.parse::<Uuid>().ok().map(ObjectId::Uuid),
        };
        let kind = if of.kind == IdKind::Number { "number" } else { "UUID" };
        Ok((name.to_owned(), id.ok_or_else(|| wrong(format!("the id of a {name} is a {kind}")))?))
    }
}

struct Found {
    is_allowed: bool,
    is_listed: bool,
    because: BTreeSet<String>,
    explanation: String,
}

impl Found {
    fn against(&self, case: &Case) -> Option<String> {
        if self.is_allowed != self.is_listed {
            return Some(format!(
                "the list says {}, and the check {}: please report this. {}",
                self.is_listed, self.is_allowed, self.explanation
            ));
        }
        if self.is_allowed != case.expect {
            return Some(format!("expected {}, found {}", answer(case.expect), self.explanation));
        }
        match &case.because {
            Some(because) if *because != self.because => {
                let terms = |of: &BTreeSet<String>| of.iter().cloned().collect::<Vec<_>>().join(", ");
                let (expected, found) = (terms(because), terms(&self.because));
                Some(format!("expected because of [{expected}], found [{found}]: {}", self.explanation))
            }
            _ => None,
        }
    }
}

fn answer(is_allowed: bool) -> &'static str {
    if is_allowed { "yes" } else { "no" }
}
