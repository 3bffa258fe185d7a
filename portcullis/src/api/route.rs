//! One route of an [`Api`](super::Api).

use std::{any::type_name, borrow::Cow, convert::Infallible, fmt};

use axum::{
    extract::Request,
    response::IntoResponse,
    routing::{self, MethodFilter, MethodRouter, on},
};
use serde_json::{Map, Value, json};
use tower_layer::Layer;
use tower_service::Service;

use super::{Described, caught::Caught, sealed::Ours, whole_body::shown};
use crate::{
    describe::{Components, DescribeResponse, Operation},
    protected_resource::Pointer,
};

/// One route: method, path, handler, and what its types cannot express.
pub struct Route<S> {
    pub(super) entry: Entry,
    pub(super) filter: MethodFilter,
    pub(super) service: MethodRouter<S>,
}

/// A route's entry in the document. It does not depend on the state type.
pub(super) struct Entry {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) operation_id: Cow<'static, str>,
    /// The name of the function's module.
    module: Option<&'static str>,
    /// The guards of the router, then the handler's own types.
    pub(super) describe: Vec<fn(&mut Operation<'_>)>,
    pub(super) tags: Vec<&'static str>,
    summary: Option<Cow<'static, str>>,
    description: Option<Cow<'static, str>>,
    deprecated: bool,
    /// Whether a layer around it has a guard, which the handler's types do not show.
    is_behind_a_guard: bool,
    /// The metadata of the resource that the route belongs to (RFC 9728).
    pub(super) resource: Option<Pointer>,
}

impl<S> Route<S> {
    fn new<H, T, M>(method: &'static str, filter: MethodFilter, path: &str, handler: H) -> Self
    where
        H: Described<M, T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let place = segments(type_name::<H>());
        let name = place.last().copied().unwrap_or_default();
        // The crate's name is not a module.
        let module = place.iter().rev().nth(1).copied().filter(|_| place.len() > 2);
        let entry = Entry {
            method,
            path: path.to_owned(),
            operation_id: name.into(),
            module,
            describe: vec![|operation| H::describe(operation, Ours)],
            tags: Vec::new(),
            summary: None,
            description: None,
            deprecated: false,
            is_behind_a_guard: false,
            resource: None,
        };
        let wanted = H::wants_body(Ours);
        Self { entry, filter, service: shown(wanted, on(filter, Caught(handler))) }
    }

    /// Sets the operation's ID. The default is the function's name.
    #[must_use]
    pub fn operation_id(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.entry.operation_id = name.into();
        self
    }

    /// Sets the summary, one line. The default is the function's name as words.
    #[must_use]
    pub fn summary(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.entry.summary = Some(text.into());
        self
    }

    /// Sets the description, in CommonMark.
    #[must_use]
    pub fn description(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.entry.description = Some(text.into());
        self
    }

    /// Adds a tag to this route, besides the API's tag.
    #[must_use]
    pub fn tag(mut self, name: &'static str) -> Self {
        self.entry.tags.push(name);
        self
    }

    /// Marks the route as deprecated in the document.
    #[must_use]
    pub fn deprecated(mut self) -> Self {
        self.entry.deprecated = true;
        self
    }

    /// Wraps the route and its guards in a tower layer. The layer sees each request first and each response last. The
    /// handler's types do not include the layer's own responses; document them with
    /// [`also_answers`](Self::also_answers).
    ///
    /// A guard in a layer is enforced but not documented. If the route is open by its own types,
    /// [`Api::finish`](crate::Api::finish) rejects such a layer where it can see the guard: in a function of
    /// `axum::middleware::from_fn`.
    ///
    /// ```
    /// use axum::{extract::Request, middleware::{self, Next}, response::Response};
    /// use portcullis::{Api, NoContent, Public, answers, api::post};
    ///
    /// answers! {
    ///     enum Limited {
    ///         /// Come back later
    ///         TooMany = 429,
    ///     }
    /// }
    ///
    /// async fn limit(request: Request, next: Next) -> Result<Response, Limited> {
    ///     # fn is_too_much(_: &Request) -> bool { false }
    ///     if is_too_much(&request) { return Err(Limited::TooMany) }
    ///     Ok(next.run(request).await)
    /// }
    ///
    /// async fn log_in(_: Public) -> NoContent { NoContent }
    ///
    /// let log_in = post("/login", log_in).layer(middleware::from_fn(limit)).also_answers::<Limited>();
    /// let (_, document) = Api::<()>::new("Shop", "1.0").route(log_in).finish()?;
    /// assert!(document.value()["paths"]["/login"]["post"]["responses"]["429"].is_object());
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        S: Clone + Send + Sync + 'static,
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let name = type_name::<L>();
        self.entry.is_behind_a_guard |= GUARDS.iter().any(|guard| name.contains(guard));
        self.service = self.service.layer(layer);
        self
    }

    /// Documents the responses of a layer around the route.
    #[must_use]
    pub fn also_answers<A: DescribeResponse>(mut self) -> Self {
        self.entry.describe.push(A::describe_response);
        self
    }

    /// Provides the state, for a router with another state.
    pub(super) fn with_state<S2>(self, state: S) -> Route<S2>
    where
        S: Clone + Send + Sync + 'static,
    {
        Route { entry: self.entry, filter: self.filter, service: self.service.with_state(state) }
    }
}

