//! Time: one type for a moment, and the only clock of the server.
//!
//! The clock is injected so that a test can move it. Moments are whole microseconds since 1970 (UTC): a plain
//! integer sorts and compares alike in both databases.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An answer that took longer than this does not tell the time: nobody knows when in between it was right.
const PROMPT: Duration = Duration::from_secs(2);

/// A moment: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted. Stored as a `BIGINT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970 (before it, when negative).
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `seconds` after 1970, as in a JWT's `NumericDate`. Saturates at the ends of the range.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: a JWT's `NumericDate` (RFC 7519 §2).
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// As RFC 3339 writes it, in UTC and whole seconds: `2026-11-24T16:36:22Z`.
    pub(crate) fn to_rfc3339(self) -> String {
        humantime::format_rfc3339_seconds(SystemTime::from(self)).to_string()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        UNIX_EPOCH + (moment - Timestamp(0))
    }
}

/// Later by a duration. Saturates at the end of the range (the year 294 000).
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// Earlier by a duration. Saturates at the beginning of the range.
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

/// The time since `earlier`; zero when `earlier` is in fact later, as clocks of two instances differ.
impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Where the server reads the time. Clones share one hand.
///
/// On PostgreSQL the hand is set by the database's clock, which all instances have in common: a moment that one of them
/// writes down is the same moment for the others, whatever their computers' clocks say. Between two settings it goes by
/// the computer's monotonic clock, so a jump of its wall clock counts for nothing.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Arc<System>),
    Fixed(Arc<AtomicI64>),
}

/// The computer's clock, until another has set it.
#[derive(Debug)]
struct System {
    /// What it shows wrong, in a test.
    error: AtomicI64,
    began: Instant,
    /// What the other clock showed at `began`, or [`UNSET`].
    at_beginning: AtomicI64,
    is_unsure: AtomicBool,
}

const UNSET: i64 = i64::MIN;

impl System {
    fn wall(&self) -> i64 {
        system_now().0.saturating_add(self.error.load(Ordering::Relaxed))
    }

    fn now(&self) -> i64 {
        match self.at_beginning.load(Ordering::Relaxed) {
            UNSET => self.wall(),
            at_beginning => at_beginning.saturating_add(micros(self.began.elapsed())),
        }
    }
}

/// What the computer's two clocks showed at one moment.
#[derive(Debug)]
pub(crate) struct Reading {
    wall: i64,
    monotonic: Duration,
}

impl Reading {
    /// How far one of the two clocks has gone further than the other since `earlier`.
    pub(crate) fn apart_from(&self, earlier: &Self) -> Duration {
        let wall = self.wall.saturating_sub(earlier.wall);
        let monotonic = micros(self.monotonic.saturating_sub(earlier.monotonic));
        Duration::from_micros(wall.saturating_sub(monotonic).unsigned_abs())
    }
}

