//! Tracks what one connection is doing, as reported by its socket and its requests, and its deadline.
//!
//! One timer per connection asks for the deadline when the previous one has passed, so a request needs no timer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::Version;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{CONNECTION_WINDOW, Limits};

/// Bytes that a connection may send without producing a request, a byte of a request body or of a response: twice
/// what can wait unread in the windows. HTTP/2 lets a peer send settings, pings and window updates without end.
const IDLE_TALK: usize = 2 * CONNECTION_WINDOW as usize;

/// The state of one connection, shared by its socket and its requests.
#[derive(Debug)]
pub(super) struct Pulse {
    limits: Arc<Limits>,
    state: Mutex<State>,
    to_go: Notify,
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
    /// When the socket stopped taking bytes.
    blocked: Option<Instant>,
    /// HTTP/2: responses that have begun but are not handed over completely, and pieces of them that wait for the
    /// client's window or the socket.
    answering: usize,
    unsent: usize,
    /// HTTP/2: when the last of those pieces was sent, or the first of those responses began.
    moved: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request has come yet.
    New,
    /// Between two requests.
    Idle,
    /// In the head of an HTTP/1 request that is not the first.
    Head,
    /// At least one request is being handled.
    Exchange,
    /// HTTP/1: hyper has the complete response, the socket does not yet.
    Unsent,
}

impl Pulse {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        let now = Instant::now();
        let state = State {
            phase: Phase::New,
            since: now,
            began: now,
            running: 0,
            talk: 0,
            http2: false,
            draining: false,
            blocked: None,
            answering: 0,
            unsent: 0,
            moved: now,
        };
        Self { limits, state: Mutex::new(state), to_go: Notify::new() }
    }

    /// The moment from which the connection may be closed if nothing happens before.
    pub(super) fn deadline(&self) -> Instant {
        let state = self.state();
        let deadline = match state.phase {
            Phase::New | Phase::Head => state.since + self.limits.head_time,
            Phase::Exchange | Phase::Unsent => state.began + self.limits.exchange_time,
            // An HTTP/2 response waits invisibly for the client's window, so it keeps its time.
            Phase::Idle if state.http2 => {
                (state.since + self.limits.idle_time).max(state.began + self.limits.exchange_time)
            }
            Phase::Idle => state.since + self.limits.idle_time,
        };
        match state.stalled_since() {
            Some(since) => deadline.min(since + self.limits.stall_time),
            None => deadline,
        }
    }

    /// Since when the connection has been idle; `None` while it is in use.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Idle if state.unsent == 0 => Some(state.since),
            Phase::New if state.talk == 0 => Some(state.since),
            _ => None,
        }
    }

    /// Tells the connection to make room for another.
    pub(super) fn give_way(&self) {
        self.to_go.notify_one();
    }

    /// Waits until the connection is told to make room.
    pub(super) async fn told_to_go(&self) {
        self.to_go.notified().await;
    }

    /// The result of a write to the socket: it took bytes, or takes none at the moment.
    pub(super) fn written(&self, is_taken: bool) {
        let mut state = self.state();
        if is_taken {
            state.blocked = None;
        } else if state.blocked.is_none() {
            state.blocked = Some(Instant::now());
        }
    }

    /// Bytes arrived from the socket. `false` if there were too many without any effect.
    pub(super) fn bytes_read(&self, count: usize) -> bool {
        let mut state = self.state();
        // In HTTP/2 these may be an acknowledgement, so only a request ends the idle time.
        if state.phase == Phase::Idle && !state.http2 {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
        state.talk = state.talk.saturating_add(count);
        state.talk <= IDLE_TALK
    }

    /// Bytes of a request body reached its handler, or bytes of a response were sent.
    pub(super) fn bytes_used(&self, count: usize) {
        let mut state = self.state();
        state.talk = state.talk.saturating_sub(count);
    }

    /// Everything has been written.
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
        Running { pulse: Arc::clone(self), is_last: state.draining, is_answering: false }
    }

    /// Makes every response from now on announce that it is the last. `true` if the connection has to announce it
    /// itself (HTTP/2).
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state();
        state.draining = true;
        state.http2
    }

    /// Like [`leave`](Self::leave), for draining. `true` if an HTTP/1 connection is waiting for a request, which
    /// may already be on its way.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.state();
        state.draining = true;
        matches!(state.phase, Phase::New | Phase::Idle) && !state.http2
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Since when a response has made no progress because its client does not read.
    fn stalled_since(&self) -> Option<Instant> {
        let waiting = (self.answering > 0 || self.unsent > 0).then_some(self.moved);
        [self.blocked, waiting].into_iter().flatten().min()
    }
}

/// A request in progress, until it is dropped with the last byte of its response.
#[derive(Debug)]
pub(super) struct Running {
    pulse: Arc<Pulse>,
    is_last: bool,
    is_answering: bool,
}

impl Running {
    /// Whether the connection closes after this request because the server is stopping.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// The response has begun. Only for HTTP/2: on HTTP/1 the socket shows whether it is read.
    pub(super) fn answers(&mut self) {
        let mut state = self.pulse.state();
        if state.http2 && !self.is_answering {
            if state.answering == 0 && state.unsent == 0 {
                state.moved = Instant::now();
            }
            state.answering += 1;
            self.is_answering = true;
        }
    }

    /// A piece of a response that reports when it is sent.
    pub(super) fn sending(&self, bytes: Bytes) -> Bytes {
        self.pulse.state().unsent += 1;
        Bytes::from_owner(Sending { bytes, pulse: Arc::clone(&self.pulse) })
    }

    /// Bytes of the request's body, or of its response, made progress.
    pub(super) fn bytes_used(&self, count: usize) {
        self.pulse.bytes_used(count);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        state.running = state.running.saturating_sub(1);
        if self.is_answering {
            state.answering = state.answering.saturating_sub(1);
        }
        if state.running == 0 && state.http2 {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        } else if state.running == 0 {
            state.phase = Phase::Unsent;
        }
    }
}

/// A piece of a response in hyper's hands, which drops it when it is sent or no longer wanted.
struct Sending {
    bytes: Bytes,
    pulse: Arc<Pulse>,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        state.unsent = state.unsent.saturating_sub(1);
        state.moved = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits() -> Arc<Limits> {
        Arc::default()
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

    #[tokio::test(start_paused = true)]
    async fn d02_an_answer_that_makes_no_progress_has_its_own_time() {
        let left = |pulse: &Pulse| pulse.deadline() - Instant::now();
        let pulse = Arc::new(Pulse::new(limits()));
        let running = pulse.begin(Version::HTTP_11);
        pulse.written(false);
        tokio::time::advance(Duration::from_secs(15)).await;
        pulse.written(false);
        assert_eq!(left(&pulse), Duration::from_secs(5), "a second look at a full socket is no progress");
        pulse.written(true);
        assert_eq!(left(&pulse), Duration::from_secs(105));
        drop(running);

        let pulse = Arc::new(Pulse::new(limits()));
        let mut running = pulse.begin(Version::HTTP_2);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(left(&pulse), Duration::from_secs(90), "a handler has its own time");
        running.answers();
        assert_eq!(left(&pulse), limits().stall_time, "no window, so hyper asks for nothing");
        tokio::time::advance(Duration::from_secs(10)).await;
        let piece = running.sending(Bytes::from_static(b"piece"));
        drop(running);
        assert_eq!(left(&pulse), Duration::from_secs(10), "it was handed over, not sent");
        assert_eq!(pulse.idle_since(), None);
        drop(piece);
        assert!(left(&pulse) > limits().stall_time && pulse.idle_since().is_some());
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
