//! Routes to share a row by link.

use std::{fmt, time::Duration};

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY},
};
use portcullis::{
    Api, Created, InvalidInput, Json, May, NoContent, Path, Public,
    api::{delete, get, post},
    describe::{DescribeResponse, Operation},
    guard::{Authenticate, AuthenticateIn},
    permission::{Object, Permission},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failed, Sharable, begin, of_the_server, prove_again, type_of};
use crate::{
    accounts::AccountId,
    app::App,
    client::Client,
    error::{self, NotFound, Unavailable},
    events::{self, Event},
    policy::{
        Error, ObjectId, Policy, Scope, Who,
        links::{LinkId, MOST_LINKS, ShareLink},
        store,
    },
};

/// How long a link lasts if the request does not say: seven days.
const USUAL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The routes by which people share a row with whoever has a link, for callers who have the permission `P` on it. A link
/// allows `Q`, which its giver must have too: at that moment, and whenever the link is opened. Nest the routes below the
/// row's own path, and serve the row of a link with [`open_link`]:
///
/// ```
/// # use portcullis::{Api, permissions};
/// # use portcullis_server::{App, Caller, from_row, object, policy::{open_link, sharing_by_link}};
/// # #[derive(serde::Serialize, schemars::JsonSchema)]
/// # pub struct Document { pub id: i64 }
/// # from_row!(Document { id });
/// # permissions! {
/// #     on Document {
/// #         pub ReadDocument "document:read" "Read a document";
/// #         pub ShareDocument "document:share" "Share a document";
/// #     }
/// # }
/// # object! { Document: "document" in "documents" {
/// #     owner owner_id,
/// #     may { owner: [ReadDocument, ShareDocument] }
/// # } }
/// let api = Api::<App>::new("Documents", "1.0")
///     .nest("/documents/{id}/links", sharing_by_link::<Caller, ShareDocument, ReadDocument, _>())
///     .get("/shared/{link}", open_link::<ReadDocument>);
/// assert!(api.finish().is_ok());
/// ```
///
/// | route | does |
/// |---|---|
/// | `GET` | lists the links on the row, without their tokens |
/// | `POST` | creates a link, and shows its token once: `{"expires_in": 86400}` |
/// | `DELETE /{link}` | removes a link |
///
/// A row has at most 20 links. Each act is recorded in the audit log.
pub fn sharing_by_link<V, P, Q, St>() -> Api<St>
where
    V: AuthenticateIn<St, Principal: Who>,
    P: Sharable,
    Q: Sharable + Permission<Object = P::Object>,
    St: Clone + Send + Sync + 'static,
    App: FromRef<St>,
    Policy: FromRef<St>,
{
    let name = <P::Object as Object>::NAME;
    Api::new("", "")
        .route(
            get("/", list_links::<V, P>)
                .operation_id(format!("list_{name}_links"))
                .summary(format!("List the links to a {name}")),
        )
        .route(
            post("/", create_link::<V, P, Q>)
                .operation_id(format!("create_{name}_link"))
                .summary(format!("Share a {name} by link")),
        )
        .route(
            delete("/{link}", remove_link::<V, P>)
                .operation_id(format!("remove_{name}_link"))
                .summary(format!("Remove a link to a {name}")),
        )
}

/// A link to be created.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    /// After how many seconds it expires. If you leave it out: seven days.
    #[schemars(range(min = 1, max = 31_536_000))]
    expires_in: Option<u64>,
}

/// A link on this row. Its token is shown only once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShareLink")]
struct LinkView {
    id: Uuid,
    /// What it allows.
    permission: String,
    /// The account that created it. It allows only what this account may still do.
    given_by: AccountId,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

impl From<ShareLink> for LinkView {
    fn from(link: ShareLink) -> Self {
        Self {
            id: link.id.uuid(),
            permission: link.permission,
            given_by: link.given_by,
            created_at: link.created_at.to_rfc3339(),
            expires_at: link.expires_at.to_rfc3339(),
        }
    }
}

/// A new link.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewShareLink")]
struct LinkMade {
    #[serde(flatten)]
    link: LinkView,
    /// The secret part of the link's address. It is shown only in this response.
    token: String,
}

/// The links on a row, oldest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShareLinks")]
struct Links {
    links: Vec<LinkView>,
}

#[derive(Deserialize, JsonSchema)]
struct WhichLink {
    link: Uuid,
}

async fn list_links<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
) -> Result<Json<Links>, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let object = (*may.id()).into();
    let mut reader = app.db().read().await?;
    let links = store::links_on(reader.conn(), type_of::<P>(), object, policy.now()).await?;
    Ok(Json(Links { links: links.into_iter().map(LinkView::from).collect() }))
}

