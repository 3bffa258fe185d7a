//! Sends queued emails. Every instance has one worker. It claims an email in one statement before sending it, so only
//! one worker sends each email; if that worker is killed, another takes over after the lease.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::{
    select,
    sync::{Mutex, Notify},
    time::sleep,
};
use zeroize::Zeroizing;

use super::{
    MailConfig, Message, PURPOSE, Recipient, compose,
    store::{self, Claimed, Due},
    transport::{Outlet, Problem},
};
use crate::{
    app::{App, Inner},
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    events::{self, Event},
};

/// The interval at which the queue is polled, because other instances and the command line also add to it.
const POLL: Duration = Duration::from_secs(1);
/// From a wake-up, which precedes the commit, to reading the queue.
const COMMIT_TAKES: Duration = Duration::from_millis(20);
/// Between two attempts while the server takes no mail at all.
const SERVER_AWAY: Duration = Duration::from_secs(30);
/// How long a claimed email is leased: longer than an attempt lasts.
const LEASE: Duration = Duration::from_mins(2);
/// The timeout for the whole exchange of one email.
pub(super) const EXCHANGE: Duration = Duration::from_secs(30);
/// The delay after the first failed attempt; it doubles with each later one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
const GIVEN_UP_AFTER: Duration = Duration::from_hours(3 * 24);
/// How long a failed email is kept for the operator to see.
const FAILED_KEPT: Duration = Duration::from_hours(30 * 24);
/// Emails read from the queue at a time. An email that someone waits for is sent after at most this many notices.
const BATCH: i64 = 8;

/// This instance's connection to the mail server, for one email at a time.
pub(crate) struct Outbox {
    pub(super) outlet: Mutex<Outlet>,
    wake: Arc<Notify>,
}

impl Outbox {
    pub(crate) fn new(config: &MailConfig, hello: &str) -> Self {
        Self { outlet: Mutex::new(Outlet::new(&config.way(), hello)), wake: Arc::new(Notify::new()) }
    }

    /// Signals that an email was queued or is about to be.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// The outcome of a claimed email.
enum Outcome {
    /// Sent (how many), or claimed by another worker.
    Done(u64),
    /// This email was rejected; others may be accepted.
    Refused,
    /// The server takes no mail at all.
    Away,
}

/// Answers a queued question, in the transaction that takes it out of the queue. The queue does not know what the
/// question is.
pub(crate) type Answering =
    for<'a> fn(&'a App, &'a mut Tx, question: &'a [u8], now: Timestamp) -> BoxFuture<'a, Result<(), Error>>;

/// Sends emails as they are queued, until the last [`App`] is dropped or closed.
pub(crate) fn start(app: Weak<Inner>, answering: Answering) {
    let Some(wake) = Weak::upgrade(&app).map(|inner| Arc::clone(&App::of_inner(inner).outbox().wake)) else {
        return;
    };
    tokio::spawn(async move {
        let mut was_failing = false;
        loop {
            let Some(app) = Weak::upgrade(&app).map(App::of_inner) else { return };
            if app.work().is_over() {
                return;
            }
            let pass = pass(&app, answering).await;
            drop(app);
            match &pass {
                Ok(_) => was_failing = false,
                // Log it once, not every second of an outage.
                Err(cause) if !was_failing => {
                    was_failing = true;
                    tracing::warn!(%cause, "cannot read the email queue; retrying every second");
                }
                Err(_) => {}
            }
            if matches!(pass, Ok((_, false))) {
                sleep(SERVER_AWAY).await;
            } else {
                select! {
                    () = wake.notified() => sleep(COMMIT_TAKES).await,
                    () = sleep(POLL) => {}
                }
            }
        }
    });
}

/// Sends the emails that are due, after waiting for the worker if it is sending. Returns how many were sent.
///
/// # Errors
/// [`Error::Database`]. An email that cannot be sent is not an error: it stays in the queue.
pub(crate) async fn deliver_due(app: &App, answering: Answering) -> Result<u64, Error> {
    pass(app, answering).await.map(|(sent, _)| sent)
}

/// Removes emails whose delivery failed long ago.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_failed_before(tx.conn(), now - FAILED_KEPT).await
}

/// Sends the emails that are due. Returns how many were sent, and whether the server takes mail.
async fn pass(app: &App, answering: Answering) -> Result<(u64, bool), Error> {
    let mut outlet = app.outbox().outlet.lock().await;
    // Questions need no mail server, so an outage must not delay them.
    answer_due(app, answering).await?;
    let mut sent = 0;
    let mut is_there = true;
    'queue: loop {
        let due = store::due(app.db().read().await?.conn(), false, app.now(), BATCH).await?;
        if due.is_empty() {
            break;
        }
        for mail in due {
            let Some(_begun) = app.work().begin() else { break 'queue };
            match deliver(app, &mut outlet, mail).await? {
                Outcome::Done(count) => sent += count,
                Outcome::Refused => {}
                Outcome::Away => {
                    is_there = false;
                    break 'queue;
                }
            }
        }
    }
    outlet.close().await;
    Ok((sent, is_there))
}

