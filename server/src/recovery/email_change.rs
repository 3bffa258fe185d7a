//! Another address of mail: wished for, confirmed where it is, and for seven days put back from where the old one is.
//!
//! | step | the address in force | alive afterwards |
//! |---|---|---|
//! | wish | the old one | the new address's confirmation, the old one's undo |
//! | confirmation | the new one | the old one's undo; the sessions end |
//! | undo, before or after | the old one | nothing later than it; the sessions end |

use super::{
    asked::{self, Wanted},
    links::{self, Purpose},
};
use crate::{
    access::Fresh,
    accounts::{self, Email},
    app::App,
    audit::{self, Event},
    client::Client,
    error::Error,
    login::throttle,
    mail::{self, Message},
    sessions,
};

/// Mails a link to the new address and one to undo to the address in force. If the new address has an account, its
/// owner is told instead; the caller, and the mail to the old address, are not told which.
pub(crate) async fn request_email_change(
    app: &App,
    fresh: Fresh,
    new: &Email,
    client: &Client,
) -> Result<(), Error> {
    let (account, now) = (fresh.principal().account, app.now());
    let mut tx = app.db().begin().await?;
    let owner = accounts::owner(tx.conn(), account).await?.ok_or(Error::NotFound)?;
    if owner.email == *new {
        return Ok(());
    }
    if !throttle::may_change_email(app, &mut tx, account, now).await? {
        return Ok(tx.commit().await?);
    }
    let is_free = !accounts::has_account(tx.conn(), new).await?
        && !links::is_reserved(&mut tx, new, account, now).await?;
    // The one mail or the other, so each is counted for the new address; and when there are too many, nothing differs.
    if !throttle::may_mail(app, &mut tx, new, client, now).await? {
        return Ok(tx.commit().await?);
    }
    if !is_free {
        asked::ask_counted(app, &mut tx, Wanted::Account, new, client, now).await?;
    }
    let owner = accounts::hold(&mut tx, account).await?.ok_or(Error::NotFound)?;
    if is_free {
        let token = links::issue(&mut tx, account, Purpose::ConfirmEmail, new, now).await?;
        let message = Message::ConfirmNewEmail { token };
        mail::enqueue(app, &mut tx, &owner.recipient_at(new), &message, now).await?;
    }
    let undo = links::issue(&mut tx, account, Purpose::UndoEmail, &owner.email, now).await?;
    let message = Message::EmailChangeRequested { new_email: new.as_str().to_owned(), undo };
    mail::enqueue(app, &mut tx, &owner.recipient(), &message, now).await?;
    audit::record(&mut tx, Event::EmailChangeRequested, Some(account), client, now).await?;
    Ok(tx.commit().await?)
}

/// Puts the new address into force. Every session ends, and every link but the undo.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::EmailTaken`] if somebody signed up with the address meanwhile.
pub(crate) async fn confirm_email(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::ConfirmEmail, now).await?.ok_or(Error::DeadLink)?;
    let (owner, new) = (link.owner, link.email);
    // Before the address: the change of a unique column takes a lock that a session's end must not wait behind.
    sessions::end_all(&mut tx, owner.id, now).await?;
    accounts::set_email(&mut tx, owner.id, &new, now).await?;
    if links::is_reserved(&mut tx, &new, owner.id, now).await? {
        return Err(Error::EmailTaken);
    }
    links::forget(&mut tx, owner.id).await?;
    let undo = links::issue(&mut tx, owner.id, Purpose::UndoEmail, &owner.email, now).await?;
    let message = Message::EmailChanged { new_email: new.as_str().to_owned(), undo };
    mail::enqueue(app, &mut tx, &owner.recipient(), &message, now).await?;
    audit::record(&mut tx, Event::EmailChanged, Some(owner.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// Puts the old address back, or takes the wish for another one back. Every session ends, and every link that is
/// younger than this one.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::EmailTaken`], though nobody can sign up with the address while it can be put back.
pub(crate) async fn undo_email_change(app: &App, token: &str, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let link = links::consume(&mut tx, token, Purpose::UndoEmail, now).await?.ok_or(Error::DeadLink)?;
    sessions::end_all(&mut tx, link.owner.id, now).await?;
    accounts::set_email(&mut tx, link.owner.id, &link.email, now).await?;
    links::forget_later(&mut tx, &link).await?;
    if link.owner.email != link.email {
        let recipient = link.owner.recipient_at(&link.email);
        mail::enqueue(app, &mut tx, &recipient, &Message::EmailChangeUndone, now).await?;
    }
    audit::record(&mut tx, Event::EmailChangeUndone, Some(link.owner.id), client, now).await?;
    Ok(tx.commit().await?)
}
