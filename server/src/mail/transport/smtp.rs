//! A client of one SMTP server (RFC 5321). It is our own, over a connection that bounds what it reads
//! ([`Wire`](super::wire::Wire)): no reply can fill the memory, nothing received in plain text is trusted after
//! STARTTLS, and the operator learns which step failed.

use std::{io, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use secrecy::ExposeSecret as _;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{
    Problem,
    wire::{Reply, Stream, Wire},
};
use crate::{
    mail::{Smtp, compose::Outgoing, config::Encryption},
    pool::Pool,
};

/// The timeout for `QUIT`.
const QUIT_TAKES: Duration = Duration::from_secs(2);

type Tell<'t> = &'t mut (dyn FnMut(String) + Send);

/// A client, with a connection while there are emails to send.
pub(in crate::mail) struct SmtpClient {
    server: Smtp,
    hello: String,
    pool: Pool<()>,
    /// Certificates are read from files.
    tls: Option<Arc<ClientConfig>>,
    session: Option<Session>,
    /// The current step, for the error message.
    step: &'static str,
    /// Whether the server accepts mail, as far as the step shows.
    is_ready: bool,
    /// Whether a server on this computer has shown an untrusted certificate.
    is_plain_here: bool,
}

/// A connection ready to send emails, and its server's extensions.
struct Session {
    wire: Wire,
    extensions: Vec<String>,
}

impl Session {
    fn offers(&self, extension: &str) -> bool {
        self.extensions.iter().any(|line| {
            line.split_ascii_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(extension))
        })
    }

    fn offers_auth(&self, mechanism: &str) -> bool {
        self.extensions.iter().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"))
                && words.any(|word| word.eq_ignore_ascii_case(mechanism))
        })
    }
}

impl SmtpClient {
    pub(super) fn new(server: Smtp, hello: &str, pool: Pool<()>) -> Self {
        let hello = hello_name(hello);
        Self {
            server,
            hello,
            pool,
            tls: None,
            session: None,
            step: "connect",
            is_ready: false,
            is_plain_here: false,
        }
    }

    pub(super) async fn send_within(
        &mut self,
        limit: Duration,
        mail: &Outgoing,
        tell: Tell<'_>,
    ) -> Result<(), Problem> {
        // While an email is being sent the session is not in `self`, so a timeout drops it.
        match timeout(limit, self.send(mail, tell)).await {
            Ok(sent) => sent,
            Err(_) => Err(self.problem(format_args!("no response within {} s", limit.as_secs()))),
        }
    }

    /// Says goodbye without insisting on a reply.
    pub(super) async fn close(&mut self) {
        if let Some(mut session) = self.session.take() {
            let _ = timeout(QUIT_TAKES, session.wire.command("QUIT")).await;
        }
    }

    async fn send(&mut self, mail: &Outgoing, tell: Tell<'_>) -> Result<(), Problem> {
        let mut session = self.session(tell).await?;
        self.is_ready = true;
        let needs_utf8 = !mail.text.is_ascii()
            || ![&mail.from, &mail.to].iter().all(|address| AsRef::<str>::as_ref(*address).is_ascii());
        if needs_utf8 && !session.offers("SMTPUTF8") {
            self.session = Some(session);
            return Err(Problem::of_mail("the server does not support international addresses (SMTPUTF8)"));
        }
        let parameters = if needs_utf8 { " BODY=8BITMIME SMTPUTF8" } else { "" };
        self.step = "MAIL FROM";
        self.ask(&mut session.wire, &format!("MAIL FROM:<{}>{parameters}", mail.from), 250).await?;
        self.step = "RCPT TO";
        self.ask(&mut session.wire, &format!("RCPT TO:<{}>", mail.to), 250).await?;
        self.step = "DATA";
        self.ask(&mut session.wire, "DATA", 354).await?;
        self.step = "the mail's text";
        let reply = session.wire.text(&mail.text).await;
        let reply = self.expect(reply, 250)?;
        tell(format!("the server accepted the email: {}", reply.shown()));
        self.session = Some(session);
        Ok(())
    }

    /// The existing session if it still responds, or a new one.
    async fn session(&mut self, tell: Tell<'_>) -> Result<Session, Problem> {
        if let Some(mut session) = self.session.take()
            && matches!(session.wire.command("RSET").await, Ok(reply) if reply.code == 250)
        {
            return Ok(session);
        }
        self.is_ready = false;
        self.connect(tell).await
    }

