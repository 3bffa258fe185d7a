//! Accounts, the module that the others build on: IDs, addresses, names, roles, rows, and the lock that every action on
//! an account takes.

mod email;
mod full_name;
mod held;
mod owner;
mod roles;
mod search;
pub(crate) mod service;
mod store;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::email::{Email, NotAnEmail};
pub use self::full_name::FullName;
pub(crate) use self::full_name::name;
pub use self::roles::{Role, RoleName};
pub use self::search::{AccountDetails, details, list};
pub(crate) use self::search::{Filter, WithAttribute, count, folded, newer_than, newest, refold};
pub(crate) use self::{
    held::{
        Actor, Held, Locked, hold_active, hold_again, hold_by_email, hold_new, hold_of_link, hold_of_login,
        hold_of_passkey, hold_of_session, hold_own, hold_own_beside, hold_verified, lock_due, lock_other,
        prove_under_lock,
    },
    owner::{
        Owner, Ways, cancel_deletion, delete, due_for_deletion, forget_password, forget_password_since,
        has_account, has_password, is_active_at, mark_verified, note_login, owner, raise_epoch, rehash,
        schedule_deletion, set_email, set_full_name, set_hash, set_language, was_used, ways,
    },
    roles::{disable, enable, is_any, lock_administrators, make_first_administrator, set_role},
    store::keep,
};
use crate::{
    app::App,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    invalid::Invalid,
    passwords::{Password, PasswordHash, Turn},
};

/// An account's ID. It is never reused, not even after the account is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccountId(i64);
crate::db::column!(AccountId, i64);

impl AccountId {
    /// The ID with this number. The account need not exist.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub(crate) const fn number(self) -> i64 {
        self.0
    }

    /// Parses the `sub` claim of a token.
    pub(crate) fn of_subject(subject: &str) -> Option<Self> {
        subject.parse().ok().map(Self)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account, as its owner and the operator see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Account {
    /// The account's ID: the `sub` of its tokens.
    pub id: AccountId,
    /// The email address in canonical form.
    #[schemars(with = "String", extend("format" = "idn-email"))]
    pub email: Email,
    /// The person's name.
    pub full_name: String,
    /// Whether the account may be used.
    pub is_active: bool,
}
crate::db::from_row!(Account { id, email, full_name, is_active });

/// The columns of an account that the login needs.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: AccountId,
    /// `None`: the account has no password.
    pub(crate) password_hash: Option<PasswordHash>,
    /// The epoch of the credentials when they were read.
    pub(crate) epoch: Epoch,
}
crate::db::from_row!(Credentials { id, password_hash, epoch });

/// The version of an account's credentials. Every change of the password or of another login method raises it. A proof
/// from one epoch cannot start a session in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(i64);
crate::db::column!(Epoch, i64);

/// The data of a new account, checked by [`NewAccount::check`].
#[derive(Debug)]
pub struct NewAccount {
    pub(crate) email: Email,
    pub(crate) full_name: FullName,
    pub(crate) password: Password,
    pub(crate) role: Role,
}

impl NewAccount {
    /// Checks what a person typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every field that is not acceptable, as a request's body names them;
    /// [`Error::Busy`].
    pub async fn check(app: &App, email: &str, full_name: &str, password: &str) -> Result<Self, Error> {
        Self::check_in_turn(app, &app.hasher().turn()?, email, full_name, password).await
    }

    /// Sets another role than [`Role::User`].
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    pub(crate) async fn check_in_turn(
        app: &App,
        turn: &Turn<'_>,
        email: &str,
        full_name: &str,
        password: &str,
    ) -> Result<Self, Error> {
        let email = Email::of_field(email, "email");
        let full_name = FullName::of_field(full_name);
        let (words_email, words_name) = (email.as_ref().ok(), full_name.as_ref().ok());
        let password = acceptable_password(app, turn, password, words_email, words_name).await?;
        // Every field is checked before the first is rejected, so that one response names them all.
        let ((email, full_name), password) = both(both(email, full_name), password)?;
        Ok(Self { email, full_name, password, role: Role::User })
    }
}

