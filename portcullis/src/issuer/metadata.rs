//! What an issuer publishes about itself: RFC 8414, or OpenID Connect Discovery 1.0.

use std::fmt;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    IssuerError,
    outgoing::{Endpoint, Http},
};

/// The addresses at which an issuer's metadata can be.
pub(super) struct WellKnown {
    issuer: Endpoint,
    /// The name that an issuer with several tenants uses for itself.
    template: Option<String>,
    places: [Endpoint; 2],
}

impl WellKnown {
    /// # Errors
    /// The issuer is not a URL without query and fragment (RFC 8414 §2).
    pub(super) fn of(issuer: &str, template: Option<String>) -> Result<Self, IssuerError> {
        let parsed = Endpoint::parse(issuer)?;
        if issuer.contains('?') {
            return Err(IssuerError::new(format!(
                "`{parsed}`: an issuer must not have a query (RFC 8414 §2)"
            )));
        }
        // Both specifications remove a `/` at the end here, but not in the name itself.
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let path = parsed.uri().path().trim_end_matches('/');
        let host = base.strip_suffix(path).unwrap_or(base);
        let places = [
            // RFC 8414 §3.1: between the host and the path.
            Endpoint::parse(&format!("{host}/.well-known/oauth-authorization-server{path}"))?,
            // OpenID Connect Discovery 1.0 §4.1: after the path.
            Endpoint::parse(&format!("{base}/.well-known/openid-configuration"))?,
        ];
        Ok(Self { issuer: parsed, template, places })
    }

    /// The address of the keys, from the first usable metadata that arrives by `deadline`.
    pub(super) async fn keys_at(&self, http: &Http, deadline: Instant) -> Result<Endpoint, IssuerError> {
        let mut problems = Vec::new();
        for place in &self.places {
            match self.read(http, place, deadline).await {
                Ok(keys_at) => return Ok(keys_at),
                Err(cause) if cause.is_unreachable() => return Err(cause),
                Err(cause) => problems.push(cause.to_string()),
            }
        }
        Err(IssuerError::new(format!(
            "issuer `{}`: no usable metadata: {}. If it publishes none, use `.keys_at(\"https://…\")`",
            self.issuer,
            problems.join("; ")
        )))
    }

    async fn read(&self, http: &Http, place: &Endpoint, deadline: Instant) -> Result<Endpoint, IssuerError> {
        let metadata = http.get(place, deadline).await?.json;
        self.keys_in(&metadata).map_err(|why| IssuerError::new(format!("{place}: {why}")))
    }

    /// The address of the keys in an issuer's metadata.
    fn keys_in(&self, metadata: &Value) -> Result<Endpoint, String> {
        let issuer = metadata.get("issuer").and_then(Value::as_str).unwrap_or_default();
        // RFC 8414 §3.3: otherwise one issuer could speak for another.
        if issuer != self.issuer.to_string() && self.template.as_deref() != Some(issuer) {
            let shown: String = issuer.chars().take(200).collect();
            return Err(format!("the issuer calls itself {shown:?}, which must be exactly the same"));
        }
        let Some(keys_at) = metadata.get("jwks_uri").and_then(Value::as_str) else {
            return Err("there is no `jwks_uri`".to_owned());
        };
        let keys_at = Endpoint::parse(keys_at).map_err(|cause| format!("`jwks_uri`: {cause}"))?;
        // A remote issuer must not lead us to services on this machine.
        if keys_at.is_loopback() && !self.issuer.is_loopback() {
            return Err(format!("`jwks_uri`: {keys_at} is on this machine, and the issuer is elsewhere"));
        }
        // Other names and spellings of this machine are detected by the address when connecting.
        Ok(keys_at.named_by(&self.issuer))
    }
}

impl fmt::Debug for WellKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WellKnown({})", self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_as_the_specifications_have_them() {
        let cases = [
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example:8443/t/1",
                "https://a.example:8443/.well-known/oauth-authorization-server/t/1",
                "https://a.example:8443/t/1/.well-known/openid-configuration",
            ),
            (
                "https://a.example/t/",
                "https://a.example/.well-known/oauth-authorization-server/t",
                "https://a.example/t/.well-known/openid-configuration",
            ),
        ];
        for (issuer, oauth, openid) in cases {
            let known = WellKnown::of(issuer, None).unwrap();
            assert_eq!(known.places.map(|place| place.to_string()), [oauth, openid]);
            assert_eq!(known.issuer.to_string(), issuer);
        }
        for bad in ["https://a.example?x=1", "https://a.example/#f", "http://a.example", "a.example", ""] {
            assert!(WellKnown::of(bad, None).is_err(), "{bad}");
        }
    }
    #[test]
    fn g09_an_issuer_elsewhere_does_not_lead_to_this_machine() {
        let keys_in = |issuer: &str, keys_at: &str| {
            let metadata = serde_json::json!({ "issuer": issuer, "jwks_uri": keys_at });
            WellKnown::of(issuer, None).unwrap().keys_in(&metadata).is_ok()
        };
        assert!(keys_in("https://a.example", "https://keys.example/a"));
        assert!(keys_in("http://localhost:1", "http://127.0.0.1:2/keys"));
        for bad in [
            "http://127.0.0.1/keys",
            "https://localhost/keys",
            "https://[::1]/",
            "http://keys.example/a",
            "/keys",
        ] {
            assert!(!keys_in("https://a.example", bad), "{bad}");
        }
    }
}
