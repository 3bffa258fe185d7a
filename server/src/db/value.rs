//! Values as arguments of a statement and in a row, the same for both databases.

use std::fmt;

use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::Error;
use crate::clock::Timestamp;

/// An argument of a statement. It owns its text, because a statement on SQLite runs on another thread.
#[derive(Clone)]
pub enum Value {
    /// NULL, for a column of this kind.
    Null(Kind),
    /// A 64-bit integer.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A boolean; 0 or 1 in SQLite.
    Bool(bool),
    /// A UUID; 16 bytes in SQLite.
    Uuid(Uuid),
}

/// The kind of a column. PostgreSQL receives it with each argument, so that it never has to guess the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`, `INTEGER`.
    Integer,
    /// `TEXT`.
    Text,
    /// `BYTEA`, `BLOB`.
    Bytes,
    /// `BOOLEAN`, `INTEGER`.
    Bool,
    /// `UUID`, `BLOB`.
    Uuid,
}

/// A type that can be an argument of a statement.
pub trait Encode {
    /// The kind of its column.
    const KIND: Kind;
    /// The argument.
    fn encode(&self) -> Value;
}

/// A type that can be read from a column.
pub trait Decode: Sized {
    /// Reads the value; `None` if the column holds another type.
    fn decode(cell: Cell<'_>) -> Option<Self>;
}

/// A type that a row can be read into.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// [`Error::Column`].
    fn from_row(row: &Row<'_>) -> Result<Self, Error>;
}

/// One column of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A boolean, in PostgreSQL.
    Bool(bool),
    /// A UUID, in PostgreSQL.
    Uuid(Uuid),
}

/// A row of either database.
#[derive(Debug)]
pub enum Row<'a> {
    /// A row of SQLite.
    Sqlite(&'a rusqlite::Row<'a>),
    /// A row of PostgreSQL.
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// How many columns it has.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.len(),
        }
    }

    /// The column with this name.
    ///
    /// # Errors
    /// [`Error::Column`] if there is none, or it holds another type.
    pub fn named<T: Decode>(&self, name: &'static str) -> Result<T, Error> {
        match self {
            Self::Sqlite(row) => row.get_ref(name).ok().and_then(sqlite_cell).and_then(T::decode),
            Self::Postgres(row) => row.try_get::<_, Cell<'_>>(name).ok().and_then(T::decode),
        }
        .ok_or(Error::Column(name))
    }

    /// The column at this index, starting at 0.
    ///
    /// # Errors
    /// See [`named`](Self::named).
    pub fn at<T: Decode>(&self, place: usize) -> Result<T, Error> {
        match self {
            Self::Sqlite(row) => row.get_ref(place).ok().and_then(sqlite_cell).and_then(T::decode),
            Self::Postgres(row) => row.try_get::<_, Cell<'_>>(place).ok().and_then(T::decode),
        }
        .ok_or(Error::Column("of a tuple"))
    }
}

fn sqlite_cell(value: ValueRef<'_>) -> Option<Cell<'_>> {
    match value {
        ValueRef::Null => Some(Cell::Null),
        ValueRef::Integer(number) => Some(Cell::Integer(number)),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Cell::Text),
        ValueRef::Blob(bytes) => Some(Cell::Bytes(bytes)),
        ValueRef::Real(_) => None,
    }
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Integer(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw),
            Type::BOOL => Self::Bool(bool::from_sql(ty, raw)?),
            Type::UUID => Self::Uuid(Uuid::from_slice(raw)?),
            _ => Self::Text(<&str>::from_sql(ty, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::BYTEA | Type::BOOL | Type::UUID)
            || <&str as FromSql>::accepts(ty)
    }
}

impl Value {
    /// The type that PostgreSQL receives for it.
    pub(super) fn postgres_type(&self) -> Type {
        let kind = match self {
            Self::Null(kind) => *kind,
            Self::Integer(_) => Kind::Integer,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Bool(_) => Kind::Bool,
            Self::Uuid(_) => Kind::Uuid,
        };
        match kind {
            Kind::Integer => Type::INT8,
            Kind::Text => Type::TEXT,
            Kind::Bytes => Type::BYTEA,
            Kind::Bool => Type::BOOL,
            Kind::Uuid => Type::UUID,
        }
    }
}

