//! One's data, all of it, as one JSON object.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use portcullis::{DescribeResponse, Operation};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    access::Fresh,
    accounts::{self, AccountId, ExportedAccount},
    app::App,
    audit::{self, Event, ExportedEvent},
    client::Client,
    error::Error,
    pictures,
    sessions::{self, ExportedSession},
};

/// Events that are read at once.
const PAGE: usize = 500;

/// An export whose first part is read. The events follow while it is sent: there may be many.
#[derive(Debug)]
pub(crate) struct Export {
    app: App,
    account: AccountId,
    head: Vec<u8>,
}

/// The shape of an export.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Export")]
struct Whole {
    /// When it was made.
    #[schemars(extend("format" = "date-time"))]
    exported_at: String,
    account: ExportedAccount,
    /// The profile picture; `null` if there is none.
    picture: Option<ExportedPicture>,
    /// The sessions that are still on record, living or not.
    sessions: Vec<ExportedSession>,
    /// What happened to the account, the oldest first.
    events: Vec<ExportedEvent>,
}

#[derive(Serialize, JsonSchema)]
struct ExportedPicture {
    content_type: String,
    /// The bytes in base64 (RFC 4648 §4).
    #[schemars(extend("contentEncoding" = "base64"))]
    data: String,
}

impl Export {
    /// Reads everything but the events, and writes down that the data were taken.
    pub(crate) async fn begin(app: &App, fresh: Fresh, client: &Client) -> Result<Self, Error> {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let account = accounts::hold_own(&mut tx, fresh, now).await?.id;
        audit::record(&mut tx, Event::Exported, Some(account), client, now).await?;
        let whole = Whole {
            exported_at: now.to_rfc3339(),
            account: accounts::exported(tx.conn(), account).await?.ok_or(Error::NotFound)?,
            picture: None,
            sessions: sessions::exported(tx.conn(), account).await?,
            events: Vec::new(),
        };
        tx.commit().await?;
        let picture = pictures::exported(app, account)
            .await?
            .map(|(content_type, bytes)| ExportedPicture { content_type, data: STANDARD.encode(bytes) });
        let mut head = serde_json::to_vec(&Whole { picture, ..whole })
            .map_err(|cause| Error::Internal(format!("an export cannot be written: {cause}")))?;
        // The object ends with its last member, the empty list: what follows fills it.
        head.truncate(head.len().saturating_sub(b"]}".len()));
        Ok(Self { app: app.clone(), account, head })
    }

    fn into_body(self) -> Body {
        let Self { app, account, head } = self;
        let head = stream::iter([Ok(Bytes::from(head))]);
        Body::from_stream(stream::StreamExt::chain(
            head,
            stream::try_unfold(Part::First, move |part| {
                let app = app.clone();
                async move { part.write(&app, account).await }
            }),
        ))
    }
}

/// How far the list of events has come.
enum Part {
    First,
    After(audit::EventId),
    Done,
}

impl Part {
    /// The next piece of the list, and what comes after it.
    async fn write(self, app: &App, account: AccountId) -> Result<Option<(Bytes, Self)>, Error> {
        let (after, is_first) = match self {
            Self::First => (None, true),
            Self::After(id) => (Some(id), false),
            Self::Done => return Ok(None),
        };
        let events = audit::exported(app, account, after, PAGE).await?;
        let mut text = String::new();
        for (at, event) in events.iter().enumerate() {
            if !(is_first && at == 0) {
                text.push(',');
            }
            let event = serde_json::to_string(event).map_err(|cause| Error::Internal(cause.to_string()))?;
            text.push_str(&event);
        }
        let next = match events.last() {
            Some(last) if events.len() == PAGE => Self::After(last.id),
            _ => {
                text.push_str("]}");
                Self::Done
            }
        };
        Ok(Some((text.into(), next)))
    }
}

impl IntoResponse for Export {
    fn into_response(self) -> Response {
        let name = format!("attachment; filename=\"account-{}.json\"", self.account);
        let mut response = self.into_body().into_response();
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
        operation.json_response::<Whole>(StatusCode::OK, "Everything that is kept of the account, as a file");
    }
}
