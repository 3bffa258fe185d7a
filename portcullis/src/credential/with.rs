//! A credential, and the parts of the request that its verifier needs.

use std::{
    fmt,
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
};

use axum::extract::{
    ConnectInfo, FromRequestParts, MatchedPath, RawPathParams, rejection::RawPathParamsRejection,
};
use futures_util::FutureExt as _;
use http::{Method, Request, request::Parts};

use self::part::Missing;
use super::{Challenge, Credential, Place, Presented, SecurityScheme, WantedBody, sealed};
use crate::{client_address, describe::Operation};

/// A credential that is valid only for some requests: `C` as it was sent, with the parts `R` of the request.
///
/// Use it for keys that belong to one organization, that may only read, or that come from known addresses. The verifier
/// names what it needs in its type, and gets nothing else. A tuple names several parts.
///
/// ```
/// use http::Method;
/// use portcullis::{Bearer, Granted, Verdict, Verify, VerifyFailed};
/// use portcullis::credential::{PathParameter, PathParameterName, With};
///
/// struct Org;
/// impl PathParameterName for Org {
///     const NAME: &'static str = "org";
/// }
///
/// /// Keys of organizations, some of which may only read.
/// #[derive(Clone)]
/// struct OrgKeys;
///
/// impl Verify for OrgKeys {
///     type Credential = With<Bearer, (PathParameter<Org>, Method)>;
///     type Principal = u64;
///     const SCHEME: &'static str = "org_key";
///
///     async fn verify(&self, sent: &Self::Credential) -> Result<Verdict<u64>, VerifyFailed> {
///         # struct Key { id: u64, org: String, writes: bool }
///         # async fn key_by_digest(_: &str) -> Result<Option<Key>, std::io::Error> { Ok(None) }
///         let (org, method) = sent.request();
///         let Some(key) = key_by_digest(sent.credential().token()).await? else { return Ok(Verdict::Refused) };
///         if key.org != org.value() || (*method != Method::GET && !key.writes) {
///             return Ok(Verdict::Forbidden); // 403: another request may be fine
///         }
///         Ok(Verdict::Accepted(key.id, Granted::none()))
///     }
/// }
/// ```
///
/// To check whether a caller may touch the *row* that the path names, use [`May`](crate::May), after the guard.
///
/// If a part is missing, the server is set up wrongly: 503, and a log line says what to do. [`PathParameter`] is
/// checked earlier: [`Api::finish`](crate::Api::finish) rejects a route without the parameter.
pub struct With<C, R> {
    credential: C,
    request: R,
}

impl<C: Credential, R: RequestPart> With<C, R> {
    /// The credential.
    #[must_use]
    pub fn credential(&self) -> &C {
        &self.credential
    }

    /// The parts of the request.
    #[must_use]
    pub fn request(&self) -> &R {
        &self.request
    }
}

impl<C: Credential, R: RequestPart> fmt::Debug for With<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "With({:?})", self.credential)
    }
}

impl<C: Credential, R: RequestPart> Credential for With<C, R> {
    fn scheme() -> SecurityScheme {
        C::scheme()
    }
}

impl<C: Credential, R: RequestPart> sealed::Read for With<C, R> {
    const CHALLENGE: Challenge = C::CHALLENGE;
    const PLACE: Place = C::PLACE;
    const SEES_REQUEST: bool = true;

    fn read(parts: &Parts) -> Presented<Self> {
        match C::read(parts) {
            Presented::Present(credential) => match R::read(parts) {
                Ok(request) => Presented::Present(Self { credential, request }),
                Err(Missing::InRequest) => Presented::Malformed,
                Err(Missing::InServer(fault)) => Presented::Fault(fault),
            },
            absent => absent.and_then(|_| None),
        }
    }

    fn body() -> Option<WantedBody> {
        C::body()
    }

    fn describe(operation: &mut Operation<'_>) {
        C::describe(operation);
        R::describe(operation);
    }
}

/// A part of the request that a verifier can ask for: [`PathParameter`], [`Method`], [`MatchedPath`],
/// [`ClientAddress`], or a tuple of two or three. Sealed.
pub trait RequestPart: part::Part + Send + Sync + 'static {}

impl<R: part::Part + Send + Sync + 'static> RequestPart for R {}

/// Names a parameter of the path: `org` for `/orgs/{org}/invoices`.
pub trait PathParameterName: Send + Sync + 'static {
    /// Its name between the braces.
    const NAME: &'static str;
}

/// A parameter of the path, percent-decoded and otherwise as it was sent.
#[derive(Clone)]
pub struct PathParameter<N> {
    value: String,
    name: PhantomData<fn() -> N>,
}

