//! Client certificates: a server with TLS of its own, and clients with certificates of several authorities.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::map_request,
    serve::{IncomingStream, Listener},
};
use portcullis::{
    AccessTokens, Api, Either, Granted, Guard, Json, Maybe, Verdict, Verify, VerifyFailed,
    credential::{ClientCertificate, PeerCertificate},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};

use super::{INVALID, MISSING, document};
use crate::cases::issuer::{ed25519, verifier};

/// Knows the certificates of tills 0, 1 and so on.
#[derive(Clone)]
struct Tills(Arc<[CertificateDer<'static>]>);

impl Verify for Tills {
    type Credential = ClientCertificate;
    type Principal = usize;
    const SCHEME: &'static str = "till";

    async fn verify(&self, sent: &ClientCertificate) -> Result<Verdict<usize>, VerifyFailed> {
        let till = self.0.iter().position(|known| known.as_ref() == sent.der());
        Ok(till.map_or(Verdict::Refused, |till| Verdict::Accepted(till, Granted::none())))
    }
}

#[derive(Clone, axum::extract::FromRef)]
struct App {
    tills: Tills,
    tokens: AccessTokens,
}

async fn which(till: Guard<Tills>) -> Json<usize> {
    Json(till.into_principal())
}

async fn sell(till: Guard<Tills>) -> Json<usize> {
    Json(till.into_principal())
}

async fn known(till: Maybe<Tills>) -> Json<Option<usize>> {
    Json(till.principal().copied())
}

async fn both(_: (Guard<Tills>, Guard<AccessTokens>)) -> Json<&'static str> {
    Json("both")
}

async fn either(_: Guard<Either<Tills, AccessTokens>>) -> Json<&'static str> {
    Json("either")
}

fn api() -> Api<App> {
    let api = Api::new("Shop", "1").get("/till", which).post("/sales", sell);
    api.get("/known", known).get("/both", both).get("/either", either)
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Accepts connections with a certificate of the authority, or with none.
struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = self.tcp.accept().await.unwrap();
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

#[derive(Clone)]
struct Peer {
    certificate: Option<PeerCertificate>,
}

impl Connected<IncomingStream<'_, Tls>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Tls>) -> Self {
        let (_, connection) = stream.io().get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        Self { certificate: chain.first().map(|own| PeerCertificate::new(own.to_vec())) }
    }
}

async fn with_certificate(ConnectInfo(peer): ConnectInfo<Peer>, mut request: Request) -> Request {
    if let Some(certificate) = peer.certificate {
        request.extensions_mut().insert(certificate);
    }
    request
}

/// Serves the API. Clients trust the same authority.
async fn serve(authority: &Authority, tills: Vec<CertificateDer<'static>>) -> SocketAddr {
    let clients = WebPkiClientVerifier::builder_with_provider(authority.roots(), provider());
    let (certificate, key) = authority.sign("localhost");
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let router: Router =
        api().finish().unwrap().0.with_state(App { tills: Tills(tills.into()), tokens: verifier() });
    let service = router.layer(map_request(with_certificate)).into_make_service_with_connect_info::<Peer>();
    let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

struct Client<'a> {
    authority: &'a Authority,
    address: SocketAddr,
    pair: Option<&'a Pair>,
}

impl Client<'_> {
    /// The status, the challenge and the body; or why there is no response.
    async fn ask(&self, request: &str, headers: &[(&str, &str)]) -> io::Result<(u16, String, String)> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots());
        let config = match self.pair {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                config.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
        };
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let request = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
        );
        tls.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        tls.read_to_string(&mut response).await?;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let challenge = head.lines().find_map(|line| line.strip_prefix("www-authenticate: "));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, challenge.unwrap_or_default().to_owned(), body.to_owned()))
    }
}

fn ok(body: &str) -> (u16, String, String) {
    (200, String::new(), body.to_owned())
}

fn refused(status: u16, challenge: &str, detail: &str) -> (u16, String, String) {
    (status, challenge.to_owned(), json!({ "detail": detail }).to_string())
}

