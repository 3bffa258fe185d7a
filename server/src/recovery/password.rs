//! Changes the password of an owner who knows the current one.

use super::links;
use crate::{
    access::Principal,
    accounts::{self, Credentials},
    api_keys,
    app::App,
    client::Client,
    db::retry,
    error::Error,
    events::{self, Event},
    invalid::Invalid,
    limits::{self, Attempt},
    mail::{self, Message, Recipient},
    passwords::{Password, PasswordHash},
    sessions::{self, LoggedIn, Proof},
};

/// Sets a new password. Every session and API key of the account is ended, and a new session replaces the caller's. The
/// first change within an hour also ends every link except undo links.
///
/// # Errors
/// [`Error::WrongPassword`], which counts as a failed login; [`Error::Throttled`] after too many of either;
/// [`Error::Invalid`] if the policy rejects the new password; [`Error::SessionEnded`].
pub(crate) async fn change_password(
    app: &App,
    principal: Principal,
    current: &str,
    new: &str,
    client: &Client,
) -> Result<LoggedIn, Error> {
    let current = Password::parse(current).map_err(|fault| Invalid::field("current_password", fault))?;
    let turn = app.hasher().turn()?;
    let owner = {
        let mut reader = app.db().read().await?;
        accounts::owner(reader.conn(), principal.account).await?
    };
    let owner = owner.ok_or(Error::SessionEnded)?;
    let Proof::Right { attempt, verified } =
        sessions::prove(app, &turn, &owner.email, current, client).await?
    else {
        return Err(refuse(app, principal, client).await?);
    };
    // Otherwise the address has gone to another account since it was read.
    if verified.id != principal.account {
        return Err(refuse(app, principal, client).await?);
    }
    let accepted =
        accounts::acceptable_password(app, &turn, new, Some(&owner.email), Some(&owner.full_name)).await?;
    let password = match accepted {
        Ok(password) => password,
        Err(invalid) => {
            // The current password was right, so the attempt does not count.
            retry(|| forgive(app, principal, &attempt)).await?;
            return Err(invalid.into());
        }
    };
    let hash = turn.hash(password).await?;
    let changed = retry(|| set(app, principal, &verified, &hash, &attempt, client)).await?;
    match changed {
        Some(logged_in) => Ok(logged_in),
        None => Err(refuse(app, principal, client).await?),
    }
}

/// Sets the password; `None` if the current password has changed meanwhile.
async fn set(
    app: &App,
    principal: Principal,
    verified: &Credentials,
    hash: &PasswordHash,
    attempt: &Attempt,
    client: &Client,
) -> Result<Option<LoggedIn>, Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, principal, now).await?;
    if !held.is_in(verified.epoch) {
        return Ok(None);
    }
    limits::forgive(&mut tx, attempt, &held, now).await?;
    accounts::set_hash(&mut tx, &held, hash, now).await?;
    // A thief who knows the password could otherwise change it again and again, and end each link that the owner asks for.
    if limits::may_end_links(app, &mut tx, &held, now).await? {
        links::forget(&mut tx, &held).await?;
    }
    api_keys::end_all(&mut tx, &held).await?;
    let logged_in = sessions::begin_anew(app, &mut tx, &held, principal.session, client, now).await?;
    mail::enqueue(app, &mut tx, &Recipient::of(&held), &Message::PasswordChanged, now).await?;
    events::record(&mut tx, Event::PasswordChanged, Some(held.id), client, now).await?;
    tx.commit().await?;
    Ok(Some(logged_in))
}

async fn forgive(app: &App, principal: Principal, attempt: &Attempt) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, principal, now).await?;
    limits::forgive(&mut tx, attempt, &held, now).await?;
    Ok(tx.commit().await?)
}

/// Records a wrong current password, or one that was changed while it was being verified.
async fn refuse(app: &App, principal: Principal, client: &Client) -> Result<Error, Error> {
    let mut tx = app.db().begin().await?;
    events::record(&mut tx, Event::PasswordChangeFailed, Some(principal.account), client, app.now()).await?;
    tx.commit().await?;
    Ok(Error::WrongPassword)
}
