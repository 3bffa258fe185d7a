//! The connection: a name is looked up once, its addresses are checked, and one of those very addresses is connected to,
//! so a name that changes its address (DNS rebinding) leads nowhere else.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;

use super::Reach;

pub(super) type Connector = HttpsConnector<Connect>;
/// The addresses of a host, which may be a name or an address.
pub(super) type Resolve = Arc<dyn Fn(String, u16) -> Soon<Vec<SocketAddr>> + Send + Sync>;
type Soon<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// How many addresses of one name are tried.
const TRIED: usize = 4;

/// Connections by rustls, to hosts that an authority vouches for: one of Mozilla's list, which is built in, or one that
/// the system trusts (`SSL_CERT_FILE` names another list), so that a network of one's own can have its own.
pub(super) fn connector(
    reach: Reach,
    resolve: &Resolve,
    authorities: &[CertificateDer<'static>],
) -> Result<Connector, rustls::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // A system without a list, or with odd ones in it, still has the built-in one.
    let systems = rustls_native_certs::load_native_certs().certs;
    roots.add_parsable_certificates(systems.into_iter().chain(authorities.iter().cloned()));
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = Connect { reach, resolve: Arc::clone(resolve) };
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp))
}

/// The system's look-up.
pub(super) fn system() -> Resolve {
    Arc::new(|host, port| Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) }))
}

/// TCP to where requests may go.
#[derive(Clone)]
pub(super) struct Connect {
    reach: Reach,
    resolve: Resolve,
}

impl Service<Uri> for Connect {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Soon<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connect = self.clone();
        Box::pin(async move { connect.to(&uri).await.map(TokioIo::new) })
    }
}

impl Connect {
    async fn to(&self, uri: &Uri) -> io::Result<TcpStream> {
        let is_secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let found = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => (self.resolve)(host.to_owned(), port).await?,
        };
        let mut failed = io::Error::other("the target's name has no address");
        for address in found.into_iter().take(TRIED) {
            if let Err(why) = self.reach.check(address.ip(), is_secure) {
                failed = io::Error::other(format!("the target {why}"));
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Each request is one small write; waiting for more would only delay it.
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(cause) => failed = cause,
            }
        }
        Err(failed)
    }
}
