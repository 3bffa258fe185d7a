//! `portcullis webhook …`: the URLs that are notified of what happens to accounts.

use std::time::Instant;

use serde::Serialize;
use uuid::Uuid;

use super::WebhookCommand;
use super::out::{Listing, or_nothing, say};
use crate::{
    app::App,
    client::Client,
    webhooks::{self, Webhook, WebhookError},
};

/// A webhook as `--json` prints it.
#[derive(Serialize)]
struct Shown {
    id: Uuid,
    url: String,
    waiting: i64,
    failed: i64,
    last_error: Option<String>,
}

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: WebhookCommand) -> Result<(), String> {
    let done = match command {
        WebhookCommand::Add { url } => add(app, &url).await,
        WebhookCommand::List { json } => return list(app, json).await,
        WebhookCommand::Remove { id } => webhooks::remove(app, id, &Client::local("operator"))
            .await
            .map(|()| format!("Removed the webhook {id} and its pending deliveries.")),
        WebhookCommand::Test { id } => test(app, id).await,
        WebhookCommand::Retry { id } => {
            let count = webhooks::retry(app, id).await;
            count.map(|count| format!("The running server retries {count} deliveries."))
        }
    };
    let text = done.map_err(|error| error.to_string())?;
    say(&text)
}

async fn add(app: &App, url: &str) -> Result<String, WebhookError> {
    let new = webhooks::add(app, url, &Client::local("operator")).await?;
    Ok(format!(
        "id      {}\nsecret  {}\nThe secret is shown only once. Give it to the application, which verifies deliveries \
            with it.",
        new.id,
        new.expose_secret()
    ))
}

async fn list(app: &App, json: bool) -> Result<(), String> {
    let hooks = webhooks::list(app).await.map_err(|error| error.to_string())?;
    let mut listing = Listing::new(["ID", "URL", "WAITING", "FAILED", "LAST ERROR"], json);
    listing.page(hooks.into_iter().map(|hook| {
        let last_error = hook.last_error.clone();
        let cells = [
            hook.id.to_string(),
            hook.url.clone(),
            hook.waiting.to_string(),
            hook.failed.to_string(),
            or_nothing(last_error),
        ];
        let Webhook { id, url, waiting, failed, last_error } = hook;
        (Shown { id, url, waiting, failed, last_error }, cells)
    }))?;
    listing.end("No webhooks yet; `portcullis webhook add URL` adds one.")
}

async fn test(app: &App, id: Uuid) -> Result<String, WebhookError> {
    let began = Instant::now();
    let status = webhooks::test(app, id).await?;
    let answer = format!("responded with {} after {} ms", status.as_u16(), began.elapsed().as_millis());
    if status.is_success() {
        Ok(format!("The target {answer}. Deliveries work."))
    } else {
        Err(WebhookError::Unanswered(format!(
            "the target {answer}; only 2xx counts as delivered, and redirects are not followed"
        )))
    }
}
