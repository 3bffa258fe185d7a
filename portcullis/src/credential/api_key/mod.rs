//! A key in a header, in the query or in a cookie.

pub(crate) mod in_query;
#[cfg(feature = "api-keys")]
mod minted;

use std::{borrow::Cow, fmt, marker::PhantomData};

use http::{HeaderMap, request::Parts};

#[cfg(feature = "api-keys")]
pub use self::minted::{ApiKeySecret, MintError, StoredApiKey};
use super::{
    Challenge, Credential, Place, Presented, SecurityScheme,
    compare::is_same,
    cookie::{is_of_one_host, only_cookie, refuse_cross_site},
    is_token, sealed,
};
use crate::describe::In;

/// The longest key, in bytes.
const MOST: usize = 512;

/// Where a request carries an API key, and under which name.
///
/// ```
/// use portcullis::{credential::ApiKeyPlace, describe::In};
///
/// struct ShopKey;
/// impl ApiKeyPlace for ShopKey {
///     const IN: In = In::Header;
///     const NAME: &'static str = "X-API-Key";
/// }
/// ```
///
/// | place | name | risk |
/// |---|---|---|
/// | [`In::Header`] | case-insensitive; not `Authorization`, which belongs to [`Bearer`](crate::Bearer) | |
/// | [`In::Query`] | case-sensitive, compared after percent-decoding | the key ends up in proxy logs, in the browser's history and in the `Referer` of the next page: only for callers that have no alternative, with keys that allow little |
/// | [`In::Cookie`] | begins with `__Host-`, case-sensitive | browsers add it on their own: other sites are rejected as with [`SessionCookie`](crate::SessionCookie), over https only |
///
/// A key in the query is not input: [`Query`](crate::Query) leaves it out, and [`Api::finish`](crate::Api::finish)
/// rejects a handler that has a parameter of the same name.
///
/// Another place, a name that is not a token (RFC 9110 §5.6.2), and a cookie name that others could plant do not
/// compile.
pub trait ApiKeyPlace: Send + Sync + 'static {
    /// [`In::Header`], [`In::Query`] or [`In::Cookie`].
    const IN: In;
    /// The name of the header, query parameter or cookie.
    const NAME: &'static str;
    /// Accepts a cookie whose name does not begin with `__Host-`, for existing clients. A sibling host, or somebody on
    /// the network, can then plant a cookie of theirs, and the visitor acts in their name.
    const DANGEROUS_PLANTABLE_COOKIE: bool = false;
}

/// An API key, not verified yet.
///
/// It is 1 to 512 bytes of visible ASCII, exactly once in the place that `P` names (two are rejected: 400). An
/// `Authorization` header is ignored. Only a key in a *cookie* does not count next to one: 401, also for a
/// [`Maybe`](crate::Maybe).
///
/// A 401 must carry a challenge (RFC 9110 §15.5.2), and no standard defines one for keys. As in `FastAPI`, it is
/// `WWW-Authenticate: APIKey`, with [`Verify::REALM`](crate::Verify::REALM) if there is one.
///
/// Compare a single key from the configuration with [`key_is`](Self::key_is). Generate, store and compare the keys of
/// customers with `ApiKeySecret` (feature `api-keys`).
///
/// See [its page](crate::learn::schemes::api_keys) for a complete verifier, the entry in the document, and the use in
/// `/docs`.
///
/// ```
/// use portcullis::{ApiKey, Granted, Verdict, Verify, VerifyFailed, credential::ApiKeyPlace, describe::In};
///
/// struct ShopKey;
/// impl ApiKeyPlace for ShopKey {
///     const IN: In = In::Header;
///     const NAME: &'static str = "X-API-Key";
/// }
///
/// #[derive(Clone)]
/// struct Till { key: String }
///
/// impl Verify for Till {
///     type Credential = ApiKey<ShopKey>;
///     type Principal = ();
///     const SCHEME: &'static str = "till";
///
///     async fn verify(&self, key: &ApiKey<ShopKey>) -> Result<Verdict<()>, VerifyFailed> {
///         let good = key.key_is(&self.key);
///         Ok(if good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
///     }
/// }
/// ```
///
/// ```compile_fail
/// // A key cannot be in the path.
/// use portcullis::{ApiKey, credential::{ApiKeyPlace, Credential}, describe::In};
///
/// struct PathKey;
/// impl ApiKeyPlace for PathKey {
///     const IN: In = In::Path;
///     const NAME: &'static str = "key";
/// }
/// let _ = ApiKey::<PathKey>::scheme();
/// ```
///
/// ```compile_fail
/// // `Authorization` has its own parsers.
/// use portcullis::{ApiKey, credential::{ApiKeyPlace, Credential}, describe::In};
///
/// struct Other;
/// impl ApiKeyPlace for Other {
///     const IN: In = In::Header;
///     const NAME: &'static str = "authorization";
/// }
/// let _ = ApiKey::<Other>::scheme();
/// ```
///
/// ```compile_fail
/// // A sibling host could plant a cookie of this name.
/// use portcullis::{ApiKey, credential::{ApiKeyPlace, Credential}, describe::In};
///
/// struct PlainCookie;
/// impl ApiKeyPlace for PlainCookie {
///     const IN: In = In::Cookie;
///     const NAME: &'static str = "key";
/// }
/// let _ = ApiKey::<PlainCookie>::scheme();
/// ```
pub struct ApiKey<P: ApiKeyPlace> {
    key: String,
    place: PhantomData<fn() -> P>,
}

