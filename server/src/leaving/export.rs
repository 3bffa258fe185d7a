//! An account's complete data as one JSON object.

use std::{collections::BTreeMap, future::ready};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use http::{HeaderValue, StatusCode, header};
use portcullis::describe::{DescribeResponse, Operation};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Fresh,
    accounts::{self, AccountId, ExportedAccount},
    api_keys::{self, ExportedKey},
    app::App,
    attributes::{self, AttributeValue},
    audit::{self, ExportedEvent},
    client::Client,
    error::Error,
    events::{self, Event},
    factors::{self, ExportedFactors},
    groups::{self, ExportedInvitation, ExportedMembership, SentInvitation},
    identities::{self, ExportedIdentity},
    passkeys::{self, ExportedPasskey},
    pictures::{self, PictureBytes},
    recovery::{self, ExportedEmailChange},
    sessions::{self, ExportedSession},
};

/// Sessions or events read at a time. They take less than 64 KiB when written.
const PAGE: usize = 100;

/// An export whose account has been read. The rest is read while the response is sent, each part once the one before is
/// on its way, so memory use does not grow with the export.
pub(crate) struct Export {
    app: App,
    account: AccountId,
    head: Head,
    picture: Option<(String, PictureBytes)>,
}

/// Bounded in size, and written first.
#[derive(Serialize)]
struct Head {
    exported_at: String,
    account: ExportedAccount,
    attributes: BTreeMap<String, AttributeValue>,
    email_change: Option<ExportedEmailChange>,
    second_factor: ExportedFactors,
    identities: Vec<ExportedIdentity>,
    passkeys: Vec<ExportedPasskey>,
    api_keys: Vec<ExportedKey>,
    invitations: Vec<ExportedInvitation>,
}

type Pieces = BoxStream<'static, Result<Bytes, Error>>;

// For the OpenAPI document only: `Export::into_body` writes it member by member.
/// Everything stored about an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Export")]
struct Whole {
    /// When it was made.
    #[schemars(extend("format" = "date-time"))]
    exported_at: String,
    account: ExportedAccount,
    /// The attributes that the account's owner can read, by name.
    attributes: BTreeMap<String, AttributeValue>,
    /// The new email address that waits for its confirmation; `null` if none does.
    email_change: Option<ExportedEmailChange>,
    second_factor: ExportedFactors,
    /// The linked accounts at other providers, oldest first.
    identities: Vec<ExportedIdentity>,
    /// The passkeys, oldest first.
    passkeys: Vec<ExportedPasskey>,
    /// The API keys that have not expired, newest first.
    api_keys: Vec<ExportedKey>,
    /// The profile picture; `null` if there is none.
    picture: Option<ExportedPicture>,
    /// The sessions on record, active or not.
    sessions: Vec<ExportedSession>,
    /// The organisations and teams that the account is a direct member of.
    memberships: Vec<ExportedMembership>,
    /// Open invitations to the account's email address; at most 100.
    invitations: Vec<ExportedInvitation>,
    /// Open invitations that the account has sent, oldest first.
    sent_invitations: Vec<SentInvitation>,
    /// The roles that the account was given on rows of the application, oldest first. Groups have roles of their own,
    /// which are not listed here.
    grants: Vec<ExportedGrant>,
    /// The roles that the account has given to others, oldest first.
    given_grants: Vec<GivenGrant>,
    /// The links by which the account shares rows of the application, oldest first.
    share_links: Vec<ExportedLink>,
    /// What happened to the account, oldest first.
    events: Vec<ExportedEvent>,
}

/// A role on a row of the application. Only `policy`, which stands above this room, reads it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedGrant {
    /// The type and the ID of the row.
    #[schemars(extend("examples" = ["document:42"]))]
    pub(crate) object: String,
    pub(crate) role: String,
    /// The account that gave it; `null` if the application did.
    pub(crate) given_by: Option<AccountId>,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) created_at: String,
    /// When it expires; `null` if it does not.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) expires_at: Option<String>,
}

/// A role that the account has given on a row of the application.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GivenGrant {
    /// The type and the ID of the row.
    #[schemars(extend("examples" = ["document:42"]))]
    pub(crate) object: String,
    pub(crate) role: String,
    pub(crate) to: ExportedReceiver,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) created_at: String,
    /// When it expires; `null` if it does not.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) expires_at: Option<String>,
}

/// The receiver of a role: an account by its number, or a group by its ID.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportedReceiver {
    Account(AccountId),
    Group(Uuid),
}

/// A link to a row of the application, without its token.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedLink {
    /// The type and the ID of the row.
    #[schemars(extend("examples" = ["document:42"]))]
    pub(crate) object: String,
    /// What it allows.
    pub(crate) permission: String,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) created_at: String,
    #[schemars(extend("format" = "date-time"))]
    pub(crate) expires_at: String,
}

#[derive(Serialize, JsonSchema)]
struct ExportedPicture {
    content_type: String,
    /// The bytes in base64 (RFC 4648 §4).
    #[schemars(extend("contentEncoding" = "base64"))]
    data: String,
}

impl Export {
    /// Reads the account, opens its picture, and records the export in the audit trail.
    pub(crate) async fn begin(app: &App, fresh: Fresh, client: &Client) -> Result<Self, Error> {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let account = accounts::hold_own(&mut tx, fresh, now).await?.id;
        events::record(&mut tx, Event::Exported, Some(account), client, now).await?;
        let head = Head {
            exported_at: now.to_rfc3339(),
            account: accounts::exported(tx.conn(), account).await?.ok_or(Error::NotFound)?,
            attributes: attributes::exported(app, tx.conn(), account).await?,
            email_change: recovery::exported(tx.conn(), account, now).await?,
            second_factor: factors::exported(tx.conn(), account, now).await?,
            identities: identities::exported(tx.conn(), account).await?,
            passkeys: passkeys::exported(tx.conn(), account).await?,
            api_keys: api_keys::exported(tx.conn(), account, now).await?,
            invitations: groups::exported_invitations(tx.conn(), account, now).await?,
        };
        tx.commit().await?;
        let picture = pictures::exported(app, account).await?;
        Ok(Self { app: app.clone(), account, head, picture })
    }

