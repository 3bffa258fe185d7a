//! portcullis guards in documents that [utoipa] generates.
//!
//! utoipa's attribute describes the handler. Who may call is read from the handler's type, as in portcullis' own `Api`,
//! and replaces what the attribute says about security.
//!
//! ```sh
//! cargo add portcullis portcullis-utoipa axum utoipa utoipa-axum
//! ```
//!
//! Use [`guarded!`] instead of `utoipa_axum::routes!`, and [`GuardedRoutes::guarded`] instead of `routes`. A handler
//! without a guard does not compile.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod arity;

use std::{collections::BTreeMap, fmt};

use ::utoipa::openapi::{
    self, Components as UtoipaComponents, PathItem, RefOr,
    security::{Flow, SecurityScheme},
};
use axum::handler::Handler;
use portcullis::{ApiError, describe::AccessEntry, guard::Access};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use self::arity::each_arity;

/// Handlers with `#[utoipa::path(…)]` for [`GuardedRoutes::guarded`]: the result of `utoipa_axum::routes!`, and who may
/// call each. A handler whose first argument does not say that does not compile:
///
/// ```compile_fail
/// #[utoipa::path(get, path = "/", responses((status = 200)))]
/// async fn forgotten() {}
///
/// let _: portcullis_utoipa::Guarded<()> = portcullis_utoipa::guarded!(forgotten);
/// ```
///
/// A guard in a later place would not be documented, so it does not compile either (`type annotations needed`, with a
/// note about several implementations of `NoAccess`). To require several guards, make them one argument, a tuple. A
/// guard inside another extractor that is not a `Result`, such as a tuple with a `State`, cannot be detected here; an
/// `Api` rejects those too.
///
/// ```compile_fail
/// use portcullis::{AccessTokens, Guard, Public};
///
/// #[utoipa::path(get, path = "/", responses((status = 200)))]
/// async fn hidden(_: Public, _: Guard<AccessTokens>) {}
///
/// let _: portcullis_utoipa::Guarded<AccessTokens> = portcullis_utoipa::guarded!(hidden);
/// ```
///
/// ```compile_fail
/// use portcullis::{AccessTokens, Guard, Public, guard::Denied};
///
/// #[utoipa::path(get, path = "/", responses((status = 200)))]
/// async fn caught(_: Public, _: Result<Guard<AccessTokens>, Denied>) {}
///
/// let _: portcullis_utoipa::Guarded<AccessTokens> = portcullis_utoipa::guarded!(caught);
/// ```
///
/// ```
/// use axum::extract::{State, rejection::StringRejection};
/// use portcullis::{AccessTokens, Guard};
///
/// #[utoipa::path(get, path = "/", responses((status = 200)))]
/// async fn right(_: Guard<AccessTokens>, _: State<AccessTokens>, _: Result<String, StringRejection>) {}
///
/// let _: portcullis_utoipa::Guarded<AccessTokens> = portcullis_utoipa::guarded!(right);
/// ```
///
/// Your crate must depend on `axum`, `utoipa` (6) and `utoipa-axum` (0.3), as `routes!` demands.
#[macro_export]
macro_rules! guarded {
    ($($handler:path),+ $(,)?) => {
        $crate::Guarded::default()$(.and(utoipa_axum::routes!($handler), $handler))+
    };
}

