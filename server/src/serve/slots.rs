//! The slots for connections: how many there are in all and per address, and which connection is closed to make room.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Limits;
use super::pulse::Pulse;
use crate::client::{Network, network};

/// The connections of one server.
#[derive(Debug)]
pub(super) struct Slots {
    limits: Arc<Limits>,
    seated: Mutex<Seated>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Seated {
    count: usize,
    next: u64,
    /// Trusted proxies, which represent many clients, are under `None`.
    by_address: HashMap<Option<Network>, HashMap<u64, Arc<Pulse>>>,
}

/// Why a connection gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken and none is idle: wait until one closes.
    All,
    /// The address has its maximum, and none of them is idle.
    Address,
}

impl Slots {
    pub(super) fn new(limits: Arc<Limits>) -> Arc<Self> {
        Arc::new(Self { limits, seated: Mutex::default(), freed: Notify::new() })
    }

    /// A slot for a connection from `peer`. If there is none, the connection that has been idle longest is closed.
    pub(super) fn seat(self: &Arc<Self>, peer: SocketAddr) -> Result<Seat, Full> {
        let address = self.limited(peer.ip().to_canonical());
        let mut seated = self.seated();
        let own = seated.by_address.get(&address).map_or(0, HashMap::len);
        if address.is_some() && own >= count(self.limits.connections_per_address) {
            seated.make_room(|of| of == address).ok_or(Full::Address)?;
        }
        if seated.count >= count(self.limits.connections) {
            seated.make_room(|_| true).ok_or(Full::All)?;
        }
        let pulse = Arc::new(Pulse::new(Arc::clone(&self.limits)));
        let number = seated.next;
        seated.next += 1;
        seated.count += 1;
        seated.by_address.entry(address).or_default().insert(number, Arc::clone(&pulse));
        Ok(Seat { slots: Arc::clone(self), address, number, pulse })
    }

    /// Waits until there is a free slot.
    pub(super) async fn freed(&self) {
        let freed = self.freed.notified();
        if self.count() >= count(self.limits.connections) {
            freed.await;
        }
    }

    /// Waits until every connection has closed.
    pub(super) async fn empty(&self) {
        loop {
            let freed = self.freed.notified();
            if self.count() == 0 {
                return;
            }
            freed.await;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.seated().count
    }

    fn limited(&self, peer: IpAddr) -> Option<Network> {
        let is_trusted = self.limits.trusted_proxies.iter().any(|proxies| proxies.contains(&peer));
        (!is_trusted).then(|| network(Some(peer)))
    }

    fn seated(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(limit: u32) -> usize {
    usize::try_from(limit.max(1)).unwrap_or(usize::MAX)
}

impl Seated {
    /// Closes the connection that has been idle longest, among the addresses that `is_meant` selects.
    fn make_room(&mut self, is_meant: impl Fn(Option<Network>) -> bool) -> Option<()> {
        let idle = |(number, pulse): (&u64, &Arc<Pulse>)| Some((pulse.idle_since()?, *number));
        let (_, address, number) = self
            .by_address
            .iter()
            .filter(|(address, _)| is_meant(**address))
            .filter_map(|(address, seats)| {
                let (since, number) = seats.iter().filter_map(idle).min()?;
                Some((since, *address, number))
            })
            .min()?;
        let pulse = self.remove(address, number)?;
        pulse.give_way();
        Some(())
    }

    fn remove(&mut self, address: Option<Network>, number: u64) -> Option<Arc<Pulse>> {
        let seats = self.by_address.get_mut(&address)?;
        let pulse = seats.remove(&number)?;
        if seats.is_empty() {
            self.by_address.remove(&address);
        }
        self.count -= 1;
        Some(pulse)
    }
}

/// A connection's slot, until it is dropped or the connection is closed to make room.
#[derive(Debug)]
pub(super) struct Seat {
    slots: Arc<Slots>,
    address: Option<Network>,
    number: u64,
    pulse: Arc<Pulse>,
}

impl Seat {
    pub(super) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.slots.seated().remove(self.address, self.number);
        self.slots.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use hyper::Version;
    use tokio::time::advance;

    use super::*;

    fn slots(connections: u32, connections_per_address: u32) -> Arc<Slots> {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Slots::new(Arc::new(Limits {
            connections,
            connections_per_address,
            trusted_proxies,
            ..Limits::default()
        }))
    }

    fn seat(slots: &Arc<Slots>, peer: &str) -> Result<Seat, Full> {
        slots.seat(SocketAddr::new(peer.parse().unwrap(), 1))
    }

    fn has_to_go(seat: &Seat) -> bool {
        seat.pulse().told_to_go().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn d02_the_connection_that_was_idle_longest_makes_room() {
        let slots = slots(3, 100);
        let busy = seat(&slots, "192.0.2.1").unwrap();
        let _request = busy.pulse().begin(Version::HTTP_11);
        let old = seat(&slots, "192.0.2.2").unwrap();
        advance(Duration::from_secs(1)).await;
        let young = seat(&slots, "192.0.2.3").unwrap();
        let _fourth = seat(&slots, "192.0.2.4").unwrap();
        assert!(has_to_go(&old) && !has_to_go(&young) && !has_to_go(&busy));
        assert_eq!(slots.count(), 3);
        drop(old);
        assert_eq!(slots.count(), 3, "its place was given away before");
    }

    #[tokio::test]
    async fn d02_where_all_are_busy_the_next_waits() {
        let slots = slots(1, 1);
        let only = seat(&slots, "192.0.2.1").unwrap();
        let request = only.pulse().begin(Version::HTTP_11);
        assert_eq!(seat(&slots, "192.0.2.1").unwrap_err(), Full::Address);
        assert_eq!(seat(&slots, "192.0.2.2").unwrap_err(), Full::All);
        drop((request, only));
        slots.freed().await;
        slots.empty().await;
        seat(&slots, "192.0.2.2").unwrap();
    }

    #[tokio::test]
    async fn d02_an_address_has_its_cap_and_a_trusted_proxy_none() {
        let slots = slots(100, 2);
        let first = seat(&slots, "2001:db8::1").unwrap();
        let _second = seat(&slots, "2001:db8::2").unwrap();
        let _third = seat(&slots, "2001:db8::3").unwrap();
        assert!(has_to_go(&first), "one /64 is one address");
        assert_eq!(slots.count(), 2);
        let of_proxy: Vec<_> = (0..5).map(|_| seat(&slots, "::ffff:10.0.0.1").unwrap()).collect();
        assert!(!of_proxy.iter().any(has_to_go));
        assert_eq!(slots.count(), 7);
    }
}
