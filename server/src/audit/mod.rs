//! The audit trail: one row for each security event, in the event's own transaction.
//!
//! Rows are added, and deleted when they are older than the setting `audit_ttl` says. They hold an account's number, never a name, an address of mail or a secret,
//! so they may outlive the account.

mod store;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    accounts::AccountId, app::App, client::Client, clock::Timestamp, db::Tx, error::Error, random, webhooks,
};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// An account was made.
    SignedUp,
    /// A log-in succeeded and a session began.
    LoggedIn,
    /// A log-in failed. The account is named only if there is one.
    LogInFailed,
    /// Further log-ins are turned away for a while.
    LogInThrottled,
    /// A session was ended by its owner.
    LoggedOut,
    /// The full name was changed.
    ProfileChanged,
    /// The profile picture was set.
    PictureSet,
    /// The profile picture was removed.
    PictureRemoved,
    /// The account was disabled and its sessions ended.
    Disabled,
    /// The account was enabled.
    Enabled,
    /// A new password was set by an operator and the sessions ended.
    PasswordSet,
    /// The account was deleted.
    Deleted,
    /// A session was ended by its owner from another one.
    SessionEnded,
    /// All other sessions were ended by their owner.
    OtherSessionsEnded,
    /// A refresh token came again after its successor: the session was ended.
    RefreshTokenReplayed,
    /// A log-in by a mailed link or code succeeded and a session began.
    LoggedInByMail,
    /// A mailed code was wrong.
    MailedLogInFailed,
    /// A link and a code to log in were mailed.
    MailedLogInRequested,
    /// The owner set a new password and the other sessions ended.
    PasswordChanged,
    /// The current password was wrong when it was asked for again.
    PasswordChangeFailed,
    /// A link to set a new password was mailed.
    PasswordResetRequested,
    /// A new password was set by a mailed link and the sessions ended.
    PasswordReset,
    /// A link to confirm the address was mailed.
    VerificationRequested,
    /// The owner confirmed the address of mail.
    EmailVerified,
    /// The owner wants another address of mail.
    EmailChangeRequested,
    /// The new address of mail was confirmed and is in force.
    EmailChanged,
    /// The old address of mail was put back and the sessions ended.
    EmailChangeUndone,
    /// The owner's data were exported.
    Exported,
    /// The owner asked for the account's deletion.
    DeletionScheduled,
    /// The owner called the account back.
    DeletionCancelled,
    /// The role was changed.
    RoleChanged,
    /// The first administrator was made with the one-time code.
    FirstAdmin,
    /// A wrong, used or ended one-time code was tried.
    FirstAdminRefused,
    /// An administrator listed accounts.
    AccountsListed,
    /// An administrator looked at an account.
    AccountRead,
    /// An administrator read the audit trail.
    AuditRead,
    /// An administrator ended an account's sessions.
    SessionsEnded,
    /// A mail server refused a mail for good.
    MailRefused,
    /// An operator added a webhook.
    WebhookAdded,
    /// An operator removed a webhook.
    WebhookRemoved,
    /// An operator restored a backup: what happened after it was made is not in this trail.
    Restored,
}

