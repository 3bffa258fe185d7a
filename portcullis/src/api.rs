//! The router whose routes describe themselves.

mod caught;
mod guarded;
mod place;
mod route;
mod whole_body;

use std::{
    any::type_name,
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    convert::Infallible,
    fmt,
    future::Future,
    marker::PhantomData,
};

use axum::{
    Extension, Router,
    extract::{FromRequestParts, Request},
    handler::Handler,
    response::IntoResponse,
    routing,
};
use serde_json::{Map, Value, json};
use tower_layer::Layer;
use tower_service::Service;

pub use self::route::{Route, delete, get, head, options, patch, post, put, trace};
use self::{
    guarded::{RouterGuard, guarded},
    place::Places,
    route::Entry,
};
use crate::{
    credential::{SecurityScheme, WantedBody},
    describe::{Components, Describe, DescribeResponse, Operation, each_arity},
    guard::Access,
    protected_resource::{self, Pointer, Published},
    verify::Verify,
};
pub use crate::{docs::Document, protected_resource::ProtectedResource};

/// A router that builds its OpenAPI 3.1 document from its routes.
///
/// The document's entry for a route comes from the handler's types alone. A handler whose first argument does not say
/// who may call it does not compile. [`Api::finish`] returns a plain axum [`Router`] and the [`Document`].
///
/// ```
/// use portcullis::{Api, Json, Public};
///
/// /// Anyone may call this.
/// async fn health(_: Public) -> Json<&'static str> { Json("alive") }
///
/// let (router, document) = Api::<()>::new("Shop", "1.0").get("/health", health).finish()?;
/// assert_eq!(document.value()["paths"]["/health"]["get"]["operationId"], "health");
/// # Ok::<(), portcullis::ApiError>(())
/// ```
pub struct Api<S> {
    head: Head,
    guards: Vec<RouterGuard<S>>,
    /// The last guard, if routes precede it and none follows it yet.
    idle_guard: Option<&'static str>,
    routes: Vec<Route<S>>,
}

/// The parts of an [`Api`] that do not depend on its state type.
struct Head {
    info: Map<String, Value>,
    servers: Vec<Value>,
    schemes: Vec<(&'static str, SecurityScheme)>,
    /// [`Api::with_state`] left guards behind, which cannot guard routes added from now on.
    is_closed: bool,
    tag: Option<&'static str>,
    tags: Vec<Tag>,
    /// The resource of all routes that have none of their own.
    resource: Option<ProtectedResource>,
    published: Vec<Published>,
    defects: Vec<String>,
}

struct Tag {
    name: &'static str,
    description: String,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Creates an empty API. Its document shows this title and version.
    #[must_use]
    pub fn new(title: &str, version: &str) -> Self {
        let info = [("title".to_owned(), title.into()), ("version".to_owned(), version.into())];
        let head = Head {
            info: Map::from_iter(info),
            servers: Vec::new(),
            schemes: Vec::new(),
            is_closed: false,
            tag: None,
            tags: Vec::new(),
            resource: None,
            published: Vec::new(),
            defects: Vec::new(),
        };
        Self { head, guards: Vec::new(), idle_guard: None, routes: Vec::new() }
    }

    /// Creates a part of another API, for [`nest`](Self::nest) or [`merge`](Self::merge). The document has the title
    /// and the version of the whole.
    ///
    /// ```
    /// use portcullis::{Api, Json, Public};
    ///
    /// async fn list_orders(_: Public) -> Json<Vec<u32>> { Json(Vec::new()) }
    ///
    /// fn orders() -> Api<()> {
    ///     Api::part().get("/", list_orders)
    /// }
    ///
    /// let (router, document) = Api::new("Shop", "1.0").nest("/orders", orders()).finish()?;
    /// # let _ = (router, document);
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    #[must_use]
    pub fn part() -> Self {
        Self::new("", "")
    }

    /// Describes the API, in CommonMark.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.head.info.insert("description".to_owned(), text.into());
        self
    }

