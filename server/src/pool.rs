//! A bounded pool of threads for work that blocks or burns CPU: hashing, decoding.
//!
//! The queue is short and never waited for: a caller hears [`NotDone::Busy`] at once and answers 503, so
//! that a flood of such work costs the rest of the server nothing. Each thread keeps a state between jobs
//! (memory blocks, for one), which it makes at its first job and gives back when it has had none for a while.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a thread without work keeps its state.
const STATE_KEPT: Duration = Duration::from_secs(10);

/// Threads of one name that take jobs from one bounded queue; `S` is what each thread keeps between jobs.
///
/// Dropping the pool ends its threads: the job in hand is finished, those that wait are forgotten (nobody
/// can be waiting for them: [`run`](Self::run) borrows the pool).
pub(crate) struct Pool<S> {
    shared: Arc<Shared<S>>,
}

/// Why a job gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDone {
    /// As many jobs wait as may: the caller answers 503 with `Retry-After`.
    #[error("the pool's queue is full")]
    Busy,
    /// The job panicked; the panic is in the log.
    #[error("the job panicked")]
    Panicked,
}

impl<S: Default + Send + 'static> Pool<S> {
    /// Starts `threads` threads (at least one) called `name`; at most `queue` jobs (at least one) wait for them.
    ///
    /// Fails when the system gives no more threads.
    pub(crate) fn new(name: &'static str, threads: usize, queue: usize) -> io::Result<Self> {
        let pool = Self { shared: Arc::new(Shared::new(name, queue.max(1), STATE_KEPT)) };
        pool.start(threads)?;
        Ok(pool)
    }

    /// Has a thread do `work` with the thread's own state.
    ///
    /// When the returned future is dropped before the work began, the work is skipped.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<R, NotDone> {
        let (answer, answered) = oneshot::channel();
        self.shared.enqueue(Box::new(Task { work, answer }))?;
        // The sending half is lost only when the job unwinds.
        answered.await.map_err(|_| NotDone::Panicked)
    }

    fn start(&self, threads: usize) -> io::Result<()> {
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&self.shared);
            thread::Builder::new().name(shared.name.to_owned()).spawn(move || shared.work())?;
        }
        Ok(())
    }
}

impl<S> Drop for Pool<S> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let forgotten = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.shared.changed.notify_all();
        drop(forgotten);
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.shared.name).field("state", &type_name::<S>()).finish()
    }
}

struct Shared<S> {
    name: &'static str,
    capacity: usize,
    state_kept: Duration,
    queue: Mutex<Queue<S>>,
    changed: Condvar,
}

struct Queue<S> {
    jobs: VecDeque<Box<dyn Job<S>>>,
    closed: bool,
}

impl<S> Shared<S> {
    fn new(name: &'static str, capacity: usize, state_kept: Duration) -> Self {
        let queue = Mutex::new(Queue { jobs: VecDeque::with_capacity(capacity), closed: false });
        Self { name, capacity, state_kept, queue, changed: Condvar::new() }
    }

    /// No foreign code runs under this lock, so a poisoned one still holds a sound queue.
    fn lock(&self) -> MutexGuard<'_, Queue<S>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, job: Box<dyn Job<S>>) -> Result<(), NotDone> {
        let mut queue = self.lock();
        let mut abandoned = VecDeque::new();
        if queue.jobs.len() >= self.capacity {
            // Clients that hung up must not keep out those that wait.
            let jobs = std::mem::take(&mut queue.jobs);
            (abandoned, queue.jobs) = jobs.into_iter().partition(|job| job.is_abandoned());
        }
        let outcome = if queue.jobs.len() < self.capacity {
            queue.jobs.push_back(job);
            Ok(())
        } else {
            Err(NotDone::Busy)
        };
        drop(queue);
        drop(abandoned);
        if outcome.is_ok() {
            self.changed.notify_one();
        }
        outcome
    }
}

impl<S: Default> Shared<S> {
    /// A thread's life.
    fn work(&self) {
        let mut state = None;
        while let Some(job) = self.next(&mut state) {
            if job.is_abandoned() {
                continue;
            }
            let done = catch_unwind(AssertUnwindSafe(|| job.run(state.get_or_insert_with(S::default))));
            if done.is_err() {
                tracing::error!(
                    pool = self.name,
                    "a job panicked: its caller got an error, the thread lives on"
                );
                state = None;
            }
        }
    }

