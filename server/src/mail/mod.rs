//! Email: queued in the transaction that it reports on, sent by a worker.
//!
//! An email is sent at least once. A worker claims it in one statement before sending and deletes it after the server
//! accepted it. If the worker dies between the two, the next one sends it again with the same `Message-ID`.

mod compose;
mod config;
mod letter;
mod store;
mod transport;
mod trial;
mod worker;

use serde::{Deserialize, Serialize};

pub use self::config::{MailConfig, Mailbox, MailboxError, Smtp, Transport, TransportError};
use self::store::Kind;
pub(crate) use self::trial::{figures, last_error, send_trial, sender};
pub(crate) use self::worker::{Outbox, deliver_due, start, sweep};
use crate::{
    accounts::{AccountId, Email, Owner},
    app::App,
    clock::Timestamp,
    db::Tx,
    error::Error,
    limits, random,
    secret::SecretText,
};

/// How long each emailed link works. Emails state these times, and `recovery` enforces them.
pub(crate) mod lifetime {
    use std::time::Duration;

    pub(crate) const VERIFY_EMAIL: Duration = Duration::from_hours(24);
    pub(crate) const CONFIRM_EMAIL: Duration = Duration::from_hours(24);
    pub(crate) const RESET_PASSWORD: Duration = Duration::from_mins(30);
    pub(crate) const LOG_IN: Duration = Duration::from_mins(15);
    pub(crate) const UNDO_EMAIL: Duration = Duration::from_hours(7 * 24);
    pub(crate) const INVITATION: Duration = Duration::from_hours(7 * 24);
}

/// The purpose that emails are sealed for.
const PURPOSE: &str = "mail";

/// The recipient of an email. The address is always one that is stored (or was, until now), never one that was
/// submitted, except for [`Message::ProveAddress`], which asks whose it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Recipient {
    /// The account it belongs to: the email is deleted with it. `None` if the email has to outlive the account.
    #[serde(skip)]
    pub(crate) account: Option<AccountId>,
    pub(crate) email: Email,
    pub(crate) full_name: String,
    /// A language tag such as `en`; see the message files.
    pub(crate) language: String,
    /// Whether somebody has shown that this address is theirs.
    #[serde(skip)]
    pub(crate) is_confirmed: bool,
}

impl Recipient {
    /// The owner of an account, at the current address.
    pub(crate) fn of(owner: &Owner) -> Self {
        Self { is_confirmed: owner.email_verified_at.is_some(), ..Self::at(&owner.email, owner) }
    }

    /// Whoever reads a bare address. The email outlives every account.
    pub(crate) fn bare(email: &Email, language: &str) -> Self {
        Self {
            account: None,
            email: email.clone(),
            full_name: String::new(),
            language: language.to_owned(),
            is_confirmed: false,
        }
    }

    /// The owner at another address.
    pub(crate) fn at(email: &Email, owner: &Owner) -> Self {
        Self {
            account: Some(owner.id),
            email: email.clone(),
            full_name: owner.full_name.as_str().to_owned(),
            language: owner.language.clone(),
            is_confirmed: false,
        }
    }
}

