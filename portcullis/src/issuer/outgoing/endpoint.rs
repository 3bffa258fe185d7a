//! The address of an issuer: `https`, or `http` to this machine.

use std::{fmt, net::IpAddr};

use http::Uri;

use super::{IssuerError, Reach};

/// An absolute URL that requests may be sent to.
#[derive(Clone, PartialEq)]
pub(in super::super) struct Endpoint {
    uri: Uri,
    text: String,
    /// Whether the application did not choose it.
    is_led_to: bool,
}

impl Endpoint {
    /// # Errors
    /// It is not an absolute URL, or not an allowed one: neither `https` nor this machine, with a user name, or with a
    /// fragment.
    pub(in super::super) fn parse(text: &str) -> Result<Self, IssuerError> {
        let unfit = |why: &str| IssuerError::new(format!("`{}`: {why}", text.escape_debug()));
        if text.len() > 2048 {
            return Err(IssuerError::new("a URL can have at most 2048 bytes"));
        }
        let uri: Uri =
            text.parse().map_err(|_| unfit("not an absolute URL such as https://accounts.example"))?;
        let Some(authority) = uri.authority() else {
            return Err(unfit("not an absolute URL such as https://accounts.example"));
        };
        if authority.as_str().contains('@') || text.contains('#') {
            return Err(unfit("an issuer's URL must not have a user name or a fragment"));
        }
        let endpoint = Self { text: text.to_owned(), uri, is_led_to: false };
        match endpoint.uri.scheme_str() {
            Some("https") => Ok(endpoint),
            Some("http") if endpoint.is_loopback() => Ok(endpoint),
            _ => Err(unfit("must be https (http is for this machine alone: localhost, 127.0.0.1 or [::1])")),
        }
    }

    /// Whether it is on this machine, by its name.
    pub(in super::super) fn is_loopback(&self) -> bool {
        self.ip().map_or_else(|| is_localhost(self.host()), |ip| ip.is_loopback())
    }

    pub(in super::super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The same, named by an issuer. If the issuer is remote, it must not be on this machine, unless it has the
    /// issuer's own host and port.
    pub(in super::super) fn named_by(self, issuer: &Self) -> Self {
        let is_led_to = !issuer.is_loopback() && self.uri.authority() != issuer.uri.authority();
        Self { is_led_to, ..self }
    }

    pub(super) fn is_led_to(&self) -> bool {
        self.is_led_to
    }

    /// Rejects a numeric address that is out of reach. Names are checked when they are resolved.
    pub(in super::super) fn check(&self, reach: Reach) -> Result<(), IssuerError> {
        match self.ip() {
            Some(ip) if !reach.has(ip) => Err(IssuerError::new(format!("{self}: {ip} {reach}"))),
            _ => Ok(()),
        }
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    fn ip(&self) -> Option<IpAddr> {
        let host = self.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse().ok()
    }
}

/// The name that means this machine (RFC 6761 §6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g09_https_or_this_machine() {
        let good = [
            "https://accounts.example",
            "https://accounts.example/tenant/",
            "https://10.0.0.1:8443/x",
            "http://localhost:8080",
            "http://127.0.0.1/",
            "http://127.1.2.3",
            "http://[::1]:9",
        ];
        for text in good {
            assert!(Endpoint::parse(text).is_ok(), "{text}");
        }
        let bad = [
            "",
            "accounts.example",
            "/keys",
            "http://accounts.example",
            "http://localhost.example",
            "http://localhost@evil.example",
            "https://user@accounts.example",
            "https://accounts.example/#x",
            "http://10.0.0.1",
            "http://169.254.169.254/latest",
            "http://0x7f.1",
            "http://[::ffff:127.0.0.1]/",
            "file:///etc/passwd",
            "gopher://127.0.0.1",
            "ftp://127.0.0.1/",
            "https:///x",
            "https://a b",
            "https://",
        ];
        for text in bad {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        let of_length = |length: usize| format!("{:/<length$}", "https://accounts.example");
        assert!(Endpoint::parse(&of_length(2048)).is_ok());
        let why = Endpoint::parse(&of_length(2049)).err().unwrap().to_string();
        assert!(why.contains("2048 bytes"), "{why}");
    }

    #[test]
    fn j02_an_issuer_elsewhere_does_not_name_this_machine() {
        let issuer = |issuer: &str| Endpoint::parse(issuer).unwrap();
        let named = |name: &str, by: &str| issuer(name).named_by(&issuer(by));
        let elsewhere = "https://accounts.example:8443";
        for name in
            ["https://0.0.0.0:1", "https://[::]:1", "https://[::ffff:127.0.0.1]:1", "https://127.0.0.1"]
        {
            let named = named(name, elsewhere);
            assert!(named.is_led_to() && named.check(Reach::NotThisMachine).is_err(), "{name}");
        }
        assert!(named("https://keys.example", elsewhere).is_led_to());
        assert!(!named("https://accounts.example:8443/keys", elsewhere).is_led_to());
        assert!(named("https://accounts.example:8444/keys", elsewhere).is_led_to());
        assert!(!named("http://127.0.0.1:2/keys", "http://localhost:1").is_led_to());
        assert!(issuer("https://10.0.0.1").check(Reach::NotThisMachine).is_ok());
    }

    #[test]
    fn g09_an_address_in_numbers_is_public_or_not() {
        let is_public = |url: &str| Endpoint::parse(url).unwrap().check(Reach::Public).is_ok();
        for url in ["https://8.8.8.8/keys", "https://[2606:4700::1111]", "https://accounts.example"] {
            assert!(is_public(url), "{url}");
        }
        for url in ["https://10.0.0.1", "https://[fd00::1]:8443/keys", "http://127.0.0.1"] {
            assert!(!is_public(url), "{url}");
        }
    }
}