    /// The next job; `None` when the pool is gone. Gives the state back while there is nothing to do.
    fn next(&self, state: &mut Option<S>) -> Option<Box<dyn Job<S>>> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if state.is_none() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (waited, timeout) =
                self.changed.wait_timeout(queue, self.state_kept).unwrap_or_else(PoisonError::into_inner);
            queue = waited;
            if timeout.timed_out() {
                drop(queue);
                *state = None;
                queue = self.lock();
            }
        }
    }
}

trait Job<S>: Send {
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>, state: &mut S);
}

struct Task<F, R> {
    work: F,
    answer: oneshot::Sender<R>,
}

impl<S, R: Send, F: FnOnce(&mut S) -> R + Send> Job<S> for Task<F, R> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, state: &mut S) {
        let Self { work, answer } = *self;
        // A caller that went away meanwhile does not want it.
        let _ = answer.send(work(state));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A pool whose only thread is held by a job until the returned sender is used or dropped.
    async fn held(queue: usize) -> (Arc<Pool<u32>>, mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
        let pool = Arc::new(Pool::new("test", 1, queue).unwrap());
        let (release, released) = mpsc::channel::<()>();
        let (holds, is_held) = oneshot::channel();
        let holder = Arc::clone(&pool);
        let holding = tokio::spawn(async move {
            let job = move |_: &mut u32| {
                holds.send(()).unwrap();
                let _ = released.recv();
            };
            holder.run(job).await.unwrap();
        });
        is_held.await.unwrap();
        (pool, release, holding)
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_thread_keeps_its_state_between_jobs() {
        let pool = Pool::<u32>::new("test", 1, 1).unwrap();
        for expected in 1..=3 {
            let count = |state: &mut u32| {
                *state += 1;
                *state
            };
            assert_eq!(pool.run(count).await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (pool, release, holding) = held(2).await;
        let mut first = Box::pin(pool.run(|_| 1));
        let mut second = Box::pin(pool.run(|_| 2));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        assert_eq!(poll(Box::pin(pool.run(|_| 3)).as_mut()), Poll::Ready(Err(NotDone::Busy)));
        release.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(1), Ok(2)));
        holding.await.unwrap();
        assert_eq!(pool.run(|_| 4).await, Ok(4));
    }

    #[tokio::test]
    async fn an_abandoned_job_is_skipped_and_makes_room() {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let (pool, release, holding) = held(1).await;
        let mut gone = Box::pin(pool.run(|_| RUNS.fetch_add(1, Ordering::SeqCst)));
        assert!(poll(gone.as_mut()).is_pending());
        drop(gone);
        let mut next = Box::pin(pool.run(|_| "next"));
        assert!(poll(next.as_mut()).is_pending(), "the abandoned job still fills the queue");
        drop(release);
        assert_eq!(next.await, Ok("next"));
        holding.await.unwrap();
        assert_eq!(RUNS.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_panic_is_the_callers_error_and_the_thread_lives_on_with_fresh_state() {
        let pool = Pool::<u32>::new("test", 1, 1).unwrap();
        let spoil = |state: &mut u32| {
            *state = 7;
            panic!("on purpose")
        };
        assert_eq!(pool.run::<()>(spoil).await, Err(NotDone::Panicked));
        assert_eq!(pool.run(|state| *state).await, Ok(0));
    }

    #[tokio::test]
    async fn an_idle_thread_gives_its_state_back() {
        #[derive(Default)]
        struct Kept(Option<mpsc::Sender<()>>);
        impl Drop for Kept {
            fn drop(&mut self) {
                if let Some(dropped) = self.0.take() {
                    dropped.send(()).unwrap();
                }
            }
        }
        let pool = Pool { shared: Arc::new(Shared::new("test", 1, Duration::from_millis(1))) };
        pool.start(1).unwrap();
        let (dropped, was_dropped) = mpsc::channel();
        pool.run(move |state: &mut Kept| state.0 = Some(dropped)).await.unwrap();
        assert_eq!(was_dropped.recv_timeout(Duration::from_mins(1)), Ok(()));
        assert_eq!(pool.run(|state| state.0.is_none()).await, Ok(true));
    }

    #[tokio::test]
    async fn dropping_the_pool_ends_its_threads() {
        let pool = Pool::<u32>::new("test", 3, 1).unwrap();
        pool.run(|_| ()).await.unwrap();
        let shared = Arc::downgrade(&pool.shared);
        drop(pool);
        let begin = std::time::Instant::now();
        while shared.strong_count() > 0 {
            assert!(begin.elapsed() < Duration::from_mins(1), "a thread outlives its pool");
            thread::yield_now();
        }
    }
}
