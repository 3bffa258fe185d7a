//! The limit of the cores: Argon2id with the server's parameters and nothing else.

use std::{
    sync::Barrier,
    thread::{self, available_parallelism},
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::Failure;

/// OWASP's recommendation, and the server's default.
const PARAMETERS: (u32, u32, u32) = (19_456, 2, 1);

/// Hashes per second on all cores. Each thread reuses its memory.
pub(crate) fn rate(time: Duration) -> Result<f64, Failure> {
    let threads = available_parallelism()?.get();
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(|| rate_of_one(&barrier, time))).collect();
        let rates =
            started.into_iter().map(|thread| thread.join().map_err(|_| "a hashing thread panicked")?);
        rates.sum()
    })
}

fn rate_of_one(barrier: &Barrier, time: Duration) -> Result<f64, Failure> {
    let (memory, passes, lanes) = PARAMETERS;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let mut blocks = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = || {
        let mut tag = [0; 32];
        argon2
            .hash_password_into_with_memory(b"analytical-engine-1843", &[7; 16], &mut tag, &mut blocks)
            .map_err(|error| error.to_string())
    };
    hash()?;
    barrier.wait();
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < time {
        hash()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
