//! Adds, renames and removes an owner's passkeys, and removes lost ones for an administrator.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    MOST, Passkey, PasskeyId, RelyingParty,
    ceremony::{self, Bond},
    options::{CreationOptions, Descriptor, User},
    shown::id_of,
    store,
    webauthn::{self, Attestation, Credential, Expected, Rejected},
};
use crate::{
    access::{Fresh, Principal},
    accounts::{self, AccountId, FullName, Held, Locked, Ways},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    invalid::{Fault, Invalid},
    mail::{self, Message, Recipient},
    random, sessions,
};

/// The maximum length of a name in characters.
const LONGEST_NAME: usize = 64;

/// The credential that `navigator.credentials.create()` resolves to, as its `toJSON()` writes it (WebAuthn §5.1). Members
/// that are not listed are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyRegistration", extend("additionalProperties" = true))]
pub(crate) struct RegistrationResponse {
    /// The credential's id in base64url.
    #[schemars(length(min = 1, max = 1364))]
    id: String,
    /// The same.
    #[schemars(length(min = 1, max = 1364))]
    raw_id: String,
    /// `public-key`.
    #[schemars(regex(pattern = "^public-key$"))]
    r#type: String,
    response: AttestationData,
}

/// The new public key, and the page that asked for it, each in base64url.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyAttestationData", extend("additionalProperties" = true))]
struct AttestationData {
    #[serde(rename = "clientDataJSON")]
    #[schemars(length(max = 5462))]
    client_data_json: String,
    #[schemars(length(max = 5600))]
    attestation_object: String,
}

/// A new passkey, decoded but not verified.
#[derive(Debug)]
pub(crate) struct Made {
    credential_id: Vec<u8>,
    pub(super) client_data_json: Vec<u8>,
    attestation_object: Vec<u8>,
}

impl Made {
    pub(super) fn attestation(&self) -> Attestation<'_> {
        Attestation {
            credential_id: &self.credential_id,
            client_data_json: &self.client_data_json,
            object: &self.attestation_object,
        }
    }
}

impl RegistrationResponse {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(&self) -> Result<Made, Rejected> {
        let decode = |text: &str, rejected| URL_SAFE_NO_PAD.decode(text).map_err(|_| rejected);
        Ok(Made {
            credential_id: id_of(&self.id, &self.raw_id)?,
            client_data_json: decode(&self.response.client_data_json, Rejected::ClientData)?,
            attestation_object: decode(&self.response.attestation_object, Rejected::AttestationObject)?,
        })
    }

    /// Parses the JSON in a form's hidden field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode_text(text: &str) -> Result<Made, Rejected> {
        let response: Self = serde_json::from_str(text).map_err(|_| Rejected::ClientData)?;
        if response.r#type != "public-key" {
            return Err(Rejected::ClientData);
        }
        response.decode()
    }
}

/// The owner's name for a passkey: one line of at most 64 characters.
#[derive(Debug)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn of_field(text: &str) -> Result<Self, Invalid> {
        let refused = |fault| Invalid::field("name", fault);
        let name = FullName::parse(text).map_err(refused)?;
        if name.as_str().chars().count() > LONGEST_NAME {
            return Err(refused(Fault::TooManyCharacters(LONGEST_NAME)));
        }
        Ok(Self(name.as_str().to_owned()))
    }

    /// The typed name, or the device's if none was typed.
    pub(super) fn of_field_or_device(text: &str, client: &Client) -> Result<Self, Invalid> {
        if text.trim().is_empty() { Ok(Self(sessions::device_of(client))) } else { Self::of_field(text) }
    }
}

/// The account's passkeys, oldest first.
pub(crate) async fn list(app: &App, account: AccountId) -> Result<Vec<Passkey>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::passkeys_of(reader.conn(), account).await?)
}

/// Returns the options to add a passkey.
///
/// # Errors
/// [`Error::PasskeysOff`]; [`Error::TooManyPasskeys`].
pub(super) async fn begin(app: &App, fresh: Fresh) -> Result<CreationOptions, Error> {
    let rp = RelyingParty::of(app)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let existing = store::credential_ids(tx.conn(), held.id).await?;
    if existing.len() >= MOST {
        return Err(Error::TooManyPasskeys);
    }
    let user_handle = user_handle(app, &mut tx, &held).await?;
    let challenge = ceremony::give(&mut tx, &Bond::to_add(fresh.principal()), now).await?;
    tx.commit().await?;
    let existing = existing.iter().map(|id| Descriptor::of(id)).collect();
    let user = User::new(&user_handle, &held.email, &held.full_name);
    Ok(CreationOptions::new(rp, user, &challenge, existing))
}

/// The account's user handle. It is the same for all of its passkeys, so that an authenticator that has one replaces it
/// instead of keeping two. It reveals nothing about the account to others (WebAuthn §14.6.1).
async fn user_handle(app: &App, tx: &mut Tx, held: &Held) -> Result<Vec<u8>, Error> {
    if let Some(handle) = store::user_handle(tx.conn(), held.id).await? {
        return Ok(handle);
    }
    Ok(app.secret().mac("passkey: user handle", &held.id.number().to_be_bytes()).to_vec())
}

