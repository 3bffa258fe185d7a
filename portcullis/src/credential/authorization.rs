//! `Authorization` with a scheme other than `Bearer` and `Basic`.

use std::{fmt, marker::PhantomData};

use http::request::Parts;

use super::{
    Challenge, Credential, Place, Presented, SecurityScheme, authorization, compare::is_same, is_token,
    sealed,
};

/// The longest text that [`Authorization::is`] compares, in bytes.
const MOST_COMPARED: usize = 512;

/// The name of a scheme of `Authorization` (RFC 9110 §11.4) that is neither `Bearer` nor `Basic`.
///
/// ```
/// use portcullis::credential::AuthorizationScheme;
///
/// /// `Authorization: Token …`, as in Django REST framework.
/// struct TokenScheme;
/// impl AuthorizationScheme for TokenScheme {
///     const NAME: &'static str = "Token";
/// }
/// ```
///
/// `Bearer` and `Basic`, which have a parser of their own, and a name that is not a token (RFC 9110 §5.6.2) do not compile.
pub trait AuthorizationScheme: Send + Sync + 'static {
    /// The name. Its case does not matter.
    const NAME: &'static str;
}

/// What follows the scheme `S` in the `Authorization` header, not verified yet.
///
/// It is 1 to 8 192 bytes of visible ASCII with single spaces between words, exactly as it was sent. Parsing the parts
/// of `Token token="…", id="…"` is up to you. A second `Authorization` header is rejected (400), and so is another
/// scheme (401). The challenge is the scheme's name.
///
/// Prefer [`Bearer`](crate::Bearer) for new APIs: every client knows it. This type is for clients that you already
/// have.
///
/// ```
/// use portcullis::{Granted, Verdict, Verify, VerifyFailed, credential::{Authorization, AuthorizationScheme}};
///
/// struct TokenScheme;
/// impl AuthorizationScheme for TokenScheme {
///     const NAME: &'static str = "Token";
/// }
///
/// #[derive(Clone)]
/// struct Robot { token: String }
///
/// impl Verify for Robot {
///     type Credential = Authorization<TokenScheme>;
///     type Principal = ();
///     const SCHEME: &'static str = "robot";
///
///     async fn verify(&self, sent: &Authorization<TokenScheme>) -> Result<Verdict<()>, VerifyFailed> {
///         let good = sent.is(&self.token);
///         Ok(if good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
///     }
/// }
/// ```
///
/// ```compile_fail
/// // Bearer tokens have their own parser.
/// use portcullis::credential::{Authorization, AuthorizationScheme, Credential};
///
/// struct Other;
/// impl AuthorizationScheme for Other {
///     const NAME: &'static str = "bearer";
/// }
/// let _ = Authorization::<Other>::scheme();
/// ```
pub struct Authorization<S: AuthorizationScheme> {
    text: String,
    scheme: PhantomData<fn() -> S>,
}

impl<S: AuthorizationScheme> Authorization<S> {
    /// What was sent after the scheme's name.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is `expected`, compared in constant time. A text of more than 512 bytes never matches.
    #[must_use]
    pub fn is(&self, expected: &str) -> bool {
        self.text.len() <= MOST_COMPARED && is_same::<MOST_COMPARED>(&self.text, expected)
    }

    const NAME: &'static str = {
        assert!(is_token(S::NAME), "the name of a scheme is a token (RFC 9110 §11.1)");
        let has_a_parser = S::NAME.eq_ignore_ascii_case("bearer") || S::NAME.eq_ignore_ascii_case("basic");
        assert!(!has_a_parser, "`Bearer` and `Basic` are credentials of their own");
        S::NAME
    };
}

impl<S: AuthorizationScheme> fmt::Debug for Authorization<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}

impl<S: AuthorizationScheme> Credential for Authorization<S> {
    fn scheme() -> SecurityScheme {
        SecurityScheme::http(Self::NAME)
    }
}

impl<S: AuthorizationScheme> sealed::Read for Authorization<S> {
    const CHALLENGE: Challenge = Challenge::scheme(Self::NAME);
    const PLACE: Place = Place::Authorization(Self::NAME);

    fn read(parts: &Parts) -> Presented<Self> {
        authorization(&parts.headers, Self::NAME)
            .and_then(|text| is_words(text).then(|| Self { text: text.to_owned(), scheme: PhantomData }))
    }
}

/// Visible ASCII, with single spaces between words.
fn is_words(text: &str) -> bool {
    text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()))
}
