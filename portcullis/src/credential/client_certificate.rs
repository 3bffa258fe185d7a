//! The certificate that a client proved in the TLS handshake (mutual TLS).

use std::fmt;

use bytes::Bytes;
use http::{header::ORIGIN, request::Parts};

use super::{Challenge, Credential, Place, Presented, SecurityScheme, cookie::refuse_cross_site, sealed};

/// The client's certificate of a connection, for the extensions of its requests.
///
/// The server that accepts TLS connections inserts it, if the client has proved one. It must have verified the chain
/// and the signature of the handshake, as `rustls::server::WebPkiClientVerifier` does. Take it from the connection and
/// never from a header, which anyone can send.
///
/// ```
/// use axum::extract::{ConnectInfo, Request};
/// use portcullis::credential::PeerCertificate;
///
/// /// What your listener tells about a connection (`axum::extract::connect_info::Connected`).
/// #[derive(Clone)]
/// struct Peer { certificate: Option<PeerCertificate> }
///
/// async fn with_certificate(ConnectInfo(peer): ConnectInfo<Peer>, mut request: Request) -> Request {
///     if let Some(certificate) = peer.certificate {
///         request.extensions_mut().insert(certificate);
///     }
///     request
/// }
///
/// let router: axum::Router = axum::Router::new().layer(axum::middleware::map_request(with_certificate));
/// # let _ = router;
/// ```
#[derive(Clone)]
pub struct PeerCertificate(Bytes);

impl PeerCertificate {
    /// Takes the client's own certificate, the first of its chain, in DER.
    pub fn new(der: impl Into<Bytes>) -> Self {
        Self(der.into())
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerCertificate({} bytes)", self.0.len())
    }
}

/// The certificate that the client proved in the TLS handshake, as [`PeerCertificate`] hands it over. The authority that
/// signed it is verified; whose it is, your [`Verify`](crate::Verify) decides.
///
/// A request on a connection without a certificate gets 401. Browsers show a certificate to every page that asks for
/// something, so requests of other sites' pages that may change something get 403, like those with a
/// [`SessionCookie`](crate::SessionCookie). Programs, which send neither `Sec-Fetch-Site` nor `Origin`, are not affected.
///
/// ```
/// use portcullis::{Granted, Verdict, Verify, VerifyFailed, credential::ClientCertificate};
///
/// /// The tills of the shops, each with a certificate of its own.
/// #[derive(Clone)]
/// struct Tills;
///
/// impl Verify for Tills {
///     type Credential = ClientCertificate;
///     type Principal = u32;
///     const SCHEME: &'static str = "till";
///
///     async fn verify(&self, sent: &ClientCertificate) -> Result<Verdict<u32>, VerifyFailed> {
///         # async fn till_by_certificate(_: &[u8]) -> Result<Option<u32>, std::io::Error> { Ok(None) }
///         let till = till_by_certificate(sent.der()).await?;
///         Ok(till.map_or(Verdict::Refused, |till| Verdict::Accepted(till, Granted::none())))
///     }
/// }
/// ```
pub struct ClientCertificate(Bytes);

impl ClientCertificate {
    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({} bytes)", self.0.len())
    }
}

impl Credential for ClientCertificate {
    fn scheme() -> SecurityScheme {
        SecurityScheme::mutual_tls()
    }
}

impl sealed::Read for ClientCertificate {
    /// No standard has a challenge for it, and a 401 has one (RFC 9110 §15.5.2).
    const CHALLENGE: Challenge = Challenge::scheme("Certificate");
    const PLACE: Place = Place::Connection;

    fn read(parts: &Parts) -> Presented<Self> {
        let Some(PeerCertificate(der)) = parts.extensions.get() else { return Presented::Absent };
        let certificate = Presented::Present(Self(der.clone()));
        // Browsers send `Origin` with every request that may change something (Fetch §3.2).
        let is_browser =
            ["sec-fetch-site", ORIGIN.as_str()].iter().any(|name| parts.headers.contains_key(*name));
        if is_browser { refuse_cross_site(certificate, parts, "https") } else { certificate }
    }
}
