//! One row, loaded and decided before the handler runs.

use std::{any::TypeId, fmt, marker::PhantomData, panic::AssertUnwindSafe, time::Instant};

use axum::extract::{FromRef, FromRequestParts};
use futures_util::FutureExt as _;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Decide, Decision, IdOf, Permission, PolicyOf, Rejection, describe};
use crate::{
    credential::WantedBody,
    describe::Operation,
    guard::{Access, Authenticate, AuthenticateIn, FAILURES, Guard, sealed::Sealed},
    input::Path,
    scope::Scope,
};

/// A handler's first argument for a route about one row. It lets a request through only if `V` accepts the
/// credential, the credential carries the scope `P`, and the caller has the permission `P` on the object that `{id}`
/// in the path names.
///
/// [`Decide`] loads the object and decides in one call; [`into_object`](Self::into_object) returns it. The checks run
/// in this order, before the body is read: 401, 403 for the scope, 422 for the id, then 404 or 403 for the object.
///
/// ```
/// use portcullis::{AccessTokens, Json, May};
/// # use portcullis::{AccessToken, permission::{Decide, Decision, Object, Undecided}, permissions};
/// # #[derive(serde::Serialize, schemars::JsonSchema)]
/// # struct Document { id: u64 }
/// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = Documents; }
/// # permissions! { on Document { ReadDocument "document:read" "Read a document"; } }
/// # #[derive(Clone)]
/// # struct Documents;
/// # impl Decide<ReadDocument, AccessToken> for Documents {
/// #     async fn decide(self, _: &AccessToken, _: &u64) -> Result<Decision<Document>, Undecided> { Ok(Decision::Hide) }
/// # }
///
/// async fn read_document(may: May<AccessTokens, ReadDocument>) -> Json<Document> {
///     Json(may.into_object())
/// }
/// ```
///
/// Like a [`Guard`], it has no other constructor. `{id}` can be anywhere in the path, as in
/// `/teams/{team}/documents/{id}`. [`Api::finish`](crate::Api::finish) returns an error for a route without it.
pub struct May<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    object: P::Object,
    allowed: Allowed<P, V::Principal>,
}

impl<V, P> May<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    /// The object, as the policy loaded it.
    pub fn object(&self) -> &P::Object {
        &self.object
    }

    /// The object, by value.
    pub fn into_object(self) -> P::Object {
        self.object
    }

    /// The caller.
    pub fn principal(&self) -> &V::Principal {
        &self.allowed.principal
    }

    /// The object's id.
    pub fn id(&self) -> &IdOf<P> {
        &self.allowed.id
    }

    /// The proof of the permission, for a function that changes the object.
    pub fn allowed(&self) -> &Allowed<P, V::Principal> {
        &self.allowed
    }

    /// The object and the proof, by value.
    pub fn into_parts(self) -> (P::Object, Allowed<P, V::Principal>) {
        (self.object, self.allowed)
    }
}

