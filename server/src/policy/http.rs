//! Routes to share an application's row: people with the permission list, grant and revoke its roles there.

mod links;

use std::time::Duration;

use axum::extract::{Extension, FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::request::Parts;
use portcullis::{
    Api, Created, Guard, InvalidInput, Json, May, NoContent, Path, Query,
    api::{delete, get, post},
    describe::{Describe, DescribeResponse, Operation, Refusal as _},
    guard::{Authenticate, AuthenticateIn},
    permission::{Object, Permission, Rejection},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AccountId, Decision, Declare, Error, Explanation, Grant, GrantId, NewGrant, ObjectId, Policy, Reason,
    Scope, Who, Whom, explain::Granted, store,
};
use crate::{
    access::AccountsRead,
    accounts,
    admin::AdminActor,
    app::App,
    caller::{Caller, caller},
    client::Client,
    clock::Timestamp,
    db::{Conn, FromRow, Tx},
    error::{self, BadCursor, Throttled, Unavailable},
    events::{self, Event},
    groups::GroupId,
    limits,
};

pub use self::links::{Opened, Token, open_link, sharing_by_link};

/// The maximum number of grants that people can add to one row. An application's own code may add more.
const MOST_GRANTS: i64 = 1000;
/// The page size.
const PAGE: i64 = 100;
const CURSOR: &str = "cursor: grants";

/// A permission on rows of a type that [`object!`](crate::object) declares.
pub trait Sharable:
    Permission<Object: Declare + FromRow + Object<Policy = Policy, Id: Copy + Into<ObjectId>>>
{
}

impl<P> Sharable for P where
    P: Permission<Object: Declare + FromRow + Object<Policy = Policy, Id: Copy + Into<ObjectId>>>
{
}

/// The routes by which people share a row, for callers who have the permission `P` on it. Nest them below the row's own
/// path:
///
/// ```
/// use axum::extract::FromRef;
/// use portcullis::{Api, permissions};
/// use portcullis_server::{App, Caller, SessionCookies, SessionTokens, from_row, object, policy::{Policy, sharing}};
///
/// pub struct Document { pub id: i64 }
/// from_row!(Document { id });
/// permissions! {
///     on Document {
///         pub ReadDocument "document:read" "Read a document";
///         pub ShareDocument "document:share" "Share a document";
///     }
/// }
/// object! { Document: "document" in "documents" {
///     owner owner_id,
///     roles [viewer],
///     may { owner: [ReadDocument, ShareDocument], viewer: [ReadDocument] }
/// } }
///
/// #[derive(Clone, FromRef)]
/// struct Shop { accounts: App, policy: Policy, tokens: SessionTokens, cookies: SessionCookies }
///
/// let api = Api::<Shop>::new("Shop", "1.0")
///     .nest("/documents/{id}/grants", sharing::<Caller, ShareDocument, _>(&["viewer"]));
/// # assert!(api.finish().is_ok());
/// ```
///
/// | route | does |
/// |---|---|
/// | `GET` | lists the grants on the row |
/// | `POST` | gives a role to an account or a group: `{"role": "viewer", "to": {"email": "ada@example.com"}}` |
/// | `DELETE /{grant}` | takes a grant away |
/// | `GET /explain` | says why an account may do something with the row, or not |
///
/// `roles` are those that people see, grant and revoke here. Leave out the role `blocked`, and roles that make someone
/// more than those who share. Each act is checked again in its own transaction, and recorded in the audit log.
///
/// People who may share can find out whether an email address has an account: up to 100 addresses an hour.
pub fn sharing<V, P, St>(roles: &'static [&'static str]) -> Api<St>
where
    V: AuthenticateIn<St, Principal: Who>,
    P: Sharable,
    St: Clone + Send + Sync + 'static,
    App: FromRef<St>,
    Policy: FromRef<St>,
{
    let name = <P::Object as Object>::NAME;
    let route = |verb: &str, rest: &str| format!("{verb}_{name}_{rest}");
    Api::new("", "")
        .route(
            get("/", list_grants::<V, P>)
                .operation_id(route("list", "grants"))
                .summary(format!("List who has access to a {name}")),
        )
        .route(
            post("/", give_role::<V, P>)
                .operation_id(route("share", "with"))
                .summary(format!("Share a {name}")),
        )
        .route(
            delete("/{grant}", take_role::<V, P>)
                .operation_id(route("take", "grant"))
                .summary(format!("Stop sharing a {name}")),
        )
        .route(
            get("/explain", explain_access::<V, P>)
                .operation_id(route("explain", "access"))
                .summary(format!("Explain an account's access to a {name}")),
        )
        .layer(Extension(Roles(roles)))
}

/// The roles of [`sharing`].
#[derive(Debug, Clone, Copy)]
struct Roles(&'static [&'static str]);

