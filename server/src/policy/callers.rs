//! Connects the policy to the library's guards: `May<Caller, P>` and `Seen<Caller, P>` in an application's handlers.
//!
//! A guard lets a request in only if its credential carries the permission's scope; the policy then decides for the
//! account. So a caller may do what both allow, and the argument of a function here ([`Allowed`], [`Viewer`]) proves
//! both.

use portcullis::{
    Either,
    permission::{self, Allowed, Decide, Object, Permission, Rejection, Undecided, Viewer},
};

use super::{AccountId, Declare, Error, ObjectId, Policy, PolicyError, Scope};
use crate::{
    access::{KeyHolder, Principal, Requester},
    db::{Conn, FromRow, Value},
};

/// The account that a credential stands for. Implement it for the principals of your own verifiers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an account of this server",
    note = "guard the route with `Caller`, `SessionTokens` or `SessionCookies`, or implement \
        `portcullis_server::policy::Who`"
)]
pub trait Who {
    /// The account.
    fn account(&self) -> AccountId;

    /// The session or API key that the guard saw, if it is one of this server's. The routes of
    /// [`sharing`](super::sharing) verify it again in their transaction: a session that was ended meanwhile, or an account
    /// that was disabled, shares nothing.
    fn requester(&self) -> Option<Requester> {
        None
    }
}

impl Who for Principal {
    fn account(&self) -> AccountId {
        self.account
    }

    fn requester(&self) -> Option<Requester> {
        Some(self.into())
    }
}

impl Who for KeyHolder {
    fn account(&self) -> AccountId {
        self.account
    }

    fn requester(&self) -> Option<Requester> {
        Some(Requester::Key(*self))
    }
}

impl<L: Who, R: Who> Who for Either<L, R> {
    fn account(&self) -> AccountId {
        match self {
            Self::Left(who) => who.account(),
            Self::Right(who) => who.account(),
        }
    }

    fn requester(&self) -> Option<Requester> {
        match self {
            Self::Left(who) => who.requester(),
            Self::Right(who) => who.requester(),
        }
    }
}

/// A policy that decides on one connection; created by [`Policy::on`].
#[derive(Debug, Clone, Copy)]
pub struct On<'c> {
    policy: &'c Policy,
    conn: Conn<'c>,
}

impl<P, C> Decide<P, C> for Policy
where
    P: Permission,
    P::Object: Declare + FromRow,
    <P::Object as Object>::Id: Copy + Into<ObjectId>,
    C: Who + Sync,
{
    /// Loads the row and decides in one statement.
    async fn decide(
        self,
        caller: &C,
        id: &<P::Object as Object>::Id,
    ) -> Result<permission::Decision<P::Object>, Undecided> {
        let mut reader = self.0.db.read().await?;
        Decide::<P, C>::decide(self.on(reader.conn()), caller, id).await
    }
}

impl<P, C> Decide<P, C> for On<'_>
where
    P: Permission,
    P::Object: Declare + FromRow,
    <P::Object as Object>::Id: Copy + Into<ObjectId>,
    C: Who + Sync,
{
    async fn decide(
        self,
        caller: &C,
        id: &<P::Object as Object>::Id,
    ) -> Result<permission::Decision<P::Object>, Undecided> {
        let name = <P as Scope>::NAME;
        let of = &self.policy.rule(name)?.of.name;
        if of.as_str() != <P::Object as Declare>::TYPE {
            let what = format!(
                "{name} is declared for a {of}, but checked on a {}: `permissions!` and `object!` must name the same \
                    type",
                <P::Object as Declare>::TYPE
            );
            return Err(PolicyError::new(String::new(), what).into());
        }
        match self.policy.load(self.conn, caller.account(), name, *id).await {
            Ok(row) => Ok(permission::Decision::Allow(row)),
            Err(Error::Forbidden(_)) => Ok(permission::Decision::Refuse),
            Err(Error::NotFound) => Ok(permission::Decision::Hide),
            Err(cause) => Err(cause.into()),
        }
    }
}

impl Policy {
    /// This policy on your connection, for ids that arrive in a body: the rest of the transaction then works with a row
    /// that was checked in it.
    ///
    /// ```
    /// use axum::extract::{FromRef, State};
    /// use portcullis::{Created, Guard, Json, permissions};
    /// use portcullis_server::{App, Caller, from_row, object, policy::{Error, Policy}};
    ///
    /// pub struct Folder { pub id: i64 }
    /// from_row!(Folder { id });
    /// permissions! { on Folder { pub AddTo "folder:add" "Add documents to a folder"; } }
    /// object! { Folder: "folder" in "folders" { owner owner_id, may { owner: [AddTo] } } }
    ///
    /// async fn create_document(
    ///     guard: Guard<Caller, AddTo>, // the credential carries the scope
    ///     State(accounts): State<App>,
    ///     State(policy): State<Policy>,
    ///     Json(folder_id): Json<i64>,
    /// ) -> Result<Created<i64>, Error> {
    ///     let mut tx = accounts.db().begin().await?;
    ///     // 404 or 403, unless the caller may add to this folder.
    ///     let may = guard.may(policy.on(tx.conn()), folder_id).await?;
    ///     let folder = may.object().id;
    ///     // INSERT INTO documents …; may.allowed() is the proof for a function that does it.
    ///     tx.commit().await?;
    ///     Ok(Created(folder))
    /// }
    /// ```
    #[must_use]
    pub fn on<'c>(&'c self, conn: Conn<'c>) -> On<'c> {
        On { policy: self, conn }
    }

    /// The rows of your query that the caller of a [`Seen`](portcullis::Seen) may see. The query is as in
    /// [`list`](Self::list), `{seen}` included.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn list_for<T, P, C>(
        &self,
        conn: Conn<'_>,
        viewer: &Viewer<P, C>,
        query: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error>
    where
        T: FromRow + Send + 'static,
        P: Permission,
        C: Who,
    {
        let who = viewer.principal().account();
        self.list(conn, who, <P as Scope>::NAME, query, arguments).await
    }

    /// Changes rows for a caller who was allowed to, and checks again in the statement that changes them. The statement
    /// is as in [`change`](Self::change), `{may}` included. Returns how many rows it changed: at least one.
    ///
    /// # Errors
    /// [`Error::Refused`] with the 404 of a missing row if nothing changed, because the row or the permission is gone;
    /// and those of [`change`](Self::change).
    pub async fn change_for<P, C>(
        &self,
        conn: Conn<'_>,
        allowed: &Allowed<P, C>,
        statement: &'static str,
        arguments: Vec<Value>,
    ) -> Result<u64, Error>
    where
        P: Permission,
        C: Who,
    {
        let who = allowed.principal().account();
        match self.change(conn, who, <P as Scope>::NAME, statement, arguments).await? {
            0 => Err(Rejection::missing::<P::Object>().into()),
            changed => Ok(changed),
        }
    }
}
