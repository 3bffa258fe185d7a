//! Who may do what with one row, and which rows of a list a caller may see.
//!
//! A **permission** is a [`Scope`] that is also asked of a row. [`Guard`](crate::Guard) checks the scope of the
//! credential; [`May`] checks it too, loads the row that `{id}` in the path names, and asks your [`Decide`] whether the
//! caller has the permission on it. The handler gets the row and never sees one that the caller may not have.
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
//! | the caller | answer of a route with `May` |
//! |---|---|
//! | has no credential, or a bad one | 401, as with a [`Guard`](crate::Guard) |
//! | has a credential without the permission's scope | 403, `error="insufficient_scope"` |
//! | sends an `{id}` that [`Object::Id`] does not take | 422 |
//! | may not see the row, or there is none: [`Decision::Hide`] | 404, the same bytes for both |
//! | may see the row and not do this: [`Decision::Refuse`] | 403 with the permission's name ([`PermissionProblem`]) |
//! | may do it: [`Decision::Allow`] | the handler's |
//! | asks while the policy cannot decide: [`Undecided`] | 503, and a line in the log |
//!
//! The document says the same: the scope in `security`, the parameter `id`, each of these answers, and
//! `x-portcullis-permission` with the members `permission`, `on` (the object's name) and `id` (the parameter's name;
//! a list has none). Where a tuple asks for several permissions, it is a list of such objects.
//!
//! The guide is [permissions](crate::learn::permissions); `examples/permissions.rs` is a whole application.

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

/// A kind of row that permissions are asked of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an object of permissions",
    note = "implement `portcullis::permission::Object` for it"
)]
pub trait Object: Sized + Send + Sync + 'static {
    /// A noun in the singular, such as `document`. Answers and the OpenAPI document use it.
    const NAME: &'static str;
    /// What `{id}` in the path is, read and checked as [`Path`](crate::Path) does it.
    type Id: DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What decides about these objects: a type that the state holds, with a [`Decide`] for each permission.
    type Policy: Send;
}

/// A scope that is also asked of an object. [`permissions!`](crate::permissions) writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a permission",
    note = "declare it with `portcullis::permissions!`; a scope that is asked of no row stands in a `Guard`"
)]
pub trait Permission: Scope {
    /// What it is asked of.
    type Object: Object;
}

/// Declares permissions, grouped by the object that they are asked of: a type, the name, and one sentence for the
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
/// Each is a [`Scope`] too, so `Guard<V, ReadDocument>` and the scopes of tokens and keys use the same names.
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

/// Decides whether a caller has a permission on one object, and loads the object: your half of a [`May`].
///
/// `P` is the permission and `C` the caller, which is the [`Verify::Principal`](crate::Verify::Principal) of the route's
/// verifier. [`Object::Policy`] names the type that implements it, and [`FromRef`](axum::extract::FromRef) finds that in
/// the state. One implementation can serve every permission of an object:
/// `impl<P: Permission<Object = Document>> Decide<P, User> for Documents`. Where a route takes
/// [`Either`](crate::Either) of two verifiers, so is the caller: `Either<User, User>`.
///
/// Load and decide in one statement where you can: between two, the row may change hands. A policy takes `self`, so it
/// can be a cheap clone of what is in the state, or borrow a transaction for one question
/// ([`Guard::may`](crate::Guard::may)).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not decide `{P}` for a caller of type `{C}`",
    label = "no policy decides this",
    note = "implement `portcullis::permission::Decide<{P}, {C}>` for `{Self}`, the `Policy` of the permission's object"
)]
pub trait Decide<P: Permission, C>: Sized + Send {
    /// The decision about the object with this id.
    ///
    /// # Errors
    /// [`Undecided`] when there is no decision: the database is out of reach. The caller gets 503; neither a refusal
    /// nor a pass would be true.
    fn decide(
        self,
        caller: &C,
        id: &<P::Object as Object>::Id,
    ) -> impl Future<Output = Result<Decision<P::Object>, Undecided>> + Send;
}

/// What a policy answers about one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a decision that is not looked at protects nothing"]
pub enum Decision<T> {
    /// The caller has the permission: here is the object.
    Allow(T),
    /// The caller may see the object, and lacks this permission: 403, which names it.
    Refuse,
    /// The caller may not see the object, or there is none: 404 in both cases, so that nobody learns which ids exist.
    Hide,
}

/// No decision could be reached. The cause goes to the log and never to the caller: once a minute for each permission at
/// level `error`, with the number `untold` of those between, which are at level `debug`.
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
