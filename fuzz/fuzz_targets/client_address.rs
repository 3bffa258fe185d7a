//! The fields of `X-Forwarded-For`, one per line.
#![no_main]

use std::{cell::RefCell, net::IpAddr};

use libfuzzer_sys::fuzz_target;
use portcullis::client_address;

fn is_proxy(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
}

fuzz_target!(|data: &[u8]| {
    let Some(headers) = portcullis_fuzz::fields("x-forwarded-for", data) else { return };
    let stranger = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(client_address(stranger, &headers, is_proxy), stranger);

    let asked = RefCell::new(Vec::new());
    let found = client_address(IpAddr::from([10, 0, 0, 1]), &headers, |hop| {
        asked.borrow_mut().push(hop);
        is_proxy(hop)
    });
    // All addresses between the peer and the client are proxies.
    let asked = asked.into_inner();
    assert_eq!(asked.last(), Some(&found));
    assert!(asked.iter().rev().skip(1).all(|hop| is_proxy(*hop)));
});
