//! Verifies a password: the proof that someone knows it.

use crate::{
    accounts::{self, AccountId, Credentials, Email},
    app::App,
    client::Client,
    error::Error,
    limits::{self, Attempt},
    passwords::{Password, Turn, Verdict},
};

/// The result of trying a password. Only [`prove`] creates one.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The password is right. The attempt counts until it is forgiven.
    Right { attempt: Attempt, verified: Credentials },
    /// The password is wrong, or there is no such account.
    Wrong(Option<AccountId>),
}

/// Tries a password, for any purpose. There is no other way, so one count covers all of them.
///
/// The work is the same whatever is wrong: the attempt is counted before anything is looked up, and a hash of the same
/// cost is computed (over a dummy if there is no account).
pub(crate) async fn prove(
    app: &App,
    turn: &Turn<'_>,
    email: &Email,
    password: Password,
    client: &Client,
) -> Result<Proof, Error> {
    let attempt = limits::reserve(app, email, client).await?;
    let account = accounts::credentials(app.db().read().await?.conn(), email).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    match (turn.verify(password.clone(), hash).await?, account) {
        (Verdict::Right { outdated: true }, Some(verified)) => {
            let verified = rehash(app, turn, verified, password).await?;
            Ok(Proof::Right { attempt, verified })
        }
        (Verdict::Right { outdated: false }, Some(verified)) => Ok(Proof::Right { attempt, verified }),
        (_, account) => Ok(Proof::Wrong(account.map(|account| account.id))),
    }
}

/// Rehashes the password with the current parameters and deletes the old hash. The credential stays the same.
async fn rehash(
    app: &App,
    turn: &Turn<'_>,
    verified: Credentials,
    password: Password,
) -> Result<Credentials, Error> {
    let new = turn.hash(password).await?;
    let mut tx = app.db().begin().await?;
    // If the password was changed meanwhile, the operation that needs it notices that too.
    let Some(held) = accounts::hold_verified(&mut tx, &verified).await? else { return Ok(verified) };
    accounts::rehash(&mut tx, &held, &new).await?;
    tx.commit().await?;
    Ok(verified)
}
