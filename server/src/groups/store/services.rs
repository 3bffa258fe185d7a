//! SQL on service accounts as members of their organisation.

use super::Result;
use crate::{
    accounts::AccountId,
    db::{Conn, execute, fetch_all, fetch_optional},
    groups::{GroupId, ServiceAccount},
};

/// The columns of [`ServiceAccount`].
macro_rules! select_services {
    ($which:literal) => {
        concat!(
            "SELECT m.account_id, a.full_name AS name, m.role, a.is_active, a.created_at
             FROM accounts a JOIN memberships m ON m.account_id = a.id AND m.group_id = a.organisation_id
             WHERE a.organisation_id = $1 AND ",
            $which
        )
    };
}

/// The service accounts of an organisation, in the order of their IDs.
pub(in crate::groups) async fn services(
    conn: Conn<'_>,
    organisation: GroupId,
    after: AccountId,
    at_most: i64,
) -> Result<Vec<ServiceAccount>> {
    let sql = select_services!("a.id > $2 ORDER BY a.id LIMIT $3");
    fetch_all!(conn, ServiceAccount, sql, organisation, after, at_most)
}

/// The service accounts in a team of an organisation, in the order of their IDs. There are at most as many as in the
/// organisation.
pub(in crate::groups) async fn services_in(
    conn: Conn<'_>,
    organisation: GroupId,
    team: GroupId,
) -> Result<Vec<ServiceAccount>> {
    let sql = select_services!(
        "a.id IN (SELECT t.account_id FROM memberships t WHERE t.group_id = $2) ORDER BY a.id"
    );
    fetch_all!(conn, ServiceAccount, sql, organisation, team)
}

pub(in crate::groups) async fn service(
    conn: Conn<'_>,
    organisation: GroupId,
    id: AccountId,
) -> Result<Option<ServiceAccount>> {
    fetch_optional!(conn, ServiceAccount, select_services!("a.id = $2"), organisation, id)
}

/// Ends the membership of a service account in a team. `false` if it is not in it.
pub(in crate::groups) async fn delete_service_from(
    conn: Conn<'_>,
    team: GroupId,
    id: AccountId,
) -> Result<bool> {
    let sql = "DELETE FROM memberships WHERE account_id = $1 AND group_id = $2
               AND group_id IN (SELECT id FROM groups WHERE id = $2 AND kind = 'team')";
    Ok(execute!(conn, sql, id, team)? > 0)
}
