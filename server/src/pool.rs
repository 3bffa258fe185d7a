//! A bounded pool for blocking or CPU-intensive work (hashing, decoding), off the async runtime.
//!
//! If the queue is full, the caller immediately gets [`NotDone::Busy`] and responds with 503, so a flood of such work
//! costs the rest of the server nothing. State that the next job can reuse (such as memory blocks) is kept between
//! jobs, and dropped once it has not been used for a while.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit, oneshot},
    task::spawn_blocking,
    time::sleep,
};

/// How long unused state is kept.
const STATE_KEPT: Duration = Duration::from_secs(10);

/// Runs a limited number of jobs, with a limited queue; `S` is the state kept between jobs.
pub(crate) struct Pool<S> {
    places: Semaphore,
    line: Arc<Line<S>>,
}

/// Why a job returned no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDone {
    /// The queue is full: the caller responds with 503 and `Retry-After`.
    #[error("the pool's queue is full")]
    Busy,
    /// The job panicked; the panic is in the log.
    #[error("the job panicked")]
    Panicked,
}

impl<S: Default + Send + 'static> Pool<S> {
    /// At most `threads` jobs run concurrently, and at most `queue` wait.
    pub(crate) fn new(threads: NonZeroUsize, queue: usize) -> Self {
        Self {
            places: Semaphore::new(threads.get() + queue),
            line: Arc::new(Line {
                threads,
                queue: Mutex::new(Queue { jobs: VecDeque::new(), running: 0 }),
                kept: Kept { states: Arc::default(), time: STATE_KEPT },
            }),
        }
    }

    /// Reserves a place among the running and waiting jobs, or returns [`NotDone::Busy`].
    pub(crate) fn place(&self) -> Result<Place<'_, S>, NotDone> {
        let permit = self.places.try_acquire().map_err(|_| NotDone::Busy)?;
        Ok(Place { pool: self, _permit: permit })
    }

    /// Runs `work` with exclusive access to a state. If the future is dropped before the work begins, the work is
    /// skipped.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<R, NotDone> {
        self.place()?.run(work).await
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("places", &self.places.available_permits()).finish_non_exhaustive()
    }
}

/// A place in a pool. Its holder can run jobs one after another, and none of them is rejected.
pub(crate) struct Place<'a, S> {
    pool: &'a Pool<S>,
    _permit: SemaphorePermit<'a>,
}

impl<S> fmt::Debug for Place<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl<S: Default + Send + 'static> Place<'_, S> {
    /// See [`Pool::run`].
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<R, NotDone> {
        let (answer, answered) = oneshot::channel();
        self.pool.line.join(Box::new(move |state| {
            if !answer.is_closed() {
                // Fails if the caller has gone meanwhile.
                let _ = answer.send(work(state));
            }
        }));
        // The sender is dropped only if the job panicked.
        answered.await.map_err(|_| NotDone::Panicked)
    }
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The waiting jobs, and the threads that run them. A thread takes its next job itself: if a task of the async runtime
/// had to start it, the thread would be idle until that task has its turn, which is long on a busy machine.
///
/// Jobs whose callers have gone stay until their turn and are then skipped. They are soon reached, since each job that
/// runs is short.
struct Line<S> {
    threads: NonZeroUsize,
    queue: Mutex<Queue<S>>,
    kept: Kept<S>,
}

struct Queue<S> {
    jobs: VecDeque<Job<S>>,
    /// The number of threads that run jobs.
    running: usize,
}

impl<S: Default + Send + 'static> Line<S> {
    /// No foreign code runs under this lock, so the queue is valid even if it is poisoned.
    fn lock(&self) -> MutexGuard<'_, Queue<S>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, job: Job<S>) {
        let mut queue = self.lock();
        queue.jobs.push_back(job);
        if queue.running < self.threads.get() {
            queue.running += 1;
            let line = Arc::clone(self);
            #[expect(clippy::disallowed_methods, reason = "bounded above")]
            spawn_blocking(move || line.work());
        }
    }

    /// Runs jobs until none is waiting.
    fn work(&self) {
        let mut state = self.kept.take();
        loop {
            let mut queue = self.lock();
            let Some(job) = queue.jobs.pop_front() else {
                self.kept.put(state);
                queue.running -= 1;
                return;
            };
            drop(queue);
            if catch_unwind(AssertUnwindSafe(|| job(&mut state))).is_err() {
                state = S::default();
            }
        }
    }
}

