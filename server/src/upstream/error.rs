//! Why a login at a provider failed.

use std::fmt;

/// Why a login at a provider failed. [`Display`](fmt::Display) is for the operator's log: it is complete, and contains
/// no secret and no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamError {
    kind: Failure,
    reason: String,
}

/// What a page can say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The person declined at the provider.
    Denied,
    /// The provider did not respond, or reports that it is unavailable.
    Unavailable,
    /// The provider's response was invalid, or our settings for it are.
    Invalid,
}

impl UpstreamError {
    pub(super) fn denied(reason: impl Into<String>) -> Self {
        Self { kind: Failure::Denied, reason: reason.into() }
    }

    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: Failure::Unavailable, reason: reason.into() }
    }

    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self { kind: Failure::Invalid, reason: reason.into() }
    }

    /// What a page can say about it.
    pub(crate) fn kind(&self) -> Failure {
        self.kind
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for UpstreamError {}