/// Adds a passkey created by an authenticator. Its owner is notified by email, and logins that wait for a second factor
/// are cancelled.
///
/// # Errors
/// [`Error::Invalid`] for a rejected one; [`Error::PasskeyTaken`]; [`Error::TooManyPasskeys`].
pub(super) async fn add(
    app: &App,
    fresh: Fresh,
    made: &Made,
    name: &Name,
    client: &Client,
) -> Result<Passkey, Error> {
    retry(|| try_to_add(app, fresh, made, name, client)).await
}

async fn try_to_add(
    app: &App,
    fresh: Fresh,
    made: &Made,
    name: &Name,
    client: &Client,
) -> Result<Passkey, Error> {
    let rp = RelyingParty::of(app)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let bond = Bond::to_add(fresh.principal());
    let Some(challenge) = ceremony::take(&mut tx, &bond, &made.client_data_json, now).await? else {
        return Err(rejected(Rejected::Challenge).into());
    };
    let expected = Expected { rp_id: rp.id, origin: rp.origin, challenge: &challenge };
    let added = match webauthn::register(&made.attestation(), &expected) {
        Ok(credential) => insert(app, &mut tx, &held, &credential, name, now).await?,
        Err(reason) => Err(rejected(reason).into()),
    };
    let passkey = match added {
        Ok(passkey) => passkey,
        Err(error) => {
            // Keep the challenge used.
            tx.commit().await?;
            return Err(error);
        }
    };
    accounts::raise_epoch(&mut tx, &held, now).await?;
    let message = Message::PasskeyAdded { name: passkey.name.clone() };
    mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
    events::record(&mut tx, Event::PasskeyAdded, Some(held.id), client, now).await?;
    tx.commit().await?;
    Ok(passkey)
}

/// Runs under the account's lock, so that the count holds. If two accounts register the same credential, the unique
/// column lets one succeed (step 26 of §7.1).
async fn insert(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    credential: &Credential,
    name: &Name,
    now: Timestamp,
) -> Result<Result<Passkey, Error>, Error> {
    if store::count(tx.conn(), held.id).await? >= MOST {
        return Ok(Err(Error::TooManyPasskeys));
    }
    let user_handle = user_handle(app, tx, held).await?;
    let id = PasskeyId(random::uuid_v7(now));
    let new = store::New { id, account: held.id, user_handle: &user_handle, credential, name: &name.0 };
    Ok(store::insert_passkey(tx.conn(), &new, now).await?.ok_or(Error::PasskeyTaken))
}

/// The fault of a new passkey that is not accepted.
pub(crate) fn rejected(reason: Rejected) -> Invalid {
    Invalid::field("credential", Fault::RejectedPasskey(reason.reason()))
}

/// Renames a passkey.
///
/// # Errors
/// [`Error::NotFound`] if it is not the caller's.
pub(super) async fn rename(
    app: &App,
    principal: Principal,
    id: PasskeyId,
    name: &Name,
) -> Result<Passkey, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, principal, now).await?;
    let renamed = store::rename(tx.conn(), held.id, id, &name.0).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(renamed)
}

/// Removes a passkey. Every other session of the account is revoked: one of them may belong to a lost device.
///
/// # Errors
/// [`Error::NotFound`] if it is not the caller's; [`Error::LastWayIn`]; [`Error::FactorRequired`] if the operator requires
/// a second factor and the account has no other one.
pub(super) async fn remove(app: &App, fresh: Fresh, id: PasskeyId, client: &Client) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, fresh, now).await?;
        let name = store::delete_passkey(tx.conn(), held.id, id).await?.ok_or(Error::NotFound)?;
        may_be_left_with(app, &held, &accounts::ways(&mut tx, &held).await?)?;
        accounts::raise_epoch(&mut tx, &held, now).await?;
        sessions::end_others(&mut tx, &held, fresh.principal().session, now).await?;
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &Message::PasskeyRemoved { name }, now).await?;
        events::record(&mut tx, Event::PasskeyRemoved, Some(held.id), client, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Checks that these ways to log in are enough for the account.
fn may_be_left_with(app: &App, held: &Held, ways: &Ways) -> Result<(), Error> {
    if !ways.is_any() && !app.config().log_in_by_mail {
        return Err(Error::LastWayIn);
    }
    if ways.passkeys == 0 && !ways.has_app && app.config().second_factor.is_required_of(held.role()) {
        return Err(Error::FactorRequired);
    }
    Ok(())
}

/// Removes every passkey of an account whose owner has lost them. Returns whether there was one.
pub(crate) async fn forget(
    app: &App,
    tx: &mut Tx,
    locked: &Locked,
    client: &Client,
    now: Timestamp,
) -> Result<bool, Error> {
    let names = store::delete_passkeys_of(tx.conn(), locked.id).await?;
    for name in &names {
        let message = Message::PasskeyRemoved { name: name.clone() };
        mail::enqueue(app, tx, &Recipient::of(locked), &message, now).await?;
        events::record(tx, Event::PasskeyRemoved, Some(locked.id), client, now).await?;
    }
    Ok(!names.is_empty())
}