    /// Adds a URL at which the API is reached, if it is not the document's own origin: an absolute URL, or a path such
    /// as `/api` for a router that is nested into another by hand. The docs page may send requests there; another
    /// origin must allow that (CORS).
    #[must_use]
    pub fn server(mut self, url: &str) -> Self {
        self.head.servers.push(json!({ "url": url }));
        self
    }

    /// Shows `V` in this document as `scheme` instead of [`Verify::scheme`], which is the same in every application
    /// that uses `V`. Use it if the login is nested elsewhere, if the issuer is known only at runtime, or to change the
    /// description. If `scheme` has no description, that of `V` stays.
    ///
    /// ```
    /// use portcullis::{AccessTokens, Api, Guard, Json, credential::SecurityScheme};
    ///
    /// async fn list_orders(_: Guard<AccessTokens>) -> Json<Vec<u64>> { Json(Vec::new()) }
    ///
    /// let issuer = "https://id.example"; // from the settings
    /// let scheme = SecurityScheme::oauth2_client_credentials(&format!("{issuer}/token"));
    /// let api = Api::<AccessTokens>::new("Shop", "1.0").scheme::<AccessTokens>(scheme).get("/orders", list_orders);
    /// let (_, document) = api.finish()?;
    /// let shown = &document.value()["components"]["securitySchemes"]["access_token"];
    /// assert_eq!(shown["flows"]["clientCredentials"]["tokenUrl"], "https://id.example/token");
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    /// This changes only the document, not how requests are checked. [`finish`](Self::finish) rejects a scheme that
    /// would make clients send another kind of credential than the guard reads.
    #[must_use]
    pub fn scheme<V: Verify>(mut self, scheme: SecurityScheme) -> Self {
        self.head.schemes.push((V::SCHEME, scheme));
        self
    }

    /// Tags the routes declared after this call, until the next call. [`Route::tag`] adds to it. If a tag is described
    /// twice, the first description stays.
    #[must_use]
    pub fn tag(mut self, name: &'static str, description: &str) -> Self {
        self.head.tag = Some(name);
        self.add_tag(Tag { name, description: description.to_owned() });
        self
    }

    /// Requires `A` for every route that is declared, nested or merged after this call. `A` runs before the route's own
    /// guard, which can add requirements but not remove any: its `Public` then means "nothing more". A second call adds
    /// to the first. [`finish`](Self::finish) rejects a guard that has routes before it and none after it, because it
    /// would guard nothing.
    ///
    /// Every guard calls its verifier. If a handler also has a guard of its own, for example to know the caller, its
    /// requests are verified twice. That costs nothing with verifiers that cache, such as
    /// [`AccessTokens`](crate::AccessTokens), and doubles the cost with others, such as a password's hash. Give such
    /// routes only their own guard.
    ///
    /// ```
    /// use portcullis::{AccessTokens, Api, Guard, Json, Public};
    ///
    /// async fn read_ledger(_: Public) -> Json<u32> { Json(1) }
    ///
    /// let internal = Api::<AccessTokens>::new("Ledger", "1.0")
    ///     .guard::<Guard<AccessTokens>>()
    ///     .get("/ledger", read_ledger); // 401 without a token, and the document says so
    /// # let _ = internal;
    /// ```
    #[must_use]
    pub fn guard<A: Access + FromRequestParts<S>>(mut self) -> Self {
        self.guards.push(RouterGuard::of::<A>());
        self.idle_guard = (!self.routes.is_empty()).then(type_name::<A>);
        self
    }

