//! An identity provider on this computer that behaves as a test tells it: OpenID Connect, and the APIs of GitHub,
//! Facebook and Discord. The tests inside the crate include this file too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use url::Url;

pub const CLIENT_ID: &str = "portcullis-client";
pub const CLIENT_SECRET: &str = "correct-horse-battery-staple";

/// An upstream. It stops with its runtime.
#[derive(Clone)]
pub struct Upstream {
    /// Its URL, which is its issuer.
    pub url: String,
    told: Arc<Mutex<Told>>,
}

/// Its behaviour.
pub struct Told {
    /// Changes to the ID token's claims: set, or removed if null.
    pub claims: Map<String, Value>,
    /// Changes to the ID token's header, likewise.
    pub header: Map<String, Value>,
    pub sign: Sign,
    /// Changes to the metadata, likewise.
    pub metadata: Map<String, Value>,
    /// The keys that it publishes.
    pub keys: Vec<Value>,
    /// Changes to the response of the token endpoint, likewise.
    pub tokens: Map<String, Value>,
    /// Paths with a fixed response.
    pub answers: HashMap<String, Canned>,
    /// Its clock, in seconds since 1970.
    pub now: i64,
    codes: HashMap<String, Asked>,
    /// Each request: method, path, query, headers, body.
    pub got: Vec<Got>,
    key: Arc<Keys>,
}

/// How the ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Rs256,
    Es256,
    EdDsa,
    /// Without a signature, with `alg` set to `none`.
    Nothing,
    /// HMAC with the client secret as its key.
    Hs256,
    /// With an unpublished key under the name of a published one.
    Strange,
}

#[derive(Debug, Clone)]
pub struct Got {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub form: HashMap<String, String>,
}

/// The authorization request that belongs to a code.
#[derive(Clone)]
struct Asked {
    nonce: Option<String>,
    challenge: String,
    redirect_uri: String,
    max_age: bool,
}

#[derive(Debug, Clone)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub silence: Duration,
}

impl Canned {
    pub fn json(value: &Value) -> Self {
        Self::new(200, "application/json", value.to_string())
    }

    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status, headers, body: body.into(), silence: Duration::ZERO }
    }
}

struct Keys {
    rsa: RsaKeyPair,
    strange: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Keys {
    fn new() -> Self {
        let rsa = || RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            rsa: rsa(),
            strange: rsa(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref()).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Value {
        let key = key.public_key();
        let n = base64url(key.modulus().big_endian_without_leading_zero());
        let e = base64url(key.exponent().big_endian_without_leading_zero());
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e })
    }

    fn published(&self) -> Vec<Value> {
        let point = self.ec.public_key().as_ref();
        vec![
            Self::rsa_jwk(&self.rsa, "rsa"),
            json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "ec",
                    "x": base64url(&point[1..33]), "y": base64url(&point[33..]) }),
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "ed",
                    "x": base64url(self.ed.public_key()) }),
        ]
    }
}

impl Upstream {
    /// Starts at `now`, in seconds since 1970.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(Keys::new());
        let told = Told {
            claims: Map::new(),
            header: Map::new(),
            sign: Sign::Rs256,
            metadata: Map::new(),
            keys: key.published(),
            tokens: Map::new(),
            answers: HashMap::new(),
            now,
            codes: HashMap::new(),
            got: Vec::new(),
            key,
        };
        let upstream = Self { url, told: Arc::new(Mutex::new(told)) };
        let router: Router = Router::new().fallback(answer).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        upstream
    }

    /// Changes its behaviour.
    pub fn tell(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// Sets a claim of the ID token; null removes it.
    pub fn claim(&self, name: &str, value: impl Into<Value>) {
        self.tell().claims.insert(name.to_owned(), value.into());
    }

    pub fn answers(&self, path: &str, canned: Canned) {
        self.tell().answers.insert(path.to_owned(), canned);
    }

    /// Replaces the published keys by another key.
    pub fn rotate_keys(&self) {
        let mut told = self.tell();
        told.key = Arc::new(Keys::new());
        told.keys = vec![Keys::rsa_jwk(&told.key.rsa, "next")];
        told.header.insert("kid".to_owned(), "next".into());
    }

    /// Acts as the browser of a person who is sent to `url` and agrees. Returns the redirect back.
    pub fn agree(&self, url: &str) -> HashMap<String, String> {
        let url = Url::parse(url).unwrap();
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["code_challenge_method"], "S256");
        let code = format!("code-{}", self.tell().codes.len());
        let asked_for = Asked {
            nonce: asked.get("nonce").cloned(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            max_age: asked.contains_key("max_age"),
        };
        self.tell().codes.insert(code.clone(), asked_for);
        HashMap::from([("code".to_owned(), code), ("state".to_owned(), asked["state"].clone())])
    }

    /// The requests to a path.
    pub fn got(&self, path: &str) -> Vec<Got> {
        self.tell().got.iter().filter(|got| got.path == path).cloned().collect()
    }
}

