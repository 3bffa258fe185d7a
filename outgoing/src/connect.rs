//! The connection. A name's addresses are judged here, right before one of exactly these addresses is used.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{
        HttpConnector,
        dns::{GaiResolver, Name},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

type Soon<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;
/// Resolves a name to its addresses. The ports are ignored.
pub type Resolve = Arc<dyn Fn(String) -> Soon<Vec<SocketAddr>> + Send + Sync>;
/// Decides whether a connection may be made. The error is for the operator and continues the sentence "the target".
pub type Judge = Arc<dyn Fn(&Destination<'_>) -> Result<(), String> + Send + Sync>;

/// The maximum number of addresses to try per name.
const TRIED: usize = 4;

/// The destination of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The host of the URL: a name or an address.
    pub host: &'a str,
    /// The address to connect to.
    pub address: IpAddr,
    /// Whether the connection uses TLS.
    pub is_secure: bool,
}

/// The system's resolver.
#[must_use]
pub fn system_resolver() -> Resolve {
    Arc::new(|host| {
        Box::pin(async move {
            let name = host.parse::<Name>().map_err(io::Error::other)?;
            Ok(GaiResolver::new().call(name).await?.collect())
        })
    })
}

/// Opens TCP connections to approved destinations.
#[derive(Clone)]
pub(crate) struct Connect {
    pub(crate) judge: Judge,
    pub(crate) resolve: Resolve,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

impl Service<Uri> for Connect {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Soon<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let is_secure = uri.scheme_str() == Some("https");
        let judged = Judged { connect: self.clone(), is_secure };
        Box::pin(async move {
            // The connector below does not resolve numeric addresses, so they are judged here.
            let host = uri.host().unwrap_or_default();
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            if let Ok(address) = host.parse() {
                judged.may_be(host, address)?;
            }
            let mut tcp = HttpConnector::new_with_resolver(judged);
            tcp.enforce_http(false);
            // Each request is one small write, which Nagle's algorithm would only delay.
            tcp.set_nodelay(true);
            tcp.call(uri).await.map_err(io::Error::other)
        })
    }
}

/// A resolver that leaves out the addresses that must not be connected to.
#[derive(Clone)]
struct Judged {
    connect: Connect,
    is_secure: bool,
}

impl Judged {
    fn may_be(&self, host: &str, address: IpAddr) -> io::Result<()> {
        let destination = Destination { host, address, is_secure: self.is_secure };
        (self.connect.judge)(&destination).map_err(|why| io::Error::other(format!("the target {why}")))
    }
}

impl Service<Name> for Judged {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Soon<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let judged = self.clone();
        Box::pin(async move {
            let mut refused = io::Error::other("the target's name has no address");
            let mut allowed = Vec::new();
            for address in (judged.connect.resolve)(name.as_str().to_owned()).await? {
                match judged.may_be(name.as_str(), address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(why) => refused = why,
                }
            }
            allowed.truncate(TRIED);
            if allowed.is_empty() { Err(refused) } else { Ok(allowed.into_iter()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, is_this_machine};

    async fn look_up(name: &str, judge: fn(IpAddr) -> bool) -> Option<Vec<SocketAddr>> {
        let judge: Judge =
            Arc::new(move |to| if judge(to.address) { Ok(()) } else { Err("is refused".into()) });
        let connect = Connect { judge, resolve: system_resolver() };
        let found = Judged { connect, is_secure: true }.call(name.parse().unwrap()).await;
        found.ok().map(Iterator::collect)
    }

    #[tokio::test]
    async fn g09_a_name_is_judged_by_its_addresses() {
        let is_public = |address| Place::of(address) == Place::Public;
        for name in ["localhost", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"] {
            let found = look_up(name, |_| true).await.unwrap();
            assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{name}");
            assert!(look_up(name, |address| !is_this_machine(address)).await.is_none(), "{name}");
            assert!(look_up(name, is_public).await.is_none(), "{name}");
        }
        assert!(
            look_up("0x0a000001", |address| !is_this_machine(address)).await.is_some(),
            "10.0.0.1 is elsewhere"
        );
        assert!(look_up("0x0a000001", is_public).await.is_none());
        assert!(look_up("0x01010101", is_public).await.is_some(), "1.1.1.1 is public");
    }

    #[tokio::test]
    async fn g09_an_address_in_numbers_is_judged_too() {
        let judge: Judge =
            Arc::new(|to| if to.is_secure { Ok(()) } else { Err(format!("is {}", to.address)) });
        let mut connect = Connect { judge, resolve: system_resolver() };
        for host in ["127.0.0.1", "[::1]"] {
            let refused = connect.call(format!("http://{host}:1/").parse().unwrap()).await.unwrap_err();
            assert!(refused.to_string().starts_with("the target is "), "{refused}");
            let failed = connect.call(format!("https://{host}:1/").parse().unwrap()).await.unwrap_err();
            assert!(!failed.to_string().contains("the target"), "{failed}");
        }
    }
}
