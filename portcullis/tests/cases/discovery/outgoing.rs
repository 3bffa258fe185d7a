//! Where a request may go, and how it is protected on the way.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::{super::issuer::ed25519, *};

/// Why keys cannot be fetched from `url`.
async fn refusal(url: &str, outgoing: Outgoing) -> String {
    let builder = AccessTokens::discover("https://accounts.example").audience(AUDIENCE);
    let built = builder.keys_at(url).outgoing(outgoing).build().await;
    built.expect_err(url).to_string()
}

#[tokio::test]
async fn g09_nothing_but_https_or_this_machine_is_asked() {
    let server = issuer(&[ed25519()], None).await;
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    let urls = [
        format!("http://0x7f.1:{port}{KEYS}"),
        format!("http://2130706433:{port}{KEYS}"),
        format!("http://[::ffff:127.0.0.1]:{port}{KEYS}"),
        format!("http://accounts.example:{port}{KEYS}"),
        format!("http://localhost@accounts.example:{port}{KEYS}"),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
    ];
    for url in urls {
        refusal(&url, Outgoing::default()).await;
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn g09_public_addresses_only_means_the_address_that_is_connected_to() {
    let server = issuer(&[ed25519()], None).await;
    let port = server.url().rsplit_once(':').unwrap().1.to_owned();
    let in_numbers = [
        "http://127.0.0.1",
        "https://127.0.0.1",
        "http://[::1]",
        "https://169.254.169.254",
        "https://10.1.2.3",
        "https://[::ffff:127.0.0.1]",
        "https://[fd00:ec2::254]",
    ];
    for host in in_numbers {
        let why = refusal(&format!("{host}:{port}{KEYS}"), Outgoing::default().public_addresses_only()).await;
        assert!(why.contains("is no public address"), "{host}: {why}");
    }
    // In the URL this is a name; only the resolver knows its address.
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://localhost:{port}{KEYS}");
        let why = refusal(&url, Outgoing::default().public_addresses_only()).await;
        assert!(why.contains("the target is no public address"), "{url}: {why}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn g09_metadata_do_not_lead_to_what_must_not_be_asked() {
    let server = issuer(&[ed25519()], None).await;
    for jwks_uri in
        ["http://169.254.169.254/latest", "http://accounts.example/keys", "file:///etc/passwd", "/keys"]
    {
        let metadata = json!({ "issuer": server.url(), "jwks_uri": jwks_uri });
        server.reply(OAUTH, Reply::json(&metadata));
        server.reply(OPENID, Reply::json(&metadata));
        let why = builder(&server, &Clock::new()).build().await.unwrap_err().to_string();
        assert!(why.contains("`jwks_uri`: "), "{jwks_uri}: {why}");
    }
}

/// A server with a certificate for `host` by its own authority, and that authority's certificate. It responds to
/// everything with a body that is built once its address is known.
async fn tls_server(host: &str, body: impl FnOnce(&str) -> String) -> (String, String) {
    bring_tls();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority).unwrap();

    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.der().clone()], private);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{host}:{}", listener.local_addr().unwrap().port());
    let body = body(&url);
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let mut request = vec![0; 4096];
            let _ = tls.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = tls.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = tls.shutdown().await;
        }
    });
    (url, authority.pem())
}

#[tokio::test]
async fn a_certificate_must_be_by_an_authority_that_is_trusted() {
    let (url, authority) = tls_server("localhost", |_| jwks([ed25519()])).await;
    let why = refusal(&url, Outgoing::default()).await;
    assert!(why.contains("UnknownIssuer"), "{why}");

    let trusting = Outgoing::default().trust(authority.as_bytes()).unwrap();
    let builder =
        || AccessTokens::discover("https://accounts.example").audience(AUDIENCE).outgoing(trusting.clone());
    builder().keys_at(&url).build().await.unwrap();
    // The certificate is for the name, not for the address.
    let other = url.replace("localhost", "127.0.0.1");
    let why = builder().keys_at(&other).build().await.unwrap_err().to_string();
    assert!(why.contains("not valid for name"), "{why}");

    for not_pem in ["", "junk", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(Outgoing::default().trust(not_pem.as_bytes()).is_err(), "{not_pem:?}");
    }
}

/// The application chose the issuer by an address that leads to this machine but is not written as one that does.
#[tokio::test]
async fn j02_an_issuer_elsewhere_does_not_lead_to_this_machine_by_any_spelling() {
    let listener = TcpListener::bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in
        ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "127.0.0.1", "[::1]", "localhost"]
    {
        let (url, authority) = tls_server("0.0.0.0", |url| {
            json!({ "issuer": url, "jwks_uri": format!("https://{host}:{port}/keys") }).to_string()
        })
        .await;
        let outgoing =
            Outgoing::default().trust(authority.as_bytes()).unwrap().timeout(Duration::from_secs(2));
        let built = AccessTokens::discover(&url).audience(AUDIENCE).outgoing(outgoing).build().await;
        let why = built.expect_err(host).to_string();
        assert!(why.contains("is on this machine, and the issuer is elsewhere"), "{host}: {why}");
    }
    let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "nobody came");
}

/// Responds to one request with this many informational responses, then the keys. Returns its address and, when it is
/// done, how many of them could be sent.
async fn informing(count: usize) -> (String, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let sending = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        assert!(tcp.read(&mut [0; 4096]).await.unwrap() > 0);
        for sent in 0..count {
            if tcp.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").await.is_err() {
                return sent;
            }
        }
        let body = jwks([ed25519()]);
        let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
        let _ = tcp.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").as_bytes()).await;
        count
    });
    (url, sending)
}

#[tokio::test]
async fn j04_informational_answers_are_counted_and_the_connection_dropped() {
    bring_tls();
    let built = async |url: &str| {
        AccessTokens::discover("https://accounts.example").audience(AUDIENCE).keys_at(url).build().await
    };
    let (url, sending) = informing(7).await;
    built(&url).await.unwrap();
    assert_eq!(sending.await.unwrap(), 7);

    let (url, sending) = informing(usize::MAX).await;
    let why = built(&url).await.unwrap_err().to_string();
    assert!(why.contains("8 informational responses"), "{why}");
    // Only what the kernel and the client's buffer took: the connection is gone.
    let sent = tokio::time::timeout(Duration::from_secs(10), sending).await.unwrap().unwrap();
    assert!(sent < 1_000_000, "{sent}");
}