impl Event {
    /// The event's name in the table: room, dot, what happened.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "account.signed_up",
            Self::LoggedIn => "session.logged_in",
            Self::LogInFailed => "session.log_in_failed",
            Self::LogInThrottled => "session.log_in_throttled",
            Self::LoggedOut => "session.logged_out",
            Self::ProfileChanged => "profile.changed",
            Self::PictureSet => "profile.picture_set",
            Self::PictureRemoved => "profile.picture_removed",
            Self::Disabled => "account.disabled",
            Self::Enabled => "account.enabled",
            Self::PasswordSet => "account.password_set",
            Self::Deleted => "account.deleted",
            Self::SessionEnded => "session.ended",
            Self::OtherSessionsEnded => "session.others_ended",
            Self::RefreshTokenReplayed => "session.refresh_token_replayed",
            Self::LoggedInByMail => "session.logged_in_by_mail",
            Self::MailedLogInFailed => "session.mailed_log_in_failed",
            Self::MailedLogInRequested => "session.mailed_log_in_requested",
            Self::PasswordChanged => "account.password_changed",
            Self::PasswordChangeFailed => "account.password_change_failed",
            Self::PasswordResetRequested => "account.password_reset_requested",
            Self::PasswordReset => "account.password_reset",
            Self::VerificationRequested => "account.verification_requested",
            Self::EmailVerified => "account.email_verified",
            Self::EmailChangeRequested => "account.email_change_requested",
            Self::EmailChanged => "account.email_changed",
            Self::EmailChangeUndone => "account.email_change_undone",
            Self::Exported => "account.exported",
            Self::DeletionScheduled => "account.deletion_scheduled",
            Self::DeletionCancelled => "account.deletion_cancelled",
            Self::RoleChanged => "account.role_changed",
            Self::MailRefused => "account.mail_refused",
            Self::FirstAdmin => "account.first_admin",
            Self::FirstAdminRefused => "account.first_admin_refused",
            Self::AccountsListed => "admin.accounts_listed",
            Self::AccountRead => "admin.account_read",
            Self::AuditRead => "admin.audit_read",
            Self::SessionsEnded => "account.sessions_ended",
            Self::WebhookAdded => "webhook.added",
            Self::WebhookRemoved => "webhook.removed",
            Self::Restored => "data.restored",
        }
    }
}

/// Adds a row, and tells the webhooks that wait for such an event; both stand if the transaction does.
pub(crate) async fn record(
    tx: &mut Tx,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    record_detail(tx, event, account, client, None, now).await
}

/// The same with what else an auditor asks; never a secret, and nothing that a person can be known by.
pub(crate) async fn record_detail(
    tx: &mut Tx,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let id = random::uuid_v7(now);
    store::insert_event(tx.conn(), id, event, account, client, detail, now).await?;
    webhooks::queue(tx, id, event, account, now).await
}

/// An event, as an administrator reads it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    /// [`Event::name`].
    pub(crate) event: String,
    /// To whom it happened.
    pub(crate) account_id: Option<AccountId>,
    /// Who acted without a request: `operator`, for the command line.
    pub(crate) actor: Option<String>,
    /// Who acted, when that was another account.
    pub(crate) actor_id: Option<AccountId>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) detail: Option<String>,
}
crate::db::from_row!(Entry { id, at, event, account_id, actor, actor_id, address, request_id, detail });

/// Which events are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    /// What was done to this account, or by it to another.
    pub(crate) account: Option<AccountId>,
    /// What has this name.
    pub(crate) event: Option<&'a str>,
}

/// Up to `limit` events, the newest first, before `before`.
pub(crate) async fn list(
    app: &App,
    filter: Filter<'_>,
    before: Option<(Timestamp, Uuid)>,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let mut reader = app.db().read().await?;
    let before = before.unwrap_or((Timestamp::from_micros(i64::MAX), Uuid::max()));
    Ok(store::events_before(reader.conn(), filter, before, limit).await?)
}

/// An event's place in the trail: they are numbered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId(Uuid);
crate::db::column!(EventId, Uuid);

/// An event, for the account's owner to take along.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedEvent {
    #[serde(skip)]
    pub(crate) id: EventId,
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// What happened.
    event: String,
    /// From where.
    address: Option<String>,
}

/// Up to `limit` events of an account after one of them, the oldest first.
pub(crate) async fn exported(
    app: &App,
    account: AccountId,
    after: Option<EventId>,
    limit: usize,
) -> Result<Vec<ExportedEvent>, Error> {
    let mut reader = app.db().read().await?;
    let rows = store::events_of(reader.conn(), account, after, limit).await?;
    let view = |row: store::ExportedRow| ExportedEvent {
        id: row.id,
        at: row.at.to_rfc3339(),
        event: row.event,
        address: row.address,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Deletes the rows that are older. In batches, each in a transaction of its own, so that no writer waits long.
pub(crate) async fn sweep(app: &App, before: Timestamp) -> Result<u64, Error> {
    let mut count = 0;
    loop {
        let mut tx = app.db().begin().await?;
        let deleted = store::delete_before(tx.conn(), before).await?;
        tx.commit().await?;
        count += deleted;
        if deleted == 0 {
            return Ok(count);
        }
    }
}
