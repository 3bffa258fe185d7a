//! Builds a provider from its settings: finds missing and conflicting ones, and reads the files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Credential, Provider, ProvidersError, apple::AppleKey, kind::Kind, openid::Known, tenant::Tenant,
};
use crate::{
    clock::Clock,
    config::LoginProvider,
    outgoing::{Outgoing, Reach, Target},
};

/// The maximum size of a file with a secret or a key.
const FILE: u64 = 64 * 1024;
/// The maximum length of a label in characters.
const LABEL: usize = 40;

/// The outgoing clients, which all providers share.
pub(super) struct Ways {
    public: Arc<Outgoing>,
    private: Arc<Outgoing>,
}

impl Ways {
    pub(super) fn new() -> Self {
        let way = |reach| Arc::new(Outgoing::new(reach));
        Self { public: way(Reach::Public), private: way(Reach::Private) }
    }
}

/// # Errors
/// Which setting is wrong, and what to do.
pub(super) fn provider(
    name: &str,
    settings: &LoginProvider,
    ways: &Ways,
    clock: &Clock,
) -> Result<Provider, ProvidersError> {
    let wrong = |key: &'static str, problem: &str| ProvidersError {
        setting: format!("login_with.{name}.{key}"),
        problem: problem.to_owned(),
    };
    let kind = Kind::named(name);
    check_applies(kind, settings, &wrong)?;
    if settings.client_id.is_empty() {
        return Err(wrong("client_id", "is missing: write the client id that the provider gave you"));
    }
    let outgoing = if settings.private_network { &ways.private } else { &ways.public };
    let issuer = issuer(kind, settings, outgoing.reach(), &wrong)?;
    let tenant = settings.tenant.as_deref().unwrap_or("common");
    let tenant = Tenant::parse(tenant).map_err(|problem| wrong("tenant", problem))?;
    let scopes = scopes(kind, settings, &wrong)?;
    let label = settings.label.as_deref().or(kind.label()).unwrap_or(name).to_owned();
    if label.trim().is_empty() || label.chars().count() > LABEL || label.chars().any(char::is_control) {
        return Err(wrong("label", "must be 1 to 40 characters, none of them a control character"));
    }
    let credential = match kind {
        Kind::Apple => Credential::Apple(Box::new(apple_key(settings, &wrong)?)),
        _ => secret(settings, &wrong)?.map_or(Credential::None, Credential::Secret),
    };
    // An issuer may allow a client without a secret, protected by PKCE alone.
    if matches!(credential, Credential::None) && kind != Kind::Issuer {
        return Err(wrong("client_secret", "is missing: write it, or name its file in `client_secret_file`"));
    }
    Ok(Provider {
        name: name.to_owned(),
        label,
        kind,
        issuer,
        tenant,
        client_id: settings.client_id.clone(),
        credential,
        scopes,
        trust: kind.trust(settings.trust_email),
        outgoing: Arc::clone(outgoing),
        clock: clock.clone(),
        known: Known::default(),
    })
}

/// Rejects settings of other providers, which would silently have no effect.
fn check_applies(kind: Kind, settings: &LoginProvider, wrong: &Wrong<'_>) -> Result<(), ProvidersError> {
    let (is_apple, is_issuer) = (kind == Kind::Apple, matches!(kind, Kind::GitLab | Kind::Issuer));
    for (key, is_set, is_used) in [
        ("tenant", settings.tenant.is_some(), kind == Kind::Microsoft),
        ("team_id", settings.team_id.is_some(), is_apple),
        ("key_id", settings.key_id.is_some(), is_apple),
        ("key_file", settings.key_file.is_some(), is_apple),
        ("client_secret", settings.client_secret.is_some(), !is_apple),
        ("client_secret_file", settings.client_secret_file.is_some(), !is_apple),
        ("trust_email", settings.trust_email, is_issuer),
    ] {
        if is_set && !is_used {
            return Err(wrong(key, "does not apply to this provider; remove it"));
        }
    }
    Ok(())
}

