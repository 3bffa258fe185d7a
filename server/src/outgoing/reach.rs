//! How far a request may go: by the address that is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const NOT_SECURE: &str =
    "is not https; http is for this computer and private networks, where the settings allow them";
const NOT_PUBLIC: &str = "leads to this computer or a private network; `webhook_private_targets=on` allows that for webhooks, and \
     `private_network=on` for a login provider";
const NOWHERE: &str =
    "leads to an address that is never called: link-local (with a cloud's metadata), multicast or reserved";

/// How far requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the public internet, with TLS.
    Public,
    /// Also to this computer and private networks, where plain HTTP will do.
    Private,
}

/// Where an address lies, by IANA's special-purpose registries (RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Public,
    /// This computer, or a network that is somebody's own.
    Private,
    /// No host of its own that could be meant, or one that must not be asked.
    Nowhere,
}

impl Reach {
    /// As far as a setting says.
    pub(crate) fn private_if(is_private: bool) -> Self {
        if is_private { Self::Private } else { Self::Public }
    }

    /// Whether a connection may be made to `address`.
    ///
    /// # Errors
    /// A sentence that goes on after "the target" or "the URL".
    pub(super) fn check(self, address: IpAddr, is_secure: bool) -> Result<(), &'static str> {
        match (place_of(address), self) {
            (Place::Nowhere, _) => Err(NOWHERE),
            (Place::Private, Self::Public) => Err(NOT_PUBLIC),
            (Place::Public, _) if !is_secure => Err(NOT_SECURE),
            _ => Ok(()),
        }
    }
}

fn place_of(address: IpAddr) -> Place {
    match address {
        IpAddr::V4(address) => place_of_v4(address),
        IpAddr::V6(address) => place_of_v6(address),
    }
}

#[expect(clippy::match_same_arms, reason = "a few ranges a line are easier to check against the registry")]
fn place_of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        // Loopback, private use (RFC 1918), behind a provider's NAT (RFC 6598).
        [127 | 10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Private,
        // This network, link-local, protocol assignments, documentation, 6to4 relays;
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] => Place::Nowhere,
        // benchmarks, documentation, multicast, reserved, broadcast.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Place::Nowhere,
        _ => Place::Public,
    }
}

fn place_of_v6(address: Ipv6Addr) -> Place {
    // On this computer's own stack it is the IPv4 address that is connected to.
    if let Some(inner) = address.to_ipv4_mapped() {
        return place_of_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => Place::Private,
        // NAT64 (RFC 6052 §2.1): it leads to the address inside. To a private one no translator may lead (§3.1).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            match place_of_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))) {
                Place::Public => Place::Public,
                _ => Place::Nowhere,
            }
        }
        // Protocol assignments with Teredo, documentation, 6to4: each hides another address or none.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Place::Nowhere,
        // All that IANA has given out for global unicast is here (RFC 4291 §2.4).
        [first, ..] if first & 0xe000 == 0x2000 => Place::Public,
        _ => Place::Nowhere,
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
                assert_eq!(place_of(address.parse().unwrap()), place, "{address}");
            }
        }
    }

    #[test]
    fn g09_plain_http_stays_at_home() {
        let [public, home, metadata] =
            ["1.1.1.1", "10.0.0.1", "169.254.169.254"].map(|ip| ip.parse::<IpAddr>().unwrap());
        for (reach, address, is_secure, allowed) in [
            (Reach::Public, public, true, true),
            (Reach::Public, public, false, false),
            (Reach::Public, home, true, false),
            (Reach::Public, home, false, false),
            (Reach::Private, public, true, true),
            (Reach::Private, public, false, false),
            (Reach::Private, home, true, true),
            (Reach::Private, home, false, true),
            (Reach::Private, metadata, true, false),
            (Reach::Private, metadata, false, false),
        ] {
            assert_eq!(reach.check(address, is_secure).is_ok(), allowed, "{reach:?} {address} {is_secure}");
        }
    }
}
