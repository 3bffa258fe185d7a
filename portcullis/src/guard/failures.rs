//! Logs verification failures, but not one line per request: strangers decide how many requests there are.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often a failure is logged at most.
const LINE_EVERY: Duration = Duration::from_mins(1);

/// What was logged, for each type of verifier and each permission. The program has a fixed number of these.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<TypeId, Told>>);

struct Told {
    at: Instant,
    since: u64,
}

/// The failures of this process.
pub(crate) static FAILURES: LazyLock<Failures> = LazyLock::new(Failures::default);

impl Failures {
    /// Whether to log the failure of `verifier` at `now`. If so, returns how many failures were not logged since the
    /// last line.
    pub(crate) fn tell(&self, verifier: TypeId, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = told.get_mut(&verifier) else {
            told.insert(verifier, Told { at: now, since: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(last.at) < LINE_EVERY {
            last.since = last.since.saturating_add(1);
            return None;
        }
        let suppressed = last.since;
        *last = Told { at: now, since: 0 };
        Some(suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_one_line_a_minute_for_each_verifier() {
        let (failures, start) = (Failures::default(), Instant::now());
        let at = |second: u64| start + Duration::from_secs(second);
        let (one, other) = (TypeId::of::<u8>(), TypeId::of::<u16>());
        assert_eq!(failures.tell(one, at(0)), Some(0), "the first is told at once");
        for second in 0..60 {
            assert_eq!(failures.tell(one, at(second)), None, "{second}");
        }
        assert_eq!(failures.tell(other, at(30)), Some(0), "another verifier is another matter");
        assert_eq!(failures.tell(one, at(60)), Some(60));
        assert_eq!(failures.tell(one, at(120)), Some(0));
    }
}
