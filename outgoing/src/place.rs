//! Classifies addresses by IANA's special-purpose registries (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the public internet: globally reachable.
    Public,
    /// On this computer (loopback), or in a private network.
    Private,
    /// Not a valid destination for requests: link-local (with a cloud's metadata service), multicast, reserved, or an
    /// address that hides another one.
    Nowhere,
}

impl Place {
    /// The place of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

#[expect(clippy::match_same_arms, reason = "a few ranges a line are easier to check against the registry")]
fn of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        // Loopback, private use (RFC 1918), shared address space of a provider's NAT (RFC 6598).
        [127 | 10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Private,
        // This network, link-local, protocol assignments, documentation, 6to4 relays;
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] => Place::Nowhere,
        // benchmarks, documentation, multicast, reserved, broadcast.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Place::Nowhere,
        _ => Place::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Place {
    // This computer connects to the IPv4 address inside.
    if let Some(inner) = address.to_ipv4_mapped() {
        return of_v4(inner);
    }
    // Leads to the address inside. A translator must not lead to a private one (RFC 6052 §3.1).
    if let Some(inner) = behind_nat64(address) {
        return if of_v4(inner) == Place::Public { Place::Public } else { Place::Nowhere };
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => Place::Private,
        // Protocol assignments with Teredo, documentation, 6to4: each hides another address or is unused.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Place::Nowhere,
        // Everything that IANA has assigned for global unicast is in here (RFC 4291 §2.4).
        [first, ..] if first & 0xe000 == 0x2000 => Place::Public,
        _ => Place::Nowhere,
    }
}

/// Whether a connection to `address` ends on this machine, however it is written. The unspecified address leads here
/// too, and an IPv6 address may contain an IPv4 address.
#[must_use]
pub fn is_this_machine(address: IpAddr) -> bool {
    let inner = match address {
        IpAddr::V6(address) => {
            let inner = address.to_ipv4_mapped().or_else(|| behind_nat64(address));
            inner.map_or(IpAddr::V6(address), IpAddr::V4)
        }
        address @ IpAddr::V4(_) => address,
    };
    // All of 0.0.0.0/8 is "this network" (RFC 1122 §3.2.1.3).
    inner.is_loopback()
        || inner.is_unspecified()
        || matches!(inner, IpAddr::V4(inner) if matches!(inner.octets(), [0, ..]))
}

/// The IPv4 address inside an IPv6 address of NAT64 (RFC 6052 §2.1).
fn behind_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "1.1.1.1 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 192.167.255.255 \
        2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::1.1.1.1";
    const PRIVATE: &str = "127.0.0.1 127.255.255.255 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 \
        100.64.0.1 100.127.255.255 ::1 fc00::1 fd00:ec2::254 fdff:ffff::1 ::ffff:127.0.0.1 ::ffff:192.168.0.1";
    const NOWHERE: &str = "0.0.0.0 0.1.2.3 169.254.169.254 169.254.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 192.0.0.8 \
        192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 \
        :: ::127.0.0.1 ::10.0.0.1 fe80::1 febf::1 fec0::1 fe00::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: \
        2002:a00:1:: 2002:101:101:: 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::10.0.0.1 64:ff9b:1::1 \
        3fff::1 100::1 4000::1";

    #[test]
    fn g09_where_an_address_lies() {
        for (place, addresses) in
            [(Place::Public, PUBLIC), (Place::Private, PRIVATE), (Place::Nowhere, NOWHERE)]
        {
            for address in addresses.split_whitespace() {
                assert_eq!(Place::of(address.parse().unwrap()), place, "{address}");
            }
        }
    }

    #[test]
    fn j02_this_machine_by_any_spelling() {
        let here =
            "127.0.0.1 127.1.2.3 0.0.0.0 0.1.2.3 :: ::1 ::ffff:127.0.0.1 ::ffff:0.0.0.0 64:ff9b::127.0.0.1";
        for address in here.split_whitespace() {
            assert!(is_this_machine(address.parse().unwrap()), "{address}");
        }
        let elsewhere = "10.0.0.1 1.1.1.1 192.168.1.1 ::ffff:10.0.0.1 fd00::1 2606:4700::1111";
        for address in elsewhere.split_whitespace() {
            assert!(!is_this_machine(address.parse().unwrap()), "{address}");
        }
    }
}
