//! The address that the server listens on.

use std::{
    fmt,
    net::{Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _},
    path::PathBuf,
    str::FromStr,
};

/// The address that the server listens on: an IP address and port, or a Unix socket.
///
/// Parsed from `IP:PORT`, `NAME:PORT` (the name's first address, IPv4 before IPv6), `:PORT` (every interface, IPv6 and
/// IPv4) or `unix:/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl Listen {
    /// Whether it is a TCP port that only this computer can reach.
    pub(super) fn is_loopback(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.ip().is_loopback())
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                path if path.starts_with('/') => Ok(Self::Unix(path.into())),
                _ => Err(ListenError(format!("`{text}` does not name an absolute path"))),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        let malformed = || ListenError(format!("`{text}` is not an address and port"));
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;
        if host.is_empty() {
            return Ok(Self::Tcp(every_interface(port)));
        }
        if host.contains(':') {
            return Err(ListenError(format!("`{text}` needs brackets around the IPv6 address")));
        }
        let found = (host, port).to_socket_addrs();
        let found = found.map_err(|cause| ListenError(format!("`{host}` has no address: {cause}")))?;
        let first = found.min_by_key(SocketAddr::is_ipv6);
        first.map(Self::Tcp).ok_or_else(|| ListenError(format!("`{host}` has no address")))
    }
}

/// `[::]`, which accepts IPv4 too, or `0.0.0.0` on a system without IPv6.
fn every_interface(port: u16) -> SocketAddr {
    let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => both,
        Err(_) => SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port),
    }
}

impl<'de> serde::Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Text that is not a [`Listen`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write for example `127.0.0.1:8000`, `localhost:8000`, `:8000` (every interface) or \
        `unix:/run/portcullis.sock`"
)]
pub struct ListenError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_understood() {
        let listen = |text: &str| text.parse::<Listen>().unwrap();
        assert_eq!(listen("[::1]:80"), Listen::Tcp("[::1]:80".parse().unwrap()));
        assert_eq!(listen("localhost:80"), Listen::Tcp("127.0.0.1:80".parse().unwrap()));
        assert_eq!(listen("unix:/run/p.sock"), Listen::Unix("/run/p.sock".into()));
        assert_eq!(listen("unix:///run/p.sock"), Listen::Unix("/run/p.sock".into()));
        assert!(matches!(listen(":80"), Listen::Tcp(all) if all.ip().is_unspecified() && all.port() == 80));
        for text in ["8000", "", ":", "::1:80", "unix:p.sock", "127.0.0.1:99999", "no name.invalid:80"] {
            let problem = text.parse::<Listen>().unwrap_err().to_string();
            assert!(problem.contains("unix:/run/portcullis.sock"), "{problem}");
        }
    }
}
