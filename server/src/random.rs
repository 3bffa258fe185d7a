//! Randomness: the only place that generates it, always with the operating system's generator through AWS-LC.

use uuid::{Builder, Uuid};

use crate::clock::Timestamp;

/// `N` unpredictable random bytes.
///
/// Aborts the process if the operating system provides no randomness: a guessable token would be worse, and AWS-LC
/// itself does the same.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the source that everything else is told to ask")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        tracing::error!(
            "the operating system gives no random bytes: stopping rather than issuing guessable secrets"
        );
        std::process::abort();
    }
    bytes
}

/// A new identifier: a version 7 UUID (RFC 9562 §5.7). Its first 48 bits are `now` in milliseconds, so that rows
/// created together are stored together. 74 bits are random, but the time is readable: use it as a name, never as
/// a secret.
#[must_use]
pub fn uuid_v7(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_carry_their_moment_and_sort_by_it() {
        let first = uuid_v7(Timestamp::from_micros(1_700_000_000_123_999));
        let second = uuid_v7(Timestamp::from_micros(1_700_000_000_124_000));
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.as_u128() >> 80, 1_700_000_000_123);
        assert!(first < second);
        assert_ne!(first, uuid_v7(Timestamp::from_micros(1_700_000_000_123_999)));
    }
}
