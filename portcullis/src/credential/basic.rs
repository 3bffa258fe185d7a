//! A name and a password in the `Authorization` header (RFC 7617).

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::request::Parts;

use super::{
    Challenge, Credential, Place, Presented, SecurityScheme, authorization, compare::is_same, sealed,
};

/// The longest `user-id:password`, in bytes.
const MOST: usize = 1024;

/// The same, as base64.
const MOST_ENCODED: usize = MOST.div_ceil(3) * 4;

/// A name and a password, not verified yet (RFC 7617).
///
/// They are UTF-8 without control characters, in canonical base64, at most 1 KiB. The name ends at the first colon;
/// either half may be empty. Nothing is normalized: both are compared as they were sent.
///
/// The challenge is `Basic realm="…", charset="UTF-8"`. The realm is [`Verify::REALM`](crate::Verify::REALM) or,
/// because RFC 7617 requires one, the scheme's name. Browsers respond to it with a login window of their own.
///
/// See [its page](crate::learn::schemes::basic) for a complete verifier, the entry in the document, and the use in
/// `/docs`.
///
/// The password comes with *every* request, so use https only, and consider what checking it costs: verify people's
/// passwords against a slow hash (Argon2id), on few threads and with a limit on attempts. For one password from the
/// configuration, [`password_is`](Self::password_is) is enough:
///
/// ```
/// use portcullis::{Basic, Granted, Verdict, Verify, VerifyFailed};
///
/// #[derive(Clone)]
/// struct Scraper { password: String }
///
/// impl Verify for Scraper {
///     type Credential = Basic;
///     type Principal = ();
///     const SCHEME: &'static str = "metrics";
///     const REALM: Option<&'static str> = Some("Metrics of the shop");
///
///     async fn verify(&self, basic: &Basic) -> Result<Verdict<()>, VerifyFailed> {
/// // `&` and not `&&`: the duration must not tell which of them was wrong.
///         let good = basic.user_id_is("prometheus") & basic.password_is(&self.password);
///         Ok(if good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
///     }
/// }
/// ```
///
/// ```compile_fail
/// // A credential is not an extractor: no handler receives an unverified password.
/// fn handler<S: Sync>() where portcullis::Basic: axum::extract::FromRequestParts<S> {}
/// let _ = handler::<()>;
/// ```
pub struct Basic {
    user_id: String,
    password: String,
}

impl Basic {
    /// The name as it was sent. It has no colon and no control character.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The password as it was sent. It has no control character.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Whether the name is `expected`, compared in constant time like [`password_is`](Self::password_is).
    #[must_use]
    pub fn user_id_is(&self, expected: &str) -> bool {
        is_same::<MOST>(&self.user_id, expected)
    }

    /// Whether the password is `expected`, compared in constant time: the duration does not depend on how much of it is
    /// right. (`==` stops at the first difference, and a patient caller can measure where that is.) The length of
    /// `expected` may leak. An `expected` of more than 1 KiB never matches.
    #[must_use]
    pub fn password_is(&self, expected: &str) -> bool {
        is_same::<MOST>(&self.password, expected)
    }

    /// Each text has exactly one encoding: padding is required and the unused bits are zero. Otherwise a caller could
    /// respell a header that is logged, limited or cached by its text.
    fn decode(encoded: &str) -> Option<Self> {
        if encoded.len() > MOST_ENCODED {
            return None;
        }
        let bytes = BASE64_STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() <= MOST)?;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))?;
        let (user_id, password) = text.split_once(':')?;
        Some(Self { user_id: user_id.to_owned(), password: password.to_owned() })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Basic(…)")
    }
}

impl Credential for Basic {
    fn scheme() -> SecurityScheme {
        SecurityScheme::basic()
    }
}

impl sealed::Read for Basic {
    const CHALLENGE: Challenge = Challenge::scheme("Basic").with_realm_and("charset=\"UTF-8\"");
    const PLACE: Place = Place::Authorization("Basic");

    fn read(parts: &Parts) -> Presented<Self> {
        authorization(&parts.headers, "Basic").and_then(Self::decode)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(encoded: &str) -> Option<(String, String)> {
        Basic::decode(encoded).map(|basic| (basic.user_id, basic.password))
    }

    #[test]
    fn t10_what_rfc_7617_shows() {
        let pair = |user_id: &str, password: &str| Some((user_id.to_owned(), password.to_owned()));
        assert_eq!(decoded("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame")); // §2
        assert_eq!(decoded("dGVzdDoxMjPCow=="), pair("test", "123£")); // §2.1
    }

    #[test]
    fn t10_one_form_and_nothing_else() {
        let cases: &[(&[u8], bool)] = &[
            (b"u:p", true),
            (b"u:", true),
            (b":p", true),
            (b":", true),
            (b"u:p:q", true),
            (b"u p: q ", true),
            ("ü:påß".as_bytes(), true),
            (b"", false),
            (b"u", false),
            (b"u:p\0", false),
            (b"u\n:p", false),
            (b"u:p\x7f", false),
            ("u:p\u{85}".as_bytes(), false),
            (b"u:\xa3", false),     // Latin-1
            (b"u:\xc0\xaf", false), // an overlong `/`
            (b"u:\xed\xa0\x80", false),
        ];
        for (text, is_good) in cases {
            assert_eq!(decoded(&BASE64_STANDARD.encode(text)).is_some(), *is_good, "{text:?}");
        }
        assert!(decoded("dTpwcQ==").is_some());
        for other in
            ["dTpwcQ", "dTpwcQ=", "dTpwcQ===", "dTpwcR==", "dTpw cQ==", "dTp_cQ==", "dTp-", "dTpw\t", "="]
        {
            assert_eq!(decoded(other), None, "{other:?}");
        }
    }

    #[test]
    fn t11_nothing_longer_than_the_bound_is_decoded() {
        let of = |length: usize| BASE64_STANDARD.encode(format!("u:{}", "x".repeat(length - 2)));
        assert!(decoded(&of(MOST)).is_some());
        for length in [MOST + 1, MOST + 2, MOST + 3, 6 * 1024] {
            assert_eq!(decoded(&of(length)), None, "{length}");
        }
    }

    #[test]
    fn a_credential_does_not_print_itself() {
        let basic = Basic { user_id: "ana".to_owned(), password: "secret".to_owned() };
        assert_eq!(format!("{basic:?}"), "Basic(…)");
    }

    proptest! {
        #[test]
        fn t10_what_is_accepted_has_exactly_this_text(
            pair in "[a-z]{0,3}:[a-zé£]{0,8}",
            at in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9+/=]?| ",
        ) {
            let mut encoded = BASE64_STANDARD.encode(pair);
            let at = at.index(encoded.len());
            encoded.replace_range(at..=at, &other);
            if let Some((user_id, password)) = decoded(&encoded) {
                prop_assert_eq!(BASE64_STANDARD.encode(format!("{user_id}:{password}")), encoded);
            }
        }

        #[test]
        fn d07_no_text_upsets_the_parser(encoded in "\\PC{0,40}|[A-Za-z0-9+/=]{0,40}") {
            let _ = decoded(&encoded);
        }

        #[test]
        fn t10_each_pair_comes_back(user_id in "[^:\\pC]{0,60}", password in "[^\\pC]{0,60}") {
            let encoded = BASE64_STANDARD.encode(format!("{user_id}:{password}"));
            prop_assert_eq!(decoded(&encoded), Some((user_id, password)));
        }
    }
}
