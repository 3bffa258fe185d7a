//! The worker. Each webhook has its own lane, so that one that hangs does not delay the others.
//!
//! A delivery is leased by one statement, so only one of several instances makes it. If that instance dies, the lease
//! expires and another one makes it again: at least once, and more than once only after a crash or a lost response. A
//! stop waits for the attempts in progress.

use std::{collections::HashSet, sync::Weak, time::Duration};

use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use uuid::Uuid;

use super::{
    Hook,
    store::{self, Due, Leased},
};
use crate::{
    app::{App, Inner},
    clock::Timestamp,
    error::Error,
};

/// How often the table is polled.
const EVERY: Duration = Duration::from_secs(1);
/// How long an instance leases a delivery: several times as long as an attempt can take.
const LEASE: Duration = Duration::from_secs(30);
/// The maximum number of concurrent requests to one webhook.
const AT_ONCE: usize = 4;
/// Deliveries read at a time.
const BATCH: i64 = 64;
/// The delays after the first attempt, the second, and so on. The delivery has failed for good after the attempt that
/// follows the last delay: three days, as the specification recommends.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];
/// The maximum length of a stored error in characters.
const ERROR_LENGTH: usize = 300;

/// Delivers until the last [`App`] is dropped or closed.
pub(crate) fn start(app: Weak<Inner>) {
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lanes = Lanes::default();
        loop {
            ticks.tick().await;
            let Some(app) = Weak::upgrade(&app).map(App::of_inner) else { return };
            if app.work().is_over() {
                // Dropping it would abort the attempts that the stop waits for.
                lanes.tasks.detach_all();
                return;
            }
            if let Err(cause) = lanes.open(&app).await {
                tracing::warn!(%cause, "cannot read the webhooks; retrying");
            }
        }
    });
}

/// The webhooks with deliveries in progress.
#[derive(Default)]
struct Lanes {
    busy: HashSet<Uuid>,
    tasks: JoinSet<Uuid>,
}

impl Lanes {
    /// Opens a lane for each webhook that has due deliveries and no lane.
    async fn open(&mut self, app: &App) -> Result<(), Error> {
        while let Some(ended) = self.tasks.try_join_next() {
            match ended {
                Ok(hook) => {
                    self.busy.remove(&hook);
                }
                // It is unknown which one it was; with leases, two lanes for one webhook do no harm.
                Err(_) => self.busy.clear(),
            }
        }
        let waiting = store::with_due(app.db().read().await?.conn(), app.now()).await?;
        for hook in waiting {
            if self.busy.insert(hook.id) {
                self.tasks.spawn(empty(app.downgrade(), hook));
            }
        }
        Ok(())
    }
}

/// Delivers what is due for one webhook, until nothing is left or the app is gone.
async fn empty(app: Weak<Inner>, hook: Hook) -> Uuid {
    loop {
        let due = match due(&app, &hook).await {
            Ok(due) => due,
            Err(cause) => {
                tracing::warn!(%cause, webhook = %hook.id, "cannot read the deliveries; retrying");
                return hook.id;
            }
        };
        let is_all = due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        let (app, hook) = (&app, &hook);
        let attempts = stream::iter(due).for_each_concurrent(AT_ONCE, |due| async move {
            let Some(app) = Weak::upgrade(app).map(App::of_inner) else { return };
            let Some(_begun) = app.work().begin() else { return };
            if let Err(cause) = attempt(&app, hook, due).await {
                tracing::warn!(%cause, webhook = %hook.id, "cannot record the outcome of a delivery; it will be \
                    delivered again");
            }
        });
        attempts.await;
        if is_all {
            return hook.id;
        }
    }
}

async fn due(app: &Weak<Inner>, hook: &Hook) -> Result<Vec<Due>, Error> {
    let Some(inner) = Weak::upgrade(app) else { return Ok(Vec::new()) };
    let app = App::of_inner(inner);
    if app.work().is_over() {
        return Ok(Vec::new());
    }
    Ok(store::due(app.db().read().await?.conn(), hook.id, app.now(), BATCH).await?)
}

