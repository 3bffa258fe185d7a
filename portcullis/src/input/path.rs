//! The parameters of a path.

use std::any::type_name;

use axum::extract::{FromRequestParts, RawPathParams, rejection::RawPathParamsRejection};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    check::{check, contract_of, make},
    dialect::Origin,
    document,
    invalid::{FieldError, InvalidInput},
    rejection::InputRejection,
};
use crate::{
    describe::{Describe, Operation},
    schema::{Kind, Shape},
};

/// The parameters of the path, validated against the published schema of `T`: one value for a single parameter, a tuple
/// for several in order, or a struct for several by name.
/// ```
/// use portcullis::{Json, Path, Public};
///
/// async fn read_profile(_: Public, Path(id): Path<i64>) -> Json<i64> { Json(id) }
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Place { team: String, member: u32 }
///
/// async fn read_member(_: Public, Path(place): Path<Place>) -> Json<String> {
///     Json(format!("{} of {}", place.member, place.team))
/// }
/// ```
/// A bad parameter gets 422. A `T` that does not fit the route (a field that is not a parameter, a tuple of another
/// length) is a mistake of the application: [`Api::finish`](crate::Api::finish) rejects it and names the route. A plain
/// axum `Router` does not know its handlers' types; there it is a 500, and the log names the type. So use
/// [`Api::nest`](crate::Api::nest) for a prefix with parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + JsonSchema + 'static,
    S: Send + Sync,
{
    type Rejection = InputRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, InputRejection> {
        let contract = contract_of::<T>()?;
        let parameters = match RawPathParams::from_request_parts(parts, state).await {
            Ok(parameters) => parameters,
            Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) => {
                return Err(
                    InvalidInput::field(["path"], "value_error", "Input should be valid UTF-8").into()
                );
            }
            Err(_) => return Err(InputRejection::internal(type_name::<T>(), "the route has no parameters")),
        };
        let parameters: Vec<_> = parameters.iter().collect();
        let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
        if let Some(reason) = contract.shape.misfit(&names) {
            return Err(InputRejection::internal(type_name::<T>(), &reason));
        }
        let Filled { value, origin, amiss } = fill(&contract.shape, &parameters);
        check(&contract, &value, &origin, amiss)?;
        make(value, &origin).map(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + 'static> Describe for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        document::path::<T>(operation);
    }
}

struct Filled {
    value: Value,
    origin: Origin,
    amiss: Vec<FieldError>,
}

/// Reads the route's parameters, which fit `shape`.
fn fill(shape: &Shape, parameters: &[(&str, &str)]) -> Filled {
    let mut amiss = Vec::new();
    let mut read = |kind: &Kind, name: &str, text: &str| {
        kind.read(text).unwrap_or_else(|(kind, msg)| {
            amiss.push(FieldError::new(Origin::path().field(name), kind, msg));
            Value::Null
        })
    };
    let (value, origin) = match shape {
        Shape::Single(kind) => {
            let (name, text) = parameters.first().copied().unwrap_or_default();
            (read(kind, name, text), Origin::path().single(name))
        }
        Shape::Tuple(kinds) => {
            let values = kinds.iter().zip(parameters).map(|(kind, (name, text))| read(kind, name, text));
            (values.collect(), Origin::path().tuple(parameters.iter().map(|(name, _)| *name)))
        }
        Shape::Fields(fields) => {
            let known = parameters.iter().filter_map(|(name, text)| Some((name, text, fields.kind(name)?)));
            let values: serde_json::Map<_, _> =
                known.map(|(name, text, kind)| ((*name).to_owned(), read(kind, name, text))).collect();
            (values.into(), Origin::path())
        }
    };
    Filled { value, origin, amiss }
}