/// Adds the routes of [`guarded!`](crate::guarded) to a router.
pub trait GuardedRoutes<S>: Sized {
    /// Adds the routes, and the security of each to the document: `security`, the scheme, and the guard's responses
    /// 400, 401, 403 and 503, unless the attribute describes that status itself.
    ///
    /// ```
    /// use axum::Json;
    /// use portcullis::{AccessTokens, Guard};
    /// use portcullis_utoipa::{GuardedRoutes as _, guarded};
    /// use utoipa_axum::router::OpenApiRouter;
    ///
    /// #[utoipa::path(get, path = "/orders", responses((status = 200, body = Vec<u64>)))]
    /// async fn list_orders(_: Guard<AccessTokens>) -> Json<Vec<u64>> {
    ///     Json(Vec::new())
    /// }
    ///
    /// let (router, document) =
    ///     OpenApiRouter::<AccessTokens>::new().guarded(guarded!(list_orders))?.split_for_parts();
    /// # let _ = router;
    /// let document = serde_json::to_value(document)?;
    /// assert!(document["paths"]["/orders"]["get"]["security"][0].is_object());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Defects`] names every defect: two different schemes with the same name, an invalid scope name, or something
    /// that utoipa's types cannot represent.
    fn guarded(self, guarded: Guarded<S>) -> Result<Self, Defects>;

    /// Like `nest`, but merges security schemes. `nest` alone keeps only the outer one of two with the same name, with
    /// only its scopes.
    ///
    /// # Errors
    /// [`Defects`] if two different schemes have the same name.
    fn nest_guarded(self, path: &str, inner: Self) -> Result<Self, Defects>;

    /// Like `merge`, but merges security schemes. `merge` alone keeps only the first of two with the same name.
    ///
    /// # Errors
    /// [`Defects`] if two different schemes have the same name.
    fn merge_guarded(self, other: Self) -> Result<Self, Defects>;
}

impl<S: Clone + Send + Sync + 'static> GuardedRoutes<S> for OpenApiRouter<S> {
    fn guarded(self, guarded: Guarded<S>) -> Result<Self, Defects> {
        let Guarded { routes, schemes, mut defects } = guarded;
        let mut router = routes.into_iter().fold(self, Self::routes);
        add_schemes(router.get_openapi_mut(), schemes, &mut defects);
        if defects.is_empty() { Ok(router) } else { Err(Defects(defects)) }
    }

    fn nest_guarded(self, path: &str, inner: Self) -> Result<Self, Defects> {
        Ok(with_schemes_of(self, &inner)?.nest(path, inner))
    }

    fn merge_guarded(self, other: Self) -> Result<Self, Defects> {
        Ok(with_schemes_of(self, &other)?.merge(other))
    }
}

/// Why the routes cannot be added: every defect, one per line.
#[derive(Debug)]
#[non_exhaustive]
pub struct Defects(Vec<String>);

impl fmt::Display for Defects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the document cannot be built:")?;
        self.0.iter().try_for_each(|defect| write!(f, "\n- {defect}"))
    }
}

impl std::error::Error for Defects {}

/// The result of [`guarded!`](crate::guarded).
pub struct Guarded<S> {
    routes: Vec<UtoipaMethodRouter<S>>,
    schemes: Vec<(String, Value)>,
    defects: Vec<String>,
}

impl<S> Default for Guarded<S> {
    fn default() -> Self {
        Self { routes: Vec::new(), schemes: Vec::new(), defects: Vec::new() }
    }
}

impl<S> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes.iter().flat_map(|(_, paths, _)| paths.paths.keys())).finish()
    }
}

impl<S> Guarded<S> {
    /// Adds one handler: its routes, and the handler itself for its type.
    #[doc(hidden)]
    #[must_use]
    pub fn and<H: GuardedHandler<M, T, S>, M, T>(mut self, mut routes: UtoipaMethodRouter<S>, _: H) -> Self {
        for (path, item) in &mut routes.1.paths {
            for (method, operation) in operations(item) {
                match H::access(method, path) {
                    Ok(access) => {
                        self.schemes.extend(access.schemes.clone());
                        if let Err(defect) = secure(operation, access) {
                            self.defects.push(format!("{method} {path}: {defect}"));
                        }
                    }
                    Err(error) => self.defects.extend_from_slice(error.defects()),
                }
            }
        }
        self.routes.push(routes);
        self
    }
}

