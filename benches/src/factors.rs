//! Logins by passkey beside the check of a signature and a durable transaction, and logins with a password and a code of an
//! app beside raw Argon2id.
//!
//! A login by passkey is two requests and two transactions: the challenge, and its use. A code of an app is accepted once,
//! so each round has accounts of its own, each with two codes.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread::{self, available_parallelism},
    time::{Duration, Instant},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    Failure,
    client::{self, Connection},
    comparison::PUBLIC_URL,
    hashing,
    load::{self, CONCURRENCY},
    place::Place,
    process::Process,
    refreshes::Raw,
    table::{Table, median, percent, rate},
};

const ROUND: Duration = Duration::from_secs(3);
const PASSWORD: &str = "violet-anchor-9341-quorum";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Accounts of a round of logins with a code.
const WITH_APP: usize = 4 * CONCURRENCY;
/// Of user presence, user verification and attested data (WebAuthn §6.1).
const SHOWN: u8 = 0x05;
const ATTESTED: u8 = 0x40;

pub(crate) fn measure(
    place: &Place,
    server: &Process,
    rounds: u16,
    table: &mut Table,
) -> Result<(), Failure> {
    let raw = Raw::new(place)?;
    let people = sign_up(server.address())?;
    let (mut checks, mut transactions, mut logins) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        checks.push(signature_checks(ROUND)?);
        transactions.push(raw.rate()?);
        logins.push(log_in_by_passkey(server.address(), &people)?);
    }
    let share = percent(&logins, &transactions);
    table.row("raw ES256 check", rate(median(checks)), "", "all cores");
    table.row("raw durable transactions", rate(median(transactions)), "", "one row each, 32 at once");
    table.row("logins by passkey", rate(median(logins)), "", "two requests and two transactions each");
    table.row("logins by passkey of raw transactions", share, "", "");

    let (mut hashes, mut logins) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let people = enrol(server.address(), round)?;
        hashes.push(hashing::rate(ROUND)?);
        logins.push(log_in_with_code(server.address(), people)?);
    }
    let share = percent(&logins, &hashes);
    table.row("logins with password and code", format!("{:.1}/s", median(logins)), "", "two requests each");
    table.row("logins with password and code of raw Argon2id", share, "", "");
    Ok(())
}

/// An account with a passkey on a key of ours.
struct Person {
    key: EcdsaKeyPair,
    credential: [u8; 16],
    user_handle: String,
    /// A browser names itself by this cookie.
    cookie: String,
}

fn sign_up(address: SocketAddr) -> Result<Arc<Vec<Person>>, Failure> {
    load::runtime()?.block_on(async {
        let mut connection = Connection::open(address).await?;
        let mut people = Vec::new();
        for number in 0..CONCURRENCY {
            people.push(Person::sign_up(&mut connection, number).await?);
        }
        Ok(Arc::new(people))
    })
}

fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Failure> {
    Ok(value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("no {pointer} in {value}"))?)
}

impl Person {
    async fn sign_up(connection: &mut Connection, number: usize) -> Result<Self, Failure> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())?;
        let credential = portcullis_server::random::bytes::<16>();
        let cookie = format!("portcullis-passkey={}", URL_SAFE_NO_PAD.encode(digest(&SHA256, &credential)));
        let mut person = Self { key, credential, user_handle: String::new(), cookie };
        let email = format!("passkey{number}@example.com");
        let who = json!({ "email": email, "full_name": "Ada Lovelace" });
        let options = connection.json(&person.post("/signup/passkey/options", &who.to_string()), 200).await?;
        text(&options, "/user/id")?.clone_into(&mut person.user_handle);
        let body = json!({
            "email": email, "full_name": "Ada Lovelace", "credential": person.create(text(&options, "/challenge")?),
        });
        connection.exchange(&person.post("/signup/passkey", &body.to_string()), 201).await?;
        Ok(person)
    }

    fn post(&self, path: &str, body: &str) -> Vec<u8> {
        client::post_with(path, JSON, body, &format!("Cookie: {}\r\n", self.cookie))
    }

    fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.credential)
    }

    fn client_data(of: &str, challenge: &str) -> String {
        json!({ "type": of, "challenge": challenge, "origin": PUBLIC_URL, "crossOrigin": false }).to_string()
    }

    /// RP ID, flags and counter.
    fn authenticator_data(flags: u8) -> Vec<u8> {
        [digest(&SHA256, b"localhost").as_ref(), &[flags, 0, 0, 0, 0]].concat()
    }

    /// A credential without attestation: `{"fmt": "none", "attStmt": {}, "authData": …}` in CBOR.
    fn create(&self, challenge: &str) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..65).unwrap_or_default());
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053 §7.1.1).
        let cose =
            [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y]
                .concat();
        let data = Self::authenticator_data(SHOWN | ATTESTED);
        let data = [&data[..], &[0; 16], &[0, 16], &self.credential, &cose].concat();
        let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
        let object =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(Self::client_data("webauthn.create", challenge)),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
            },
        })
    }

    fn get(&self, challenge: &str) -> Result<Value, Failure> {
        let (data, client_data) =
            (Self::authenticator_data(SHOWN), Self::client_data("webauthn.get", challenge));
        let signed = [&data[..], digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed)?;
        Ok(json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature),
                "userHandle": self.user_handle,
            },
        }))
    }

    async fn log_in(&self, connection: &mut Connection) -> Result<(), Failure> {
        let options = connection.json(&self.post("/login/passkey/options", ""), 200).await?;
        let body = json!({ "credential": self.get(text(&options, "/challenge")?)? });
        connection.exchange(&self.post("/login/passkey", &body.to_string()), 200).await?;
        Ok(())
    }
}