impl Entry {
    /// Other names for this operation, to tell it apart from another one with the same name.
    pub(super) fn longer_names(&self) -> impl Iterator<Item = String> {
        let name = &self.operation_id;
        let of_module = self.module.map(|module| format!("{module}_{name}"));
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let of_path = words.fold(format!("{}_{name}", self.method), |all, word| format!("{all}_{word}"));
        of_module.into_iter().chain([of_path])
    }

    /// The operation in the document.
    pub(super) fn operation(&self, components: &mut Components) -> Map<String, Value> {
        let mut operation =
            Operation::new(self.method, &self.path, components).of_resource(self.resource.clone());
        self.describe.iter().for_each(|describe| describe(&mut operation));
        let mut entry = operation.into_object();
        if self.is_behind_a_guard
            && entry.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty)
        {
            components.defect(format!(
                "{} {}: a layer around it has a guard, but the document says that anyone may call; take the guard as \
                    the handler's first argument, or put `.guard::<Guard<…>>()` before the routes",
                self.method, self.path
            ));
        }
        let summary = self.summary.as_deref().map_or_else(|| sentence(&self.operation_id), str::to_owned);
        entry.insert("operationId".to_owned(), self.operation_id.as_ref().into());
        entry.insert("summary".to_owned(), summary.into());
        entry.extend(self.description.as_deref().map(|text| ("description".to_owned(), text.into())));
        let mut tags: Vec<&str> = Vec::new();
        for tag in &self.tags {
            if !tags.contains(tag) {
                tags.push(tag);
            }
        }
        if !tags.is_empty() {
            entry.insert("tags".to_owned(), json!(tags));
        }
        if self.deprecated {
            entry.insert("deprecated".to_owned(), true.into());
        }
        entry
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { method, path, operation_id, .. } = &self.entry;
        write!(f, "Route({method} {path} {operation_id})")
    }
}

macro_rules! route_of {
    ($($method:ident $filter:ident),*) => {$(
        #[doc = concat!("A route for ", stringify!($filter), ", for [`Api::route`](crate::Api::route).")]
        pub fn $method<S, H, T, M>(path: &str, handler: H) -> Route<S>
        where
            H: Described<M, T, S>,
            T: 'static,
            S: Clone + Send + Sync + 'static,
        {
            Route::new(stringify!($method), MethodFilter::$filter, path, handler)
        }
    )*};
}
route_of!(
    get GET, post POST, put PUT, patch PATCH, delete DELETE, head HEAD, options OPTIONS, trace TRACE
);

/// In the type name of an `axum::middleware::from_fn` layer if its function takes a guard.
const GUARDS: [&str; 2] = ["portcullis::guard::Guard<", "portcullis::guard::Maybe<"];

/// `read_profile` as a summary: "Read profile".
fn sentence(name: &str) -> String {
    let words = name.trim_matches('_').replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The segments of a function's path, without what is between `<` and `>`: `shop`, `users`, `list` for
/// `shop::users::list<shop::Database>`. For anything but a function it is the whole text, which is not a valid name.
fn segments(type_name: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let (mut depth, mut start, mut last) = (0_usize, 0, ' ');
    for (at, letter) in type_name.char_indices() {
        match letter {
            '<' | ':' if depth == 0 => found.extend(type_name.get(start..at)),
            _ => {}
        }
        match letter {
            '<' => depth += 1,
            // The `>` in `fn() -> T` is not a bracket.
            '>' if last != '-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(letter, '>' | ':') {
            start = at + 1;
        }
        last = letter;
    }
    found.extend(type_name.get(start..));
    found.retain(|segment| !segment.is_empty());
    if found.iter().any(|segment| segment.contains(['(', ' '])) { vec![type_name] } else { found }
}

#[cfg(test)]
mod tests {
    use super::segments;

    #[test]
    fn a_functions_name_is_without_its_type_arguments() {
        for (type_name, expected) in [
            ("list", &["list"][..]),
            ("shop::list", &["shop", "list"]),
            ("shop::users::list<shop::Database>", &["shop", "users", "list"]),
            ("shop::list<shop::Of<(u8, a::B)>, fn(u8) -> a::C>", &["shop", "list"]),
            ("shop::Users<a::B>::list", &["shop", "Users", "list"]),
            ("<shop::Users as shop::Lists<a::B>>::list", &["list"]),
            ("shop::main::{{closure}}", &["shop", "main", "{{closure}}"]),
            ("shop::list<u8>::{{closure}}", &["shop", "list", "{{closure}}"]),
            ("fn(a::B) -> c::D<e::F>", &["fn(a::B) -> c::D<e::F>"]),
            ("", &[]),
        ] {
            assert_eq!(segments(type_name), expected, "{type_name}");
        }
    }
}