/// A handler for [`guarded!`](crate::guarded): its first argument is an [`Access`]. Sealed, and implemented for
/// functions.
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call",
    label = "not guarded",
    note = "its first argument says who may call: `Guard<…>`, `Maybe<…>` or `Public`",
    note = "the state `{S}` holds the verifier of each guard: `#[derive(Clone, axum::extract::FromRef)]` on it"
)]
pub trait GuardedHandler<M, T, S>: Handler<T, S> + sealed::Sealed<M> {
    /// What the document says about who may call.
    #[doc(hidden)]
    fn access(method: &str, path: &str) -> Result<AccessEntry, ApiError>;
}

/// An argument after the first. It must not be an `Access`, which would be enforced but not documented: those have a
/// second implementation of this trait, so the compiler cannot infer which one is meant and reports an error.
pub trait NoAccess<Which> {}

impl<T> NoAccess<()> for T {}

impl<A: Access> NoAccess<fn(A)> for A {}

/// axum accepts every extractor inside a `Result`, and then runs the handler for rejected callers too.
impl<A: Access, Refusal> NoAccess<fn(A)> for Result<A, Refusal> {}

macro_rules! guarded_handlers {
    ($($argument:ident),*) => {
        guarded_handlers!(
            @ [] [$($argument)*] [W2 W3 W4 W5 W6 W7 W8 W9 W10 W11 W12 W13 W14 W15 W16]
        );
    };
    (@ [$($done:tt)*] [$argument:ident $($arguments:ident)*] [$which:ident $($more:ident)*]) => {
        guarded_handlers!(@ [$($done)* ($argument $which)] [$($arguments)*] [$($more)*]);
    };
    (@ [$(($argument:ident $which:ident))*] [] [$($unused:ident)*]) => {
        impl<H, Answer, A, $($argument, $which,)*>
            sealed::Sealed<(fn(A, $($argument,)*) -> Answer, ($($which,)*))> for H
        where
            H: FnOnce(A, $($argument),*) -> Answer,
        {
        }

        impl<H, T, S, Answer, A: Access, $($argument, $which,)*>
            GuardedHandler<(fn(A, $($argument,)*) -> Answer, ($($which,)*)), T, S> for H
        where
            H: Handler<T, S> + FnOnce(A, $($argument),*) -> Answer,
            $($argument: NoAccess<$which>,)*
        {
            fn access(method: &str, path: &str) -> Result<AccessEntry, ApiError> {
                AccessEntry::of::<A>(method, path)
            }
        }
    };
}
each_arity!(guarded_handlers);