/// How many logins a second, each person as soon as the last one has succeeded.
fn log_in_by_passkey(address: SocketAddr, people: &Arc<Vec<Person>>) -> Result<f64, Failure> {
    load::runtime()?.block_on(async {
        let end = Instant::now() + ROUND;
        let everybody: Vec<_> = (0..people.len())
            .map(|at| {
                let people = Arc::clone(people);
                tokio::spawn(async move {
                    let mut connection = Connection::open(address).await?;
                    let person = people.get(at).ok_or("nobody")?;
                    let mut count = 0.0;
                    while Instant::now() < end {
                        person.log_in(&mut connection).await?;
                        count += 1.0;
                    }
                    Ok::<f64, Failure>(count)
                })
            })
            .collect();
        let mut count = 0.0;
        for person in everybody {
            count += person.await??;
        }
        Ok(count / ROUND.as_secs_f64())
    })
}

/// Signatures of a passkey checked a second, on all cores.
fn signature_checks(time: Duration) -> Result<f64, Failure> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())?;
    let message = [7; 69];
    let signature = key.sign(&random, &message)?;
    let public_key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key().as_ref());
    let check = || -> Result<f64, Failure> {
        let (end, mut count) = (Instant::now() + time, 0.0);
        while Instant::now() < end {
            public_key.verify(&message, signature.as_ref())?;
            count += 1.0;
        }
        Ok(count / time.as_secs_f64())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..available_parallelism()?.get()).map(|_| scope.spawn(check)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).sum()
    })
}

/// An account with an app.
struct WithApp {
    email: String,
    key: Vec<u8>,
}

/// Makes the accounts of a round. The code that adds the app is the one before the current one: two are left.
fn enrol(address: SocketAddr, round: u16) -> Result<Vec<WithApp>, Failure> {
    load::runtime()?.block_on(async {
        let mut people = Vec::new();
        // The server queues only so many hashes.
        for first in (0..WITH_APP).step_by(CONCURRENCY) {
            let some: Vec<_> = (first..WITH_APP.min(first + CONCURRENCY))
                .map(|number| {
                    tokio::spawn(WithApp::enrol(address, format!("app{round}.{number}@example.com")))
                })
                .collect();
            for one in some {
                people.push(one.await??);
            }
        }
        Ok(people)
    })
}

impl WithApp {
    async fn enrol(address: SocketAddr, email: String) -> Result<Self, Failure> {
        let mut connection = Connection::open(address).await?;
        let body = json!({ "email": email, "full_name": "Ada Lovelace", "password": PASSWORD }).to_string();
        connection.exchange(&client::post("/signup", JSON, &body), 201).await?;
        let mut person = Self { email, key: Vec::new() };
        let answer = connection.json(&person.first_step(), 200).await?;
        let bearer = format!("Authorization: Bearer {}\r\n", text(&answer, "/access_token")?);
        let shown = connection.json(&client::post_with("/factors/totp", JSON, "", &bearer), 200).await?;
        person.key = of_base32(text(&shown, "/key")?);
        let body = json!({ "code": person.code(-1)? }).to_string();
        let confirm = client::post_with("/factors/totp/confirm", JSON, &body, &bearer);
        connection.exchange(&confirm, 200).await?;
        Ok(person)
    }

    fn first_step(&self) -> Vec<u8> {
        let form = format!("username={}&password={PASSWORD}", self.email.replace('@', "%40"));
        client::post("/login", FORM, &form)
    }

    /// The code of `steps` from now (RFC 6238).
    fn code(&self, steps: i64) -> Result<String, Failure> {
        let step = portcullis_server::clock::Clock::system().now().as_secs() / 30 + steps;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.key);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(mac.as_ref().last().ok_or("an empty MAC")? & 15);
        let four = mac.as_ref().get(at..at + 4).ok_or("a short MAC")?.try_into()?;
        Ok(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
    }

    async fn log_in(&self, connection: &mut Connection, steps: i64) -> Result<(), Failure> {
        let asked = connection.json(&self.first_step(), 401).await?;
        let body = json!({ "mfa_token": text(&asked, "/mfa_token")?, "code": self.code(steps)? }).to_string();
        connection.exchange(&client::post("/login/factor", JSON, &body), 200).await?;
        Ok(())
    }
}

/// How many logins a second: each account uses its two codes, as many accounts at once as there are connections.
fn log_in_with_code(address: SocketAddr, people: Vec<WithApp>) -> Result<f64, Failure> {
    let logins = people.len() * 2;
    let begun = Instant::now();
    load::runtime()?.block_on(async {
        let people = Arc::new(people);
        let connections: Vec<_> = (0..CONCURRENCY)
            .map(|first| {
                let people = Arc::clone(&people);
                tokio::spawn(async move {
                    let mut connection = Connection::open(address).await?;
                    for person in people.iter().skip(first).step_by(CONCURRENCY) {
                        person.log_in(&mut connection, 0).await?;
                        person.log_in(&mut connection, 1).await?;
                    }
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        for connection in connections {
            connection.await??;
        }
        Ok::<(), Failure>(())
    })?;
    let logins = u32::try_from(logins)?;
    Ok(f64::from(logins) / begun.elapsed().as_secs_f64())
}

/// RFC 4648 §6, backwards.
fn of_base32(text: &str) -> Vec<u8> {
    let mut bits = (0_u64, 0_u32);
    let mut bytes = Vec::new();
    for symbol in text.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'2'..=b'7' => symbol - b'2' + 26,
            _ => continue,
        };
        bits = ((bits.0 << 5) | u64::from(value), bits.1 + 5);
        if bits.1 >= 8 {
            bits.1 -= 8;
            bytes.push(u8::try_from((bits.0 >> bits.1) & 0xff).unwrap_or_default());
            bits.0 &= (1 << bits.1) - 1;
        }
    }
    bytes
}
