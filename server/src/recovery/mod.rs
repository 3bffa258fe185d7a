//! Recovery: what emailed links do for an account, and how owners change the ways they are reached.
//!
//! Every flow is a small state machine in the rows of `links`: a link is alive or dead. Each step is one transaction
//! under the account's lock (see `accounts/held.rs`), so all steps of one account run one after another. No response
//! of this room reveals whether an address has an account.

mod asked;
mod by_mail;
mod email_change;
pub(crate) mod http;
mod links;
pub(crate) mod pages;
mod password;
mod reset;
mod seizing;
mod store;
mod verification;

pub(crate) use self::{
    asked::{Wanted, answer, ask},
    by_mail::{confirm_by_code, log_in_by_code, log_in_by_link, request_confirmation, request_log_in},
    email_change::{
        ExportedEmailChange, PendingEmail, cancel_email_change, confirm_email, exported, pending_email,
        request_email_change, undo_email_change,
    },
    links::{
        Purpose, digest as token_digest, forget as forget_links, forget_every as forget_every_link,
        forget_with_undos as forget_links_and_undos, is_reserved, new_code, new_token, normal as normal_code,
        sweep,
    },
    password::change_password,
    reset::{mail_invitation, peek_reset, request_reset, reset, start_reset},
    seizing::{Then, prove_address},
    verification::{mail_verification, request_verification, verify_email},
};
use crate::{accounts::Email, app::App, error::Error};

/// What a living link is about, for the page that asks whether to use it.
#[derive(Debug)]
pub(crate) struct Peeked {
    /// The address that the link verifies, restores, or was sent to.
    pub(crate) email: Email,
}

/// Looks at a link without using it: email scanners may open the page as often as they like.
pub(crate) async fn peek(app: &App, token: &str, purpose: Purpose) -> Result<Option<Peeked>, Error> {
    let mut reader = app.db().read().await?;
    let peeked = links::peek(reader.conn(), token, purpose, app.now()).await?;
    Ok(peeked.map(|(_, email)| Peeked { email }))
}
