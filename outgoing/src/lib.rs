#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod connect;
mod place;

pub use client::{Client, Failed, causes};
pub use connect::{Destination, Judge, Resolve, system_resolver};
pub use place::{Place, is_this_machine};
