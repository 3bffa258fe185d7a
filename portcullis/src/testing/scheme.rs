//! A security scheme of the document: where its credential is sent, and which challenge its absence causes.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{challenge::Challenge, sample::encoded};

/// The header in which a browser says which site's page made the request (W3C Fetch Metadata §2.1).
pub(super) const SITE: &str = "sec-fetch-site";

/// One entry of `securitySchemes` (OpenAPI 3.1 §4.8.27).
#[derive(Debug)]
pub(super) struct Scheme {
    pub(super) name: String,
    pub(super) place: Place,
}

/// Where a credential is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// After this word in `Authorization`.
    Authorization(String),
    /// In a header of its own.
    Header(String),
    /// In the query.
    Query(String),
    /// In a cookie.
    Cookie(String),
}

impl Scheme {
    /// `None` for a kind that our requests cannot use (`mutualTLS`).
    pub(super) fn read(name: &str, entry: &Value) -> Option<Self> {
        let text = |member: &str| entry.get(member).and_then(Value::as_str);
        let key = |place: fn(String) -> Place| text("name").map(|name| place(name.to_owned()));
        let place = match text("type")? {
            "http" if text("scheme")?.eq_ignore_ascii_case("basic") => {
                Place::Authorization("Basic".to_owned())
            }
            "http" if !text("scheme")?.eq_ignore_ascii_case("bearer") => {
                Place::Authorization(text("scheme")?.to_owned())
            }
            "http" | "oauth2" | "openIdConnect" => Place::Authorization("Bearer".to_owned()),
            "apiKey" => match text("in")? {
                "header" => key(Place::Header)?,
                "query" => key(Place::Query)?,
                "cookie" => key(Place::Cookie)?,
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { name: name.to_owned(), place })
    }

    pub(super) fn is_bearer(&self) -> bool {
        self.place == Place::Authorization("Bearer".to_owned())
    }

    pub(super) fn is_basic(&self) -> bool {
        self.place == Place::Authorization("Basic".to_owned())
    }

    pub(super) fn is_cookie(&self) -> bool {
        matches!(self.place, Place::Cookie(_))
    }

    /// Whether it is sent in `Authorization`.
    pub(super) fn is_authorization(&self) -> bool {
        matches!(self.place, Place::Authorization(_))
    }

    /// Whether `challenge` asks for it. No standard defines challenges for keys and cookies; these are ours.
    pub(super) fn is_asked_by(&self, challenge: &Challenge) -> bool {
        match &self.place {
            Place::Authorization(scheme) => challenge.is(scheme),
            Place::Header(_) | Place::Query(_) => challenge.is("APIKey"),
            Place::Cookie(_) => challenge.is("Cookie") || challenge.is("APIKey"),
        }
    }

    /// What asks for it, in words for people.
    pub(super) fn asked(&self) -> &str {
        match &self.place {
            Place::Authorization(scheme) => scheme,
            Place::Header(_) | Place::Query(_) => "APIKey",
            Place::Cookie(_) => "Cookie",
        }
    }
}

/// The credentials of one request.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) headers: Vec<(String, String)>,
    /// Name and value, percent-encoded.
    pub(super) query: Vec<(String, String)>,
}

impl Sent {
    /// Adds a header with this value.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a query parameter.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((encoded(name), encoded(value)));
        self
    }

    /// Adds a credential in its place: `user:password` for Basic, otherwise unchanged. A cookie is sent as by a browser
    /// on the application's own page.
    pub(super) fn credential(self, scheme: &Scheme, credential: &str) -> Self {
        match &scheme.place {
            Place::Authorization(word) if scheme.is_basic() => {
                self.header("authorization", &format!("{word} {}", BASE64_STANDARD.encode(credential)))
            }
            Place::Authorization(word) => self.header("authorization", &format!("{word} {credential}")),
            Place::Header(name) => self.header(name, credential),
            Place::Query(name) => self.query(name, credential),
            Place::Cookie(name) => {
                let is_new = self.headers.iter().all(|(known, _)| known != SITE);
                let sent = self.header("cookie", &format!("{name}={credential}"));
                if is_new { sent.header(SITE, "same-origin") } else { sent }
            }
        }
    }
}
