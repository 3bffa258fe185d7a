//! The state of a verifier's keys, for a readiness check or a metric.

use std::time::Duration;

use crate::tokens::{AccessTokens, Source, seconds};

/// The state of an [`AccessTokens`]' keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysHealth {
    pub(super) keys: usize,
    pub(super) can_verify: bool,
    pub(super) age: Option<Duration>,
    pub(super) failing_for: Option<Duration>,
    pub(super) problem: Option<String>,
}

impl KeysHealth {
    /// How many of the issuer's keys can be used.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Whether there are keys to verify with. If not, a token starts a fetch, as [`AccessTokens::health`] does, waits
    /// for it, and gets 503 if it fails.
    #[must_use]
    pub fn can_verify(&self) -> bool {
        self.can_verify
    }

    /// How long ago the keys were fetched. `None` if they were given, or never fetched.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// For how long the issuer could not be reached, to the second. `None` if the last attempt succeeded.
    #[must_use]
    pub fn failing_for(&self) -> Option<Duration> {
        self.failing_for
    }

    /// What went wrong in the last attempt. For operators only, because it names addresses.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl AccessTokens {
    /// Returns the state of the keys, without waiting. Suitable for a readiness check every few seconds.
    ///
    /// Valid keys are renewed automatically. If they are missing or too old, this starts a fetch in the background, so
    /// that a service without traffic becomes ready. It fetches no more often than tokens do (once in ten seconds
    /// without a valid key, otherwise once a minute), and only inside a Tokio runtime. Outside of one, and for keys
    /// that were given, it fetches nothing.
    ///
    /// ```
    /// use axum::{extract::State, http::StatusCode};
    /// use portcullis::AccessTokens;
    ///
    /// async fn is_ready(State(tokens): State<AccessTokens>) -> StatusCode {
    ///     if tokens.health().can_verify() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
    /// }
    /// ```
    #[must_use]
    pub fn health(&self) -> KeysHealth {
        match &self.0.keys {
            Source::Published(keys) => keys.health(seconds(&self.0.clock)),
            Source::Given(keys) => {
                KeysHealth { keys: keys.len(), can_verify: true, age: None, failing_for: None, problem: None }
            }
        }
    }
}
