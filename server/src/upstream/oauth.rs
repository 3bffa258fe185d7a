//! Providers that use OAuth 2.0 with an API of their own: GitHub, Facebook, Discord.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use secrecy::ExposeSecret as _;

use super::{
    CallbackParams, Credential, Kept, Provider, UpstreamError,
    kind::Kind,
    profile::{self, Profile},
    wire::{ClientAuth, Wire},
};

const WHAT: &str = "the profile";

impl Provider {
    /// The authorization endpoint. Facebook's API version is omitted, because old ones are switched off.
    pub(super) fn authorization_endpoint(&self) -> String {
        let path = match self.kind {
            Kind::GitHub => "/login/oauth/authorize",
            Kind::Facebook => "/dialog/oauth",
            _ => "/api/oauth2/authorize",
        };
        format!("{}{path}", self.issuer)
    }

    /// The address of the API.
    pub(super) fn api(&self) -> String {
        match self.kind {
            Kind::GitHub if self.is_at_home() => "https://api.github.com".to_owned(),
            // GitHub Enterprise Server.
            Kind::GitHub => format!("{}/api/v3", self.issuer),
            Kind::Facebook if self.is_at_home() => "https://graph.facebook.com".to_owned(),
            Kind::Facebook => self.issuer.clone(),
            _ => format!("{}/api", self.issuer),
        }
    }

    pub(super) async fn oauth_profile(
        &self,
        wire: &Wire<'_>,
        redirect_uri: &str,
        kept: &Kept,
        params: &CallbackParams,
    ) -> Result<Profile, UpstreamError> {
        let api = self.api();
        let token_endpoint = match self.kind {
            Kind::GitHub => format!("{}/login/oauth/access_token", self.issuer),
            Kind::Facebook => format!("{api}/oauth/access_token"),
            _ => format!("{api}/oauth2/token"),
        };
        let tokens =
            self.exchange(wire, (&token_endpoint, ClientAuth::Post), redirect_uri, kept, params).await?;
        let token = tokens.access_token.expose();
        let get = async |url: String| {
            wire.get_as(WHAT, &url, token).await?.ok_or_else(|| wire.wrong(WHAT, "is not given to us"))
        };
        let read = match self.kind {
            Kind::GitHub => {
                let user = get(format!("{api}/user")).await?;
                let emails =
                    wire.get_as("the addresses", &format!("{api}/user/emails?per_page=100"), token).await?;
                profile::github(&self.issuer, &user, emails.as_ref())
            }
            Kind::Facebook => {
                let proof = self.secret_proof(token);
                let url = format!("{api}/me?fields=id,name,email&appsecret_proof={proof}");
                profile::facebook(&self.issuer, &get(url).await?)
            }
            _ => profile::discord(&self.issuer, &get(format!("{api}/users/@me")).await?),
        };
        read.map_err(|why| wire.wrong(WHAT, why))
    }

    /// Facebook's proof that the token is held by the application's own server.
    fn secret_proof(&self, token: &str) -> String {
        let Credential::Secret(secret) = &self.credential else { return String::new() };
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let proof = hmac::sign(&key, token.as_bytes());
        proof.as_ref().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// An address that responds without credentials.
    pub(super) fn open_address(&self) -> String {
        match self.kind {
            Kind::GitHub => self.api(),
            Kind::Facebook => format!("{}/.well-known/openid-configuration/", self.issuer),
            _ => format!("{}/.well-known/oauth-authorization-server", self.issuer),
        }
    }
}
