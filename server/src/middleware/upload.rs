//! Tracks request bodies on their way to their handlers: whether each is complete, and how much memory all of them
//! hold.
//!
//! Each body has its own limit, which the handler's type states, and a form without files is limited to 16 KiB. A
//! thousand clients that fill theirs and wait would still take gigabytes, so everything beyond the first few kilobytes
//! is paid for from a shared purse. If the purse is empty or the client has used up its share, the response is 503.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::Limited;
use hyper::body::{Frame, SizeHint};

use crate::purse::{Allowance, Purse, Taken};

/// Bytes of a body that are free: more than a login or a sign-up needs, so that a flood of uploads does not lock people
/// out.
const FREE: usize = 8 * 1024;
/// The flat cost of a longer body, beside its bytes: the buffers that they pass through.
const BUFFERS: usize = 24 * 1024;
/// Bytes of all bodies together, beyond the free ones.
const SHARED: usize = 40 * 1024 * 1024;
/// The part of them that one client's bodies may take: one picture of the largest size, and the overhead of its pieces.
const SHARE: usize = 18 * 1024 * 1024;
/// The longest form without files. The library would allow 1 MiB, and no form here needs more than a few kilobytes.
const FORM: usize = 16 * 1024;
/// The overhead of a piece of a body, so that many small ones are not cheap: the smallest allocation, and its pointer.
const PIECE: usize = 16 + size_of::<Bytes>();

pub(super) fn purse() -> Purse {
    Purse::new(SHARED, SHARE)
}

/// What is known about a request's body while the request is handled; `None` if it has none. What the body took from
/// the purse is returned when both this and the body are dropped.
pub(super) struct Upload(Option<Arc<State>>);

impl Upload {
    /// Whether the client was still sending.
    pub(super) fn is_arriving(&self) -> bool {
        self.0.as_ref().is_some_and(|state| !state.is_complete.load(Ordering::Relaxed))
    }

    /// Whether more is still to come than hyper reads after the response. Then the connection ends with the response,
    /// and the client must be told, so that it does not send another request on it (RFC 9112 §9.6).
    pub(super) fn ends_connection(&self) -> bool {
        self.is_arriving() && self.0.as_ref().is_some_and(|state| state.is_long)
    }

    /// Whether the purse was empty for it. Then the response is 503, whatever the handler did with the partial body.
    pub(super) fn is_turned_away(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.is_turned_away.load(Ordering::Relaxed))
    }
}

