//! Devices: the sessions of an account as their owner sees and ends them, and logout.

pub(crate) mod http;
pub(crate) mod pages;
