//! The URL under which people and programs reach the server.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use url::{Host, Url};

/// The public URL: scheme, host, optional port and path, no trailing slash. It is the issuer of tokens (RFC 8414 §2),
/// the start of every link in an email, and the origin that cookie-authenticated requests are checked against. So it is
/// set, never guessed from a request's `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    origin: String,
    is_https: bool,
}

impl PublicUrl {
    /// The whole URL, for example `https://login.example/auth`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port: what a browser sends as `Origin` (RFC 6454 §6.2).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The path before every route, for example `/auth`; empty at the root.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.strip_prefix(&self.origin).unwrap_or_default()
    }

    /// The host alone: a name, or an IP address (in brackets if it is IPv6).
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        }
    }

    /// Whether the host is an IP address, for which browsers do not create passkeys.
    #[must_use]
    pub fn is_ip_address(&self) -> bool {
        self.host().trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    }

    /// Plain `http` and the address that the server listens on, for a server that only this computer can reach.
    pub(super) fn of_listener(address: SocketAddr) -> Self {
        let text = match address.port() {
            80 => format!("http://{}", Authority(address.ip())),
            port => format!("http://{}:{port}", Authority(address.ip())),
        };
        Self { origin: text.clone(), text, is_https: false }
    }

    /// Whether the scheme is `https`, so that cookies are `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| PublicUrlError("is not an absolute URL"))?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http" => {
                return Err(PublicUrlError(
                    "is plain HTTP for a host other than this computer, so passwords and tokens would cross the \
                     network unencrypted. Use https, and put a proxy that terminates TLS in front of this server",
                ));
            }
            _ => return Err(PublicUrlError("has a scheme other than http and https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublicUrlError("has a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(PublicUrlError("has a `?` or `#`, which an issuer may not have (RFC 8414 §2)"));
        }
        if url.path().contains("//") {
            return Err(PublicUrlError("has an empty segment (`//`) in its path"));
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { text, origin: url.origin().ascii_serialization(), is_https })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Text that is not a public URL. It holds the reason, as a phrase that follows "the address", and never the text
/// itself, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it as in https://login.example or https://example.com/auth")]
pub struct PublicUrlError(&'static str);

/// An IP address in a URL, with brackets around IPv6 (RFC 3986 §3.2.2).
struct Authority(IpAddr);

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// `localhost` and names that end in `.localhost` never leave the computer (RFC 6761 §6.3).
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_addresses_are_normalised() {
        for (text, whole, origin, path) in [
            ("https://Login.Example", "https://login.example", "https://login.example", ""),
            ("https://login.example/", "https://login.example", "https://login.example", ""),
            (
                "https://login.example:443/auth/",
                "https://login.example/auth",
                "https://login.example",
                "/auth",
            ),
            (
                "https://bücher.example:8443",
                "https://xn--bcher-kva.example:8443",
                "https://xn--bcher-kva.example:8443",
                "",
            ),
            ("http://localhost:8000", "http://localhost:8000", "http://localhost:8000", ""),
            ("http://app.localhost/a/b", "http://app.localhost/a/b", "http://app.localhost", "/a/b"),
            ("http://127.0.0.9:1", "http://127.0.0.9:1", "http://127.0.0.9:1", ""),
            ("http://[::1]:8000", "http://[::1]:8000", "http://[::1]:8000", ""),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.as_str(), url.origin(), url.path()), (whole, origin, path), "{text}");
            assert_eq!(url.is_https(), text.starts_with("https"));
        }
    }

    #[test]
    fn refused_addresses_are_not_repeated() {
        for text in [
            "login.example",
            "//login.example",
            "ftp://login.example",
            "https://",
            "https://ana:hunter2@login.example",
            "https://ana@login.example",
            "https://login.example?",
            "https://login.example/#top",
            "https://login.example//auth",
            "http://login.example",
            "http://localhost.example",
            "http://192.168.0.7:8000",
            "http://0.0.0.0:8000",
        ] {
            let message = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
