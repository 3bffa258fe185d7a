//! The SQL of `accounts`.

use uuid::Uuid;

use super::{
    Account, AccountDetails, AccountId, Credentials, Email, FullName, Role,
    held::Locked,
    owner::{Owner, Ways},
    search::{Needle, Wanted},
    service::Service,
};
use crate::{
    clock::Timestamp,
    db::{Conn, Dialect, execute, fetch_all, fetch_one, fetch_optional},
    passwords::PasswordHash,
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// Accounts that people own. The others are service accounts, which [`service`](super::service) alone reads and changes.
macro_rules! of_a_person {
    () => {
        "organisation_id IS NULL"
    };
}

/// `None` if the address is taken. The unique column decides, even between two instances.
pub(super) async fn insert_account(
    conn: Conn<'_>,
    email: &Email,
    full_name: &FullName,
    password_hash: Option<&PasswordHash>,
    role: Role,
    language: &str,
    now: Timestamp,
) -> Result<Option<Account>> {
    fetch_optional!(
        conn,
        Account,
        "INSERT INTO accounts (email, full_name, folded_name, password_hash, role, language, is_active, created_at,
                               password_changed_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7, $8, $7)
         ON CONFLICT (email) DO NOTHING
         RETURNING id, email, full_name, is_active",
        email,
        full_name,
        full_name.folded(),
        password_hash,
        role,
        language,
        now,
        password_hash.map(|_| now)
    )
}

pub(super) async fn account_by_id(conn: Conn<'_>, id: AccountId) -> Result<Option<Account>> {
    let sql =
        concat!("SELECT id, email, full_name, is_active FROM accounts WHERE id = $1 AND ", of_a_person!());
    fetch_optional!(conn, Account, sql, id)
}

pub(super) async fn account_by_email(conn: Conn<'_>, email: &Email) -> Result<Option<Account>> {
    fetch_optional!(
        conn,
        Account,
        "SELECT id, email, full_name, is_active FROM accounts WHERE email = $1",
        email
    )
}

/// The columns of [`AccountDetails`].
macro_rules! select_details {
    ($which:literal) => {
        concat!(
            "SELECT id, email, full_name, is_active, COALESCE(staff_role, role) AS role, email_verified_at,
                    created_at, last_login_at, password_changed_at, deletion_due_at
             FROM accounts WHERE ",
            of_a_person!(),
            " AND ",
            $which
        )
    };
}

pub(super) async fn details(conn: Conn<'_>, id: AccountId) -> Result<Option<AccountDetails>> {
    fetch_optional!(conn, AccountDetails, select_details!("id = $1"), id)
}

/// Accounts that match the needle, in the order of their IDs.
pub(super) async fn accounts_after(
    conn: Conn<'_>,
    needle: Option<&Needle>,
    after: AccountId,
    limit: u32,
) -> Result<Vec<AccountDetails>> {
    fetch_all!(
        conn,
        AccountDetails,
        select_details!(
            "id > $1 AND ($2 IS NULL OR email LIKE $2 ESCAPE '!'
                          OR COALESCE(folded_name, lower(full_name)) LIKE $3 ESCAPE '!')
             ORDER BY id LIMIT $4"
        ),
        after,
        needle.map(Needle::in_email),
        needle.map(Needle::in_name),
        i64::from(limit)
    )
}

/// The condition for [`Wanted`], whose values are `$2` to `$11`. An index finds the accounts with a value.
macro_rules! wanted {
    () => {
        " AND ($2 IS NULL OR email LIKE $2 ESCAPE '!' OR COALESCE(folded_name, lower(full_name)) LIKE $3 ESCAPE '!'
               OR id = $4)
          AND ($5 IS NULL OR COALESCE(staff_role, role) = $5) AND ($6 IS NULL OR is_active = $6)
          AND ($7 IS NULL OR (email_verified_at IS NOT NULL) = $7)
          AND ($8 IS NULL OR id IN (
              SELECT account_id FROM attribute_values
              WHERE name = $8 AND $9 IS NULL AND $10 IS NULL AND $11 IS NULL
              UNION ALL SELECT account_id FROM attribute_values WHERE name = $8 AND text_value = $9
              UNION ALL SELECT account_id FROM attribute_values
              WHERE name = $8 AND text_value IS NULL AND integer_value = $10
              UNION ALL SELECT account_id FROM attribute_values
              WHERE name = $8 AND text_value IS NULL AND integer_value IS NULL AND boolean_value = $11))"
    };
}

