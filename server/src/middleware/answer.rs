//! Charges responses for memory. A response that its client does not read stays in memory, so the total is bounded.
//!
//! A response returns what it took from the purse once its last byte is written. The buffers that hold the bytes do
//! it themselves: hyper and h2 drop them when the socket has taken them.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::purse::{Purse, Taken};

/// Bytes of a response that are free; nearly every response is smaller.
const FREE: usize = 4 * 1024;
/// The cost of a response that is produced while it is sent, such as a picture: it is read in small pieces, and about
/// this much of it waits in the buffers of its connection. It may also hold a file open.
const STREAM: usize = 64 * 1024;
/// Bytes of all responses together, and of those to one client.
const SHARED: usize = 32 * 1024 * 1024;
const SHARE: usize = 8 * 1024 * 1024;

pub(super) fn purse() -> Purse {
    Purse::new(SHARED, SHARE)
}

/// The response, charged for what it holds; `None` if there is no room for it.
pub(super) fn charge(response: Response, purse: &Purse, client: Option<IpAddr>) -> Option<Response> {
    let price = match response.body().size_hint().exact() {
        Some(length) => usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(FREE).min(SHARE),
        None => STREAM,
    };
    if price == 0 {
        return Some(response);
    }
    let taken = Arc::new(purse.of(client).take(price)?);
    Some(response.map(|body| Body::new(Charged { body, taken })))
}

/// A body whose bytes stay charged until they are written.
struct Charged {
    body: Body,
    taken: Arc<Taken>,
}

impl HttpBody for Charged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let taken = Arc::clone(&self.taken);
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| held(bytes, taken)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn held(bytes: Bytes, taken: Arc<Taken>) -> Bytes {
    // Shared bytes, such as the files of the docs page, are in memory once however often they are sent.
    if bytes.is_unique() { Bytes::from_owner(Held { bytes, _taken: taken }) } else { bytes }
}

struct Held {
    bytes: Bytes,
    _taken: Arc<Taken>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::Ipv4Addr;

    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[tokio::test]
    async fn n05_a_response_pays_until_its_bytes_are_written() {
        let purse = purse();
        let large = Response::new(Body::from(vec![b'x'; 100_000]));
        let mut large = charge(large, &purse, ONE).unwrap();
        assert_eq!(purse.left(), SHARED - (100_000 - FREE));
        let sending = large.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        drop(large);
        assert_eq!(purse.left(), SHARED - (100_000 - FREE), "the connection holds them still");
        assert_eq!(sending.len(), 100_000);
        drop(sending);
        assert_eq!(purse.left(), SHARED);

        let all = Bytes::from(vec![b'x'; 100_000]);
        let shared = Response::new(Body::from(all.clone()));
        let mut shared = charge(shared, &purse, ONE).unwrap();
        let _sending = shared.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        drop(shared);
        assert_eq!(purse.left(), SHARED, "what all responses share costs none of them");
    }

    #[tokio::test]
    async fn n05_one_client_cannot_take_all() {
        let purse = purse();
        let streamed = || {
            Response::new(Body::from_stream(stream::repeat_with(|| {
                Ok::<_, Infallible>(Bytes::from_static(b"x"))
            })))
        };
        let held: Vec<_> = (0..1000).filter_map(|_| charge(streamed(), &purse, ONE)).collect();
        assert_eq!(held.len(), SHARE / STREAM);
        assert!(charge(streamed(), &purse, OTHER).is_some());
        let small = Response::new(Body::from(vec![b'x'; FREE]));
        assert!(charge(small, &purse, ONE).is_some(), "what is small costs nothing");
    }
}