impl<P: ApiKeyPlace> ApiKey<P> {
    /// The key as it was sent.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the key is `expected`, compared in constant time: the duration does not depend on how much of it is
    /// right. The length of `expected` may leak. An `expected` of more than 512 bytes never matches.
    #[must_use]
    pub fn key_is(&self, expected: &str) -> bool {
        is_same::<MOST>(&self.key, expected)
    }

    const CHECKED: () = {
        assert!(!matches!(P::IN, In::Path), "an API key is in a header, in the query or in a cookie");
        assert!(is_token(P::NAME), "the name of an API key's place is a token (RFC 9110 §5.6.2)");
        assert!(
            !matches!(P::IN, In::Cookie) || is_of_one_host(P::NAME) || P::DANGEROUS_PLANTABLE_COOKIE,
            "the name of a cookie with a key begins with `__Host-`"
        );
        let is_authorization = P::NAME.eq_ignore_ascii_case("authorization");
        assert!(
            !is_authorization,
            "`Authorization` carries `Bearer` and `Basic`; an API key has its own header"
        );
    };
}

impl<P: ApiKeyPlace> fmt::Debug for ApiKey<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl<P: ApiKeyPlace> Credential for ApiKey<P> {
    fn scheme() -> SecurityScheme {
        let () = Self::CHECKED;
        SecurityScheme::api_key(P::IN, P::NAME)
    }
}

impl<P: ApiKeyPlace> sealed::Read for ApiKey<P> {
    const CHALLENGE: Challenge = Challenge::scheme("APIKey");
    const PLACE: Place = match P::IN {
        In::Cookie => Place::Cookie(P::NAME),
        In::Query => Place::Query(P::NAME),
        In::Header | In::Path => Place::Header(P::NAME),
    };

    fn read(parts: &Parts) -> Presented<Self> {
        let () = Self::CHECKED;
        let key = match P::IN {
            In::Header => in_header(&parts.headers, P::NAME),
            In::Query => in_query::read(parts.uri.query().unwrap_or_default(), P::NAME),
            In::Cookie => {
                let key = only_cookie(&parts.headers, P::NAME).and_then(|key| Some(Cow::Borrowed(key)));
                return refuse_cross_site(key, parts, "https").and_then(Self::new);
            }
            In::Path => Presented::Absent,
        };
        // An `Authorization` next to it is for another guard, or for a proxy in front.
        key.and_then(Self::new)
    }
}

impl<P: ApiKeyPlace> ApiKey<P> {
    fn new(key: Cow<'_, [u8]>) -> Option<Self> {
        let is_good = (1..=MOST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        let key = is_good.then(|| String::from_utf8(key.into_owned()).ok())??;
        Some(Self { key, place: PhantomData })
    }
}

pub(super) fn in_header<'r>(headers: &'r HeaderMap, name: &str) -> Presented<Cow<'r, [u8]>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Presented::Absent,
        (Some(value), None) => Presented::Present(value.as_bytes().into()),
        (Some(_), Some(_)) => Presented::Ambiguous,
    }
}