/// Accounts older than `before`, newest first.
pub(super) async fn accounts_before(
    conn: Conn<'_>,
    wanted: &Wanted<'_>,
    before: AccountId,
    limit: u32,
) -> Result<Vec<AccountDetails>> {
    fetch_all!(
        conn,
        AccountDetails,
        concat!(select_details!("id < $1"), wanted!(), " ORDER BY id DESC LIMIT $12"),
        before,
        wanted.needle.as_ref().map(Needle::in_email),
        wanted.needle.as_ref().map(Needle::in_name),
        wanted.number,
        wanted.role,
        wanted.is_active,
        wanted.is_verified,
        wanted.attribute.map(|attribute| attribute.name),
        wanted.attribute.and_then(|attribute| attribute.text),
        wanted.attribute.and_then(|attribute| attribute.integer),
        wanted.attribute.and_then(|attribute| attribute.boolean),
        i64::from(limit)
    )
}

/// Accounts newer than `after`, oldest first.
pub(super) async fn filtered_after(
    conn: Conn<'_>,
    wanted: &Wanted<'_>,
    after: AccountId,
    limit: u32,
) -> Result<Vec<AccountDetails>> {
    fetch_all!(
        conn,
        AccountDetails,
        concat!(select_details!("id > $1"), wanted!(), " ORDER BY id LIMIT $12"),
        after,
        wanted.needle.as_ref().map(Needle::in_email),
        wanted.needle.as_ref().map(Needle::in_name),
        wanted.number,
        wanted.role,
        wanted.is_active,
        wanted.is_verified,
        wanted.attribute.map(|attribute| attribute.name),
        wanted.attribute.and_then(|attribute| attribute.text),
        wanted.attribute.and_then(|attribute| attribute.integer),
        wanted.attribute.and_then(|attribute| attribute.boolean),
        i64::from(limit)
    )
}

/// How many accounts match, and how many of them are newer than `than`.
pub(super) async fn count(conn: Conn<'_>, wanted: &Wanted<'_>, than: AccountId) -> Result<(u64, u64)> {
    let (all, newer) = fetch_one!(
        conn,
        (i64, i64),
        concat!(
            "SELECT count(*), count(CASE WHEN id > $1 THEN 1 END) FROM accounts WHERE ",
            of_a_person!(),
            wanted!()
        ),
        than,
        wanted.needle.as_ref().map(Needle::in_email),
        wanted.needle.as_ref().map(Needle::in_name),
        wanted.number,
        wanted.role,
        wanted.is_active,
        wanted.is_verified,
        wanted.attribute.map(|attribute| attribute.name),
        wanted.attribute.and_then(|attribute| attribute.text),
        wanted.attribute.and_then(|attribute| attribute.integer),
        wanted.attribute.and_then(|attribute| attribute.boolean)
    )?;
    Ok((all.unsigned_abs(), newer.unsigned_abs()))
}

/// Records a login of the owner.
pub(super) async fn set_last_login(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE accounts SET last_login_at = $2 WHERE id = $1", id, now)?;
    Ok(())
}

pub(super) async fn was_used(conn: Conn<'_>, id: AccountId) -> Result<bool> {
    let used = fetch_optional!(
        conn,
        (i64,),
        "SELECT id FROM accounts WHERE id = $1 AND last_login_at IS NOT NULL",
        id
    )?;
    Ok(used.is_some())
}