/// Proof that a caller `C` was allowed `P` on one object. Take it as an argument in store functions, so that they
/// cannot be called without the check.
///
/// ```
/// use portcullis::permission::Allowed;
/// # use portcullis::{permission::Object, permissions};
/// # struct Document;
/// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = (); }
/// # permissions! { on Document { WriteDocument "document:write" "Change a document"; } }
/// # struct User { account: u64 }
/// # struct Documents;
///
/// impl Documents {
///     fn rename(&self, allowed: &Allowed<WriteDocument, User>, title: &str) {
///         let (id, account) = (allowed.id(), allowed.principal().account);
///         // UPDATE documents SET title = $1 WHERE id = $2 AND owner = $3: the rule again, where it changes
///     #   let _ = (id, account, title);
///     }
/// }
/// ```
///
/// Only [`May`] and [`Guard::may`] create one. It proves a decision made earlier. Under `READ COMMITTED`, a grant can
/// be withdrawn in between. If a statement must not act on a withdrawn grant, repeat the rule in its `WHERE`, with
/// this caller and this id. If it then changes no row, respond with [`Rejection::missing`].
pub struct Allowed<P: Permission, C> {
    principal: C,
    id: IdOf<P>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission, C> Allowed<P, C> {
    /// The caller who was allowed.
    pub fn principal(&self) -> &C {
        &self.principal
    }

    /// The object's id.
    pub fn id(&self) -> &IdOf<P> {
        &self.id
    }
}

impl<V: Authenticate, P: Permission> Guard<V, P> {
    /// Decides about an object whose id is not in the path, such as an id in the body or one of several.
    ///
    /// `policy` is the one in the state, or another type that implements [`Decide`] for this permission. It can
    /// borrow a transaction, for example, so that the decision and the change are atomic.
    ///
    /// ```
    /// use axum::extract::State;
    /// use portcullis::{AccessTokens, Guard, Json, permission::Rejection};
    /// # use portcullis::{AccessToken, permission::{Decide, Decision, Object, Undecided}, permissions};
    /// # struct Document;
    /// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = Documents; }
    /// # permissions! { on Document { WriteDocument "document:write" "Change a document"; } }
    /// # #[derive(Clone)]
    /// # struct Documents;
    /// # impl Decide<WriteDocument, AccessToken> for Documents {
    /// #     async fn decide(self, _: &AccessToken, _: &u64) -> Result<Decision<Document>, Undecided> { Ok(Decision::Hide) }
    /// # }
    ///
    /// async fn archive(
    ///     guard: Guard<AccessTokens, WriteDocument>,
    ///     State(documents): State<Documents>,
    ///     Json(ids): Json<Vec<u64>>,
    /// ) -> Result<Json<u64>, Rejection> {
    ///     let mut archived = 0;
    ///     for id in ids {
    ///         let may = guard.may(documents.clone(), id).await?; // 404 or 403 for the first that is not allowed
    ///         # let _ = may;
    ///         archived += 1;
    ///     }
    ///     Ok(Json(archived))
    /// }
    /// # let _ = portcullis::Api::<App>::new("Documents", "1").post("/archive", archive);
    /// # #[derive(Clone, axum::extract::FromRef)]
    /// # struct App { tokens: AccessTokens, documents: Documents }
    /// ```
    ///
    /// # Errors
    /// [`Rejection`]: 404, 403 or 503.
    pub async fn may<D>(&self, policy: D, id: IdOf<P>) -> Result<May<V, P>, Rejection>
    where
        V::Principal: Clone,
        PolicyOf<P>: Decide<P, V::Principal>,
        D: Decide<P, V::Principal>,
    {
        decided(policy, self.principal().clone(), id).await
    }
}

impl<St, V, P> FromRequestParts<St> for May<V, P>
where
    St: Send + Sync,
    V: AuthenticateIn<St>,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal> + FromRef<St>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Rejection> {
        let guard = Guard::<V, P>::from_request_parts(parts, state).await?;
        let Path(ById { id }) = Path::<ById<IdOf<P>>>::from_request_parts(parts, state).await?;
        decided(PolicyOf::<P>::from_ref(state), guard.into_principal(), id).await
    }
}

impl<V, P> Access for May<V, P>
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
        describe::one::<P>(operation);
    }
}

impl<V, P> Sealed for May<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
}

impl<V, P> fmt::Debug for May<V, P>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "May({})", P::NAME)
    }
}

impl<P: Permission, C> fmt::Debug for Allowed<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allowed({})", P::NAME)
    }
}

/// The path's `{id}`. Other parameters are ignored.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ById<I> {
    id: I,
}

/// Asks the policy. A panic fails this request only and never counts as a decision, as with a verifier.
async fn decided<V, P, D>(policy: D, principal: V::Principal, id: IdOf<P>) -> Result<May<V, P>, Rejection>
where
    V: Authenticate,
    P: Permission,
    PolicyOf<P>: Decide<P, V::Principal>,
    D: Decide<P, V::Principal>,
{
    let asked = AssertUnwindSafe(async { policy.decide(&principal, &id).await }).catch_unwind().await;
    match asked.unwrap_or_else(|_| Err("the policy panicked".into())) {
        Ok(Decision::Allow(object)) => {
            Ok(May { object, allowed: Allowed { principal, id, permission: PhantomData } })
        }
        Ok(Decision::Refuse) => Err(Rejection::refused::<P>()),
        Ok(Decision::Hide) => Err(Rejection::missing::<P::Object>()),
        Err(cause) => {
            let permission = <P as Scope>::NAME;
            if let Some(suppressed) = FAILURES.tell(TypeId::of::<P>(), Instant::now()) {
                tracing::error!(permission, %cause, suppressed, "a permission could not be decided");
            } else {
                tracing::debug!(permission, %cause, "a permission could not be decided");
            }
            Err(Rejection::undecided())
        }
    }
}
