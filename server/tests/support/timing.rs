//! Whether the response time tells two names apart.

use std::time::{Duration, Instant};

use super::email;

/// The number of timed calls per name and round.
const CALLS: usize = 60;
/// Other tests run concurrently and disturb it; more calls reduce the effect.
const ROUNDS: usize = 12;

/// Compares the times of `call` for the address of a known name and of an unknown name, over all calls so far: the
/// means of their middle halves must differ by less than 5 %. `call` returns its duration.
///
/// The names take turns in going first. The hashing threads take turns too, and one can have slower memory. If one name
/// always went first, each name would get a thread of its own.
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

/// The duration of a future.
pub async fn timed<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let begin = Instant::now();
    let output = future.await;
    (begin.elapsed(), output)
}
