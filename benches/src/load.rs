//! The load: every connection repeats its request as soon as the response arrives.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};

use crate::{Failure, client::Connection, table::median};

/// Concurrent connections.
pub(crate) const CONCURRENCY: usize = 32;
/// Warm-up, in which connections are opened and caches filled.
const WARM_UP: Duration = Duration::from_millis(250);

/// The result of a load.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// Median latency in milliseconds.
    pub(crate) p50: f64,
    /// 99th percentile latency in milliseconds.
    pub(crate) p99: f64,
    /// All requests, including the warm-up.
    pub(crate) answered: f64,
}

impl Load {
    /// The median of each figure.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            per_second: of(|load| load.per_second),
            p50: of(|load| load.p50),
            p99: of(|load| load.p99),
            answered: of(|load| load.answered),
        }
    }

    pub(crate) fn rates(rounds: &[Self]) -> Vec<f64> {
        rounds.iter().map(|load| load.per_second).collect()
    }

    pub(crate) fn latency(&self) -> String {
        format!("p50 {:.1} ms, p99 {:.1} ms", self.p50, self.p99)
    }
}

/// A single thread, because more would take time from the server.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Sends `requests`, one connection each, for `time`. Every response must have the status 200.
pub(crate) fn run(address: SocketAddr, requests: &[Vec<u8>], time: Duration) -> Result<Load, Failure> {
    runtime()?.block_on(async {
        let begin = Instant::now() + WARM_UP;
        let connections: Vec<_> = requests
            .iter()
            .map(|request| tokio::spawn(repeat(address, request.clone(), begin, begin + time)))
            .collect();
        let (mut taken, mut answered) = (Vec::new(), 0.0);
        for connection in connections {
            let (counted, all) = connection.await??;
            taken.extend(counted);
            answered += all;
        }
        summarize(taken, answered, time)
    })
}

/// The seconds that each request took that began and ended within the time, and the number of all requests.
async fn repeat(
    address: SocketAddr,
    request: Vec<u8>,
    begin: Instant,
    end: Instant,
) -> Result<(Vec<f64>, f64), Failure> {
    let mut connection = Connection::open(address).await?;
    let (mut taken, mut answered) = (Vec::with_capacity(8192), 0.0);
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((taken, answered));
        }
        connection.exchange(&request, 200).await?;
        answered += 1.0;
        if sent >= begin {
            taken.push(sent.elapsed().as_secs_f64());
        }
    }
}

fn summarize(mut taken: Vec<f64>, answered: f64, time: Duration) -> Result<Load, Failure> {
    taken.sort_by(f64::total_cmp);
    let at = |hundredths: usize| taken.get(taken.len() * hundredths / 100).map(|seconds| seconds * 1000.0);
    let (Some(p50), Some(p99)) = (at(50), at(99)) else {
        return Err("no request was answered in time".into());
    };
    let count = u32::try_from(taken.len())?;
    Ok(Load { per_second: f64::from(count) / time.as_secs_f64(), p50, p99, answered })
}
