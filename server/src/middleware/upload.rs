//! A request's body on its way to its handler: whether it is complete, and what all of them hold together.
//!
//! Each body has its own limit, which the handler's type states. A thousand clients that fill theirs and wait would
//! still take gigabytes: so what goes beyond a first few kilobytes comes out of one purse, and a body that finds it
//! empty is turned away with 503.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// Bytes of a body that cost nothing: more than a log-in or a sign-up needs, so that no flood of uploads keeps
/// people out.
const FREE: usize = 8 * 1024;
/// Bytes beyond those, of all bodies together: a picture of the largest size and two of a usual one. With
/// these, a thousand clients that send all they may, slowly, take about 108 MB, a third of it the connections' own.
const SHARED: usize = 24 * 1024 * 1024;
/// What keeping a piece of a body costs beside its bytes, so that many small ones are not cheap.
const PIECE: usize = size_of::<Bytes>();

/// What is left for the bodies of all requests together.
#[derive(Clone, Debug)]
pub(super) struct Purse(Arc<AtomicUsize>);

impl Purse {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(SHARED)))
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What is known of a request's body while the request is answered; `None` when it has none. What the body took out
/// of the purse is given back when this is dropped.
pub(super) struct Upload(Option<Arc<State>>);

impl Upload {
    /// Whether the client was still sending.
    pub(super) fn is_arriving(&self) -> bool {
        self.0.as_ref().is_some_and(|state| !state.is_complete.load(Ordering::Relaxed))
    }

    /// Whether the purse was empty for it: whatever the handler made of half a body, the answer is 503.
    pub(super) fn is_turned_away(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.is_turned_away.load(Ordering::Relaxed))
    }
}

/// Follows the body of a request.
pub(super) fn watch(request: Request, purse: &Purse) -> (Request, Upload) {
    if request.body().is_end_stream() {
        return (request, Upload(None));
    }
    let state = Arc::new(State {
        purse: purse.clone(),
        taken: AtomicUsize::new(0),
        is_complete: AtomicBool::new(false),
        is_turned_away: AtomicBool::new(false),
    });
    let watched = Arc::clone(&state);
    let request = request.map(|body| Body::new(Watched { body, weight: 0, state: watched }));
    (request, Upload(Some(state)))
}

struct State {
    purse: Purse,
    taken: AtomicUsize,
    is_complete: AtomicBool,
    is_turned_away: AtomicBool,
}

impl Drop for State {
    fn drop(&mut self) {
        self.purse.give_back(*self.taken.get_mut());
    }
}

/// A request's body that tells when it is complete, and pays for its bytes.
struct Watched {
    body: Body,
    weight: usize,
    state: Arc<State>,
}

impl Watched {
    /// Takes what another piece of so many bytes costs out of the purse.
    fn pay(&mut self, bytes: usize) -> bool {
        self.weight += bytes + PIECE;
        let taken = self.state.taken.load(Ordering::Relaxed);
        let owed = self.weight.saturating_sub(FREE + taken);
        if !self.state.purse.take(owed) {
            return false;
        }
        self.state.taken.fetch_add(owed, Ordering::Relaxed);
        true
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(piece))) = &frame
            && !self.pay(piece.data_ref().map_or(0, Bytes::len))
        {
            self.state.is_turned_away.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(axum::Error::new(NoRoom))));
        }
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.state.is_complete.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bodies of other requests have taken all the memory there is for them.
#[derive(Debug, thiserror::Error)]
#[error("no room for the body of another request")]
struct NoRoom;

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A request with a body of so many pieces.
    fn request(pieces: usize, bytes: usize) -> Request {
        let pieces =
            (0..pieces).map(move |_| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; bytes])));
        Request::new(Body::from_stream(stream::iter(pieces)))
    }

    async fn is_read(request: Request) -> bool {
        request.into_body().collect().await.is_ok()
    }

    #[tokio::test]
    async fn d01_all_bodies_together_are_bounded_and_give_back_what_they_took() {
        let purse = Purse::new();
        let (large, held) = watch(request(SHARED / 1100, 1000), &purse);
        assert!(is_read(large).await && !held.is_arriving() && !held.is_turned_away());

        // What is left is not enough for another, though for many a log-in.
        let (second, turned_away) = watch(request(SHARED / 1024, 1000), &purse);
        assert!(!is_read(second).await && turned_away.is_turned_away());
        for _ in 0..100 {
            let (small, upload) = watch(request(4, 1900), &purse);
            assert!(is_read(small).await && !upload.is_turned_away());
        }
        drop((held, turned_away));
        assert_eq!(purse.0.load(Ordering::Relaxed), SHARED);
    }

    #[tokio::test]
    async fn d01_a_body_of_single_bytes_pays_for_their_keeping() {
        let purse = Purse::new();
        let (bytes, upload) = watch(request(SHARED / PIECE, 1), &purse);
        assert!(!is_read(bytes).await && upload.is_turned_away());
    }
}
