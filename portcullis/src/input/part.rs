//! Lets serde deserialize the received parts.

use serde::de::{
    Deserializer, IntoDeserializer, Visitor,
    value::{MapDeserializer, SeqDeserializer},
};
use serde_json::{Error, Value};

/// A file as it was received.
pub(super) struct Received {
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// The value of one field.
pub(super) enum Part {
    /// A text, or the number or list of texts that it stands for.
    Value(Value),
    File(Received),
    Files(Vec<Received>),
}

/// A deserializer for a struct with these fields.
pub(super) fn deserializer(
    parts: impl Iterator<Item = (String, Part)>,
) -> MapDeserializer<'static, impl Iterator<Item = (String, Part)>, Error> {
    MapDeserializer::new(parts)
}

impl IntoDeserializer<'_, Error> for Part {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl IntoDeserializer<'_, Error> for Received {
    type Deserializer = Part;

    fn into_deserializer(self) -> Part {
        Part::File(self)
    }
}

impl<'de> Deserializer<'de> for Part {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Value(value) => value.deserialize_any(visitor),
            Self::Files(files) => visitor.visit_seq(SeqDeserializer::new(files.into_iter())),
            Self::File(Received { file_name, content_type, bytes }) => {
                let row = [Cell::Text(file_name), Cell::Text(content_type), Cell::Bytes(bytes)];
                visitor.visit_seq(SeqDeserializer::new(row.into_iter()))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Value(value) => value.deserialize_option(visitor),
            Self::File(_) | Self::Files(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Value(value) => value.deserialize_newtype_struct(name, visitor),
            Self::File(_) | Self::Files(_) => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Value(value) => value.deserialize_enum(name, variants, visitor),
            Self::File(_) | Self::Files(_) => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// One element of a file's sequence.
enum Cell {
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl IntoDeserializer<'_, Error> for Cell {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Cell {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(None) => visitor.visit_none(),
            Self::Text(Some(text)) => visitor.visit_some(IntoDeserializer::<Error>::into_deserializer(text)),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
