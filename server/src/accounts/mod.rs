//! Accounts: who there is.

mod by;
mod deletion;
mod email;
mod full_name;
mod held;
pub(crate) mod http;
mod owner;
pub(crate) mod pages;
mod roles;
mod rules;
mod search;
mod sign_up;
mod store;

use std::fmt;

use portcullis::InvalidInput;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::by::By;
pub use self::deletion::delete;
pub(crate) use self::deletion::{
    cancel_deletion, delete_if_due, delete_own, due_for_deletion, schedule_deletion,
};
pub use self::email::{Email, NotAnEmail};
pub use self::full_name::FullName;
pub use self::roles::{Role, set_role};
pub(crate) use self::roles::{is_any, lock_administrators, make_first_administrator};
pub(crate) use self::search::refold;
pub use self::search::{AccountDetails, details, list};
pub(crate) use self::{
    held::{
        Held, Locked, hold_active, hold_by_email, hold_of_link, hold_of_session, hold_own, hold_verified,
        lock_other,
    },
    owner::{Owner, has_account, mark_verified, owner, set_email, set_hash},
    sign_up::{SignedUp, SigningUp, sign_up},
    store::keep,
};
use crate::{
    access::{Principal, Unchecked},
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    mail::{self, Message},
    messages::Language,
    passwords::{Password, PasswordHash, TooLong, Turn},
    pictures, recovery, sessions,
};

/// An account's number. Never used again, also not after the account is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccountId(i64);
crate::db::column!(AccountId, i64);

impl AccountId {
    /// The account of this number, if there is one.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub(crate) const fn number(self) -> i64 {
        self.0
    }

    /// Reads the `sub` claim of a token.
    pub(crate) fn of_subject(subject: &str) -> Option<Self> {
        subject.parse().ok().map(Self)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account as its owner and an operator see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Account {
    /// The account's number: the `sub` of its tokens.
    pub id: AccountId,
    /// The e-mail address in canonical form.
    #[schemars(extend("format" = "idn-email"))]
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// Whether the account may be used.
    pub is_active: bool,
}
crate::db::from_row!(Account { id, email, full_name, is_active });

/// An account with what else its owner sees.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) account: Account,
    pub(crate) picture: Option<pictures::PictureId>,
    /// When the account is deleted, unless its owner calls it back.
    pub(crate) deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(Profile { picture, deletion_due_at; account });

/// What the log-in needs to know of an account.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) id: AccountId,
    pub(crate) password_hash: PasswordHash,
}
crate::db::from_row!(Credentials { id, password_hash });

/// What a new account is made of. Checked: see [`NewAccount::check`].
#[derive(Debug)]
pub struct NewAccount {
    email: Email,
    full_name: FullName,
    password: Password,
    role: Role,
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

    /// With another role than [`Role::User`].
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    async fn check_in_turn(
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
        // Every field is looked at before one is refused, so that one answer names them all.
        let ((email, full_name), password) = both(both(email, full_name), password)?;
        Ok(Self { email, full_name, password, role: Role::User })
    }
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A, InvalidInput>, b: Result<B, InvalidInput>) -> Result<(A, B), InvalidInput> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.and(b)),
        (Err(refused), Ok(_)) | (Ok(_), Err(refused)) => Err(refused),
    }
}

/// The password, if the policy takes it for an account with these words.
pub(crate) async fn acceptable_password(
    app: &App,
    turn: &Turn<'_>,
    text: &str,
    email: Option<&Email>,
    full_name: Option<&FullName>,
) -> Result<Result<Password, InvalidInput>, Error> {
    let refused = |kind, reason: String| InvalidInput::field(["body", "password"], kind, reason);
    let password = match Password::parse(text) {
        Ok(password) => password,
        Err(too_long) => return Ok(Err(refused(TooLong::KIND, too_long.to_string()))),
    };
    let mut words = vec!["portcullis".to_owned(), app.issuer_host().to_owned()];
    if let Some(email) = email {
        words.extend([email.as_str(), email.local_part(), email.domain()].map(str::to_owned));
    }
    words.extend(full_name.map(|name| name.as_str().to_owned()));
    let config = app.config();
    let checked =
        turn.check(password.clone(), words, config.password_min_length, config.breach_check.clone()).await?;
    Ok(checked.map(|()| password).map_err(|weak| refused(weak.kind(), weak.message())))
}

/// Makes an account.
///
/// # Errors
/// [`Error::EmailTaken`], [`Error::Busy`], [`Error::Database`].
pub async fn create(app: &App, new: NewAccount, client: &Client) -> Result<Account, Error> {
    let hash = app.hasher().turn()?.hash(new.password).await?;
    let now = app.now();
    let mut tx = app.db().begin().await?;
    if new.role == Role::Admin {
        lock_administrators(&mut tx, now).await?;
    }
    let Inserted::Made(account) = insert(&mut tx, &new.email, &new.full_name, &hash, new.role, now).await?
    else {
        return Err(Error::EmailTaken);
    };
    audit::record(&mut tx, Event::SignedUp, Some(account.id), client, now).await?;
    if new.role == Role::Admin {
        let role = Some(new.role.name());
        audit::record_detail(&mut tx, Event::RoleChanged, Some(account.id), client, role, now).await?;
    }
    tx.commit().await?;
    Ok(account)
}

/// What became of an account that was to be made.
enum Inserted {
    Made(Account),
    /// The address has an account; nothing was written.
    Taken,
    /// The account that had the address can still put it back: the transaction is to be dropped.
    Reserved,
}

