//! Transports for email: an SMTP server, a folder, the console.

mod folder;
mod smtp;
mod wire;

use std::{
    fmt,
    io::{self, Write as _},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use self::smtp::SmtpClient;
use super::{Transport, compose::Outgoing};
use crate::pool::Pool;

/// A transport; it sends one email at a time.
pub(super) enum Outlet {
    Smtp(Box<SmtpClient>),
    Folder { folder: PathBuf, pool: Pool<()> },
    Console,
}

impl Outlet {
    /// `hello` is the name by which this server introduces itself.
    pub(super) fn new(transport: &Transport, hello: &str) -> Self {
        let pool = || Pool::new(NonZeroUsize::MIN, 1);
        match transport {
            Transport::Smtp(server) => Self::Smtp(Box::new(SmtpClient::new(server.clone(), hello, pool()))),
            Transport::Folder(folder) => Self::Folder { folder: folder.clone(), pool: pool() },
            Transport::Console => Self::Console,
        }
    }

    /// Sends an email, or returns why it was not sent. On timeout the connection is dropped with everything in
    /// flight, so that no late reply is taken for the reply to the next email.
    pub(super) async fn send_within(&mut self, limit: Duration, mail: &Outgoing) -> Result<(), Problem> {
        self.send_and_tell(limit, mail, &mut |_| {}).await
    }

    /// Like [`send_within`](Self::send_within), reporting each completed step.
    pub(super) async fn send_and_tell(
        &mut self,
        limit: Duration,
        mail: &Outgoing,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<(), Problem> {
        match self {
            Self::Smtp(client) => client.send_within(limit, mail, tell).await,
            Self::Folder { folder, pool } => {
                let path = folder::deliver(pool, folder.clone(), mail).await.map_err(|cause| {
                    Problem::of_server(format!("the folder {} cannot be written: {cause}", folder.display()))
                })?;
                tell(format!("written to {}", path.display()));
                Ok(())
            }
            Self::Console => {
                let text = [mail.text.as_slice(), b"\n"].concat();
                io::stdout().lock().write_all(&text).map_err(Problem::of_server)?;
                tell("written to standard output".to_owned());
                Ok(())
            }
        }
    }

    /// Closes the connection, if there is one.
    pub(super) async fn close(&mut self) {
        if let Self::Smtp(client) = self {
            client.close().await;
        }
    }
}

/// The maximum length of a problem's text, in characters.
const LONGEST_TEXT: usize = 500;

/// Why an email was not sent. Its text contains no address, token or password, because it is stored and logged.
#[derive(Debug)]
pub(super) struct Problem {
    text: String,
    /// The server's own words, which may repeat an address: shown to the operator only.
    reply: Option<String>,
    is_of_server: bool,
    is_final: bool,
}

impl Problem {
    /// This email cannot be sent; another one may.
    pub(super) fn of_mail(text: impl fmt::Display) -> Self {
        Self { text: bounded(&text), reply: None, is_of_server: false, is_final: false }
    }

    /// No email can be sent.
    pub(super) fn of_server(text: impl fmt::Display) -> Self {
        Self { text: bounded(&text), reply: None, is_of_server: true, is_final: false }
    }

    fn with_reply(self, reply: String) -> Self {
        Self { reply: Some(reply), ..self }
    }

    /// The same email would be rejected again (RFC 5321 §4.2.1, 5yz).
    fn for_good(self) -> Self {
        Self { is_final: true, ..self }
    }

    /// Whether retrying is pointless.
    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }

    /// Whether other emails would fail now too.
    pub(super) fn is_of_server(&self) -> bool {
        self.is_of_server
    }

    /// The server's reply.
    pub(super) fn reply(&self) -> Option<&str> {
        self.reply.as_deref()
    }
}

/// Text that another program or a certificate contributed to: strips control characters and limits the length.
fn bounded(text: &impl fmt::Display) -> String {
    text.to_string().chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
