//! Which network addresses are public, and which belong to this machine or to the network it stands in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a connection to `address` ends on this very machine, by whatever spelling: the unspecified address leads here
/// too, and an IPv6 address may have an IPv4 address inside.
pub(super) fn is_this_machine(address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V6(address) => inner_v4(address).map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    // All of 0.0.0.0/8 is "this network" (RFC 1122 §3.2.1.3).
    inner.is_loopback()
        || inner.is_unspecified()
        || matches!(inner, IpAddr::V4(inner) if inner.octets()[0] == 0)
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291 §2.5.5), or by NAT64 (RFC 6052 §2.1).
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address.to_ipv4_mapped(),
    }
}

/// Whether `address` is one of the public internet: by IANA's special-purpose registries (RFC 6890), globally reachable.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

#[expect(clippy::unnested_or_patterns, reason = "a range a line is easier to check against the registry")]
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        // This network, private use, loopback, link-local with the cloud's metadata service;
        [0 | 10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..]
        // behind a provider's NAT (RFC 6598), protocol assignments, 6to4 relays, benchmarks;
        | [100, 64..=127, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..]
        // documentation, multicast, reserved, broadcast.
        | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = inner_v4(address) {
        return is_public_v4(inner);
    }
    match address.segments() {
        // Protocol assignments with Teredo, documentation, 6to4: each hides another address or none.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that IANA has given out for global unicast is here (RFC 4291 §2.4).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j02_this_machine_by_any_spelling() {
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "64:ff9b::127.0.0.1",
        ] {
            assert!(is_this_machine(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.1", "1.1.1.1", "192.168.1.1", "::ffff:10.0.0.1", "fd00::1", "2606:4700::1111"]
        {
            assert!(!is_this_machine(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn g09_public_is_what_the_registries_call_so() {
        let public =
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        let others = [
            "0.0.0.0",
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "3fff::1",
            "100::1",
        ];
        for address in others {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
