//! Whether the time an answer takes tells two names apart.

use std::time::{Duration, Instant};

use super::email;

/// Calls that are timed in one round for each of the names.
const CALLS: usize = 60;
/// Other tests run beside this one, and disturb it: the more calls, the less it counts.
const ROUNDS: usize = 12;

/// Holds the times of `call` for the address of a known and of an unknown name against each other, over all calls so far:
/// the means of their middle halves differ by less than 5 %. `call` says how long it took.
///
/// Each goes first in its turn. The threads that hash take turns too, and one can have the slower memory: with one name
/// always first, each name would have a thread of its own.
pub async fn takes_as_long(known: &str, unknown: &str, call: impl AsyncFn(String) -> Duration) {
    let names = [known, unknown];
    let mut times = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        for turn in 0..CALLS {
            for which in [turn % 2, (turn + 1) % 2] {
                times[which].push(call(email(names[which])).await);
            }
        }
        let [known, unknown] = times.each_mut().map(|times| {
            times.sort();
            let middle = &times[times.len() / 4..times.len() * 3 / 4];
            middle.iter().sum::<Duration>().as_secs_f64()
        });
        ratios.push(known / unknown);
        if ratios.last().is_some_and(|ratio| (0.95..1.05).contains(ratio)) {
            return;
        }
    }
    panic!("known against unknown: {ratios:?}");
}

/// How long a future takes.
pub async fn timed<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let begin = Instant::now();
    let output = future.await;
    (begin.elapsed(), output)
}
