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
/// | place | name | danger |
/// |---|---|---|
/// | [`In::Header`] | compared without regard to case; not `Authorization`, that is [`Bearer`](crate::Bearer)'s | |
/// | [`In::Query`] | compared exactly, after percent-decoding | the key is in logs of every proxy, in the browser's history and in the `Referer` of the next page: only for callers that can do nothing else, with keys that allow little |
/// | [`In::Cookie`] | begins with `__Host-`, compared exactly | browsers add it on their own: other sites are kept out as with [`SessionCookie`](crate::SessionCookie), over https only |
///
/// A key in the query is no input: [`Query`](crate::Query) leaves it out, and a handler that has a parameter of its name
/// keeps the API from being built.
///
/// Another place, or a name that is no token (RFC 9110 §5.6.2) or that others could plant a cookie under, keeps the
/// program from being built.
pub trait ApiKeyPlace: Send + Sync + 'static {
    /// [`In::Header`], [`In::Query`] or [`In::Cookie`].
    const IN: In;
    /// The name of the header, of the query's parameter or of the cookie.
    const NAME: &'static str;
    /// Takes a cookie whose name does not begin with `__Host-`, as clients that are there already may send it. A
    /// neighbouring host, or somebody on the network, can then plant a cookie of theirs, and the visitor acts in their name.
    const DANGEROUS_PLANTABLE_COOKIE: bool = false;
}

/// An API key that nobody has verified yet.
///
/// There is exactly one in the place that `P` names (two are refused: 400), and it is 1 to 512 bytes of visible
/// ASCII. An `Authorization` header beside a key, or without one, is none of its business; but a key in a *cookie* does
/// not count beside one: 401, also for a [`Maybe`](crate::Maybe).
///
/// A refusal must carry a challenge (RFC 9110 §15.5.2), and no standard names one for keys. It is
/// `WWW-Authenticate: APIKey`, as `FastAPI` says, with [`Verify::REALM`](crate::Verify::REALM) if there is one.
///
/// One key that the program is configured with is compared by [`key_is`](Self::key_is). Keys that are handed out
/// to customers are made, stored and compared by `ApiKeySecret` (feature `api-keys`).
///
/// [Its page](crate::learn::schemes::api_keys): a whole verifier, the entry in the document, what `/docs` does.
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
/// // The path is no place for a key.
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
/// // There is one parser of `Authorization`.
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
/// // A neighbouring host could plant a cookie of this name.
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

    /// Whether the key is `expected`, found out in constant time: however much of it is right, the answer takes as long.
    /// How long `expected` is, is not promised to stay hidden. An `expected` of more than 512 bytes is never met.
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
        // An `Authorization` beside it is none of its business: another guard's, or that of a proxy in front.
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
