//! `portcullis doctor`: checks for problems, one line per check.

use std::{fmt::Write as _, fs, io::Write as _, path::Path, time::Duration};

use futures_util::future::join_all;
use tokio::{net::lookup_host, time::timeout};

use super::Trial;
use super::out::{BAD, GOOD, ODD, say, styled};
use crate::{
    accounts::Email,
    app::App,
    attributes,
    config::{Config, PublicUrl},
    files,
    mail::{self, Transport},
    passkeys::are_possible,
    paths, random,
    upstream::Health,
};

/// An email that waits longer than this is a warning.
const SLOW: Duration = Duration::from_mins(5);
/// An email that waits longer than this is a failure: the queue is not being sent.
const STUCK: Duration = Duration::from_hours(1);
/// A difference between clocks that is a warning, in seconds.
const NOTABLE: u64 = 20;
const NAME_SERVER_TAKES: Duration = Duration::from_secs(5);

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Good,
    /// A warning.
    Odd,
    /// A failure.
    Bad,
}

/// The results so far.
#[derive(Default)]
struct Findings {
    failed: usize,
}

impl Findings {
    /// Prints one line.
    fn say(&mut self, look: Look, what: &str, found: &str) -> Result<(), String> {
        let (word, style) = match look {
            Look::Good => ("ok", GOOD),
            Look::Odd => ("warn", ODD),
            Look::Bad => ("FAIL", BAD),
        };
        self.failed += usize::from(look == Look::Bad);
        say(&format!("{} {what:<13} {found}", styled(style, &format!("{word:<5}"))))
    }

    /// The result of the command.
    fn verdict(&self) -> Result<(), String> {
        match self.failed {
            0 => Ok(()),
            1 => Err("one check failed; its line says what to do".to_owned()),
            count => Err(format!("{count} checks failed; their lines say what to do")),
        }
    }
}

/// Runs every check, or the requested trial.
pub(super) async fn run(config: Config, trial: Option<Trial>) -> Result<(), String> {
    super::require_data(&config)?;
    let mut findings = Findings::default();
    public_url(&mut findings, &config.public_url())?;
    passkeys(&mut findings, &config.public_url())?;
    if folder(&mut findings, "data", &config.data_dir)? {
        let app = match App::open(config).await {
            Ok(app) => app,
            Err(error) => {
                findings.say(Look::Bad, "start", &error.to_string())?;
                return findings.verdict();
            }
        };
        opened(&mut findings, &app).await?;
        match trial {
            None => {
                providers(&mut findings, &app).await?;
                queue(&mut findings, &app).await?;
                attributes_kept(&mut findings, &app).await?;
            }
            Some(Trial::Mail { address }) => trial_mail(&mut findings, &app, &address).await?,
        }
        app.close().await;
    }
    findings.verdict()
}

fn public_url(findings: &mut Findings, url: &PublicUrl) -> Result<(), String> {
    if url.is_https() {
        findings.say(Look::Good, "address", url.as_str())
    } else {
        findings.say(
            Look::Odd,
            "address",
            &format!(
                "{url} works on this computer only, and so do links in emails; set `public_url` so that others can \
                    connect"
            ),
        )
    }
}

/// Passkeys are only mentioned where they do not work.
fn passkeys(findings: &mut Findings, url: &PublicUrl) -> Result<(), String> {
    if are_possible(url) {
        return Ok(());
    }
    let host = url.host();
    let found = format!(
        "they do not work at {host}, because browsers do not create passkeys for IP addresses; set `public_url` to an \
            address with a domain name, or on this computer to http://localhost with the port"
    );
    findings.say(Look::Odd, "passkeys", &found)
}

/// Checks and returns whether files can be created in a folder.
fn folder(findings: &mut Findings, what: &str, path: &Path) -> Result<bool, String> {
    let trial = path.join(format!(".doctor-{:016x}", u64::from_ne_bytes(random::bytes())));
    let written = files::create_private_dir(path)
        .and_then(|()| files::create_private_file(&trial))
        .and_then(|mut file| file.write_all(b"trial").and_then(|()| file.sync_all()))
        .and_then(|()| fs::remove_file(&trial));
    match written {
        Ok(()) => {
            findings.say(Look::Good, what, &format!("{} can be written", path.display())).map(|()| true)
        }
        Err(cause) => {
            // It may be partly written.
            let _ = fs::remove_file(&trial);
            let problem = format!(
                "{} cannot be written: {cause}. Make it writable for the server's user, and check whether the disk is \
                    full",
                path.display()
            );
            findings.say(Look::Bad, what, &problem).map(|()| false)
        }
    }
}

/// Reports what [`App::open`] has checked by opening it, and whether it works.
async fn opened(findings: &mut Findings, app: &App) -> Result<(), String> {
    findings.say(Look::Good, "secret key", "only the server's user can read it")?;
    let database = &app.config().database.url;
    if app.db().ready().await {
        findings.say(Look::Good, "database", &format!("{database} responds; its tables are up to date"))?;
    } else {
        findings.say(Look::Bad, "database", &format!("{database} does not respond; the log says why"))?;
    }
    findings.say(Look::Good, "signing keys", "they open with the secret key")?;
    folder(findings, "pictures", &app.objects_dir())?;
    if !app.config().limits {
        findings.say(
            Look::Odd,
            "limits",
            "they are off, so anyone can guess passwords without limit. Unset PORTCULLIS_LIMITS",
        )?;
    }
    transport(findings, app)
}

