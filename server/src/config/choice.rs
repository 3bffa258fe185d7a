//! Settings whose value is one of a few words.

use crate::accounts::Role;

/// When a login also returns a refresh token (RFC 6749 §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RefreshTokens {
    /// When the scope `offline_access` is requested.
    OnRequest,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SignUp {
    /// Everybody; for an address that already has an account, the response is 409, as in the guide.
    Open,
    /// Everybody; every address gets the same response, and the rest is sent by email (ASVS 6.3.8).
    Quiet,
    /// Only the operator and administrators create accounts.
    Closed,
}

/// Which accounts need a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SecondFactor {
    /// None, but owners may add one.
    Optional,
    /// All accounts.
    Required,
    /// Accounts of administrators.
    RequiredForAdmins,
}

impl SecondFactor {
    /// Whether accounts with this role need one.
    pub(crate) fn is_required_of(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Required => true,
            Self::RequiredForAdmins => role != Role::User,
        }
    }
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}
