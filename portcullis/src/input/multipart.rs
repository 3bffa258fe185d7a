//! Forms with files.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use multer::{Constraints, Field, SizeLimit};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    body,
    contract::Contract,
    dialect::{self, Origin},
    document,
    gather::{Gathered, Place},
    kind::{Fields, Kind},
    part::{self, Part, Received},
    rejection::InputRejection,
};
use crate::describe::{Describe, Operation};

/// Parts of a body at most.
const MAX_PARTS: usize = 20;
/// Bytes of a text part, or of one that is not known, at most.
const MAX_TEXT: u64 = 64 * 1024;
/// Bytes allowed for a part's boundary and headers.
const OVERHEAD: u64 = 2 * 1024;
/// The longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Characters kept of what a client says about a file.
const MAX_CLAIM: usize = 255;

/// A form with files (`multipart/form-data`, RFC 7578) that the published schema of `T`, a struct, has
/// checked. A field of type [`File`](crate::File) takes a file.
/// ```
/// use portcullis::{File, Multipart, NoContent, Public};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Picture {
///     #[schemars(length(max = 100))]
///     title: String,
///     image: File<1_048_576>,
/// }
///
/// async fn set_picture(_: Public, Multipart(picture): Multipart<Picture>) -> NoContent {
///     # let _ = (picture.title, picture.image.into_bytes());
///     NoContent
/// }
/// ```
/// Limits, checked while the body arrives: a file's own, 64 KiB for a text, and their sum for the whole
/// (each 413); 20 parts, UTF-8 in texts (400). A file where a text is wanted, a text where a file is wanted,
/// a field sent twice, missing or unknown: 422. Texts and empty fields are taken as in a
/// [`Form`](crate::Form). A layer's `DefaultBodyLimit` is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multipart<T>(pub T);

impl<T, S> FromRequest<S> for Multipart<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, InputRejection> {
        let contract = Contract::of::<T>()?;
        let fields = contract.fields::<T>()?;
        let parts = receive(request, fields).await?;
        let origin = Origin::body();
        let value = parts.gathered.value.into();
        contract.check(&value, &origin, parts.gathered.amiss)?;
        let fields = with_files(value, parts.files);
        serde_path_to_error::deserialize(part::deserializer(fields))
            .map(Self)
            .map_err(|error| dialect::not_made(error.path(), &origin).into())
    }
}

impl<T: JsonSchema + 'static> Describe for Multipart<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::multipart::<T>(operation);
    }
}

/// The files take the places of their stand-ins in the checked value.
fn with_files(
    value: Value,
    mut files: BTreeMap<String, Vec<Received>>,
) -> impl Iterator<Item = (String, Part)> {
    let members = if let Value::Object(members) = value { members } else { serde_json::Map::new() };
    members.into_iter().map(move |(name, value)| {
        let part = match (files.remove(&name), value) {
            (Some(files), Value::Array(_)) => Part::Files(files),
            (Some(files), value) => files.into_iter().next().map_or(Part::Value(value), Part::File),
            (None, value) => Part::Value(value),
        };
        (name, part)
    })
}

/// What has been received: files apart, each with a stand-in of the least length that the schema asks for.
struct Parts<'f> {
    fields: &'f Fields,
    gathered: Gathered<'f>,
    files: BTreeMap<String, Vec<Received>>,
}

async fn receive(request: Request, fields: &Fields) -> Result<Parts<'_>, InputRejection> {
    let (head, body) = request.into_parts();
    let is_multipart = |essence: &str| essence == "multipart/form-data";
    body::content_type(&head.headers, is_multipart, "The request body must be multipart/form-data")?;
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = content_type
        .and_then(|value| multer::parse_boundary(value).ok())
        .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
        .ok_or_else(|| InputRejection::bad_request("The Content-Type has no valid boundary"))?;
    let limit = max_bytes(fields);
    body::check_announced(&body, usize::try_from(limit).unwrap_or(usize::MAX))?;
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
    let mut reader = multer::Multipart::with_constraints(chunks(body), boundary, constraints);
    let gathered = Gathered::new(fields, Origin::body());
    let mut parts = Parts { fields, gathered, files: BTreeMap::new() };
    let mut count = 0;
    while let Some(field) = reader.next_field().await.map_err(|error| broken(&error))? {
        count += 1;
        if count > MAX_PARTS {
            return Err(InputRejection::bad_request("Too many parts"));
        }
        parts.take(field).await?;
    }
    Ok(parts)
}

