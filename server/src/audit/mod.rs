//! The audit trail: one row for each security event, in the event's own transaction.
//!
//! Rows are only ever added. They hold an account's number, never a name, an address of mail or a secret,
//! so they may outlive the account.

mod store;

use crate::{accounts::AccountId, client::Client, clock::Timestamp, db::Tx, error::Error, random};

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
        }
    }
}

/// Adds a row; it stands if the transaction does.
pub(crate) async fn record(
    tx: &mut Tx,
    event: Event,
    account: Option<AccountId>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::insert_event(tx.conn(), random::uuid_v7(now), event, account, client, now).await?)
}
