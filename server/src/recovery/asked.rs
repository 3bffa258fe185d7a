//! Emails that anyone may request, for any address.
//!
//! Whether the address has an account is looked up when the question's turn comes in the email queue, while nobody
//! waits for it. The request runs the same statements for every address, so its duration reveals nothing.

use serde::{Deserialize, Serialize};

use super::{by_mail, reset, seizing};
use crate::{
    accounts::{self, Email},
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    limits::{self, MailFor},
    mail::{self, Message, Recipient},
};

/// A queued question.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asked {
    wanted: Wanted,
    email: Email,
    client: Client,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Wanted {
    /// A link to set a new password.
    NewPassword,
    /// A link and a code to log in.
    LogIn,
    /// A notice to the owner of this address that it already has an account.
    Account,
    /// The same after a sign-up.
    SignUp,
}

impl Wanted {
    fn counted_as(self) -> MailFor {
        match self {
            Self::NewPassword => MailFor::NewPassword,
            Self::LogIn => MailFor::LogIn,
            Self::Account | Self::SignUp => MailFor::KnownAccount,
        }
    }
}

/// Queues the question, unless there were too many.
pub(crate) async fn ask(
    app: &App,
    tx: &mut Tx,
    wanted: Wanted,
    email: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if limits::may_mail(app, tx, wanted.counted_as(), email, client, now).await? {
        queue(app, tx, wanted, email, client, now).await?;
    }
    Ok(())
}

/// Notifies the owner of an address that it has an account, unless that was done today. The source was counted when it
/// asked for something else, once whatever the outcome; otherwise the count would reveal which addresses have an
/// account.
pub(super) async fn tell_owner(
    app: &App,
    tx: &mut Tx,
    email: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    if limits::may_mail_to(app, tx, MailFor::KnownAccount, email, client, now).await? {
        queue(app, tx, Wanted::Account, email, client, now).await?;
    }
    Ok(())
}

async fn queue(
    app: &App,
    tx: &mut Tx,
    wanted: Wanted,
    email: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let asked = Asked { wanted, email: email.clone(), client: client.clone() };
    mail::enqueue_question(app, tx, &asked, now).await
}

/// Emails what was requested, if the address now has an active account.
pub(crate) async fn answer(app: &App, tx: &mut Tx, question: &[u8], now: Timestamp) -> Result<(), Error> {
    // serde's error may quote the input.
    let asked: Asked = serde_json::from_slice(question).map_err(|_| {
        Error::Internal("the request was queued by another version of this program".to_owned())
    })?;
    let held = accounts::hold_by_email(tx, &asked.email).await?;
    match (asked.wanted, held) {
        (Wanted::NewPassword, held) => reset::answer(app, tx, held.as_ref(), &asked.client, now).await,
        (Wanted::LogIn, held) => by_mail::answer(app, tx, held.as_ref(), &asked.client, now).await,
        (Wanted::SignUp, Some(held)) if seizing::is_contested(tx, &held).await? => {
            let held = seizing::contest(tx, held, &asked.client, now).await?;
            reset::answer_second_sign_up(app, tx, &held, &asked.client, now).await
        }
        (Wanted::Account | Wanted::SignUp, Some(held)) => {
            mail::enqueue(app, tx, &Recipient::of(&held), &Message::AlreadySignedUp, now).await
        }
        (Wanted::Account | Wanted::SignUp, None) => Ok(()),
    }
}
