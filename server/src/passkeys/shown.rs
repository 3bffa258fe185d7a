//! Verifies passkeys presented to log in, as a second factor, or to confirm.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    RelyingParty,
    ceremony::{self, Bond},
    options::{Descriptor, RequestOptions},
    store,
    webauthn::{self, Assertion, Expected, LONGEST_ID, Registered, Rejected},
};
use crate::{
    accounts::{self, AccountId, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    events::{self, Event},
    limits,
    mail::{self, Message, Recipient},
};

/// The credential that `navigator.credentials.get()` resolves to, as its `toJSON()` writes it (WebAuthn §5.1). Members
/// that are not listed are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyAssertion", extend("additionalProperties" = true))]
pub(crate) struct AssertionResponse {
    /// The credential's id in base64url.
    #[schemars(length(min = 1, max = 1364))]
    id: String,
    /// The same.
    #[schemars(length(min = 1, max = 1364))]
    raw_id: String,
    /// `public-key`.
    #[schemars(regex(pattern = "^public-key$"))]
    r#type: String,
    response: AssertionData,
}

/// What the authenticator signed, each in base64url.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyAssertionData", extend("additionalProperties" = true))]
struct AssertionData {
    #[serde(rename = "clientDataJSON")]
    #[schemars(length(max = 5462))]
    client_data_json: String,
    #[schemars(length(max = 5462))]
    authenticator_data: String,
    #[schemars(length(max = 684))]
    signature: String,
    /// Whose passkey it is. It may be missing for a second factor, where the account is known.
    #[serde(default)]
    #[schemars(length(max = 88))]
    user_handle: Option<String>,
}

/// A presented passkey, decoded but not verified.
#[derive(Debug)]
pub(crate) struct Presented {
    credential_id: Vec<u8>,
    client_data_json: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// The id of a credential, which must be the same in both members.
pub(super) fn id_of(id: &str, raw_id: &str) -> Result<Vec<u8>, Rejected> {
    let decoded = URL_SAFE_NO_PAD.decode(id).map_err(|_| Rejected::CredentialId)?;
    if id == raw_id && !decoded.is_empty() && decoded.len() <= LONGEST_ID {
        Ok(decoded)
    } else {
        Err(Rejected::CredentialId)
    }
}

impl AssertionResponse {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(&self) -> Result<Presented, Rejected> {
        let sent = &self.response;
        let decode = |text: &str, rejected| URL_SAFE_NO_PAD.decode(text).map_err(|_| rejected);
        let user_handle = sent.user_handle.as_deref().map(|text| decode(text, Rejected::UserHandle));
        Ok(Presented {
            credential_id: id_of(&self.id, &self.raw_id)?,
            client_data_json: decode(&sent.client_data_json, Rejected::ClientData)?,
            authenticator_data: decode(&sent.authenticator_data, Rejected::AuthenticatorData)?,
            signature: decode(&sent.signature, Rejected::Signature)?,
            user_handle: user_handle.transpose()?,
        })
    }

    /// Parses the JSON in a form's hidden field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode_text(text: &str) -> Result<Presented, Rejected> {
        let response: Self = serde_json::from_str(text).map_err(|_| Rejected::ClientData)?;
        if response.r#type != "public-key" {
            return Err(Rejected::ClientData);
        }
        response.decode()
    }
}

/// Asks for any passkey of this server.
///
/// # Errors
/// [`Error::PasskeysOff`].
pub(crate) fn ask_anyone(app: &App, bond: &Bond, now: Timestamp) -> Result<RequestOptions, Error> {
    let rp = RelyingParty::of(app)?;
    Ok(RequestOptions::new(rp, &ceremony::give(app, bond, now), Vec::new()))
}

/// Asks for one of the account's passkeys.
///
/// # Errors
/// [`Error::PasskeysOff`]; [`Error::NotFound`] if the account has none.
pub(crate) async fn ask(
    app: &App,
    conn: Conn<'_>,
    account: AccountId,
    bond: &Bond,
    now: Timestamp,
) -> Result<RequestOptions, Error> {
    let rp = RelyingParty::of(app)?;
    let allowed = store::credential_ids(conn, account).await?;
    if allowed.is_empty() {
        return Err(Error::NotFound);
    }
    let allowed = allowed.iter().map(|id| Descriptor::of(id)).collect();
    Ok(RequestOptions::new(rp, &ceremony::give(app, bond, now), allowed))
}

/// Locks the account that the presented passkey belongs to, if there is one and it is active.
pub(crate) async fn hold_by(tx: &mut Tx, presented: &Presented) -> Result<Option<Held>, Error> {
    match store::account_of(tx.conn(), &presented.credential_id).await? {
        Some(account) => accounts::hold_of_passkey(tx, account).await,
        None => Ok(None),
    }
}

/// Marks the challenge as used when no account has the presented passkey.
pub(crate) async fn waste(
    app: &App,
    tx: &mut Tx,
    presented: &Presented,
    bond: &Bond,
    now: Timestamp,
) -> Result<(), Error> {
    let _whatever_it_was = ceremony::take(app, tx, bond, &presented.client_data_json, now).await?;
    Ok(())
}

/// Verifies a presented passkey of this account and records its use. Commit even if it was rejected, so that its
/// challenge stays used.
pub(crate) async fn verify(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    presented: &Presented,
    bond: &Bond,
    client: &Client,
    now: Timestamp,
) -> Result<Result<(), Rejected>, Error> {
    let rp = RelyingParty::of(app)?;
    let Some(challenge) = ceremony::take(app, tx, bond, &presented.client_data_json, now).await? else {
        return Ok(Err(Rejected::Challenge));
    };
    // After the lock, so that a passkey removed meanwhile is not found.
    let Some(row) = store::credential(tx.conn(), held.id, &presented.credential_id).await? else {
        return Ok(Err(Rejected::Unknown));
    };
    let sent = Assertion {
        client_data_json: &presented.client_data_json,
        authenticator_data: &presented.authenticator_data,
        signature: &presented.signature,
        user_handle: presented.user_handle.as_deref(),
    };
    let registered = Registered {
        public_key: &row.public_key,
        sign_count: u32::try_from(row.sign_count).unwrap_or(u32::MAX),
        is_backup_eligible: row.is_backup_eligible,
        user_handle: &row.user_handle,
        is_identified: bond.account.is_some(),
    };
    let expected = Expected { rp_id: rp.id, origin: rp.origin, challenge: &challenge };
    match webauthn::authenticate(&sent, &registered, &expected) {
        Ok(proven) => {
            let sign_count = i64::from(proven.sign_count);
            store::note_use(tx.conn(), row.id, sign_count, proven.is_backed_up, now).await?;
            Ok(Ok(()))
        }
        Err(rejected) => {
            if rejected == Rejected::SignCount {
                tell_of_copy(app, tx, held, &row.name, client, now).await?;
            }
            Ok(Err(rejected))
        }
    }
}

/// Reports that the passkey may have been copied (WebAuthn §6.1.1).
async fn tell_of_copy(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    name: &str,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if limits::may_tell_of_factor(app, tx, held, now).await? {
        let message = Message::PasskeyCopied { name: name.to_owned() };
        mail::enqueue(app, tx, &Recipient::of(held), &message, now).await?;
    }
    events::record(tx, Event::PasskeyCopied, Some(held.id), client, now).await
}
