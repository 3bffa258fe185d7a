//! The FastAPI guide in one file: sign up, log in by the password form, call `/profile`, all of it on a docs page.
//!
//! `cargo run -p portcullis --example guide`. Accounts are kept in memory; `portcullis-server` is this with a
//! database, limits on guessing, log-out and what else an account system needs.

use std::{error::Error, sync::Arc, time::UNIX_EPOCH};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::{Router, extract::State};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use portcullis::{
    AccessTokens, Api, Bearer, Created, Form, Guard, Json, Public, SecurityScheme, Verdict, Verify, VerifyFailed,
    answers,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::RwLock;

const ISSUER: &str = "http://127.0.0.1:3000";
const LIFETIME: u64 = 15 * 60; // seconds

/// The router's state, and what a guard asks: `Guard<Accounts>`.
#[derive(Clone)]
struct Accounts(Arc<Inner>);

struct Inner {
    accounts: RwLock<Vec<Account>>,
    signing_key: EncodingKey,
    tokens: AccessTokens,
    /// The hash of no password: an unknown name costs as much time as a wrong password.
    nobody: String,
}

/// It has no schema, so that no handler can answer it by mistake, with the hash.
#[derive(Clone)]
struct Account {
    id: usize,
    email: String,
    full_name: String,
    password_hash: String,
}

// ── What the outside sees ──────────────────────────────────────────────────────────────────────────────────────

#[derive(Deserialize, JsonSchema)]
struct SignUp {
    #[schemars(email, length(max = 254))]
    email: String,
    #[schemars(length(min = 1, max = 100))]
    full_name: String,
    #[schemars(length(min = 12, max = 1024))]
    password: String,
}

/// The password form of OAuth 2 (RFC 6749 §4.3.2).
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the docs page sends these fields, and there is nothing to choose")]
struct LogIn {
    #[schemars(length(max = 254))]
    username: String,
    #[schemars(length(max = 1024))]
    password: String,
    grant_type: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Token {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

#[derive(Serialize, JsonSchema)]
struct Profile {
    id: usize,
    email: String,
    full_name: String,
}

answers! {
    enum SignUpFailed {
        /// There is an account with this e-mail address.
        Taken = 409,
        /// The password could not be hashed.
        Hashing = 500,
    }
}

answers! {
    enum LogInFailed {
        /// Incorrect username or password
        Incorrect = 400,
        /// No token could be made.
        Signing = 500,
    }
}