/// The unused states, with the time of their last use.
struct Kept<S> {
    states: Arc<Mutex<Vec<(Instant, S)>>>,
    time: Duration,
}

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self { states: Arc::clone(&self.states), time: self.time }
    }
}

impl<S: Default + Send + 'static> Kept<S> {
    /// No foreign code runs under this lock, so the states are valid even if it is poisoned.
    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, S)>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the most recently used state, so that the others age and are dropped.
    fn take(&self) -> S {
        let last = self.lock().pop();
        last.map_or_else(S::default, |(_, state)| state)
    }

    fn put(&self, state: S) {
        self.lock().push((Instant::now(), state));
        let kept = self.clone();
        tokio::spawn(async move {
            sleep(kept.time).await;
            let dropped: Vec<_> =
                kept.lock().extract_if(.., |(used, _)| used.elapsed() >= kept.time).collect();
            drop(dropped);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn pool<S: Default + Send + 'static>(queue: usize) -> Pool<S> {
        Pool::new(NonZeroUsize::MIN, queue)
    }

    /// A pool whose only thread is held by a job until the returned sender is used or dropped.
    async fn held(queue: usize) -> (Arc<Pool<u32>>, mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
        let pool = Arc::new(pool(queue));
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
    async fn a_state_is_kept_between_jobs() {
        let pool = pool::<u32>(1);
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
    async fn a_panic_is_the_callers_error_and_the_next_job_has_a_fresh_state() {
        let pool = pool::<u32>(1);
        let spoil = |state: &mut u32| {
            *state = 7;
            panic!("on purpose")
        };
        assert_eq!(pool.run::<()>(spoil).await, Err(NotDone::Panicked));
        assert_eq!(pool.run(|state| *state).await, Ok(0));
    }

    #[tokio::test]
    async fn a_place_is_kept_for_as_many_jobs_as_its_holder_has() {
        let pool = pool::<u32>(0);
        let place = pool.place().unwrap();
        assert_eq!(pool.run(|_| ()).await, Err(NotDone::Busy));
        assert_eq!((place.run(|_| 1).await, place.run(|_| 2).await), (Ok(1), Ok(2)));
        drop(place);
        assert_eq!(pool.run(|_| 3).await, Ok(3));
    }

    #[tokio::test]
    async fn a_job_whose_caller_went_away_still_counts_until_it_ends() {
        let (pool, release, holding) = held(1).await;
        holding.abort();
        let _ = holding.await;
        let mut next = Box::pin(pool.run(|_| "next"));
        assert!(poll(next.as_mut()).is_pending());
        assert!(tokio::time::timeout(Duration::from_millis(50), next.as_mut()).await.is_err());
        drop(release);
        assert_eq!(next.await, Ok("next"));
    }

    #[tokio::test]
    async fn a_state_that_nobody_uses_is_dropped() {
        #[derive(Default)]
        struct State(Option<oneshot::Sender<()>>);
        impl Drop for State {
            fn drop(&mut self) {
                if let Some(dropped) = self.0.take() {
                    dropped.send(()).unwrap();
                }
            }
        }
        let mut pool = pool::<State>(1);
        Arc::get_mut(&mut pool.line).unwrap().kept.time = Duration::from_millis(1);
        let (dropped, was_dropped) = oneshot::channel();
        pool.run(move |state| state.0 = Some(dropped)).await.unwrap();
        tokio::time::timeout(Duration::from_mins(1), was_dropped).await.unwrap().unwrap();
        assert_eq!(pool.run(|state| state.0.is_none()).await, Ok(true));
    }
}
