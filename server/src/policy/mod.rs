//! Authorization: permissions on the rows of an application's own tables.
//!
//! An application declares its object types ([`object!`](crate::object), or a `policy.toml`). Each permission becomes
//! one SQL condition, made of a closed list of terms: owner, role by a grant, inherited from a parent, flag,
//! comparison, blocked. The condition checks one row, lists rows, changes rows, and explains and compares decisions.
//! The database is the only interpreter, and no row of the application is copied anywhere.
//!
//! Each function takes the caller's own connection ([`Conn`]), so a row and the grant on it are committed together.

mod callers;
mod cedar;
mod compile;
mod declare;
mod diff;
mod error;
mod explain;
mod facts;
mod file;
mod grants;
pub(crate) mod http;
mod links;
mod names;
pub(crate) mod pages;
mod probe;
mod rules;
mod sql;
mod store;
mod trial;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRef;
#[doc(no_inline)]
pub use portcullis::{Scope, permission::Object};
#[doc(no_inline)]
pub use uuid::Uuid;

pub use self::callers::{On, Who};
pub use self::cedar::Cedar;
use self::compile::Compiler;
pub use self::declare::{Declare, Declared, IdKind, ObjectType};
pub use self::diff::Change;
pub use self::error::{Error, PolicyError};
pub use self::explain::{Explanation, Granted, Reason, Way};
pub use self::grants::{Grant, GrantId, NewGrant, Whom};
pub use self::http::{Opened, Sharable, Token, open_link, sharing, sharing_by_link};
pub(crate) use self::links::forget_every_link;
pub use self::probe::FullScan;
use self::rules::{Callers, Term, Type, Types};
use self::sql::{Made, Sql};
pub use self::trial::Outcome;
use crate::{
    accounts::AccountId,
    app::App,
    clock::{Clock, Timestamp},
    db::{Conn, Db, Dialect, Encode as _, FromRow, Value},
};

/// The id of a row of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A number.
    Number(i64),
    /// A UUID.
    Uuid(Uuid),
}

impl From<i64> for ObjectId {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Uuid> for ObjectId {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Uuid(id) => id.fmt(f),
        }
    }
}

impl ObjectId {
    const fn kind(self) -> IdKind {
        match self {
            Self::Number(_) => IdKind::Number,
            Self::Uuid(_) => IdKind::Uuid,
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Number(number) => number.encode(),
            Self::Uuid(id) => id.encode(),
        }
    }
}

/// A policy's decision on one account, one permission and one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Allowed: continue.
    Allow,
    /// The account may do other things with the row, so it may know that the row exists. Respond with 403.
    Refuse,
    /// The row does not exist, or the account may do nothing with it. Respond with 404 in both cases.
    Hide,
}

/// The proof that an account may do `P` with a row. Only [`Policy::may`] creates one.
#[must_use]
pub struct Allowed<P> {
    id: ObjectId,
    who: AccountId,
    permission: PhantomData<fn() -> P>,
}

impl<P> Allowed<P> {
    /// The row.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The account.
    #[must_use]
    pub fn who(&self) -> AccountId {
        self.who
    }
}

impl<P: Scope> fmt::Debug for Allowed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allowed({} on {} for {})", P::NAME, self.id, self.who)
    }
}

/// A policy, compiled for one database. Cheap to clone: keep it in your application's state.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    dialect: Dialect,
    types: Types,
    rules: BTreeMap<String, Rule>,
    queries: Made,
}

/// A permission and its statements.
struct Rule {
    name: String,
    description: String,
    of: Arc<Type>,
    terms: Vec<Term>,
    /// The conditions with unfilled placeholders.
    seen: String,
    may: String,
    check: Sql,
    /// Whether the account may do anything with the row.
    check_any: Sql,
}

impl App {
    /// Opens the application's policy, once. It compiles the policy, checks it against the application's tables, which
    /// must already exist, and makes each of its permissions a scope. From then on, a login that names no scope grants
    /// them all, a login can ask for single ones, and a browser's session has them. A permission still applies only to
    /// the rows that the policy selects, whatever a token carries.
    ///
    /// `May<Caller, P>` and `Seen<Caller, P>` find the policy in your application's state: keep the result there, or
    /// use this `App` as the state.
    ///
    /// # Errors
    /// [`Error::Policy`] with the place of the first error, or if a permission has the name of one of the server's own
    /// scopes, or if a policy is already open. [`Error::Database`].
    pub async fn open_policy(&self, declared: &Declared) -> Result<Policy, Error> {
        let policy = Policy::open(self, declared).await?;
        let names = declared.permissions.keys().map(String::as_str);
        self.scopes().declare(names).map_err(|what| PolicyError::new(String::new(), what))?;
        self.keep_policy(policy.clone());
        Ok(policy)
    }
}

