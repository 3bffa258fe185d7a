//! The rows of a list that a caller may see.

use std::{fmt, marker::PhantomData};

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{Decide, Permission, PolicyOf, describe};
use crate::{
    credential::WantedBody,
    denied::Denied,
    describe::Operation,
    guard::{Access, Authenticate, AuthenticateIn, Guard, sealed::Sealed},
};

/// A handler's first argument for a list. It lets a request through only if `V` accepts the credential and the
/// credential carries the scope `P`. It does not filter the list: pass [`viewer`](Self::viewer) to the function that
/// queries, and give no function access to the rows without one.
///
/// ```
/// use axum::extract::State;
/// use portcullis::{AccessToken, AccessTokens, Json, Seen, permission::Viewer};
/// # use portcullis::{permission::{Decide, Decision, Object, Undecided}, permissions};
/// # #[derive(Clone, serde::Serialize, schemars::JsonSchema)]
/// # struct Document { owner: String }
/// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = Documents; }
/// # permissions! { on Document { ReadDocument "document:read" "Read a document"; } }
/// # #[derive(Clone)]
/// # struct Documents(std::sync::Arc<Vec<Document>>);
/// # impl Decide<ReadDocument, AccessToken> for Documents {
/// #     async fn decide(self, _: &AccessToken, _: &u64) -> Result<Decision<Document>, Undecided> { Ok(Decision::Hide) }
/// # }
///
/// impl Documents {
///     fn seen_by(&self, viewer: &Viewer<ReadDocument, AccessToken>) -> Vec<Document> {
///         let owner = viewer.principal().subject();
///         self.0.iter().filter(|document| document.owner == owner).cloned().collect()
///     }
/// }
///
/// async fn list_documents(
///     seen: Seen<AccessTokens, ReadDocument>,
///     State(documents): State<Documents>,
/// ) -> Json<Vec<Document>> {
///     Json(documents.seen_by(seen.viewer()))
/// }
/// ```
///
/// The state holds the policy that decides about single rows, so that list and row share one policy. A caller who may
/// see nothing gets an empty list.
pub struct Seen<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    viewer: Viewer<P, V::Principal>,
}

impl<V, P> Seen<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    /// The caller and the permission that a query is made for.
    pub fn viewer(&self) -> &Viewer<P, V::Principal> {
        &self.viewer
    }

    /// The viewer, by value.
    pub fn into_viewer(self) -> Viewer<P, V::Principal> {
        self.viewer
    }

    /// The caller.
    pub fn principal(&self) -> &V::Principal {
        &self.viewer.principal
    }
}

/// A caller `C` whose credential carries `P`, for a function that lists what they may see. Only [`Seen`] creates one.
pub struct Viewer<P: Permission, C> {
    principal: C,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission, C> Viewer<P, C> {
    /// The caller.
    pub fn principal(&self) -> &C {
        &self.principal
    }
}

impl<St, V, P> FromRequestParts<St> for Seen<V, P>
where
    St: Send + Sync,
    V: AuthenticateIn<St>,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal> + FromRef<St>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Denied> {
        let guard = Guard::<V, P>::from_request_parts(parts, state).await?;
        Ok(Self { viewer: Viewer { principal: guard.into_principal(), permission: PhantomData } })
    }
}

impl<V, P> Access for Seen<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    fn wants_body() -> Option<WantedBody> {
        Guard::<V, P>::wants_body()
    }

    fn describe_access(operation: &mut Operation<'_>) {
        Guard::<V, P>::describe_access(operation);
        describe::several::<P>(operation);
    }
}

impl<V, P> Sealed for Seen<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
}

impl<V, P> fmt::Debug for Seen<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({})", P::NAME)
    }
}

impl<P: Permission, C> fmt::Debug for Viewer<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Viewer({})", P::NAME)
    }
}
