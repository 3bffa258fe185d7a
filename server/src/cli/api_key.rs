//! `portcullis api-key …`: the API keys of accounts.

use std::io;

use serde::Serialize;

use super::out::{Listing, moment, or_nothing, say};
use super::user::find;
use super::{ApiKeyCommand, WhichAccount};
use crate::{
    access::{By, KeyId},
    accounts::{AccountId, Email},
    api_keys::{self, Leaked, Listed},
    app::App,
    client::Client,
    clock::Timestamp,
    error::Error,
};

/// A key as `--json` prints it.
#[derive(Serialize)]
struct Shown {
    id: String,
    prefix: String,
    account: AccountId,
    name: String,
    scope: String,
    created_at: String,
    expires_at: String,
    last_used_at: Option<String>,
    last_used_address: Option<String>,
}

impl From<Listed> for Shown {
    fn from(key: Listed) -> Self {
        Self {
            id: key.id.to_string(),
            prefix: key.shown(),
            account: key.account_id,
            name: key.name,
            scope: key.scope,
            created_at: key.created_at.to_rfc3339(),
            expires_at: key.expires_at.to_rfc3339(),
            last_used_at: key.last_used_at.map(Timestamp::to_rfc3339),
            last_used_address: key.last_used_address,
        }
    }
}

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: ApiKeyCommand) -> Result<(), String> {
    match command {
        ApiKeyCommand::List { account, limit, json } => list(app, account, limit, json).await,
        ApiKeyCommand::Revoke { id } => revoke(app, &id).await,
        ApiKeyCommand::Leaked => leaked(app).await,
    }
}

async fn list(app: &App, account: Option<WhichAccount>, limit: u32, json: bool) -> Result<(), String> {
    let keys = match account {
        Some(account) => api_keys::list(app, find(app, account).await?.id).await,
        None => api_keys::list_every(app, limit).await,
    };
    let keys = keys.map_err(|error| error.to_string())?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut listing = Listing::new(["ID", "ACCOUNT", "NAME", "SCOPE", "EXPIRES", "LAST USED"], json);
    listing.page(keys.into_iter().take(most).map(|key| {
        let cells = [
            key.id.to_string(),
            key.account_id.to_string(),
            key.name.clone(),
            key.scope.clone(),
            moment(key.expires_at),
            or_nothing(key.last_used_at.map(moment)),
        ];
        (Shown::from(key), cells)
    }))?;
    listing.end("No API keys. People create them on their account page or with POST /keys.")
}

async fn revoke(app: &App, id: &str) -> Result<(), String> {
    // The input may be a whole key, so it is not repeated.
    let none = || "no such API key; `portcullis api-key list` shows the IDs".to_owned();
    let key = KeyId::of_text(id).ok_or_else(none)?;
    match api_keys::revoke(app, key, By::operator(&Client::local("operator"))).await {
        Ok(key) => say(&format!("Revoked the API key {} of account {}.", key.shown(), key.account_id)),
        Err(Error::NotFound) => Err(none()),
        Err(error) => Err(error.to_string()),
    }
}

/// Prints what was found, but never a whole key.
async fn leaked(app: &App) -> Result<(), String> {
    let keys = Leaked::in_text(io::stdin().lock()).read();
    let keys = keys.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let (found, client) = (keys.len(), Client::local("operator"));
    let mut count = 0;
    for key in keys {
        let ended = api_keys::end_leaked(app, &key, &client).await.map_err(|error| error.to_string())?;
        if let Some(ended) = ended {
            count += 1;
            let told: Vec<_> = ended.told.iter().map(Email::as_str).collect();
            let told =
                if told.is_empty() { "nobody: the account is disabled".to_owned() } else { told.join(", ") };
            say(&format!("Revoked {} and notified {told}.", ended.key.shown()))?;
        }
    }
    let others = found - count;
    say(&format!("Revoked {count} of this server's API keys; {others} other strings look like API keys."))
}
