//! The socket of one connection: counts what it reads and, on HTTP/1, checks it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::Heads;
use super::pulse::Pulse;

/// Makes hyper respond with 400 and close: no HTTP/1 parser accepts NUL in a head, and the empty line makes hyper
/// parse.
const UNREADABLE: u8 = 0;
const EMPTY_LINE: &[u8] = b"\r\n\r\n";

/// Bytes read at a time. hyper doubles its buffer, up to the longest head, whenever a read fills it, and the initial
/// size is 8 KiB. This is one byte less, so a thousand slow uploads do not hold 32 KiB each.
const READ: usize = 8 * 1024 - 1;

/// A socket that reports to a [`Pulse`] and does not pass on an ambiguous head.
///
/// hyper has no strict mode, so the byte that makes a head ambiguous is replaced by one that hyper rejects.
#[derive(Debug)]
pub(super) struct Wire<T> {
    socket: T,
    pulse: Arc<Pulse>,
    heads: Heads,
    refusal: Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    None,
    /// The invalid byte was passed on; the empty line is next.
    Begun,
    Complete,
}

impl<T> Wire<T> {
    pub(super) fn new(socket: T, pulse: Arc<Pulse>) -> Self {
        Self { socket, pulse, heads: Heads::new(), refusal: Refusal::None }
    }

    fn check(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let Some(fresh) = buffer.filled_mut().get_mut(before..) else { return };
        let Err(ambiguous) = self.heads.read(fresh) else { return };
        if let Some(byte) = fresh.get_mut(ambiguous.at) {
            *byte = UNREADABLE;
        }
        buffer.set_filled(before + ambiguous.at + 1);
        self.refusal = Refusal::Begun;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.refusal {
            Refusal::None => {}
            Refusal::Begun if buffer.remaining() >= EMPTY_LINE.len() => {
                buffer.put_slice(EMPTY_LINE);
                self.refusal = Refusal::Complete;
                return Poll::Ready(Ok(()));
            }
            Refusal::Begun | Refusal::Complete => return Poll::Ready(Ok(())),
        }
        let before = buffer.filled().len();
        let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(READ.min(buffer.remaining())));
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut piece))?;
        let count = piece.filled().len();
        buffer.advance(count);
        if count > 0 && !self.pulse.bytes_read(count) {
            return Poll::Ready(Err(io::Error::other("too many bytes that led to nothing")));
        }
        self.check(buffer, before);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.pulse.written(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.pulse.written(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes its socket once it has written everything.
        self.pulse.all_sent();
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
