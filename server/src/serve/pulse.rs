//! What one connection is doing, reported by its socket and its requests, and until when it may.
//!
//! One timer per connection asks for the deadline when the last one has passed, so a request costs no timer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Version;
use tokio::time::Instant;

use super::{CONNECTION_WINDOW, Limits};

/// Bytes that a connection may send without a request, a byte of a request body or an answer coming of it: twice
/// what can wait unread in the windows. HTTP/2 lets a peer send settings, pings and window updates without end.
const IDLE_TALK: usize = 2 * CONNECTION_WINDOW as usize;

/// The state of one connection, shared by its socket and its requests.
#[derive(Debug)]
pub(super) struct Pulse {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// When the latest request began.
    began: Instant,
    running: usize,
    talk: usize,
    http2: bool,
    draining: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request has come yet.
    New,
    /// Between two requests.
    Idle,
    /// In the head of an HTTP/1 request that is not the first.
    Head,
    /// At least one request is being answered.
    Exchange,
    /// HTTP/1: hyper has the whole answer, the socket has not.
    Unsent,
}

impl Pulse {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let state = State {
            phase: Phase::New,
            since: now,
            began: now,
            running: 0,
            talk: 0,
            http2: false,
            draining: false,
        };
        Self { limits, state: Mutex::new(state) }
    }

    /// The moment from which the connection may be closed, if nothing happens before.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.state();
        match state.phase {
            Phase::New | Phase::Head => state.since + self.limits.head_time,
            Phase::Exchange | Phase::Unsent => state.began + self.limits.exchange_time,
            // An HTTP/2 answer waits for the client's window where nobody sees it: it keeps its time.
            Phase::Idle if state.http2 => {
                (state.since + self.limits.idle_time).max(state.began + self.limits.exchange_time)
            }
            Phase::Idle => state.since + self.limits.idle_time,
        }
    }

    /// Bytes came from the socket. `false` when there were too many that led to nothing.
    pub(super) fn bytes_read(&self, count: usize) -> bool {
        let mut state = self.state();
        // In HTTP/2 these may be an acknowledgement: only a request ends the idle time there.
        if state.phase == Phase::Idle && !state.http2 {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
        state.talk = state.talk.saturating_add(count);
        state.talk <= IDLE_TALK
    }

    /// Bytes of a request body reached its handler, or bytes of an answer left it.
    pub(super) fn bytes_used(&self, count: usize) {
        let mut state = self.state();
        state.talk = state.talk.saturating_sub(count);
    }

    /// All that was to be written is.
    pub(super) fn all_sent(&self) {
        let mut state = self.state();
        if state.phase == Phase::Unsent {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Running {
        let mut state = self.state();
        state.phase = Phase::Exchange;
        state.began = Instant::now();
        state.running += 1;
        state.talk = 0;
        state.http2 = version == Version::HTTP_2;
        Running { pulse: Arc::clone(self), is_last: state.draining }
    }

    /// From now on each answer says that it is the last. `true` when none may come any more on its own: the
    /// connection waits for a request, which could be on its way.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining = true;
        matches!(state.phase, Phase::New | Phase::Idle) && !state.http2
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered, until it is dropped with the last byte of its answer.
#[derive(Debug)]
pub(super) struct Running {
    pulse: Arc<Pulse>,
    is_last: bool,
}

impl Running {
    /// Whether the connection ends with this request because the server does.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Bytes of the request's body, or of its answer, moved on.
    pub(super) fn bytes_used(&self, count: usize) {
        self.pulse.bytes_used(count);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        state.running = state.running.saturating_sub(1);
        if state.running == 0 && state.http2 {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        } else if state.running == 0 {
            state.phase = Phase::Unsent;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Limits {
        Limits::default()
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_time() {
        let pulse = Arc::new(Pulse::new(limits()));
        let left = |pulse: &Pulse| pulse.deadline() - Instant::now();
        assert!(pulse.bytes_read(1));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(left(&pulse), Duration::from_secs(6), "bytes do not prolong the first head's time");

        let running = pulse.begin(Version::HTTP_11);
        assert_eq!(left(&pulse), limits().exchange_time);
        tokio::time::advance(Duration::from_secs(50)).await;
        drop(running);
        assert_eq!(left(&pulse), Duration::from_secs(70), "an answer is not over before it is sent");
        pulse.all_sent();
        assert_eq!(left(&pulse), limits().idle_time);

        tokio::time::advance(Duration::from_secs(70)).await;
        pulse.bytes_read(1);
        assert_eq!(left(&pulse), limits().head_time, "the next head's time begins with its first byte");
        tokio::time::advance(Duration::from_secs(9)).await;
        pulse.bytes_read(1);
        assert_eq!(left(&pulse), Duration::from_secs(1), "and is not prolonged by the next byte");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_frames_do_not_prolong_http2() {
        let pulse = Arc::new(Pulse::new(limits()));
        let (first, second) = (pulse.begin(Version::HTTP_2), pulse.begin(Version::HTTP_2));
        drop(first);
        assert_eq!(pulse.deadline() - Instant::now(), limits().exchange_time, "one is still running");
        drop(second);
        tokio::time::advance(Duration::from_secs(50)).await;
        pulse.bytes_read(17);
        pulse.all_sent();
        assert_eq!(pulse.deadline() - Instant::now(), Duration::from_secs(70), "the answers' time");

        let running = pulse.begin(Version::HTTP_2);
        tokio::time::advance(Duration::from_secs(100)).await;
        drop(running);
        pulse.bytes_read(17);
        assert_eq!(pulse.deadline() - Instant::now(), limits().idle_time);
    }

    #[test]
    fn talk_that_leads_to_nothing_is_bounded() {
        let pulse = Arc::new(Pulse::new(limits()));
        assert!(pulse.bytes_read(IDLE_TALK));
        let running = pulse.begin(Version::HTTP_2);
        assert!(pulse.bytes_read(IDLE_TALK), "a request starts the count anew");
        running.bytes_used(1000);
        assert!(pulse.bytes_read(1000));
        assert!(!pulse.bytes_read(1));
    }
}
