//! Checks input against a type's contract.

use std::{any::type_name, sync::Arc};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    dialect::{self, Origin},
    invalid::{FieldError, InvalidInput},
    rejection::InputRejection,
};
use crate::schema::{Contract, Fields, MAX_ERRORS, Shape};

/// The contract of `T`.
pub(super) fn contract_of<T: JsonSchema + 'static>() -> Result<Arc<Contract>, InputRejection> {
    Contract::of::<T>().map_err(|reason| InputRejection::internal(type_name::<T>(), &reason))
}

/// The fields of `T`, which must be a struct.
pub(super) fn fields_of<T>(contract: &Contract) -> Result<&Fields, InputRejection> {
    match &contract.shape {
        Shape::Fields(fields) => Ok(fields),
        _ => Err(InputRejection::internal(type_name::<T>(), "the type has no fields: make it a struct")),
    }
}

/// Collects every field of `value` that the schema rejects, after those already found `amiss`, whose values no longer
/// count.
pub(super) fn check(
    contract: &Contract,
    value: &Value,
    origin: &Origin,
    mut amiss: Vec<FieldError>,
) -> Result<(), InvalidInput> {
    let is_full = amiss.len() >= MAX_ERRORS;
    if !is_full && (!amiss.is_empty() || !contract.takes(value)) {
        amiss = dialect::explain(&contract.findings(value), origin, amiss);
        if amiss.is_empty() {
            amiss.push(dialect::unexplained(origin));
        }
    }
    InvalidInput::unless_empty(amiss)
}

/// Deserializes the type. A value that passed the schema can still fail in the application's own `Deserialize`, such as
/// `#[serde(try_from = "String")]`. Its message may repeat the value, so it is not used.
pub(super) fn make<T: DeserializeOwned>(value: Value, origin: &Origin) -> Result<T, InputRejection> {
    serde_path_to_error::deserialize(value).map_err(|error| dialect::not_made(error.path(), origin).into())
}
