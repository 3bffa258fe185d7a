//! Reads one cookie from the `Cookie` header (RFC 6265 §4.2), and checks which site may have sent it.

use http::{HeaderMap, header::AUTHORIZATION, header::COOKIE, request::Parts};

use super::{Presented, same_origin::is_cross_site};

/// The value of the only cookie called `name`. Two of one name are two credentials. A page of a sibling host can choose
/// which one the browser puts first, so neither is accepted.
///
/// An `Authorization` header of any scheme is the credential that the caller chose to send. The cookie, which a browser
/// adds on its own, never replaces it.
pub(super) fn only_cookie<'r>(headers: &'r HeaderMap, name: &str) -> Presented<&'r [u8]> {
    if headers.contains_key(AUTHORIZATION) {
        return Presented::OtherScheme;
    }
    // HTTP/2 may split the pairs into several fields (RFC 9113 §8.2.3).
    let pairs = headers.get_all(COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| value_of(pair, name.as_bytes()));
    match (values.next(), values.next()) {
        (None, _) => Presented::Absent,
        (Some(value), None) => Presented::Present(value),
        (Some(_), Some(_)) => Presented::Ambiguous,
    }
}

/// Whether browsers accept a cookie of this name only from its own host, over https (RFC 6265bis §4.1.3.2).
pub(super) const fn is_of_one_host(name: &str) -> bool {
    matches!(name.as_bytes(), [b'_', b'_', b'H', b'o', b's', b't', b'-', _, ..])
}

/// Accepts a cookie only in a request that no page of another site can have made. `scheme` is that of the application's
/// own pages.
pub(super) fn refuse_cross_site<C>(cookie: Presented<C>, parts: &Parts, scheme: &str) -> Presented<C> {
    match cookie {
        Presented::Absent | Presented::OtherScheme => cookie,
        _ if is_cross_site(parts, scheme) => Presented::CrossSite,
        _ => cookie,
    }
}

/// The value of `pair` if it is called `name`. Quotes are part of the value and do not protect a `;`: if parsers
/// disagree about that, one cookie can be smuggled out inside another.
fn value_of<'r>(pair: &'r [u8], name: &[u8]) -> Option<&'r [u8]> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let (key, value) = (halves.next()?, halves.next()?);
    (key.trim_ascii() == name).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[&[u8]]) -> Presented<Vec<u8>> {
        let mut request = http::Request::builder();
        for field in fields {
            request = request.header(COOKIE, *field);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        only_cookie(&parts.headers, "sid").and_then(|value| Some(value.to_vec()))
    }

    /// The header's fields, and the value that is found.
    type Case<'a> = (&'a [&'a [u8]], Option<&'a [u8]>);

    #[test]
    fn c01_exactly_one_cookie_of_the_name() {
        let cases: &[Case<'_>] = &[
            (&[], None),
            (&[b""], None),
            (&[b";;; =; a=b"], None),
            (&[b"sid"], None),
            (&[b"SID=1; xsid=1; sid.=1; sidx=1"], None),
            (&[b"a=sid=1"], None),
            (&[b"sid=1"], Some(b"1")),
            (&[b"sid="], Some(b"")),
            (&[b"a=b;sid=1"], Some(b"1")),
            (&[b"  a=b ;  sid = 1 ; c"], Some(b"1")),
            (&[b"sid=1=2="], Some(b"1=2=")),
            (&[b"a=\"x; sid=1; y\""], Some(b"1")),
            (&[b"sid=\"1\""], Some(b"\"1\"")),
            (&[b"a=\xff; sid=1"], Some(b"1")),
            (&[b"a=b", b"sid=1", b"c=d"], Some(b"1")),
        ];
        for (fields, expected) in cases {
            let expected = expected.map_or(Presented::Absent, |value| Presented::Present(value.to_vec()));
            assert_eq!(read(fields), expected, "{fields:?}");
        }
        for fields in [&[&b"sid=1; sid=1"[..]][..], &[b"sid=1", b"sid=2"], &[b"sid=; sid=1; sid=2"]] {
            assert_eq!(read(fields), Presented::Ambiguous, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn c01_one_among_others_is_found_whatever_they_are(
            before in "([a-z]{1,4}=[!-~&&[^;]]{0,8}; ){0,4}",
            value in "[!-~&&[^;]]{0,20}",
            after in "(; [a-z]{1,4}=[!-~&&[^;]]{0,8}){0,4}",
        ) {
            let field = format!("{before}sid={value}{after}");
            let others = format!("; {before}{after}").matches("; sid=").count();
            let expected =
                if others == 0 { Presented::Present(value.into_bytes()) } else { Presented::Ambiguous };
            prop_assert_eq!(read(&[field.as_bytes()]), expected);
        }

        #[test]
        fn d07_no_bytes_upset_the_parser(field in proptest::collection::vec(b'\x20'..=b'\xff', 0..80)) {
            let field: Vec<_> = field.into_iter().filter(|byte| *byte != 0x7f).collect();
            let _ = read(&[&field]);
        }
    }
}
