//! Devices: the sessions of an account, as their owner sees and ends them, and the log-out.

pub(crate) mod http;
pub(crate) mod pages;
