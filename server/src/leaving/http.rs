//! Export and deletion.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use portcullis::{
    Guard, Json, NoContent,
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Deletion, export::Export};
use crate::{
    access::ManageAccount,
    app::App,
    caller::{Caller, caller},
    client::Client,
    error::{AccountNeeded, Failed, NotFound, Stale, Unavailable},
};

pub(crate) async fn export_account(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<Export, Failed<(Stale, NotFound, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Export::begin(&app, fresh, &client).await?)
}

pub(crate) async fn delete_account(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<Leaving, Failed<(Stale, NotFound, AccountNeeded, Unavailable)>> {
    let fresh = caller(&guard).fresh(app.now())?;
    Ok(Leaving(super::leave(&app, fresh, &client).await?))
}

pub(crate) async fn cancel_deletion(
    guard: Guard<Caller, ManageAccount>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(NotFound, Unavailable)>> {
    super::stay(&app, caller(&guard), &client).await?;
    Ok(NoContent)
}

/// 204 if the account is deleted, 202 if the deletion is scheduled.
#[derive(Debug)]
pub(crate) struct Leaving(Deletion);

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeletionScheduled")]
struct Scheduled {
    /// When the account will be deleted. Until then, its owner can log in and cancel the deletion.
    #[schemars(extend("format" = "date-time"))]
    due_at: String,
}

impl IntoResponse for Leaving {
    fn into_response(self) -> Response {
        match self.0 {
            Deletion::Done => NoContent.into_response(),
            Deletion::Due(at) => {
                (StatusCode::ACCEPTED, Json(Scheduled { due_at: at.to_rfc3339() })).into_response()
            }
        }
    }
}

impl DescribeResponse for Leaving {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.empty_response(StatusCode::NO_CONTENT, "The account is deleted");
        operation.json_response::<Scheduled>(
            StatusCode::ACCEPTED,
            "The account will be deleted after the grace period",
        );
    }
}
