//! Explains why an account may do something, or what it would take.
//!
//! The terms of the condition are selected as columns instead of a disjunction, for the same row and with the
//! same SQL.

use std::fmt::{self, Write as _};

use super::compile::{Compiler, Level, column, is_of, object_id, table};
use super::names::Name;
use super::rules::{Term, Type};
use super::sql;
use super::{AccountId, Decision, Error, Grant, ObjectId, Policy, Rule, Whom};
use crate::db::{self, Conn, FromRow, Row};

/// The maximum number of grants in an explanation.
const MOST_GRANTS: usize = 20;
/// The maximum number of rows it suggests a role on.
const MOST_LEVELS: usize = 100;

/// A decision and its reasons.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The account.
    pub who: AccountId,
    /// The permission.
    pub permission: String,
    /// The type of the row.
    pub object_type: String,
    /// The row.
    pub object: ObjectId,
    /// The decision.
    pub decision: Decision,
    /// Every term that holds.
    pub reasons: Vec<Reason>,
    /// The grants of the role `blocked` that take all access away.
    pub blocked_by: Vec<Granted>,
    /// If it is not allowed, each thing that would allow it.
    pub would_do: Vec<String>,
}

/// A term that holds for the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The account is the row's owner.
    Owner,
    /// A flag is set.
    Flag(String),
    /// A comparison is true: its name and its text.
    Condition(String, String),
    /// A role was granted.
    Granted(Granted),
}

impl Reason {
    /// The term's name in the policy.
    #[must_use]
    pub fn term(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Flag(name) | Self::Condition(name, _) => name,
            Self::Granted(granted) => &granted.grant.role,
        }
    }
}

/// A grant that applies to the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The grant.
    pub grant: Grant,
    /// The name of the group that has it, if a group does.
    pub group_name: Option<String>,
}

impl FromRow for Granted {
    fn from_row(row: &Row<'_>) -> Result<Self, db::Error> {
        Ok(Self { grant: Grant::from_row(row)?, group_name: row.named("group_name")? })
    }
}

/// A row that a role may be granted on.
struct Place {
    object_type: String,
    object: ObjectId,
}

impl FromRow for Place {
    fn from_row(row: &Row<'_>) -> Result<Self, db::Error> {
        let object = match (row.named("object_number")?, row.named("object_uuid")?) {
            (Some(number), None) => ObjectId::Number(number),
            (None, Some(id)) => ObjectId::Uuid(id),
            _ => return Err(db::Error::Column("object_number")),
        };
        Ok(Self { object_type: row.named("object_type")?, object })
    }
}

impl Policy {
    /// Decides and explains. Show it only to those who may read the row, or who administer it: it names grants.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub async fn explain(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        id: impl Into<ObjectId>,
    ) -> Result<Explanation, Error> {
        let (rule, object) = (self.rule(permission)?, id.into());
        let mut explanation = Explanation {
            who,
            permission: permission.to_owned(),
            object_type: rule.of.name.to_string(),
            object,
            decision: Decision::Hide,
            reasons: Vec::new(),
            blocked_by: Vec::new(),
            would_do: Vec::new(),
        };
        if object.kind() != rule.of.kind {
            return Ok(explanation);
        }
        let sql = self.0.queries.get("explain", permission, 1, || Ok(self.columns(rule)))?;
        let arguments = self.arguments(vec![object.value()], who, &rule.of);
        let Some(mut holds) = conn.fetch_optional::<Vec<bool>>(sql.text(), arguments).await? else {
            return Ok(explanation);
        };
        let is_blocked = holds.pop().unwrap_or(true);
        let holding: Vec<_> =
            rule.terms.iter().zip(&holds).filter(|(_, holds)| **holds).map(|(term, _)| term).collect();
        explanation.reasons = holding.iter().filter_map(|term| of_the_row(term)).collect();
        let roles: Vec<_> = rule.terms.iter().filter_map(role).collect();
        let is_granted = holding.iter().any(|term| role(term).is_some());
        for (at, level) in self.levels(&rule.of).iter().enumerate() {
            if is_granted {
                let granted = self.granted(conn, rule, &explanation, "granted", at, level, &roles).await?;
                explanation.reasons.extend(granted.into_iter().map(Reason::Granted));
            }
            if let Some(blocked) = rule.of.blocked.as_ref().filter(|_| is_blocked) {
                let granted =
                    self.granted(conn, rule, &explanation, "blocked", at, level, &[blocked]).await?;
                explanation.blocked_by.extend(granted);
            }
        }
        explanation.decision = if !holding.is_empty() && !is_blocked {
            Decision::Allow
        } else {
            explanation.would_do = self.would_do(conn, rule, object, who).await?;
            self.decide(conn, who, permission, object).await?
        };
        Ok(explanation)
    }

    /// Each term as a column, followed by whether the row is blocked.
    fn columns(&self, rule: &Rule) -> String {
        let compiler = Compiler(self.0.dialect);
        let terms = rule.terms.iter().map(|term| compiler.term(&rule.of, term));
        let blocked = compiler.blocked(&rule.of).unwrap_or_else(|| "FALSE".to_owned());
        let columns: Vec<_> = terms.chain([blocked]).map(|term| format!("COALESCE({term}, FALSE)")).collect();
        let at = table(&rule.of);
        let id = column(&at, &rule.of.id);
        format!("SELECT {} FROM {at} WHERE {id} = $1", sql::fill(&columns.join(", "), &at, 1))
    }

    /// The row and what contains it, by its id `$1`.
    fn levels<'a>(&self, of: &'a Type) -> Vec<Level<'a>> {
        let own = |name: &Name| {
            format!(
                "(SELECT {} FROM {} _d WHERE {} = $1)",
                column("_d", name),
                table(of),
                column("_d", &of.id)
            )
        };
        Compiler(self.0.dialect).levels(of, &own)
    }

    #[expect(clippy::too_many_arguments, reason = "a level is asked for one thing at a time")]
    async fn granted(
        &self,
        conn: Conn<'_>,
        rule: &Rule,
        explanation: &Explanation,
        what: &'static str,
        at: usize,
        level: &Level<'_>,
        roles: &[&Name],
    ) -> Result<Vec<Granted>, Error> {
        let sql = self.0.queries.get(what, &format!("{} {at}", rule.name), 1, || {
            let (is_of, whom) = (is_of(level.of, roles), Compiler(self.0.dialect).whom());
            let text = format!(
                "SELECT _g.id, _g.object_type, _g.object_number, _g.object_uuid, _g.role, _g.account_id, _g.group_id, \
                 _g.given_by, _g.created_at, _g.expires_at, _n.name AS group_name \
                 FROM grants _g LEFT JOIN groups _n ON _n.id = _g.group_id \
                 WHERE {is_of} AND {} AND {whom} ORDER BY _g.id LIMIT {MOST_GRANTS}",
                level.is_on
            );
            Ok(sql::fill(&text, "", 1))
        })?;
        let arguments = self.arguments(vec![explanation.object.value()], explanation.who, &rule.of);
        Ok(conn.fetch_all(sql.text(), arguments).await?)
    }

    async fn would_do(
        &self,
        conn: Conn<'_>,
        rule: &Rule,
        object: ObjectId,
        who: AccountId,
    ) -> Result<Vec<String>, Error> {
        let mut ways = Vec::new();
        for term in &rule.terms {
            match term {
                Term::Owner { column } => ways.push(format!("owner ({column} = {who})")),
                Term::Flag { name, column } => ways.push(format!("{name} ({column} = true)")),
                Term::When { name, condition } => ways.push(format!("{name} ({condition})")),
                Term::Role(_) => {}
            }
        }
        let roles: Vec<_> = rule.terms.iter().filter_map(role).map(Name::as_str).collect();
        if roles.is_empty() {
            return Ok(ways);
        }
        let sql = self.0.queries.get("levels", &rule.name, 1, || {
            let levels = self.levels(&rule.of);
            let each: Vec<_> = levels.iter().map(places).collect();
            Ok(format!("{} LIMIT {MOST_LEVELS}", each.join(" UNION ALL ")))
        })?;
        let places = conn.fetch_all::<Place>(sql.text(), vec![object.value()]).await?;
        let mut on: Vec<String> = Vec::new();
        for place in places {
            let one = format!("{}:{}", place.object_type, place.object);
            if !on.contains(&one) {
                on.push(one);
            }
        }
        ways.push(format!("the role {} on {}", roles.join(" or "), on.join(" or ")));
        Ok(ways)
    }
}

