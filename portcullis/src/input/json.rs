//! JSON bodies, in and out.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

use super::{
    aside::aside,
    body,
    check::{check, contract_of, make},
    dialect::Origin,
    document,
    invalid::{FieldError, Loc},
    rejection::InputRejection,
};
use crate::{
    answer::json,
    describe::{Describe, DescribeResponse, Operation},
    schema::{Contract, MAX_ERRORS, NUL},
    strict_json::{self, Rejected},
};

/// The most bytes of a JSON body, unless [`UpTo`](crate::input::UpTo) sets another limit.
const MAX_BYTES: usize = 64 * 1024;
/// The deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 32;

/// A JSON body, validated against the published schema of `T`; as a response, 200 with JSON.
///
/// Say what a field may be with schemars' attributes: they are both the documentation and the check.
/// ```
/// use portcullis::{Json, Public};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct SignUp {
///     #[schemars(email, length(max = 254))]
///     email: String,
///     #[schemars(length(min = 12, max = 1024))]
///     password: String,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Account { id: i64 }
///
/// async fn sign_up(_: Public, Json(form): Json<SignUp>) -> Json<Account> {
///     # let _ = (form.email, form.password);
///     Json(Account { id: 1 })
/// }
/// ```
/// A body over 64 KiB gets 413 ([`UpTo`](crate::input::UpTo) sets another limit; a layer's `DefaultBodyLimit` is
/// ignored). One that is not declared as JSON, or is compressed, gets 415. One that is not JSON, names a member twice
/// or nests deeper than 32 gets 400. One that the schema rejects gets 422, which names every bad field and repeats none
/// of their values. Unknown members are rejected, and so is U+0000 in a string.
///
/// The schema decides, so `#[serde(alias)]` and `#[serde(other)]` would have no effect:
/// [`Api::finish`](crate::Api::finish) rejects a `T` with them, except inside flattened fields, untagged enums and the
/// content of tagged ones, where serde does not show its names. An `Option<Json<T>>` is `None` if a request has neither
/// a body nor a content type; likewise with [`Form`](crate::Form) and [`Multipart`](crate::Multipart).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, InputRejection> {
        Self::read(request, MAX_BYTES).await
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Json<T> {
    pub(super) async fn read(request: Request, max: usize) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let bytes = read(request, max).await?;
        let value = aside(bytes.len(), move || checked(&contract, &bytes)).await?;
        make(value, &Origin::body()).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::json::<T>(operation, MAX_BYTES);
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: JsonSchema> DescribeResponse for Json<T> {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<T>(StatusCode::OK, "Success");
    }
}

async fn read(request: Request, max: usize) -> Result<Bytes, InputRejection> {
    let (parts, body) = request.into_parts();
    let is_json = |essence: &str| {
        essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
    };
    body::content_type(&parts.headers, is_json, "The request body must be application/json")?;
    body::read(body, max).await
}

fn checked(contract: &Contract, bytes: &[u8]) -> Result<Value, InputRejection> {
    let mut value = parse(bytes)?;
    let mut amiss = Vec::new();
    if tidy(&mut value) {
        refuse_nuls(&value, &mut vec!["body".into()], &mut amiss);
    }
    check(contract, &value, &Origin::body(), amiss)?;
    Ok(value)
}

fn parse(bytes: &[u8]) -> Result<Value, InputRejection> {
    strict_json::parse(bytes, MAX_DEPTH).map_err(|rejected| {
        InputRejection::bad_request(match rejected {
            Rejected::Syntax => "The request body is not valid JSON",
            Rejected::NumberOutOfRange => "The request body has a number that is out of range",
            Rejected::TooDeep => "The request body is nested too deeply",
            Rejected::DuplicateMember => "The request body has an object with a duplicate member",
        })
    })
}

/// Turns `1.0` into an integer, which it is for JSON Schema (2020-12 validation §6.1.1) but not for serde. Returns
/// whether any text contains U+0000.
fn tidy(value: &mut Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Number(number) => {
            if let Some(integer) = as_integer(number) {
                *number = integer;
            }
            false
        }
        Value::Array(list) => list.iter_mut().fold(false, |has_nul, item| tidy(item) | has_nul),
        Value::Object(object) => object
            .iter_mut()
            .fold(false, |has_nul, (name, member)| tidy(member) | name.contains('\0') | has_nul),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Rejects each U+0000, by its location.
fn refuse_nuls(value: &Value, loc: &mut Vec<Loc>, amiss: &mut Vec<FieldError>) {
    match value {
        Value::String(text) => refuse_nul(text, loc, amiss),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                loc.push(index.into());
                refuse_nuls(item, loc, amiss);
                loc.pop();
            }
        }
        Value::Object(object) => {
            for (name, member) in object {
                loc.push(Loc::name(name));
                refuse_nul(name, loc, amiss);
                refuse_nuls(member, loc, amiss);
                loc.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Rejects U+0000 in `text`, unless the response is full.
fn refuse_nul(text: &str, loc: &[Loc], amiss: &mut Vec<FieldError>) {
    if amiss.len() < MAX_ERRORS && text.contains('\0') {
        amiss.push(FieldError::new(loc.to_vec(), NUL.0, NUL.1));
    }
}

/// The integer that a number with a zero fraction equals, if it fits into 64 bits.
fn as_integer(number: &Number) -> Option<Number> {
    // From -2⁶³ to 2⁶⁴: `1e308` takes five bytes to send, and three hundred digits to write out.
    let range = -9_223_372_036_854_775_808.0..=18_446_744_073_709_551_616.0;
    let is_whole = |value: &f64| number.is_f64() && range.contains(value) && value.fract() == 0.0;
    let value = number.as_f64().filter(is_whole)?;
    // Text is exact where a cast would saturate.
    let digits = format!("{value:.0}");
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}
