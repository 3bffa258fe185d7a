//! The events that are recorded, and their names.

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
    /// The first factor of a login was right, and the second one is asked for.
    FactorAsked,
    /// The second factor of a login was wrong.
    FactorFailed,
    /// An authenticator app was added, or replaced.
    TotpAdded,
    /// The authenticator app and the recovery codes were removed.
    TotpRemoved,
    /// New recovery codes were made, and the old ones are invalid.
    RecoveryCodesMade,
    /// A recovery code was used in a login.
    RecoveryCodeUsed,
    /// A mail server refused a mail for good.
    MailRefused,
    /// An operator added a webhook.
    WebhookAdded,
    /// An operator removed a webhook.
    WebhookRemoved,
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
            Self::FactorAsked => "session.factor_asked",
            Self::FactorFailed => "session.factor_failed",
            Self::TotpAdded => "factor.totp_added",
            Self::TotpRemoved => "factor.totp_removed",
            Self::RecoveryCodesMade => "factor.recovery_codes_made",
            Self::RecoveryCodeUsed => "factor.recovery_code_used",
            Self::MailRefused => "account.mail_refused",
            Self::FirstAdmin => "account.first_admin",
            Self::FirstAdminRefused => "account.first_admin_refused",
            Self::AccountsListed => "admin.accounts_listed",
            Self::AccountRead => "admin.account_read",
            Self::AuditRead => "admin.audit_read",
            Self::SessionsEnded => "account.sessions_ended",
            Self::WebhookAdded => "webhook.added",
            Self::WebhookRemoved => "webhook.removed",
        }
    }
}
