//! Whether the guard scales with threads: nothing in it may make them wait for each other.

use std::{sync::Barrier, thread, time::Instant};

use portcullis::AccessTokens;

use crate::{
    Failure,
    micro::{Issuer, TOKENS, pass, requests, verifier},
    table::{Table, median, rate},
};

const THREADS: [u32; 4] = [1, 2, 4, 8];

pub(crate) fn measure(rounds: u16, table: &mut Table) -> Result<(), Failure> {
    let issuer = Issuer::new()?;
    let tokens: Vec<String> = (0..TOKENS).map(|number| issuer.token(number)).collect();
    let uncached = verifier(&issuer.jwks())?.uncached().build()?;
    let cached = verifier(&issuer.jwks())?.build()?;
    pass(&mut requests(&tokens)?, &cached, true)?;

    let kinds = [("not seen before", &uncached, 1), ("seen before", &cached, 25)];
    for (what, verifier, passes) in kinds {
        let mut rates = [const { Vec::new() }; THREADS.len()];
        for _ in 0..rounds {
            for (threads, rates) in THREADS.into_iter().zip(&mut rates) {
                rates.push(together(threads, passes, &tokens, verifier)?);
            }
        }
        for (threads, rates) in THREADS.into_iter().zip(rates) {
            let name = format!("guard, tokens {what}, threads: {threads}");
            table.row(&name, rate(median(rates)), "grows up to the cores", "in memory, one verifier for all");
        }
    }
    Ok(())
}

/// The tokens per second that this many threads verify. They start together, and each verifies all tokens this many
/// times.
fn together(threads: u32, passes: u32, tokens: &[String], verifier: &AccessTokens) -> Result<f64, Failure> {
    let all = (0..threads).map(|_| requests(tokens)).collect::<Result<Vec<_>, _>>()?;
    let start = &Barrier::new(all.len() + 1);
    let seconds = thread::scope(|scope| {
        let verify = |mut requests: Vec<_>| {
            scope.spawn(move || {
                start.wait();
                (0..passes).try_for_each(|_| pass(&mut requests, verifier, true).map(drop))
            })
        };
        let running: Vec<_> = all.into_iter().map(verify).collect();
        start.wait();
        let began = Instant::now();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)?;
        Ok::<f64, Failure>(began.elapsed().as_secs_f64())
    })?;
    Ok(f64::from(threads) * f64::from(passes) * f64::from(TOKENS) / seconds)
}