#[tokio::test]
async fn t09_a_certificate_is_the_credential_of_its_connection() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (first, second, unknown) =
        (authority.sign("till-0"), authority.sign("till-1"), authority.sign("till-2"));
    let address = serve(&authority, vec![first.0.clone(), second.0.clone()]).await;
    let client = |pair| Client { authority: &authority, address, pair };

    assert_eq!(client(Some(&first)).ask("GET /till", &[]).await.unwrap(), ok("0"));
    assert_eq!(client(Some(&second)).ask("POST /sales", &[]).await.unwrap(), ok("1"));
    let rejected = client(Some(&unknown)).ask("GET /till", &[]).await.unwrap();
    assert_eq!(rejected, refused(401, "Certificate", INVALID));
    assert_eq!(client(None).ask("GET /till", &[]).await.unwrap(), refused(401, "Certificate", MISSING));
    assert_eq!(client(None).ask("GET /known", &[]).await.unwrap(), ok("null"));
    assert_eq!(client(Some(&first)).ask("GET /known", &[]).await.unwrap(), ok("0"));
    assert_eq!(client(Some(&unknown)).ask("GET /known", &[]).await.unwrap().0, 401);

    // A name in a certificate proves nothing where another authority signed it.
    let forged = other.sign("till-0");
    client(Some(&forged)).ask("GET /till", &[]).await.unwrap_err();
    for header in ["x-client-cert", "x-forwarded-client-cert", "client-cert", "ssl-client-cert"] {
        let status = client(None).ask("GET /till", &[(header, "till-0")]).await.unwrap().0;
        assert_eq!(status, 401, "{header}");
    }
}

#[tokio::test]
async fn t09_a_certificate_goes_with_a_token_and_not_in_place_of_one() {
    let authority = Authority::new();
    let till = authority.sign("till-0");
    let address = serve(&authority, vec![till.0.clone()]).await;
    let client = |pair| Client { authority: &authority, address, pair };
    let bearer = format!("Bearer {}", ed25519().good());
    let token = [("authorization", bearer.as_str())];

    assert_eq!(client(Some(&till)).ask("GET /both", &token).await.unwrap(), ok("\"both\""));
    assert_eq!(client(Some(&till)).ask("GET /both", &[]).await.unwrap(), refused(401, "Bearer", MISSING));
    assert_eq!(client(None).ask("GET /both", &token).await.unwrap(), refused(401, "Certificate", MISSING));
    assert_eq!(client(Some(&till)).ask("GET /either", &[]).await.unwrap(), ok("\"either\""));
    assert_eq!(client(None).ask("GET /either", &token).await.unwrap(), ok("\"either\""));
    assert_eq!(client(Some(&till)).ask("GET /either", &token).await.unwrap().0, 400, "one or the other");
}

/// A browser shows its certificate to whichever page asks.
#[tokio::test]
async fn c02_another_sites_page_cannot_use_the_certificate() {
    let authority = Authority::new();
    let till = authority.sign("till-0");
    let address = serve(&authority, vec![till.0.clone()]).await;
    let client = Client { authority: &authority, address, pair: Some(&till) };
    let status = async |headers: &[(&str, &str)]| client.ask("POST /sales", headers).await.unwrap().0;

    for site in ["cross-site", "same-site"] {
        assert_eq!(status(&[("sec-fetch-site", site)]).await, 403, "{site}");
    }
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        assert_eq!(status(&[("origin", origin)]).await, 403, "{origin}");
    }
    assert_eq!(status(&[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(status(&[("origin", "https://localhost")]).await, 200);
    assert_eq!(status(&[]).await, 200, "a program");
    let read = client.ask("GET /till", &[("sec-fetch-site", "cross-site")]).await.unwrap();
    assert_eq!(read.0, 200, "the other page cannot read it");
}

#[test]
fn the_document_says_mutual_tls() {
    let document = document(api());
    assert_eq!(document["components"]["securitySchemes"]["till"], json!({ "type": "mutualTLS" }));
    let security = |path: &str| document["paths"][path]["get"]["security"].clone();
    assert_eq!(security("/till"), json!([{ "till": [] }]));
    assert_eq!(security("/both"), json!([{ "till": [], "access_token": [] }]));
    assert_eq!(security("/either"), json!([{ "till": [] }, { "access_token": [] }]));
    assert!(document["paths"]["/sales"]["post"]["responses"]["403"].is_object());
}

/// The attack has no connections, and says so.
#[cfg(feature = "testing")]
#[tokio::test]
async fn an_attack_says_that_it_shows_no_certificate() {
    let (router, document) = Api::new("Shop", "1").get("/till", which).finish().unwrap();
    let router = router.with_state(Tills(Arc::new([])));
    let attack = || portcullis::testing::Attack::on(router.clone(), document.value());
    let sentence = "`till`: a certificate, which these requests do not have";
    assert_eq!(attack().run().await.unwrap().not_tried(), [sentence]);
    attack().not_trying([sentence]).assert().await;
}
