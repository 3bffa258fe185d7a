//! The published metadata of an OpenID provider (OpenID Connect Discovery 1.0 §3).

use serde_json::Value;

use super::{
    UpstreamError,
    wire::{ClientAuth, Wire, cleaned},
};

/// A provider's endpoints and capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: String,
    pub(super) auth: ClientAuth,
    /// Whether its authorization response must name it (RFC 9207 §2.4).
    pub(super) names_itself: bool,
}

impl Metadata {
    /// The metadata under `address`, whose `issuer` must match byte for byte; otherwise one issuer could impersonate
    /// another (Discovery §4.3, the mix-up of RFC 9700 §4.4).
    pub(super) async fn fetch(wire: &Wire<'_>, address: &str, issuer: &str) -> Result<Self, UpstreamError> {
        const WHAT: &str = "the metadata";
        let url = format!("{}/.well-known/openid-configuration", address.trim_end_matches('/'));
        let metadata = wire.get(WHAT, &url).await?;
        let read = Self::read(&metadata, issuer).map_err(|why| wire.wrong(WHAT, &why))?;
        for (what, url) in [
            ("`authorization_endpoint`", Some(&read.authorization_endpoint)),
            ("`token_endpoint`", Some(&read.token_endpoint)),
            ("`jwks_uri`", Some(&read.jwks_uri)),
            ("`userinfo_endpoint`", read.userinfo_endpoint.as_ref()),
        ] {
            if let Some(url) = url {
                wire.target(what, url)?;
            }
        }
        Ok(read)
    }

    fn read(metadata: &Value, issuer: &str) -> Result<Self, String> {
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        let needed = |name: &str| text(name).ok_or_else(|| format!("have no `{name}`"));
        let named = text("issuer").unwrap_or_default();
        if named != issuer {
            let named = cleaned(&named, &[]);
            return Err(format!(
                "call themselves {named:?}, which is not {issuer:?}, to the byte; check `issuer`"
            ));
        }
        let methods = metadata.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let has = |method: &str| methods.is_some_and(|methods| methods.iter().any(|known| known == method));
        // The default is `client_secret_basic` (Discovery §3).
        let auth = if has("client_secret_post") && !has("client_secret_basic") {
            ClientAuth::Post
        } else {
            ClientAuth::Basic
        };
        let names_itself = metadata.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            userinfo_endpoint: text("userinfo_endpoint"),
            jwks_uri: needed("jwks_uri")?,
            auth,
            names_itself: names_itself == Some(&Value::Bool(true)),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn l05_metadata_of_another_issuer_are_rejected() {
        let mut metadata = json!({
            "issuer": "https://a.example", "authorization_endpoint": "https://a.example/authorize",
            "token_endpoint": "https://a.example/token", "jwks_uri": "https://a.example/keys",
        });
        let read = Metadata::read(&metadata, "https://a.example").unwrap();
        assert_eq!((read.auth, read.names_itself), (ClientAuth::Basic, false));
        for other in ["https://a.example/", "https://A.example", "https://b.example", "http://a.example", ""]
        {
            assert!(Metadata::read(&metadata, other).is_err(), "{other}");
        }
        metadata["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt", "client_secret_post"]);
        metadata["authorization_response_iss_parameter_supported"] = json!(true);
        let read = Metadata::read(&metadata, "https://a.example").unwrap();
        assert_eq!((read.auth, read.names_itself), (ClientAuth::Post, true));
        for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for wrong in [json!(null), json!(1), json!(["https://a.example"])] {
                let mut metadata = metadata.clone();
                metadata[name] = wrong;
                assert!(Metadata::read(&metadata, "https://a.example").is_err(), "{name}");
            }
        }
    }
}
