//! Looks at the rows of sessions for requests that come at the same time with one statement.
//!
//! A statement costs a way to the database and back, and next to that the reading of a row is nothing. So a check
//! that comes while others are under way waits for them, and then those that wait share the next statement. Each
//! request is answered by a statement that began after it asked: the end of a session counts as soon as ever.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{SessionId, store};
use crate::{accounts::AccountId, clock::Clock, db::Db};

/// Statements at once.
const MOST_RUNS: usize = 4;
/// A statement that takes longer is not waited for: the next one begins beside it.
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

type Answer = Result<bool, Arc<sqlx::Error>>;

impl Checks {
    pub(crate) fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Shared { db, clock, queue: Mutex::default() }))
    }

    /// Whether the session is alive, belongs to this account, and the account is active.
    pub(crate) async fn is_alive(&self, session: SessionId, account: AccountId) -> Answer {
        let (answer, answered) = oneshot::channel();
        if let Some(run) = self.enqueue(Waiting { session, account, answer }) {
            tokio::spawn(run.go());
        }
        // Nobody answers only when the program is ending.
        answered.await.unwrap_or_else(|_| Err(Arc::new(sqlx::Error::PoolClosed)))
    }

    /// The run to start, unless one that is under way will come to it soon.
    fn enqueue(&self, waiting: Waiting) -> Option<Run> {
        let mut queue = self.0.queue();
        queue.waiting.push_back(waiting);
        let is_slow = || queue.began.is_none_or(|began| began.elapsed() > PATIENCE);
        let is_full = queue.waiting.len() >= store::BATCH;
        if queue.runs == 0 || (queue.runs < MOST_RUNS && (is_full || is_slow())) {
            queue.runs += 1;
            return Some(Run { shared: Arc::clone(&self.0), is_counted: true });
        }
        None
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checks")
    }
}

/// One statement after the other, until nothing waits.
struct Run {
    shared: Arc<Shared>,
    is_counted: bool,
}

impl Run {
    async fn go(mut self) {
        while let Some(batch) = self.next() {
            self.answer(batch).await;
        }
    }

    /// Those that wait, as many as fit into a statement; `None` when nobody does, and this is over.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        let mut batch = Vec::with_capacity(store::BATCH);
        while batch.len() < store::BATCH
            && let Some(waiting) = queue.waiting.pop_front()
        {
            // Who went away meanwhile does not want to know.
            if !waiting.answer.is_closed() {
                batch.push(waiting);
            }
        }
        if batch.is_empty() {
            // Under the lock: who comes now must see that a run is missing.
            queue.runs -= 1;
            self.is_counted = false;
            return None;
        }
        queue.began = Some(Instant::now());
        Some(batch)
    }

    async fn answer(&self, batch: Vec<Waiting>) {
        let outcome = self.alive_among(&batch).await.map_err(Arc::new);
        for Waiting { session, account, answer } in batch {
            let alive = outcome.as_ref().map(|alive| alive.contains(&(session, account))).map_err(Arc::clone);
            // Or else it went away.
            let _ = answer.send(alive);
        }
    }

    async fn alive_among(&self, batch: &[Waiting]) -> Result<Vec<(SessionId, AccountId)>, sqlx::Error> {
        let mut sessions = batch.iter().map(|waiting| waiting.session);
        let Some(first) = sessions.next() else { return Ok(Vec::new()) };
        // A place that is left is filled with one that is asked for anyway.
        let mut asked = [first; store::BATCH];
        asked.iter_mut().skip(1).zip(sessions).for_each(|(place, session)| *place = session);
        let mut reader = self.shared.db.read().await?;
        store::alive_among(reader.conn(), asked, self.shared.clock.now()).await
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // The task was ended from outside.
        if self.is_counted {
            self.shared.queue().runs -= 1;
        }
    }
}
