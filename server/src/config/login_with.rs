//! The providers that people can log in with. Each has a name and the settings that are declared here, once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use secrecy::SecretString;

use super::names::PREFIX;
use super::value::{Shape, Value};
use super::{Config, ConfigError};

/// The name of the option and of the table in the file, and part of the name of each variable.
pub(super) const LOGIN_WITH: &str = "login_with";
/// The placeholder for a provider's name in texts.
pub(super) const NAME: &str = "NAME";
/// The longest name of a provider.
const LONGEST_NAME: usize = 30;
/// The most providers.
const PROVIDERS: usize = 20;

/// A setting of each provider.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) value_name: &'static str,
    pub(super) example: &'static str,
    /// What it does, in Markdown.
    help: &'static [&'static str],
    get: fn(&LoginProvider) -> Option<String>,
    set: fn(&mut LoginProvider, &OsStr) -> Result<(), String>,
}

/// Declares the settings of a provider as the fields of a struct and the rows of a table.
macro_rules! keys {
    ($(#[$meta:meta])* pub struct $Provider:ident {$(
        $(#[doc = $doc:literal])+
        $field:ident: $Type:ty, ($value_name:literal, example $example:literal);
    )+}) => {
        $(#[$meta])*
        pub struct $Provider {$(
            $(#[doc = $doc])+
            pub $field: $Type,
        )+}

        pub(super) static KEYS: &[Key] = &[$(Key {
            name: stringify!($field),
            value_name: $value_name,
            example: $example,
            help: &[$($doc),+],
            get: |provider| Value::write(&provider.$field),
            set: |provider, text| {
                provider.$field = <$Type as Value>::read_os(text)?;
                Ok(())
            },
        }),+];
    };
}

keys! {
    /// A provider that people can log in with. `docs/social-login.md` describes what each one needs.
    #[derive(Clone, Debug, Default)]
    #[non_exhaustive]
    pub struct LoginProvider {
        /// The client id that the provider gave you. Required.
        client_id: String, ("ID", example "your-client-id");

        /// The client secret that the provider gave you. Give it in a variable or the file: other users of the computer
        /// can see options.
        client_secret: Option<SecretString>, ("SECRET", example "your-client-secret");

        /// The file that holds the client secret.
        client_secret_file: Option<PathBuf>, ("FILE", example "/run/secrets/acme");

        /// The address of the provider. Required for an OpenID issuer; it must equal the `issuer` in its metadata
        /// exactly. For `github`, `gitlab` and `microsoft`, set it to use your own server or a national cloud.
        issuer: Option<String>, ("URL", example "https://id.acme.example");

        /// The name on the button. Default: the provider's own, or NAME.
        label: Option<String>, ("TEXT", example "Acme");

        /// The scopes to request instead of the usual ones, separated by spaces.
        scopes: Option<String>, ("SCOPES", example "openid email profile");

        /// Whether an address that this issuer calls verified counts as verified. Whoever runs the issuer can then take
        /// over any account. For `gitlab` and OpenID issuers only. Default: `off`.
        trust_email: bool, ("on|off", example "off");

        /// Whether the provider may be on this computer or a private network. Default: `off`.
        private_network: bool, ("on|off", example "off");

        /// For `microsoft`: whose accounts may log in, `common` (all), `organizations`, `consumers`, or the id of one
        /// tenant. Default: `common`.
        tenant: Option<String>, ("TENANT", example "common");

        /// For `apple`: the id of your team.
        team_id: Option<String>, ("ID", example "A1B2C3D4E5");

        /// For `apple`: the id of your key.
        key_id: Option<String>, ("ID", example "F6G7H8I9J0");

        /// For `apple`: the file of your key.
        key_file: Option<PathBuf>, ("FILE", example "/run/secrets/AuthKey_F6G7H8I9J0.p8");
    }
}

/// A provider's name and one of its keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) provider: String,
    pub(super) key: &'static str,
}

impl Key {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// What it does, as one paragraph.
    pub(super) fn help(&self) -> String {
        self.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    pub(super) const fn shape() -> Shape {
        Shape::Text
    }
}

impl Place {
    /// The setting as `config show` and messages write it.
    pub(super) fn setting(&self) -> String {
        format!("{LOGIN_WITH}.{}.{}", self.provider, self.key)
    }

    pub(super) fn variable(provider: &str, key: &str) -> String {
        format!("{PREFIX}{LOGIN_WITH}_{provider}_{key}").to_uppercase().replace('-', "_")
    }

    /// The setting that an environment variable names. A `-` in a provider's name is `_` there.
    pub(super) fn of_variable(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?.strip_prefix("LOGIN_WITH_")?;
        // The longest match, in case one key ends like another.
        let key = KEYS
            .iter()
            .filter(|key| rest.ends_with(&format!("_{}", key.name.to_uppercase())))
            .max_by_key(|key| key.name.len())?;
        let provider = rest.strip_suffix(&key.name.to_uppercase())?.strip_suffix('_')?;
        let is_variable =
            provider.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let provider = provider.to_lowercase().replace('_', "-");
        (is_variable && is_name(&provider)).then_some(Self { provider, key: key.name })
    }

    /// Parses an option `--login-with NAME.KEY=VALUE` into a setting and its value.
    ///
    /// # Errors
    /// Returns what is wrong with the option, without its value.
    pub(super) fn of_option(text: &OsStr) -> Result<(Self, OsString), String> {
        let text = text.to_str().ok_or("is not UTF-8")?;
        let (place, value) =
            text.split_once('=').ok_or("must be NAME.KEY=VALUE, as in --login-with google.client_id=1234")?;
        let (provider, key) = place.split_once('.').ok_or_else(|| format!("`{place}` must be NAME.KEY"))?;
        Ok((Self::new(provider, key)?, value.into()))
    }

    /// # Errors
    /// If `provider` cannot be a provider's name, or `key` is not a setting.
    pub(super) fn new(provider: &str, key: &str) -> Result<Self, String> {
        if !is_name(provider) {
            return Err(format!(
                "`{}` is not a name for a provider: 1 to {LONGEST_NAME} of a-z, 0-9 and single dashes inside, as in \
                 `google` or `acme-staff`",
                provider.escape_debug()
            ));
        }
        let known = Key::named(key).ok_or_else(|| {
            let names = KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join("`, `");
            format!("`{}` is not a setting of a provider; there are `{names}`", key.escape_debug())
        })?;
        Ok(Self { provider: provider.to_owned(), key: known.name })
    }
}

/// Sets one setting of a provider.
///
/// # Errors
/// Returns what is wrong, as a phrase that follows the setting's name.
pub(super) fn set(config: &mut Config, place: &Place, text: &OsStr) -> Result<(), String> {
    let key = Key::named(place.key).ok_or("is not a setting")?;
    if !config.login_with.contains_key(&place.provider) && config.login_with.len() >= PROVIDERS {
        return Err(format!("configures one provider too many: the limit is {PROVIDERS}"));
    }
    (key.set)(config.login_with.entry(place.provider.clone()).or_default(), text)
}

/// The value, unless it is a secret.
pub(super) fn value(config: &Config, place: &Place) -> Option<String> {
    (Key::named(place.key)?.get)(config.login_with.get(&place.provider)?)
}

/// Rejects names that cannot be part of a path, and too many providers.
///
/// # Errors
/// [`ConfigError::Provider`].
pub(super) fn check(providers: &BTreeMap<String, LoginProvider>) -> Result<(), ConfigError> {
    let wrong = |setting: String, problem: String| ConfigError::Provider { setting, problem };
    if providers.len() > PROVIDERS {
        return Err(wrong(LOGIN_WITH.to_owned(), format!("has more than {PROVIDERS} providers")));
    }
    match providers.keys().find_map(|name| Place::new(name, "client_id").err()) {
        Some(problem) => Err(wrong(LOGIN_WITH.to_owned(), problem)),
        None => Ok(()),
    }
}

/// Names are part of paths and of variables.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= LONGEST_NAME && name.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_the_provider_and_the_setting() {
        for (variable, provider, key) in [
            ("PORTCULLIS_LOGIN_WITH_GOOGLE_CLIENT_ID", "google", "client_id"),
            ("PORTCULLIS_LOGIN_WITH_GOOGLE_CLIENT_SECRET", "google", "client_secret"),
            ("PORTCULLIS_LOGIN_WITH_GOOGLE_CLIENT_SECRET_FILE", "google", "client_secret_file"),
            ("PORTCULLIS_LOGIN_WITH_ACME_STAFF_ISSUER", "acme-staff", "issuer"),
            ("PORTCULLIS_LOGIN_WITH_ACME_KEY_KEY_FILE", "acme-key", "key_file"),
        ] {
            let place = Place::of_variable(variable).unwrap();
            assert_eq!((place.provider.as_str(), place.key), (provider, key));
            assert_eq!(Place::variable(provider, key), variable);
        }
        for wrong in [
            "PORTCULLIS_LOGIN_WITH_GOOGLE",
            "PORTCULLIS_LOGIN_WITH_CLIENT_ID",
            "PORTCULLIS_LOGIN_WITH__CLIENT_ID",
            "PORTCULLIS_LOGIN_WITH_google_CLIENT_ID",
            "PORTCULLIS_LOGIN_WITH_GOOGLE_CLIENTID",
            "PORTCULLIS_LOGIN_WITH_A__B_CLIENT_ID",
            "LOGIN_WITH_GOOGLE_CLIENT_ID",
        ] {
            assert_eq!(Place::of_variable(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_option_names_them_too_and_no_message_repeats_a_value() {
        let (place, value) = Place::of_option("acme.client_secret=a=b.c,d".as_ref()).unwrap();
        assert_eq!(
            (place.setting().as_str(), value.to_str()),
            ("login_with.acme.client_secret", Some("a=b.c,d"))
        );
        for wrong in [
            "google",
            "google.client_id",
            "google=1",
            "Google.client_id=1",
            "a.b=hunter2",
            "a/b.client_id=hunter2",
        ] {
            let problem = Place::of_option(wrong.as_ref()).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        for wrong in ["", "-a", "a-", "a--b", "a b", "../x", "ä", "Google", &"a".repeat(31)] {
            assert!(!is_name(wrong), "{wrong}");
        }
        assert!(is_name("a") && is_name("acme-2") && is_name(&"a".repeat(30)));
    }
}
