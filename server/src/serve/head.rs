//! Rejects HTTP/1 requests whose length two parsers could read differently (request smuggling).
//!
//! hyper accepts equal `Content-Length` fields twice (RFC 9110 §8.6), a bare LF at the end of a line (RFC 9112 §2.2)
//! and a second `Host`. Since 1.12 it drops a `Content-Length` beside `Transfer-Encoding` and closes the connection
//! (RFC 9112 §6.1), but still handles the request, and a proxy in front may have read it by its length. All four are
//! rejected here with 400, before hyper reads them.

/// The bytes of a line that are kept: enough for the relevant field names and values.
const KEPT: usize = 64;

/// Follows the heads of the requests on one HTTP/1 connection.
///
/// It stops at a request with `Transfer-Encoding`, which must be the last of its connection.
#[derive(Debug)]
pub(super) struct Heads {
    place: Place,
    is_first: bool,
    line: Line,
    fields: Fields,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    RequestLine,
    Field,
    /// This many bytes of the body are still to come.
    Body(u64),
    /// HTTP/2, or after a head whose request is the last.
    Unwatched,
}

/// A head that must not be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// The offset, in the bytes last read, of the first byte that hyper must not see.
    pub(super) at: usize,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self { place: Place::RequestLine, is_first: true, line: Line::new(), fields: Fields::default() }
    }

    /// Follows the next bytes of the connection.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.place {
                Place::Unwatched => return Ok(()),
                Place::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    rest = rest.get(here..).unwrap_or_default();
                    self.place = match left - here as u64 {
                        0 => Place::RequestLine,
                        left => Place::Body(left),
                    };
                }
                Place::RequestLine | Place::Field => {
                    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
                    let (piece, behind) = rest.split_at(end);
                    rest = behind;
                    self.line.extend(piece);
                    if piece.ends_with(b"\n") {
                        self.end_line().ok_or(Ambiguous { at: bytes.len() - rest.len() - 1 })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Option<()> {
        let line = std::mem::replace(&mut self.line, Line::new());
        let text = line.text()?;
        match self.place {
            // A client may send an empty line before a request (RFC 9112 §2.2).
            Place::RequestLine if text.is_empty() => {}
            Place::RequestLine if self.is_first && text == b"PRI * HTTP/2.0" => self.place = Place::Unwatched,
            Place::RequestLine => {
                self.is_first = false;
                self.fields = Fields::default();
                self.place = Place::Field;
            }
            Place::Field if text.is_empty() => {
                self.place = match (self.fields.length, self.fields.is_chunked) {
                    (Some(_), true) => return None,
                    (None, true) => Place::Unwatched,
                    (None | Some(0), false) => Place::RequestLine,
                    (Some(length), false) => Place::Body(length),
                };
            }
            Place::Field => self.fields.note(text, line.is_whole())?,
            Place::Body(_) | Place::Unwatched => {}
        }
        Some(())
    }
}

/// The fields that determine a request's length and host, each at most once.
#[derive(Debug, Default)]
struct Fields {
    length: Option<u64>,
    is_chunked: bool,
    has_host: bool,
}

impl Fields {
    fn note(&mut self, line: &[u8], is_whole: bool) -> Option<()> {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?.min(line.len()));
        let value = value.strip_prefix(b":")?.trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let is_new = self.length.replace(number(value)?).is_none();
            (is_new && is_whole).then_some(())
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_new = !std::mem::replace(&mut self.is_chunked, true);
            (is_new && is_whole && value.eq_ignore_ascii_case(b"chunked")).then_some(())
        } else if name.eq_ignore_ascii_case(b"host") {
            // RFC 9112 §3.2: more than one gets 400.
            (!std::mem::replace(&mut self.has_host, true)).then_some(())
        } else {
            Some(())
        }
    }
}

/// `1*DIGIT` (RFC 9110 §8.6), without the sign that `str::parse` would accept.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The beginning of a line, and its end.
#[derive(Debug)]
struct Line {
    kept: [u8; KEPT],
    length: usize,
    /// The last two bytes.
    end: [u8; 2],
}

impl Line {
    const fn new() -> Self {
        Self { kept: [0; KEPT], length: 0, end: [0; 2] }
    }

    fn extend(&mut self, piece: &[u8]) {
        if let Some(free) = self.kept.get_mut(self.length..) {
            for (kept, byte) in free.iter_mut().zip(piece) {
                *kept = *byte;
            }
        }
        self.length = self.length.saturating_add(piece.len());
        match piece {
            [.., before, last] => self.end = [*before, *last],
            [last] => self.end = [self.end[1], *last],
            [] => {}
        }
    }

    fn is_whole(&self) -> bool {
        self.length <= KEPT
    }

    /// The kept part of the line without its CRLF; `None` if it does not end in CRLF.
    fn text(&self) -> Option<&[u8]> {
        if self.end != *b"\r\n" {
            return None;
        }
        self.kept.get(..self.length.saturating_sub(2).min(KEPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

    fn follow(bytes: &[u8]) -> Result<Place, Ambiguous> {
        let mut heads = Heads::new();
        heads.read(bytes).map(|()| heads.place)
    }

    #[test]
    fn follows_requests_one_after_the_other() {
        let get = "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: y:z\r\n\r\n";
        let post = format!("{HEAD}content-length:  12 \r\n\r\n0123\n5678\n01");
        assert_eq!(follow(format!("{get}{post}{get}").as_bytes()), Ok(Place::RequestLine));
        assert_eq!(follow(format!("{HEAD}Content-Length: 3\r\n\r\n1").as_bytes()), Ok(Place::Body(2)));
        assert_eq!(
            follow(format!("{HEAD}Transfer-Encoding: Chunked\r\n\r\n1\n").as_bytes()),
            Ok(Place::Unwatched)
        );
        assert_eq!(follow(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\n"), Ok(Place::Unwatched));
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for fields in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "Content-Length: 1, 1\r\n\r\n",
            "Content-Length: +1\r\n\r\n",
            "Content-Length:\r\n\r\n",
            "Content-Length: 000000000000000000000000000000000000000000000000000000000000001\r\n\r\n",
            "Transfer-Encoding: gzip, chunked\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Host: b\r\n\r\n",
            "X: y\n\r\n",
            "X: y\r\n\n",
            "Content-Length\r\n\r\n",
        ] {
            let request = format!("{HEAD}{fields}");
            let whole = follow(request.as_bytes()).expect_err(fields);
            assert_eq!(request.as_bytes()[whole.at], b'\n', "the refused byte ends a line: {fields}");

            let mut heads = Heads::new();
            let bytewise = request.bytes().position(|byte| heads.read(&[byte]).is_err());
            assert_eq!(bytewise, Some(whole.at), "one byte at a time: {fields}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_one_result(
            bytes in r"((GET / HTTP/1.1|Host: a|Content-Length: [0-9]{1,2}|Transfer-Encoding: chunked|[ -~]{0,9})(\r\n|\r\n\r\n|\n)){0,9}",
            cut in 0_usize..99,
        ) {
            let (front, back) = bytes.as_bytes().split_at(cut.min(bytes.len()));
            let mut heads = Heads::new();
            let pieces = match heads.read(front) {
                Ok(()) => heads.read(back).map_err(|refused| Ambiguous { at: refused.at + front.len() }),
                refused => refused,
            };
            proptest::prop_assert_eq!(pieces.map(|()| heads.place), follow(bytes.as_bytes()));
        }
    }
}