/// The rows of one level.
fn places(level: &Level<'_>) -> String {
    let of = level.of;
    let (number, uuid) = match object_id(of.kind) {
        "object_number" => ("id", "CAST(NULL AS UUID)"),
        _ => ("CAST(NULL AS BIGINT)", "id"),
    };
    format!(
        "SELECT '{}' AS object_type, {number} AS object_number, {uuid} AS object_uuid FROM ({}) _l WHERE id IS NOT \
            NULL",
        of.name, level.ids
    )
}

fn role(term: &Term) -> Option<&Name> {
    if let Term::Role(role) = term { Some(role) } else { None }
}

fn of_the_row(term: &Term) -> Option<Reason> {
    match term {
        Term::Owner { .. } => Some(Reason::Owner),
        Term::Flag { name, .. } => Some(Reason::Flag(name.to_string())),
        Term::When { name, condition } => Some(Reason::Condition(name.to_string(), condition.to_string())),
        Term::Role(_) => None,
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grant, group_name } = self;
        write!(f, "{} on {}:{}, given to ", grant.role, grant.object_type, grant.object)?;
        match (grant.to, group_name) {
            (Whom::Account(account), _) => write!(f, "account {account}")?,
            (Whom::Group(_), Some(name)) => write!(f, "the group {name:?}")?,
            (Whom::Group(group), None) => write!(f, "the group {group}")?,
        }
        if let Some(giver) = grant.given_by {
            write!(f, " by account {giver}")?;
        }
        write!(f, " at {}", grant.created_at.to_rfc3339())?;
        if let Some(end) = grant.expires_at {
            write!(f, ", expires at {}", end.to_rfc3339())?;
        }
        write!(f, " (grant {})", grant.id)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner of the row"),
            Self::Flag(name) => f.write_str(name),
            Self::Condition(name, condition) => write!(f, "{name}: {condition}"),
            Self::Granted(granted) => granted.fmt(f),
        }
    }
}

/// For an operator: the decision on the first line, then a line for each reason.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let question =
            format!("{} on {}:{} for account {}", self.permission, self.object_type, self.object, self.who);
        let is_allowed = self.decision == Decision::Allow;
        write!(text, "{}: {question}", if is_allowed { "yes" } else { "no" })?;
        if self.decision == Decision::Refuse {
            text.push_str(" (other permissions on it: the answer is 403, not 404)");
        }
        for reason in &self.reasons {
            write!(text, "\n  {}{reason}", if is_allowed { "because " } else { "would count: " })?;
        }
        for blocked in &self.blocked_by {
            write!(text, "\n  blocked: {blocked}")?;
        }
        for way in &self.would_do {
            write!(text, "\n  would be allowed by {way}")?;
        }
        f.write_str(&text)
    }
}
