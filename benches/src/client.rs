//! A minimal HTTP/1.1 client: prepared requests over one keep-alive connection. It must be cheap, because it shares the
//! cores with the server that it measures.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Failure;

/// Longer than any response here.
const LONGEST: usize = 64 * 1024;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads the response. Returns the body if the status is the expected one.
    pub(crate) async fn exchange(&mut self, request: &[u8], status: u16) -> Result<&[u8], Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(head) = head_length(&self.buffer) {
                break (head, content_length(self.buffer.get(..head).unwrap_or_default()));
            }
        };
        let length = length.filter(|length| *length <= LONGEST).ok_or("the answer has no Content-Length")?;
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection within an answer".into());
            }
        }
        let body = self.buffer.get(head..).unwrap_or_default();
        if self.buffer.get(9..12) == Some(status.to_string().as_bytes()) {
            Ok(body)
        } else {
            Err(format!("not {status}: {}", String::from_utf8_lossy(&self.buffer)).into())
        }
    }

    /// The same for a JSON response.
    pub(crate) async fn json(&mut self, request: &[u8], status: u16) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(self.exchange(request, status).await?)?)
    }
}

/// A request without a body.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

/// A request with a body.
pub(crate) fn post(path: &str, content_type: &str, body: &str) -> Vec<u8> {
    post_with(path, content_type, body, "")
}

/// The same with further lines of its head.
pub(crate) fn post_with(path: &str, content_type: &str, body: &str, lines: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// hyper writes header names in lower case.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(b"content-length: "))?;
    std::str::from_utf8(value).ok()?.trim_end().parse().ok()
}
