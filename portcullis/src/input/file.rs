//! An uploaded file, held in memory and bounded by its type.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// A file of at most `MAX` bytes, as a field of a [`Multipart`](crate::Multipart) form.
///
/// Its name and type are what the client claims. Show them, but never base a path or a decision on them. Only the bytes
/// tell the type.
pub struct File<const MAX: usize> {
    claimed_name: Option<String>,
    claimed_type: Option<String>,
    bytes: Bytes,
}

impl<const MAX: usize> File<MAX> {
    /// The name that the client claims, at most 255 characters of it.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.claimed_name.as_deref()
    }

    /// The media type that the client claims, at most 255 bytes long.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.claimed_type.as_deref()
    }

    /// The content.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The content, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Prints only the size, because a file may contain anything.
impl<const MAX: usize> fmt::Debug for File<MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "File({} bytes of at most {MAX})", self.bytes.len())
    }
}

/// `format: binary` makes Swagger UI show a file chooser.
impl<const MAX: usize> JsonSchema for File<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("File_{MAX}").into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("portcullis::input::File<{MAX}>").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "binary",
            "contentMediaType": "application/octet-stream",
            "maxLength": MAX,
        })
    }
}

/// Only [`Multipart`](crate::Multipart) provides what this reads: name, type and content in sequence.
impl<'de, const MAX: usize> Deserialize<'de> for File<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Row<const MAX: usize>;

        impl<'de, const MAX: usize> Visitor<'de> for Row<MAX> {
            type Value = File<MAX>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a file of a multipart form")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<File<MAX>, A::Error> {
                let missing = || A::Error::custom("not a file of a multipart form");
                let claimed_name = row.next_element()?.ok_or_else(missing)?;
                let claimed_type = row.next_element()?.ok_or_else(missing)?;
                let Content(bytes) = row.next_element()?.ok_or_else(missing)?;
                Ok(File { claimed_name, claimed_type, bytes: bytes.into() })
            }
        }

        deserializer.deserialize_tuple(3, Row::<MAX>)
    }
}

/// Bytes that serde moves instead of copying them one by one.
struct Content(Vec<u8>);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;

        impl Visitor<'_> for Buffer {
            type Value = Content;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Content, E> {
                Ok(Content(bytes))
            }
        }

        deserializer.deserialize_byte_buf(Buffer)
    }
}
