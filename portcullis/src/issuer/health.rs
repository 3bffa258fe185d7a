//! How the keys of a verifier are doing, for a readiness check or a metric.

use std::time::Duration;

use crate::tokens::{AccessTokens, Source, seconds};

/// How the keys of an [`AccessTokens`] are doing.
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

    /// Whether there are keys that verdicts can be built on. If not, a token waits for the fetch that it begins, as
    /// [`AccessTokens::health`] does, and is answered 503 if that is in vain.
    #[must_use]
    pub fn can_verify(&self) -> bool {
        self.can_verify
    }

    /// How long ago the keys were fetched. `None` if they were given, or never fetched.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// For how long the issuer could not be asked, to the second. `None` if the last time went well.
    #[must_use]
    pub fn failing_for(&self) -> Option<Duration> {
        self.failing_for
    }

    /// What went wrong the last time, for an operator: it names addresses, so show it to nobody else.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl AccessTokens {
    /// How the keys are doing, at once, by what is known. Fit for a readiness check that is asked every few seconds.
    ///
    /// Good keys are renewed by themselves. Where they are missing or too old, it begins a fetch in the background, so
    /// that the next call knows more and no token is needed to get there: a service without traffic becomes ready. It
    /// asks no more often than tokens do (once in ten seconds without a good key, else once a minute), and only inside a
    /// Tokio runtime; outside of one, and for keys that were given, it asks nobody.
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