impl Parts<'_> {
    async fn take(&mut self, field: Field<'_>) -> Result<(), InputRejection> {
        let name = field.name().map(str::to_owned);
        let name = name.ok_or_else(|| InputRejection::bad_request("A part has no name"))?;
        let place = self.gathered.place(&name);
        let limit = self.fields.kind(&name).map_or(MAX_TEXT, max_item);
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.filter(|claim| claim.len() <= MAX_CLAIM).map(str::to_owned);
        let keep = matches!(place, Place::Free(..));
        let bytes = read(field, limit, keep).await?;
        let Place::Free(kind, loc) = place else { return Ok(()) };
        match (kind, file_name) {
            // What a browser sends for a file that was not chosen.
            (Kind::File { .. }, Some(file_name)) if file_name.is_empty() && bytes.is_empty() => {}
            (Kind::File { min, .. }, Some(file_name)) => {
                let least = usize::try_from(*min).unwrap_or(usize::MAX).min(bytes.len());
                self.gathered.put(&name, loc, Ok("-".repeat(least).into()));
                let file_name = file_name.chars().take(MAX_CLAIM).collect::<String>();
                let file_name = Some(file_name).filter(|name| !name.is_empty());
                let file = Received { file_name, content_type, bytes };
                self.files.entry(name).or_default().push(file);
            }
            (Kind::File { .. }, None) => self.refuse(loc, &name, "value_error", "Input should be a file"),
            (_, Some(_)) => self.refuse(loc, &name, "string_type", "Input should be a valid string"),
            (kind, None) => {
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| InputRejection::bad_request("The input is not valid UTF-8"))?;
                if !text.is_empty() {
                    self.gathered.put(&name, loc, kind.read(text));
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, loc: Vec<super::Loc>, name: &str, kind: &'static str, msg: &'static str) {
        self.gathered.put(name, loc, Err((kind, msg.into())));
    }
}

/// A part's content, which is counted and let go when it is not kept.
async fn read(mut field: Field<'_>, limit: u64, keep: bool) -> Result<Vec<u8>, InputRejection> {
    let mut length = 0;
    // Put together at the end: a growing buffer would be copied, and take twice its size, at each of many steps.
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        length += chunk.len() as u64;
        if length > limit {
            return Err(InputRejection::too_large());
        }
        if keep {
            pieces.push(chunk);
        }
    }
    Ok(pieces.concat())
}

/// What one item of a field may weigh.
fn max_item(kind: &Kind) -> u64 {
    match kind {
        Kind::File { max, .. } => *max,
        Kind::List(item, _) => max_item(item),
        Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean | Kind::Never => MAX_TEXT,
    }
}

/// What a whole body may weigh that no limit of a part refuses.
fn max_bytes(fields: &Fields) -> u64 {
    let parts = MAX_PARTS as u64;
    let of = |kind: &Kind| match kind {
        Kind::List(item, most) => max_item(item).saturating_mul(most.unwrap_or(parts).min(parts)),
        kind => max_item(kind),
    };
    let framing = OVERHEAD * (parts + 1);
    fields.kinds().map(of).fold(framing + MAX_TEXT, u64::saturating_add)
}

/// The body in large pieces: the parser searches all it holds at each piece, so a client that sends byte by
/// byte must not make it search that often.
fn chunks(body: Body) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send {
    const PIECE: usize = 16 * 1024;
    stream::try_unfold(body, |mut body| async move {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE {
            let Some(frame) = body.frame().await.transpose()? else { break };
            if let Ok(data) = frame.into_data() {
                piece.extend_from_slice(&data);
            }
        }
        Ok(if piece.is_empty() { None } else { Some((piece.freeze(), body)) })
    })
}

fn broken(error: &multer::Error) -> InputRejection {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            InputRejection::too_large()
        }
        multer::Error::StreamReadFailed(cause) => body::broken(&**cause),
        _ => InputRejection::bad_request("The request body is not a valid multipart body"),
    }
}
