//! Time: one type for a moment, and the only clock of the server.
//!
//! The clock is injected so that a test can move it. Moments are whole microseconds since 1970 (UTC): a plain
//! integer sorts and compares alike in both databases.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted. Stored as a `BIGINT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);
crate::db::column!(Timestamp, i64);

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
/// writes down is the same moment for the others, whatever their computers' clocks say.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The computer's clock, and how many microseconds it is behind.
    System {
        /// What it shows wrong, in a test.
        error: i64,
        behind: Arc<AtomicI64>,
    },
    Fixed(Arc<AtomicI64>),
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
        Self(Source::System { error, behind: Arc::default() })
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
            Source::System { error, behind } => {
                let own = system_now().0.saturating_add(*error);
                Timestamp(own.saturating_add(behind.load(Ordering::Relaxed)))
            }
            Source::Fixed(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// Sets the hand by another clock, which showed `theirs` at a moment between `asked` and `answered` of ours.
    /// Answers by how much it moved, in microseconds. A fixed clock is left alone.
    pub(crate) fn set(&self, theirs: Timestamp, asked: Timestamp, answered: Timestamp) -> i64 {
        let Source::System { behind, .. } = &self.0 else { return 0 };
        let ours = asked.0.saturating_add(answered.0.saturating_sub(asked.0) / 2);
        let moved = theirs.0.saturating_sub(ours);
        behind.fetch_add(moved, Ordering::Relaxed);
        moved
    }

    /// Moves a fixed clock, and each of its clones, forward. The system clock goes by itself and is left alone.
    pub fn advance(&self, duration: Duration) {
        if let Source::Fixed(hand) = &self.0 {
            hand.fetch_add(micros(duration), Ordering::SeqCst);
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
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(Timestamp::from_secs(100));
        let other = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now(), Timestamp::from_micros(101_500_000));
    }
}