/// An address and a name as a request's body gives them.
///
/// # Errors
/// What is wrong with either.
pub(crate) fn of_fields(email: &str, full_name: &str) -> Result<(Email, FullName), Invalid> {
    both(Email::of_field(email, "email"), FullName::of_field(full_name))
}

/// Both values, or the faults of either.
fn both<A, B>(a: Result<A, Invalid>, b: Result<B, Invalid>) -> Result<(A, B), Invalid> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.and(b)),
        (Err(refused), Ok(_)) | (Ok(_), Err(refused)) => Err(refused),
    }
}

/// The password, if the policy accepts it for an account with these words.
pub(crate) async fn acceptable_password(
    app: &App,
    turn: &Turn<'_>,
    text: &str,
    email: Option<&Email>,
    full_name: Option<&FullName>,
) -> Result<Result<Password, Invalid>, Error> {
    let refused = |fault| Invalid::field("password", fault);
    let password = match Password::parse(text) {
        Ok(password) => password,
        Err(fault) => return Ok(Err(refused(fault))),
    };
    let mut words = vec!["portcullis".to_owned(), app.issuer_host().to_owned()];
    if let Some(email) = email {
        words.extend([email.as_str(), email.local_part(), email.domain()].map(str::to_owned));
    }
    words.extend(full_name.map(|name| name.as_str().to_owned()));
    let config = app.config();
    let checked =
        turn.check(password.clone(), words, config.password_min_length, config.breach_check.clone()).await?;
    Ok(checked.map(|()| password).map_err(refused))
}

/// Inserts a new row, with or without a password. `None` if the address is taken.
pub(crate) async fn insert(
    tx: &mut Tx,
    email: &Email,
    full_name: &FullName,
    hash: Option<&PasswordHash>,
    role: Role,
    language: &str,
    now: Timestamp,
) -> Result<Option<Account>, Error> {
    Ok(store::insert_account(tx.conn(), email, full_name, hash, role, language, now).await?)
}

/// The account with this ID.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn by_id(app: &App, id: AccountId) -> Result<Account, Error> {
    let mut reader = app.db().read().await?;
    store::account_by_id(reader.conn(), id).await?.ok_or(Error::NotFound)
}

/// The account with this email address, in any spelling.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn by_email(app: &App, email: &str) -> Result<Account, Error> {
    let email = Email::parse(email).map_err(|NotAnEmail| Error::NotFound)?;
    let mut reader = app.db().read().await?;
    store::account_by_email(reader.conn(), &email).await?.ok_or(Error::NotFound)
}

/// What is stored about an account, for its owner's export.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedAccount {
    #[serde(flatten)]
    account: Account,
    role: Role,
    /// The language of emails.
    language: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    updated_at: String,
    /// When the email address was confirmed; `null` if it was not.
    #[schemars(extend("format" = "date-time"))]
    email_verified_at: Option<String>,
    /// When somebody last logged in; `null` if nobody has.
    #[schemars(extend("format" = "date-time"))]
    last_login_at: Option<String>,
    /// When the password was last set; `null` if that is not known or there is none.
    #[schemars(extend("format" = "date-time"))]
    password_changed_at: Option<String>,
    /// When the account will be deleted, if its owner requested that.
    #[schemars(extend("format" = "date-time"))]
    deletion_due_at: Option<String>,
}

/// Everything of the account's row but the password's hash, which is of no use to its owner.
pub(crate) async fn exported(conn: Conn<'_>, id: AccountId) -> Result<Option<ExportedAccount>, Error> {
    let row = store::exported(conn, id).await?;
    Ok(row.map(|row| ExportedAccount {
        account: row.account,
        role: row.role,
        language: row.language,
        created_at: row.created_at.to_rfc3339(),
        updated_at: row.updated_at.to_rfc3339(),
        email_verified_at: row.email_verified_at.map(Timestamp::to_rfc3339),
        last_login_at: row.last_login_at.map(Timestamp::to_rfc3339),
        password_changed_at: row.password_changed_at.map(Timestamp::to_rfc3339),
        deletion_due_at: row.deletion_due_at.map(Timestamp::to_rfc3339),
    }))
}

/// The columns that the login needs, of the account with this address.
pub(crate) async fn credentials(conn: Conn<'_>, email: &Email) -> Result<Option<Credentials>, Error> {
    Ok(store::credentials(conn, email).await?)
}