pub(super) async fn credentials(conn: Conn<'_>, email: &Email) -> Result<Option<Credentials>> {
    fetch_optional!(
        conn,
        Credentials,
        "SELECT id, password_hash, credential_epoch AS epoch FROM accounts WHERE email = $1",
        email
    )
}

pub(super) async fn owner(conn: Conn<'_>, id: AccountId) -> Result<Option<Owner>> {
    let sql = concat!(
        "SELECT id, email, full_name, language, email_verified_at FROM accounts WHERE id = $1 AND is_active AND ",
        of_a_person!()
    );
    fetch_optional!(conn, Owner, sql, id)
}

/// Locks the account's row until the transaction ends, and reads it as of after the lock. On SQLite the transaction
/// already has the only lock.
macro_rules! lock {
    ($conn:expr, $which:literal, $argument:expr) => {{
        let sql = match $conn.dialect() {
            Dialect::Sqlite => lock!($which, ""),
            Dialect::Postgres => lock!($which, " FOR NO KEY UPDATE"),
        };
        fetch_optional!($conn, Locked, sql, $argument)
    }};
    ($which:literal, $lock:literal) => {
        concat!(
            "SELECT id, email, full_name, language, email_verified_at, COALESCE(staff_role, role) AS role,
                    credential_epoch, is_active, deletion_due_at
             FROM accounts WHERE ",
            of_a_person!(),
            " AND ",
            $which,
            $lock
        )
    };
}

pub(super) async fn lock(conn: Conn<'_>, id: AccountId) -> Result<Option<Locked>> {
    lock!(conn, "id = $1", id)
}

/// Keeps an account from being deleted until the transaction ends. `false` if there is none.
pub(crate) async fn keep(conn: Conn<'_>, id: AccountId) -> Result<bool> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => "SELECT id FROM accounts WHERE id = $1",
        Dialect::Postgres => "SELECT id FROM accounts WHERE id = $1 FOR KEY SHARE",
    };
    Ok(fetch_optional!(conn, (AccountId,), sql, id)?.is_some())
}

pub(super) async fn lock_by_email(conn: Conn<'_>, email: &Email) -> Result<Option<Locked>> {
    lock!(conn, "email = $1", email)
}

/// `false` if the address is not, or no longer, the account's.
pub(super) async fn mark_verified(
    conn: Conn<'_>,
    id: AccountId,
    email: &Email,
    now: Timestamp,
) -> Result<bool> {
    let marked = execute!(
        conn,
        "UPDATE accounts SET email_verified_at = COALESCE(email_verified_at, $3)
         WHERE id = $1 AND email = $2 AND is_active",
        id,
        email,
        now
    )?;
    Ok(marked == 1)
}

/// `false` if another account has the address. If two request it at once, the unique column lets one through.
pub(super) async fn set_email(conn: Conn<'_>, id: AccountId, email: &Email, now: Timestamp) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET email = $2, email_verified_at = $3, credential_epoch = credential_epoch + 1,
                             updated_at = $3
         WHERE id = $1 AND is_active
           AND NOT EXISTS (SELECT 1 FROM accounts AS others WHERE others.email = $2 AND others.id <> $1)",
        id,
        email,
        now
    )?;
    Ok(changed == 1)
}

pub(super) async fn set_full_name(
    conn: Conn<'_>,
    id: AccountId,
    full_name: &FullName,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE accounts SET full_name = $2, folded_name = $3, updated_at = $4 WHERE id = $1",
        id,
        full_name,
        full_name.folded(),
        now
    )?;
    Ok(())
}

/// Accounts whose names are not folded yet, at most 500.
pub(super) async fn unfolded(conn: Conn<'_>) -> Result<Vec<(AccountId, String)>> {
    fetch_all!(
        conn,
        (AccountId, String),
        "SELECT id, full_name FROM accounts WHERE folded_name IS NULL ORDER BY id LIMIT 500"
    )
}

