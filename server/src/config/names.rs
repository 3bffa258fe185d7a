//! The names of the settings in the environment, and the check for misspelled ones.

use std::ffi::OsStr;
use std::net::IpAddr;

use super::ConfigError;
use super::load::CONFIG_VARIABLE;
use super::login_with::Place;
use super::table::Setting;

pub(super) const PREFIX: &str = "PORTCULLIS_";

/// Rejects a variable with our prefix that is not a setting: a misspelled limit would otherwise be ignored silently.
pub(super) fn check_variables(
    variables: impl Iterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
) -> Result<(), ConfigError> {
    let known: Vec<String> =
        Setting::all().map(Setting::variable).chain([CONFIG_VARIABLE.to_owned()]).collect();
    let mut unknown = variables
        .map(|(name, value)| (text(name), text(value)))
        .filter(|(name, value)| name.starts_with(PREFIX) && !is_service_link(name, value))
        .map(|(name, _)| name);
    match unknown.find(|name| !known.contains(name) && Place::of_variable(name).is_none()) {
        Some(name) => {
            let nearest = nearest(&name, known.iter());
            Err(ConfigError::UnknownVariable { name, nearest })
        }
        None => Ok(()),
    }
}

/// The variables that Kubernetes sets for a Service whose name begins with `portcullis`, such as
/// `PORTCULLIS_PORT=tcp://10.0.0.1:80`
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>). They are not settings.
pub(crate) fn service_links() -> Vec<String> {
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let links = variables.filter(|(name, value)| name.starts_with(PREFIX) && is_service_link(name, value));
    links.map(|(name, _)| name).collect()
}

fn text(value: impl AsRef<OsStr>) -> String {
    value.as_ref().to_string_lossy().into_owned()
}

/// Judges by name and value: `PORTCULLIS_PORT=8000` is a mistake, `PORTCULLIS_PORT=tcp://10.0.0.1:80` is a service
/// link.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_protocol = |text: &str| matches!(text, "tcp" | "udp" | "sctp");
    let is_url = || {
        value.split_once("://").is_some_and(|(protocol, rest)| {
            is_protocol(protocol)
                && rest.rsplit_once(':').is_some_and(|(host, port)| {
                    is_address(host.trim_start_matches('[').trim_end_matches(']')) && is_port(port)
                })
        })
    };
    if name.ends_with("_SERVICE_HOST") {
        return is_address(value);
    }
    if name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return is_port(value);
    }
    if name.ends_with("_PORT") && is_url() {
        return true;
    }
    // PORTCULLIS_PORT_8000_TCP, alone or followed by _PROTO, _PORT or _ADDR.
    let Some((_, link)) = name.rsplit_once("_PORT_") else { return false };
    let mut words = link.split('_');
    let is_named = words.next().is_some_and(is_port)
        && words.next().is_some_and(|word| is_protocol(&word.to_lowercase()));
    let fits = match words.next() {
        None => is_url(),
        Some("PROTO") => is_protocol(value),
        Some("PORT") => is_port(value),
        Some("ADDR") => is_address(value),
        Some(_) => false,
    };
    is_named && fits && words.next().is_none()
}

/// The known name that is most similar to `name`, if any is similar enough.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    // Compare without the common prefix, which would make all names look similar.
    let own = |name: &str| name.to_uppercase().trim_start_matches(PREFIX).to_owned();
    let likeness = |other: &String| strsim::jaro_winkler(&own(name), &own(other));
    known
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_refused_with_the_nearest_name() {
        let check = |name: &str, value: &str| check_variables([(name, value)].into_iter());
        for name in ["HOME", "PORTCULLIS_LISTEN", "PORTCULLIS_CONFIG"] {
            check(name, "").unwrap();
        }
        let message = check("PORTCULLIS_PUBLIC_URI", "").unwrap_err().to_string();
        assert!(message.contains("unknown setting in the environment: PORTCULLIS_PUBLIC_URI."), "{message}");
        assert!(message.contains("Did you mean PORTCULLIS_PUBLIC_URL?"), "{message}");
        let message = check("PORTCULLIS_TEST_PYTHON", "").unwrap_err().to_string();
        assert!(!message.contains("Did you mean"), "{message}");
    }

    #[test]
    fn service_links_are_let_through_by_name_and_value() {
        for (name, value) in [
            ("PORTCULLIS_SERVICE_HOST", "10.0.0.1"),
            ("PORTCULLIS_HTTP_SERVICE_HOST", "fd00::1"),
            ("PORTCULLIS_SERVICE_PORT", "80"),
            ("PORTCULLIS_SERVICE_PORT_HTTP", "80"),
            ("PORTCULLIS_PORT", "tcp://10.0.0.1:80"),
            ("PORTCULLIS_PORT", "tcp://[fd00::1]:80"),
            ("PORTCULLIS_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("PORTCULLIS_PORT_8000_TCP_PROTO", "tcp"),
            ("PORTCULLIS_PORT_8000_TCP_PORT", "8000"),
            ("PORTCULLIS_PORT_53_UDP_ADDR", "10.0.0.1"),
        ] {
            check_variables([(name, value)].into_iter()).unwrap();
        }
        for (name, value) in [
            ("PORTCULLIS_PORT", "8000"),
            ("PORTCULLIS_PORT", "http://10.0.0.1:80"),
            ("PORTCULLIS_PORT_TCP", "tcp://10.0.0.1:80"),
            ("PORTCULLIS_PORT_8000_TCP_NAME", "tcp"),
            ("PORTCULLIS_SERVICE_HOST", "login.example"),
            ("PORTCULLIS_SERVICE_NAME", "10.0.0.1"),
            ("PORTCULLIS_LIMIT", "off"),
        ] {
            check_variables([(name, value)].into_iter()).unwrap_err();
        }
    }
}
