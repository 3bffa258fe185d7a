//! The challenge for a missing or invalid credential (RFC 9110 §11.6.1).

use crate::verify::Verify;

use super::sealed::Read;

/// One challenge of `WWW-Authenticate`. Its text is the program's own: nothing from a request reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    scheme: &'static str,
    realm: Option<&'static str>,
    /// Whether the scheme's standard requires a realm.
    needs_realm: bool,
    /// What follows the realm.
    parameters: &'static str,
    /// Whether the scheme has RFC 6750's `error`. Other schemes cannot say what is wrong.
    tells_errors: bool,
}

impl Challenge {
    pub(super) const fn scheme(scheme: &'static str) -> Self {
        Self { scheme, realm: None, needs_realm: false, parameters: "", tells_errors: false }
    }

    pub(super) const fn telling_errors(self) -> Self {
        Self { tells_errors: true, ..self }
    }

    pub(super) const fn with_realm_and(self, parameters: &'static str) -> Self {
        Self { needs_realm: true, parameters, ..self }
    }

    /// The challenge of a verifier's credential, with its realm. A realm that does not fit between quotes does not
    /// compile.
    pub(crate) fn of<V: Verify>() -> Self {
        const {
            let challenge = <V::Credential as Read>::CHALLENGE;
            let realm = match V::REALM {
                None if challenge.needs_realm => Some(V::SCHEME),
                realm => realm,
            };
            challenge.with_realm(realm)
        }
    }

    /// The same with a realm, if there is one. Panics if it does not fit between quotes; in a constant, that fails the
    /// build.
    pub(crate) const fn with_realm(self, realm: Option<&'static str>) -> Self {
        if let Some(realm) = realm {
            assert!(is_quotable(realm), "a realm is printable ASCII without `\"` and `\\`");
        }
        Self { realm, ..self }
    }

    /// The challenge as text. `errors` are RFC 6750's parameters, left out if the scheme has none.
    pub(crate) fn text(&self, errors: Option<&str>) -> String {
        let realm = self.realm.map(|realm| format!("realm=\"{realm}\""));
        let parameters = [
            realm.as_deref(),
            Some(self.parameters).filter(|parameters| !parameters.is_empty()),
            errors.filter(|_| self.tells_errors),
        ];
        let parameters: Vec<_> = parameters.into_iter().flatten().collect();
        [self.scheme, &parameters.join(", ")].join(" ").trim_end().to_owned()
    }
}

/// Whether `text` fits into a `quoted-string` without escapes (RFC 9110 §5.6.4).
const fn is_quotable(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        if !matches!(*byte, b' '..=b'~') || matches!(*byte, b'"' | b'\\') {
            return false;
        }
        bytes = rest;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t09_the_words_of_a_challenge() {
        let bearer = Challenge::scheme("Bearer").telling_errors();
        let error = Some("error=\"invalid_token\"");
        assert_eq!(bearer.text(None), "Bearer");
        assert_eq!(bearer.text(error), "Bearer error=\"invalid_token\"");
        let shop = Challenge { realm: Some("shop"), ..bearer };
        assert_eq!(shop.text(None), "Bearer realm=\"shop\"");
        assert_eq!(shop.text(error), "Bearer realm=\"shop\", error=\"invalid_token\"");
        let basic = Challenge {
            realm: Some("shop"),
            ..Challenge::scheme("Basic").with_realm_and("charset=\"UTF-8\"")
        };
        assert_eq!(basic.text(error), "Basic realm=\"shop\", charset=\"UTF-8\"");
    }

    #[test]
    fn t09_a_realm_fits_between_quotes() {
        assert!(is_quotable("The shop's back-office, 2nd floor"));
        for realm in ["a\"b", "a\\b", "a\nb", "a\rb", "a\tb", "a\u{7f}", "é"] {
            assert!(!is_quotable(realm), "{realm:?}");
        }
    }
}