impl Roles {
    fn contain(self, role: &str) -> bool {
        self.0.contains(&role)
    }
}

/// It comes from the route, so a request has no input for it.
impl Describe for Roles {
    fn describe(_: &mut Operation<'_>) {}
}

impl<St: Sync> FromRequestParts<St> for Roles {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &St) -> Result<Self, Error> {
        let roles = parts.extensions.get().copied();
        roles.ok_or_else(|| {
            error::Error::Internal("the routes of `sharing` lost their layer".to_owned()).into()
        })
    }
}

/// To whom a role is given: an email address, the number of an account, or the ID of a group.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "GrantedTo")]
enum Receiver {
    /// The email address of an account.
    Email(#[schemars(length(min = 1, max = 254), extend("format" = "email"))] String),
    /// An account.
    Account(#[schemars(range(min = 1))] i64),
    /// An organisation or a team: all its members, and those of the teams in it.
    Group(Uuid),
}

/// A role to be given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGrant")]
struct NewRole {
    /// The role.
    #[schemars(length(min = 1, max = 63), extend("examples" = ["viewer"]))]
    role: String,
    /// To whom.
    to: Receiver,
    /// After how many seconds it expires. If you leave it out, it does not.
    #[schemars(range(min = 1, max = 315_360_000))]
    expires_in: Option<u64>,
}

/// A role on this row, and who has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
struct GrantView {
    id: Uuid,
    role: String,
    to: Receiver,
    /// The account that gave it; `null` if the application did.
    given_by: Option<AccountId>,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When it expires; `null` if it does not.
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id.uuid(),
            role: grant.role,
            to: match grant.to {
                Whom::Account(account) => Receiver::Account(account.number()),
                Whom::Group(group) => Receiver::Group(group.uuid()),
            },
            given_by: grant.given_by,
            created_at: grant.created_at.to_rfc3339(),
            expires_at: grant.expires_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// A page of the grants on a row.
#[derive(Serialize, JsonSchema)]
struct Grants {
    grants: Vec<GrantView>,
    /// Send it as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct After {
    /// `next` of the page before.
    #[schemars(length(min = 1, max = 200))]
    after: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct WhichGrant {
    grant: Uuid,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The email address or the number of an account.
    #[schemars(length(min = 1, max = 254), extend("examples" = ["ada@example.com"]))]
    who: String,
    /// A permission on this row, such as `document:write`.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["document:write"]))]
    permission: String,
}

/// Why an account may do something with a row.
#[derive(Serialize, JsonSchema)]
struct Access {
    account: AccountId,
    is_allowed: bool,
    /// Whether the role `blocked` takes all access away.
    is_blocked: bool,
    /// Everything that allows it.
    reasons: Vec<ReasonView>,
}

/// A reason.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reason")]
struct ReasonView {
    /// `owner`, a role, or a flag or condition of the policy.
    term: String,
    /// The type of the row that the role was given on: this row's, or that of something it is in.
    on: Option<String>,
    /// The grant on this row. A grant on what the row is in is not named: you may not be allowed to see that.
    grant: Option<GrantView>,
}

/// The error of the routes of [`sharing`].
#[derive(Debug)]
struct Failed(Error);

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl DescribeResponse for Failed {
    fn describe_response(operation: &mut Operation<'_>) {
        BadCursor::describe(operation);
        InvalidInput::describe_response(operation);
        Throttled::describe(operation);
        Unavailable::describe(operation);
    }
}

async fn list_grants<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    roles: Roles,
    Query(page): Query<After>,
) -> Result<Json<Grants>, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let after = page.after.as_deref().map(|cursor| open(&app, cursor)).transpose()?;
    let mut reader = app.db().read().await?;
    let object = (*may.id()).into();
    let grants = store::list_on(reader.conn(), type_of::<P>(), object, after, PAGE + 1).await?;
    let is_last = grants.len() <= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let mut shown: Vec<_> = grants.into_iter().take(usize::try_from(PAGE).unwrap_or_default()).collect();
    let next = if is_last { None } else { shown.last().map(|grant| seal(&app, grant.id)) };
    let now = policy.now();
    shown.retain(|grant| roles.contain(&grant.role) && grant.expires_at.is_none_or(|end| end > now));
    Ok(Json(Grants { grants: shown.into_iter().map(GrantView::from).collect(), next }))
}

async fn give_role<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    roles: Roles,
    client: Client,
    Json(new): Json<NewRole>,
) -> Result<Created<GrantView>, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    if !roles.contain(&new.role) {
        let known = roles.0.join(", ");
        let invalid =
            InvalidInput::field(["body", "role"], "enum", format!("Input should be one of: {known}"));
        return Err(Error::Invalid(invalid).into());
    }
    let (who, object) = (may.principal().account(), (*may.id()).into());
    let to = match new.to {
        Receiver::Account(number) => Whom::Account(AccountId::new(number)),
        Receiver::Group(group) => Whom::Group(GroupId::new(group)),
        Receiver::Email(email) => Whom::Account(look_up(&app, who, &email).await?),
    };
    let now = policy.now();
    let expires_at = new.expires_in.map(|seconds| now + Duration::from_secs(seconds));
    let (object_type, role, given_by) = (type_of::<P>(), new.role.as_str(), Some(who));
    let mut tx = begin(&app, &may).await?;
    let grant = NewGrant { object_type, object, role, to, given_by, expires_at };
    let given = policy.give(tx.conn(), &grant).await;
    prove_again(&policy, tx.conn(), &may).await?;
    // The row exists, so the receiver does not.
    let id = match given {
        Err(Error::NotFound) => return Err(no_such_receiver().into()),
        given => given?,
    };
    if store::count_on(tx.conn(), object_type, object).await? > MOST_GRANTS {
        let full = format!(
            "Value error, There are {MOST_GRANTS} grants on this {object_type}: share it with a group"
        );
        return Err(Error::Invalid(InvalidInput::field(["body", "to"], "value_error", full)).into());
    }
    let detail = format!("{role} on {object_type}:{object} to {}", named(to));
    events::record_detail(&mut tx, Event::Shared, Some(who), &client, Some(&detail), now).await?;
    let given = store::by_id(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(Created(given.into()))
}

async fn take_role<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    roles: Roles,
    client: Client,
    Path(WhichGrant { grant }): Path<WhichGrant>,
) -> Result<NoContent, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let (who, object, id) = (may.principal().account(), (*may.id()).into(), GrantId::new(grant));
    let mut tx = begin(&app, &may).await?;
    let found = store::by_id(tx.conn(), id).await?;
    // A grant on another row, or of a role that is not offered here, counts as missing.
    let is_here = |found: &Grant| {
        found.object_type == type_of::<P>() && found.object == object && roles.contain(&found.role)
    };
    let found = found.filter(is_here).ok_or(Error::NotFound)?;
    prove_again(&policy, tx.conn(), &may).await?;
    if !policy.take(tx.conn(), id).await? {
        return Err(Error::NotFound.into());
    }
    let detail = format!("{} on {}:{object} of {}", found.role, found.object_type, named(found.to));
    events::record_detail(&mut tx, Event::Unshared, Some(who), &client, Some(&detail), policy.now()).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn explain_access<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    roles: Roles,
    Query(question): Query<Question>,
) -> Result<Json<Access>, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let is_asked_of_it =
        |(name, _, of): (&str, &str, &str)| name == question.permission && of == type_of::<P>();
    if !policy.permissions().any(is_asked_of_it) {
        let known: Vec<_> =
            policy.permissions().filter(|(_, _, of)| *of == type_of::<P>()).map(|(name, ..)| name).collect();
        let what = format!("Input should be one of: {}", known.join(", "));
        return Err(Error::Invalid(InvalidInput::field(["query", "permission"], "enum", what)).into());
    }
    let account = match question.who.parse::<i64>() {
        Ok(number) => AccountId::new(number),
        Err(_) => look_up(&app, may.principal().account(), &question.who).await?,
    };
    let object: ObjectId = (*may.id()).into();
    let mut reader = app.db().read().await?;
    let explained = policy.explain(reader.conn(), account, &question.permission, object).await?;
    let reasons = explained.reasons.into_iter().map(|reason| {
        let term = reason.term().to_owned();
        let Reason::Granted(Granted { grant, .. }) = reason else {
            return ReasonView { term, on: None, grant: None };
        };
        let on = Some(grant.object_type.clone());
        let is_here =
            grant.object_type == type_of::<P>() && grant.object == object && roles.contain(&grant.role);
        ReasonView { term, on, grant: is_here.then(|| grant.into()) }
    });
    Ok(Json(Access {
        account,
        is_allowed: explained.decision == Decision::Allow,
        is_blocked: !explained.blocked_by.is_empty(),
        reasons: reasons.collect(),
    }))
}

