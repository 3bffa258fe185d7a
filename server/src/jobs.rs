//! What the server does without being asked: it sends mail and delivers webhooks as they come, every minute it tends to
//! what is due, and once an hour it sweeps away what has ended.
//!
//! Every instance does. What is done is decided by the rows alone, so it makes no difference which instance comes
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
/// How long an ended session stays to be looked at.
const SESSIONS_KEPT: Duration = Duration::from_hours(24);
/// How old bytes without a row must be: by then no upload is still about to name them.
const UPLOADS_TAKE: Duration = Duration::from_hours(1);

/// How long a webhook's delivery that was given up stays to be tried again.
const DELIVERIES_KEPT: Duration = Duration::from_hours(30 * 24);

/// How many grants of each kind a sweep removes at most.
const GRANTS: u32 = 10_000;

/// Begins what is done again and again, until the last [`App`] is gone.
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

/// What is asked in the queue of mail is recovery's to answer.
fn answer_question<'a>(
    app: &'a App,
    tx: &'a mut Tx,
    question: &'a [u8],
    now: Timestamp,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(recovery::answer(app, tx, question, now))
}

type Doing = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>;

/// Does it now and after each `period`.
fn every(period: Duration, app: Weak<Inner>, what: fn(App) -> Doing) {
    tokio::spawn(async move {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(inner) = Weak::upgrade(&app) else { return };
            match what(App::of_inner(inner)).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "swept away what had ended"),
                Err(cause) => tracing::warn!(%cause, "the sweep failed; it is tried again later"),
            }
        }
    });
}

/// Sets the clock again as soon as the computer's has jumped, or stood still with the computer, and where the last
/// answer of the database came too late to tell the time.
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
                    // The next look sees the same jump.
                    Err(_) => continue,
                }
            }
            seen = now;
        }
    });
}

/// Sets the clock, folds the names that are not folded yet, tells of API keys that expire soon, and deletes the accounts whose time has come. Answers how
/// many of the last there were.
async fn tend(app: &App) -> Result<u64, Error> {
    app.db().set_clock(app.clock()).await?;
    accounts::refold(app).await?;
    api_keys::give_notice(app).await?;
    leaving::sweep(app).await
}

/// Removes grants that have expired, and those on rows that the application deleted without a word. In a transaction of
/// its own: it reads the application's tables.
async fn sweep_grants(app: &App) -> Result<u64, Error> {
    let mut tx = app.db().begin().await?;
    let swept = app.policy().sweep(tx.conn(), GRANTS).await;
    let count = swept.map_err(|error| Error::Internal(format!("grants cannot be swept: {error}")))?;
    tx.commit().await?;
    Ok(count)
}

/// Removes what has ended. Answers how many rows and files that were.
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