    /// Adds a route for GET (and HEAD).
    #[must_use]
    pub fn get<H: Described<M, T, S>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(get(path, handler))
    }

    /// Adds a route for POST.
    #[must_use]
    pub fn post<H: Described<M, T, S>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(post(path, handler))
    }

    /// Adds a route for PUT.
    #[must_use]
    pub fn put<H: Described<M, T, S>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(put(path, handler))
    }

    /// Adds a route for PATCH.
    #[must_use]
    pub fn patch<H: Described<M, T, S>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(patch(path, handler))
    }

    /// Adds a route for DELETE.
    #[must_use]
    pub fn delete<H: Described<M, T, S>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(delete(path, handler))
    }

    /// Adds a route that needs more than a path and a handler, [`get`]`("/", home).summary("…")`, or one of the rarer
    /// methods [`head`], [`options`] and [`trace`].
    #[must_use]
    pub fn route(mut self, mut route: Route<S>) -> Self {
        route.entry.tags.splice(0..0, self.head.tag);
        self.add(route);
        self
    }

    /// Adds the routes of another API.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.nest("", other)
    }

    /// Adds the routes of another API under `prefix`, which begins with `/` and does not end with `/`.
    #[must_use]
    pub fn nest(mut self, prefix: &str, mut other: Self) -> Self {
        other.check_guards();
        other.check_resource();
        if prefix.ends_with('/') {
            self.head.defects.push(format!("nest `{prefix}`: a prefix must not end with `/`"));
        }
        self.head.defects.extend(other.head.defects);
        self.head.schemes.extend(other.head.schemes);
        self.head.published.extend(other.head.published);
        other.head.tags.into_iter().for_each(|tag| self.add_tag(tag));
        for mut route in other.routes {
            let path = if route.entry.path == "/" && !prefix.is_empty() { "" } else { &route.entry.path };
            route.entry.path = format!("{prefix}{path}");
            self.add(route);
        }
        self
    }

    /// Wraps each route declared so far, including its guards, in a tower layer, like axum's `Router::layer`. The layer
    /// sees each request first and each response last. It does not wrap the response to a path without a route.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.routes = self.routes.into_iter().map(|route| route.layer(layer.clone())).collect();
        self
    }

    /// Documents the responses of a layer around the routes declared so far.
    #[must_use]
    pub fn also_answers<A: DescribeResponse>(mut self) -> Self {
        self.routes = self.routes.into_iter().map(Route::also_answers::<A>).collect();
        self
    }

    /// Provides the state of the routes declared so far, so that an API with another state can include them. If the API
    /// has a [`guard`](Self::guard), declare all routes before this call: the guard cannot check later ones.
    ///
    /// ```
    /// use axum::extract::State;
    /// use portcullis::{Api, Json, Public};
    ///
    /// async fn count(_: Public, State(count): State<u32>) -> Json<u32> { Json(count) }
    ///
    /// let counter = Api::<u32>::new("Counter", "1.0").get("/count", count).with_state(7);
    /// let shop = Api::<String>::new("Shop", "1.0").merge(counter);
    /// # let _ = shop;
    /// ```
    #[must_use]
    pub fn with_state<S2>(mut self, state: S) -> Api<S2> {
        self.check_guards();
        self.head.is_closed |= !self.guards.is_empty();
        let routes = self.routes.into_iter().map(|route| route.with_state(state.clone())).collect();
        Api { head: self.head, guards: Vec::new(), idle_guard: None, routes }
    }

    /// Tells clients where to get a token for this API (RFC 9728). MCP clients (Model Context Protocol) need it: given
    /// only the server's address, they find the authorization server, log the user in, and ask for the right scopes.
    ///
    /// [`finish`](Self::finish) adds the metadata to the router, at `/.well-known/oauth-protected-resource` followed by
    /// the resource's path, and also without the path if there is no other resource. `scopes_supported` lists the
    /// scopes that the guards require. Every `WWW-Authenticate: Bearer` of this API then points to it, in responses and
    /// in the document:
    ///
    /// ```text
    /// WWW-Authenticate: Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp",
    /// scope="notes:read"
    /// ```
    ///
    /// It applies to all routes of this API, except those of a nested or merged API that has a resource of its own. The
    /// metadata is always at the host's root, so pass the finished router to `axum::serve` or to `Router::merge`; under
    /// a prefix (`Router::nest`) no client would find it. A proxy in front must forward
    /// `/.well-known/oauth-protected-resource`.
    ///
    /// ```
    /// use portcullis::{AccessTokens, Api, Guard, Json, api::ProtectedResource};
    ///
    /// async fn list_notes(guard: Guard<AccessTokens>) -> Json<Vec<String>> {
    ///     Json(vec![guard.principal().subject().to_owned()])
    /// }
    ///
    /// let resource = ProtectedResource::new("https://api.example").authorization_server("https://accounts.example");
    /// let api = Api::<AccessTokens>::new("Notes", "1.0").protected_resource(resource).get("/notes", list_notes);
    /// # api.finish()?;
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    #[must_use]
    pub fn protected_resource(mut self, resource: ProtectedResource) -> Self {
        if self.head.resource.replace(resource).is_some() {
            let defect =
                "`.protected_resource(…)` is called twice: an API is one resource, so nest one API for each";
            self.head.defects.push(defect.to_owned());
        }
        self
    }

    /// Builds the plain axum router and the document.
    ///
    /// # Errors
    /// [`ApiError`] lists all defects:
    /// - two different schemes with one name, or a scheme whose name is invalid
    /// - two routes at one place, or a path that axum would reject
    /// - two operations with one name, or a handler without a name (a closure)
    /// - two types with one name in the document, or a schema that cannot be checked
    /// - a `Path<…>` that does not fit its route, or a [`May`](crate::May) on a path without `{id}`
    /// - a scheme that is shown as something its guard does not read
    /// - guards that no request could satisfy together, or a guard for all routes with no route after it
    pub fn finish(mut self) -> Result<(Router<S>, Document), ApiError> {
        self.check_guards();
        self.check_resource();
        self.check_places();
        self.check_names();
        let Self { head, routes, .. } = self;
        let Head { info, mut servers, schemes, tags, mut published, mut defects, .. } = head;
        if servers.is_empty() {
            // Relative to the document, so that the router can be nested. Without it clients use the host's root.
            servers.push(json!({ "url": "." }));
        }
        // Described only now, when the whole path is known. One set of components for all keeps two types with one name
        // apart.
        let mut components = Components::new();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let mut known = HashSet::new();
        let all = routes.iter().map(|route| route.entry.path.replace("{*", "{"));
        let order: Vec<_> = all.filter(|path| known.insert(path.clone())).collect();
        // Sorted by path, so that reordering the routes does not change the document.
        let mut sorted: Vec<_> = routes.iter().collect();
        sorted.sort_by_key(|route| (&route.entry.path, route.entry.method));
        for route in &sorted {
            let entry = route.entry.operation(&mut components);
            note_scopes(&mut published, route.entry.resource.as_ref(), &entry);
            let path = route.entry.path.replace("{*", "{");
            paths.entry(path).or_default().insert(route.entry.method.to_owned(), entry.into());
        }
        components.check_names(|probe| {
            for route in sorted {
                route.entry.operation(probe);
            }
        });
        for (name, scheme) in schemes {
            components.show_scheme(name, scheme);
        }
        defects.extend(components.defects());
        if !defects.is_empty() {
            return Err(ApiError(defects));
        }

        let router = routes.into_iter().fold(protected_resource::routes(&published), |all, one| {
            let service = match one.entry.resource {
                Some(resource) => one.service.layer(Extension(resource)),
                None => one.service,
            };
            all.route(&one.entry.path, service)
        });
        let tags = tags
            .into_iter()
            .map(|Tag { name, description }| json!({ "name": name, "description": description }));
        // Moved, because `json!` would copy it, which is most of the cost of a large document.
        let mut paths: Value =
            paths.into_iter().map(|(path, entries)| (path, Value::from(entries))).collect();
        let components = components.finish(&mut paths);
        let document: Value = [
            ("openapi", "3.1.0".into()),
            ("info", info.into()),
            ("servers", servers.into()),
            ("tags", tags.collect()),
            ("paths", paths),
            ("components", components),
        ]
        .into_iter()
        .collect();
        Ok((router, Document::new(document, &order)))
    }

    fn add(&mut self, route: Route<S>) {
        if self.head.is_closed {
            let Entry { method, path, .. } = &route.entry;
            self.head.defects.push(format!(
                "{method} {path}: the API's guard does not reach it; declare it before `with_state`"
            ));
        }
        self.routes.push(guarded(&self.guards, route));
        self.idle_guard = None;
    }

    fn add_tag(&mut self, tag: Tag) {
        // A tag's name is unique in a document (OpenAPI 3.1 §4.8.1).
        if self.head.tags.iter().all(|known| known.name != tag.name) {
            self.head.tags.push(tag);
        }
    }

    /// Rejects a guard written after its routes, as layers are in axum: it would only look as if it guarded them.
    fn check_guards(&mut self) {
        if let Some(guard) = self.idle_guard.take() {
            self.head.defects.push(format!(
                "`.guard::<{guard}>()`: it applies to routes that are declared after it, and there are none; write it \
                    before the routes"
            ));
        }
    }

    /// Assigns this API's resource to the routes that have none of their own.
    fn check_resource(&mut self) {
        let Some(resource) = self.head.resource.take() else { return };
        let pointer = resource.pointer();
        for route in &mut self.routes {
            route.entry.resource.get_or_insert_with(|| pointer.clone());
        }
        self.head.defects.extend(resource.defects());
        if self.head.published.iter().any(|known| known.resource.place() == resource.place()) {
            self.head
                .defects
                .push(format!("another protected resource has its metadata at `{}`", resource.place()));
        }
        let title = self.head.info.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.head.published.push(Published { resource, title, scopes: BTreeSet::new() });
    }

    /// Reports as defects what axum would panic on.
    fn check_places(&mut self) {
        let mut places = Places::default();
        for place in protected_resource::places(self.head.published.iter().map(|one| &one.resource)) {
            for Route { entry: Entry { method, path, .. }, .. } in
                self.routes.iter().filter(|route| route.entry.path == place)
            {
                let defect = format!("{method} {path}: `.protected_resource(…)` serves its metadata here");
                self.head.defects.push(defect);
            }
        }
        for (index, Route { entry: Entry { method, path, .. }, .. }) in self.routes.iter().enumerate() {
            let is_free = places.take(method, path);
            if let Some(fault) = place::fault(path) {
                self.head.defects.push(format!("{method} {path}: {fault}"));
                continue;
            }
            if is_free {
                continue;
            }
            // Only to name the route in the way: comparing all pairs is slow for a thousand routes.
            for known in self.routes.iter().take(index) {
                if known.entry.path == *path && known.entry.method == *method {
                    self.head.defects.push(format!("{method} {path}: this route already exists"));
                } else if place::clash(&known.entry.path, path) {
                    self.head.defects.push(format!(
                        "{method} {path}: `{}` is the same path with other parameter names",
                        known.entry.path
                    ));
                }
            }
        }
    }

    /// A duplicate name is not made unique automatically: the result would depend on the other routes, and a client
    /// generated yesterday would not find its operation today.
    fn check_names(&mut self) {
        let known: HashSet<&str> = self.routes.iter().map(|route| &*route.entry.operation_id).collect();
        let mut names = HashSet::new();
        for route in &self.routes {
            let Entry { method, path, operation_id: name, .. } = &route.entry;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                self.head.defects.push(format!(
                    "{method} {path}: `{name}` is not a valid operation id; set one with \
                        `.operation_id(…)`"
                ));
            } else if !names.insert(Cow::Borrowed(&**name)) {
                let free = |name: &String| !known.contains(&**name) && !names.contains(&**name);
                let longer = route.entry.longer_names().find(free).unwrap_or_else(|| "…".to_owned());
                self.head.defects.push(format!(
                    "{method} {path}: another operation is already called `{name}`; set `.operation_id(\"{longer}\")`"
                ));
                names.insert(longer.into());
            }
        }
    }
}