/// Leases a delivery, makes it, and records the outcome.
async fn attempt(app: &App, hook: &Hook, due: Due) -> Result<(), Error> {
    let now = app.now();
    let until = now + LEASE;
    let mut tx = app.db().begin().await?;
    let leased = store::lease(tx.conn(), hook.id, due, now, until).await?;
    tx.commit().await?;
    let Some(Leased { body, attempts }) = leased else { return Ok(()) };
    if app.work().is_over() {
        let mut tx = app.db().begin().await?;
        store::let_go(tx.conn(), hook.id, Due { next_attempt_at: until, ..due }, app.now()).await?;
        return Ok(tx.commit().await?);
    }

    let outcome = send(app, hook, due.id, now, body).await;

    let mut tx = app.db().begin().await?;
    match outcome {
        Ok(()) => store::delivered(tx.conn(), hook.id, due.id).await?,
        Err(failure) => {
            let now = app.now();
            let next = failure.next(attempts, now);
            let held = Due { next_attempt_at: until, ..due };
            store::failed(tx.conn(), hook.id, held, &failure.words(), now, next).await?;
            tell(hook, &failure, attempts, next);
        }
    }
    Ok(tx.commit().await?)
}

fn tell(hook: &Hook, failure: &Failure, attempts: i64, next: Option<Timestamp>) {
    let (webhook, reason) = (hook.id, failure.words());
    if let Some(next) = next.map(Timestamp::to_rfc3339) {
        tracing::info!(%webhook, attempts, reason, next, "a webhook delivery failed; it will be retried");
    } else {
        tracing::warn!(
            %webhook, attempts, reason,
            "gave up on a webhook delivery; `portcullis webhook retry ID` retries it"
        );
    }
}

async fn send(app: &App, hook: &Hook, id: Uuid, now: Timestamp, body: String) -> Result<(), Failure> {
    let local = |reason: &dyn std::fmt::Display| Failure::Unsent(reason.to_string());
    let target = hook.target(app.outgoing().reach()).map_err(|why| local(&format_args!("the URL {why}")))?;
    let secret = hook.open(app.secret()).map_err(|cause| local(&cause))?;
    let request = secret.sign(id, now, body).map_err(|cause| local(&cause))?;
    match app.outgoing().send(&target, request).await {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(Failure::Answered(status)),
        Err(cause) => Err(local(&cause)),
    }
}

/// Why a delivery failed.
enum Failure {
    Answered(StatusCode),
    Unsent(String),
}

impl Failure {
    /// When to retry, if at all: 410 says that the receiver is gone and deliveries should stop.
    fn next(&self, attempts: i64, now: Timestamp) -> Option<Timestamp> {
        if matches!(self, Self::Answered(StatusCode::GONE)) {
            return None;
        }
        let pause = usize::try_from(attempts).ok().and_then(|attempts| PAUSES.get(attempts.checked_sub(1)?));
        pause.map(|pause| now + *pause)
    }

    /// One line for the operator.
    fn words(&self) -> String {
        match self {
            Self::Answered(status) if status.is_redirection() => {
                format!("responded with {}; redirects are not followed", status.as_u16())
            }
            Self::Answered(status) => format!("responded with {}", status.as_u16()),
            Self::Unsent(reason) => {
                let visible = |char: char| if char.is_control() { ' ' } else { char };
                reason.chars().map(visible).take(ERROR_LENGTH).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_are_three_days_in_all_and_gone_is_the_end() {
        let now = Timestamp::from_secs(0);
        let failed = Failure::Answered(StatusCode::INTERNAL_SERVER_ERROR);
        let pauses: Vec<_> =
            (1..=10).map(|attempts| failed.next(attempts, now).map(Timestamp::as_secs)).collect();
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400].map(Some);
        assert_eq!(pauses, [&expected[..], &[None]].concat());
        assert_eq!(Failure::Answered(StatusCode::GONE).next(1, now), None);
        let long = Failure::Unsent("a\r\nb".repeat(1000)).words();
        assert!(long.chars().count() == ERROR_LENGTH && !long.contains(char::is_control));
    }
}
