//! A budget that the requests of all clients share, with a limit per client: bytes of memory, or places in a queue.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::{Network, network};

/// The number of remembered clients at which those without anything taken are removed.
const FIRST_SWEEP: usize = 64;

/// A bounded number of bytes or places. No client gets more than its share, so none can starve the others.
#[derive(Clone)]
pub(crate) struct Purse {
    all: Arc<Semaphore>,
    share: usize,
    clients: Arc<Mutex<Clients>>,
}

#[derive(Default)]
struct Clients {
    shares: HashMap<Network, Weak<Semaphore>>,
    sweep_at: usize,
}

impl Purse {
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), share, clients: Arc::default() }
    }

    /// What this client may take. If its address is unknown, it could be any client, so it has no share limit.
    pub(crate) fn of(&self, client: Option<IpAddr>) -> Allowance {
        let share = client.is_some().then(|| self.share_of(network(client)));
        Allowance { share, all: Arc::clone(&self.all) }
    }

    fn share_of(&self, client: Network) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = clients.shares.get(&client).and_then(Weak::upgrade) {
            return share;
        }
        if clients.shares.len() >= clients.sweep_at {
            clients.shares.retain(|_, share| share.strong_count() > 0);
            clients.sweep_at = FIRST_SWEEP.max(2 * clients.shares.len());
        }
        let share = Arc::new(Semaphore::new(self.share));
        clients.shares.insert(client, Arc::downgrade(&share));
        share
    }

    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.all.available_permits()
    }
}

/// One client's access to a [`Purse`].
pub(crate) struct Allowance {
    share: Option<Arc<Semaphore>>,
    all: Arc<Semaphore>,
}

impl Allowance {
    /// Takes this many; `None` if the client or all clients together would exceed their limit.
    pub(crate) fn take(&self, many: usize) -> Option<Taken> {
        let many = u32::try_from(many).ok()?;
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_many_owned(many).ok();
        let share = match &self.share {
            Some(share) => Some(take(share)?),
            None => None,
        };
        Some(Taken { share, all: take(&self.all)? })
    }
}

/// What was taken from a [`Purse`], returned when this is dropped.
pub(crate) struct Taken {
    share: Option<OwnedSemaphorePermit>,
    all: OwnedSemaphorePermit,
}

impl Taken {
    /// Adds what the same client took.
    pub(crate) fn merge(&mut self, more: Self) {
        self.all.merge(more.all);
        match (&mut self.share, more.share) {
            (Some(share), Some(more)) => share.merge(more),
            (share, more) => *share = more,
        }
    }
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse").field("left", &self.all.available_permits()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n05_one_client_gets_its_share_and_the_others_the_rest() {
        let purse = Purse::new(100, 60);
        let of = |address: &str| purse.of(Some(address.parse().unwrap()));
        let hog = of("192.0.2.1").take(60).unwrap();
        assert!(of("192.0.2.1").take(1).is_none(), "its share is gone");
        assert!(of("2a00:1:2:3::1").take(41).is_none(), "the purse is empty");
        let rest = of("2a00:1:2:3::1").take(30).unwrap();
        assert!(of("2a00:1:2:3:ffff::").take(31).is_none(), "one /64 is one client");
        let _unknown = purse.of(None).take(10).unwrap();
        drop((hog, rest));
        let mut some = of("192.0.2.1").take(20).unwrap();
        some.merge(of("192.0.2.1").take(40).unwrap());
        assert!(of("192.0.2.1").take(1).is_none());
        drop(some);
        assert_eq!(purse.left(), 90);
    }

    #[test]
    fn n05_clients_that_hold_nothing_are_forgotten() {
        let purse = Purse::new(100, 60);
        for client in 0..10_000_u32 {
            drop(purse.of(Some(IpAddr::from(client.to_be_bytes()))).take(1));
        }
        assert!(purse.clients.lock().unwrap().shares.len() <= FIRST_SWEEP);
    }
}
