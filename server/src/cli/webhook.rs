//! `portcullis webhook …`: where applications are told what happens to accounts.

use std::time::Instant;

use super::{WebhookCommand, say};
use crate::{
    app::App,
    client::Client,
    webhooks::{self, WebhookError},
};

/// Does what the command says and prints what it did.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(app: &App, command: WebhookCommand) -> Result<(), String> {
    let done = match command {
        WebhookCommand::Add { url } => add(app, &url).await,
        WebhookCommand::List => list(app).await,
        WebhookCommand::Remove { id } => webhooks::remove(app, id, &Client::local("operator"))
            .await
            .map(|()| format!("The webhook {id} is removed, with what it was still to be told.")),
        WebhookCommand::Test { id } => test(app, id).await,
        WebhookCommand::Retry { id } => {
            let count = webhooks::retry(app, id).await;
            count.map(|count| format!("{count} deliveries are tried again by the running server."))
        }
    };
    let text = done.map_err(|error| error.to_string())?;
    say(&text)
}

async fn add(app: &App, url: &str) -> Result<String, WebhookError> {
    let new = webhooks::add(app, url, &Client::local("operator")).await?;
    Ok(format!(
        "id      {}\nsecret  {}\nThe secret is shown this once: give it to the application, which verifies with it.",
        new.id,
        new.expose_secret()
    ))
}

/// One webhook a line: id, URL, how many deliveries wait and how many were given up, the last error.
async fn list(app: &App) -> Result<String, WebhookError> {
    let lines = webhooks::list(app).await?.into_iter().map(|hook| {
        let error = hook.last_error.as_deref().unwrap_or("-");
        format!("{}\t{}\twaiting {}\tfailed {}\t{error}", hook.id, hook.url, hook.waiting, hook.failed)
    });
    let lines = lines.collect::<Vec<_>>();
    Ok(if lines.is_empty() {
        "There is no webhook; `portcullis webhook add URL` makes one.".to_owned()
    } else {
        lines.join("\n")
    })
}

async fn test(app: &App, id: uuid::Uuid) -> Result<String, WebhookError> {
    let began = Instant::now();
    let status = webhooks::test(app, id).await?;
    let answer = format!("answered {} after {} ms", status.as_u16(), began.elapsed().as_millis());
    if status.is_success() {
        Ok(format!("The target {answer}: deliveries arrive."))
    } else {
        Err(WebhookError::Unanswered(format!(
            "The target {answer}; only 2xx counts as delivered, and redirects are not followed."
        )))
    }
}
