use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Gives these responses in turn, whatever is asked; the last one repeats.
fn answering(answers: &[&[&str]], port: u16) -> (Resolve, Arc<AtomicUsize>) {
    let answers: Vec<Vec<SocketAddr>> = answers
        .iter()
        .map(|answer| answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect())
        .collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolve: Resolve = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let answer = answers[turn.min(answers.len() - 1)].clone();
        Box::pin(async move { io::Result::Ok(answer) })
    });
    (resolve, asked)
}

/// A listener that counts connections and sends `answer` on each, whatever is asked.
async fn listener(answer: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(speak(stream, answer));
        }
    });
    (port, connections)
}

async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await;
    if read.is_ok_and(|length| length > 0) {
        let _ = stream.write_all(answer).await;
        // Stays open: a response ends by its length, or when the other side loses patience.
        let _ = stream.read(&mut request).await;
    }
}

async fn post(outgoing: &Outgoing, url: &str, reach: Reach) -> Result<StatusCode, String> {
    let target = Target::parse(url, reach).map_err(str::to_owned)?;
    let request = Request::post("/").body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    outgoing.send(&target, request).await.map_err(|error| error.to_string())
}

const GOOD: &[&str] = &[
    "https://shop.example/hooks",
    "https://shop.example:8443/hooks?key=1",
    "HTTPS://SHOP.example",
    "https://1.1.1.1/",
    "https://[2606:4700::1111]/",
    "https://bücher.example/",
];
/// Allows this computer and private networks, as a setting does.
const HOME: &[&str] = &[
    "http://localhost:3000/",
    "http://127.0.0.1/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://[fd00::1]/",
    "https://１２７.0.0.1/",
];
const NEVER: &[&str] = &[
    "",
    "shop.example",
    "/hooks",
    "//shop.example/",
    "https://",
    "https:///",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "ftp://shop.example/",
    "unix:/run/x.sock",
    "data:text/plain,x",
    "https://ana@shop.example/",
    "https://ana:secret@shop.example/",
    "https://127.0.0.1@shop.example/",
    "https://shop.example/#part",
    "https://a b/",
    "http://1.1.1.1/",
    "https://0.0.0.0/",
    "https://0/",
    "https://169.254.169.254/latest/meta-data",
    "https://[fe80::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
];

#[test]
fn g09_what_a_url_must_not_be() {
    for text in GOOD {
        Target::parse(text, Reach::Public).unwrap_or_else(|why| panic!("{text} {why}"));
    }
    for text in HOME {
        assert!(Target::parse(text, Reach::Public).is_err(), "{text}");
        Target::parse(text, Reach::Private).unwrap_or_else(|why| panic!("{text} {why}"));
    }
    for text in NEVER {
        for reach in [Reach::Public, Reach::Private] {
            assert!(Target::parse(text, reach).is_err(), "{text} {reach:?}");
        }
    }
    let of_length = |length| format!("{:x<length$}", "https://shop.example/");
    Target::parse(&of_length(URL_LENGTH), Reach::Public).unwrap();
    Target::parse(&of_length(URL_LENGTH + 1), Reach::Public).unwrap_err();
}

#[tokio::test]
async fn g09_a_name_is_judged_by_the_address_that_is_connected_to() {
    let (port, connections) = listener(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("https://shop.example:{port}/");
    for private in
        ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "fe80::1"]
    {
        let (resolve, asked) = answering(&[&[private]], port);
        let outgoing = Outgoing::with(Reach::Public, resolve, Vec::new());
        let refused = post(&outgoing, &url, Reach::Public).await.unwrap_err();
        assert!(refused.contains("the target leads to"), "{private}: {refused}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "one look-up, and what it said is what counts");
    }
    // The system's own lookup resolves this name to this computer.
    let outgoing = Outgoing::new(Reach::Public);
    let refused = post(&outgoing, &format!("https://localhost:{port}/"), Reach::Public).await.unwrap_err();
    assert!(refused.contains("webhook_private_targets"), "{refused}");
    assert_eq!(connections.load(Ordering::SeqCst), 0, "nobody was connected to");
}

#[tokio::test]
async fn g09_a_name_that_changes_its_address_leads_nowhere() {
    let (port, connections) = listener(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    // First a public address, of a network that is not assigned to anyone; then this computer.
    let (resolve, asked) = answering(&[&["2000::1"], &["127.0.0.1"]], port);
    let outgoing = Outgoing::with(Reach::Public, resolve, Vec::new());
    let target = Target::parse(&format!("https://shop.example:{port}/"), Reach::Public).unwrap();
    let once = || Request::post("/").body(Full::new(Bytes::new())).unwrap();
    let first = tokio::time::timeout(Duration::from_millis(200), outgoing.send(&target, once())).await;
    assert!(first.map_or(true, |answer| answer.is_err()), "nobody has that address");
    let second = outgoing.send(&target, once()).await.unwrap_err().to_string();
    assert!(second.contains("private network"), "{second}");
    assert_eq!((asked.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (2, 0));

    // One forbidden address beside an allowed one is skipped; the allowed one is used.
    let (resolve, _) = answering(&[&["169.254.169.254", "127.0.0.1"]], port);
    let outgoing = Outgoing::with(Reach::Private, resolve, Vec::new());
    let url = format!("http://shop.example:{port}/");
    assert_eq!(post(&outgoing, &url, Reach::Private).await, Ok(StatusCode::NO_CONTENT));
}

#[tokio::test]
async fn g09_redirects_are_not_followed_and_answers_are_bounded() {
    let outgoing = Outgoing::new(Reach::Private);
    let (inner, reached) = listener(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let location: &'static [u8] = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{inner}/\r\ncontent-length: 0\r\n\r\n"
    )
    .leak()
    .as_bytes();
    let (port, _) = listener(location).await;
    let status = post(&outgoing, &format!("http://127.0.0.1:{port}/"), Reach::Private).await;
    assert_eq!((status, reached.load(Ordering::SeqCst)), (Ok(StatusCode::TEMPORARY_REDIRECT), 0));

    // More than is read: the connection is dropped immediately, though more is announced.
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n".to_vec();
    endless.resize(endless.len() + 2 * ANSWER, b'x');
    let (port, _) = listener(endless.leak()).await;
    let began = Instant::now();
    let status = post(&outgoing, &format!("http://127.0.0.1:{port}/"), Reach::Private).await;
    assert_eq!(status, Ok(StatusCode::OK));
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());

    let mut header = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    header.resize(header.len() + 2 * ANSWER, b'x');
    let (port, _) = listener(header.leak()).await;
    post(&outgoing, &format!("http://127.0.0.1:{port}/"), Reach::Private).await.unwrap_err();
}

#[tokio::test]
async fn g09_tls_is_checked() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(speak(stream, b"HTTP/1.1 204 No Content\r\n\r\n"));
            }
        }
    });
    let url = |host: &str| format!("https://{host}:{port}/hooks");
    let outgoing = |authorities| {
        let (resolve, _) = answering(&[&["127.0.0.1"]], port);
        Outgoing::with(Reach::Private, resolve, authorities)
    };
    let trusting = outgoing(vec![cert.der().clone()]);
    let answer = post(&trusting, &url("shop.example"), Reach::Private).await;
    assert_eq!(answer, Ok(StatusCode::NO_CONTENT));
    let other_name = post(&trusting, &url("other.example"), Reach::Private).await.unwrap_err();
    assert!(other_name.contains("certificate"), "{other_name}");
    let unknown = post(&outgoing(Vec::new()), &url("shop.example"), Reach::Private).await.unwrap_err();
    assert!(unknown.contains("certificate"), "{unknown}");
}