impl<N> PathParameter<N> {
    /// Its value. The caller chose it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl<N: PathParameterName> fmt::Debug for PathParameter<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", N::NAME, self.value)
    }
}

/// Says which addresses are proxies of yours, for [`ClientAddress`].
pub trait TrustedProxies: Send + Sync + 'static {
    /// Whether `hop` is a proxy of yours, whose `X-Forwarded-For` can be trusted.
    fn is_trusted(hop: IpAddr) -> bool;
}

/// No proxy: the peer of the connection is the client.
#[derive(Debug, Clone, Copy)]
pub struct NoProxy;

impl TrustedProxies for NoProxy {
    fn is_trusted(_: IpAddr) -> bool {
        false
    }
}

/// The client's address, as [`client_address`](crate::client_address) finds it.
///
/// The server must provide the connection's address: serve with
/// `router.into_make_service_with_connect_info::<SocketAddr>()`.
#[derive(Clone, Copy)]
pub struct ClientAddress<T = NoProxy> {
    address: IpAddr,
    proxies: PhantomData<fn() -> T>,
}

impl<T> ClientAddress<T> {
    /// The address. An IPv4-mapped IPv6 address is given as IPv4.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl<T> fmt::Debug for ClientAddress<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientAddress({})", self.address)
    }
}

mod part {
    use super::{Operation, Parts};

    /// Why a part cannot be read.
    #[derive(Debug)]
    pub enum Missing {
        /// What was sent is malformed, so it cannot equal any value of the verifier's.
        InRequest,
        /// The server is set up wrongly. Holds what to do, for the log.
        InServer(&'static str),
    }

    /// Sealed: only this crate defines parts.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a part of the request that a verifier can ask for",
        note = "it is `PathParameter<…>`, `http::Method`, `MatchedPath`, `ClientAddress`, or a tuple of two or three"
    )]
    pub trait Part: Sized {
        /// # Errors
        /// Why the part cannot be read.
        fn read(parts: &Parts) -> Result<Self, Missing>;
        /// Rejects a route that has no such part.
        fn describe(_: &mut Operation<'_>) {}
    }
}

impl part::Part for Method {
    fn read(parts: &Parts) -> Result<Self, Missing> {
        Ok(parts.method.clone())
    }
}

impl part::Part for MatchedPath {
    fn read(parts: &Parts) -> Result<Self, Missing> {
        let path = parts.extensions.get().cloned();
        path.ok_or(Missing::InServer("no route matched: the guard is outside of a router"))
    }
}

impl<N: PathParameterName> part::Part for PathParameter<N> {
    fn read(parts: &Parts) -> Result<Self, Missing> {
        // axum keeps the parameters in the extensions and exposes them only through this extractor.
        let (mut apart, ()) = Request::new(()).into_parts();
        apart.extensions = parts.extensions.clone();
        let parameters = RawPathParams::from_request_parts(&mut apart, &()).now_or_never();
        let parameters = match parameters {
            Some(Ok(parameters)) => parameters,
            Some(Err(RawPathParamsRejection::InvalidUtf8InPathParam(_))) => return Err(Missing::InRequest),
            _ => return Err(Missing::InServer("the guard stands outside of a router")),
        };
        let value = parameters.iter().find(|(name, _)| *name == N::NAME).map(|(_, value)| value.to_owned());
        let value = value.ok_or(Missing::InServer(
            "the route's path has no parameter of the name that the verifier asks for",
        ))?;
        Ok(Self { value, name: PhantomData })
    }

    fn describe(operation: &mut Operation<'_>) {
        if !operation.path_parameters().contains(&N::NAME) {
            operation.defect(&format!(
                "its guard asks for the path parameter `{{{}}}`, which the path does not have",
                N::NAME
            ));
        }
    }
}

impl<T: TrustedProxies> part::Part for ClientAddress<T> {
    fn read(parts: &Parts) -> Result<Self, Missing> {
        let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Err(Missing::InServer(
                "the connection's address is unknown: serve with `into_make_service_with_connect_info::<SocketAddr>()`",
            ));
        };
        let address = client_address(peer.ip(), &parts.headers, T::is_trusted);
        Ok(Self { address, proxies: PhantomData })
    }
}

macro_rules! parts {
    ($($part:ident),*) => {
        impl<$($part: part::Part),*> part::Part for ($($part,)*) {
            fn read(parts: &Parts) -> Result<Self, Missing> {
                Ok(($($part::read(parts)?,)*))
            }

            fn describe(operation: &mut Operation<'_>) {
                $($part::describe(operation);)*
            }
        }
    };
}
parts!(A, B);
parts!(A, B, C);