async fn answer(
    State(upstream): State<Upstream>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path().to_owned();
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    let query = uri.query().unwrap_or_default().to_owned();
    let got = Got { method, path: path.clone(), query, headers, form };
    upstream.tell().got.push(got.clone());
    let canned = upstream.tell().answers.get(&path).cloned();
    let canned = match canned {
        Some(canned) => canned,
        None if path.ends_with("/.well-known/openid-configuration") => Canned::json(&upstream.metadata()),
        None if path == "/keys" => Canned::json(&json!({ "keys": upstream.tell().keys })),
        None if path.ends_with("/token") || path.ends_with("/access_token") => upstream.exchange(&got),
        None => Canned::new(404, "text/plain", "not here"),
    };
    tokio::time::sleep(canned.silence).await;
    let mut response = Response::builder().status(canned.status);
    for (name, value) in &canned.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(canned.body)).unwrap()
}

/// Sets members, and removes those that are null.
fn edit(mut value: Map<String, Value>, edits: &Map<String, Value>) -> Map<String, Value> {
    for (name, edit) in edits {
        match edit {
            Value::Null => drop(value.remove(name)),
            edit => drop(value.insert(name.clone(), edit.clone())),
        }
    }
    value
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(value) = value else { panic!("{value} is no object") };
    value
}

impl Upstream {
    fn metadata(&self) -> Value {
        let url = &self.url;
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        });
        edit(object(metadata), &self.tell().metadata).into()
    }

    /// As strict as a good provider.
    fn exchange(&self, got: &Got) -> Canned {
        let error = |error: &str| Canned::new(400, "application/json", json!({ "error": error }).to_string());
        let form = &got.form;
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
        let is_basic = got.headers.get("authorization").is_some_and(|value| value == basic.as_str());
        let is_post = form.get("client_id").is_some_and(|id| id == CLIENT_ID)
            && form
                .get("client_secret")
                .is_some_and(|secret| secret == CLIENT_SECRET || secret.matches('.').count() == 2);
        if got.method != Method::POST || is_basic == is_post {
            return error("invalid_client");
        }
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let Some(asked) = self.tell().codes.remove(field("code")) else { return error("invalid_grant") };
        let challenge = base64url(digest(&SHA256, field("code_verifier").as_bytes()));
        if asked.challenge != challenge
            || asked.redirect_uri != field("redirect_uri")
            || field("grant_type") != "authorization_code"
        {
            return error("invalid_grant");
        }
        let id_token = self.id_token(&asked);
        let told = self.tell();
        let tokens =
            json!({ "access_token": "opaque-access-token", "token_type": "Bearer", "id_token": id_token });
        Canned::json(&edit(object(tokens), &told.tokens).into())
    }

    fn id_token(&self, asked: &Asked) -> String {
        let told = self.tell();
        let (alg, kid) = match told.sign {
            Sign::Rs256 | Sign::Strange => ("RS256", Some("rsa")),
            Sign::Es256 => ("ES256", Some("ec")),
            Sign::EdDsa => ("EdDSA", Some("ed")),
            Sign::Nothing => ("none", None),
            Sign::Hs256 => ("HS256", None),
        };
        let mut header = object(json!({ "alg": alg, "typ": "JWT" }));
        if let Some(kid) = kid {
            header.insert("kid".to_owned(), kid.into());
        }
        let mut claims = object(json!({
            "iss": self.url, "sub": "248289761001", "aud": CLIENT_ID, "iat": told.now, "exp": told.now + 300,
            "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace",
        }));
        if let Some(nonce) = &asked.nonce {
            claims.insert("nonce".to_owned(), nonce.clone().into());
        }
        if asked.max_age {
            claims.insert("auth_time".to_owned(), told.now.into());
        }
        let part = |value: Map<String, Value>| base64url(Value::from(value).to_string());
        let (header, claims) = (edit(header, &told.header), edit(claims, &told.claims));
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", base64url(told.key.sign(told.sign, message.as_bytes())))
    }
}

impl Keys {
    fn sign(&self, sign: Sign, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let by_rsa = |key: &RsaKeyPair| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
            signature
        };
        match sign {
            Sign::Rs256 => by_rsa(&self.rsa),
            Sign::Strange => by_rsa(&self.strange),
            Sign::Es256 => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            Sign::EdDsa => self.ed.sign(message).as_ref().to_vec(),
            Sign::Nothing => Vec::new(),
            Sign::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }
}
