//! Reads the rows of sessions, with one statement for concurrent requests.
//!
//! A statement costs a round trip to the database; reading one more row is negligible. So a check that arrives
//! while others are in progress waits for one of them, and all that are waiting share the next statement. Every
//! request gets the result of a statement that began after the request arrived, so the end of a session takes
//! effect as early as without batching.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::{
    access::{self, Living, Principal, SessionId},
    accounts::AccountId,
    clock::Clock,
    db::Db,
};

/// The maximum number of concurrent statements.
const MOST_RUNS: usize = 4;
/// The maximum number of concurrent statements for a single request each. Measured on two cores: with one, two
/// clients wait for each other; with more than two, many clients share too little.
const MOST_ALONE: usize = 2;
/// A statement that takes longer is not waited for; the next one begins alongside it.
const PATIENCE: Duration = Duration::from_millis(1);

/// Cheap to clone; clones share their statements.
#[derive(Clone)]
pub(crate) struct Checks(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    runs: usize,
    /// When the newest statement began.
    began: Option<Instant>,
}

struct Waiting {
    session: SessionId,
    account: AccountId,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Option<Principal>, Arc<crate::db::Error>>;

impl Checks {
    pub(crate) fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Shared { db, clock, queue: Mutex::default() }))
    }

    /// The principal, if the session is alive, belongs to this account, and the account is active.
    pub(crate) async fn principal(&self, session: SessionId, account: AccountId) -> Answer {
        if let Some(_alone) = self.begin_alone() {
            let alive = self.0.alive(session).await.map_err(Arc::new)?;
            return Ok(alive.filter(|living| living.account == account).map(Living::principal));
        }
        let (answer, answered) = oneshot::channel();
        if let Some(run) = self.enqueue(Waiting { session, account, answer }) {
            tokio::spawn(run.go());
        }
        // There is no response only if the program is ending.
        answered.await.unwrap_or_else(|_| Err(Arc::new(crate::db::Error::Closed)))
    }

    /// The right to run a statement immediately, if there is little load.
    fn begin_alone(&self) -> Option<Alone> {
        let mut queue = self.0.queue();
        (queue.runs < MOST_ALONE && queue.waiting.is_empty()).then(|| {
            queue.runs += 1;
            queue.began = Some(Instant::now());
            Alone(Arc::clone(&self.0))
        })
    }

    /// Enqueues a request. Returns a run to start, unless one in progress will take the request soon.
    fn enqueue(&self, waiting: Waiting) -> Option<Run> {
        let mut queue = self.0.queue();
        queue.waiting.push_back(waiting);
        let is_slow = || queue.began.is_none_or(|began| began.elapsed() > PATIENCE);
        let is_full = queue.waiting.len() >= access::BATCH;
        (queue.runs == 0 || (queue.runs < MOST_RUNS && (is_full || is_slow()))).then(|| {
            queue.runs += 1;
            Run::new(&self.0)
        })
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn alive(&self, session: SessionId) -> Result<Option<Living>, crate::db::Error> {
        let mut reader = self.db.read().await?;
        access::living(reader.conn(), session, self.clock.now()).await
    }

    async fn alive_among(
        &self,
        sessions: [SessionId; access::BATCH],
    ) -> Result<Vec<Living>, crate::db::Error> {
        let mut reader = self.db.read().await?;
        access::living_among(reader.conn(), sessions, self.clock.now()).await
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checks")
    }
}

/// The statement of a single request, run within that request: a lone client does not wait for another task.
struct Alone(Arc<Shared>);

impl Drop for Alone {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        if queue.waiting.is_empty() {
            queue.runs -= 1;
            return;
        }
        // They saw a statement in progress and began none. Spawn without the lock: if the program is ending, the
        // task is dropped immediately, and its drop takes the lock.
        drop(queue);
        let run = Run::new(&self.0);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(run.go());
        }
    }
}

/// A task that runs one statement after another until nobody waits.
struct Run {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Run {
    /// The caller has already counted it in `runs`.
    fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), is_over: false }
    }

    async fn go(mut self) {
        while let Some(batch) = self.next() {
            self.answer(batch).await;
        }
    }

    /// The waiting requests that fit into one statement; `None` if there are none, which ends this run.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        let mut batch = Vec::with_capacity(access::BATCH);
        while batch.len() < access::BATCH
            && let Some(waiting) = queue.waiting.pop_front()
        {
            // The request was cancelled meanwhile.
            if !waiting.answer.is_closed() {
                batch.push(waiting);
            }
        }
        if batch.is_empty() {
            // Under the lock, so that a request that arrives now sees that there is one run fewer.
            queue.runs -= 1;
            self.is_over = true;
            return None;
        }
        queue.began = Some(Instant::now());
        Some(batch)
    }

    async fn answer(&self, batch: Vec<Waiting>) {
        let mut sessions = batch.iter().map(|waiting| waiting.session);
        let Some(first) = sessions.next() else { return };
        // Unused slots repeat the first session.
        let mut asked = [first; access::BATCH];
        asked.iter_mut().skip(1).zip(sessions).for_each(|(place, session)| *place = session);

        let outcome = self.shared.alive_among(asked).await.map_err(Arc::new);
        for Waiting { session, account, answer } in batch {
            let is_asked = |living: &&Living| living.session == session && living.account == account;
            let alive =
                outcome.as_ref().map(|alive| alive.iter().find(is_asked).copied().map(Living::principal));
            let alive = alive.map_err(Arc::clone);
            // Sending fails only if the request was cancelled.
            let _ = answer.send(alive);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime is ending: drop the waiting requests, so that they get an error.
            let mut queue = self.shared.queue();
            queue.runs -= 1;
            let waiting = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop(waiting);
        }
    }
}

#[cfg(test)]
mod tests;
