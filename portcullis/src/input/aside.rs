//! Work that takes so long that other requests would have to wait.

use std::{
    future::pending,
    panic::resume_unwind,
    sync::{Arc, LazyLock},
    thread::available_parallelism,
};

use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

/// Up to this many bytes, an input is checked in place.
const AT_ONCE: usize = 16 * 1024;

/// As many at a time as there are cores: more would each take longer, and keep their inputs in memory meanwhile.
static TURNS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))));

/// Runs `work` on an input of `bytes` bytes: in place if it is short, otherwise on a thread that serves no requests.
/// Outside of a Tokio runtime it runs in place.
pub(super) async fn aside<R, W>(bytes: usize, work: W) -> R
where
    R: Send + 'static,
    W: FnOnce() -> R + Send + 'static,
{
    if bytes <= AT_ONCE || Handle::try_current().is_err() {
        return work();
    }
    let turn = Arc::clone(&TURNS).acquire_owned().await;
    #[expect(clippy::disallowed_methods, reason = "the turns bound it")]
    let done = spawn_blocking(move || {
        // Held by the work, which continues if the request is dropped.
        let _turn = turn;
        work()
    });
    match done.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is shutting down, and this request with it.
        Err(Err(_)) => pending().await,
    }
}
