//! Requests to an issuer, bounded in time and size: HTTP/1.1, no redirects, no cookies, no compression, no proxy.

mod answer;
mod endpoint;

use std::{error::Error, fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use portcullis_outgoing::{Client, Judge, Place, causes, is_this_machine, system_resolver};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::{Instant, timeout_at};

use self::endpoint::is_localhost;
pub(super) use self::{answer::Answer, endpoint::Endpoint};
use crate::tokens::KeyError;

/// The longest that a lookup takes, from resolving the first name to the last byte of the last response. A caller waits
/// for it, and few clients wait longer.
const LONGEST: Duration = Duration::from_secs(5);

/// How requests to an issuer are made: `AccessTokens::discover(…).outgoing(…)`, `Introspection::at(…).outgoing(…)`.
///
/// These limits always apply: only `https`, or `http` to this machine (`localhost`, `127.0.0.0/8`, `[::1]`); one
/// megabyte; no redirects; proxy variables in the environment are ignored. A remote issuer cannot lead us to services
/// on this machine: if its metadata names another host for the keys, the address that is connected to decides, whatever
/// its name or spelling.
///
/// ```
/// use std::time::Duration;
/// # let pem = "";
/// let outgoing = portcullis::issuer::Outgoing::default()
///     .timeout(Duration::from_secs(2))
///     .public_addresses_only();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Outgoing {
    timeout: Option<Duration>,
    is_public_only: bool,
    authorities: Vec<CertificateDer<'static>>,
}

impl Outgoing {
    /// Sets the longest that a lookup may take, if less than five seconds: one introspection, or an issuer's keys
    /// including its metadata if that must be read.
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.timeout = Some(longest.min(LONGEST));
        self
    }

    /// Connects only to public internet addresses. This is checked after the name is resolved, when the connection is
    /// made, so neither `0x7f.1` nor a name that changes its address (DNS rebinding) leads inside.
    ///
    /// Not the default, because an issuer that the operator configured is often in the operator's own network. Use it
    /// if someone else chooses the issuer.
    pub fn public_addresses_only(mut self) -> Self {
        self.is_public_only = true;
        self
    }

    /// Trusts these certificate authorities, in PEM, in addition to Mozilla's built-in list. The machine's own list is
    /// not used.
    ///
    /// # Errors
    /// The text is not PEM, or contains no certificate.
    pub fn trust(mut self, pem: &[u8]) -> Result<Self, IssuerError> {
        let known = self.authorities.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.authorities.push(certificate.map_err(|cause| {
                IssuerError::new(format!("the certificate authorities to trust cannot be read: {cause:?}"))
            })?);
        }
        if self.authorities.len() == known {
            return Err(IssuerError::new(
                "the certificate authorities to trust: there is no `BEGIN CERTIFICATE` in the text",
            ));
        }
        Ok(self)
    }

    pub(super) fn client(self) -> Result<Http, IssuerError> {
        let ways = if self.is_public_only { [Reach::Public; 2] } else { [Reach::Any, Reach::NotThisMachine] };
        // Two clients, so that a kept connection of one is not used for the other.
        let tls = tls(&self.authorities)?;
        let [chosen, led_to] = ways.map(|reach| {
            let client = Client::new(tls.clone(), reach.judge(), system_resolver());
            Way { client, reach }
        });
        Ok(Http { chosen, led_to, timeout: self.timeout.unwrap_or(LONGEST) })
    }
}

/// TLS that accepts hosts with a certificate from one of the authorities.
fn tls(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, IssuerError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in authorities {
        roots
            .add(certificate.clone())
            .map_err(|cause| IssuerError::new(format!("a certificate authority to trust: {cause}")))?;
    }
    let tls = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|cause| IssuerError::new(format!("TLS cannot be set up: {cause}")))?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "the other backend can be missing")]
fn provider() -> Result<Arc<CryptoProvider>, IssuerError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// The backend `rust-crypto` has no TLS, so the application must provide it.
#[cfg(not(feature = "aws-lc-rs"))]
fn provider() -> Result<Arc<CryptoProvider>, IssuerError> {
    CryptoProvider::get_default().cloned().ok_or_else(|| {
        IssuerError::new(
            "no cryptography for TLS: with portcullis' feature `rust-crypto`, call \
             `rustls::crypto::CryptoProvider::install_default` with a provider of your choice first",
        )
    })
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Any,
    NotThisMachine,
    Public,
}

