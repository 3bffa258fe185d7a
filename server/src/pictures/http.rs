//! The profile picture's routes.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use portcullis::{
    Created, Guard, Multipart, NoContent, Path,
    describe::{DescribeResponse, Operation},
    input::File,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{PictureBytes, decode};
use crate::{
    access::{Action, ProfileRead, ProfileWrite},
    api_keys::{CallerOrKey, requester},
    app::App,
    client::Client,
    error::{Error, Failed, NotFound, Unavailable, Unprocessable, UnsupportedMediaType},
};

/// A picture to upload.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    /// A PNG, JPEG or WebP image of at most 16 MiB and 50 megapixels. The type is detected from its content.
    file: File<{ decode::MAX_BYTES }>,
}

impl Upload {
    pub(crate) fn into_bytes(self) -> Bytes {
        self.file.into_bytes()
    }
}

/// The uploaded picture.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Uploaded {
    /// Its URL, which only its owner can read.
    url: String,
}

pub(crate) async fn upload_profile_image(
    guard: Guard<CallerOrKey, ProfileWrite>,
    State(app): State<App>,
    client: Client,
    Multipart(upload): Multipart<Upload>,
) -> Result<Created<Uploaded>, Failed<(Unprocessable, UnsupportedMediaType, Unavailable)>> {
    let id = super::set(&app, requester(&guard), upload.into_bytes(), &client).await?;
    Ok(Created(Uploaded { url: super::url(&app, id) }))
}

pub(crate) async fn delete_profile_image(
    guard: Guard<CallerOrKey, ProfileWrite>,
    State(app): State<App>,
    client: Client,
) -> Result<NoContent, Failed<(Unavailable,)>> {
    super::remove(&app, requester(&guard), &client).await?;
    Ok(NoContent)
}

pub(crate) async fn read_profile_image(
    guard: Guard<CallerOrKey, ProfileRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<PictureAnswer, Failed<(NotFound, Unavailable)>> {
    let stored = super::stored(&app, &id).await?.allow(requester(&guard), Action::Read)?;
    let bytes = super::bytes(&app, stored.id).await?;
    Ok(PictureAnswer { content_type: stored.content_type, bytes })
}

/// A picture's bytes, with headers that keep a browser from interpreting them as anything else.
#[derive(Debug)]
pub(crate) struct PictureAnswer {
    content_type: String,
    bytes: PictureBytes,
}

impl IntoResponse for PictureAnswer {
    fn into_response(self) -> Response {
        let Ok(content_type) = HeaderValue::try_from(self.content_type) else {
            return Error::Internal("a picture's content type is not a valid header".to_owned())
                .into_response();
        };
        let fixed = HeaderValue::from_static;
        (
            [
                (header::CONTENT_TYPE, content_type),
                (header::CONTENT_LENGTH, HeaderValue::from(self.bytes.length)),
                (header::CONTENT_DISPOSITION, fixed("inline; filename=\"profile-image\"")),
                (header::CONTENT_SECURITY_POLICY, fixed("sandbox; default-src 'none'")),
                (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
                (header::CACHE_CONTROL, fixed("private, no-store")),
            ],
            Body::from_stream(self.bytes.pieces),
        )
            .into_response()
    }
}

impl DescribeResponse for PictureAnswer {
    fn describe_response(operation: &mut Operation<'_>) {
        for content_type in ["image/png", "image/jpeg", "image/webp"] {
            let schema = json!({ "type": "string", "format": "binary" });
            operation.content_response(StatusCode::OK, "The picture", content_type, schema);
        }
    }
}