/// Omits the value, which may be the hash of a password or the digest of a token.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null(_) => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null(_) => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Bytes(bytes) => bytes.to_sql(ty, out),
            Self::Bool(truth) => truth.to_sql(ty, out),
            Self::Uuid(id) => {
                out.extend_from_slice(id.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<T: Encode + ?Sized> Encode for &T {
    const KIND: Kind = T::KIND;
    fn encode(&self) -> Value {
        (**self).encode()
    }
}

impl<T: Encode> Encode for Option<T> {
    const KIND: Kind = T::KIND;
    fn encode(&self) -> Value {
        self.as_ref().map_or(Value::Null(T::KIND), Encode::encode)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            cell => T::decode(cell).map(Some),
        }
    }
}

impl Encode for i64 {
    const KIND: Kind = Kind::Integer;
    fn encode(&self) -> Value {
        Value::Integer(*self)
    }
}

impl Decode for i64 {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Integer(number) = cell { Some(number) } else { None }
    }
}

impl Encode for bool {
    const KIND: Kind = Kind::Bool;
    fn encode(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Decode for bool {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Bool(truth) => Some(truth),
            Cell::Integer(number) => Some(number != 0),
            _ => None,
        }
    }
}

impl Encode for str {
    const KIND: Kind = Kind::Text;
    fn encode(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl Encode for String {
    const KIND: Kind = Kind::Text;
    fn encode(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Decode for String {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text.to_owned()) } else { None }
    }
}

impl Encode for [u8] {
    const KIND: Kind = Kind::Bytes;
    fn encode(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}

impl Encode for Vec<u8> {
    const KIND: Kind = Kind::Bytes;
    fn encode(&self) -> Value {
        Value::Bytes(self.clone())
    }
}

impl Decode for Vec<u8> {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Bytes(bytes) = cell { Some(bytes.to_vec()) } else { None }
    }
}

impl Encode for Uuid {
    const KIND: Kind = Kind::Uuid;
    fn encode(&self) -> Value {
        Value::Uuid(*self)
    }
}

impl Decode for Uuid {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Uuid(id) => Some(id),
            Cell::Bytes(bytes) => Self::from_slice(bytes).ok(),
            _ => None,
        }
    }
}

macro_rules! tuple {
    ($($name:ident $place:literal),+) => {
        impl<$($name: Decode),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self, Error> {
                Ok(($(row.at::<$name>($place)?,)+))
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);

/// A row whose columns all have one kind.
impl<T: Decode> FromRow for Vec<T> {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        (0..row.width()).map(|place| row.at(place)).collect()
    }
}

/// Stores a type with one unnamed field as that field: `column!(AccountId, i64);`
macro_rules! column {
    ($type:ty, $of:ty) => {
        impl $crate::db::Encode for $type {
            const KIND: $crate::db::Kind = <$of as $crate::db::Encode>::KIND;
            fn encode(&self) -> $crate::db::Value {
                $crate::db::Encode::encode(&self.0)
            }
        }
        impl $crate::db::Decode for $type {
            fn decode(cell: $crate::db::Cell<'_>) -> Option<Self> {
                <$of as $crate::db::Decode>::decode(cell).map(Self)
            }
        }
    };
}

/// Implements [`FromRow`](crate::db::FromRow) for a struct, by reading the columns with the names of its fields. Fields
/// after a `;` are structs that are read from the same row.
///
/// ```
/// struct Document { id: i64, title: String, folder_id: Option<i64> }
/// portcullis_server::from_row!(Document { id, title, folder_id });
/// ```
#[macro_export]
macro_rules! from_row {
    ($type:ident { $($field:ident),* $(; $($whole:ident),+)? }) => {
        impl $crate::db::FromRow for $type {
            fn from_row(row: &$crate::db::Row<'_>) -> std::result::Result<Self, $crate::db::Error> {
                Ok(Self {
                    $($field: row.named(stringify!($field))?,)*
                    $($($whole: $crate::db::FromRow::from_row(row)?,)+)?
                })
            }
        }
    };
}

pub(crate) use column;
pub(crate) use from_row;
/// Stored as microseconds since 1970.
impl Encode for Timestamp {
    const KIND: Kind = <i64 as Encode>::KIND;

    fn encode(&self) -> Value {
        self.as_micros().encode()
    }
}

impl Decode for Timestamp {
    fn decode(cell: Cell<'_>) -> Option<Self> {
        i64::decode(cell).map(Self::from_micros)
    }
}
