//! What was just done: a word in a redirect's parameter `done`, and the notice that the next page shows for it.

/// One line per notice: its name, its word and its text.
macro_rules! done {
    ($($name:ident $word:literal $text:literal;)*) => {
        /// What was just done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Done { $($name),* }

        impl Done {
            /// As written in the address.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The key of its text.
            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// `None` for an unknown word.
            pub(super) fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}
done! {
    Confirmed "confirmed" "page.done.confirmed";
    Welcome "welcome" "page.done.welcome";
    Profile "profile" "page.done.profile";
    Picture "picture" "page.done.picture";
    Attributes "attributes" "page.done.attributes";
    PictureRemoved "picture-removed" "page.done.picture_removed";
    SessionEnded "session-ended" "page.done.session_ended";
    OtherSessionsEnded "others-ended" "page.done.others_ended";
    KeyRemoved "key-removed" "page.done.key_removed";
    KeysRemoved "keys-removed" "page.done.keys_removed";
    LoggedOut "logged-out" "page.done.logged_out";
    Verified "verified" "page.done.verified";
    VerificationSent "verification-sent" "page.done.verification_sent";
    EmailRequested "email-requested" "page.done.email_requested";
    EmailCancelled "email-cancelled" "page.done.email_cancelled";
    EmailChanged "email-changed" "page.done.email_changed";
    EmailUndone "email-undone" "page.done.email_undone";
    PasswordChanged "password" "page.done.password";
    PasswordSet "password-set" "page.done.password_set";
    Deleted "deleted" "page.done.deleted";
    DeletionScheduled "deletion-scheduled" "page.done.deletion_scheduled";
    DeletionCancelled "called-back" "page.done.called_back";
    Disabled "disabled" "page.done.disabled";
    Enabled "enabled" "page.done.enabled";
    SessionsEnded "sessions-ended" "page.done.sessions_ended";
    ResetMailed "reset-mailed" "page.done.reset_mailed";
    RoleChanged "role" "page.done.role";
    AccountDeleted "account-deleted" "page.done.account_deleted";
    Invited "invited" "page.done.invited";
    FactorRemoved "factor-removed" "page.done.factor_removed";
    DeviceForgotten "device-forgotten" "page.done.device_forgotten";
    PasskeyAdded "passkey-added" "page.done.passkey_added";
    PasskeyRenamed "passkey-renamed" "page.done.passkey_renamed";
    PasskeyRemoved "passkey-removed" "page.done.passkey_removed";
    LoginExpired "login-expired" "page.done.login_expired";
    OrganisationCreated "organisation-created" "page.done.organisation_created";
    OrganisationRenamed "organisation-renamed" "page.done.organisation_renamed";
    OrganisationDeleted "organisation-deleted" "page.done.organisation_deleted";
    OrganisationLeft "organisation-left" "page.done.organisation_left";
    InvitedToOrganisation "invitation-sent" "page.done.invited_to_organisation";
    InvitationRevoked "invitation-revoked" "page.done.invitation_revoked";
    Joined "joined" "page.done.joined";
    MemberRoleChanged "member-role" "page.done.member_role";
    HandedOver "handed-over" "page.done.handed_over";
    MemberRemoved "member-removed" "page.done.member_removed";
    TeamCreated "team-created" "page.done.team_created";
    TeamRenamed "team-renamed" "page.done.team_renamed";
    TeamDeleted "team-deleted" "page.done.team_deleted";
    TeamMemberAdded "team-member-added" "page.done.team_member_added";
    TeamMemberRemoved "team-member-removed" "page.done.team_member_removed";
    TeamMoved "team-moved" "page.done.team_moved";
    ServiceCreated "service-created" "page.done.service_created";
    ServiceEnabled "service-enabled" "page.done.service_enabled";
    ServiceDisabled "service-disabled" "page.done.service_disabled";
    ServiceDeleted "service-deleted" "page.done.service_deleted";
    Claimed "claimed" "page.done.claimed";
    Linked "linked" "page.done.linked";
    Unlinked "unlinked" "page.done.unlinked";
    LinkedElsewhere "linked-elsewhere" "page.done.linked_elsewhere";
    NotLinked "not-linked" "page.done.not_linked";
    TooManyLinked "too-many-linked" "page.done.too_many_linked";
    WithDenied "with-denied" "page.done.with_denied";
    WithUnavailable "with-unavailable" "page.done.with_unavailable";
    WithInvalid "with-invalid" "page.done.with_invalid";
    WithDisabled "with-disabled" "page.done.with_disabled";
    WithNoAccount "with-no-account" "page.done.with_no_account";
    WithAddressKept "with-address-kept" "page.done.with_address_kept";
    VerifyFirst "verify-first" "page.done.verify_first";
}