/// A question of an administrator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessQuestion {
    /// A permission of the application, such as `document:write`.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["document:write"]))]
    permission: String,
    /// A row of the application: its type and its ID.
    #[schemars(length(min = 3, max = 100), extend("examples" = ["document:42"]))]
    object: String,
}

/// Why an account has access to a row of the application, or what would give it access.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedAccess")]
pub(crate) struct AccessExplained {
    is_allowed: bool,
    /// Everything that allows it, with the grant, who gave it and when.
    reasons: Vec<String>,
    /// The grants of the role `blocked` that take it away.
    blocked_by: Vec<String>,
    /// If it is not allowed, each thing that would allow it.
    would_be_allowed_by: Vec<String>,
}

pub(crate) async fn explain_any_access(
    guard: Guard<Caller, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
    Query(question): Query<AccessQuestion>,
) -> Result<Json<AccessExplained>, error::Failed<(error::NotFound, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?;
    full_name(&app, id).await?;
    let explained = explain(&app, &actor, id, &question.permission, &question.object).await?;
    Ok(Json(AccessExplained {
        is_allowed: explained.decision == Decision::Allow,
        reasons: explained.reasons.iter().map(ToString::to_string).collect(),
        blocked_by: explained.blocked_by.iter().map(ToString::to_string).collect(),
        would_be_allowed_by: explained.would_do.iter().map(ToString::to_string).collect(),
    }))
}

