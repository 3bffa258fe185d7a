//! How email is sent: by an SMTP server, to a folder or to the console, and from which sender.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use crate::accounts::Email;

/// How email is sent, and from whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MailConfig {
    /// The transport.
    pub transport: Transport,
    /// The sender, or `None` for `no-reply@` and the public address's host, with the brand's name.
    pub from: Option<Mailbox>,
    /// Whether `smtp://` continues without TLS if the server does not offer it: see
    /// [`Transport::dangerous_plain_text`].
    pub dangerous_plain_text: bool,
}

impl MailConfig {
    /// Writes every email to a file in this folder: for a first try, and for tests.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { transport: Transport::Folder(folder.into()), from: None, dangerous_plain_text: false }
    }

    /// The transport, with or without TLS.
    pub(crate) fn way(&self) -> Transport {
        let transport = self.transport.clone();
        if self.dangerous_plain_text { transport.dangerous_plain_text() } else { transport }
    }
}

/// The transport. Prints without the password.
///
/// Parsed from `smtps://USER:PASSWORD@HOST:PORT` (TLS from the first byte, port 465), `smtp://…` (STARTTLS required,
/// port 587; on this computer STARTTLS if offered, port 25), `file:///DIR` or `console:`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Transport {
    /// An SMTP server (RFC 5321), with TLS unless it is on this computer and does not offer it (RFC 8314 §3).
    Smtp(Smtp),
    /// A folder with one `….eml` file per email, mode 0600.
    Folder(PathBuf),
    /// Standard output, for development.
    Console,
}

/// An SMTP server.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<(String, SecretString)>,
    pub(super) is_plain_allowed: bool,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// From the first byte (RFC 8314 §3.3).
    Implicit,
    /// After STARTTLS (RFC 3207), which is required.
    StartTls,
    /// After STARTTLS if the server offers it: on this computer, or where the operator allows plain text.
    IfOffered,
}

impl FromStr for Transport {
    type Err = TransportError;

    fn from_str(text: &str) -> Result<Self, TransportError> {
        if matches!(text, "console" | "console:") {
            return Ok(Self::Console);
        }
        let url = Url::parse(text).map_err(|_| TransportError("is not a well-formed address"))?;
        match url.scheme() {
            "file" => {
                url.to_file_path().map(Self::Folder).map_err(|()| TransportError("does not name a folder"))
            }
            "smtp" | "smtps" => Smtp::of(&url).map(Self::Smtp),
            _ => Err(TransportError("does not begin with `smtps:`, `smtp:`, `file:` or `console:`")),
        }
    }
}

impl Transport {
    /// Lets `smtp://` continue without TLS if the server does not offer it. Anyone who can read or change the traffic
    /// then gets the links and codes that let people into accounts.
    #[must_use]
    pub fn dangerous_plain_text(self) -> Self {
        match self {
            Self::Smtp(smtp) if smtp.encryption != Encryption::Implicit => {
                Self::Smtp(Smtp { encryption: Encryption::IfOffered, is_plain_allowed: true, ..smtp })
            }
            transport => transport,
        }
    }

    /// Whether email may leave this computer in plain text.
    pub(crate) fn may_leave_in_clear(&self) -> bool {
        matches!(self, Self::Smtp(smtp) if smtp.is_plain_allowed && !smtp.is_here())
    }
}

impl Smtp {
    /// Whether it is this computer, judged by its name only: a name server's response could come from anyone.
    pub(super) fn is_here(&self) -> bool {
        is_here(&self.host)
    }

    fn of(url: &Url) -> Result<Self, TransportError> {
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(TransportError("has parts other than user, password, host and port"));
        }
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or(TransportError("does not name a host"))?;
        let is_here = is_here(host.trim_start_matches('[').trim_end_matches(']'));
        let (encryption, port) = match url.scheme() {
            "smtps" => (Encryption::Implicit, 465),
            _ if is_here => (Encryption::IfOffered, 25),
            _ => (Encryption::StartTls, 587),
        };
        let decoded = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(std::borrow::Cow::into_owned).map_err(|_| TransportError("is not UTF-8"))
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((decoded(user)?, decoded(password)?.into())),
            _ => return Err(TransportError("has a user without a password, or a password without a user")),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(port), encryption, credentials, is_plain_allowed: false })
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console => f.write_str("console:"),
            Self::Folder(folder) => write!(f, "file://{}", folder.display()),
            Self::Smtp(smtp) => {
                f.write_str(if smtp.encryption == Encryption::Implicit { "smtps://" } else { "smtp://" })?;
                if let Some((user, _)) = &smtp.credentials {
                    write!(f, "{user}@")?;
                }
                write!(f, "{}:{}", smtp.host, smtp.port)
            }
        }
    }
}

/// Text that is not a [`Transport`]. The message never repeats the text, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; write `smtps://USER:PASSWORD@HOST`, `smtp://USER:PASSWORD@HOST` (with STARTTLS), `file:///DIR` or \
     `console:`, with every special character of the password percent-encoded"
)]
pub struct TransportError(&'static str);

/// A name and an address, as in `Shop <no-reply@shop.example>`, or the address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub(super) name: Option<String>,
    pub(super) email: Email,
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let (name, email) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, email)) => (Some(name.trim().trim_matches('"').to_owned()), email),
            None => (None, text),
        };
        let name = name.filter(|name| !name.is_empty());
        if name.as_ref().is_some_and(|name| name.len() > 200 || name.chars().any(char::is_control)) {
            return Err(MailboxError);
        }
        Ok(Self { name, email: Email::parse(email.trim()).map_err(|_| MailboxError)? })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.email.as_str()),
            None => f.write_str(self.email.as_str()),
        }
    }
}

/// Text that is not a [`Mailbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a sender: write an address, or a name and the address as in `Shop <no-reply@shop.example>`")]
pub struct MailboxError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_read_and_printed_without_its_password() {
        for (text, printed) in [
            ("smtps://ana:p%40ss@mail.example", "smtps://ana@mail.example:465"),
            ("smtp://mail.example", "smtp://mail.example:587"),
            ("smtp://localhost:2525", "smtp://localhost:2525"),
            ("smtp://[::1]:2525/", "smtp://::1:2525"),
            ("file:///var/mail/out", "file:///var/mail/out"),
            ("console:", "console:"),
        ] {
            let transport: Transport = text.parse().unwrap();
            assert_eq!(transport.to_string(), printed);
            assert!(!format!("{transport:?}").contains("p@ss"), "{transport:?}");
        }
        for text in [
            "",
            "mail.example",
            "smtp://",
            "smtp://ana@h",
            "smtp://:x@h",
            "smtp://h/path",
            "smtp://h?tls=no",
            "http://h",
        ] {
            let error = text.parse::<Transport>().unwrap_err().to_string();
            assert!(error.contains("smtps://"), "{text}: {error}");
        }
    }

    #[test]
    fn a_sender_has_an_address_and_perhaps_a_name() {
        for text in ["no-reply@shop.example", "Shop <no-reply@shop.example>"] {
            assert_eq!(text.parse::<Mailbox>().unwrap().to_string(), text);
        }
        for text in ["", "nobody", "Shop <nobody>", "a\r\nBcc: b <a@x.org>", "<>"] {
            assert_eq!(text.parse::<Mailbox>(), Err(MailboxError), "{text:?}");
        }
    }
}
