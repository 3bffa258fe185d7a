//! Another password, for an owner who knows the current one.

use super::links;
use crate::{
    access::Principal,
    accounts,
    app::App,
    audit::{self, Event},
    client::Client,
    error::Error,
    login::{self, Proof, throttle},
    mail::{self, Message},
    passwords::{Password, TooLong},
    sessions,
};
use portcullis::InvalidInput;

/// Sets another password. Every other session and every link of the account ends; this session counts as logged in now.
///
/// # Errors
/// [`Error::WrongPassword`], which counts as a failed log-in does; [`Error::Throttled`] after too many of either;
/// [`Error::Invalid`] if the policy refuses the new password.
pub(crate) async fn change_password(
    app: &App,
    principal: Principal,
    current: &str,
    new: &str,
    client: &Client,
) -> Result<(), Error> {
    let current = Password::parse(current).map_err(|too_long| {
        InvalidInput::field(["body", "current_password"], TooLong::KIND, too_long.to_string())
    })?;
    let turn = app.hasher().turn()?;
    let owner = {
        let mut reader = app.db().read().await?;
        accounts::owner(reader.conn(), principal.account).await?
    };
    let owner = owner.ok_or(Error::NotFound)?;
    let Proof::Right { attempt, verified } = login::prove(app, &turn, &owner.email, current, client).await?
    else {
        return Err(refuse(app, principal, client).await?);
    };
    let accepted =
        accounts::acceptable_password(app, &turn, new, Some(&owner.email), Some(&owner.full_name)).await?;
    let (Ok(password), true) = (&accepted, verified.id == principal.account) else {
        return match accepted {
            // The current password was right: the attempt does not count.
            Err(invalid) => {
                let mut tx = app.db().begin().await?;
                throttle::forgive(&mut tx, attempt, verified.id, app.now()).await?;
                tx.commit().await?;
                Err(invalid.into())
            }
            // The address has gone to another account since it was read.
            Ok(_) => Err(refuse(app, principal, client).await?),
        };
    };
    let hash = turn.hash(password.clone()).await?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let Some(owner) = accounts::hold(&mut tx, principal.account).await? else { return Err(Error::NotFound) };
    if !accounts::replace_hash(&mut tx, owner.id, &verified.password_hash, &hash, now).await? {
        drop(tx);
        return Err(refuse(app, principal, client).await?);
    }
    links::forget(&mut tx, owner.id).await?;
    sessions::end_others(&mut tx, owner.id, principal.session, now).await?;
    sessions::authenticated(&mut tx, principal.session, now).await?;
    mail::enqueue(app, &mut tx, &owner.recipient(), &Message::PasswordChanged, now).await?;
    throttle::forgive(&mut tx, attempt, owner.id, now).await?;
    audit::record(&mut tx, Event::PasswordChanged, Some(owner.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Writes down a wrong current password; also one that was changed while this one was looked at.
async fn refuse(app: &App, principal: Principal, client: &Client) -> Result<Error, Error> {
    let mut tx = app.db().begin().await?;
    audit::record(&mut tx, Event::PasswordChangeFailed, Some(principal.account), client, app.now()).await?;
    tx.commit().await?;
    Ok(Error::WrongPassword)
}
