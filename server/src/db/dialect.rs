//! The few places where the program generates SQL and the two databases need different text.

/// The database that an SQL text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Whether `value` is in the result of `query`, which must not depend on the row.
    ///
    /// Behind an `OR` of `IN (SELECT …)`, PostgreSQL reads the whole table, because a hashed subplan cannot use an
    /// index; an array can. SQLite uses an index for each term of an `OR` anyway.
    pub(crate) fn among(self, value: &str, query: &str) -> String {
        match self {
            Self::Sqlite => format!("{value} IN ({query})"),
            Self::Postgres => format!("{value} = ANY (ARRAY({query}))"),
        }
    }

    /// Keeps the rows of a query from being deleted until the transaction ends. On SQLite, a write transaction runs
    /// alone.
    pub(crate) fn kept(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR KEY SHARE",
        }
    }

    /// Locks the rows of a query until the transaction ends, as a change of them would.
    pub(crate) fn held(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// The prefix that shows the plan of a query.
    pub(crate) fn explain(self) -> &'static str {
        match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN ",
            Self::Postgres => "EXPLAIN ",
        }
    }
}
