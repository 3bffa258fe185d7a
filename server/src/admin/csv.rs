//! The audit trail as comma-separated values (RFC 4180), streamed as it is read.
//!
//! Like the trail itself, it has account IDs and no names: the file may outlive an account that is deleted.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use portcullis::describe::{DescribeResponse, Operation};
use serde_json::json;

use super::{AdminReader, AuditQuery, note};
use crate::{
    accounts::AccountId,
    app::App,
    audit::{self, Entry, Event, Place},
    error::Error,
};

/// How many events one query reads.
const BATCH: u32 = 200;
const HEAD: &str = "id,at,event,account_id,actor_id,actor,address,request_id,detail,repeated\r\n";

/// The events of a query, newest first.
pub(crate) struct AuditCsv {
    app: App,
    query: AuditQuery,
}

impl AuditCsv {
    /// Records that the administrator reads the trail. Cursors and the limit of the query are ignored.
    pub(crate) async fn begin(app: &App, reader: &AdminReader, query: AuditQuery) -> Result<Self, Error> {
        note(app, reader, Event::AuditRead, query.account).await?;
        Ok(Self { app: app.clone(), query })
    }
}

/// How much of the file is written.
enum Written {
    Nothing,
    Until(Place),
    Everything,
}

impl IntoResponse for AuditCsv {
    fn into_response(self) -> Response {
        let Self { app, query } = self;
        let lines = stream::unfold((app, query, Written::Nothing), |(app, query, written)| async move {
            let (head, before) = match written {
                Written::Nothing => (HEAD, None),
                Written::Until(place) => ("", Some(place)),
                Written::Everything => return None,
            };
            let batch = match audit::list(&app, query.filter(), before, BATCH).await {
                Ok(batch) => batch,
                // The body is cut off, which the client notices.
                Err(error) => return Some((Err(error), (app, query, Written::Everything))),
            };
            let is_whole = batch.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
            let last = batch.last().filter(|_| is_whole).map(|last| (last.at, last.id));
            let text = batch.iter().fold(head.to_owned(), |text, entry| text + &line(entry));
            Some((Ok(Bytes::from(text)), (app, query, last.map_or(Written::Everything, Written::Until))))
        });
        let fixed = HeaderValue::from_static;
        (
            [
                (header::CONTENT_TYPE, fixed("text/csv")),
                (header::CONTENT_DISPOSITION, fixed("attachment; filename=\"audit-events.csv\"")),
                (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
                (header::CACHE_CONTROL, fixed("no-store")),
            ],
            Body::from_stream(lines),
        )
            .into_response()
    }
}

impl DescribeResponse for AuditCsv {
    fn describe_response(operation: &mut Operation<'_>) {
        let schema = json!({ "type": "string" });
        operation.content_response(StatusCode::OK, "One line per event, newest first", "text/csv", schema);
    }
}

fn line(entry: &Entry) -> String {
    let number = |id: Option<AccountId>| id.map(|id| id.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields = [
        entry.id.to_string(),
        entry.at.to_rfc3339(),
        entry.event.clone(),
        number(entry.account_id),
        number(entry.actor_id),
        text(&entry.actor),
        text(&entry.address),
        text(&entry.request_id),
        text(&entry.detail),
        entry.repeated.to_string(),
    ];
    fields.map(|field| escaped(&field)).join(",") + "\r\n"
}

/// Quoted where necessary, and never read as a formula by a spreadsheet (CWE-1236): a request's ID is whatever its
/// sender chose.
fn escaped(field: &str) -> String {
    let field = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_field_is_no_formula_and_no_further_field() {
        for (field, expected) in [
            ("account.deleted", "account.deleted"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=cmd()", "'=cmd()"),
            ("-1+1", "'-1+1"),
            ("@x\ny", "\"'@x\ny\""),
            ("", ""),
        ] {
            assert_eq!(escaped(field), expected, "{field:?}");
        }
    }
}
