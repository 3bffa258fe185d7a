//! Accounts and authorization for an API: the account system of Portcullis.
//!
//! Run it beside your application as the program `portcullis`, or mount its router inside an axum application
//! ([`App`]). Every route is declared with the library [`portcullis`], of which this is the first user.
//!
//! Each folder is a room, named in the terms of the standards. In it, `mod.rs` holds the nouns and what other
//! rooms may call, `http.rs` the handlers, `rules.rs` the decisions and `store.rs` the only SQL.

#![forbid(unsafe_code)]

mod access;
pub mod accounts;
pub mod admin;
mod api_keys;
mod app;
mod attributes;
mod audit;
mod caller;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
mod cursor;
pub mod db;
mod devices;
pub mod error;
mod events;
mod factors;
mod files;
pub mod groups;
mod health;
mod identities;
pub mod invalid;
mod jobs;
pub mod leaving;
mod limits;
pub mod log;
mod login;
pub mod mail;
mod messages;
pub mod middleware;
mod oauth;
mod outgoing;
mod pages;
mod passkeys;
pub mod passwords;
mod paths;
mod pictures;
pub mod policy;
mod pool;
mod profile;
mod purse;
pub mod random;
mod recovery;
mod routes;
pub mod secret;
pub mod serve;
mod server;
pub mod sessions;
mod sign_up;
mod social;
pub mod tokens;
mod upstream;
pub mod webhooks;
mod work;

pub use access::{
    AccountsRead, AccountsWrite, AdminRole, AuditRead, By, KeyHolder, KeyId, ManageAccount, OfflineAccess,
    OrganisationsRead, OrganisationsWrite, Principal, ProfileRead, ProfileWrite, Requester, SessionId,
};
pub use api_keys::{ApiKeyHeader, ApiKeys, BearerApiKeys, CallerOrKey};
pub use app::{App, AppError};
pub use caller::Caller;
pub use pages::LookError;
pub use sessions::SessionCookies;
pub use tokens::SessionTokens;
pub use upstream::ProvidersError;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
