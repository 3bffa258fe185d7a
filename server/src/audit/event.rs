//! The events that are recorded, and their names.

/// One entry per event: its meaning, its name in the table (subject, dot, what happened), and the key of its text for
/// people.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident $name:literal $text:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Event { $($(#[$doc])* $event),* }

        impl Event {
            pub(crate) const ALL: &[Self] = &[$(Self::$event),*];

            /// The event's name in the table.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$event => $name),* }
            }

            /// The message key of its text.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$event => $text),* }
            }

            /// The event with this name; `None` if this version of the program does not know it.
            pub(crate) fn of_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$event),)* _ => None }
            }
        }
    };
}
events! {
    /// An account was created.
    SignedUp "account.signed_up" "page.event.account_signed_up";
    /// A login succeeded and a session began.
    LoggedIn "session.logged_in" "page.event.session_logged_in";
    /// A login failed. The account is named only if there is one.
    LogInFailed "session.log_in_failed" "page.event.session_log_in_failed";
    /// Further logins are rejected for a while.
    LogInThrottled "session.log_in_throttled" "page.event.session_log_in_throttled";
    /// A session was ended by its owner.
    LoggedOut "session.logged_out" "page.event.session_logged_out";
    /// The full name was changed.
    ProfileChanged "profile.changed" "page.event.profile_changed";
    /// Attributes of an account were changed, by its owner or by an administrator. The detail names them.
    AttributesChanged "account.attributes_changed" "page.event.account_attributes_changed";
    /// The profile picture was set.
    PictureSet "profile.picture_set" "page.event.profile_picture_set";
    /// The profile picture was removed.
    PictureRemoved "profile.picture_removed" "page.event.profile_picture_removed";
    /// The account was disabled and its sessions ended.
    Disabled "account.disabled" "page.event.account_disabled";
    /// The account was enabled.
    Enabled "account.enabled" "page.event.account_enabled";
    /// A new password was set by an operator and the sessions ended.
    PasswordSet "account.password_set" "page.event.account_password_set";
    /// The account was deleted.
    Deleted "account.deleted" "page.event.account_deleted";
    /// A session was ended by its owner from another one.
    SessionEnded "session.ended" "page.event.session_ended";
    /// All other sessions were ended by their owner.
    OtherSessionsEnded "session.others_ended" "page.event.session_others_ended";
    /// A refresh token was used again after its successor, so the session was ended.
    RefreshTokenReplayed "session.refresh_token_replayed" "page.event.session_refresh_token_replayed";
    /// A login by an emailed link or code succeeded and a session began.
    LoggedInByMail "session.logged_in_by_mail" "page.event.session_logged_in_by_mail";
    /// An emailed code was wrong.
    MailedLogInFailed "session.mailed_log_in_failed" "page.event.session_mailed_log_in_failed";
    /// A link and a code to log in were emailed.
    MailedLogInRequested "session.mailed_log_in_requested" "page.event.session_mailed_log_in_requested";
    /// A login with another provider succeeded and a session began.
    LoggedInWithProvider "session.logged_in_with_provider" "page.event.session_logged_in_with_provider";
    /// A login with another provider failed, for the reason in the detail.
    ProviderLogInFailed "session.provider_log_in_failed" "page.event.session_provider_log_in_failed";
    /// An identity at another provider was linked.
    IdentityLinked "identity.linked" "page.event.identity_linked";
    /// An identity at another provider was unlinked.
    IdentityUnlinked "identity.unlinked" "page.event.identity_unlinked";
    /// The owner set a new password and the other sessions ended.
    PasswordChanged "account.password_changed" "page.event.account_password_changed";
    /// The current password, required for a change, was wrong.
    PasswordChangeFailed "account.password_change_failed" "page.event.account_password_change_failed";
    /// A link to set a new password was emailed.
    PasswordResetRequested "account.password_reset_requested" "page.event.account_password_reset_requested";
    /// A new password was set by an emailed link and the sessions ended.
    PasswordReset "account.password_reset" "page.event.account_password_reset";
    /// A link to confirm the address was emailed.
    VerificationRequested "account.verification_requested" "page.event.account_verification_requested";
    /// The owner confirmed the email address.
    EmailVerified "account.email_verified" "page.event.account_email_verified";
    /// The owner of the mailbox logged in or reset the password for the first time, so what the account's creator had
    /// set up was removed.
    Seized "account.seized" "page.event.account_seized";
    /// The owner requested another email address.
    EmailChangeRequested "account.email_change_requested" "page.event.account_email_change_requested";
    /// The owner cancelled the change of the email address.
    EmailChangeCancelled "account.email_change_cancelled" "page.event.account_email_change_cancelled";
    /// The new email address was confirmed and replaced the old one.
    EmailChanged "account.email_changed" "page.event.account_email_changed";
    /// The old email address was restored and the sessions ended.
    EmailChangeUndone "account.email_change_undone" "page.event.account_email_change_undone";
    /// The owner's data were exported.
    Exported "account.exported" "page.event.account_exported";
    /// The owner requested the account's deletion.
    DeletionScheduled "account.deletion_scheduled" "page.event.account_deletion_scheduled";
    /// The owner cancelled the deletion.
    DeletionCancelled "account.deletion_cancelled" "page.event.account_deletion_cancelled";
    /// The role was changed.
    RoleChanged "account.role_changed" "page.event.account_role_changed";
    /// The first administrator was appointed with the one-time code.
    FirstAdmin "account.first_admin" "page.event.account_first_admin";
    /// A wrong, used or expired one-time code was tried.
    FirstAdminRefused "account.first_admin_refused" "page.event.account_first_admin_refused";
    /// An administrator listed accounts.
    AccountsListed "admin.accounts_listed" "page.event.admin_accounts_listed";
    /// An administrator viewed an account.
    AccountRead "admin.account_read" "page.event.admin_account_read";
    /// An administrator listed organisations.
    OrganisationsListed "admin.organisations_listed" "page.event.admin_organisations_listed";
    /// An administrator viewed an organisation.
    OrganisationRead "admin.organisation_read" "page.event.admin_organisation_read";
    /// An administrator read the audit trail.
    AuditRead "admin.audit_read" "page.event.admin_audit_read";
    /// An administrator ended an account's sessions.
    SessionsEnded "account.sessions_ended" "page.event.account_sessions_ended";
    /// The first factor of a login was right, and the second one was requested.
    FactorAsked "session.factor_asked" "page.event.session_factor_asked";
    /// The second factor of a login was wrong.
    FactorFailed "session.factor_failed" "page.event.session_factor_failed";
    /// An authenticator app was added or replaced.
    TotpAdded "factor.totp_added" "page.event.factor_totp_added";
    /// The authenticator app and the recovery codes were removed.
    TotpRemoved "factor.totp_removed" "page.event.factor_totp_removed";
    /// New recovery codes were created, and the old ones are invalid.
    RecoveryCodesMade "factor.recovery_codes_made" "page.event.factor_recovery_codes_made";
    /// A recovery code was used in a login.
    RecoveryCodeUsed "factor.recovery_code_used" "page.event.factor_recovery_code_used";
    /// A passkey was added.
    PasskeyAdded "passkey.added" "page.event.passkey_added";
    /// A passkey was removed.
    PasskeyRemoved "passkey.removed" "page.event.passkey_removed";
    /// A passkey was rejected because its signature counter did not go up: it may have been copied.
    PasskeyCopied "passkey.copied" "page.event.passkey_copied";
    /// The second factor was shown in a browser, which is not asked for it again for some days.
    DeviceRemembered "device.remembered" "page.event.device_remembered";
    /// A remembered browser was forgotten by the owner.
    DeviceForgotten "device.forgotten" "page.event.device_forgotten";
    /// An API key was created.
    ApiKeyCreated "api_key.created" "page.event.api_key_created";
    /// An API key got a successor.
    ApiKeyRotated "api_key.rotated" "page.event.api_key_rotated";
    /// An API key was removed by its owner or the operator.
    ApiKeyRemoved "api_key.removed" "page.event.api_key_removed";
    /// An administrator removed every API key of an account.
    ApiKeysRemoved "api_key.all_removed" "page.event.api_keys_removed";
    /// An API key was found in public and removed.
    ApiKeyLeaked "api_key.leaked" "page.event.api_key_leaked";
    /// An account created an organisation and is its owner.
    OrganisationCreated "organisation.created" "page.event.organisation_created";
    /// An organisation was renamed.
    OrganisationRenamed "organisation.renamed" "page.event.organisation_renamed";
    /// Attributes of an organisation were changed, by an owner or by an administrator. The detail names them.
    OrganisationAttributesChanged "organisation.attributes_changed" "page.event.organisation_attributes_changed";
    /// An organisation was deleted.
    OrganisationDeleted "organisation.deleted" "page.event.organisation_deleted";
    /// An account joined an organisation.
    MemberJoined "organisation.member_joined" "page.event.organisation_member_joined";
    /// A member got another role.
    MemberRoleChanged "organisation.member_role_changed" "page.event.organisation_member_role_changed";
    /// A member left.
    MemberLeft "organisation.member_left" "page.event.organisation_member_left";
    /// A member was removed.
    MemberRemoved "organisation.member_removed" "page.event.organisation_member_removed";
    /// An address was invited.
    Invited "organisation.invited" "page.event.organisation_invited";
    /// An invitation was revoked.
    InvitationRevoked "organisation.invitation_revoked" "page.event.organisation_invitation_revoked";
    /// A team was created.
    TeamCreated "organisation.team_created" "page.event.organisation_team_created";
    /// A team was renamed or moved.
    TeamChanged "organisation.team_changed" "page.event.organisation_team_changed";
    /// A team was deleted.
    TeamDeleted "organisation.team_deleted" "page.event.organisation_team_deleted";
    /// A member was added to a team.
    TeamMemberAdded "organisation.team_member_added" "page.event.organisation_team_member_added";
    /// A member was removed from a team.
    TeamMemberRemoved "organisation.team_member_removed" "page.event.organisation_team_member_removed";
    /// A service account was created in an organisation.
    ServiceAccountCreated "service_account.created" "page.event.service_account_created";
    /// A service account was enabled.
    ServiceAccountEnabled "service_account.enabled" "page.event.service_account_enabled";
    /// A service account was disabled and its API keys removed.
    ServiceAccountDisabled "service_account.disabled" "page.event.service_account_disabled";
    /// A service account was deleted.
    ServiceAccountDeleted "service_account.deleted" "page.event.service_account_deleted";
    /// A mail server permanently rejected an email.
    MailRefused "account.mail_refused" "page.event.account_mail_refused";
    /// An operator added a webhook.
    WebhookAdded "webhook.added" "page.event.webhook_added";
    /// An operator removed a webhook.
    WebhookRemoved "webhook.removed" "page.event.webhook_removed";
    /// Somebody shared a row of the application.
    Shared "grant.given" "page.event.grant_given";
    /// Somebody ended the sharing of a row of the application.
    Unshared "grant.taken" "page.event.grant_taken";
    /// An operator restored a backup. What happened after it was made is not in this log.
    Restored "data.restored" "page.event.data_restored";
}

impl Event {
    /// Whether many of them may be counted in one row: those that change nobody's access, and those that other rows show.
    pub(crate) const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::LoggedIn
                | Self::LogInFailed
                | Self::LogInThrottled
                | Self::LoggedOut
                | Self::LoggedInByMail
                | Self::MailedLogInFailed
                | Self::MailedLogInRequested
                | Self::LoggedInWithProvider
                | Self::ProviderLogInFailed
                | Self::FactorAsked
                | Self::FactorFailed
                | Self::PasswordChangeFailed
                | Self::PasswordResetRequested
                | Self::VerificationRequested
                | Self::FirstAdminRefused
                | Self::ProfileChanged
                | Self::PictureSet
                | Self::PictureRemoved
                | Self::Exported
                | Self::AccountsListed
                | Self::AccountRead
                | Self::OrganisationsListed
                | Self::OrganisationRead
                | Self::AuditRead
                | Self::MailRefused
                | Self::Shared
                | Self::Unshared
        )
    }
}