    async fn connect(&mut self, tell: Tell<'_>) -> Result<Session, Problem> {
        self.step = "connect";
        let (host, port) = (self.server.host.clone(), self.server.port);
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|cause| self.problem(cause))?;
        tell(format!("connected to {host}:{port}"));
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if self.server.encryption == Encryption::Implicit {
            stream = self.encrypt(stream, tell).await?;
        }
        let mut wire = Wire::new(stream);
        self.step = "greeting";
        let greeting = wire.reply().await;
        self.expect(greeting, 220)?;
        let mut session = self.greet(wire).await?;
        match self.server.encryption {
            Encryption::Implicit => {}
            Encryption::StartTls => session = self.start_tls(session, tell).await?,
            Encryption::IfOffered if session.offers("STARTTLS") && !self.is_plain_here => {
                session = match self.start_tls(session, tell).await {
                    // A local server's certificate is rarely one that the system trusts, and traffic within this
                    // computer does not need one. A password is another matter.
                    Err(problem) if self.step == "TLS" && self.may_go_plain_here() => {
                        tell(format!("{problem}; continuing without TLS, on this computer"));
                        self.is_plain_here = true;
                        return Box::pin(self.connect(tell)).await;
                    }
                    outcome => outcome?,
                };
            }
            Encryption::IfOffered => self.check_plain(tell)?,
        }
        self.authenticate(&mut session, tell).await?;
        Ok(session)
    }

    async fn greet(&mut self, mut wire: Wire) -> Result<Session, Problem> {
        self.step = "EHLO";
        let hello = format!("EHLO {}", self.hello);
        let extensions = self.ask(&mut wire, &hello, 250).await?.lines;
        Ok(Session { wire, extensions })
    }

    fn may_go_plain_here(&self) -> bool {
        self.server.is_here() && self.server.credentials.is_none()
    }

    /// Checks whether the exchange may continue without TLS. A password may be sent in plain text only within this
    /// computer, or if the operator allowed it.
    fn check_plain(&mut self, tell: Tell<'_>) -> Result<(), Problem> {
        self.step = "STARTTLS";
        let is_said = self.server.is_plain_allowed && self.server.is_here();
        if self.server.credentials.is_some() && !is_said {
            return Err(self.problem(
                "the server does not offer TLS, and a password is never sent unencrypted over a network. On this \
                    computer, `mail_dangerous_plain_text=on` allows it",
            ));
        }
        tell("not encrypted: the server does not offer TLS".to_owned());
        Ok(())
    }

    /// TLS or nothing: a server that does not offer it, or whose offer an attacker removed, gets no email (RFC 3207
    /// §6).
    async fn start_tls(&mut self, mut session: Session, tell: Tell<'_>) -> Result<Session, Problem> {
        self.step = "STARTTLS";
        if !session.offers("STARTTLS") {
            return Err(self.problem(
                "the server does not offer TLS, and email is not sent unencrypted. On a network that nobody else can \
                    read, `mail_dangerous_plain_text=on` allows it",
            ));
        }
        self.ask(&mut session.wire, "STARTTLS", 220).await?;
        let stream = session.wire.into_stream().map_err(|cause| self.problem(cause))?;
        let stream = self.encrypt(stream, tell).await?;
        // What was offered in plain text is forgotten (RFC 3207 §4.2).
        self.greet(Wire::new(stream)).await
    }

    async fn encrypt(&mut self, stream: Box<dyn Stream>, tell: Tell<'_>) -> Result<Box<dyn Stream>, Problem> {
        self.step = "TLS";
        let name = ServerName::try_from(self.server.host.clone()).map_err(|cause| self.problem(cause))?;
        let config = if let Some(config) = &self.tls {
            Arc::clone(config)
        } else {
            let config = self.pool.run(|()| tls_config()).await.map_err(|cause| self.problem(cause))?;
            Arc::clone(self.tls.insert(config.map_err(Problem::of_server)?))
        };
        let stream = TlsConnector::from(config).connect(name, stream).await;
        let stream = stream.map_err(|cause| self.problem(tls_failed(&cause)))?;
        let version = stream.get_ref().1.protocol_version();
        tell(format!(
            "TLS: {}, the certificate is valid",
            version.map_or("on", |version| version.as_str().unwrap_or("on"))
        ));
        Ok(Box::new(stream))
    }

    /// PLAIN (RFC 4616), or LOGIN if the server supports nothing else. Over TLS, or where
    /// [`check_plain`](Self::check_plain) allows it.
    async fn authenticate(&mut self, session: &mut Session, tell: Tell<'_>) -> Result<(), Problem> {
        let Some((user, password)) = self.server.credentials.clone() else { return Ok(()) };
        self.step = "AUTH";
        if session.offers_auth("PLAIN") {
            let plain = Zeroizing::new(format!("\0{user}\0{}", password.expose_secret()));
            let line = Zeroizing::new(format!("AUTH PLAIN {}", STANDARD.encode(plain.as_bytes())));
            self.ask(&mut session.wire, &line, 235).await?;
        } else if session.offers_auth("LOGIN") {
            self.ask(&mut session.wire, "AUTH LOGIN", 334).await?;
            self.ask(&mut session.wire, &STANDARD.encode(user.as_bytes()), 334).await?;
            let line = Zeroizing::new(STANDARD.encode(password.expose_secret().as_bytes()));
            self.ask(&mut session.wire, &line, 235).await?;
        } else {
            return Err(self.problem("the server offers neither AUTH PLAIN nor AUTH LOGIN"));
        }
        tell(format!("logged in as {user}"));
        Ok(())
    }

    async fn ask(&self, wire: &mut Wire, line: &str, code: u16) -> Result<Reply, Problem> {
        let reply = wire.command(line).await;
        self.expect(reply, code)
    }

    /// The reply, if its code is of the expected kind: `251` is as good as `250`.
    fn expect(&self, reply: io::Result<Reply>, code: u16) -> Result<Reply, Problem> {
        let reply = reply.map_err(|cause| self.problem(cause))?;
        if reply.code / 10 == code / 10 {
            return Ok(reply);
        }
        let what = format!("{}: the server responded {}", self.step, reply.code);
        let problem = match reply.code {
            // It wants TLS or a password first (RFC 3207 §4, RFC 4954 §6): for the operator to fix, not an error of
            // this email.
            530 | 534 | 535 | 538 => Problem::of_server(what),
            500..600 if self.is_ready => Problem::of_mail(what).for_good(),
            _ if self.is_ready => Problem::of_mail(what),
            _ => Problem::of_server(what),
        };
        Err(problem.with_reply(reply.shown()))
    }

    fn problem(&self, what: impl std::fmt::Display) -> Problem {
        let text = format!("{}: {what}", self.step);
        if self.is_ready { Problem::of_mail(text) } else { Problem::of_server(text) }
    }
}

