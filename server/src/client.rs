//! The sender of a request, as far as the network shows: the address that limits count by, and what the audit trail
//! records.
//!
//! `X-Forwarded-For` is trusted only from the proxies that the operator named, and read from the right: each proxy
//! appends the address it saw, so entries further left may be forged by the client. `Forwarded` (RFC 7239), `X-Real-IP`
//! and the like are never read.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::{COOKIE, InvalidHeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::{Builder, fmt::Hyphenated};

use crate::{accounts::AccountId, random, secret::sha256};

/// How many characters of `User-Agent` are kept.
const USER_AGENT_LENGTH: usize = 256;

/// The sender of a request, or the actor on the command line. Only the parts of a request are serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    address: Option<IpAddr>,
    user_agent: Option<String>,
    request_id: Option<RequestId>,
    #[serde(skip)]
    actor: Option<&'static str>,
    #[serde(skip)]
    acting: Option<AccountId>,
    #[serde(skip)]
    device: Option<[u8; 32]>,
}

impl Client {
    /// An actor without a request, such as `"operator"` for the command line.
    #[must_use]
    pub const fn local(actor: &'static str) -> Self {
        Self {
            address: None,
            user_agent: None,
            request_id: None,
            actor: Some(actor),
            acting: None,
            device: None,
        }
    }

    /// The IP address, with IPv4-mapped addresses as IPv4. `None` on the command line, and if the application that
    /// mounts this server does not provide the addresses of its peers
    /// (`into_make_service_with_connect_info::<SocketAddr>()`).
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The key by which limits count clients: the family and a whole IPv4 address, or the /64 network of an IPv6
    /// address, since every subscriber has 2⁶⁴ of those. All clients without an address share one key.
    #[must_use]
    pub fn network(&self) -> [u8; 9] {
        network(self.address)
    }

    /// The `User-Agent` of the client: at most 256 characters, without control characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The request's ID, as in the log and in the response's `x-request-id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().map(RequestId::as_str)
    }

    /// The actor without a request; `None` for a request.
    #[must_use]
    pub fn actor(&self) -> Option<&'static str> {
        self.actor
    }

    /// The same client, acting on another user's account as this administrator.
    #[must_use]
    pub(crate) fn acting_as(self, account: AccountId) -> Self {
        Self { acting: Some(account), ..self }
    }

    /// The account that acts on another one.
    pub(crate) fn acting_account(&self) -> Option<AccountId> {
        self.acting
    }

    /// The digest of the cookie by which a browser is remembered.
    pub(crate) fn device(&self) -> Option<&[u8; 32]> {
        self.device.as_ref()
    }
}

/// What the value of a device's cookie begins with, so that one in a log is recognised.
pub(crate) const DEVICE_PREFIX: &str = "pcrd_";

/// The name of the cookie by which a browser is remembered. Where the public address is plain http, which is this
/// computer alone, Safari keeps no `Secure` cookie, and without it no name may begin with `__Host-`.
pub(crate) const fn device_cookie(is_https: bool) -> &'static str {
    if is_https { "__Host-portcullis-device" } else { "portcullis-device" }
}

/// The digest of the device's cookie. A planted one gains nothing, under either name: it counts for the account that it
/// was made for alone.
fn device(headers: &HeaderMap) -> Option<[u8; 32]> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(name, _)| [device_cookie(true), device_cookie(false)].contains(name))
        .map(|(_, value)| value);
    let value = values.next().filter(|value| value.starts_with(DEVICE_PREFIX) && value.len() <= 64)?;
    // Two of them could be told apart in more than one way.
    values.next().is_none().then(|| sha256(value))
}

/// A group of addresses that limits count as one client: see [`Client::network`].
pub(crate) type Network = [u8; 9];

pub(crate) fn network(address: Option<IpAddr>) -> Network {
    let mut network = [0; 9];
    let (family, prefix) = network.split_at_mut(1);
    match address {
        None => {}
        Some(IpAddr::V4(address)) => {
            family.fill(4);
            prefix.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
        }
        Some(IpAddr::V6(address)) => {
            family.fill(6);
            prefix.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
        }
    }
    network
}

/// Never fails. [`crate::middleware::wrap`], which knows the trusted proxies, finds the address; without it, the peer's
/// own address is used.
impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = match parts.extensions.get::<Found>() {
            Some(found) => found.0,
            None => address(&parts.extensions, &parts.headers, &[]),
        };
        let request_id = parts.extensions.get().cloned();
        let (user_agent, device) = (user_agent(&parts.headers), device(&parts.headers));
        Ok(Self { address, user_agent, request_id, actor: None, acting: None, device })
    }
}