/// For administrators, who see all grants; recorded as a look at the account.
///
/// # Errors
/// [`error::Error::NotFound`] if there is no policy, no such permission, or none for rows of this type.
pub(super) async fn explain(
    app: &App,
    actor: &AdminActor,
    account: AccountId,
    permission: &str,
    object: &str,
) -> Result<Explanation, error::Error> {
    let policy = app.policy();
    let (object_type, object) = policy.object_named(object).map_err(|_| error::Error::NotFound)?;
    if !policy.permissions().any(|(name, _, of)| name == permission && of == object_type) {
        return Err(error::Error::NotFound);
    }
    let mut tx = app.db().begin().await?;
    let explained = policy.explain(tx.conn(), account, permission, object).await.map_err(of_the_server)?;
    let (event, client, detail) =
        (Event::AccountRead, actor.by().client(), format!("access to {object_type}:{object}"));
    events::record_detail(&mut tx, event, Some(account), client, Some(&detail), app.now()).await?;
    tx.commit().await?;
    Ok(explained)
}

/// The name of a person's account, or of a service account.
pub(super) async fn full_name(app: &App, id: AccountId) -> Result<String, error::Error> {
    match accounts::by_id(app, id).await {
        Err(error::Error::NotFound) => {
            let name = accounts::service::name(app.db().read().await?.conn(), id).await?;
            Ok(name.ok_or(error::Error::NotFound)?.as_str().to_owned())
        }
        found => Ok(found?.full_name),
    }
}

fn of_the_server(error: Error) -> error::Error {
    match error {
        Error::NotFound => error::Error::NotFound,
        Error::Database(cause) => cause.into(),
        other => error::Error::Internal(other.to_string()),
    }
}

/// Begins a transaction under the lock of the caller's account, so that nothing is shared after a session has been
/// ended or an account disabled.
async fn begin<V, P>(app: &App, may: &May<V, P>) -> Result<Tx, Error>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let mut tx = app.db().begin().await?;
    if let Some(caller) = may.principal().requester() {
        accounts::prove_under_lock(&mut tx, caller, app.now()).await?;
    }
    Ok(tx)
}

/// Under `READ COMMITTED`, what the guard saw may be outdated. The rows that the transaction changes are locked by now.
async fn prove_again<V, P>(policy: &Policy, conn: Conn<'_>, may: &May<V, P>) -> Result<(), Error>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let (who, id): (_, ObjectId) = (may.principal().account(), (*may.id()).into());
    match policy.decide(conn, who, <P as Scope>::NAME, id).await? {
        Decision::Allow => Ok(()),
        Decision::Refuse => Err(Rejection::refused::<P>().into()),
        Decision::Hide => Err(Rejection::missing::<P::Object>().into()),
    }
}

/// Looks up the account of an email address. Counted, because the result reveals whether it exists.
async fn look_up(app: &App, asker: AccountId, email: &str) -> Result<AccountId, Error> {
    limits::count_look_up(app, asker).await?;
    match accounts::by_email(app, email).await {
        Ok(account) => Ok(account.id),
        Err(error::Error::NotFound) => Err(no_such_receiver()),
        Err(error) => Err(error.into()),
    }
}

fn no_such_receiver() -> Error {
    Error::Invalid(InvalidInput::field(
        ["body", "to"],
        "value_error",
        "Value error, There is no such account or group",
    ))
}

fn type_of<P: Sharable>() -> &'static str {
    <P::Object as Declare>::TYPE
}

fn named(whom: Whom) -> String {
    match whom {
        Whom::Account(account) => format!("account {account}"),
        Whom::Group(group) => format!("group {group}"),
    }
}

fn seal(app: &App, id: GrantId) -> String {
    URL_SAFE_NO_PAD.encode(app.secret().seal(CURSOR, id.uuid().as_bytes()))
}

fn open(app: &App, cursor: &str) -> Result<GrantId, error::Error> {
    let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| error::Error::BadCursor)?;
    let id = app.secret().open(CURSOR, &sealed).map_err(|_| error::Error::BadCursor)?;
    Uuid::from_slice(&id).map(GrantId::new).map_err(|_| error::Error::BadCursor)
}
