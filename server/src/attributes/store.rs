//! The SQL of attributes. Terms of a policy read the table too (`policy/compile.rs`), and so does the search for
//! accounts (`accounts/store.rs`).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{AttributeValue, Of};
use crate::{
    accounts::AccountId,
    db::{self, Conn, FromRow, Row, execute, fetch_all},
};

type Result<T> = std::result::Result<T, db::Error>;

/// The two columns for the owner; one of them is NULL.
fn owner(of: Of) -> (Option<AccountId>, Option<Uuid>) {
    match of {
        Of::Account(account) => (Some(account), None),
        Of::Organisation(organisation) => (None, Some(organisation)),
    }
}

struct Stored(String, AttributeValue);

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self(row.named("name")?, AttributeValue::from_row(row)?))
    }
}

/// Every value by its name. There are few: only declared attributes can be set.
pub(super) async fn values(conn: Conn<'_>, of: Of) -> Result<BTreeMap<String, AttributeValue>> {
    let (account, organisation) = owner(of);
    let rows = fetch_all!(
        conn,
        Stored,
        "SELECT name, text_value, integer_value, boolean_value FROM attribute_values
         WHERE account_id = $1 OR group_id = $2",
        account,
        organisation
    )?;
    Ok(rows.into_iter().map(|Stored(name, value)| (name, value)).collect())
}

pub(super) async fn delete(conn: Conn<'_>, of: Of, name: &str) -> Result<()> {
    let (account, organisation) = owner(of);
    execute!(
        conn,
        "DELETE FROM attribute_values WHERE (account_id = $1 OR group_id = $2) AND name = $3",
        account,
        organisation,
        name
    )?;
    Ok(())
}

pub(super) async fn insert(conn: Conn<'_>, of: Of, name: &str, value: &AttributeValue) -> Result<()> {
    let ((account, organisation), (text, integer, boolean)) = (owner(of), value.columns());
    execute!(
        conn,
        "INSERT INTO attribute_values (account_id, group_id, name, text_value, integer_value, boolean_value)
         VALUES ($1, $2, $3, $4, $5, $6)",
        account,
        organisation,
        name,
        text,
        integer,
        boolean
    )?;
    Ok(())
}

/// How many values each name has.
pub(super) async fn counts(conn: Conn<'_>) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT name, count(*) FROM attribute_values GROUP BY name ORDER BY name LIMIT 1000";
    fetch_all!(conn, (String, i64), sql)
}

/// Sets a value of an account that need not exist, for the tests of a policy.
pub(crate) async fn make_up(
    conn: Conn<'_>,
    account: AccountId,
    name: &str,
    value: &AttributeValue,
) -> Result<()> {
    insert(conn, Of::Account(account), name, value).await
}
