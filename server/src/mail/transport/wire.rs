//! Lines to and from an SMTP server (RFC 5321 §4.2). Whatever the other side sends, a reply has at most 16 KiB.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// More than any reply needs.
const MAX_REPLY: usize = 16 * 1024;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A connection that sends and receives lines.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// Bytes read beyond the last reply.
    ahead: Vec<u8>,
}

/// A server's reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Code and text, without control characters.
    pub(super) fn shown(&self) -> String {
        let text: String = self.lines.join(" / ").chars().filter(|c| !c.is_control()).take(500).collect();
        format!("{} {text}", self.code)
    }
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// The underlying stream, for TLS. An error if the server has sent more than was asked for: it would be read as
    /// if it had come over TLS (CVE-2011-0411 and similar).
    pub(super) fn into_stream(self) -> io::Result<Box<dyn Stream>> {
        if self.ahead.is_empty() {
            Ok(self.stream)
        } else {
            Err(malformed("the server sent extra data before TLS"))
        }
    }

    pub(super) async fn command(&mut self, line: &str) -> io::Result<Reply> {
        // An address cannot hold a line end. Nothing that could begin another command is sent.
        if line.contains(['\r', '\n']) {
            return Err(malformed("a command has a line break"));
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// The text of an email after `DATA`: lines that begin with a dot get another one (RFC 5321 §4.5.2).
    pub(super) async fn text(&mut self, text: &[u8]) -> io::Result<Reply> {
        self.write(&stuffed(text)).await?;
        self.reply().await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Reads a reply of one or more lines.
    pub(super) async fn reply(&mut self) -> io::Result<Reply> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        let mut length = 0;
        loop {
            let line = self.line().await?;
            length += line.len();
            if length > MAX_REPLY {
                return Err(malformed("the reply has no end"));
            }
            let (code, is_last, text) = parse(&line).ok_or_else(|| malformed("this is not an SMTP reply"))?;
            if !reply.lines.is_empty() && reply.code != code {
                return Err(malformed("one reply has two codes"));
            }
            reply.code = code;
            reply.lines.push(text);
            if is_last {
                return Ok(reply);
            }
        }
    }

    /// Reads one line, including its end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let rest = self.ahead.split_off(at + 1);
                return Ok(std::mem::replace(&mut self.ahead, rest));
            }
            if self.ahead.len() > MAX_REPLY {
                return Err(malformed("the line has no end"));
            }
            let mut bytes = [0; 1024];
            let count = self.stream.read(&mut bytes).await?;
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            self.ahead.extend(bytes.iter().take(count));
        }
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The code, whether it is the last line, and the text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let (code, rest) = text.split_at_checked(3)?;
    let first = code.bytes().next().filter(|digit| (b'2'..=b'5').contains(digit));
    if first.is_none() || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok()?;
    match rest.chars().next() {
        None => Some((code, true, String::new())),
        Some(' ') => Some((code, true, rest.trim().to_owned())),
        Some('-') => Some((code, false, rest.trim_start_matches('-').trim().to_owned())),
        Some(_) => None,
    }
}

fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_stuffed_and_lines_end_as_they_should() {
        assert_eq!(stuffed(b"a\n.b\r\n.\r\nc"), b"a\r\n..b\r\n..\r\nc\r\n.\r\n");
        assert_eq!(stuffed(b"a\r\n"), b"a\r\n.\r\n");
    }

    #[test]
    fn replies_are_read_strictly() {
        assert_eq!(parse(b"250-SIZE 5\r\n"), Some((250, false, "SIZE 5".to_owned())));
        assert_eq!(parse(b"250 ok\r\n"), Some((250, true, "ok".to_owned())));
        assert_eq!(parse(b"354\n"), Some((354, true, String::new())));
        for line in ["", "25", "abc", "2500", "+50 x", "150 x", "650 x", "é50 x"] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }

    #[tokio::test]
    async fn what_has_no_end_is_given_up_and_what_comes_early_is_not_taken_for_later() {
        for endless in ["220-more\r\n".repeat(4000), "2".repeat(40_000), "220-a\r\n250 b\r\n".to_owned()] {
            let mut wire = Wire::new(Box::new(tokio::io::join(
                io::Cursor::new(endless.into_bytes()),
                tokio::io::sink(),
            )));
            assert_eq!(wire.reply().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let early = io::Cursor::new(b"220 go ahead\r\n250 injected\r\n");
        let mut wire = Wire::new(Box::new(tokio::io::join(early, tokio::io::sink())));
        assert_eq!(wire.reply().await.unwrap().code, 220);
        assert!(wire.into_stream().is_err());
    }
}
