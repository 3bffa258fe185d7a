//! A bearer token in a place other than `Authorization`.

use std::{any::TypeId, fmt, marker::PhantomData};

use axum::extract::FromRef;
use http::request::Parts;

use super::{
    Bearer, Challenge, Place, Presented, SecurityScheme,
    api_key::in_header,
    cookie::{is_of_one_host, only_cookie, refuse_cross_site},
    is_token,
};
use crate::{
    denied::Denied,
    describe::{In, Operation},
    guard::{
        Asked, Authenticate, AuthenticateIn,
        authenticate::{sealed, verified},
    },
    scope::Granted,
    tokens::AccessTokens,
    verify::Verify,
};

/// Where requests carry a token that does not come in `Authorization`: a gateway's header, or a cookie.
///
/// ```
/// use portcullis::{credential::TokenPlace, describe::In};
///
/// /// What Cloudflare Access adds to each request that it lets through.
/// struct CloudflareAccess;
/// impl TokenPlace for CloudflareAccess {
///     const IN: In = In::Header;
///     const NAME: &'static str = "Cf-Access-Jwt-Assertion";
///     const SCHEME: &'static str = "cloudflare_access";
/// }
/// ```
///
/// Google's Identity-Aware Proxy uses `x-goog-iap-jwt-assertion`, oauth2-proxy `X-Forwarded-Access-Token`.
///
/// A place other than [`In::Header`] and [`In::Cookie`], the header `Authorization`, and a name that is not a token
/// (RFC 9110 §5.6.2) do not compile. A token in the query is not supported: URLs end up in logs (RFC 9700 §4.3.2).
pub trait TokenPlace: Send + Sync + 'static {
    /// [`In::Header`] or [`In::Cookie`].
    const IN: In;
    /// The name of the header, compared without regard to case, or of the cookie, which begins with `__Host-`.
    const NAME: &'static str;
    /// The scheme's name in the document's `securitySchemes`, different from the verifier's.
    const SCHEME: &'static str;
    /// One sentence for the document: who adds the token.
    const DESCRIPTION: &'static str = "A bearer token";
    /// Accepts a cookie whose name does not begin with `__Host-`, for existing software that sets it. A sibling host,
    /// or somebody on the network, can then plant a cookie of theirs, and the visitor acts in their name.
    const DANGEROUS_PLANTABLE_COOKIE: bool = false;
}

/// The verifier `V` for a token in the place `P`: `Guard<TokenIn<P>>`, `Guard<TokenIn<P, Introspection>>`.
///
/// `V` is any verifier of [`Bearer`] tokens, taken from the state. The same checks are made and the same tokens are
/// remembered; only the document shows another place.
///
/// The token has 1 to 8 192 bytes of the characters that RFC 6750 §2.1 allows. Two in one place are rejected (400). A token
/// in a *cookie* is protected like a [`SessionCookie`](crate::SessionCookie): other sites' pages are rejected (403), and
/// beside an `Authorization` header the cookie does not count. To accept both, combine them:
/// `Guard<Either<TokenIn<P>, AccessTokens>>`.
///
/// Do not copy the value into `Authorization` in a layer instead: a cookie would lose its protection from other sites, and
/// the document would name the wrong place.
///
/// ```
/// use axum::extract::FromRef;
/// use portcullis::{AccessTokens, Api, Guard, Json, credential::{TokenIn, TokenPlace}, describe::In};
///
/// struct AccessCookie;
/// impl TokenPlace for AccessCookie {
///     const IN: In = In::Cookie;
///     const NAME: &'static str = "__Host-access";
///     const SCHEME: &'static str = "access_cookie";
/// }
///
/// async fn whoami(guard: Guard<TokenIn<AccessCookie>>) -> Json<String> {
///     Json(guard.principal().subject().to_owned())
/// }
///
/// let (_, document) = Api::<AccessTokens>::new("Shop", "1.0").get("/whoami", whoami).finish()?;
/// let scheme = &document.value()["components"]["securitySchemes"]["access_cookie"];
/// assert_eq!((&scheme["in"], &scheme["name"]), (&"cookie".into(), &"__Host-access".into()));
/// # Ok::<(), portcullis::ApiError>(())
/// ```
pub struct TokenIn<P, V = AccessTokens>(PhantomData<fn() -> (P, V)>);

impl<P: TokenPlace, V> TokenIn<P, V> {
    const PLACE: Place = {
        assert!(matches!(P::IN, In::Header | In::Cookie), "a token is in a header or in a cookie");
        assert!(is_token(P::NAME), "the name of a token's place is a token (RFC 9110 §5.6.2)");
        assert!(
            !P::NAME.eq_ignore_ascii_case("authorization"),
            "a token in `Authorization` needs no place: use the verifier itself"
        );
        match P::IN {
            In::Cookie => {
                assert!(
                    is_of_one_host(P::NAME) || P::DANGEROUS_PLANTABLE_COOKIE,
                    "the name of a cookie with a token begins with `__Host-`"
                );
                Place::Cookie(P::NAME)
            }
            _ => Place::Header(P::NAME),
        }
    };

    fn scheme() -> SecurityScheme {
        SecurityScheme::api_key(P::IN, P::NAME).described(P::DESCRIPTION)
    }
}

impl<P: TokenPlace, V: Verify<Credential = Bearer>> Authenticate for TokenIn<P, V> {
    type Principal = V::Principal;
}

impl<St: Sync, P: TokenPlace, V: Verify<Credential = Bearer> + FromRef<St>> AuthenticateIn<St>
    for TokenIn<P, V>
{
    async fn authenticate(
        presented: Presented<Bearer>,
        state: &St,
    ) -> Result<Option<(V::Principal, Granted)>, Denied> {
        verified(presented, || V::from_ref(state), <Self as sealed::Asked>::challenges).await
    }
}

impl<P: TokenPlace, V: Verify<Credential = Bearer>> sealed::Asked for TokenIn<P, V> {
    type Presented = Presented<Bearer>;

    fn asked() -> Vec<Asked> {
        vec![Asked::new(P::SCHEME, TypeId::of::<Self>(), Self::PLACE)]
    }

    fn challenges() -> Vec<Challenge> {
        // No standard names a challenge for either. These are as for keys and for sessions.
        let scheme = if Self::PLACE.is_cookie() { "Cookie" } else { "APIKey" };
        vec![Challenge::scheme(scheme).with_realm(V::REALM)]
    }

    fn read(parts: &Parts) -> Presented<Bearer> {
        if Self::PLACE.is_cookie() {
            refuse_cross_site(only_cookie(&parts.headers, P::NAME), parts, "https").and_then(Bearer::of_bytes)
        } else {
            in_header(&parts.headers, P::NAME).and_then(|value| Bearer::of_bytes(&value))
        }
    }

    fn presence(presented: &Presented<Bearer>) -> sealed::Presence {
        presented.presence(Self::PLACE)
    }

    fn note_keys_in_query(_: &mut Parts) {}

    fn describe_schemes(operation: &mut Operation<'_>) {
        let scheme = Self::scheme();
        operation.add_scheme(P::SCHEME, scheme.clone(), scheme);
    }
}

impl<P, V> fmt::Debug for TokenIn<P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenIn")
    }
}
