//! The origin of an application, which a browser sends in the header `Origin`.

use std::fmt;
use std::str::FromStr;

use url::{Origin as ParsedOrigin, Url};

use super::public_url::is_loopback;

/// Scheme, host and port, as a browser sends them (RFC 6454 §6.2): `https://app.example`, without a path or a trailing
/// slash. Plain `http` is accepted for this computer only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin as in the header `Origin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.contains('*') {
            return Err(OriginError("contains a wildcard; list each origin by its full name"));
        }
        let url = Url::parse(text).map_err(|_| OriginError("is not an origin"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(OriginError("is plain HTTP, so anyone on the network could impersonate it"));
            }
            _ => return Err(OriginError("has a scheme other than http and https")),
        }
        match url.origin() {
            origin @ ParsedOrigin::Tuple(..) if origin.ascii_serialization() == text => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(OriginError("is not spelled as a browser sends it")),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not an origin. It holds the reason, as a phrase that follows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}. Write scheme and host in lower case, the port unless it is the scheme's default, and no path or slash, as \
     in https://app.example or http://localhost:5173"
)]
pub struct OriginError(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c03_an_origin_is_what_a_browser_sends_and_nothing_else() {
        for text in [
            "https://app.example",
            "https://app.example:8443",
            "https://xn--bcher-kva.example",
            "http://localhost:5173",
            "http://app.localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "*",
            "null",
            "https://*",
            "https://*.example",
            "https://app.example/",
            "https://app.example/app",
            "https://app.example:443",
            "https://App.example",
            "HTTPS://app.example",
            "https://bücher.example",
            "https://ada@app.example",
            "https://app.example?",
            "https://app.example#",
            " https://app.example",
            "app.example",
            "http://app.example",
            "http://10.0.0.1:3000",
            "ftp://app.example",
            "file:///app",
            "capacitor://localhost",
        ] {
            text.parse::<Origin>().unwrap_err();
        }
    }
}
