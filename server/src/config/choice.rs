//! Settings that are one of a few words.

use crate::accounts::Role;

/// When a login also returns a refresh token (RFC 6749 §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RefreshTokens {
    /// When the scope `offline_access` is asked for.
    OnRequest,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SignUp {
    /// Everybody; an address that has an account is answered 409, as in the guide.
    Open,
    /// Everybody; one answer for every address, and the rest by mail (ASVS 6.3.8).
    Quiet,
    /// Nobody but the operator and administrators.
    Closed,
}

/// Which accounts need a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SecondFactor {
    /// None: their owners may enrol one.
    Optional,
    /// All.
    Required,
    /// Those of administrators.
    RequiredForAdmins,
}

impl SecondFactor {
    /// Whether accounts with this role need one.
    pub(crate) fn is_required_of(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Required => true,
            Self::RequiredForAdmins => role == Role::Admin,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person to read.
    Text,
    /// One JSON object on each line.
    Json,
}
