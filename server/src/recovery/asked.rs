//! What anybody may ask to be mailed, to any address.
//!
//! Whether the address has an account is looked up when the question's turn comes in the queue of mail, and not while
//! somebody waits: the request is the same work for every address, to the statement, so its own time tells nothing.

use serde::{Deserialize, Serialize};

use super::{by_mail, reset};
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

/// A question that waits.
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
    /// An account with this address, which is taken.
    Account,
}

impl Wanted {
    fn counted_as(self) -> MailFor {
        match self {
            Self::NewPassword => MailFor::NewPassword,
            Self::LogIn => MailFor::LogIn,
            Self::Account => MailFor::KnownAccount,
        }
    }
}

/// Queues the question, unless too many were asked.
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

/// Has the owner of an address told that it has an account, unless that was told today. The source was counted when it
/// asked for something else, once whatever it comes to: or else the count would say which addresses have one.
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

/// Mails what was asked for, if the address has an active account by now.
pub(crate) async fn answer(app: &App, tx: &mut Tx, question: &[u8], now: Timestamp) -> Result<(), Error> {
    // The error of serde may quote what it read.
    let asked: Asked = serde_json::from_slice(question).map_err(|_| {
        Error::Internal("the question was queued by another version of this program".to_owned())
    })?;
    let held = accounts::hold_by_email(tx, &asked.email).await?;
    let held = held.as_ref();
    match asked.wanted {
        Wanted::NewPassword => reset::answer(app, tx, held, &asked.client, now).await,
        Wanted::LogIn => by_mail::answer(app, tx, held, &asked.client, now).await,
        Wanted::Account => match held {
            Some(held) => mail::enqueue(app, tx, &Recipient::of(held), &Message::AlreadySignedUp, now).await,
            None => Ok(()),
        },
    }
}
