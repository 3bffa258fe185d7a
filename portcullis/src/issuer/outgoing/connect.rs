//! The connection to an issuer. The addresses that a name has are looked at here, right before they are used.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{
    HttpConnector,
    dns::{GaiResolver, Name},
};
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider, pki_types::CertificateDer};
use tower_service::Service;

use super::{IssuerError, Reach, endpoint::is_localhost};

pub(super) type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Connections by rustls, to hosts that an authority vouches for.
pub(super) fn connector(
    reach: Reach,
    authorities: &[CertificateDer<'static>],
) -> Result<Connector, IssuerError> {
    let no_tls = |cause| IssuerError::new(format!("TLS cannot be set up: {cause}"));
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in authorities {
        roots
            .add(certificate.clone())
            .map_err(|cause| IssuerError::new(format!("a certificate authority to trust: {cause}")))?;
    }
    let tls = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(no_tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new_with_resolver(Resolver { reach });
    tcp.enforce_http(false);
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp))
}

#[cfg(feature = "aws-lc-rs")]
#[expect(clippy::unnecessary_wraps, reason = "the other backend can be missing")]
fn provider() -> Result<Arc<CryptoProvider>, IssuerError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// The backend `rust-crypto` has no TLS: the application brings one.
#[cfg(not(feature = "aws-lc-rs"))]
fn provider() -> Result<Arc<CryptoProvider>, IssuerError> {
    CryptoProvider::get_default().cloned().ok_or_else(|| {
        IssuerError::new(
            "no cryptography for TLS: with portcullis' feature `rust-crypto`, call \
             `rustls::crypto::CryptoProvider::install_default` with a provider of your choice first",
        )
    })
}

/// The system's look-up of names, less the addresses that must not be asked.
#[derive(Clone)]
pub(super) struct Resolver {
    reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            // Plain HTTP goes to `localhost` because it is this machine; a hosts file that says otherwise is not heard.
            let is_local = is_localhost(name.as_str());
            let found = GaiResolver::new().call(name).await?;
            let allowed: Vec<_> = found
                .filter(|address| !is_local || address.ip().is_loopback())
                .filter(|address| reach.has(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(io::Error::other(format!(
                    "the name leads to no address that may be asked: it {reach}"
                )));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn look_up(name: &str, reach: Reach) -> Option<Vec<SocketAddr>> {
        let found = Resolver { reach }.call(name.parse().unwrap()).await;
        found.ok().map(Iterator::collect)
    }

    #[tokio::test]
    async fn g09_a_name_is_judged_by_its_addresses() {
        for name in ["localhost", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"] {
            let found = look_up(name, Reach::Any).await.unwrap();
            assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{name}");
            assert!(look_up(name, Reach::NotThisMachine).await.is_none(), "{name}");
            assert!(look_up(name, Reach::Public).await.is_none(), "{name}");
        }
        assert!(look_up("0x0a000001", Reach::NotThisMachine).await.is_some(), "10.0.0.1 is a neighbour");
        assert!(look_up("0x0a000001", Reach::Public).await.is_none());
        assert!(look_up("0x01010101", Reach::Public).await.is_some(), "1.1.1.1 is public");
    }
}
