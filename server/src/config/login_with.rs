//! The providers that people can log in with: Google, GitHub, an OpenID issuer of your own.

use std::path::PathBuf;

use secrecy::SecretString;

/// A provider that people can log in with. Which fields it needs depends on its name: see `docs/social-login.md`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoginProvider {
    /// The client id that the provider gave you.
    pub client_id: String,
    /// The client secret that the provider gave you.
    pub client_secret: Option<SecretString>,
    /// The file that holds the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// The address of the provider: required for an OpenID issuer.
    pub issuer: Option<String>,
    /// The name on the button.
    pub label: Option<String>,
    /// The scopes to ask for instead of the usual ones, separated by spaces.
    pub scopes: Option<String>,
    /// Whether the issuer's word that an email address is verified counts.
    pub trust_email: bool,
    /// Whether the issuer may be on this computer or a private network.
    pub private_network: bool,
    /// Microsoft: which accounts may log in.
    pub tenant: Option<String>,
    /// Apple: the id of your team.
    pub team_id: Option<String>,
    /// Apple: the id of your key.
    pub key_id: Option<String>,
    /// Apple: the file of your key (`.p8`).
    pub key_file: Option<PathBuf>,
}