/// The content of an email. It is stored sealed, and the text is written when the email is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Please confirm that this is your address.
    VerifyEmail { token: SecretText },
    /// Set a new password.
    ResetPassword { token: SecretText },
    /// Someone signed up again with an address that nobody had confirmed: choose a password.
    SignedUpAgain { token: SecretText },
    /// An administrator created an account for you: choose a password.
    Invited { token: SecretText },
    /// Log in by this link, or enter this code.
    LogIn { token: SecretText, code: SecretText },
    /// To the new address: confirm that it is yours.
    ConfirmNewEmail { token: SecretText },
    /// To the old address: it is about to be replaced; undo it here.
    EmailChangeRequested { new_email: String, undo: SecretText },
    /// To the old address: it was replaced; undo it here.
    EmailChanged { new_email: String, undo: SecretText },
    /// To the old address: it is in use again.
    EmailChangeUndone,
    /// To the replaced address: the account uses its earlier address again.
    EmailTakenBack,
    /// Someone signed up with your address; you already have an account.
    AlreadySignedUp,
    /// Your password was changed, or reset through an emailed link.
    PasswordChanged,
    /// You have proved that this is your address; what was set up before was removed.
    Seized,
    /// An identity at another provider was linked to your account.
    IdentityLinked { provider: String },
    /// An identity at another provider was unlinked from your account.
    IdentityUnlinked { provider: String },
    /// For a login with another provider: enter this code to prove that the address is yours.
    ProveAddress { code: SecretText, provider: String },
    /// You are logged in: enter this code to confirm that it is still you.
    ConfirmLogin { code: SecretText },
    /// A refresh token was used twice; the session was revoked.
    RefreshTokenReplayed { device: String },
    /// Your account will be deleted on this day unless you cancel.
    DeletionScheduled { due_at: i64 },
    /// Your account was deleted.
    Deleted,
    /// Your account was disabled by an administrator.
    Disabled,
    /// An authenticator app was added to your account, or replaced.
    TotpAdded,
    /// Your authenticator app was removed.
    TotpRemoved,
    /// You have new recovery codes.
    RecoveryCodesMade,
    /// One of your recovery codes was used.
    RecoveryCodeUsed { left: i64 },
    /// An API key was created for your account.
    ApiKeyCreated { name: String, id: String },
    /// An API key expires soon.
    ApiKeyExpires { name: String, id: String, due_at: i64 },
    /// An API key was found in public and was removed.
    ApiKeyLeaked { name: String, id: String },
    /// An API key of a service account was created, by the reader.
    ServiceKeyCreated { name: String, id: String },
    /// An API key of a service account of the reader's organisation expires soon.
    ServiceKeyExpires { name: String, id: String, due_at: i64 },
    /// An API key of a service account of the reader's organisation was found in public.
    ServiceKeyLeaked { name: String, id: String },
    /// Someone who knows your password or has an emailed link entered a wrong code.
    FactorFailed,
    /// A passkey was added to your account.
    PasskeyAdded { name: String },
    /// A passkey of your account was removed.
    PasskeyRemoved { name: String },
    /// A passkey was rejected: it may have been copied.
    PasskeyCopied { name: String },
    /// Your role was changed.
    RoleChanged { role: String },
    /// Someone invites you to an organisation.
    InvitedToOrganisation { token: SecretText, organisation: String },
    /// Your role in an organisation was changed.
    OrganisationRole { organisation: String, role: String },
    /// You were removed from an organisation.
    OrganisationRemoved { organisation: String },
    /// An organisation that you owned was deleted by another owner.
    OrganisationDeleted { organisation: String },
    /// Email works. Sent by `portcullis doctor mail`, never queued.
    Trial,
}

impl Message {
    /// Whether someone waits for this email. It has a limit of its own where it is requested, and is sent before any
    /// notice.
    const fn is_awaited(&self) -> bool {
        matches!(
            self,
            Self::VerifyEmail { .. }
                | Self::ResetPassword { .. }
                | Self::SignedUpAgain { .. }
                | Self::Invited { .. }
                | Self::LogIn { .. }
                | Self::ConfirmNewEmail { .. }
                | Self::EmailChangeRequested { .. }
                | Self::EmailChanged { .. }
                | Self::EmailChangeUndone
                | Self::AlreadySignedUp
                | Self::ProveAddress { .. }
                | Self::ConfirmLogin { .. }
                | Self::InvitedToOrganisation { .. }
                | Self::Trial
        )
    }
}

/// Deletes every queued email, after restoring a backup: those emails were sent before, and their links are invalid.
pub(crate) async fn forget_every(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every(tx.conn()).await?)
}

/// Queues an email; it is sent if the transaction commits. Notices are limited: too many of them are dropped, and the
/// log says so.
pub(crate) async fn enqueue(
    app: &App,
    tx: &mut Tx,
    to: &Recipient,
    message: &Message,
    now: Timestamp,
) -> Result<(), Error> {
    let kind = if message.is_awaited() { Kind::Awaited } else { Kind::Notice };
    if kind == Kind::Notice
        && !limits::may_notify(app, tx, &to.email, to.is_confirmed, letter::kind(message), now).await?
    {
        return Ok(());
    }
    queue(app, tx, kind, to.account, &(to, message), now).await
}

/// Queues a question that may become an email. The worker has it answered when its turn comes.
pub(crate) async fn enqueue_question<Q: Serialize + Sync>(
    app: &App,
    tx: &mut Tx,
    question: &Q,
    now: Timestamp,
) -> Result<(), Error> {
    queue(app, tx, Kind::Question, None, question, now).await
}

async fn queue<T: Serialize + Sync>(
    app: &App,
    tx: &mut Tx,
    kind: Kind,
    account: Option<AccountId>,
    what: &T,
    now: Timestamp,
) -> Result<(), Error> {
    let plain = serde_json::to_vec(what)
        .map_err(|cause| Error::Internal(format!("an email cannot be rendered: {cause}")))?;
    let sealed = app.secret().seal(PURPOSE, &plain);
    store::insert(tx.conn(), random::uuid_v7(now), account, kind, &sealed, now).await?;
    if app.misses_workers() {
        tracing::warn!(
            "an email was queued, but this program has no workers to send it. Call App::start_workers(), or run \
                another instance that does"
        );
    }
    app.outbox().wake();
    Ok(())
}
