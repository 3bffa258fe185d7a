//! The checks of `portcullis doctor`.

use std::time::SystemTime;

use http::header::DATE;

use super::{Provider, UpstreamError};

/// The result of checking a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Health {
    /// The difference between its clock and ours in seconds, if it reports the time.
    pub(crate) clock_apart: Option<u64>,
}

impl Provider {
    /// Fetches the metadata and the keys, or checks that the server responds. A client secret cannot be tested without
    /// a person's login.
    ///
    /// # Errors
    /// What does not work.
    pub(crate) async fn look(&self) -> Result<Health, UpstreamError> {
        let wire = self.wire();
        let headers = if self.kind.is_openid() {
            let metadata = self.metadata(&wire).await?;
            self.fetch_keys(&wire, &metadata).await?;
            wire.reach("the keys", &metadata.jwks_uri).await?
        } else {
            wire.reach("the provider", &self.open_address()).await?
        };
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let now = SystemTime::from(self.clock.now());
        let apart = |date: SystemTime| {
            now.duration_since(date).or_else(|_| date.duration_since(now)).map_or(0, |apart| apart.as_secs())
        };
        Ok(Health { clock_apart: date.map(apart) })
    }
}
