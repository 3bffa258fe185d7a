//! The passkey that an account is signed up with. It is made before the account is: its challenge is tied to a browser,
//! and its options depend on what was typed there and nothing else.

use super::{
    PasskeyId, RelyingParty,
    ceremony::{self, Bond, Browser},
    options::{CreationOptions, User},
    owner::{Made, rejected},
    store,
    webauthn::{self, Credential, Expected, Rejected},
};
use crate::{
    accounts::{Email, FullName, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    events::{self, Event},
    random, sessions,
};

/// Gives out the options to make it.
///
/// # Errors
/// [`Error::PasskeysOff`].
pub(crate) async fn ask_for_first(
    app: &App,
    browser: &Browser,
    email: &Email,
    full_name: &FullName,
) -> Result<CreationOptions, Error> {
    let rp = RelyingParty::of(app)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let challenge = ceremony::give(&mut tx, &Bond::to_sign_up(browser), now).await?;
    tx.commit().await?;
    let user = User::new(&user_handle(app, &challenge), email, full_name);
    Ok(CreationOptions::new(rp, user, &challenge, Vec::new()))
}

/// There is no account yet whose number it could be made of, so it is made of the challenge.
fn user_handle(app: &App, challenge: &[u8]) -> [u8; 32] {
    app.secret().mac("passkey: user handle of a sign-up", challenge)
}

/// A passkey that was made in the browser that asked for it, and is nobody's yet.
#[derive(Debug)]
pub(crate) struct First {
    credential: Credential,
    user_handle: [u8; 32],
}

/// Verifies it, and uses its challenge. Commit also if it was rejected.
///
/// # Errors
/// [`Error::PasskeysOff`]; inside, [`Error::Invalid`] or [`Error::PasskeyTaken`].
pub(crate) async fn verify_first(
    app: &App,
    tx: &mut Tx,
    browser: &Browser,
    made: &Made,
    now: Timestamp,
) -> Result<Result<First, Error>, Error> {
    let rp = RelyingParty::of(app)?;
    let bond = Bond::to_sign_up(browser);
    let Some(challenge) = ceremony::take(tx, &bond, &made.client_data_json, now).await? else {
        return Ok(Err(rejected(Rejected::Challenge).into()));
    };
    let user_handle = user_handle(app, &challenge);
    let expected = Expected { rp_id: rp.id, origin: rp.origin, challenge: &challenge };
    let credential = match webauthn::register(&made.attestation(), &expected) {
        Ok(credential) => credential,
        Err(reason) => return Ok(Err(rejected(reason).into())),
    };
    if store::account_of(tx.conn(), &credential.id).await?.is_some() {
        return Ok(Err(Error::PasskeyTaken));
    }
    Ok(Ok(First { credential, user_handle }))
}

/// Adds it to the new account, under the name of the device.
///
/// # Errors
/// [`Error::PasskeyTaken`] if somebody else registered it meanwhile.
pub(crate) async fn add_first(
    tx: &mut Tx,
    held: &Held,
    first: &First,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let new = store::New {
        id: PasskeyId(random::uuid_v7(now)),
        account: held.id,
        user_handle: &first.user_handle,
        credential: &first.credential,
        name: &sessions::device_of(client),
    };
    store::insert_passkey(tx.conn(), &new, now).await?.ok_or(Error::PasskeyTaken)?;
    events::record(tx, Event::PasskeyAdded, Some(held.id), client, now).await
}
