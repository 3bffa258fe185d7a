//! Seizing: a person who proves an address that was never verified gets its account, without anything that its creator
//! left in it.
//!
//! Anyone can sign up with a stranger's address and wait: with the password they chose, an open session, an unused
//! link, a pending change of address, an authenticator app that locks the owner out, or an identity at another provider
//! (account pre-hijacking: Sudhodanan and Paverd, USENIX Security 2022; CVE-2024-38351, CVE-2026-44166). So the first
//! proof of the address removes all of it, in its own transaction.
//!
//! A click on the link that verifies an address proves less: it was sent because of the sign-up, and the click says
//! that the sign-up was theirs. So the password is kept; the email and the page say so.

use super::{links, store};
use crate::{
    accounts::{self, Held, Role},
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
    sessions,
};

/// The word for a password that was removed.
const PASSWORD: &str = "password";

/// What happens to the password that the account's creator chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The account has no password afterwards.
    NoPassword,
    /// The caller sets a new one.
    NewPassword,
}

/// Records that the owner of the current address has proved it: by an emailed login or reset, or through a trusted
/// provider. If the address was not verified before, everything that the account's creator left is removed first.
pub(crate) async fn prove_address(
    app: &App,
    tx: &mut Tx,
    held: Held,
    then: Then,
    client: &Client,
    now: Timestamp,
) -> Result<Held, Error> {
    if held.email_verified_at.is_some() {
        return Ok(held);
    }
    seize(app, tx, &held, then, client, now).await?;
    accounts::mark_verified(tx, &held, &held.email, now).await?;
    accounts::hold_again(tx, held).await
}

/// Whether a second sign-up with its address concerns the account: nobody has shown that they read there, nobody has
/// used it, and it was not created by an invitation or for an administrator. So strangers cannot empty those.
pub(super) async fn is_contested(tx: &mut Tx, held: &Held) -> Result<bool, Error> {
    Ok(held.email_verified_at.is_none()
        && held.role() == Role::User
        && !accounts::was_used(tx, held).await?
        && !store::is_invited(tx.conn(), held.id).await?)
}

/// Two people may have signed up with an address, and nobody has shown that they read there: what the first left in the
/// account is removed, so that confirming the address keeps nobody's password.
pub(super) async fn contest(tx: &mut Tx, held: Held, client: &Client, now: Timestamp) -> Result<Held, Error> {
    let removed = close(tx, &held, now).await?;
    let detail = (!removed.is_empty()).then(|| removed.join(", "));
    events::record_detail(tx, Event::Seized, Some(held.id), client, detail.as_deref(), now).await?;
    accounts::hold_again(tx, held).await
}

async fn seize(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    then: Then,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let mut removed = close(tx, held, now).await?;
    if then == Then::NewPassword {
        removed.retain(|word| *word != PASSWORD);
    }
    if removed.is_empty() {
        return Ok(());
    }
    mail::enqueue(app, tx, &Recipient::of(held), &Message::Seized, now).await?;
    let detail = removed.join(", ");
    events::record_detail(tx, Event::Seized, Some(held.id), client, Some(&detail), now).await
}

/// Ends every session, emailed link and other way into an account. Returns the words for what there was.
async fn close(tx: &mut Tx, held: &Held, now: Timestamp) -> Result<Vec<&'static str>, Error> {
    sessions::end_all(tx, held, now).await?;
    links::forget_with_undos(tx, held).await?;
    let mut removed = store::close_ways_in(tx.conn(), held.id, None).await?;
    if accounts::forget_password(tx, held, now).await? {
        removed.push(PASSWORD);
    }
    Ok(removed)
}