async fn create_link<V, P, Q>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    client: Client,
    Json(new): Json<NewLink>,
) -> Result<Created<LinkMade>, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
    Q: Sharable + Permission<Object = P::Object>,
{
    let (who, object): (_, ObjectId) = (may.principal().account(), (*may.id()).into());
    let now = policy.now();
    let expires_at = now + Duration::from_secs(new.expires_in.unwrap_or(USUAL_SECONDS));
    let mut tx = begin(&app, &may).await?;
    let made = policy.create_link(tx.conn(), who, <Q as Scope>::NAME, object, expires_at).await?;
    prove_again(&policy, tx.conn(), &may).await?;
    let Some((link, token)) = made else {
        let full =
            format!("Value error, There are {MOST_LINKS} links to this {}: remove one", type_of::<P>());
        return Err(Error::Invalid(InvalidInput::field(["body"], "value_error", full)).into());
    };
    record(&mut tx, Event::Shared, who, &client, &link, now).await?;
    tx.commit().await?;
    Ok(Created(LinkMade { link: link.into(), token: token.expose().to_owned() }))
}

async fn remove_link<V, P>(
    may: May<V, P>,
    State(app): State<App>,
    State(policy): State<Policy>,
    client: Client,
    Path(WhichLink { link }): Path<WhichLink>,
) -> Result<NoContent, Failed>
where
    V: Authenticate<Principal: Who>,
    P: Sharable,
{
    let (who, object) = (may.principal().account(), (*may.id()).into());
    let mut tx = begin(&app, &may).await?;
    // A link on another row counts as missing.
    let removed = store::delete_link(tx.conn(), LinkId::new(link), type_of::<P>(), object).await?;
    let removed = removed.ok_or(Error::NotFound)?;
    prove_again(&policy, tx.conn(), &may).await?;
    record(&mut tx, Event::Unshared, who, &client, &removed, policy.now()).await?;
    tx.commit().await?;
    Ok(NoContent)
}

async fn record(
    tx: &mut crate::db::Tx,
    event: Event,
    who: AccountId,
    client: &Client,
    link: &ShareLink,
    now: crate::clock::Timestamp,
) -> Result<(), error::Error> {
    let detail = format!("{} on {}:{} by link {}", link.permission, link.object_type, link.object, link.id);
    events::record_detail(tx, event, Some(who), client, Some(&detail), now).await
}

/// The token of a link.
#[derive(Deserialize, JsonSchema)]
pub struct Token {
    /// The token that was shown when the link was created.
    #[schemars(extend("examples" = ["pcsl_Jv0w5mDk4nQm0cYp2eR6tXaZb1sU8hGf3oLiV7yNqWE"]))]
    link: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Serves the row of a link, for [`sharing_by_link`]. Anyone with the link is served, without an account. A link that has
/// expired or was removed gets the 404 of a link that never was. The response is not cached, and its address is not sent
/// to other sites.
///
/// # Errors
/// 404; 503 if the database fails.
pub async fn open_link<P>(
    _: Public,
    State(app): State<App>,
    State(policy): State<Policy>,
    Path(Token { link }): Path<Token>,
) -> Result<Opened<P::Object>, error::Failed<(NotFound, Unavailable)>>
where
    P: Sharable<Object: Serialize + JsonSchema>,
{
    let mut reader = app.db().read().await?;
    let opened = policy.open_link::<P>(reader.conn(), &link).await.map_err(of_the_server)?;
    Ok(Opened(opened))
}

/// The response of [`open_link`]: a row as JSON.
#[derive(Debug)]
pub struct Opened<T>(T);

impl<T: Serialize> IntoResponse for Opened<T> {
    fn into_response(self) -> Response {
        const CAREFUL: [(HeaderName, &str); 3] = [
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
        ];
        let mut response = Json(self.0).into_response();
        for (name, value) in CAREFUL {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl<T: JsonSchema> DescribeResponse for Opened<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<T>(StatusCode::OK, "What the link is for");
    }
}