fn issuer(
    kind: Kind,
    settings: &LoginProvider,
    reach: Reach,
    wrong: &Wrong<'_>,
) -> Result<String, ProvidersError> {
    let issuer = match (&settings.issuer, kind.address()) {
        // An issuer's name must match byte for byte; the addresses in the table have nothing after the host.
        (Some(issuer), None) => issuer.clone(),
        (Some(issuer), Some(_)) => issuer.trim_end_matches('/').to_owned(),
        (None, Some(address)) => address.to_owned(),
        (None, None) => {
            return Err(wrong(
                "issuer",
                "is missing: write the address of the issuer, as in https://id.example",
            ));
        }
    };
    if issuer.contains('?') {
        return Err(wrong("issuer", "has a query, which an issuer never has"));
    }
    Target::parse(&issuer, reach).map_err(|problem| wrong("issuer", problem))?;
    Ok(issuer)
}

fn scopes(kind: Kind, settings: &LoginProvider, wrong: &Wrong<'_>) -> Result<String, ProvidersError> {
    let scopes = settings.scopes.as_deref().unwrap_or(kind.scopes());
    let is_text = scopes.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if scopes.len() > 1000 || !is_text {
        return Err(wrong(
            "scopes",
            "must be at most 1000 visible ASCII characters, with spaces between scopes",
        ));
    }
    if kind.is_openid() && kind != Kind::Apple && !scopes.split(' ').any(|scope| scope == "openid") {
        return Err(wrong("scopes", "must contain `openid`"));
    }
    Ok(scopes.to_owned())
}

type Wrong<'a> = dyn Fn(&'static str, &str) -> ProvidersError + 'a;

fn secret(settings: &LoginProvider, wrong: &Wrong<'_>) -> Result<Option<SecretString>, ProvidersError> {
    let secret = match (&settings.client_secret, &settings.client_secret_file) {
        (Some(_), Some(_)) => {
            return Err(wrong("client_secret", "is set, and so is `client_secret_file`; remove one of them"));
        }
        (None, None) => return Ok(None),
        (Some(secret), None) => secret.clone(),
        (None, Some(file)) => {
            let text = read(file).map_err(|problem| wrong("client_secret_file", &problem))?;
            let text = String::from_utf8(text)
                .map_err(|_| wrong("client_secret_file", &format!("{}: it is not text", file.display())))?;
            SecretString::from(text.trim())
        }
    };
    // All client secrets are visible ASCII, so anything else is the wrong file.
    let text = secret.expose_secret();
    if text.is_empty() || text.len() > 4096 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let key = if settings.client_secret.is_some() { "client_secret" } else { "client_secret_file" };
        return Err(wrong(key, "is not a client secret: that is 1 to 4096 visible ASCII characters"));
    }
    Ok(Some(secret))
}

fn apple_key(settings: &LoginProvider, wrong: &Wrong<'_>) -> Result<AppleKey, ProvidersError> {
    let id = |key, id: &Option<String>| {
        let is_id = |id: &String| id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        id.clone()
            .filter(is_id)
            .ok_or_else(|| wrong(key, "must be the 10 letters and digits that Apple shows"))
    };
    let (team_id, key_id) = (id("team_id", &settings.team_id)?, id("key_id", &settings.key_id)?);
    let file = settings
        .key_file
        .as_deref()
        .ok_or_else(|| wrong("key_file", "is missing: name the file AuthKey_….p8 that Apple gave you"))?;
    let pem = read(file).map_err(|problem| wrong("key_file", &problem))?;
    AppleKey::new(team_id, key_id, &pem)
        .map_err(|problem| wrong("key_file", &format!("{}: it {problem}", file.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |cause: io::Error| {
        format!(
            "{}: it cannot be read: {cause}. Correct the path, or let the server's user read it",
            path.display()
        )
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > FILE {
        Err(format!("{}: it is larger than 64 KiB", path.display()))
    } else {
        Ok(bytes)
    }
}
