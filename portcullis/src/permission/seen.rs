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

/// A handler's first argument for a list: lets a request through only if `V` accepts the credential and the credential
/// carries the scope `P`. What the list holds is decided where it is made: give [`viewer`](Self::viewer) to the function
/// that queries, and let no function query without one.
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
/// The state holds the policy that decides about one row, so that list and row are one policy's. Somebody who may see
/// nothing gets an empty list.
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
    /// For whom, and under which permission, a query may be made.
    pub fn viewer(&self) -> &Viewer<P, V::Principal> {
        &self.viewer
    }

    /// The same, by value.
    pub fn into_viewer(self) -> Viewer<P, V::Principal> {
        self.viewer
    }

    /// Whom the credential stands for.
    pub fn principal(&self) -> &V::Principal {
        &self.viewer.principal
    }
}

/// A caller `C` whose credential carries `P`, for a function that lists what they may see. Only [`Seen`] makes one.
pub struct Viewer<P: Permission, C> {
    principal: C,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission, C> Viewer<P, C> {
    /// Who looks.
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
