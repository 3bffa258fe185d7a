//! A software authenticator: creates passkeys and signs with them, correctly or with one fault.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_server::random;
use serde_json::{Value, json};

pub const UP: u8 = 1;
pub const UV: u8 = 4;
pub const BE: u8 = 8;
pub const BS: u8 = 16;
const AT: u8 = 64;

pub enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// A passkey, and everything that its responses are built from. A test changes one of these values.
pub struct Passkey {
    pub id: Vec<u8>,
    pub key: Key,
    pub user_handle: Vec<u8>,
    pub sign_count: u32,
    pub flags: u8,
    pub origin: String,
    pub rp_id: String,
    pub cross_origin: Option<bool>,
    pub top_origin: Option<&'static str>,
    /// Instead of `webauthn.create` or `webauthn.get`.
    pub r#type: Option<&'static str>,
    /// The algorithm that a new key claims to have.
    pub algorithm: Option<i64>,
    pub format: &'static str,
    pub statement: Vec<u8>,
    /// Appended to the authenticator data.
    pub trailing: Vec<u8>,
}

pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

/// CBOR of major type `major` with this argument (RFC 8949 §3).
fn head(major: u8, argument: usize) -> Vec<u8> {
    let major = major << 5;
    match argument {
        0..24 => vec![major | u8::try_from(argument).unwrap()],
        24..256 => vec![major | 0x18, u8::try_from(argument).unwrap()],
        _ => [&[major | 0x19][..], &u16::try_from(argument).unwrap().to_be_bytes()].concat(),
    }
}

pub fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

pub fn cbor_text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

fn number(number: i64) -> Vec<u8> {
    if number < 0 {
        head(1, usize::try_from(-1 - number).unwrap())
    } else {
        head(0, usize::try_from(number).unwrap())
    }
}

fn map(pairs: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut map = head(5, pairs.len());
    for (label, value) in pairs {
        map.extend(number(*label));
        map.extend(value);
    }
    map
}

impl Key {
    pub fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub fn rs256() -> Self {
        Self::Rs256(Box::new(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()))
    }

    /// The COSE key, with another algorithm than its own if one is given.
    fn cose(&self, algorithm: Option<i64>) -> Vec<u8> {
        let alg = |own| number(algorithm.unwrap_or(own));
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                map(&[
                    (1, number(2)),
                    (3, alg(-7)),
                    (-1, number(1)),
                    (-2, cbor_bytes(x)),
                    (-3, cbor_bytes(y)),
                ])
            }
            Self::Ed25519(pair) => {
                let x = cbor_bytes(pair.public_key().as_ref());
                map(&[(1, number(1)), (3, alg(-8)), (-1, number(6)), (-2, x)])
            }
            Self::Rs256(pair) => {
                // The `RSAPublicKey` of RFC 8017, for a modulus of 2048 bits and the exponent 65537.
                let der = pair.public_key().as_ref();
                let (modulus, exponent) = (cbor_bytes(&der[9..265]), cbor_bytes(&der[267..]));
                map(&[(1, number(3)), (3, alg(-257)), (-1, modulus), (-2, exponent)])
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

impl Passkey {
    pub fn new() -> Self {
        Self::with(Key::es256())
    }

    /// Like those of password managers: synchronised, without a counter.
    pub fn with(key: Key) -> Self {
        Self {
            id: random::bytes::<16>().to_vec(),
            key,
            user_handle: Vec::new(),
            sign_count: 0,
            flags: UP | UV | BE | BS,
            origin: "http://localhost:8000".to_owned(),
            rp_id: "localhost".to_owned(),
            cross_origin: Some(false),
            top_origin: None,
            r#type: None,
            algorithm: None,
            format: "none",
            statement: vec![0xa0],
            trailing: Vec::new(),
        }
    }

    /// On one device, with a counter.
    pub fn on_a_key() -> Self {
        Self { flags: UP | UV, sign_count: 1, ..Self::new() }
    }

    fn client_data(&self, of: &str, options: &Value) -> Vec<u8> {
        let mut data = json!({
            "type": self.r#type.unwrap_or(of),
            "challenge": options["challenge"],
            "origin": self.origin,
        });
        if let Some(cross_origin) = self.cross_origin {
            data["crossOrigin"] = cross_origin.into();
        }
        if let Some(top_origin) = self.top_origin {
            data["topOrigin"] = top_origin.into();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, attested: &[u8]) -> Vec<u8> {
        let flags = self.flags | if attested.is_empty() { 0 } else { AT };
        let hash = digest(&SHA256, self.rp_id.as_bytes());
        [hash.as_ref(), &[flags], &self.sign_count.to_be_bytes(), attested, &self.trailing].concat()
    }

    /// The result of `navigator.credentials.create()`.
    pub fn create(&mut self, options: &Value) -> Value {
        self.user_handle = bytes(&options["user"]["id"]);
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let attested = [&[0; 16][..], &length, &self.id, &self.key.cose(self.algorithm)].concat();
        let data = self.authenticator_data(&attested);
        let object = [
            head(5, 3),
            cbor_text("fmt"),
            cbor_text(self.format),
            cbor_text("attStmt"),
            self.statement.clone(),
            cbor_text("authData"),
            cbor_bytes(&data),
        ];
        let id = text(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&self.client_data("webauthn.create", options)),
                "attestationObject": text(&object.concat()),
                "transports": ["internal"],
            },
        })
    }

    /// The result of `navigator.credentials.get()`.
    pub fn get(&mut self, options: &Value) -> Value {
        if self.sign_count > 0 {
            self.sign_count += 1;
        }
        self.sign(options)
    }

    /// The same without counting up.
    pub fn sign(&self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(&[]);
        let signed = [&data, digest(&SHA256, &client_data).as_ref()].concat();
        let id = text(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": text(&client_data),
                "authenticatorData": text(&data),
                "signature": text(&self.key.sign(&signed)),
                "userHandle": text(&self.user_handle),
            },
        })
    }
}