impl Reach {
    fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::NotThisMachine => !is_this_machine(address),
            Self::Public => Place::of(address) == Place::Public,
        }
    }

    /// Plain HTTP is allowed to `localhost` because it is this machine. A hosts file that says otherwise is ignored.
    fn judge(self) -> Judge {
        Arc::new(move |to| {
            if is_localhost(to.host) && !to.address.is_loopback() {
                return Err("is `localhost` by its name, and elsewhere by its address".to_owned());
            }
            if self.has(to.address) { Ok(()) } else { Err(self.to_string()) }
        })
    }
}

/// Why an address is out of reach.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "is not reachable",
            Self::NotThisMachine => "is on this machine, and the issuer is elsewhere",
            Self::Public => "is no public address, and `public_addresses_only()` was asked for",
        })
    }
}

/// How much longer callers wait for a fetch that another caller started.
const GRACE: Duration = Duration::from_secs(1);

/// The only way to send requests.
pub(super) struct Http {
    /// To addresses that the application chose.
    chosen: Way,
    /// To addresses that a remote issuer named.
    led_to: Way,
    timeout: Duration,
}

struct Way {
    client: Client,
    reach: Reach,
}

impl Http {
    /// When a lookup that begins now must be done.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// When to stop waiting for a lookup that another caller begins now. It keeps its deadline unless its thread is
    /// blocked.
    pub(super) fn overdue(&self) -> Instant {
        self.deadline() + GRACE
    }

    /// Fetches a JSON document, which must arrive by `deadline`.
    pub(super) async fn get(&self, from: &Endpoint, deadline: Instant) -> Result<Answer, IssuerError> {
        self.ask(from, Request::builder().method(Method::GET), Bytes::new(), deadline).await
    }

    /// Sends a form and expects JSON. `authorization` must be marked as sensitive.
    pub(super) async fn post(
        &self,
        to: &Endpoint,
        form: String,
        authorization: &HeaderValue,
    ) -> Result<Answer, IssuerError> {
        let request = Request::builder()
            .method(Method::POST)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, authorization);
        self.ask(to, request, form.into(), self.deadline()).await
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        request: http::request::Builder,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Answer, IssuerError> {
        let way = if endpoint.is_led_to() { &self.led_to } else { &self.chosen };
        endpoint.check(way.reach)?;
        let failed = |why: &dyn fmt::Display| IssuerError::unreachable(format!("{endpoint}: {why}"));
        let request = request
            .uri(endpoint.uri())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .body(Full::new(body))
            .map_err(|cause| failed(&cause))?;
        let exchange = async {
            let response = way.client.send(request).await.map_err(|cause| failed(&cause))?;
            Answer::read(response, endpoint).await
        };
        match timeout_at(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(failed(&format_args!("no whole answer within {:?}", self.timeout))),
        }
    }
}

/// Why an issuer could not be reached, or its response could not be used. Meant for the operator.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuerError {
    reason: String,
    is_unreachable: bool,
}

impl IssuerError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_unreachable: false }
    }

    fn unreachable(reason: String) -> Self {
        Self { reason, is_unreachable: true }
    }

    /// Whether there was no response at all, so that another request to the same host would fail, too.
    pub(super) fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for IssuerError {}

impl From<KeyError> for IssuerError {
    fn from(cause: KeyError) -> Self {
        Self::new(cause.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_nobody_is_waited_for_longer_than_five_seconds() {
        let timeout = |outgoing: Outgoing| outgoing.client().unwrap().timeout;
        assert_eq!(timeout(Outgoing::default()), Duration::from_secs(5));
        assert_eq!(timeout(Outgoing::default().timeout(Duration::MAX)), Duration::from_secs(5));
        assert_eq!(timeout(Outgoing::default().timeout(Duration::from_secs(2))), Duration::from_secs(2));
    }
}