fn transport(findings: &mut Findings, app: &App) -> Result<(), String> {
    let Some((name, address)) = mail::sender(app) else {
        return findings.say(
            Look::Bad,
            "mail",
            "the sender is not an email address; correct the setting `mail_from`",
        );
    };
    let transport = &app.config().mail.way();
    let way = format!("{transport}, from {name} <{address}>");
    match transport {
        Transport::Smtp(_) if transport.may_leave_in_clear() => findings.say(
            Look::Odd,
            "mail",
            &format!(
                "{way}: without TLS if the server offers none, so anyone who can read that traffic can take over \
                    accounts. Unset `mail_dangerous_plain_text` when the server has TLS"
            ),
        )?,
        Transport::Smtp(_) => findings.say(Look::Good, "mail", &way)?,
        Transport::Folder(path) => {
            folder(findings, "mail folder", path)?;
            findings.say(
                Look::Odd,
                "mail",
                &format!("{way}: nobody receives these emails. Set `mail_url` to an SMTP server"),
            )?;
        }
        Transport::Console => {
            findings.say(
                Look::Odd,
                "mail",
                &format!("{way}: nobody receives these emails. Set `mail_url` to an SMTP server"),
            )?;
        }
    }
    Ok(())
}

/// Checks the providers that people can log in with, concurrently: each may take ten seconds.
async fn providers(findings: &mut Findings, app: &App) -> Result<(), String> {
    let looks = app.providers().iter().map(|provider| async move { (provider, provider.look().await) });
    for (provider, look) in join_all(looks).await {
        let register = format!("{}{}", app.public_url(), paths::provider_callback(provider.name()));
        let what = format!("login with {}", provider.name());
        match look {
            Ok(Health { clock_apart: Some(apart) }) if apart > NOTABLE => findings.say(
                Look::Odd,
                &what,
                &format!(
                    "its clock and this computer's are {apart} s apart; beyond 60 s, logins fail. Synchronize this \
                     computer's clock"
                ),
            )?,
            Ok(_) => {
                findings.say(Look::Good, &what, &format!("responds; register the redirect URI {register} there"))?;
            }
            Err(error) => findings.say(Look::Bad, &what, &error.to_string())?,
        }
    }
    Ok(())
}

/// Attributes are only mentioned if there are any.
async fn attributes_kept(findings: &mut Findings, app: &App) -> Result<(), String> {
    let kept = match attributes::undeclared(app).await {
        Ok(kept) => kept,
        Err(error) => return findings.say(Look::Bad, "attributes", &error.to_string()),
    };
    if !kept.is_empty() {
        let names: Vec<_> = kept.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        let found = format!(
            "values are kept of attributes that are not declared: {}. Nobody sees them. Declare them again, or delete \
             them from the table `attribute_values`",
            names.join(", ")
        );
        return findings.say(Look::Odd, "attributes", &found);
    }
    match app.config().attributes.len() {
        0 => Ok(()),
        count => findings.say(Look::Good, "attributes", &format!("{count} declared")),
    }
}

async fn queue(findings: &mut Findings, app: &App) -> Result<(), String> {
    let figures = match mail::figures(app).await {
        Ok(figures) => figures,
        Err(error) => return findings.say(Look::Bad, "mail queue", &error.to_string()),
    };
    let age = figures.oldest.map_or(Duration::ZERO, |oldest| app.now() - oldest);
    let mut found = format!("{} waiting, {} of them tried before", figures.waiting, figures.tried);
    if figures.waiting > 0 {
        let whole_seconds = Duration::from_secs(age.as_secs());
        let _ = write!(found, ", the oldest for {}", humantime::format_duration(whole_seconds));
    }
    let _ = write!(found, "; {} given up", figures.failed);
    if let Ok(Some(error)) = mail::last_error(app).await {
        let _ = write!(found, "; the last error: {error}");
    }
    if age > STUCK {
        findings.say(
            Look::Bad,
            "mail queue",
            &format!("{found}. Is a server running? Try `portcullis doctor mail ADDRESS`"),
        )
    } else if age > SLOW || figures.failed > 0 {
        findings.say(Look::Odd, "mail queue", &format!("{found}. Try `portcullis doctor mail ADDRESS`"))
    } else {
        findings.say(Look::Good, "mail queue", &found)
    }
}

async fn trial_mail(findings: &mut Findings, app: &App, to: &Email) -> Result<(), String> {
    sender_domain(findings, app).await?;
    let mut steps = Vec::new();
    let sent = mail::send_trial(app, to, &mut |step| steps.push(step)).await;
    for step in &steps {
        findings.say(Look::Good, "trial", step)?;
    }
    match sent {
        Ok(()) => findings.say(
            Look::Good,
            "trial",
            &format!("sent a test email to {to}; check the spam folder too"),
        ),
        Err(problem) => findings.say(Look::Bad, "trial", &problem.to_string()),
    }
}

/// Hints that keep email out of spam folders.
async fn sender_domain(findings: &mut Findings, app: &App) -> Result<(), String> {
    let Some((_, address)) = mail::sender(app) else { return Ok(()) };
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    if domain == "localhost" || domain.ends_with(".localhost") {
        let found = format!(
            "{address} is an address of this computer only: other servers reject or lose email from it. Set \
             `mail_from`, or `public_url` to the address that people use"
        );
        return findings.say(Look::Odd, "sender", &found);
    }
    let host = app.issuer_host();
    let is_same = host == domain
        || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        || domain.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'));
    if !is_same {
        let found =
            format!("{domain} is not the domain of {host}: set the SPF, DKIM and DMARC records of {domain}");
        findings.say(Look::Odd, "sender", &found)?;
    }
    match timeout(NAME_SERVER_TAKES, lookup_host((domain, 25))).await {
        Ok(Ok(_)) => findings.say(Look::Good, "sender", &format!("{domain} has an address in the DNS")),
        _ => findings.say(
            Look::Odd,
            "sender",
            &format!(
                "{domain} has no address that this computer can find; many servers reject email from such a \
                domain unless it has an MX record"
            ),
        ),
    }
}
