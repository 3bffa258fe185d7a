//! Permissions on rows: what a caller may do with one row, and which rows of a list they may see.
//!
//! A **permission** is a [`Scope`] that is also checked against a row. [`Guard`](crate::Guard) checks the scope of
//! the credential. [`May`] checks it too, loads the row that `{id}` in the path names, and asks your [`Decide`]
//! whether the caller has the permission on it. The handler receives only rows that the caller may access.
//!
//! ```
//! use axum::extract::{FromRef, State};
//! use portcullis::{
//!     AccessToken, AccessTokens, Api, Json, May, Seen,
//!     permission::{Decide, Decision, Object, Undecided, Viewer},
//!     permissions,
//! };
//!
//! #[derive(Clone, serde::Serialize, schemars::JsonSchema)]
//! struct Document { id: u64, owner: String, title: String }
//!
//! impl Object for Document {
//!     const NAME: &'static str = "document";
//!     type Id = u64;
//!     type Policy = Documents; // found in the state, as verifiers are
//! }
//!
//! permissions! {
//!     on Document {
//!         ReadDocument "document:read" "Read a document";
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Documents(std::sync::Arc<Vec<Document>>);
//!
//! impl Decide<ReadDocument, AccessToken> for Documents {
//!     async fn decide(self, caller: &AccessToken, id: &u64) -> Result<Decision<Document>, Undecided> {
//!         let mine = self.0.iter().find(|document| document.id == *id && document.owner == caller.subject());
//!         Ok(mine.cloned().map_or(Decision::Hide, Decision::Allow))
//!     }
//! }
//!
//! impl Documents {
//!     fn seen_by(&self, viewer: &Viewer<ReadDocument, AccessToken>) -> Vec<Document> {
//!         let owner = viewer.principal().subject();
//!         self.0.iter().filter(|document| document.owner == owner).cloned().collect()
//!     }
//! }
//!
//! async fn read_document(may: May<AccessTokens, ReadDocument>) -> Json<Document> {
//!     Json(may.into_object())
//! }
//!
//! async fn list_documents(
//!     seen: Seen<AccessTokens, ReadDocument>,
//!     State(documents): State<Documents>,
//! ) -> Json<Vec<Document>> {
//!     Json(documents.seen_by(seen.viewer()))
//! }
//!
//! #[derive(Clone, FromRef)]
//! struct App { tokens: AccessTokens, documents: Documents }
//!
//! let api = Api::<App>::new("Documents", "1").get("/documents", list_documents).get("/documents/{id}", read_document);
//! let (_, document) = api.finish()?;
//! let entry = &document.value()["paths"]["/documents/{id}"]["get"];
//! assert_eq!(entry["security"][0]["access_token"][0], "document:read");
//! assert_eq!(entry["x-portcullis-permission"]["on"], "document");
//! # Ok::<(), portcullis::ApiError>(())
//! ```
//!
//! | the caller | response of a route with `May` |
//! |---|---|
//! | has no credential, or an invalid one | 401, as with a [`Guard`](crate::Guard) |
//! | has a credential without the permission's scope | 403, `error="insufficient_scope"` |
//! | sends an `{id}` that is not a valid [`Object::Id`] | 422 |
//! | may not see the row, or it does not exist: [`Decision::Hide`] | 404, the same bytes for both |
//! | may see the row but not do this: [`Decision::Refuse`] | 403 with the permission's name ([`PermissionProblem`]) |
//! | may do it: [`Decision::Allow`] | the handler's |
//! | any, while the policy cannot decide: [`Undecided`] | 503, and a line in the log |
//!
//! The document lists the same: the scope in `security`, the parameter `id`, each of these responses, and
//! `x-portcullis-permission` with the members `permission`, `on` (the object's name) and `id` (the parameter's name;
//! absent for a list). If a tuple asks for several permissions, it is a list of such objects.
//!
//! See the [permissions guide](crate::learn::permissions). `examples/permissions.rs` is a complete application.

mod describe;
mod may;
mod rejection;
mod seen;

use std::{error::Error, fmt, future::Future};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use self::{
    may::{Allowed, May},
    rejection::{PermissionProblem, Rejection},
    seen::{Seen, Viewer},
};
use crate::scope::Scope;

/// A kind of row that permissions apply to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an object of permissions",
    note = "implement `portcullis::permission::Object` for it"
)]
pub trait Object: Sized + Send + Sync + 'static {
    /// A singular noun, such as `document`. Responses and the OpenAPI document use it.
    const NAME: &'static str;
    /// The type of `{id}` in the path, parsed and validated like [`Path`](crate::Path).
    type Id: DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// The type that decides about these objects. The state holds it; it implements [`Decide`] for each permission.
    type Policy: Send;
}

