//! One route of an [`Api`](super::Api).

use std::fmt;

use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Map, Value, json};

use super::Described;
use crate::describe::{Components, Operation};

/// One route: method, path, handler, and what its types cannot say.
pub struct Route<S> {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) operation_id: &'static str,
    /// Who may call, if the whole router has a say in it, and then the handler's own types.
    pub(super) describe: Vec<fn(&mut Operation<'_>)>,
    pub(super) filter: MethodFilter,
    pub(super) service: MethodRouter<S>,
    pub(super) tag: Option<&'static str>,
    summary: Option<String>,
    description: Option<&'static str>,
    deprecated: bool,
}

impl<S> Route<S> {
    fn new<H, T, M>(method: &'static str, filter: MethodFilter, path: &str, handler: H) -> Self
    where
        H: Described<M, T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let operation_id = std::any::type_name::<H>().rsplit("::").next().unwrap_or_default();
        Self {
            method,
            path: path.to_owned(),
            operation_id,
            describe: vec![H::describe],
            filter,
            service: on(filter, handler),
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

    /// The operation in the document.
    pub(super) fn entry(&self, components: &mut Components) -> Map<String, Value> {
        let mut operation = Operation::new(self.method, &self.path, components);
        self.describe.iter().for_each(|describe| describe(&mut operation));
        let mut entry = operation.into_object();
        let summary = self.summary.clone().unwrap_or_else(|| sentence(self.operation_id));
        entry.insert("operationId".to_owned(), self.operation_id.into());
        entry.insert("summary".to_owned(), summary.into());
        entry.extend(self.description.map(|text| ("description".to_owned(), text.into())));
        entry.extend(self.tag.map(|tag| ("tags".to_owned(), json!([tag]))));
        if self.deprecated {
            entry.insert("deprecated".to_owned(), true.into());
        }
        entry
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} {} {})", self.method, self.path, self.operation_id)
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
route_of!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

/// `read_profile` as a summary: "Read profile".
fn sentence(name: &str) -> String {
    let words = name.trim_matches('_').replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
