//! SMTP servers to send email to: an independent one, and one that misbehaves on demand.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::Place;
use super::mails::{Mail, parse_mail};
use super::process::{PATIENCE, eventually};

/// The user and the password that [`Aiosmtpd`] accepts.
pub const CREDENTIALS: [&str; 2] = ["ana@shop.example", "canary-mail-$%-91"];

/// An email that a server received.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub hello: String,
    pub encrypted: bool,
    pub user: Option<String>,
    pub raw: String,
}

impl Taken {
    pub fn mail(&self) -> Mail {
        parse_mail(&self.raw)
    }
}

/// The server of the Python package aiosmtpd. It is stopped when dropped.
pub struct Aiosmtpd {
    _child: Child,
    place: TempDir,
    port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Aiosmtpd {
    /// `tls` is `none` or `offered` (at 127.0.0.1), or `starttls` or `implicit` (at 127.0.0.2, an address that no email
    /// is sent to unencrypted). `auth` is `PLAIN`, `LOGIN` or empty.
    pub async fn start(tls: &str, auth: Option<&str>) -> Self {
        let place = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.2".to_owned()]).unwrap();
        let write = |name: &str, text: String| {
            std::fs::write(place.path().join(name), text).unwrap();
            place.path().join(name)
        };
        let certificate = write("certificate.pem", cert.pem());
        let key = write("key.pem", signing_key.serialize_pem());
        let options = json!({
            "tls": tls, "auth": auth, "credentials": CREDENTIALS, "certificate": certificate, "key": key,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_server.py");
        let mut command = Command::new(python());
        command.arg(script).arg(options.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("aiosmtpd starts").parse().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                seen.lock().unwrap().push(of_json(&serde_json::from_str(&line).unwrap()));
            }
        });
        Self { _child: child, place, port, taken }
    }

    /// The setting `mail_url`; `scheme` is `plain`, `smtp` or `smtps`.
    pub fn url(&self, scheme: &str, with_password: bool) -> String {
        let host = if scheme == "plain" { "127.0.0.1" } else { "127.0.0.2" };
        let [user, password] =
            CREDENTIALS.map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        let login = if with_password { format!("{user}:{password}@") } else { String::new() };
        format!("{}://{login}{host}:{}", scheme.replace("plain", "smtp"), self.port)
    }

    /// The certificate, which no system trusts.
    pub fn certificate(&self) -> PathBuf {
        self.place.path().join("certificate.pem")
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits for this many emails.
    pub async fn takes(&self, count: usize) -> Vec<Taken> {
        let look = async || Some(self.taken()).filter(|taken| taken.len() >= count);
        eventually("mails arrive", PATIENCE, look).await
    }
}

fn of_json(mail: &Value) -> Taken {
    let text = |name: &str| mail[name].as_str().map(str::to_owned);
    Taken {
        from: text("from").unwrap(),
        to: mail["to"].as_array().unwrap().iter().map(|to| to.as_str().unwrap().to_owned()).collect(),
        hello: text("hello").unwrap(),
        encrypted: mail["encrypted"].as_bool().unwrap(),
        user: text("user"),
        raw: String::from_utf8(STANDARD.decode(text("text").unwrap()).unwrap()).unwrap(),
    }
}

/// The interpreter that has aiosmtpd.
pub fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "this is how `scripts/test` says where its Python is")]
    std::env::var("PORTCULLIS_TEST_PYTHON").expect(
        "PORTCULLIS_TEST_PYTHON names no Python with aiosmtpd: run `scripts/test`, which installs one",
    )
}

/// What an [`Smtp`] does after an event: `greeting`, a verb, or `text` for the text of an email.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    Takes,
    Says(&'static str, &'static [u8]),
    /// Closes the connection.
    Drops(&'static str),
    /// Sends nothing more.
    Hangs(&'static str),
    /// Sends it after a second and a half.
    Pauses(&'static str),
    /// Sends one line without an end.
    Endless(&'static str),
}

/// An unencrypted server on the loopback interface, which records what it receives.
#[derive(Clone)]
pub struct Smtp {
    address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    heard: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Smtp {
    pub async fn start(mood: Mood) -> Self {
        Self::start_at("127.0.0.1", mood).await
    }

    pub async fn start_at(host: &str, mood: Mood) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server =
            Self { address, mood: Arc::new(Mutex::new(mood)), heard: Arc::default(), taken: Arc::default() };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                // The other side may close it at any time.
                tokio::spawn(async move { drop(own.talk(stream).await) });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Every line except the texts of emails.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits for a line that begins with this, or for `text`.
    pub async fn hears(&self, word: &str) {
        let look = async || self.heard().iter().any(|line| line.starts_with(word)).then_some(());
        eventually(word, PATIENCE, look).await;
    }

    async fn talk(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut mail = Taken::default();
        self.answer(&mut stream, "greeting", b"220 here\r\n").await?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            self.heard.lock().unwrap().push(line.to_owned());
            let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let verb = line.split(' ').next().unwrap_or_default();
            match verb {
                "EHLO" => mail.hello = line.trim_start_matches("EHLO ").to_owned(),
                "MAIL" => (mail.from, mail.to) = (address, Vec::new()),
                "RCPT" => mail.to.push(address),
                _ => {}
            }
            let usual: &[u8] = match verb {
                "EHLO" => b"250-here\r\n250 8BITMIME\r\n",
                "DATA" => b"354 go ahead\r\n",
                "QUIT" => b"221 bye\r\n",
                _ => b"250 well\r\n",
            };
            let goes_on = self.answer(&mut stream, verb, usual).await?;
            if verb == "DATA" && goes_on {
                mail.raw = text(&mut stream).await?;
                self.heard.lock().unwrap().push("text".to_owned());
                if self.answer(&mut stream, "text", b"250 taken\r\n").await? {
                    self.taken.lock().unwrap().push(mail.clone());
                }
            }
        }
    }

    /// Whether it responded as a correct server does.
    async fn answer(&self, stream: &mut BufReader<TcpStream>, word: &str, usual: &[u8]) -> io::Result<bool> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Says(at, bytes) if at == word => stream.write_all(bytes).await.map(|()| false),
            Mood::Drops(at) if at == word => Err(io::ErrorKind::ConnectionAborted.into()),
            Mood::Hangs(at) if at == word => {
                // Until the other side closes.
                stream.read_to_end(&mut Vec::new()).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Mood::Pauses(at) if at == word => {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                stream.write_all(usual).await.map(|()| true)
            }
            Mood::Endless(at) if at == word => loop {
                stream.write_all(&[b'2'; 4096]).await?;
            },
            _ => stream.write_all(usual).await.map(|()| true),
        }
    }
}

/// The text of an email, without dot stuffing.
async fn text(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// Waits until the mail queue is empty.
pub async fn queue_is_empty(place: &Place) {
    let look = async || (place.value("SELECT count(*) FROM mails").await == "0").then_some(());
    eventually("the queue is empty", PATIENCE, look).await;
}
