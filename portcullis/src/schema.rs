//! What is to be known of a type's schema: how it is closed, what it demands, what a value lacks and in which words.
//!
//! Pure: values in, values out. The extractors of [`input`](crate::input) apply it, and the document shows it.

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
