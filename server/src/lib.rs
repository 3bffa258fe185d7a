//! Accounts and authorization for an API: the account system of Portcullis.
//!
//! Run it beside your application as the program `portcullis`, or mount its router inside an axum application.

pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
mod files;
mod passwords;
mod pictures;
mod pool;
pub mod random;
pub mod secret;
