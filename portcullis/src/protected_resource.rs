//! Protected resource metadata, by which a client finds out where to get a token (RFC 9728).

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, response::IntoResponse, routing::get};
use http::{
    HeaderValue, Uri,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

/// Where the metadata is served, in front of the resource's own path (RFC 9728 §3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The longest identifier of a resource or of an authorization server, in bytes.
const LONGEST: usize = 2048;

/// Protected resource metadata (RFC 9728): tells clients where to get a token for this API.
/// [`Api::protected_resource`](crate::Api::protected_resource) publishes it; see [the MCP page](crate::learn::mcp)
/// for what a client does with it.
///
/// ```
/// use portcullis::api::ProtectedResource;
///
/// let resource = ProtectedResource::new("https://api.example/mcp")
///     .authorization_server("https://accounts.example")
///     .documentation("https://docs.example/mcp");
/// # let _ = resource;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ProtectedResource {
    resource: String,
    authorization_servers: Vec<String>,
    members: Map<String, Value>,
}

impl ProtectedResource {
    /// The resource's identifier: the URL that clients use for the API, byte for byte (RFC 9728 §1.2). It is `https`
    /// (`http` is allowed on `localhost`, 127.0.0.0/8 and `[::1]`), has no query and no fragment, and is at most 2
    /// 048 bytes long. Its path consists of letters, digits and `/ - . _ ~`.
    ///
    /// A client that follows RFC 8707 asks the authorization server for a token for this identifier, so most servers
    /// put it into `aud`. Pass the same text to [`audience`](crate::tokens::AccessTokensBuilder::audience).
    pub fn new(resource: &str) -> Self {
        Self { resource: resource.to_owned(), authorization_servers: Vec::new(), members: Map::new() }
    }

    /// Names an issuer whose tokens the API accepts, as in `AccessTokens::issued_by`. At least one is required; call
    /// it again for each additional one.
    pub fn authorization_server(mut self, issuer: &str) -> Self {
        self.authorization_servers.push(issuer.to_owned());
        self
    }

    /// The name that clients show to people. Defaults to the title of the [`Api`](crate::Api).
    pub fn name(self, name: &str) -> Self {
        self.with("resource_name", name)
    }

    /// The URL of a page for developers.
    pub fn documentation(self, url: &str) -> Self {
        self.with("resource_documentation", url)
    }

    /// The URL of a page that says how clients may use the data.
    pub fn policy(self, url: &str) -> Self {
        self.with("resource_policy_uri", url)
    }

    /// The URL of the terms of service.
    pub fn terms_of_service(self, url: &str) -> Self {
        self.with("resource_tos_uri", url)
    }

    fn with(mut self, member: &str, value: &str) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Why it cannot be published, one sentence each.
    pub(crate) fn defects(&self) -> Vec<String> {
        let name = &self.resource;
        let mut defects = Vec::new();
        if let Err(why) = path_of(name) {
            defects.push(format!("the protected resource `{}`: {why}", name.escape_debug()));
        }
        if self.authorization_servers.is_empty() {
            defects.push(format!(
                "the protected resource `{name}` names no issuer: call `.authorization_server(…)`"
            ));
        }
        for issuer in &self.authorization_servers {
            if let Err(why) = checked(issuer) {
                defects.push(format!("the authorization server `{}`: {why}", issuer.escape_debug()));
            }
        }
        defects
    }

    /// The path of the metadata on this host.
    pub(crate) fn place(&self) -> String {
        [WELL_KNOWN, path_of(&self.resource).unwrap_or_default()].concat()
    }

    /// What challenges say about it.
    pub(crate) fn pointer(&self) -> Pointer {
        let path = path_of(&self.resource).unwrap_or_default();
        let origin = self.resource.strip_suffix('/').unwrap_or(&self.resource);
        let origin = origin.strip_suffix(path.trim_end_matches('/')).unwrap_or(origin);
        Pointer(format!("{origin}{}", self.place()).into())
    }

    /// The metadata (RFC 9728 §2).
    fn metadata(&self, title: &str, scopes: &BTreeSet<String>) -> Value {
        let mut members = json!({
            "resource": self.resource,
            "authorization_servers": self.authorization_servers,
            "bearer_methods_supported": ["header"],
        });
        if let Some(all) = members.as_object_mut() {
            if !title.is_empty() {
                all.insert("resource_name".to_owned(), title.into());
            }
            if !scopes.is_empty() {
                all.insert("scopes_supported".to_owned(), json!(scopes));
            }
            all.extend(self.members.clone());
        }
        members
    }
}

