//! The few places where SQL is made by the program, and the two databases need different words.

/// Which of the two databases a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Whether `value` is one of what `query` gives. `query` must not depend on the row.
    ///
    /// PostgreSQL reads the whole table behind an `OR` of `IN (SELECT …)`, because it cannot use an index for a hashed
    /// subplan. From an array it can. SQLite uses an index for each term of an `OR` as it is.
    pub(crate) fn among(self, value: &str, query: &str) -> String {
        match self {
            Self::Sqlite => format!("{value} IN ({query})"),
            Self::Postgres => format!("{value} = ANY (ARRAY({query}))"),
        }
    }

    /// Keeps the rows of a query from being deleted until the transaction ends. A transaction on SQLite is alone.
    pub(crate) fn kept(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR KEY SHARE",
        }
    }

    /// Asks for the plan of a query.
    pub(crate) fn explain(self) -> &'static str {
        match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN ",
            Self::Postgres => "EXPLAIN ",
        }
    }
}
