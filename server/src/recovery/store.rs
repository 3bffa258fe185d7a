//! The SQL of `links`.

use super::links::Purpose;
use crate::{
    accounts::{AccountId, Email},
    clock::Timestamp,
    db::{Conn, execute, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// Something that logs in to an account, or makes that easier.
struct WayIn {
    /// Its name in the audit trail; `None` if its owner cannot see it.
    word: Option<&'static str>,
    /// Deletes the rows of account `$1`: those since `$2`, or all if `$2` is `NULL`.
    delete: &'static str,
}

macro_rules! way_in {
    ($table:literal, $since:literal, $word:expr) => {
        way_in!($table, "account_id", $since, $word)
    };
    ($table:literal, $account:literal, $since:literal, $word:expr) => {
        WayIn {
            word: $word,
            delete: concat!(
                "DELETE FROM ",
                $table,
                " WHERE ",
                $account,
                " = $1 AND ($2 IS NULL OR ",
                $since,
                ")"
            ),
        }
    };
}

/// The ways into an account besides its password, sessions and links, including those that only help after a first
/// factor. **A room with such a table adds it here**, with the condition for rows that were added since `$2`.
/// `server/tests/prehijack.rs` has a test for each, and one that fails for a table that is not listed.
const WAYS_IN: [WayIn; 8] = [
    way_in!("totp", "created_at > $2", Some("authenticator app")),
    way_in!("totp_enrolments", "TRUE", None),
    // Their age is not stored. An owner who has an app makes new ones.
    way_in!("recovery_codes", "TRUE", Some("recovery codes")),
    way_in!("identities", "linked_at > $2", Some("linked accounts")),
    way_in!("passkeys", "created_at > $2", Some("passkeys")),
    way_in!("api_keys", "TRUE", Some("API keys")),
    way_in!("share_links", "given_by", "created_at > $2", Some("links to share")),
    // It only spares its owner a limit, and the owner's own networks should stay known.
    way_in!("known_addresses", "FALSE", None),
];

/// Deletes the ways into an account, or those added since a time. Returns the words for what there was.
pub(super) async fn close_ways_in(
    conn: Conn<'_>,
    account: AccountId,
    since: Option<Timestamp>,
) -> Result<Vec<&'static str>> {
    let mut removed = Vec::new();
    for WayIn { word, delete } in WAYS_IN {
        let count = execute!(conn, delete, account, since)?;
        removed.extend(word.filter(|_| count > 0));
    }
    Ok(removed)
}

/// A link to be issued.
pub(super) struct Link<'a> {
    pub(super) digest: &'a [u8; 32],
    pub(super) account: AccountId,
    pub(super) purpose: Purpose,
    pub(super) email: &'a Email,
    pub(super) created_at: Timestamp,
}

/// Whether the account has an invitation to choose its password.
pub(super) async fn is_invited(conn: Conn<'_>, account: AccountId) -> Result<bool> {
    let invited = fetch_optional!(
        conn,
        (AccountId,),
        "SELECT account_id FROM links WHERE account_id = $1 AND purpose = 'invitation' LIMIT 1",
        account
    )?;
    Ok(invited.is_some())
}

/// Deletes the links that a new one replaces: those of its purpose, or for an undo those of its address.
pub(super) async fn delete_older(conn: Conn<'_>, new: &Link<'_>) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM links WHERE account_id = $1 AND purpose = $2 AND (purpose <> 'undo_email' OR email = $3)",
        new.account,
        new.purpose.name(),
        new.email
    )?;
    Ok(())
}

/// When the living undo of this address was first issued.
pub(super) async fn undo_issued_at(
    conn: Conn<'_>,
    account: AccountId,
    email: &Email,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let issued = fetch_optional!(
        conn,
        (Timestamp,),
        "SELECT created_at FROM links
         WHERE account_id = $1 AND purpose = 'undo_email' AND email = $2 AND expires_at > $3",
        account,
        email,
        now
    )?;
    Ok(issued.map(|(created_at,)| created_at))
}

pub(super) async fn insert(
    conn: Conn<'_>,
    link: &Link<'_>,
    code_mac: Option<&[u8; 32]>,
    tries: i64,
    expires_at: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO links (digest, account_id, purpose, email, code_mac, tries, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        link.digest.as_slice(),
        link.account,
        link.purpose.name(),
        link.email,
        code_mac.map(<[u8; 32]>::as_slice),
        if code_mac.is_some() { tries } else { 0 },
        link.created_at,
        expires_at
    )?;
    Ok(())
}

