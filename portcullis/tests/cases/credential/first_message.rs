//! A WebSocket whose first message is the token.

use axum::{
    Router,
    extract::ws::{Message, WebSocketUpgrade},
    response::Response,
};
use portcullis::{AccessTokens, Api, Scope, guard::FirstMessage};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::cases::issuer::{ed25519, verifier};

struct ProfileRead;
impl Scope for ProfileRead {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Read";
}

struct Nobodys;
impl Scope for Nobodys {
    const NAME: &'static str = "nobody:has";
    const DESCRIPTION: &'static str = "Nothing";
}

async fn chat<S: portcullis::guard::Scopes>(
    first: FirstMessage<AccessTokens, S>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(10_000).on_upgrade(async move |mut socket| {
        let Some(guard) = first.receive(&mut socket).await else { return };
        let hello = format!("hello {}", guard.principal().subject());
        socket.send(Message::text(hello)).await.unwrap();
    })
}

fn api() -> Api<AccessTokens> {
    use portcullis::api::get;

    Api::new("Chat", "1")
        .route(get("/chat", chat::<ProfileRead>).operation_id("chat"))
        .route(get("/nobody", chat::<Nobodys>).operation_id("nobody"))
}

/// A client's frame, masked with zeros (RFC 6455 §5.2).
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![0x80 | opcode];
    if length < 126 {
        frame.push(0x80 | u8::try_from(length).unwrap());
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(length.to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The server's response to these frames: opcode and payload of its first frame.
async fn say(app: &Router, path: &str, frames: &[Vec<u8>]) -> (u8, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(axum::serve(listener, app.clone()).into_future());
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    for frame in frames {
        stream.write_all(frame).await.unwrap();
    }
    loop {
        let opcode = stream.read_u8().await.unwrap() & 0x0f;
        let length = stream.read_u8().await.unwrap();
        let mut payload = vec![0; length.into()];
        stream.read_exact(&mut payload).await.unwrap();
        // Pongs to our pings.
        if opcode != 0xa {
            return (opcode, payload);
        }
    }
}

/// 1008 and a sentence (RFC 6455 §7.4.1).
fn closed(why: &str) -> (u8, Vec<u8>) {
    (8, [&1008_u16.to_be_bytes(), why.as_bytes()].concat())
}

#[tokio::test]
async fn the_first_message_is_the_token_or_the_socket_closes() {
    let app = api().finish().unwrap().0.with_state(verifier());
    let token = ed25519().good();
    assert_eq!(say(&app, "/chat", &[frame(1, token.as_bytes())]).await, (1, b"hello ana".to_vec()));
    let after_a_ping = [frame(9, b"x"), frame(1, token.as_bytes())];
    assert_eq!(say(&app, "/chat", &after_a_ping).await, (1, b"hello ana".to_vec()));
    for bad in ["junk", "", &format!("Bearer {token}")] {
        assert_eq!(
            say(&app, "/chat", &[frame(1, bad.as_bytes())]).await,
            closed("Could not validate credentials")
        );
    }
    let second = [frame(1, b"junk"), frame(1, token.as_bytes())];
    assert_eq!(say(&app, "/chat", &second).await, closed("Could not validate credentials"), "one try");
    assert_eq!(say(&app, "/chat", &[frame(2, token.as_bytes())]).await, closed("Not authenticated"), "bytes");
    assert_eq!(say(&app, "/nobody", &[frame(1, token.as_bytes())]).await, closed("Not enough permissions"));
}

#[test]
fn the_document_says_what_the_first_message_is() {
    let (_, document) = api().finish().unwrap();
    let operation = &document.value()["paths"]["/chat"]["get"];
    assert_eq!(operation["security"], json!([]), "the route itself is open");
    assert_eq!(operation["x-portcullis-first-message"], json!([{ "access_token": ["read"] }]));
    assert!(document.value()["components"]["securitySchemes"]["access_token"].is_object());
}
