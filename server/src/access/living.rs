//! Whether a session or an API key is active. Every guard and every action on an account uses the one statement for
//! each. It reads the session or key together with its account, so revoking either takes effect from the next request.

use std::iter;

use super::{KeyHolder, KeyId, Principal, SessionId};
use crate::{
    accounts::{AccountId, Role},
    clock::Timestamp,
    db::{Conn, Encode, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// How many sessions [`living_among`] looks up at once.
pub(crate) const BATCH: usize = 32;

/// An active session, and the columns of its account that a request is authorized by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) role: Role,
    pub(crate) authenticated_at: Timestamp,
}

/// By position, in the order of `select_living!`: looking each column up by name costs as much as reading it.
type LivingRow = (SessionId, AccountId, Role, Timestamp);

impl From<LivingRow> for Living {
    fn from((session, account, role, authenticated_at): LivingRow) -> Self {
        Self { session, account, role, authenticated_at }
    }
}

impl Living {
    pub(crate) fn principal(self) -> Principal {
        let Self { session, account, role, authenticated_at } = self;
        Principal { account, session, role, authenticated_at }
    }
}

/// The sessions of `$which` that are active at `$now` and whose account is active.
macro_rules! select_living {
    ($which:literal, $now:literal) => {
        select_living!($which, $now, "")
    };
    ($which:literal, $now:literal, $more:literal) => {
        concat!(
            "SELECT sessions.id, accounts.id, COALESCE(staff_role, role), authenticated_at",
            $more,
            " FROM sessions JOIN accounts ON accounts.id = sessions.account_id WHERE sessions.",
            $which,
            " AND sessions.ended_at IS NULL AND sessions.expires_at > ",
            $now,
            " AND accounts.is_active"
        )
    };
}

/// This session, if it and its account are active.
pub(crate) async fn living(conn: Conn<'_>, session: SessionId, now: Timestamp) -> Result<Option<Living>> {
    let living = fetch_optional!(conn, LivingRow, select_living!("id = $1", "$2"), session, now)?;
    Ok(living.map(Living::from))
}

/// Those of several sessions that are active: of the first [`BATCH`].
///
/// There are two statements, because one with many places costs more than one with few, however many places are used.
pub(crate) async fn living_among(
    conn: Conn<'_>,
    sessions: &[SessionId],
    now: Timestamp,
) -> Result<Vec<Living>> {
    const FEW: &str = select_living!("id IN ($2, $3, $4, $5, $6, $7, $8, $9)", "$1");
    const MANY: &str = select_living!(
        "id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)",
        "$1"
    );
    let Some(&first) = sessions.first() else { return Ok(Vec::new()) };
    let (places, sql) = if sessions.len() > 8 { (BATCH, MANY) } else { (8, FEW) };
    // A place that is left over is filled with a session that is looked up anyway.
    let looked_up = sessions.iter().copied().chain(iter::repeat(first)).take(places);
    let arguments = iter::once(now.encode()).chain(looked_up.map(|session| session.encode())).collect();
    let living = conn.fetch_all::<LivingRow>(sql, arguments).await?;
    Ok(living.into_iter().map(Living::from).collect())
}

/// The session of a cookie, if it and its account are active, and when it was last seen.
pub(crate) async fn living_by_cookie(
    conn: Conn<'_>,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Living, Timestamp)>> {
    let sql = select_living!("cookie_digest = $1", "$2", ", last_seen_at");
    let seen = fetch_optional!(
        conn,
        (SessionId, AccountId, Role, Timestamp, Timestamp),
        sql,
        digest.as_slice(),
        now
    )?;
    Ok(seen.map(|(session, account, role, authenticated_at, last_seen_at)| {
        (Living { session, account, role, authenticated_at }, last_seen_at)
    }))
}

/// An API key that has not expired, and the columns of its account that a request is authorized by.
pub(crate) struct LivingKey {
    pub(crate) holder: KeyHolder,
    /// SHA-256 of the whole key.
    pub(crate) digest: Vec<u8>,
    pub(crate) scope: String,
    pub(crate) last_used_at: Option<Timestamp>,
    /// The most requests a minute.
    pub(crate) per_minute: Option<i64>,
}

/// The columns of [`living_key`].
struct KeyRow {
    account_id: AccountId,
    role: Role,
    is_service: bool,
    digest: Vec<u8>,
    scope: String,
    last_used_at: Option<Timestamp>,
    per_minute: Option<i64>,
}
crate::db::from_row!(KeyRow { account_id, role, is_service, digest, scope, last_used_at, per_minute });

/// This API key, if it and its account are active.
pub(crate) async fn living_key(conn: Conn<'_>, key: KeyId, now: Timestamp) -> Result<Option<LivingKey>> {
    let living = fetch_optional!(
        conn,
        KeyRow,
        "SELECT account_id, role, organisation_id IS NOT NULL AS is_service, digest, scope, last_used_at,
                per_minute
         FROM api_keys JOIN accounts ON accounts.id = api_keys.account_id
         WHERE api_keys.id = $1 AND api_keys.expires_at > $2 AND accounts.is_active",
        key,
        now
    )?;
    Ok(living.map(|row| LivingKey {
        holder: KeyHolder { account: row.account_id, key, role: row.role, is_service: row.is_service },
        digest: row.digest,
        scope: row.scope,
        last_used_at: row.last_used_at,
        per_minute: row.per_minute,
    }))
}
