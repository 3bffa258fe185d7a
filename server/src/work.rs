//! Stopping background work: nothing new begins, and what has begun is waited for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether background work may still begin, and what is in progress.
#[derive(Debug, Default)]
pub(crate) struct Work {
    is_over: AtomicBool,
    /// Has a receiver for each piece of work in progress.
    under_way: watch::Sender<()>,
}

/// A piece of work in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct Begun(#[expect(dead_code, reason = "it counts by being there")] watch::Receiver<()>);

impl Work {
    /// Call it before each piece of work; `None` if no more may begin.
    pub(crate) fn begin(&self) -> Option<Begun> {
        // In this order, so that `end` either sees the piece of work or is seen by it.
        let begun = Begun(self.under_way.subscribe());
        (!self.is_over()).then_some(begun)
    }

    /// Whether work in progress should end early if it can.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Lets nothing more begin, and waits for the work in progress.
    pub(crate) async fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.under_way.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_what_has_begun_and_lets_nothing_more_begin() {
        let work = Work::default();
        let begun = work.begin().unwrap();
        assert!(work.end().now_or_never().is_none() && work.is_over());
        assert!(work.begin().is_none());
        drop(begun);
        work.end().await;
    }
}