/// Answers the questions that are due.
async fn answer_due(app: &App, answering: Answering) -> Result<(), Error> {
    loop {
        let due = store::due(app.db().read().await?.conn(), true, app.now(), BATCH).await?;
        if due.is_empty() {
            return Ok(());
        }
        for question in due {
            let Some(_begun) = app.work().begin() else { return Ok(()) };
            if let Err(problem) = answer(app, question, answering).await?
                && let Some(claimed) = claim(app, question).await?
            {
                settle(app, &claimed, Err(problem)).await?;
            }
        }
    }
}

/// Replaces the question by its answer in one transaction. Nothing is sent, so no lease is needed, and an instance
/// that is killed on the way leaves the question as it was. A question that cannot be answered is a problem.
async fn answer(app: &App, question: Due, answering: Answering) -> Result<Result<(), Problem>, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let Some(taken) = store::take(tx.conn(), question, now).await? else { return Ok(Ok(())) };
    let question = match unseal(app, &taken) {
        Ok(question) => question,
        Err(problem) => return Ok(Err(problem)),
    };
    match answering(app, &mut tx, &question, now).await {
        Ok(()) => Ok(Ok(tx.commit().await?)),
        Err(error @ Error::Database(_)) => Err(error),
        Err(error) => Ok(Err(Problem::of_mail(error))),
    }
}

async fn claim(app: &App, due: Due) -> Result<Option<Claimed>, Error> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    let claimed = store::claim(tx.conn(), due, now, now + LEASE).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Returns an unused lease, so that the next instance need not wait for it to expire.
async fn let_go(app: &App, claimed: &Claimed, due: Due) -> Result<(), Error> {
    let mut tx = app.db().begin().await?;
    store::let_go(tx.conn(), claimed, due.attempts, app.now()).await?;
    Ok(tx.commit().await?)
}

async fn deliver(app: &App, outlet: &mut Outlet, due: Due) -> Result<Outcome, Error> {
    let Some(claimed) = claim(app, due).await? else { return Ok(Outcome::Done(0)) };
    if app.work().is_over() {
        let_go(app, &claimed, due).await?;
        return Ok(Outcome::Done(0));
    }
    let sent = match open(app, &claimed) {
        Ok((to, message)) => send(app, outlet, &claimed, &to, &message).await,
        Err(problem) => Err(problem),
    };
    settle(app, &claimed, sent).await
}

fn unseal(app: &App, claimed: &Claimed) -> Result<Zeroizing<Vec<u8>>, Problem> {
    app.secret().open(PURPOSE, &claimed.sealed).map_err(Problem::of_mail)
}

fn open<T: DeserializeOwned>(app: &App, claimed: &Claimed) -> Result<T, Problem> {
    let plain = unseal(app, claimed)?;
    // serde's error may quote the input.
    serde_json::from_slice(&plain)
        .map_err(|_| Problem::of_mail("the email was queued by another version of this program"))
}

/// Writes and sends an email.
async fn send(
    app: &App,
    outlet: &mut Outlet,
    claimed: &Claimed,
    to: &Recipient,
    message: &Message,
) -> Result<(), Problem> {
    let mail =
        compose::compose(app, claimed.id, to, message, claimed.created_at).map_err(Problem::of_mail)?;
    outlet.send_within(EXCHANGE, &mail).await
}

/// Records the outcome of the attempt.
async fn settle(app: &App, claimed: &Claimed, sent: Result<(), Problem>) -> Result<Outcome, Error> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    let outcome = match sent {
        Ok(()) => {
            store::delete(tx.conn(), claimed.id).await?;
            tracing::debug!(mail = %claimed.id, attempts = claimed.attempts, "a mail was sent");
            Outcome::Done(1)
        }
        Err(problem) => {
            let text = problem.to_string();
            if problem.is_final() {
                store::fail(tx.conn(), claimed, &text, now).await?;
                let (event, server) = (Event::MailRefused, Client::local("mail"));
                events::record_detail(&mut tx, event, claimed.account_id, &server, Some(&text), now).await?;
                tracing::error!(mail = %claimed.id, problem = text, "an email was permanently rejected; it will not be \
                    retried");
            } else if now - claimed.created_at >= GIVEN_UP_AFTER {
                store::fail(tx.conn(), claimed, &text, now).await?;
                tracing::error!(mail = %claimed.id, problem = text, "gave up on an email after three days");
            } else {
                store::postpone(tx.conn(), claimed, &text, now + wait_after(claimed.attempts)).await?;
                tracing::warn!(mail = %claimed.id, problem = text, "an email was not sent; it will be retried");
            }
            if problem.is_of_server() { Outcome::Away } else { Outcome::Refused }
        }
    };
    tx.commit().await?;
    Ok(outcome)
}

/// 30 seconds, then one minute, two, four, …, one hour.
fn wait_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<u64> = (1..=9).map(|attempts| wait_after(attempts).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(wait_after(i64::MAX), LONGEST_WAIT);
    }
}