    fn into_body(self) -> Result<Body, Error> {
        let Self { app, account, head, picture } = self;
        // The remaining members of the same object.
        let head = json(&head)?;
        let head = format!("{},\"picture\":", head.strip_suffix('}').unwrap_or(&head));
        let picture = match picture {
            Some((content_type, bytes)) => encoded(&content_type, bytes)?,
            None => text("null"),
        };
        let of = app.clone();
        let sessions = list(move |after| {
            let app = of.clone();
            async move { written(&sessions::exported(&app, account, after, PAGE).await?) }
        });
        let of = app.clone();
        let memberships = list(move |after| {
            let app = of.clone();
            async move { written(&groups::exported(app.db().read().await?.conn(), account, after).await?) }
        });
        let (of, now) = (app.clone(), app.now());
        let sent = list(move |after| {
            let app = of.clone();
            async move {
                let mut reader = app.db().read().await?;
                written(&groups::sent_invitations(reader.conn(), account, now, after).await?)
            }
        });
        let [grants, given, links] = on_rows(&app, account);
        let events = list(move |after| {
            let app = app.clone();
            async move { written(&audit::exported(&app, account, after, PAGE).await?) }
        });
        let mut pieces = text(head).chain(picture).boxed();
        for (name, elements) in [
            ("sessions", sessions),
            ("memberships", memberships),
            ("sent_invitations", sent),
            ("grants", grants),
            ("given_grants", given),
            ("share_links", links),
            ("events", events),
        ] {
            pieces = pieces.chain(text(format!(",\"{name}\":["))).chain(elements).chain(text("]")).boxed();
        }
        let pieces = pieces.chain(text("}"));
        Ok(Body::from_stream(pieces))
    }
}

/// The roles that the account has and has given, and its links.
fn on_rows(app: &App, account: AccountId) -> [Pieces; 3] {
    let of = app.clone();
    let grants = list(move |after| {
        let app = of.clone();
        async move {
            let mut reader = app.db().read().await?;
            written(&app.policy().exported(reader.conn(), account, after).await?)
        }
    });
    let of = app.clone();
    let given = list(move |after| {
        let app = of.clone();
        async move {
            let mut reader = app.db().read().await?;
            written(&app.policy().exported_given(reader.conn(), account, after).await?)
        }
    });
    let of = app.clone();
    let links = list(move |after| {
        let app = of.clone();
        async move {
            let mut reader = app.db().read().await?;
            written(&app.policy().exported_links(reader.conn(), account, after).await?)
        }
    });
    [grants, given, links]
}

fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|cause| Error::Internal(format!("an export cannot be written: {cause}")))
}

fn text(text: impl Into<Bytes>) -> Pieces {
    stream::once(ready(Ok(text.into()))).boxed()
}

/// An [`ExportedPicture`]. Base64 takes three bytes at a time, so the remainder of a piece goes with the next one.
fn encoded(content_type: &str, picture: PictureBytes) -> Result<Pieces, Error> {
    let head = format!("{{\"content_type\":{},\"data\":\"", json(&content_type)?);
    let last = stream::once(ready(Ok(None)));
    let data =
        picture.pieces.map_err(Error::from).map_ok(Some).chain(last).scan(Vec::new(), |left, piece| {
            let written = piece.map(|piece| {
                let is_last = piece.is_none();
                left.extend_from_slice(&piece.unwrap_or_default());
                let rest = if is_last { Vec::new() } else { left.split_off(left.len() - left.len() % 3) };
                Bytes::from(STANDARD.encode(std::mem::replace(left, rest)))
            });
            ready(Some(written))
        });
    Ok(text(head).chain(data).chain(text("\"}")).boxed())
}

/// A page as JSON, and the position of its last element.
fn written<Place: Copy, T: Serialize>(page: &[(Place, T)]) -> Result<(Vec<String>, Option<Place>), Error> {
    let elements = page.iter().map(|(_, element)| json(element)).collect::<Result<_, _>>()?;
    Ok((elements, page.last().map(|(place, _)| *place)))
}

/// The elements of a list, a page at a time. `page` returns those after a position, each as JSON, and the last
/// position.
fn list<Place, Page, Reading>(page: Page) -> Pieces
where
    Place: Copy + Send + 'static,
    Page: Fn(Option<Place>) -> Reading + Send + 'static,
    Reading: Future<Output = Result<(Vec<String>, Option<Place>), Error>> + Send + 'static,
{
    stream::try_unfold((page, None, false), async |(page, after, is_done): (Page, Option<Place>, bool)| {
        if is_done {
            return Ok(None);
        }
        let (elements, last) = page(after).await?;
        let comma = if after.is_some() && !elements.is_empty() { "," } else { "" };
        let is_done = elements.len() < PAGE;
        Ok(Some((Bytes::from(format!("{comma}{}", elements.join(","))), (page, last, is_done))))
    })
    .boxed()
}

impl IntoResponse for Export {
    fn into_response(self) -> Response {
        let name = format!("attachment; filename=\"account-{}.json\"", self.account);
        let body = match self.into_body() {
            Ok(body) => body,
            Err(error) => return error.into_response(),
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(name) = HeaderValue::try_from(name) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        response
    }
}

impl DescribeResponse for Export {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<Whole>(StatusCode::OK, "Everything stored about the account, as a file");
    }
}
