//! The only way out: requests to configured addresses, bounded in time and size.
//!
//! HTTP/1.1, no redirects, no cookies, no proxy. Whether a request is allowed is decided on the very address that is
//! connected to.

mod reach;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::HttpBody as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use portcullis_outgoing::{Client, Resolve, causes, system_resolver};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use tokio::time::{timeout, timeout_at};
use url::{Host, Url};

pub(crate) use self::reach::Reach;

/// The maximum duration of a delivery, from resolving the name to the status of the response.
pub(crate) const LONGEST: Duration = Duration::from_secs(5);
/// How much of a response body is read and discarded, so that the connection can be reused.
const ANSWER: usize = 64 * 1024;
/// The longest URL.
const URL_LENGTH: usize = 2048;

/// A URL that requests may be sent to, judged by its text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    text: String,
    uri: Uri,
}

impl Target {
    /// Parses a configured URL. Names are resolved at each connection, not here.
    ///
    /// # Errors
    /// The end of a sentence for the operator: the URL cannot be used because it …
    pub(crate) fn parse(text: &str, reach: Reach) -> Result<Self, &'static str> {
        if text.len() > URL_LENGTH {
            return Err("has more than 2048 characters");
        }
        // The URL parser turns `0x7f.1` and the like into the address that they mean.
        let url =
            Url::parse(text).map_err(|_| "is not an absolute URL such as https://shop.example/hooks")?;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("does not begin with https:"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("contains a user name or password, which are never sent");
        }
        if url.fragment().is_some() {
            return Err("has a fragment (#…), which is never sent");
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => reach.check(ip.into(), is_secure)?,
            Some(Host::Ipv6(ip)) => reach.check(ip.into(), is_secure)?,
            _ if !is_secure && reach == Reach::Public => return Err(reach::NOT_SECURE),
            _ => {}
        }
        let uri = url.as_str().parse().map_err(|_| "has characters that must be percent-encoded")?;
        Ok(Self { text: url.into(), uri })
    }

    /// The URL in normalized form.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// The path may be a secret of the receiver.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}…)", self.uri.host().unwrap_or_default())
    }
}

/// The client for outgoing requests. TLS is set up with the first one.
pub(crate) struct Outgoing {
    reach: Reach,
    resolve: Resolve,
    authorities: Vec<CertificateDer<'static>>,
    client: OnceLock<Client>,
}

impl Outgoing {
    pub(crate) fn new(reach: Reach) -> Self {
        Self::with(reach, system_resolver(), Vec::new())
    }

    fn with(reach: Reach, resolve: Resolve, authorities: Vec<CertificateDer<'static>>) -> Self {
        Self { reach, resolve, authorities, client: OnceLock::new() }
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    /// Rejects a name that resolves only to forbidden addresses. A name that cannot be resolved now is accepted: its
    /// record may follow, and each delivery checks again.
    ///
    /// # Errors
    /// The end of a sentence for the operator, like that of [`Target::parse`].
    pub(crate) async fn check_name(&self, target: &Target) -> Result<(), &'static str> {
        let host = target.uri.host().unwrap_or_default().trim_end_matches('.');
        let is_secure = target.uri.scheme_str() == Some("https");
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if host == "localhost" || host.ends_with(".localhost") {
            return self.reach.check(here, is_secure);
        }
        if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        let Ok(Ok(found)) = timeout(LONGEST, (self.resolve)(host.to_owned())).await else {
            return Ok(());
        };
        let mut checks = found.into_iter().map(|address| self.reach.check(address.ip(), is_secure));
        let Some(first) = checks.next() else { return Ok(()) };
        if checks.any(|check| check.is_ok()) { Ok(()) } else { first }
    }

    /// Sends a request to `target` and returns the status. A limited part of the response's body is read and discarded.
    ///
    /// # Errors
    /// Why there was no response, for the operator; without the URL.
    pub(crate) async fn send(
        &self,
        target: &Target,
        mut request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, Unanswered> {
        *request.uri_mut() = target.uri.clone();
        let deadline = tokio::time::Instant::now() + LONGEST;
        let response = match timeout_at(deadline, self.client()?.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(cause)) => return Err(Unanswered(cause.to_string())),
            Err(_) => return Err(Unanswered(format!("no response within {} s", LONGEST.as_secs()))),
        };
        let status = response.status();
        let body = response.into_body();
        if !body.is_end_stream() {
            // The status is all that matters; an endless body costs only the connection.
            let _ = timeout_at(deadline, Limited::new(body, ANSWER).collect()).await;
        }
        Ok(status)
    }

    /// Sends a request to `target` and returns the complete response, if it arrives by `deadline`. `None` stands for a
    /// body of more than `most` bytes.
    ///
    /// # Errors
    /// Why there was no response, for the operator; without the URL.
    pub(crate) async fn ask(
        &self,
        target: &Target,
        mut request: Request<Full<Bytes>>,
        most: usize,
        deadline: tokio::time::Instant,
    ) -> Result<Response<Option<Bytes>>, Unanswered> {
        *request.uri_mut() = target.uri.clone();
        let client = self.client()?;
        let exchange = async {
            let response = client.send(request).await.map_err(|cause| Unanswered(cause.to_string()))?;
            let (head, body) = response.into_parts();
            let body = match Limited::new(body, most).collect().await {
                Ok(body) => Some(body.to_bytes()),
                Err(cause) if cause.is::<LengthLimitError>() => None,
                Err(cause) => return Err(Unanswered(causes(cause.as_ref()))),
            };
            Ok(Response::from_parts(head, body))
        };
        let late = |_| Unanswered("the response did not arrive in time".to_owned());
        timeout_at(deadline, exchange).await.map_err(late)?
    }

    fn client(&self) -> Result<&Client, Unanswered> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let tls =
            tls(&self.authorities).map_err(|cause| Unanswered(format!("TLS cannot be set up: {cause}")))?;
        let client = Client::new(tls, self.reach.judge(), Arc::clone(&self.resolve));
        Ok(self.client.get_or_init(|| client))
    }
}

/// TLS with hosts that are certified by an authority in Mozilla's built-in list, or by one that the system trusts
/// (`SSL_CERT_FILE` names another list), so that a private network can have its own.
fn tls(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // A system without a list, or with invalid entries, still has the built-in one.
    let systems = rustls_native_certs::load_native_certs().certs;
    roots.add_parsable_certificates(systems.into_iter().chain(authorities.iter().cloned()));
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}

/// Why there was no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unanswered(String);

#[cfg(test)]
mod tests;
