//! The compiled schema of a type. Each type is compiled once.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use jsonschema::{Draft, EmailOptions, PatternOptions, ValidationOptions, Validator};
use schemars::JsonSchema;
use serde_json::Value;

use super::{Finding, closed::settings, kind::Shape, recursion, rules::Rules, unique};

/// The validation of values against a type's schema.
#[derive(Debug)]
pub(crate) struct Contract {
    validator: Validator,
    /// The validator.
    checked: Value,
    /// The same schema taken apart, created when a value is first rejected.
    rules: OnceLock<Rules>,
    pub(crate) shape: Shape,
}

impl Contract {
    /// The contract of `T`, cached per type for the life of the process.
    ///
    /// # Errors
    /// Why the schema is unusable, such as an invalid `regex` or a broken `$ref`.
    pub(crate) fn of<T: JsonSchema + 'static>() -> Result<Arc<Self>, String> {
        type Known = HashMap<TypeId, Result<Arc<Contract>, String>>;
        static KNOWN: OnceLock<RwLock<Known>> = OnceLock::new();
        let known = KNOWN.get_or_init(RwLock::default);
        let id = TypeId::of::<T>();
        if let Some(contract) = known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return contract.clone();
        }
        // Compiled outside the lock. If two threads race, both compile the same schema and one result is kept.
        let contract = Self::new(&published::<T>()).map(Arc::new);
        known.write().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(contract).clone()
    }

    fn new(root: &Value) -> Result<Self, String> {
        recursion::check(root)?;
        let mut checked = root.clone();
        state_ranges(&mut checked);
        let validator = options().build(&checked).map_err(|error| error.to_string())?;
        Ok(Self { validator, checked, rules: OnceLock::new(), shape: Shape::of(root) })
    }

    pub(crate) fn takes(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// The faults of a value.
    pub(crate) fn findings<'f>(&'f self, value: &'f Value) -> Vec<Finding<'f>> {
        self.rules.get_or_init(|| Rules::of(&self.checked)).findings(value)
    }
}

/// The options for compiling a schema.
pub(crate) fn options() -> ValidationOptions<'static> {
    let options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        // Its time is linear in the length of the input, unlike the other engine's.
        .with_pattern_options(PatternOptions::regex())
        .with_email_options(
            EmailOptions::default().with_required_tld().without_domain_literal().without_display_text(),
        )
        .offline();
    unique::checked(options)
}

/// The schema of `T` on its own, as published.
pub(crate) fn published<T: JsonSchema>() -> Value {
    settings().into_generator().into_root_schema_for::<T>().to_value()
}

/// Adds the bounds that OpenAPI's number formats imply (`int32`, `int64`, `float`, …), because validators do not check
/// formats of numbers.
fn state_ranges(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let range = object.get("format").and_then(Value::as_str).and_then(range_of);
            if let Some((minimum, maximum)) = range {
                object.entry("minimum").or_insert(minimum);
                object.entry("maximum").or_insert(maximum);
            }
            object.values_mut().for_each(state_ranges);
        }
        Value::Array(list) => list.iter_mut().for_each(state_ranges),
        _ => {}
    }
}

fn range_of(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" | "uint" => (0.into(), u64::MAX.into()),
        "float" => (f64::from(f32::MIN).into(), f64::from(f32::MAX).into()),
        _ => return None,
    })
}