fn is_form(request: &Request) -> bool {
    let value = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// A body that ends with a length-limit error if it is too long, which the extractors turn into 413.
fn short(body: Body) -> Body {
    if body.size_hint().lower() > FORM as u64 {
        // The announced length is enough; do not wait for the rest.
        return Body::new(Limited::new(Body::from("too long"), 0));
    }
    Body::new(Limited::new(body, FORM))
}

/// Tracks a request's body.
pub(super) fn watch(request: Request, purse: &Purse, client: Option<IpAddr>) -> (Request, Upload) {
    if request.body().is_end_stream() {
        return (request, Upload(None));
    }
    let state = Arc::new(State {
        is_long: request.body().size_hint().upper().is_none_or(|length| length > FREE as u64),
        taken: Mutex::new(None),
        is_complete: AtomicBool::new(false),
        is_turned_away: AtomicBool::new(false),
    });
    let is_form = is_form(&request);
    let (allowance, watched) = (purse.of(client), Arc::clone(&state));
    let watch = |body| Watched { body, weight: 0, paid: 0, allowance, state: watched };
    let request = request.map(|body| Body::new(watch(if is_form { short(body) } else { body })));
    (request, Upload(Some(state)))
}

struct State {
    is_long: bool,
    taken: Mutex<Option<Taken>>,
    is_complete: AtomicBool,
    is_turned_away: AtomicBool,
}

/// A request's body that reports when it is complete, and pays for its bytes.
struct Watched {
    body: Body,
    weight: usize,
    paid: usize,
    allowance: Allowance,
    state: Arc<State>,
}

impl Watched {
    /// Pays for another piece of this many bytes. `false` if the purse is empty.
    fn pay(&mut self, bytes: usize) -> bool {
        self.weight += bytes + PIECE;
        if self.weight <= FREE {
            return true;
        }
        let owed = (self.weight - FREE + BUFFERS).saturating_sub(self.paid);
        let Some(more) = self.allowance.take(owed) else { return false };
        self.paid += owed;
        let mut taken = self.state.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.as_mut() {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
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
        let frame = Pin::new(&mut self.body).poll_frame(context).map_ok(compact);
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

/// Copies the bytes to an allocation of their own size. hyper returns slices of its socket's read buffer, so keeping
/// 100 bytes would keep 8 to 32 KiB.
fn compact(frame: Frame<Bytes>) -> Frame<Bytes> {
    frame.map_data(|bytes| Bytes::copy_from_slice(&bytes))
}

/// Other requests' bodies have taken all the memory reserved for bodies.
#[derive(Debug, thiserror::Error)]
#[error("no room for the body of another request")]
struct NoRoom;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A request with a body of this many pieces.
    fn request(pieces: usize, bytes: usize) -> Request {
        let pieces =
            (0..pieces).map(move |_| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; bytes])));
        Request::new(Body::from_stream(stream::iter(pieces)))
    }

    async fn is_read(request: Request) -> bool {
        request.into_body().collect().await.is_ok()
    }

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[tokio::test]
    async fn d01_all_bodies_together_are_bounded_and_give_back_what_they_took() {
        let purse = purse();
        let (large, held) = watch(request(SHARED / 1100, 1000), &purse, None);
        assert!(is_read(large).await && !held.is_arriving() && !held.is_turned_away());

        // What is left is not enough for another one, but enough for many logins.
        let (second, turned_away) = watch(request(SHARED / 1024, 1000), &purse, None);
        assert!(!is_read(second).await && turned_away.is_turned_away());
        for _ in 0..100 {
            let (small, upload) = watch(request(4, 1900), &purse, ONE);
            assert!(is_read(small).await && !upload.is_turned_away());
        }
        drop((held, turned_away));
        assert_eq!(purse.left(), SHARED);
    }

    #[tokio::test]
    async fn d01_a_body_of_single_bytes_pays_for_their_keeping() {
        let purse = purse();
        let (bytes, upload) = watch(request(SHARED / PIECE, 1), &purse, None);
        assert!(!is_read(bytes).await && upload.is_turned_away());
    }

    #[tokio::test]
    async fn d01_one_client_has_room_for_the_largest_picture_and_leaves_some_to_others() {
        let purse = purse();
        let largest = || request(16 * 1024 + 1, 1024);
        let (picture, held) = watch(largest(), &purse, ONE);
        assert!(is_read(picture).await && !held.is_turned_away());
        let (another, turned_away) = watch(largest(), &purse, ONE);
        assert!(!is_read(another).await && turned_away.is_turned_away());
        let (of_another, upload) = watch(largest(), &purse, OTHER);
        assert!(is_read(of_another).await && !upload.is_turned_away());
    }

    #[tokio::test]
    async fn d01_a_form_is_short_whatever_its_handler_would_take() {
        let form = |pieces| {
            let mut form = request(pieces, 1024);
            let value = "Application/X-WWW-Form-urlencoded; charset=utf-8".parse().unwrap();
            form.headers_mut().insert(CONTENT_TYPE, value);
            form
        };
        let (fits, upload) = watch(form(16), &purse(), ONE);
        assert!(is_read(fits).await && !upload.is_turned_away());
        let (long, upload) = watch(form(17), &purse(), ONE);
        assert!(!is_read(long).await && !upload.is_turned_away());
    }
}