/// A scope that also applies to an object. Declare it with [`permissions!`](crate::permissions).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a permission",
    note = "declare it with `portcullis::permissions!`; a scope that is asked of no row stands in a `Guard`"
)]
pub trait Permission: Scope {
    /// The object that the permission applies to.
    type Object: Object;
}

/// Declares permissions, grouped by the object that they apply to. Each has a type, a name, and one sentence for the
/// person who grants it.
///
/// ```
/// use portcullis::{Scope, permission::{Object, Permission}, permissions};
/// # pub struct Documents;
/// # pub struct Document;
/// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = Documents; }
/// # pub struct Folder;
/// # impl Object for Folder { const NAME: &'static str = "folder"; type Id = u64; type Policy = Documents; }
///
/// permissions! {
///     on Document {
///         pub ReadDocument "document:read" "Read a document";
///         pub WriteDocument "document:write" "Change a document";
///     }
///     on Folder {
///         pub ReadFolder "folder:read" "See what is in a folder";
///     }
/// }
///
/// assert_eq!(WriteDocument::NAME, "document:write");
/// fn of_a_folder<P: Permission<Object = Folder>>() {}
/// of_a_folder::<ReadFolder>();
/// ```
///
/// Each permission is a [`Scope`] too, so `Guard<V, ReadDocument>` and the scopes of tokens and keys use the same
/// names.
#[macro_export]
macro_rules! permissions {
    ($(on $object:ty {
        $($(#[$attribute:meta])* $visibility:vis $name:ident $text:literal $description:literal;)+
    })+) => {$($(
        $(#[$attribute])*
        #[doc = $description]
        #[derive(Debug, Clone, Copy)]
        $visibility struct $name;

        impl $crate::Scope for $name {
            const NAME: &'static str = $text;
            const DESCRIPTION: &'static str = $description;
        }

        impl $crate::permission::Permission for $name {
            type Object = $object;
        }
    )+)+};
}

/// Decides whether a caller has a permission on one object, and loads the object. You implement it; [`May`] calls it.
///
/// `P` is the permission. `C` is the caller: the [`Verify::Principal`](crate::Verify::Principal) of the route's
/// verifier. [`Object::Policy`] names the type that implements it, and [`FromRef`](axum::extract::FromRef) takes that
/// type from the state. One implementation can serve every permission of an object: `impl<P: Permission<Object =
/// Document>> Decide<P, User> for Documents`. If a route takes [`Either`](crate::Either) of two verifiers, the caller
/// is an `Either<User, User>` too.
///
/// Load and decide in one statement where you can: between two statements, the row may change hands. A policy takes
/// `self`, so it can be a cheap clone of what is in the state, or borrow a transaction for a single decision
/// ([`Guard::may`](crate::Guard::may)).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decide `{P}` for a caller of type `{C}`",
    label = "no policy decides this",
    note = "implement `portcullis::permission::Decide<{P}, {C}>` for `{Self}`, the `Policy` of the permission's object"
)]
pub trait Decide<P: Permission, C>: Sized + Send {
    /// Decides about the object with this id.
    ///
    /// # Errors
    /// [`Undecided`] if no decision can be made, for example because the database is unreachable. The caller gets
    /// 503.
    fn decide(
        self,
        caller: &C,
        id: &<P::Object as Object>::Id,
    ) -> impl Future<Output = Result<Decision<P::Object>, Undecided>> + Send;
}

/// The decision of a policy about one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a decision that is not looked at protects nothing"]
pub enum Decision<T> {
    /// The caller has the permission. Carries the object.
    Allow(T),
    /// The caller may see the object but lacks this permission. The response is 403 and names the permission.
    Refuse,
    /// The caller may not see the object, or it does not exist. The response is 404 in both cases, so callers cannot
    /// find out which ids exist.
    Hide,
}

/// No decision could be made. The cause is logged and never sent to the caller. Each type of permission logs once a
/// minute at level `error`, with the number of failures in between as `suppressed`; those are logged at level `debug`.
#[derive(Debug)]
pub struct Undecided(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Undecided {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a permission's object.
type IdOf<P> = <<P as Permission>::Object as Object>::Id;

/// What decides about a permission's object.
type PolicyOf<P> = <<P as Permission>::Object as Object>::Policy;