async fn insert(
    tx: &mut Tx,
    email: &Email,
    full_name: &FullName,
    hash: &PasswordHash,
    role: Role,
    now: Timestamp,
) -> Result<Inserted, Error> {
    let Some(account) = store::insert_account(tx.conn(), email, full_name, hash, role, now).await? else {
        return Ok(Inserted::Taken);
    };
    // Asked afterwards: an insert that waited for a change of address to be committed sees what that wrote.
    let is_reserved = recovery::is_reserved(tx, email, account.id, now).await?;
    Ok(if is_reserved { Inserted::Reserved } else { Inserted::Made(account) })
}

/// The account of a number.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn by_id(app: &App, id: AccountId) -> Result<Account, Error> {
    let mut reader = app.db().read().await?;
    store::account_by_id(reader.conn(), id).await?.ok_or(Error::NotFound)
}

/// The account of an e-mail address, in any spelling.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn by_email(app: &App, email: &str) -> Result<Account, Error> {
    let email = Email::parse(email).map_err(|NotAnEmail| Error::NotFound)?;
    let mut reader = app.db().read().await?;
    store::account_by_email(reader.conn(), &email).await?.ok_or(Error::NotFound)
}

/// Lets an account be used, or not. Either ends its sessions and links; disabling is told to its owner by mail. An
/// account that is so already stays so.
///
/// # Errors
/// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Database`].
pub async fn set_active(app: &App, id: AccountId, active: bool, by: By<'_>) -> Result<(), Error> {
    retry(|| async move { if active { enable(app, id, by).await } else { disable(app, id, by).await } }).await
}

async fn enable(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let locked = lock_other(&mut tx, id, by, now).await?;
    if locked.is_active() {
        return Ok(());
    }
    store::enable(tx.conn(), id, now).await?;
    // Nothing of the time before comes back to life.
    sessions::end_all(&mut tx, &locked, now).await?;
    recovery::forget_links(&mut tx, &locked).await?;
    audit::record(&mut tx, Event::Enabled, Some(id), by.client(), now).await?;
    Ok(tx.commit().await?)
}

async fn disable(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    lock_administrators(&mut tx, now).await?;
    let locked = lock_other(&mut tx, id, by, now).await?;
    if !locked.is_active() {
        return Ok(());
    }
    if !store::disable(tx.conn(), id, now).await? {
        return Err(Error::LastAdmin);
    }
    sessions::end_all(&mut tx, &locked, now).await?;
    recovery::forget_links(&mut tx, &locked).await?;
    audit::record(&mut tx, Event::Disabled, Some(id), by.client(), now).await?;
    mail::enqueue(app, &mut tx, &locked.recipient(), &Message::Disabled, now).await?;
    Ok(tx.commit().await?)
}

/// Sets a new password, as an operator does. The account's sessions end, and every link that was mailed for it, those
/// that put an old address back too: what the operator hands over is the new owner's alone.
///
/// # Errors
/// [`Error::Invalid`] if the policy refuses the password, [`Error::NotFound`], [`Error::Busy`],
/// [`Error::Database`].
pub async fn set_password(app: &App, account: &Account, text: &str, by: By<'_>) -> Result<(), Error> {
    let email = Email::parse(&account.email).ok();
    let full_name = FullName::parse(&account.full_name).ok();
    let turn = app.hasher().turn()?;
    let password = acceptable_password(app, &turn, text, email.as_ref(), full_name.as_ref()).await??;
    let hash = turn.hash(password).await?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = lock_other(&mut tx, account.id, by, now).await?;
        set_hash(&mut tx, &locked, &hash, now).await?;
        sessions::end_all(&mut tx, &locked, now).await?;
        recovery::forget_links_and_undos(&mut tx, &locked).await?;
        audit::record(&mut tx, Event::PasswordSet, Some(account.id), by.client(), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// What is kept of an account, for its owner to take along.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedAccount {
    #[serde(flatten)]
    account: Account,
    role: Role,
    /// The language of mails.
    language: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    updated_at: String,
    /// When the address of mail was confirmed; `null` if it was not.
    #[schemars(extend("format" = "date-time"))]
    email_verified_at: Option<String>,
    /// When the account will be deleted, if its owner asked for that.
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
        deletion_due_at: row.deletion_due_at.map(Timestamp::to_rfc3339),
    }))
}

/// What the log-in needs of the account with this address.
pub(crate) async fn credentials(conn: Conn<'_>, email: &Email) -> Result<Option<Credentials>, Error> {
    Ok(store::credentials(conn, email).await?)
}

/// The profile of an account; who may see it is not decided yet.
pub(crate) async fn profile(app: &App, id: AccountId) -> Result<Unchecked<Profile>, Error> {
    let mut reader = app.db().read().await?;
    Ok(Unchecked::new(store::profile(reader.conn(), id).await?))
}

/// Changes the caller's name.
pub(crate) async fn set_full_name(
    app: &App,
    principal: Principal,
    full_name: &FullName,
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = hold_own(&mut tx, principal, now).await?;
    store::set_full_name(tx.conn(), held.id, full_name, now).await?;
    audit::record(&mut tx, Event::ProfileChanged, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Notes in which language the caller reads mail.
pub(crate) async fn set_language(app: &App, principal: Principal, language: Language) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = hold_own(&mut tx, principal, now).await?;
    store::set_language(tx.conn(), held.id, language.tag()).await?;
    Ok(tx.commit().await?)
}
