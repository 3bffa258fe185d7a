//! How many requests a key made in its current minute.
//!
//! Each instance counts for itself, in memory: a write to the database for each request would cost more than the limit
//! saves. A minute begins with the first request after the last one is over.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{access::KeyId, clock::Timestamp};

const MINUTE: Duration = Duration::from_mins(1);
/// How many keys are counted before those whose minute is over are forgotten.
const FEW: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    minutes: HashMap<KeyId, (Timestamp, i64)>,
    /// How many keys are counted when the next sweep is due.
    sweep_at: usize,
}

impl Rates {
    /// Counts a request. If it is one too many, answers how long the caller must wait.
    pub(super) fn count(&self, key: KeyId, most: i64, now: Timestamp) -> Result<(), Duration> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.minutes.len() >= counted.sweep_at.max(FEW) {
            counted.minutes.retain(|_, (began, _)| now - *began < MINUTE);
            counted.sweep_at = counted.minutes.len() * 2;
        }
        match counted.minutes.entry(key) {
            Entry::Occupied(mut entry) if now - entry.get().0 < MINUTE => {
                let (began, requests) = entry.get_mut();
                if *requests >= most {
                    return Err(MINUTE.saturating_sub(now - *began));
                }
                *requests += 1;
            }
            entry => {
                entry.insert_entry((now, 1));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> KeyId {
        KeyId::of_text(&format!("{number:012}")).unwrap()
    }

    #[test]
    fn a_minute_holds_what_it_may_and_old_minutes_are_forgotten() {
        let (rates, begin) = (Rates::default(), Timestamp::from_secs(1000));
        assert_eq!(rates.count(key(1), 2, begin), Ok(()));
        assert_eq!(rates.count(key(1), 2, begin + Duration::from_secs(20)), Ok(()));
        assert_eq!(rates.count(key(1), 2, begin + Duration::from_secs(50)), Err(Duration::from_secs(10)));
        assert_eq!(rates.count(key(2), 2, begin + Duration::from_secs(50)), Ok(()));
        assert_eq!(rates.count(key(1), 2, begin + MINUTE), Ok(()));
        for number in 2..5000 {
            let later = begin + MINUTE * u32::try_from(number).unwrap();
            rates.count(key(number), 1, later).unwrap();
        }
        assert!(rates.0.lock().unwrap().minutes.len() <= FEW);
    }
}
