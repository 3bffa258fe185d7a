//! The names of the settings, all taken from [`Settings`], and what is said to a misspelt one.

use std::ffi::OsStr;

use clap::Args as _;

use super::{ConfigError, Settings};

const PREFIX: &str = "PORTCULLIS_";

/// Refuses a variable that begins like ours and is none of ours: a misspelt limit would silently not apply.
pub(super) fn check_variables(variables: impl Iterator<Item = impl AsRef<OsStr>>) -> Result<(), ConfigError> {
    let variables: Vec<String> = variables.map(|name| name.as_ref().to_string_lossy().into_owned()).collect();
    let known: Vec<String> = names().map(|name| name.variable).collect();
    let in_kubernetes = variables.iter().any(|name| name == "KUBERNETES_SERVICE_HOST");
    let unknown = variables
        .iter()
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .find(|name| !(in_kubernetes && is_service_link(name)));
    match unknown {
        Some(name) => {
            Err(ConfigError::UnknownVariable { name: name.clone(), nearest: nearest(name, known.iter()) })
        }
        None => Ok(()),
    }
}

/// Kubernetes tells every container of a Service named `portcullis` by variables such as `PORTCULLIS_SERVICE_HOST`
/// and `PORTCULLIS_PORT_8000_TCP` (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_service_link(name: &str) -> bool {
    name.contains("_SERVICE_") || name.ends_with("_PORT") || name.contains("_PORT_")
}

/// A setting's name in the file and in the environment.
pub(super) struct Name {
    pub(super) key: String,
    pub(super) variable: String,
}

/// Every setting, as the flags declare it.
pub(super) fn names() -> impl Iterator<Item = Name> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let names: Vec<Name> = command
        .get_arguments()
        .filter_map(|argument| {
            let variable = argument.get_env()?.to_string_lossy().into_owned();
            Some(Name { key: argument.get_id().to_string(), variable })
        })
        .collect();
    names.into_iter()
}

/// The known name that is most like `name`, when any is much like it.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    let likeness = |other: &String| strsim::jaro_winkler(&name.to_uppercase(), &other.to_uppercase());
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
    fn every_name_follows_one_rule() {
        for Name { key, variable } in names() {
            assert_eq!(variable, format!("{PREFIX}{}", key.to_uppercase()));
        }
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_the_nearest_name() {
        check_variables(["HOME", "PORTCULLIS_LISTEN", "PORTCULLIS_CONFIG"].into_iter()).unwrap();
        let message = check_variables(["PORTCULLIS_PUBLIC_URI"].into_iter()).unwrap_err().to_string();
        assert!(message.contains("Did you mean PORTCULLIS_PUBLIC_URL?"), "{message}");
        check_variables(["PORTCULLIS_PORT"].into_iter()).unwrap_err();
        check_variables(
            ["KUBERNETES_SERVICE_HOST", "PORTCULLIS_PORT", "PORTCULLIS_SERVICE_PORT_HTTP"].into_iter(),
        )
        .unwrap();
        check_variables(["KUBERNETES_SERVICE_HOST", "PORTCULLIS_LIMIT"].into_iter()).unwrap_err();
    }
}
