//! The router whose routes describe themselves.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    future::Future,
    marker::PhantomData,
};

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::{Map, Value, json};

pub use crate::docs::Document;
use crate::{
    describe::{Components, Describe, DescribeResponse, Operation},
    guard::Access,
};

/// A router and its OpenAPI 3.1 document, grown together.
///
/// Every route's entry comes from its handler's types alone; a handler whose first argument does not say
/// who may call does not compile here. [`Api::finish`] gives a plain axum [`Router`] and the [`Document`].
///
/// ```
/// use portcullis::{Api, Json, Public};
///
/// /// What a stranger may ask.
/// async fn health(_: Public) -> Json<&'static str> { Json("alive") }
///
/// let (router, document) = Api::<()>::new("Shop", "1.0").get("/health", health).finish()?;
/// assert_eq!(document.value()["paths"]["/health"]["get"]["operationId"], "health");
/// # Ok::<(), portcullis::ApiError>(())
/// ```
pub struct Api<S> {
    info: Map<String, Value>,
    servers: Vec<Value>,
    tag: Option<&'static str>,
    tags: Vec<Value>,
    routes: Vec<Placed<S>>,
    components: Components,
    defects: Vec<String>,
}

/// A route at its full path, described.
struct Placed<S> {
    path: String,
    method: &'static str,
    entry: Value,
    service: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// An empty API with the title and the version that its document shows.
    #[must_use]
    pub fn new(title: &str, version: &str) -> Self {
        Self {
            info: Map::from_iter([
                ("title".to_owned(), title.into()),
                ("version".to_owned(), version.into()),
            ]),
            servers: Vec::new(),
            tag: None,
            tags: Vec::new(),
            routes: Vec::new(),
            components: Components::new(),
            defects: Vec::new(),
        }
    }

    /// What the API is, in CommonMark.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.info.insert("description".to_owned(), text.into());
        self
    }

    /// Where the API is reached, if not at the document's own origin: an absolute URL or a path such as
    /// `/api`, for a router that is nested into another by hand.
    #[must_use]
    pub fn server(mut self, url: &str) -> Self {
        self.servers.push(json!({ "url": url }));
        self
    }

    /// Groups the routes that are declared after this call.
    #[must_use]
    pub fn tag(mut self, name: &'static str, description: &str) -> Self {
        self.tag = Some(name);
        self.tags.push(json!({ "name": name, "description": description }));
        self
    }

    /// Adds a route for GET (and HEAD).
    #[must_use]
    pub fn get<H: Handler<T, S> + Described<M>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(get(path, handler))
    }

    /// Adds a route for POST.
    #[must_use]
    pub fn post<H: Handler<T, S> + Described<M>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(post(path, handler))
    }

    /// Adds a route for PUT.
    #[must_use]
    pub fn put<H: Handler<T, S> + Described<M>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(put(path, handler))
    }

    /// Adds a route for PATCH.
    #[must_use]
    pub fn patch<H: Handler<T, S> + Described<M>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(patch(path, handler))
    }

    /// Adds a route for DELETE.
    #[must_use]
    pub fn delete<H: Handler<T, S> + Described<M>, T: 'static, M>(self, path: &str, handler: H) -> Self {
        self.route(delete(path, handler))
    }

    /// Adds a route that has more to say than its path: [`get`]`("/", home).summary("…")`.
    #[must_use]
    pub fn route(mut self, route: Route<S>) -> Self {
        let mut operation = Operation::new(&route.path, &mut self.components);
        (route.describe)(&mut operation);
        let mut entry = operation.into_object();
        let tag = route.tag.or(self.tag);
        let summary = route.summary.unwrap_or_else(|| sentence(route.operation_id));
        entry.insert("operationId".to_owned(), route.operation_id.into());
        entry.insert("summary".to_owned(), summary.into());
        entry.extend(route.description.map(|text| ("description".to_owned(), text.into())));
        entry.extend(tag.map(|tag| ("tags".to_owned(), json!([tag]))));
        if route.deprecated {
            entry.insert("deprecated".to_owned(), true.into());
        }
        self.place(route.path, route.method.0, entry.into(), route.service);
        self
    }

    /// Takes in the routes of another API.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.nest("", other)
    }

    /// Takes in the routes of another API under `prefix`, which begins with `/` and does not end with one.
    #[must_use]
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        self.components.absorb(other.components);
        self.defects.extend(other.defects);
        self.tags.extend(other.tags);
        for Placed { path, method, entry, service } in other.routes {
            let path = if path == "/" && !prefix.is_empty() { prefix.to_owned() } else { prefix.to_owned() + &path };
            self.place(path, method, entry, service);
        }
        self
    }

    /// The plain axum router and the document.
    ///
    /// # Errors
    /// [`ApiError`] names every defect at once: two schemes of one name, two routes at one place, two
    /// operations of one name, a name that is none (a closure's), a schema that cannot be checked.
    pub fn finish(self) -> Result<(Router<S>, Document), ApiError> {
        let Self { info, mut servers, tags, routes, components, mut defects, .. } = self;
        if servers.is_empty() {
            // Beside the document, wherever the router is nested; without it a client asks the host's root.
            servers.push(json!({ "url": "." }));
        }
        defects.extend(components.defects().iter().cloned());
        let mut names = HashSet::new();
        for Placed { path, method, entry, .. } in &routes {
            let name = entry.get("operationId").and_then(Value::as_str).unwrap_or_default();
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                defects.push(format!("{method} {path}: `{name}` is no name; give it `.operation_id(…)`"));
            } else if !names.insert(name) {
                defects.push(format!("{method} {path}: another operation is called `{name}` already"));
            }
        }
        if !defects.is_empty() {
            return Err(ApiError(defects));
        }

        let mut router = Router::new();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for Placed { path, method, entry, service } in routes {
            paths.entry(path.replace("{*", "{")).or_default().insert(method.to_owned(), entry);
            router = router.route(&path, service);
        }
        let mut paths = json!(paths);
        let components = components.finish(&mut paths);
        Ok((
            router,
            Document::new(json!({
                "openapi": "3.1.0",
                "info": info,
                "servers": servers,
                "tags": tags,
                "paths": paths,
                "components": components,
            })),
        ))
    }

    fn place(&mut self, path: String, method: &'static str, entry: Value, service: MethodRouter<S>) {
        if !path.starts_with('/') {
            self.defects.push(format!("{method} {path}: a path begins with `/`"));
        } else if self.routes.iter().any(|known| known.method == method && same_place(&known.path, &path)) {
            self.defects.push(format!("{method} {path}: there is such a route already"));
        } else {
            self.routes.push(Placed { path, method, entry, service });
        }
    }
}

