//! Time: one type for a point in time, and the server's only clock.
//!
//! The clock is injected so that a test can move it. Times are whole microseconds since 1970 (UTC): plain integers sort
//! and compare in the same way in both databases.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A reading of another clock that took longer than this is ignored, since it may be off by as much.
const PROMPT: Duration = Duration::from_secs(2);

/// A point in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds. Stored as a `BIGINT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `micros` microseconds after 1970 (before it, if negative).
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The time `seconds` after 1970, as in a JWT's `NumericDate`. Saturates at the ends of the range.
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

    /// The time in the format of RFC 3339, in UTC and whole seconds: `2026-11-24T16:36:22Z`.
    pub(crate) fn to_rfc3339(self) -> String {
        humantime::format_rfc3339_seconds(SystemTime::from(self)).to_string()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        UNIX_EPOCH + (moment - Timestamp(0))
    }
}

/// Adds a duration. Saturates at the end of the range (the year 294 000).
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// Subtracts a duration. Saturates at the beginning of the range.
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

/// The time since `earlier`; zero if `earlier` is in fact later, since the clocks of two instances differ.
impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The clock of the server. Clones share their state.
///
/// On PostgreSQL it is set by the database's clock, which all instances share: a time that one of them stores means the
/// same to the others, whatever their computers' clocks say. Between two settings it follows the computer's monotonic
/// clock, so jumps of the wall clock have no effect.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Arc<System>),
    Fixed(Arc<AtomicI64>),
}

/// The computer's clock, until it is set by another one.
#[derive(Debug)]
struct System {
    /// The error that a test gives it, in microseconds.
    error: AtomicI64,
    began: Instant,
    /// The time of the other clock at `began`, or [`UNSET`].
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

/// The readings of the computer's two clocks at the same time.
#[derive(Debug)]
pub(crate) struct Reading {
    wall: i64,
    monotonic: Duration,
}

impl Reading {
    /// By how much the two clocks have diverged since `earlier`.
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

    /// The clock of a computer that is `error` microseconds ahead (behind, if negative), for tests.
    #[must_use]
    pub fn wrong_by(error: i64) -> Self {
        Self(Source::System(Arc::new(System {
            error: AtomicI64::new(error),
            began: Instant::now(),
            at_beginning: AtomicI64::new(UNSET),
            is_unsure: AtomicBool::new(false),
        })))
    }

    /// A clock that stays at `now` until [`advance`](Self::advance) moves it, for tests.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now.0))))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(system) => Timestamp(system.now()),
            Source::Fixed(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// Sets this clock by another one, which showed `theirs` between `asked` and `answered`. Returns by how many
    /// microseconds it moved. A fixed clock does not change. Neither does any clock if the reading took too long to be
    /// accurate: see [`is_unsure`](Self::is_unsure).
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

    /// Whether the last reading of the other clock took too long to be accurate.
    pub(crate) fn is_unsure(&self) -> bool {
        matches!(&self.0, Source::System(system) if system.is_unsure.load(Ordering::Relaxed))
    }

    /// The current readings of the computer's clocks.
    pub(crate) fn reading(&self) -> Reading {
        match &self.0 {
            Source::System(system) => Reading { wall: system.wall(), monotonic: system.began.elapsed() },
            Source::Fixed(_) => Reading { wall: 0, monotonic: Duration::ZERO },
        }
    }

    /// Moves a fixed clock, and all of its clones, forward. Has no effect on the computer's clock.
    pub fn advance(&self, duration: Duration) {
        if let Source::Fixed(hand) = &self.0 {
            hand.fetch_add(micros(duration), Ordering::SeqCst);
        }
    }

    /// Simulates that the computer was suspended for so many microseconds, for this clock and its clones: the monotonic
    /// clock stood still, and the wall clock is correct again. For tests.
    pub fn suspend(&self, micros: i64) {
        if let Source::System(system) = &self.0 {
            system.error.fetch_add(micros, Ordering::Relaxed);
            if system.at_beginning.load(Ordering::Relaxed) != UNSET {
                system.at_beginning.fetch_sub(micros, Ordering::Relaxed);
            }
        }
    }

    /// Simulates a jump of the computer's clock by so many microseconds, for this clock and its clones. For tests.
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
