//! Reads the emails that an account system sent into the folder of its place.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::process::eventually;
use super::{Place, TestApp};

/// An email as its reader sees it.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
    /// The URL in the text that the reader is asked to open.
    pub link: Option<String>,
    /// The `token` of that link.
    pub token: Option<String>,
}

impl TestApp {
    /// Sends all due emails and returns every email so far, in the order in which they were queued.
    pub async fn mails(&self) -> Vec<Mail> {
        // Another instance of the test may have claimed an email that is not in the folder yet.
        eventually("every mail is sent", Duration::from_secs(30), async || {
            self.app.deliver_due_mail().await.unwrap();
            let left = self.place.value("SELECT count(*) FROM mails WHERE failed_at IS NULL").await;
            (left == "0").then_some(())
        })
        .await;
        self.place.mails()
    }

    /// The emails to `name`@example.com.
    pub async fn mails_to(&self, name: &str) -> Vec<Mail> {
        let to = super::email(name);
        self.mails().await.into_iter().filter(|mail| mail.to == to).collect()
    }
}

impl Place {
    /// The emails in the folder.
    pub fn mails(&self) -> Vec<Mail> {
        let Ok(folder) = fs::read_dir(self.data_dir().join("mail")) else { return Vec::new() };
        let mut files: Vec<_> = folder
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        // Their names are their times.
        files.sort();
        files.iter().map(|path| parse_mail(&fs::read_to_string(path).unwrap())).collect()
    }
}

/// Parses an email with two alternatives.
pub fn parse_mail(raw: &str) -> Mail {
    let (headers, body) = part(raw);
    let of = |name: &str| header(&headers, name);
    let boundary =
        of("Content-Type").split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let parts: Vec<_> = body
        .split(&format!("--{boundary}"))
        .filter(|part| part.contains("Content-Type"))
        .map(|raw| {
            let (headers, body) = part(raw.trim_start());
            (header(&headers, "Content-Type"), decoded(&headers, &body))
        })
        .collect();
    let alternative = |kind: &str| parts.iter().find(|(found, _)| found.starts_with(kind)).unwrap().1.clone();
    let (text, html) = (alternative("text/plain"), alternative("text/html"));
    assert_eq!(parts.len(), 2, "{raw}");
    let link = text.lines().find(|line| line.starts_with("http")).map(str::to_owned);
    let token = link.as_ref().and_then(|link| link.split_once("?token=")).map(|(_, token)| token.to_owned());
    let (to, subject) = (of("To"), words(&of("Subject")));
    Mail { to, subject, headers, text, html, link, token }
}

impl Mail {
    /// The header with this name, which must occur once.
    pub fn header(&self, name: &str) -> String {
        header(&self.headers, name)
    }
}

fn header(headers: &[(String, String)], name: &str) -> String {
    let found: Vec<_> = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).collect();
    assert_eq!(found.len(), 1, "{name} in {headers:?}");
    found[0].1.clone()
}

/// Unfolded headers, and the body.
fn part(raw: &str) -> (Vec<(String, String)>, String) {
    let raw = raw.replace("\r\n", "\n");
    let (head, body) = raw.split_once("\n\n").unwrap();
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_owned(), value.trim().to_owned())
    };
    (head.lines().map(header).collect(), body.to_owned())
}

fn decoded(headers: &[(String, String)], body: &str) -> String {
    match header(headers, "Content-Transfer-Encoding").as_str() {
        "7bit" | "8bit" => body.to_owned(),
        "base64" => String::from_utf8(STANDARD.decode(body.replace('\n', "")).unwrap()).unwrap(),
        "quoted-printable" => quoted_printable(&body.replace("=\n", "")),
        other => panic!("{other}"),
    }
    .replace("\r\n", "\n")
}

fn quoted_printable(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Decodes the encoded words of RFC 2047.
fn words(header: &str) -> String {
    let mut text = String::new();
    let mut was_encoded = false;
    for word in header.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
        // Spaces between two encoded words are ignored.
        let follows_another = was_encoded && encoded.is_some();
        if !text.is_empty() && !follows_another {
            text.push(' ');
        }
        match encoded {
            Some(word) => text.push_str(&String::from_utf8(STANDARD.decode(word).unwrap()).unwrap()),
            None => text.push_str(word),
        }
        was_encoded = encoded.is_some();
    }
    text
}