/// The URL of the metadata, as challenges name it (RFC 9728 §5.1). Stored in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Pointer(Arc<str>);

impl Pointer {
    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

/// A resource of an API, and the scopes that its guards demand.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) resource: ProtectedResource,
    pub(crate) title: String,
    pub(crate) scopes: BTreeSet<String>,
}

/// The metadata routes.
///
/// A client that knows only the host asks at its root. If the API has a single resource, its metadata is served there
/// too. With several, none is: picking one would be a guess.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(all: &[Published]) -> Router<S> {
    let mut router = Router::new();
    for place in places(all.iter().map(|published| &published.resource)) {
        let found = all.iter().find(|one| one.resource.place() == place).or(all.first());
        let Some(Published { resource, title, scopes }) = found else { continue };
        let text: Arc<str> = resource.metadata(title, scopes).to_string().into();
        router = router.route(&place, get(async move || metadata_response(&text)));
    }
    router
}

/// The paths where metadata is served.
pub(crate) fn places<'r>(all: impl Iterator<Item = &'r ProtectedResource>) -> BTreeSet<String> {
    let mut places: BTreeSet<_> = all.map(ProtectedResource::place).collect();
    if places.len() == 1 {
        places.insert(WELL_KNOWN.to_owned());
    }
    places
}

/// The metadata is public and the same for everyone, so pages of any origin may read it, as MCP clients in a browser
/// do.
fn metadata_response(text: &str) -> impl IntoResponse + use<> {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, text.to_owned())
}

/// The path of a resource, which its metadata URL ends with. Empty if it is only `/` (RFC 9728 §3.1).
fn path_of(resource: &str) -> Result<&str, &'static str> {
    checked(resource)?;
    let after_scheme = resource.split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !path.bytes().all(is_plain) {
        return Err("its path must have letters, digits and `/ - . _ ~` only");
    }
    Ok(if path == "/" { "" } else { path })
}

/// Checks an identifier: `https`, without query and fragment (RFC 9728 §1.2, RFC 8414 §2).
fn checked(url: &str) -> Result<(), &'static str> {
    const NO_URL: &str = "not an absolute URL such as https://api.example/mcp";
    if url.len() > LONGEST {
        return Err("longer than 2048 bytes");
    }
    if url.contains(['#', '?', '"', '\\']) {
        return Err("it has a query, a fragment or a quotation mark");
    }
    let uri: Uri = url.parse().map_err(|_| NO_URL)?;
    let authority = uri.authority().ok_or(NO_URL)?.as_str();
    if authority.contains('@') {
        return Err("it has a user name");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_this_machine(uri.host().unwrap_or_default()) => Ok(()),
        _ => Err("must be https (http is for this machine alone: localhost, 127.0.0.1 or [::1])"),
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_between_the_host_and_the_path() {
        for (resource, place, pointer) in [
            ("https://a.example", "", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/mcp", "/mcp", "https://a.example/.well-known/oauth-protected-resource/mcp"),
            (
                "https://a.example:8443/v1/mcp/",
                "/v1/mcp/",
                "https://a.example:8443/.well-known/oauth-protected-resource/v1/mcp/",
            ),
            ("http://[::1]:3000/a", "/a", "http://[::1]:3000/.well-known/oauth-protected-resource/a"),
        ] {
            let known = ProtectedResource::new(resource).authorization_server("https://id.example");
            assert_eq!(known.defects(), Vec::<String>::new(), "{resource}");
            assert_eq!(known.place(), format!("{WELL_KNOWN}{place}"), "{resource}");
            assert_eq!(known.pointer().url(), pointer, "{resource}");
        }
    }

    #[test]
    fn an_identifier_that_no_client_could_use_is_a_defect() {
        let longest = format!("https://a.example/{}", "x".repeat(LONGEST - 18));
        assert!(path_of(&longest).is_ok() && path_of(&format!("{longest}x")).is_err());
        for resource in [
            "",
            "/mcp",
            "mcp",
            "ftp://a.example",
            "http://a.example/mcp",
            "http://127.0.0.1.example/",
            "https://u@a.example/",
            "https://a.example/mcp?x=1",
            "https://a.example/mcp#x",
            "https://a.example/{id}",
            "https://a.example/a%20b",
            "https://a.example/\"",
        ] {
            assert!(path_of(resource).is_err(), "{resource}");
        }
    }
}
