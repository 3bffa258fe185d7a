//! Retries transactions that conflict with another one.

use std::time::Duration;

use crate::{error::Error, random};

/// How often a transaction is tried in all.
const TRIES: u32 = 3;

/// Runs a whole transaction, from its beginning to its commit, and repeats it if the database rolled it back because of
/// another one. Locks are taken in one order (see `accounts/held.rs`), so this is seldom needed.
///
/// Effects of `transaction` outside the database would be repeated too, so it must have none.
pub(crate) async fn retry<T, F: Future<Output = Result<T, Error>>>(
    transaction: impl Fn() -> F,
) -> Result<T, Error> {
    let mut tried = 1;
    loop {
        match transaction().await {
            Err(Error::Database(error)) if tried < TRIES && error.is_retryable() => {
                tried += 1;
                tracing::debug!(%error, tried, "a transaction conflicted with another one; it will be retried");
                tokio::time::sleep(pause()).await;
            }
            done => return done,
        }
    }
}

/// 5 to 50 ms at random, so that the two do not collide again.
fn pause() -> Duration {
    let [byte] = random::bytes::<1>();
    Duration::from_millis(5 + u64::from(byte) * 45 / 255)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_pause_is_of_5_to_50_ms() {
        for _ in 0..1000 {
            assert!((5..=50).contains(&pause().as_millis()));
        }
    }

    #[tokio::test]
    async fn what_is_no_conflict_is_tried_once() {
        let tried = Cell::new(0);
        let outcome = retry(|| async {
            tried.set(tried.get() + 1);
            Err::<(), _>(Error::NotFound)
        });
        assert!(matches!(outcome.await, Err(Error::NotFound)));
        assert_eq!(tried.get(), 1);
    }
}
