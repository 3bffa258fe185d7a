//! Background jobs: sending emails and webhooks as they come, jobs every minute, and an hourly sweep of expired rows.
//!
//! Every instance runs them. The rows alone determine what is done, so it does not matter which instance comes first,
//! or how many there are.
//! first, or how many do.

use std::{pin::Pin, sync::Weak, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    accounts, api_keys,
    app::{App, Inner},
    audit,
    clock::Timestamp,
    db::Tx,
    error::Error,
    factors, groups, leaving, limits, mail, passkeys, pictures, recovery, sessions, social, webhooks,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// How long an ended session is kept on record.
const SESSIONS_KEPT: Duration = Duration::from_hours(24);
/// How old bytes without a row must be before they are deleted: by then no upload is about to name them.
const UPLOADS_TAKE: Duration = Duration::from_hours(1);

/// How long a failed webhook delivery is kept for retries.
const DELIVERIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// The maximum number of grants of each kind that a sweep removes.
const GRANTS: u32 = 10_000;

/// Starts the background jobs, which run until the last [`App`] is dropped.
pub(crate) fn start(app: &Weak<Inner>) {
    mail::start(Weak::clone(app), answer_question);
    webhooks::start(Weak::clone(app));
    watch_clock(Weak::clone(app));
    every(MINUTE, app.clone(), |app| Box::pin(async move { tend(&app).await }));
    every(HOUR, app.clone(), |app| Box::pin(async move { sweep(&app).await }));
}

/// Sends the emails that are due; the worker does so by itself. Returns how many were sent.
pub(crate) async fn deliver_due(app: &App) -> Result<u64, Error> {
    mail::deliver_due(app, answer_question).await
}

/// The questions in the email queue are answered by `recovery`.
fn answer_question<'a>(
    app: &'a App,
    tx: &'a mut Tx,
    question: &'a [u8],
    now: Timestamp,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(recovery::answer(app, tx, question, now))
}

type Doing = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>;

/// Runs it now and then every `period`.
fn every(period: Duration, app: Weak<Inner>, what: fn(App) -> Doing) {
    tokio::spawn(async move {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(inner) = Weak::upgrade(&app) else { return };
            match what(App::of_inner(inner)).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "deleted expired data"),
                Err(cause) => tracing::warn!(%cause, "the sweep failed; it will be retried later"),
            }
        }
    });
}

/// Sets the clock again when the computer's clock has jumped or was suspended, and when the database's last response
/// came too late to tell the time.
fn watch_clock(app: Weak<Inner>) {
    tokio::spawn(async move {
        let mut ticks = interval(SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Some(mut seen) = Weak::upgrade(&app).map(|inner| App::of_inner(inner).clock().reading()) else {
            return;
        };
        loop {
            ticks.tick().await;
            let Some(app) = Weak::upgrade(&app).map(App::of_inner) else { return };
            let now = app.clock().reading();
            let jump = now.apart_from(&seen);
            if jump > SECOND || app.clock().is_unsure() {
                match app.db().set_clock(app.clock()).await {
                    Ok(_) if jump > SECOND => {
                        tracing::warn!(seconds = jump.as_secs_f64(), "this computer's clock jumped");
                    }
                    Ok(_) => {}
                    // The next tick sees the same jump.
                    Err(_) => continue,
                }
            }
            seen = now;
        }
    });
}

/// Sets the clock, folds names that are not folded yet, gives notice of API keys that expire soon, and deletes the
/// accounts whose grace period is over. Returns how many accounts were deleted.
async fn tend(app: &App) -> Result<u64, Error> {
    app.db().set_clock(app.clock()).await?;
    accounts::refold(app).await?;
    api_keys::give_notice(app).await?;
    leaving::sweep(app).await
}

/// Deletes expired grants, and grants on rows that the application deleted without telling us. It has its own
/// transaction because it reads the application's tables.
async fn sweep_grants(app: &App) -> Result<u64, Error> {
    let mut tx = app.db().begin().await?;
    let swept = app.policy().sweep(tx.conn(), GRANTS).await;
    let count =
        swept.map_err(|error| Error::Internal(format!("expired grants cannot be deleted: {error}")))?;
    tx.commit().await?;
    Ok(count)
}

/// Deletes what has expired. Returns the number of rows and files.
pub(crate) async fn sweep(app: &App) -> Result<u64, Error> {
    let now = app.now();
    let mut tx = app.db().begin().await?;
    let mut count = sessions::sweep(&mut tx, now - SESSIONS_KEPT).await?;
    count += recovery::sweep(&mut tx, now).await?;
    count += factors::sweep(&mut tx, now).await?;
    count += social::sweep(&mut tx, now).await?;
    count += groups::sweep(&mut tx, now).await?;
    count += passkeys::sweep(&mut tx, now).await?;
    count += api_keys::sweep(&mut tx, now).await?;
    count += limits::sweep(&mut tx, now).await?;
    count += mail::sweep(&mut tx, now).await?;
    count += webhooks::sweep(&mut tx, now - DELIVERIES_KEPT).await?;
    tx.commit().await?;
    count += sweep_grants(app).await?;
    count += factors::uphold(app).await?;
    count += audit::sweep(app, now - app.config().audit_ttl).await?;
    Ok(count + pictures::sweep(app, now - UPLOADS_TAKE).await?)
}
