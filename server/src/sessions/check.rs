//! Looks at the rows of sessions, for requests that come at the same time with one statement.
//!
//! A statement costs a way to the database and back, and next to that the reading of a row is nothing. So a check
//! that comes while others are under way waits for one of them, and then those that wait share the next statement.
//! Each request is answered by a statement that began after it asked: the end of a session counts as soon as ever.

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

/// Statements at once.
const MOST_RUNS: usize = 4;
/// Statements at once that look for one request alone. Measured on two cores: with one, two clients wait for each
/// other; with more than two, many clients share too little.
const MOST_ALONE: usize = 2;
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
        // Nobody answers only when the program is ending.
        answered.await.unwrap_or_else(|_| Err(Arc::new(crate::db::Error::Closed)))
    }

    /// The right to ask at once, when hardly anybody else does.
    fn begin_alone(&self) -> Option<Alone> {
        let mut queue = self.0.queue();
        (queue.runs < MOST_ALONE && queue.waiting.is_empty()).then(|| {
            queue.runs += 1;
            queue.began = Some(Instant::now());
            Alone(Arc::clone(&self.0))
        })
    }

    /// The run to start, unless one that is under way will come to it soon.
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

/// The statement of one request, under way in that request itself: a lone client waits for no other task.
struct Alone(Arc<Shared>);

impl Drop for Alone {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        if queue.waiting.is_empty() {
            queue.runs -= 1;
            return;
        }
        // They saw that a statement was under way, and began none. Spawned without the lock: when the program is
        // ending, the task is dropped at once, and its drop takes the lock.
        drop(queue);
        let run = Run::new(&self.0);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(run.go());
        }
    }
}

/// A task: one statement after the other, until nobody waits.
struct Run {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Run {
    /// It counts among the runs already.
    fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), is_over: false }
    }

    async fn go(mut self) {
        while let Some(batch) = self.next() {
            self.answer(batch).await;
        }
    }

    /// Those that wait, as many as fit into a statement; `None` when nobody does, and this is over.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        let mut batch = Vec::with_capacity(access::BATCH);
        while batch.len() < access::BATCH
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
            self.is_over = true;
            return None;
        }
        queue.began = Some(Instant::now());
        Some(batch)
    }

    async fn answer(&self, batch: Vec<Waiting>) {
        let mut sessions = batch.iter().map(|waiting| waiting.session);
        let Some(first) = sessions.next() else { return };
        // A place that is left is filled with one that is asked for anyway.
        let mut asked = [first; access::BATCH];
        asked.iter_mut().skip(1).zip(sessions).for_each(|(place, session)| *place = session);

        let outcome = self.shared.alive_among(asked).await.map_err(Arc::new);
        for Waiting { session, account, answer } in batch {
            let is_asked = |living: &&Living| living.session == session && living.account == account;
            let alive =
                outcome.as_ref().map(|alive| alive.iter().find(is_asked).copied().map(Living::principal));
            let alive = alive.map_err(Arc::clone);
            // Or else it went away.
            let _ = answer.send(alive);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime is ending: those that wait learn that nobody will answer.
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
