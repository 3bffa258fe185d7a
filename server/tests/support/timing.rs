//! Whether the time an answer takes tells two names apart.

use std::time::{Duration, Instant};

use super::email;

/// Calls that are timed in one round for each of the names.
const CALLS: usize = 60;
/// Other tests run beside this one, and disturb it: the more calls, the less it counts.
const ROUNDS: usize = 12;

/// Holds the median times of `call` for the address of a known and of an unknown name against each other, in turns,
/// over all calls so far: they differ by less than 5 %. `call` says how long it took.
pub async fn takes_as_long(known: &str, unknown: &str, call: impl AsyncFn(String) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        for _ in 0..CALLS {
            for (name, times) in [known, unknown].into_iter().zip(&mut times) {
                times.push(call(email(name)).await);
            }
        }
        let [known, unknown] = times.each_mut().map(|times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
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
