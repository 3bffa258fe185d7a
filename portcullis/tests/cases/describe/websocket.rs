//! A guard on a WebSocket: an unauthorized caller is rejected before the upgrade.

use axum::{
    Router,
    extract::ws::{Message, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
};
use portcullis::{
    AccessTokens, Guard,
    api::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::cases::issuer::{ed25519, verifier};

async fn listen(guard: Guard<AccessTokens>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let hello = Message::text(guard.principal().subject().to_owned());
        socket.send(hello).await.unwrap();
    })
}

/// What the server sends after a handshake with these header lines (RFC 6455 §4.1), until it closes.
async fn handshake(router: &Router, headers: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, router.clone()).into_future());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /live HTTP/1.1\r\nHost: shop.example\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    server.abort();
    answer
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_stranger_is_refused_before_the_upgrade() {
    let (router, document) = Api::<AccessTokens>::new("", "").get("/live", listen).finish().unwrap();
    let router = router.with_state(verifier());
    let entry = entry(document.value());
    let responses: Vec<_> = entry["responses"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(responses, ["101", "400", "401", "426", "503", "default"]);
    assert_eq!(entry["security"].as_array().unwrap().len(), 1);

    let good = format!("{UPGRADE}Authorization: Bearer {}\r\n", ed25519().good());
    let opened = handshake(&router, &good).await;
    assert!(opened.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&opened));
    // The response to the key of RFC 6455 §1.3, as given there.
    let text = String::from_utf8_lossy(&opened);
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    // A text frame, whole and unmasked (§5.2), with the principal.
    assert!(opened.windows(2).any(|bytes| bytes[0] == 0x81 && usize::from(bytes[1]) < 126), "{text}");

    let closing = format!("{UPGRADE}Connection: close\r\n");
    for (about, credential) in [("none", ""), ("junk", "Authorization: Bearer junk\r\n")] {
        let refused = handshake(&router, &format!("{closing}{credential}")).await;
        let text = String::from_utf8_lossy(&refused);
        assert!(
            text.starts_with("HTTP/1.1 401 ") && text.contains("www-authenticate: Bearer"),
            "{about}: {text}"
        );
        assert!(!text.contains("101"), "{about}: {text}");
    }

    let plain = format!("Connection: close\r\nAuthorization: Bearer {}\r\n", ed25519().good());
    let refused = handshake(&router, &plain).await;
    assert!(refused.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&refused));
}

#[test]
fn a_websocket_that_is_no_get_is_refused_when_the_router_is_built() {
    let refused =
        Api::<AccessTokens>::new("", "").route(post("/live", listen)).finish().unwrap_err().to_string();
    assert!(refused.contains("/live: a WebSocket is opened by GET"), "{refused}");
    assert!(Api::<AccessTokens>::new("", "").route(get("/live", listen)).finish().is_ok());
}

#[tokio::test]
async fn a_route_may_be_a_websocket_or_something_else() {
    async fn live(_: Public, upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
        match upgrade {
            Ok(upgrade) => upgrade.on_upgrade(async |_| ()),
            Err(_) => Response::new(Body::from("no socket")),
        }
    }
    agrees("plain", get("/live", live), request("GET", "/live", "", ""), 200).await;
    let (router, _) = Api::<()>::new("", "").get("/live", live).finish().unwrap();
    let opened = handshake(&router.with_state(()), UPGRADE).await;
    assert!(opened.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&opened));
}
