//! The schemas of types: how they are closed, what they demand, and how a value's faults are worded.
//!
//! Pure functions. The extractors of [`input`](crate::input) apply them, and the document shows the schemas.

mod alternatives;
mod closed;
mod contract;
mod findings;
mod kind;
mod members;
mod recursion;
mod rules;
mod serde_names;
mod unique;
mod words;

pub(crate) use self::{
    alternatives::say,
    closed::{RefuseUnknown, refuse_unknown, settings},
    contract::{Contract, published},
    findings::{Finding, MAX_ERRORS, Step},
    kind::{Fields, Kind, NUL, Shape, Takes},
    members::{MAX_HOPS, Members, value_of_pairs},
    serde_names::faults as serde_faults,
    words::UNACCEPTABLE,
};
