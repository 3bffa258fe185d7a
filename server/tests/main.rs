//! The server as its users meet it: the real router or the real binary, a real database, and HTTP.
//!
//! One file per module. The name of a test that checks a line of the requirements begins with its id (`p04_…`). Tests
//! under [`on_both_databases!`] run once on SQLite and once on PostgreSQL.
#![expect(unreachable_pub, reason = "nobody calls a test")]
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

mod access;
mod accounts;
mod admin;
mod api_keys;
mod attack;
mod attributes;
mod documents;
mod embedding;
mod factors;
mod floors;
mod groups;
mod leaving;
mod login;
mod mail;
mod overlap;
mod overlap_social;
mod pages;
mod passkeys;
mod pictures;
mod policy;
mod prehijack;
mod process;
mod providers;
mod recovery;
mod refresh;
mod remembered;
mod sessions;
mod smtp;
mod social;
mod surroundings;
mod webhooks;