/// Does nothing if the name was changed meanwhile.
pub(super) async fn set_folded(conn: Conn<'_>, id: AccountId, name: &str, folded: &str) -> Result<u64> {
    execute!(
        conn,
        "UPDATE accounts SET folded_name = $3 WHERE id = $1 AND full_name = $2 AND folded_name IS NULL",
        id,
        name,
        folded
    )
}

pub(super) async fn set_language(conn: Conn<'_>, id: AccountId, language: &str) -> Result<()> {
    execute!(conn, "UPDATE accounts SET language = $2 WHERE id = $1", id, language)?;
    Ok(())
}

/// Until this transaction ends, only it can change who is an administrator. The next one's statements see what it did.
pub(super) async fn lock_administrators(conn: Conn<'_>, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE locks SET taken_at = $1 WHERE name = 'administrators'", now)?;
    Ok(())
}

/// Whether an administrator who is active and not scheduled for deletion remains without this account.
macro_rules! spares_the_last_administrator {
    () => {
        " AND (accounts.role <> 'admin' OR NOT accounts.is_active OR accounts.deletion_due_at IS NOT NULL
               OR EXISTS (SELECT 1 FROM accounts AS others
                          WHERE others.role = 'admin' AND others.is_active AND others.deletion_due_at IS NULL
                            AND others.id <> accounts.id))"
    };
}

/// `false` if it is already disabled, or the last administrator's. Call [`lock_administrators`] first.
pub(super) async fn disable(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<bool> {
    let changed = execute!(
        conn,
        concat!(
            "UPDATE accounts SET is_active = FALSE, updated_at = $2 WHERE id = $1 AND is_active",
            spares_the_last_administrator!()
        ),
        id,
        now
    )?;
    Ok(changed == 1)
}

pub(super) async fn enable(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<()> {
    execute!(conn, "UPDATE accounts SET is_active = TRUE, updated_at = $2 WHERE id = $1", id, now)?;
    Ok(())
}

/// `false` if it already has that role, or is the last administrator's. Call [`lock_administrators`] first.
pub(super) async fn set_role(conn: Conn<'_>, id: AccountId, role: Role, now: Timestamp) -> Result<bool> {
    let changed = match role {
        Role::Admin => execute!(
            conn,
            "UPDATE accounts SET role = 'admin', staff_role = NULL, updated_at = $2
             WHERE id = $1 AND role <> 'admin'",
            id,
            now
        ),
        Role::User | Role::Staff(_) => execute!(
            conn,
            concat!(
                "UPDATE accounts SET role = 'user', staff_role = $3, updated_at = $2
                 WHERE id = $1 AND (role <> 'user' OR COALESCE(staff_role, '') <> COALESCE($3, ''))",
                spares_the_last_administrator!()
            ),
            id,
            now,
            role.staff()
        ),
    }?;
    Ok(changed == 1)
}

/// `false` if there is an administrator, active or not. Call [`lock_administrators`] first.
pub(super) async fn make_first_administrator(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET role = 'admin', staff_role = NULL, updated_at = $2
         WHERE id = $1 AND is_active AND NOT EXISTS (SELECT 1 FROM accounts AS others WHERE others.role = 'admin')",
        id,
        now
    )?;
    Ok(changed == 1)
}

/// Whether there is any account.
pub(super) async fn is_any(conn: Conn<'_>) -> Result<bool> {
    Ok(fetch_optional!(conn, (AccountId,), "SELECT id FROM accounts LIMIT 1")?.is_some())
}

pub(super) async fn set_password(
    conn: Conn<'_>,
    id: AccountId,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE accounts SET password_hash = $2, credential_epoch = credential_epoch + 1, password_changed_at = $3,
                             updated_at = $3
         WHERE id = $1",
        id,
        hash,
        now
    )?;
    Ok(())
}