/// The account that it belongs to, and the address that it is about.
pub(super) async fn look(
    conn: Conn<'_>,
    digest: &[u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<(AccountId, Email)>> {
    fetch_optional!(
        conn,
        (AccountId, Email),
        "SELECT account_id, email FROM links WHERE digest = $1 AND purpose = $2 AND expires_at > $3",
        digest.as_slice(),
        purpose.name(),
        now
    )
}

/// The pending new address, and when its confirmation link expires.
pub(super) async fn pending_email(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Option<(Email, Timestamp)>> {
    fetch_optional!(
        conn,
        (Email, Timestamp),
        "SELECT email, expires_at FROM links
         WHERE account_id = $1 AND purpose = 'confirm_email' AND expires_at > $2",
        account,
        now
    )
}

/// Deletes the pending change, and the undo of it, which would restore the address that is in force anyway. `false` if no
/// change was pending.
pub(super) async fn delete_pending_email(
    conn: Conn<'_>,
    account: AccountId,
    current: &Email,
) -> Result<bool> {
    let undo = "DELETE FROM links WHERE account_id = $1 AND purpose = 'undo_email' AND email = $2";
    execute!(conn, undo, account, current)?;
    let sql = "DELETE FROM links WHERE account_id = $1 AND purpose = 'confirm_email'";
    Ok(execute!(conn, sql, account)? > 0)
}

pub(super) async fn account_of(
    conn: Conn<'_>,
    digest: &[u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<AccountId>> {
    Ok(look(conn, digest, purpose, now).await?.map(|(account, _)| account))
}

/// A link that was used.
pub(super) struct Taken {
    pub(super) email: Email,
    pub(super) created_at: Timestamp,
}
crate::db::from_row!(Taken { email, created_at });

/// Uses the link: of several concurrent calls, one deletes the row.
pub(super) async fn take(
    conn: Conn<'_>,
    digest: &[u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Taken>> {
    fetch_optional!(
        conn,
        Taken,
        "DELETE FROM links WHERE digest = $1 AND purpose = $2 AND expires_at > $3 RETURNING email, created_at",
        digest.as_slice(),
        purpose.name(),
        now
    )
}

/// A code that is being tried.
pub(super) struct Tried {
    pub(super) digest: Vec<u8>,
    pub(super) code_mac: Vec<u8>,
    /// The number of tries left.
    pub(super) tries: i64,
}
crate::db::from_row!(Tried { digest, code_mac, tries });

/// Counts a try of an account's code, if there is a living one.
pub(super) async fn count_try(
    conn: Conn<'_>,
    account: AccountId,
    email: &Email,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Tried>> {
    fetch_optional!(
        conn,
        Tried,
        "UPDATE links SET tries = tries - 1
         WHERE account_id = $1 AND purpose = $4 AND email = $2 AND tries > 0 AND expires_at > $3
           AND code_mac IS NOT NULL
         RETURNING digest, code_mac, tries",
        account,
        email,
        now,
        purpose.name()
    )
}

pub(super) async fn delete(conn: Conn<'_>, digest: &[u8]) -> Result<()> {
    execute!(conn, "DELETE FROM links WHERE digest = $1", digest)?;
    Ok(())
}

/// Removes the code that may be typed instead of the link.
pub(super) async fn forget_code(conn: Conn<'_>, digest: &[u8]) -> Result<()> {
    execute!(conn, "UPDATE links SET code_mac = NULL WHERE digest = $1", digest)?;
    Ok(())
}

/// Deletes the links of every account.
pub(super) async fn delete_every(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM links")?;
    Ok(())
}

pub(super) async fn delete_all(conn: Conn<'_>, account: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM links WHERE account_id = $1", account)?;
    Ok(())
}

pub(super) async fn delete_all_but_undos(conn: Conn<'_>, account: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM links WHERE account_id = $1 AND purpose <> 'undo_email'", account)?;
    Ok(())
}

pub(super) async fn delete_all_but_undos_before(
    conn: Conn<'_>,
    account: AccountId,
    cut: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "DELETE FROM links WHERE account_id = $1 AND (purpose <> 'undo_email' OR created_at >= $2)",
        account,
        cut
    )?;
    Ok(())
}

pub(super) async fn is_undo_of_another(
    conn: Conn<'_>,
    email: &Email,
    account: AccountId,
    now: Timestamp,
) -> Result<bool> {
    let undo = fetch_optional!(
        conn,
        (AccountId,),
        "SELECT account_id FROM links
         WHERE purpose = 'undo_email' AND email = $1 AND account_id <> $2 AND expires_at > $3 LIMIT 1",
        email,
        account,
        now
    )?;
    Ok(undo.is_some())
}

pub(super) async fn delete_ended(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM links WHERE expires_at <= $1", now)
}
