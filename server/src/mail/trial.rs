//! What the operator can check: the state of the queue, and a test email sent immediately.

use std::fmt;

use super::{Message, Recipient, compose, store, store::Figures, transport::Problem, worker::EXCHANGE};
use crate::{accounts::Email, app::App, error::Error, random};

/// Why a test email was not sent.
#[derive(Debug)]
pub(crate) struct TrialFailed(Problem);

impl fmt::Display for TrialFailed {
    /// With the server's own words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.reply() {
            Some(reply) => write!(f, "{}: it said “{reply}”", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Sends a test email immediately, bypassing the queue, and reports each completed step.
pub(crate) async fn send_trial(
    app: &App,
    to: &Email,
    tell: &mut (dyn FnMut(String) + Send),
) -> Result<(), TrialFailed> {
    let now = app.now();
    let to = Recipient::bare(to, "en");
    let mail = compose::compose(app, random::uuid_v7(now), &to, &Message::Trial, now);
    let mail = mail.map_err(|cause| TrialFailed(Problem::of_mail(cause)))?;
    let mut outlet = app.outbox().outlet.lock().await;
    let sent = outlet.send_and_tell(EXCHANGE, &mail, tell).await;
    outlet.close().await;
    sent.map_err(TrialFailed)
}

/// The state of the queue.
pub(crate) async fn figures(app: &App) -> Result<Figures, Error> {
    Ok(store::figures(app.db().read().await?.conn()).await?)
}

/// The most recent error of an email that is waiting or has failed.
pub(crate) async fn last_error(app: &App) -> Result<Option<String>, Error> {
    Ok(store::last_error(app.db().read().await?.conn()).await?)
}

/// The sender of emails: name and address.
pub(crate) fn sender(app: &App) -> Option<(String, String)> {
    compose::sender(app).map(|(name, address)| (name, address.to_string()))
}
