//! A hook for lists of breached passwords (ASVS 6.2.12).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Checks whether a password is known from a breach. It runs on the hashing threads, so it may block for about as
/// long as a hash takes. It must never keep or log the password.
///
/// ```
/// use portcullis_server::{config::Config, passwords::BreachCheck};
///
/// let mut config = Config::new("./portcullis-data");
/// config.breach_check = Some(BreachCheck::new(|password| Ok(password == "from-last-years-breach")));
/// ```
#[derive(Clone)]
pub struct BreachCheck(Arc<Ask>);

type Ask = dyn Fn(&str) -> Result<bool, Box<dyn Error + Send + Sync>> + Send + Sync;

impl BreachCheck {
    /// `ask` returns whether the password is known. If it fails, the password is accepted and a warning is logged:
    /// an unreadable list must not keep people from signing up.
    pub fn new(
        ask: impl Fn(&str) -> Result<bool, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    pub(super) fn is_breached(&self, password: &str) -> bool {
        (self.0)(password).unwrap_or_else(|cause| {
            tracing::warn!(%cause, "the list of breached passwords could not be read; the password was accepted");
            false
        })
    }
}

impl fmt::Debug for BreachCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BreachCheck(…)")
    }
}