impl<S> fmt::Debug for Api<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| format!("{} {}", route.method, route.path));
        f.debug_list().entries(routes).finish()
    }
}

/// One route: method, path, handler, and what its types cannot say.
pub struct Route<S> {
    method: (&'static str, MethodFilter),
    path: String,
    operation_id: &'static str,
    describe: fn(&mut Operation<'_>),
    service: MethodRouter<S>,
    tag: Option<&'static str>,
    summary: Option<String>,
    description: Option<&'static str>,
    deprecated: bool,
}

impl<S> Route<S> {
    fn new<H, T, M>(method: (&'static str, MethodFilter), path: &str, handler: H) -> Self
    where
        H: Handler<T, S> + Described<M>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let operation_id = std::any::type_name::<H>().rsplit("::").next().unwrap_or_default();
        Self {
            method,
            path: path.to_owned(),
            operation_id,
            describe: H::describe,
            service: on(method.1, handler),
            tag: None,
            summary: None,
            description: None,
            deprecated: false,
        }
    }

    /// Replaces the name that the document takes from the function.
    #[must_use]
    pub fn operation_id(mut self, name: &'static str) -> Self {
        self.operation_id = name;
        self
    }

    /// One line; without it, the function's name as words.
    #[must_use]
    pub fn summary(mut self, text: &str) -> Self {
        self.summary = Some(text.to_owned());
        self
    }

    /// More about the route, in CommonMark.
    #[must_use]
    pub fn description(mut self, text: &'static str) -> Self {
        self.description = Some(text);
        self
    }

    /// Groups this route alone, whatever the API's tag.
    #[must_use]
    pub fn tag(mut self, name: &'static str) -> Self {
        self.tag = Some(name);
        self
    }

    /// Marks the route as one that clients should leave.
    #[must_use]
    pub fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {} {})", self.method.0, self.path, self.operation_id)
    }
}

macro_rules! route_of {
    ($($method:ident $filter:ident),*) => {$(
        #[doc = concat!("A route for ", stringify!($filter), ", for [`Api::route`].")]
        pub fn $method<S, H, T, M>(path: &str, handler: H) -> Route<S>
        where
            H: Handler<T, S> + Described<M>,
            T: 'static,
            S: Clone + Send + Sync + 'static,
        {
            Route::new((stringify!($method), MethodFilter::$filter), path, handler)
        }
    )*};
}
route_of!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

/// A handler that can be a route of an [`Api`]: its first argument is an [`Access`], every other argument
/// describes itself, and so does its answer. Implemented for functions; there is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "this handler cannot be a route of `Api`",
    label = "not a route",
    note = "its first argument says who may call: `Guard<…>`, `Maybe<…>` or `Public`",
    note = "every other argument implements `portcullis::Describe`, and its answer `portcullis::DescribeResponse`"
)]
pub trait Described<M> {
    /// Adds what the handler's types say to `operation`.
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! described {
    ($($argument:ident),*) => {
        impl<F, Answer, A, $($argument,)*> Described<PhantomData<(A, $($argument,)*)>> for F
        where
            F: FnOnce(A, $($argument),*) -> Answer,
            Answer: Future<Output: DescribeResponse>,
            A: Access,
            $($argument: Describe,)*
        {
            fn describe(operation: &mut Operation<'_>) {
                A::describe_access(operation);
                $($argument::describe(operation);)*
                <Answer::Output as DescribeResponse>::describe_response(operation);
            }
        }
    };
}
described!();
described!(B);
described!(B, C);
described!(B, C, D);
described!(B, C, D, E);
described!(B, C, D, E, G);
described!(B, C, D, E, G, H);
described!(B, C, D, E, G, H, I);

/// Why an [`Api`] cannot be built: every defect, one a line.
#[derive(Debug)]
#[non_exhaustive]
pub struct ApiError(Vec<String>);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API cannot be built:")?;
        self.0.iter().try_for_each(|defect| write!(f, "\n- {defect}"))
    }
}

impl std::error::Error for ApiError {}

/// `read_profile` as a summary: "Read profile".
fn sentence(name: &str) -> String {
    let words = name.trim_matches('_').replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether two paths would meet the same requests: parameters' names do not tell paths apart.
fn same_place(a: &str, b: &str) -> bool {
    let shape = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    a.split('/').map(shape).eq(b.split('/').map(shape))
}