/// Adds the scopes that an operation requires to the metadata of its resource.
fn note_scopes(published: &mut [Published], resource: Option<&Pointer>, operation: &Map<String, Value>) {
    let own = published
        .iter_mut()
        .find(|one| resource.is_some_and(|own| own.url() == one.resource.pointer().url()));
    let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let lists = requirements.filter_map(Value::as_object).flat_map(Map::values).filter_map(Value::as_array);
    if let Some(own) = own {
        own.scopes.extend(lists.flatten().filter_map(Value::as_str).map(str::to_owned));
    }
}

impl<S> fmt::Debug for Api<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| format!("{} {}", route.entry.method, route.entry.path));
        f.debug_list().entries(routes).finish()
    }
}

/// A handler that can be a route of an [`Api`]. Its first argument is an [`Access`]; the other arguments and the return
/// type describe themselves. Implemented for functions, and sealed.
#[diagnostic::on_unimplemented(
    message = "this handler cannot be a route of `Api`",
    label = "not a route",
    note = "its first argument says who may call: `Guard<…>`, `Maybe<…>` or `Public`",
    note = "for one row it is `May<…>`, for a list `Seen<…>`",
    note = "every other argument implements `portcullis::describe::Describe`, and its response type \
        `portcullis::describe::DescribeResponse`",
    note = "the types inside `Json<…>` and its like derive `schemars::JsonSchema` beside serde's traits",
    note = "axum's own `Json`, `Form`, `Query`, `Multipart` and `WebSocketUpgrade` need the feature `axum-full`",
    note = "a response has a type with a name: `impl IntoResponse` describes nothing",
    note = "an error type of your own implements `portcullis::describe::DescribeResponse`, or `portcullis::answers!` \
        writes it",
    note = "the state `{S}` holds the verifier of each guard: `#[derive(Clone, axum::extract::FromRef)]` on it",
    note = "for `May` and `Seen` the state `{S}` holds the `Policy` of the permission's object too",
    note = "for a `TypedTokens<…>` the state `{S}` holds `tokens.typed::<…>()`",
    note = "if all of that is so, put `#[axum::debug_handler]` on the handler: it finds a body that is not last, a \
        second body, a missing `async`, and a future that is not `Send`"
)]
pub trait Described<M, T, S>: Handler<T, S> {
    /// Adds what the handler's types say to `operation`.
    fn describe(operation: &mut Operation<'_>, ours: sealed::Ours);

    /// The body that its guard reads.
    #[doc(hidden)]
    fn wants_body(ours: sealed::Ours) -> Option<WantedBody>;
}

pub(crate) mod sealed {
    /// Cannot be named outside this crate, so no other implementation can describe a route without an access.
    #[derive(Debug)]
    pub struct Ours;
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<H, T, S, Answer, A, $($argument,)*> Described<PhantomData<(A, $($argument,)*)>, T, S> for H
        where
            H: Handler<T, S> + FnOnce(A, $($argument),*) -> Answer,
            Answer: Future<Output: DescribeResponse>,
            A: Access,
            $($argument: Describe,)*
        {
            fn describe(operation: &mut Operation<'_>, _: sealed::Ours) {
                A::describe_access(operation);
                $($argument::describe(operation);)*
                <Answer::Output as DescribeResponse>::describe_response(operation);
            }

            fn wants_body(_: sealed::Ours) -> Option<WantedBody> {
                A::wants_body()
            }
        }
    };
}
each_arity!(described);

/// The defects that keep an [`Api`] from being built.
#[derive(Debug)]
#[non_exhaustive]
pub struct ApiError(pub(crate) Vec<String>);

impl ApiError {
    /// The defects, one sentence each.
    #[must_use]
    pub fn defects(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API cannot be built:")?;
        self.0.iter().try_for_each(|defect| write!(f, "\n- {defect}"))
    }
}

impl std::error::Error for ApiError {}
