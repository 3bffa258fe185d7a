//! A password, tried: the proof that somebody knows it.

use crate::{
    accounts::{self, AccountId, Credentials, Email},
    app::App,
    client::Client,
    error::Error,
    limits::{self, Attempt},
    passwords::{Password, Turn, Verdict},
};

/// A password that was tried. Only [`prove`] makes one.
#[derive(Debug)]
pub(crate) enum Proof {
    /// It is the account's. The attempt is counted until it is forgiven.
    Right { attempt: Attempt, verified: Credentials },
    /// It is not, or there is no such account.
    Wrong(Option<AccountId>),
}

/// Tries a password, for whatever purpose: this is the only way, so that one count holds for all of them.
///
/// Whatever is wrong, the way is the same: the attempt is counted before anything is looked up, and a hash of the same
/// cost is computed (over a dummy where there is no account).
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

/// Hashes the password anew with the current parameters; the old hash is gone afterwards. It is the same credential.
async fn rehash(
    app: &App,
    turn: &Turn<'_>,
    verified: Credentials,
    password: Password,
) -> Result<Credentials, Error> {
    let new = turn.hash(password).await?;
    let mut tx = app.db().begin().await?;
    // If the password was changed meanwhile, the act that it is for will see that too.
    let Some(held) = accounts::hold_verified(&mut tx, &verified).await? else { return Ok(verified) };
    accounts::rehash(&mut tx, &held, &new).await?;
    tx.commit().await?;
    Ok(verified)
}