impl Policy {
    /// Compiles a policy and checks it against the application's tables, which must exist. For tools that only query
    /// it: an application opens its policy with [`App::open_policy`].
    ///
    /// # Errors
    /// [`Error::Policy`] with the place of the first error, such as a column that does not exist.
    pub async fn open(app: &App, declared: &Declared) -> Result<Self, Error> {
        let policy = Self::unproved(app, declared)?;
        policy.probe(app.db().read().await?.conn(), declared).await?;
        Ok(policy)
    }

    /// Compiles a policy without checking it against the application's tables.
    ///
    /// # Errors
    /// [`PolicyError`] with the place of the first error.
    pub fn unproved(app: &App, declared: &Declared) -> Result<Self, PolicyError> {
        let callers = Callers::Declared(&app.config().attributes);
        Self::compile(declared, &callers, app.db(), app.clock().clone())
    }

    fn compile(
        declared: &Declared,
        callers: &Callers<'_>,
        db: &Db,
        clock: Clock,
    ) -> Result<Self, PolicyError> {
        let dialect = db.dialect();
        let types = rules::check(declared, callers)?;
        let compiler = Compiler(dialect);
        let mut rules = BTreeMap::new();
        for of in types.values() {
            let any = compiler.may(of, &of.every_term());
            let check_any = Sql::new(check_of(of, &any));
            for (name, terms) in &of.rules {
                let may = compiler.may(of, terms);
                let rule = Rule {
                    name: name.clone(),
                    description: declared.permissions.get(name).cloned().unwrap_or_default(),
                    of: Arc::clone(of),
                    seen: compiler.seen(of, terms),
                    check: Sql::new(check_of(of, &may)),
                    check_any,
                    may,
                    terms: terms.clone(),
                };
                rules.insert(name.clone(), rule);
            }
        }
        Ok(Self(Arc::new(Inner { db: db.clone(), clock, dialect, types, rules, queries: Made::default() })))
    }

    /// A policy without permissions: every question is a [`PolicyError`].
    pub(crate) fn empty(app: &App) -> Self {
        let (db, clock) = (app.db().clone(), app.clock().clone());
        let (types, rules, queries) = (Types::new(), BTreeMap::new(), Made::default());
        Self(Arc::new(Inner { dialect: db.dialect(), db, clock, types, rules, queries }))
    }

    /// Whether an account may do something with a row. Climbs from the row, which takes less than a millisecond.
    ///
    /// # Errors
    /// [`Error::Policy`] if there is no such permission; [`Error::Database`].
    pub async fn decide(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        id: impl Into<ObjectId>,
    ) -> Result<Decision, Error> {
        let (rule, id) = (self.rule(permission)?, id.into());
        if id.kind() != rule.of.kind {
            return Ok(Decision::Hide);
        }
        let arguments = self.arguments(vec![id.value()], who, &rule.of);
        if conn.fetch_optional::<(i64,)>(rule.check.text(), arguments.clone()).await?.is_some() {
            return Ok(Decision::Allow);
        }
        // A separate statement, so that allowed requests do not pay for it.
        let any = conn.fetch_optional::<(i64,)>(rule.check_any.text(), arguments).await?;
        Ok(if any.is_some() { Decision::Refuse } else { Decision::Hide })
    }

    /// Returns the proof that an account may do `P` with a row, for functions that require one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the row does not exist or the account may do nothing with it; [`Error::Forbidden`] if it
    /// may do other things; and those of [`decide`](Self::decide).
    pub async fn may<P: Scope>(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        id: impl Into<ObjectId>,
    ) -> Result<Allowed<P>, Error> {
        let id = id.into();
        match self.decide(conn, who, P::NAME, id).await? {
            Decision::Allow => Ok(Allowed { id, who, permission: PhantomData }),
            Decision::Refuse => Err(Error::Forbidden(P::NAME.to_owned())),
            Decision::Hide => Err(Error::NotFound),
        }
    }