/// Reads the tables of other modules in the same statement, so that removing one login method can check that another
/// remains.
pub(super) async fn ways(conn: Conn<'_>, id: AccountId) -> Result<Ways> {
    fetch_one!(
        conn,
        Ways,
        "SELECT password_hash IS NOT NULL AS has_password,
                (SELECT count(*) FROM passkeys WHERE account_id = $1) AS passkeys,
                (SELECT count(*) FROM identities WHERE account_id = $1) AS identities,
                EXISTS (SELECT 1 FROM totp WHERE account_id = $1) AS has_app
         FROM accounts WHERE id = $1",
        id
    )
}

/// Removes the password and cancels a scheduled deletion. Returns whether there was a password.
pub(super) async fn forget_password(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<bool> {
    let had = has_password(conn, id).await?;
    execute!(
        conn,
        "UPDATE accounts SET password_hash = NULL, password_changed_at = NULL, deletion_due_at = NULL,
                             credential_epoch = credential_epoch + 1, updated_at = $2
         WHERE id = $1",
        id,
        now
    )?;
    Ok(had)
}

/// Removes a password that was set after `since`. Returns whether there was one.
pub(super) async fn forget_password_since(
    conn: Conn<'_>,
    id: AccountId,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let forgotten = execute!(
        conn,
        "UPDATE accounts SET password_hash = NULL, password_changed_at = NULL,
                             credential_epoch = credential_epoch + 1, updated_at = $3
         WHERE id = $1 AND password_hash IS NOT NULL AND password_changed_at > $2",
        id,
        since,
        now
    )?;
    Ok(forgotten > 0)
}

pub(super) async fn has_password(conn: Conn<'_>, id: AccountId) -> Result<bool> {
    let sql = "SELECT id FROM accounts WHERE id = $1 AND password_hash IS NOT NULL";
    Ok(fetch_optional!(conn, (AccountId,), sql, id)?.is_some())
}

pub(super) async fn raise_epoch(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE accounts SET credential_epoch = credential_epoch + 1, updated_at = $2 WHERE id = $1";
    execute!(conn, sql, id, now)?;
    Ok(())
}

/// Stores another hash of the same password.
pub(super) async fn replace_hash(conn: Conn<'_>, id: AccountId, hash: &PasswordHash) -> Result<()> {
    execute!(conn, "UPDATE accounts SET password_hash = $2 WHERE id = $1", id, hash)?;
    Ok(())
}

/// Sessions, known addresses, links, queued emails and the picture's row are deleted with it (`ON DELETE CASCADE`).
/// `false` if it is the last administrator's. Call `lock_administrators` first.
pub(super) async fn delete_account(conn: Conn<'_>, id: AccountId) -> Result<bool> {
    let sql = concat!("DELETE FROM accounts WHERE id = $1", spares_the_last_administrator!());
    Ok(execute!(conn, sql, id)? == 1)
}

/// `false` if it is the last administrator's. Call `lock_administrators` first.
pub(super) async fn schedule_deletion(
    conn: Conn<'_>,
    id: AccountId,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let sql = concat!(
        "UPDATE accounts SET deletion_due_at = $2, updated_at = $3 WHERE id = $1",
        spares_the_last_administrator!()
    );
    Ok(execute!(conn, sql, id, due_at, now)? == 1)
}

/// `false` if no deletion was scheduled.
pub(super) async fn cancel_deletion(conn: Conn<'_>, id: AccountId, now: Timestamp) -> Result<bool> {
    let changed = execute!(
        conn,
        "UPDATE accounts SET deletion_due_at = NULL, updated_at = $2
         WHERE id = $1 AND deletion_due_at IS NOT NULL",
        id,
        now
    )?;
    Ok(changed == 1)
}

pub(super) async fn due_for_deletion(conn: Conn<'_>, now: Timestamp, limit: i64) -> Result<Vec<AccountId>> {
    let due = fetch_all!(
        conn,
        (AccountId,),
        "SELECT id FROM accounts WHERE deletion_due_at <= $1 ORDER BY deletion_due_at LIMIT $2",
        now,
        limit
    )?;
    Ok(due.into_iter().map(|(id,)| id).collect())
}

/// The whole row of an account except the password's hash.
#[derive(Debug)]
pub(super) struct ExportedRow {
    pub(super) account: Account,
    pub(super) role: Role,
    pub(super) language: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) email_verified_at: Option<Timestamp>,
    pub(super) last_login_at: Option<Timestamp>,
    pub(super) password_changed_at: Option<Timestamp>,
    pub(super) deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(ExportedRow {
    role,
    language,
    created_at,
    updated_at,
    email_verified_at,
    last_login_at,
    password_changed_at,
    deletion_due_at;
    account
});

pub(super) async fn exported(conn: Conn<'_>, id: AccountId) -> Result<Option<ExportedRow>> {
    fetch_optional!(
        conn,
        ExportedRow,
        "SELECT id, email, full_name, is_active, COALESCE(staff_role, role) AS role, language, created_at, updated_at, email_verified_at,
                last_login_at, password_changed_at, deletion_due_at
         FROM accounts WHERE id = $1",
        id
    )
}

/// Inserts a service account.
pub(super) async fn insert_service(
    conn: Conn<'_>,
    organisation: Uuid,
    placeholder: &str,
    name: &FullName,
    now: Timestamp,
) -> Result<AccountId> {
    let (id,) = fetch_one!(
        conn,
        (AccountId,),
        "INSERT INTO accounts (email, full_name, folded_name, role, language, is_active, created_at, updated_at,
                               organisation_id)
         VALUES ($1, $2, $3, 'user', 'en', TRUE, $4, $4, $5) RETURNING id",
        placeholder,
        name,
        name.folded(),
        now,
        organisation
    )?;
    Ok(id)
}

