//! One request for all callers with the same token at the same time.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

use super::Found;

type Outcome = Result<Found, String>;
type Answer = Arc<OnceCell<Outcome>>;

/// The requests in flight, by token.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Box<str>, Answer>>);

impl Flights {
    /// The outcome of the request for `token` that is in flight, otherwise of `ask`. If the caller that asks goes away,
    /// the next one that waits asks instead.
    pub(super) async fn join<F>(&self, token: &str, ask: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Outcome>,
    {
        let answer = Arc::clone(self.all().entry(token.into()).or_default());
        let seat = Seat { flights: self, token, answer };
        seat.answer.get_or_init(ask).await.clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Box<str>, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller that waits. When it leaves, with or without an outcome, it removes the request unless others wait for it.
struct Seat<'f> {
    flights: &'f Flights,
    token: &'f str,
    answer: Answer,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut all = self.flights.all();
        let is_ours = all.get(self.token).is_some_and(|listed| Arc::ptr_eq(listed, &self.answer));
        // Two references: the map's and this seat's. Others can only be added through the map, which is locked.
        let is_last = Arc::strong_count(&self.answer) <= 2;
        if is_ours && (is_last || self.answer.initialized()) {
            all.remove(self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::tokens::refusal::Refusal;

    #[tokio::test]
    async fn d06_all_who_wait_share_one_answer_and_nothing_is_kept() {
        let (flights, asked) = (Flights::default(), AtomicUsize::new(0));
        let ask = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Err("no".to_owned())
        };
        let outcomes = join_all((0..50).map(|_| flights.join("token", ask))).await;
        assert!(outcomes.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(flights.all().is_empty());
        assert!(
            flights.join("token", || ready(Ok(Err(Refusal::Inactive)))).await.is_ok(),
            "and the next asks anew"
        );
    }

    #[tokio::test]
    async fn whoever_goes_away_takes_nobody_along() {
        let flights = Flights::default();
        let mut first = Box::pin(flights.join("token", pending));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(flights.join("token", || ready(Ok(Err(Refusal::Inactive)))));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.await.is_ok());
        let alone = flights.join("alone", pending).now_or_never();
        assert!(alone.is_none() && flights.all().is_empty());
    }

    #[tokio::test]
    async fn whoever_leaves_late_takes_its_own_question_off_the_list_and_no_other() {
        let (flights, (landed, wait)) = (Flights::default(), tokio::sync::oneshot::channel::<()>());
        let mut first = Box::pin(flights.join("token", || async {
            wait.await.map_err(|_| "gone".to_owned())?;
            Err("no".to_owned())
        }));
        let mut late = Box::pin(flights.join("token", pending));
        assert!((&mut first).now_or_never().is_none() && (&mut late).now_or_never().is_none());
        landed.send(()).unwrap();
        assert_eq!(first.await.unwrap_err(), "no");
        let mut next = Box::pin(flights.join("token", pending));
        assert!((&mut next).now_or_never().is_none());
        drop(late);
        assert_eq!(flights.all().len(), 1, "the next question is under way");
        drop(next);
        assert!(flights.all().is_empty());
    }
}
