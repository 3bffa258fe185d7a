//! The keys that sign access tokens. They are stored in the database, sealed under the secret key, so that instances
//! that share both sign and verify alike.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto::aws_lc::DEFAULT_PROVIDER as BACKEND};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::store;
use crate::{
    app::App,
    clock::Timestamp,
    db::Db,
    error::Error,
    secret::{SecretKey, Unsealable},
};

/// The purpose that private keys are sealed for.
const PURPOSE: &str = "token signing key";
/// The algorithm of new keys: small, fast and without choices to get wrong (RFC 8037).
const ALGORITHM: &str = "EdDSA";

/// The key that signs and the public half that verifies.
pub(crate) struct SigningKeys {
    header: Header,
    private: EncodingKey,
    jwks: String,
}

/// A key as stored in the database.
pub(super) struct StoredKey {
    pub(super) kid: String,
    pub(super) sealed_private_key: Vec<u8>,
    pub(super) public_key: Vec<u8>,
}
crate::db::from_row!(StoredKey { kid, sealed_private_key, public_key });

/// The public data of a key.
#[derive(Debug)]
pub(crate) struct KeyInfo {
    pub(crate) kid: String,
    pub(crate) algorithm: String,
    pub(crate) created_at: Timestamp,
}
crate::db::from_row!(KeyInfo { kid, algorithm, created_at });

/// All signing keys, newest first; the newest signs.
pub(crate) async fn keys(app: &App) -> Result<Vec<KeyInfo>, Error> {
    Ok(store::keys(app.db().read().await?.conn()).await?)
}

impl SigningKeys {
    /// Opens the database's newest key, or creates one on the first start. If several instances start simultaneously,
    /// one creates it and all use it.
    pub(crate) async fn open(db: &Db, secret: &SecretKey, now: Timestamp) -> Result<Self, KeysError> {
        let newest = store::newest_key(db.read().await?.conn()).await?;
        let stored = if let Some(stored) = newest {
            stored
        } else {
            let mut tx = db.begin().await?;
            store::insert_first_key(tx.conn(), &generate(secret)?, ALGORITHM, now).await?;
            tx.commit().await?;
            store::newest_key(db.read().await?.conn()).await?.ok_or(KeysError::Generate)?
        };
        let private = secret.open(PURPOSE, &stored.sealed_private_key)?;
        let x = URL_SAFE_NO_PAD.encode(&stored.public_key);
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "alg": ALGORITHM, "use": "sig", "kid": stored.kid, "x": x,
        });
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(stored.kid);
        Ok(Self {
            header,
            private: EncodingKey::from_ed_der(&private),
            jwks: json!({ "keys": [key] }).to_string(),
        })
    }

    /// Whether the database already has a key.
    pub(crate) async fn are_stored(db: &Db) -> Result<bool, KeysError> {
        Ok(store::newest_key(db.read().await?.conn()).await?.is_some())
    }

    /// The public keys as a JWK Set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }

    /// Signs claims as an access token, in the compact form (RFC 7515 §3.1).
    ///
    /// Does not use `jsonwebtoken::encode`, which asks the process for a backend and panics if another crate of the
    /// host application chose a different one.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, Error> {
        let part = |part| URL_SAFE_NO_PAD.encode(part);
        let sign = || -> Result<String, Box<dyn std::error::Error>> {
            let claims = part(serde_json::to_vec(claims)?);
            let message = format!("{}.{claims}", part(serde_json::to_vec(&self.header)?));
            let signer = (BACKEND.signer_factory)(&self.header.alg, &self.private)?;
            let signature = signer.try_sign(message.as_bytes())?;
            Ok(format!("{message}.{}", part(signature)))
        };
        sign().map_err(|cause| Error::Internal(format!("a token could not be signed: {cause}")))
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeys").field("jwks", &self.jwks).finish_non_exhaustive()
    }
}

/// A new sealed Ed25519 key. Its ID is its thumbprint (RFC 7638), so two keys never share one.
fn generate(secret: &SecretKey) -> Result<StoredKey, KeysError> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeysError::Generate)?;
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| KeysError::Generate)?;
    let private = Zeroizing::new(pkcs8.as_ref().to_vec());
    let public_key = pair.public_key().as_ref().to_vec();
    let x = URL_SAFE_NO_PAD.encode(&public_key);
    // Members in lexicographic order, without whitespace (RFC 7638 §3).
    let thumbprint = digest(&SHA256, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes());
    Ok(StoredKey {
        kid: URL_SAFE_NO_PAD.encode(thumbprint),
        sealed_private_key: secret.seal(PURPOSE, &private),
        public_key,
    })
}

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The database failed.
    #[error("the signing keys cannot be read: {0}")]
    Database(#[from] crate::db::Error),
    /// The database belongs to another secret key.
    #[error(
        "this database was created with another secret key, so its signing keys cannot be opened. \
         Give every instance the same key: copy `secret.key` from the data directory of the first one, \
         or name it with PORTCULLIS_SECRET_KEY_FILE"
    )]
    OtherSecret(#[from] Unsealable),
    /// The operating system could not generate a key.
    #[error("could not create a signing key")]
    Generate,
    /// The public keys do not make a verifier.
    #[error("the signing keys cannot be used: {0}")]
    Verifier(#[from] portcullis::tokens::KeyError),
}
