use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

#[path = "../../../examples/websocket.rs"]
mod example;

/// The status line of the response to a handshake (RFC 6455 §4.1), and the connection.
async fn handshake(app: &Router, headers: &str) -> (String, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(axum::serve(listener, app.clone()).into_future());
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: localhost:3000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap().lines().next().unwrap().to_owned(), stream)
}

#[tokio::test]
async fn a_socket_opens_for_our_own_page_alone() {
    let app = example::app().unwrap();
    get(&app, "/").await.assert(200);
    ask(&app, "POST", "/visit", &[("sec-fetch-site", "cross-site")], "").await.assert(403);
    let visit = ask(&app, "POST", "/visit", &[("sec-fetch-site", "same-origin")], "").await.assert(200);
    let cookie = format!("Cookie: {}\r\n", visit.header("set-cookie").split_once(';').unwrap().0);

    let stranger = handshake(&app, "Sec-Fetch-Site: same-origin\r\n").await.0;
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
    for other in
        ["Sec-Fetch-Site: cross-site", "Origin: http://localhost:4000", "Origin: http://evil.example"]
    {
        let hijack = handshake(&app, &format!("{cookie}{other}\r\n")).await.0;
        assert!(hijack.starts_with("HTTP/1.1 403 "), "{other}: {hijack}");
    }
    // What Chromium sends: no `Sec-Fetch-Site`.
    let (opened, mut stream) = handshake(&app, &format!("{cookie}Origin: http://localhost:3000\r\n")).await;
    assert!(opened.starts_with("HTTP/1.1 101 "), "{opened}");
    // A client's text frame, masked with zeros (RFC 6455 §5.2), and the same without a mask.
    stream.write_all(b"\x81\x85\0\0\0\0hello").await.unwrap();
    let mut echo = [0; 7];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"\x81\x05hello");
}
