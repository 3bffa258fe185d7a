//! The address of the client that sent a request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

/// The address of a request's client, for limits and logs. This is the connection's `peer` or, if that is a proxy of
/// yours, the right-most address in `X-Forwarded-For` that is not. An IPv4-mapped address is returned as IPv4.
///
/// `is_trusted` says which addresses are your proxies; with `|_| false` the header is never read. Each proxy appends
/// the address that it saw, so the client can forge everything to the left of the first untrusted address. If all are
/// trusted, the left-most is returned; if a hop is not an address, the last valid one to its right. `Forwarded` (RFC
/// 7239), `X-Real-IP` and the like are not read: clients control any header that your proxy does not write.
///
/// ```
/// use std::net::{IpAddr, SocketAddr};
/// use axum::extract::ConnectInfo;
/// use http::HeaderMap;
/// use portcullis::{Json, Public, client_address};
///
/// async fn log_in(_: Public, ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Json<String> {
///     let proxy = IpAddr::from([10, 0, 0, 1]);
///     let client = client_address(peer.ip(), &headers, |hop| hop == proxy);
///     Json(client.to_string()) // the key for a limit on attempts; for IPv6, use its /64
/// }
/// # let _ = log_in;
/// ```
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = peer.to_canonical();
    if !is_trusted(address) {
        return address;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(hop) = parse_hop(hop) else { break };
        address = hop;
        if !is_trusted(address) {
            break;
        }
    }
    address
}

/// An address, or one with a port as some proxies write it: `192.0.2.1:443`, `[2001:db8::1]:443`.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn is_proxy(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[..2] == [0x2001, 0xdb8],
        }
    }

    fn found(peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        for other in ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"] {
            headers.insert(other, HeaderValue::from_static("6.6.6.6"));
        }
        client_address(peer.parse().unwrap(), &headers, is_proxy).to_string()
    }

    #[test]
    fn b08_an_untrusted_peer_is_its_own_address() {
        assert_eq!(found("192.0.2.1", &[b"6.6.6.6"]), "192.0.2.1");
        assert_eq!(found("::ffff:192.0.2.1", &[b"6.6.6.6", b"10.0.0.1"]), "192.0.2.1");
    }

    #[test]
    fn b08_from_a_trusted_proxy_the_right_most_untrusted_hop_counts() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&[&b"6.6.6.6, 192.0.2.1"[..]], "192.0.2.1"),
            (&[b"6.6.6.6, 192.0.2.1, 10.0.0.2,10.0.0.3 "], "192.0.2.1"),
            (&[b"6.6.6.6", b"192.0.2.1", b"10.0.0.2"], "192.0.2.1"),
            (&[b"192.0.2.1", b"6.6.6.6, nonsense"], "10.0.0.1"),
            (&[b"6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2"),
            (&[b"192.0.2.1, "], "10.0.0.1"),
            (&[b"192.0.2.1,\xff"], "10.0.0.1"),
            (&[b"10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            (&[b"192.0.2.1:4711"], "192.0.2.1"),
            (&[b"[2a00::1]:4711"], "2a00::1"),
            (&[b"[2a00::1]"], "2a00::1"),
            (&[b"::ffff:192.0.2.1, 2001:db8::5, ::ffff:10.0.0.4"], "192.0.2.1"),
        ] {
            assert_eq!(found("::ffff:10.0.0.1", lines), expected, "{lines:?}");
        }
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
            let mut headers = HeaderMap::new();
            for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
                headers.append("x-forwarded-for", line);
            }
            prop_assert_eq!(client_address(peer, &headers, |_| false), peer);
            let _ = client_address(peer, &headers, |_| true);
        }
    }
}