/// The sender is not part of the documented interface.
impl portcullis::describe::Describe for Client {
    fn describe(_: &mut portcullis::describe::Operation<'_>) {}
}

/// The address that [`address`] found for a request, carried in its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found(pub(crate) Option<IpAddr>);

tokio::task_local! {
    static SENDER: Option<IpAddr>;
}

/// Handles a request from this address, so that [`sender`] returns it.
pub(crate) fn answering<F: Future>(address: Option<IpAddr>, answer: F) -> impl Future<Output = F::Output> {
    SENDER.scope(address, answer)
}

/// The address of the request that is being handled, for code that never sees the request: a verifier receives only a
/// credential.
pub(crate) fn sender() -> Option<IpAddr> {
    SENDER.try_with(|address| *address).unwrap_or_default()
}

/// The ID of one request: 122 random bits as a UUID (RFC 9562 §5.4). The server always chooses it, because an ID from
/// the client could be another request's. Handlers find it in the request's extensions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn random() -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        let text = Builder::from_random_bytes(random::bytes()).as_uuid().hyphenated().encode_lower(&mut text);
        // Hexadecimal digits and hyphens are always valid in a header.
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unnamed")))
    }

    /// 36 characters: lower-case hexadecimal digits and hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.as_str().to_owned()
    }
}

impl TryFrom<String> for RequestId {
    type Error = InvalidHeaderValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        HeaderValue::from_str(&text).map(Self)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address of a request's sender, as [`portcullis::client_address`] finds it.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
        warn_once();
        return None;
    };
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    Some(portcullis::client_address(peer.ip(), headers, is_trusted))
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    let kept: String = text.chars().filter(|char| !char.is_control()).take(USER_AGENT_LENGTH).collect();
    (!kept.is_empty()).then_some(kept)
}

fn warn_once() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "requests carry no peer address, so limits count all clients as one: serve the router with \
                `into_make_service_with_connect_info::<SocketAddr>()`"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(peer: &str, lines: &[&[u8]]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        for other in ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip"] {
            headers.insert(other, HeaderValue::from_static("6.6.6.6"));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        address(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn b08_from_a_trusted_proxy_the_right_most_untrusted_hop_counts() {
        // The library has the other cases of this table.
        assert_eq!(found("192.0.2.1", &[b"6.6.6.6"]), "192.0.2.1");
        assert_eq!(found("::ffff:10.0.0.1", &[b"6.6.6.6, 192.0.2.1, 2001:db8::5, 10.0.0.3"]), "192.0.2.1");
    }

    #[test]
    fn a_request_without_a_peer_has_no_address() {
        assert_eq!(address(&Extensions::new(), &HeaderMap::new(), &["0.0.0.0/0".parse().unwrap()]), None);
    }

    #[test]
    fn one_subscriber_is_one_network() {
        let network =
            |text: &str| Client { address: Some(text.parse().unwrap()), ..Client::local("x") }.network();
        assert_eq!(network("2a00:1:2:3::1"), network("2a00:1:2:3:ffff::"));
        assert_ne!(network("2a00:1:2:3::1"), network("2a00:1:2:4::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_ne!(network("0.0.0.0"), network("::"));
        assert_ne!(network("0.0.0.0"), Client::local("x").network());
    }

    #[test]
    fn p10_the_user_agent_is_bounded_and_plain() {
        let named = |bytes: &[u8]| {
            let headers = [(USER_AGENT, HeaderValue::from_bytes(bytes).unwrap())].into_iter().collect();
            user_agent(&headers)
        };
        assert_eq!(named("ä\tb\u{9b}c".as_bytes()).as_deref(), Some("äbc"));
        assert_eq!(named(&[b'x'; 300]).unwrap().len(), 256);
        assert_eq!(named(b""), None);
    }

    proptest! {
        #[test]
        fn d07_no_header_moves_an_untrusted_peer_or_panics(
            peer in any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
            lines in prop::collection::vec(
                prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789.:,[]afAF "[..])], 0..40),
                0..4,
            ),
        ) {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::new(peer, 1)));
            let mut headers = HeaderMap::new();
            for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
                headers.append("x-forwarded-for", line);
            }
            prop_assert_eq!(address(&extensions, &headers, &["fd00::/8".parse().unwrap()]), Some(peer));
            prop_assert!(address(&extensions, &headers, &["0.0.0.0/0".parse().unwrap()]).is_some());
            let _ = user_agent(&headers);
        }
    }
}
