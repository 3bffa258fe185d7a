//! `portcullis keys …`: the keys that sign access tokens.

use serde::Serialize;

use super::KeysCommand;
use super::out::{Listing, moment};
use crate::{app::App, tokens};

#[derive(Serialize)]
struct Key {
    kid: String,
    algorithm: String,
    created_at: String,
    /// Whether it signs new tokens; older keys do not.
    signs: bool,
}

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: KeysCommand) -> Result<(), String> {
    let KeysCommand::List { json } = command;
    let keys = tokens::keys(app).await.map_err(|error| error.to_string())?;
    let mut listing = Listing::new(["KEY ID", "ALGORITHM", "CREATED", "USE"], json);
    listing.page(keys.into_iter().enumerate().map(|(at, key)| {
        let signs = at == 0;
        let purpose = if signs { "signs new tokens" } else { "retired" };
        let cells = [key.kid.clone(), key.algorithm.clone(), moment(key.created_at), purpose.to_owned()];
        let created_at = key.created_at.to_rfc3339();
        (Key { kid: key.kid, algorithm: key.algorithm, created_at, signs }, cells)
    }))?;
    listing.end("No signing keys; the server creates one when it starts.")
}
