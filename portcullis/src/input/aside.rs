//! Work that takes so long that other requests would wait for it.

use std::{
    future::pending,
    panic::resume_unwind,
    sync::{Arc, LazyLock},
    thread::available_parallelism,
};

use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

/// The bytes of an input that is checked in place.
const AT_ONCE: usize = 16 * 1024;

/// As many at a time as there are cores: more would take longer each, and hold their inputs in memory meanwhile.
static TURNS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))));

/// Does `work` on an input of so many bytes: in place if it is short, else on a thread that serves no requests. Outside
/// a runtime of Tokio's there are none.
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
        // Held by the work, which goes on when the request was given up.
        let _turn = turn;
        work()
    });
    match done.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is shut down, and this request with it.
        Err(Err(_)) => pending().await,
    }
}
