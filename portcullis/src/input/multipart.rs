//! Forms with files.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::{HeaderMap, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use multer::{Constraints, Field, SizeLimit};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    aside::aside,
    body,
    check::{check, contract_of, fields_of},
    dialect::{self, Origin},
    document,
    gather::{Gathered, Place},
    part::{self, Part, Received},
    rejection::InputRejection,
};
use crate::{
    describe::{Describe, Operation},
    schema::{Fields, Kind},
};

/// The most parts in a body.
const MAX_PARTS: usize = 20;
/// The most bytes of a text part, or of an unknown one.
const MAX_TEXT: u64 = 64 * 1024;
/// Bytes allowed for a part's boundary and headers.
const OVERHEAD: usize = 2 * 1024;
/// The longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// The most characters of what a client claims about a file.
const MAX_CLAIM: usize = 255;

/// A form with files (`multipart/form-data`, RFC 7578), validated against the published schema of `T`, a struct. A
/// field of type [`File`](crate::input::File) takes a file.
/// ```
/// use portcullis::{Multipart, NoContent, Public, input::File};
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
/// Limits, enforced while the body arrives: that of each file, 64 KiB for a text, and their sum for the whole (each
/// 413); 20 parts, 2 KiB for a part's headers, 8 KiB before the first part, UTF-8 in texts (400). A file instead of a
/// text, a text instead of a file, and a field that is sent twice, missing or unknown get 422. Texts and empty fields
/// are read as in a [`Form`](crate::Form). A layer's `DefaultBodyLimit` is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multipart<T>(pub T);

impl<T, S> FromRequest<S> for Multipart<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let fields = fields_of::<T>(&contract)?;
        let parts = receive(request, fields).await?;
        let (origin, texts, files) = (Origin::body(), parts.texts, parts.files);
        let (value, amiss) = (Value::from(parts.gathered.value), parts.gathered.amiss);
        let value =
            aside(texts, move || check(&contract, &value, &Origin::body(), amiss).map(|()| value)).await?;
        let fields = with_files(value, files);
        serde_path_to_error::deserialize(part::deserializer(fields))
            .map(Self)
            .map_err(|error| dialect::not_made(error.path(), &origin).into())
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Multipart<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::multipart::<T>(operation);
    }
}

/// Replaces the stand-ins in the checked value with the files.
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

/// What was received. Each file is kept apart, with a stand-in for its length in the checked value.
struct Parts<'f> {
    fields: &'f Fields,
    gathered: Gathered<'f>,
    files: BTreeMap<String, Vec<Received>>,
    /// The bytes of all texts.
    texts: usize,
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
    let head = Head::default();
    let pieces = chunks(body, head.clone());
    let mut reader = multer::Multipart::with_constraints(pieces, boundary, constraints);
    let gathered = Gathered::new(fields, Origin::body());
    let mut parts = Parts { fields, gathered, files: BTreeMap::new(), texts: 0 };
    let mut count = 0;
    while let Some(field) = reader.next_field().await.map_err(|error| broken(&error))? {
        count += 1;
        if count > MAX_PARTS {
            return Err(InputRejection::bad_request("Too many parts"));
        }
        head.ended();
        if length_of(field.headers()) > OVERHEAD {
            return Err(head_too_long());
        }
        parts.take(field).await?;
        head.begins();
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
            // What a browser sends if no file was chosen.
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
                self.texts += bytes.len();
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

/// Reads a part's content. It is counted and dropped if it is not kept.
async fn read(mut field: Field<'_>, limit: u64, keep: bool) -> Result<Vec<u8>, InputRejection> {
    let mut length = 0;
    // Concatenated at the end: a growing buffer would be copied at each of many steps, and take twice its size.
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

/// The most bytes of one item of a field.
fn max_item(kind: &Kind) -> u64 {
    match kind {
        Kind::File { max, .. } => *max,
        Kind::List(item, _) => max_item(item),
        Kind::Text | Kind::Integer | Kind::Number | Kind::Boolean | Kind::Never => MAX_TEXT,
    }
}

/// The most bytes of a body whose parts are all within their limits.
fn max_bytes(fields: &Fields) -> u64 {
    let parts = MAX_PARTS as u64;
    let of = |kind: &Kind| match kind {
        Kind::List(item, most) => max_item(item).saturating_mul(most.unwrap_or(parts).min(parts)),
        kind => max_item(kind),
    };
    let framing = OVERHEAD as u64 * (parts + 1);
    fields.kinds().map(of).fold(framing + MAX_TEXT, u64::saturating_add)
}

/// How many more pieces may come before a part begins: a preamble, the part's boundary and headers. The parser buffers
/// all of them, and searches from the start with each piece.
#[derive(Clone)]
struct Head(Arc<AtomicUsize>);

/// The value while no head is read.
const NO_HEAD: usize = usize::MAX;
/// The most pieces of a head. The parser asks for the second and the third before it has looked at the first.
const HEAD_PIECES: usize = 4;

impl Default for Head {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(HEAD_PIECES)))
    }
}

impl Head {
    fn begins(&self) {
        self.0.store(HEAD_PIECES, Ordering::Relaxed);
    }

    fn ended(&self) {
        self.0.store(NO_HEAD, Ordering::Relaxed);
    }

    /// How many bytes may come next.
    fn next(&self) -> usize {
        match self.0.load(Ordering::Relaxed) {
            NO_HEAD => usize::MAX,
            0 => 0,
            left => {
                self.0.store(left - 1, Ordering::Relaxed);
                OVERHEAD
            }
        }
    }
}

/// A head that takes more than [`HEAD_PIECES`].
#[derive(Debug)]
struct HeadTooLong;

impl fmt::Display for HeadTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no part begins")
    }
}

impl Error for HeadTooLong {}

fn head_too_long() -> InputRejection {
    InputRejection::bad_request("What stands before a part, or its headers, is too long")
}

fn is_head_too_long(error: &(dyn Error + 'static)) -> bool {
    error.is::<HeadTooLong>() || error.source().is_some_and(is_head_too_long)
}

fn length_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// The body in large pieces: the parser searches its whole buffer for each piece, so a client that sends byte by byte
/// must not make it do so for each byte. Pauses before each piece, so that the parser looks at what it has before it
/// takes in more.
fn chunks(body: Body, head: Head) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send {
    const PIECE: usize = 8 * 1024;
    stream::try_unfold((Some(body), BytesMut::new()), move |(mut body, mut read)| {
        let head = head.clone();
        async move {
            pause().await;
            while read.len() < PIECE
                && let Some(coming) = &mut body
            {
                let Some(frame) = coming.frame().await.transpose()? else {
                    body = None;
                    break;
                };
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            if read.is_empty() {
                return Ok(None);
            }
            let piece = read.split_to(read.len().min(head.next()));
            if piece.is_empty() {
                return Err(axum::Error::new(HeadTooLong));
            }
            Ok(Some((piece.freeze(), (body, read))))
        }
    })
}

/// Yields once, so that the caller goes on with what it has.
async fn pause() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn broken(error: &multer::Error) -> InputRejection {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            InputRejection::too_large()
        }
        multer::Error::StreamReadFailed(cause) => {
            if is_head_too_long(&**cause) {
                head_too_long()
            } else {
                body::broken(&**cause)
            }
        }
        _ => InputRejection::bad_request("The request body is not a valid multipart body"),
    }
}