    /// Loads a row if the account may do `permission` with it, deciding and loading in one statement. `T` is read from
    /// the columns of the table.
    ///
    /// # Errors
    /// As [`may`](Self::may).
    pub async fn load<T: FromRow + Send + 'static>(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        id: impl Into<ObjectId>,
    ) -> Result<T, Error> {
        let (rule, id) = (self.rule(permission)?, id.into());
        if id.kind() != rule.of.kind {
            return Err(Error::NotFound);
        }
        let sql = self.0.queries.get("load", permission, 1, || {
            let table = compile::table(&rule.of);
            let may = sql::fill(&rule.may, &table, 1);
            Ok(format!(
                "SELECT {table}.* FROM {table} WHERE {} = $1 AND {may}",
                compile::column(&table, &rule.of.id)
            ))
        })?;
        let arguments = self.arguments(vec![id.value()], who, &rule.of);
        if let Some(row) = conn.fetch_optional(sql.text(), arguments).await? {
            return Ok(row);
        }
        match self.decide(conn, who, permission, id).await? {
            Decision::Hide => Err(Error::NotFound),
            // Allowed: it was granted between the two statements. The next request loads it.
            Decision::Allow | Decision::Refuse => Err(Error::Forbidden(permission.to_owned())),
        }
    }

    /// The rows that an account may do `permission` with. `query` is your own, with `{seen}` where the condition goes:
    ///
    /// `SELECT id, title FROM documents WHERE id > $1 AND {seen} ORDER BY id LIMIT 50`
    ///
    /// With an alias, write `{seen d}`. `arguments` are those of `$1`, `$2`, …; the condition's own follow them.
    ///
    /// # Errors
    /// [`Error::Policy`] if there is no such permission, or no `{seen}` in the query; [`Error::Database`].
    pub async fn list<T: FromRow + Send + 'static>(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        query: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        let rule = self.rule(permission)?;
        let sql = self.0.queries.get(query, permission, arguments.len(), || {
            sql::embed(query, "seen", rule.of.table.as_str(), &rule.seen, arguments.len())
        })?;
        Ok(conn.fetch_all(sql.text(), self.arguments(arguments, who, &rule.of)).await?)
    }

    /// Changes rows that an account may do `permission` with, checked in the same statement. `statement` has `{may}`
    /// where the condition goes: `UPDATE documents SET title = $2 WHERE id = $1 AND {may}`. Returns how many rows it
    /// changed.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn change(
        &self,
        conn: Conn<'_>,
        who: AccountId,
        permission: &str,
        statement: &'static str,
        arguments: Vec<Value>,
    ) -> Result<u64, Error> {
        let rule = self.rule(permission)?;
        let sql = self.0.queries.get(statement, permission, arguments.len(), || {
            sql::embed(statement, "may", rule.of.table.as_str(), &rule.may, arguments.len())
        })?;
        Ok(conn.execute(sql.text(), self.arguments(arguments, who, &rule.of)).await?)
    }

    /// The names of all permissions, each with its description and the type that it applies to.
    pub fn permissions(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0
            .rules
            .values()
            .map(|rule| (rule.name.as_str(), rule.description.as_str(), rule.of.name.as_str()))
    }

    fn rule(&self, permission: &str) -> Result<&Rule, PolicyError> {
        self.0.rules.get(permission).ok_or_else(|| {
            let known = self.0.rules.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            PolicyError::new(
                String::new(),
                format!("there is no permission {permission:?}; there are: {known}"),
            )
        })
    }

    fn object_type(&self, name: &str) -> Result<&Arc<Type>, PolicyError> {
        self.0.types.get(name).ok_or_else(|| {
            let known = self.0.types.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            PolicyError::new(String::new(), format!("there is no type {name:?}; there are: {known}"))
        })
    }

    /// The statement's own arguments, followed by the condition's.
    fn arguments(&self, mut own: Vec<Value>, who: AccountId, of: &Type) -> Vec<Value> {
        own.extend([who.encode(), self.now().encode()]);
        own.extend(of.conditions.iter().filter_map(|condition| condition.operand.literal()));
        own
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// Whether a row satisfies a condition. The row's id is `$1`.
fn check_of(of: &Type, condition: &str) -> String {
    let table = compile::table(of);
    let id = compile::column(&table, &of.id);
    format!("SELECT 1 FROM {table} WHERE {id} = $1 AND {}", sql::fill(condition, &table, 1))
}

impl FromRef<App> for Policy {
    fn from_ref(app: &App) -> Self {
        app.policy()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.rules.keys()).finish()
    }
}

/// The guide's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/permissions.md")]
struct Guide;