/// The certificate authorities that this computer trusts.
fn tls_config() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) = (found.certs.is_empty(), found.errors.first()) {
        return Err(format!(
            "TLS: the certificate authorities that this system trusts cannot be read: {error}"
        ));
    }
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(
            "TLS: this system knows no certificate authorities; install its package `ca-certificates`, \
                    or name a file with SSL_CERT_FILE"
                .to_owned(),
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|cause| format!("TLS: {cause}"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// What is wrong, and what the operator can do about it.
fn tls_failed(cause: &io::Error) -> String {
    let rustls = cause.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let advice = match rustls {
        Some(rustls::Error::InvalidCertificate(_)) => {
            ". If you run your own certificate authority, set the variable SSL_CERT_FILE to its certificate"
        }
        _ => "",
    };
    format!("{cause}{advice}")
}

/// The name after `EHLO`: a domain, or an address literal (RFC 5321 §4.1.3).
fn hello_name(host: &str) -> String {
    match host.strip_prefix('[') {
        Some(ipv6) => format!("[IPv6:{ipv6}"),
        None if host.parse::<std::net::Ipv4Addr>().is_ok() => format!("[{host}]"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_name_says_its_address() {
        for (host, hello) in
            [("login.example", "login.example"), ("127.0.0.1", "[127.0.0.1]"), ("[::1]", "[IPv6:::1]")]
        {
            assert_eq!(hello_name(host), hello);
        }
    }
}