impl Clock {
    /// The computer's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::wrong_by(0)
    }

    /// A clock of a computer that is `error` microseconds ahead (behind, when negative): for tests.
    #[must_use]
    pub fn wrong_by(error: i64) -> Self {
        Self(Source::System(Arc::new(System {
            error: AtomicI64::new(error),
            began: Instant::now(),
            at_beginning: AtomicI64::new(UNSET),
            is_unsure: AtomicBool::new(false),
        })))
    }

    /// A clock that stands at `now` until [`advance`](Self::advance) moves it: for tests.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now.0))))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(system) => Timestamp(system.now()),
            Source::Fixed(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// Sets the hand by another clock, which showed `theirs` at a moment between `asked` and `answered` of ours.
    /// Answers by how much it moved, in microseconds. A fixed clock is left alone. So is any, until it is set again,
    /// where the answer took too long to tell the time: see [`is_unsure`](Self::is_unsure).
    pub(crate) fn set(&self, theirs: Timestamp, asked: Timestamp, answered: Timestamp) -> i64 {
        let Source::System(system) = &self.0 else { return 0 };
        let is_unsure = answered - asked > PROMPT || answered < asked;
        system.is_unsure.store(is_unsure, Ordering::Relaxed);
        if is_unsure {
            return 0;
        }
        let since = answered - asked;
        let moved = theirs.0.saturating_sub((asked + since / 2).0);
        let now = answered.0.saturating_add(moved);
        system.at_beginning.store(now.saturating_sub(micros(system.began.elapsed())), Ordering::Relaxed);
        moved
    }

    /// Whether the last answer of the other clock came too late to tell the time.
    pub(crate) fn is_unsure(&self) -> bool {
        matches!(&self.0, Source::System(system) if system.is_unsure.load(Ordering::Relaxed))
    }

    /// What the computer's clocks show now.
    pub(crate) fn reading(&self) -> Reading {
        match &self.0 {
            Source::System(system) => Reading { wall: system.wall(), monotonic: system.began.elapsed() },
            Source::Fixed(_) => Reading { wall: 0, monotonic: Duration::ZERO },
        }
    }

    /// Moves a fixed clock, and each of its clones, forward. The computer's clock goes by itself and is left alone.
    pub fn advance(&self, duration: Duration) {
        if let Source::Fixed(hand) = &self.0 {
            hand.fetch_add(micros(duration), Ordering::SeqCst);
        }
    }

    /// Makes it look as if the computer had been suspended for so many microseconds, as far as this clock and its clones
    /// see it: its monotonic clock stood still, and its wall clock is right again. For tests.
    pub fn suspend(&self, micros: i64) {
        if let Source::System(system) = &self.0 {
            system.error.fetch_add(micros, Ordering::Relaxed);
            if system.at_beginning.load(Ordering::Relaxed) != UNSET {
                system.at_beginning.fetch_sub(micros, Ordering::Relaxed);
            }
        }
    }

    /// Makes the computer's clock jump by so many microseconds, as far as this clock and its clones see it: for tests.
    pub fn jump(&self, by: i64) {
        if let Source::System(system) = &self.0 {
            system.error.fetch_add(by, Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told to ask")]
fn system_now() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp(micros(since)),
        Err(before) => Timestamp(micros(before.duration()).saturating_neg()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_never_turns_negative() {
        let late = Timestamp::from_micros(i64::MAX - 1);
        assert_eq!((late + Duration::from_secs(5)).as_micros(), i64::MAX);
        assert_eq!(Timestamp::from_secs(1) - Timestamp::from_secs(9), Duration::ZERO);
        assert_eq!(Timestamp::from_secs(9) - Timestamp::from_secs(1), Duration::from_secs(8));
        assert_eq!(Timestamp::from_micros(-1).as_secs(), -1);
    }

    #[test]
    fn a_wrong_clock_is_set_by_another() {
        let (right, wrong) = (Clock::system(), Clock::wrong_by(60_000_000));
        let asked = wrong.now();
        assert!(asked - right.now() > Duration::from_secs(59));
        let moved = wrong.clone().set(right.now(), asked, wrong.now());
        assert!((-61_000_000..-59_000_000).contains(&moved), "{moved}");
        assert!(
            wrong.now() - right.now() < Duration::from_secs(1)
                && right.now() - wrong.now() < Duration::from_secs(1)
        );
        assert_eq!(Clock::fixed(Timestamp(5)).set(Timestamp(9), Timestamp(5), Timestamp(5)), 0);
    }

    #[test]
    fn k05_a_clock_that_is_set_goes_on_when_the_computers_jumps() {
        let clock = Clock::system();
        let (seen, right) = (clock.reading(), Clock::system());
        let asked = clock.now();
        clock.set(right.now(), asked, clock.now());
        for jump in [90_000_000, -180_000_000] {
            clock.jump(jump);
            assert!(clock.now() - right.now() < Duration::from_secs(1));
            assert!(right.now() - clock.now() < Duration::from_secs(1));
        }
        let apart = clock.reading().apart_from(&seen);
        assert!(apart > Duration::from_secs(89) && apart < Duration::from_secs(91), "{apart:?}");
        assert!(right.reading().apart_from(&right.reading()) < Duration::from_millis(500));
    }

    #[test]
    fn k05_an_answer_that_took_long_does_not_set_the_clock() {
        let clock = Clock::system();
        let asked = clock.now();
        assert_eq!(clock.set(asked + Duration::from_mins(1), asked, asked + Duration::from_secs(25)), 0);
        assert!(clock.is_unsure() && clock.now() - asked < Duration::from_secs(1));
        let moved = clock.set(asked + Duration::from_mins(1), asked, asked);
        assert!(moved == 60_000_000 && !clock.is_unsure(), "{moved}");
        assert!(clock.now() - asked >= Duration::from_mins(1));
    }

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(Timestamp::from_secs(100));
        let other = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now(), Timestamp::from_micros(101_500_000));
    }
}
