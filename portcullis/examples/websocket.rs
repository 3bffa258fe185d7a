//! A WebSocket for logged-in users. The guard runs before the upgrade: a stranger gets 401 and no socket.
//!
//! Browsers open sockets to any site and send its cookies, and a script cannot set an `Authorization` header. So the
//! credential is the session cookie, and the guard also checks that the page is one of ours.
//! `cargo run -p portcullis --features ws --example websocket`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis aws-lc-rs axum base64 http tokio \
//!         --features portcullis/ws,axum/ws,tokio/macros,tokio/net,tokio/rt-multi-thread,tokio/sync

use std::{collections::HashSet, error::Error, sync::Arc};

use aws_lc_rs::rand::{SystemRandom, generate};
use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::{AppendHeaders, Html, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue};
use portcullis::{
    Answer, Api, Granted, Guard, Public, SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{CookieSettings, SameOrigin},
};
use tokio::sync::RwLock;

struct Site;
impl CookieSettings for Site {
    const NAME: &'static str = "__Host-session";
}

/// The visitors' session tokens. `cookie_session.rs` stores digests instead, and asks for a password.
#[derive(Clone, Default)]
struct Visitors(Arc<RwLock<HashSet<String>>>);

impl Verify for Visitors {
    type Credential = SessionCookie<Site>;
    type Principal = ();
    const SCHEME: &'static str = "visitor";

    async fn verify(&self, cookie: &SessionCookie<Site>) -> Result<Verdict<()>, VerifyFailed> {
        let known = self.0.read().await.contains(cookie.token());
        Ok(if known { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

const PAGE: &str =
    "<title>Echo</title><form id=f><input id=i placeholder='say something'></form><pre id=o></pre><script>
const say = text => o.textContent += text + '\\n'
fetch('/visit', { method: 'POST' }).then(() => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/echo')
    socket.onopen = () => say('open')
    socket.onmessage = message => say(message.data)
    socket.onclose = () => say('closed')
    f.onsubmit = event => { event.preventDefault(); socket.send(i.value); f.reset() }
})
</script>";

async fn show_page(_: Public) -> Html<&'static str> {
    Html(PAGE)
}

type NewVisitor = (AppendHeaders<[(HeaderName, HeaderValue); 1]>, &'static str);

async fn visit(
    _: Public,
    _: SameOrigin<Site>,
    State(visitors): State<Visitors>,
) -> Result<NewVisitor, Answer<503, &'static str>> {
    if visitors.0.read().await.len() >= 10_000 {
        return Err(Answer("too many visitors"));
    }
    let bytes = generate(&SystemRandom::new()).map_err(|_| Answer("no random bytes"))?;
    let token = BASE64_URL_SAFE_NO_PAD.encode::<[u8; 32]>(bytes.expose());
    let cookie = SessionCookie::<Site>::set(&token).map_err(|_| Answer("no cookie"))?;
    visitors.0.write().await.insert(token);
    Ok((AppendHeaders([cookie]), "welcome"))
}

/// A socket outlives the session that opened it. If it must close with the session, check the session periodically.
async fn open_echo(_: Guard<Visitors>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(1024).on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(text) = message
            && socket.send(Message::Text(text)).await.is_err()
        {
            return;
        }
    }
}

/// The whole application.
pub fn app() -> Result<axum::Router, Box<dyn Error>> {
    let api = Api::new("Echo", "1").get("/", show_page).post("/visit", visit).get("/echo", open_echo);
    let (router, document) = api.finish()?;
    Ok(router.merge(document.routes()).with_state(Visitors::default()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("Open http://localhost:{} and say something.", address.port());
    Ok(axum::serve(listener, app()?).await?)
}