mod sealed {
    /// Implemented for functions only.
    pub trait Sealed<M> {}
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut openapi::path::Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("options", &mut item.options),
        ("head", &mut item.head),
        ("patch", &mut item.patch),
        ("trace", &mut item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn secure(operation: &mut openapi::path::Operation, access: AccessEntry) -> Result<(), String> {
    operation.security = Some(as_utoipa(&access.security)?);
    add_parameters(operation, &access.parameters)?;
    let extensions = access.extensions.into_iter().collect();
    operation.extensions.get_or_insert_default().merge(extensions);
    for (status, response) in access.responses {
        let response = as_utoipa::<RefOr<openapi::Response>>(&response)?;
        operation.responses.responses.entry(status).or_insert(response);
    }
    Ok(())
}

/// Adds the parameters that the guard reads, unless the attribute has them. A parameter that is a reference may be one
/// of them.
fn add_parameters(operation: &mut openapi::path::Operation, ours: &[Value]) -> Result<(), String> {
    for parameter in ours {
        let is_other = |known: &RefOr<openapi::path::Parameter>| matches!(known, RefOr::T(known) if parameter["name"] != known.name.as_str());
        if operation.parameters.iter().flatten().all(is_other) {
            operation.parameters.get_or_insert_default().push(as_utoipa(parameter)?);
        }
    }
    Ok(())
}

fn with_schemes_of<S: Clone + Send + Sync + 'static>(
    mut router: OpenApiRouter<S>,
    other: &OpenApiRouter<S>,
) -> Result<OpenApiRouter<S>, Defects> {
    let components = other.get_openapi().components.as_ref();
    let schemes = components.into_iter().flat_map(|components| &components.security_schemes);
    let schemes =
        schemes.filter_map(|(name, scheme)| Some((name.clone(), serde_json::to_value(scheme).ok()?)));
    let mut defects = Vec::new();
    add_schemes(router.get_openapi_mut(), schemes.collect(), &mut defects);
    if defects.is_empty() { Ok(router) } else { Err(Defects(defects)) }
}

fn add_schemes(document: &mut openapi::OpenApi, schemes: Vec<(String, Value)>, defects: &mut Vec<String>) {
    let components = document.components.get_or_insert_with(UtoipaComponents::new);
    for (name, scheme) in schemes {
        if let Err(defect) = add_scheme(&mut components.security_schemes, &name, scheme) {
            defects.push(defect);
        }
    }
}

fn add_scheme(
    known: &mut BTreeMap<String, RefOr<SecurityScheme>>,
    name: &str,
    mut scheme: Value,
) -> Result<(), String> {
    if let Some(known) = known.get(name) {
        let mut known = serde_json::to_value(known).map_err(|error| error.to_string())?;
        // Each handler knows only the scopes of its own guard.
        share_scopes(&mut known, &mut scheme);
        if known != scheme {
            return Err(format!("two different security schemes are called `{name}`"));
        }
    }
    known.insert(name.to_owned(), scheme_as_utoipa(&scheme)?.into());
    Ok(())
}

/// Like [`as_utoipa`]. The key of a flow determines its type, because utoipa ignores the key when it parses a flow.
fn scheme_as_utoipa(scheme: &Value) -> Result<SecurityScheme, String> {
    let mut shell = scheme.clone();
    let flows = shell.get_mut("flows").and_then(Value::as_object_mut).map(std::mem::take);
    let mut same: SecurityScheme = as_utoipa(&shell)?;
    if let SecurityScheme::OAuth2(oauth2) = &mut same {
        for (name, flow) in flows.unwrap_or_default() {
            let flow = match name.as_str() {
                "implicit" => Flow::Implicit(as_utoipa(&flow)?),
                "password" => Flow::Password(as_utoipa(&flow)?),
                "clientCredentials" => Flow::ClientCredentials(as_utoipa(&flow)?),
                "authorizationCode" => Flow::AuthorizationCode(as_utoipa(&flow)?),
                _ => return Err(format!("utoipa cannot say {scheme}")),
            };
            oauth2.flows.insert(name, flow);
        }
    }
    Ok(same)
}

/// Gives the flows of both schemes the scopes of both.
fn share_scopes(this: &mut Value, that: &mut Value) {
    let flows =
        |scheme: &mut Value| scheme.get_mut("flows").and_then(Value::as_object_mut).map(std::mem::take);
    let (Some(mut ours), Some(mut theirs)) = (flows(this), flows(that)) else { return };
    for (name, flow) in &mut ours {
        let scopes = (flow.get_mut("scopes"), theirs.get_mut(name).and_then(|flow| flow.get_mut("scopes")));
        if let (Some(Value::Object(known)), Some(Value::Object(new))) = scopes {
            new.extend(std::mem::take(known));
            known.clone_from(new);
        }
    }
    for (scheme, flows) in [(this, ours), (that, theirs)] {
        if let Some(slot) = scheme.get_mut("flows") {
            *slot = flows.into();
        }
    }
}

/// Converts to utoipa's types, or returns a sentence if they cannot represent all of it.
fn as_utoipa<T: DeserializeOwned + serde::Serialize>(value: &Value) -> Result<T, String> {
    T::deserialize(value)
        .ok()
        .filter(|same| serde_json::to_value(same).is_ok_and(|same| same == *value))
        .ok_or_else(|| format!("utoipa cannot say {value}"))
}