/// Locks a service account of this organisation, or of any.
pub(super) async fn lock_service(
    conn: Conn<'_>,
    id: AccountId,
    organisation: Option<Uuid>,
) -> Result<Option<Service>> {
    fetch_optional!(
        conn,
        Service,
        "UPDATE accounts SET updated_at = updated_at
         WHERE id = $1 AND organisation_id IS NOT NULL AND ($2 IS NULL OR organisation_id = $2)
         RETURNING id, full_name, is_active",
        id,
        organisation
    )
}

pub(super) async fn service_name(conn: Conn<'_>, id: AccountId) -> Result<Option<FullName>> {
    let sql = "SELECT full_name FROM accounts WHERE id = $1 AND organisation_id IS NOT NULL";
    Ok(fetch_optional!(conn, (FullName,), sql, id)?.map(|(name,)| name))
}

pub(super) async fn set_service_active(
    conn: Conn<'_>,
    id: AccountId,
    is_active: bool,
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE accounts SET is_active = $2, updated_at = $3 WHERE id = $1 AND organisation_id IS NOT NULL",
        id,
        is_active,
        now
    )?;
    Ok(())
}

pub(super) async fn delete_service(conn: Conn<'_>, id: AccountId) -> Result<()> {
    execute!(conn, "DELETE FROM accounts WHERE id = $1 AND organisation_id IS NOT NULL", id)?;
    Ok(())
}

pub(super) async fn count_services(conn: Conn<'_>, organisation: Uuid) -> Result<i64> {
    let sql = "SELECT count(*) FROM accounts WHERE organisation_id = $1";
    fetch_one!(conn, (i64,), sql, organisation).map(|(count,)| count)
}

/// The owner of an account; for a service account, the owners of its organisation, at most 20.
pub(super) async fn responsible(conn: Conn<'_>, id: AccountId) -> Result<Vec<Owner>> {
    fetch_all!(
        conn,
        Owner,
        "SELECT id, email, full_name, language, email_verified_at FROM accounts
         WHERE is_active AND organisation_id IS NULL
           AND (id = $1
                OR id IN (SELECT m.account_id FROM accounts s JOIN memberships m ON m.group_id = s.organisation_id
                          WHERE s.id = $1 AND m.role = 'owner'))
         ORDER BY id LIMIT 20",
        id
    )
}
