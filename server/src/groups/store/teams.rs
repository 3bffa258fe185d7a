//! SQL on teams.

use super::Result;
use crate::{
    db::{Conn, fetch_all, fetch_one, fetch_optional},
    groups::{GroupId, Team},
};

/// The columns of [`Team`].
macro_rules! select_teams {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.name, g.parent_id, g.created_at, p.distance AS depth
             FROM group_paths p JOIN groups g ON g.id = p.descendant_id
             WHERE p.ancestor_id = $1 AND p.distance > 0 AND ",
            $which
        )
    };
}

/// A team of an organisation.
pub(in crate::groups) async fn team(
    conn: Conn<'_>,
    organisation: GroupId,
    id: GroupId,
) -> Result<Option<Team>> {
    fetch_optional!(conn, Team, select_teams!("g.id = $2"), organisation, id)
}

/// The teams of an organisation, in the order of their IDs.
pub(in crate::groups) async fn teams(
    conn: Conn<'_>,
    organisation: GroupId,
    after: GroupId,
    at_most: i64,
) -> Result<Vec<Team>> {
    let sql = select_teams!("p.descendant_id > $2 ORDER BY p.descendant_id LIMIT $3");
    fetch_all!(conn, Team, sql, organisation, after, at_most)
}

pub(in crate::groups) async fn count_teams(conn: Conn<'_>, organisation: GroupId) -> Result<i64> {
    let sql = "SELECT count(*) FROM group_paths WHERE ancestor_id = $1 AND distance > 0";
    fetch_one!(conn, (i64,), sql, organisation).map(|(count,)| count)
}
