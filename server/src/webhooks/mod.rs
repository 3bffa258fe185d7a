//! Webhooks: applications learn of an account's life by signed requests, in the Standard Webhooks form.
//!
//! An event is queued in its own transaction, at the one place that every event passes, and delivered by a worker at
//! least once. A delivery names the account by its number and tells nothing else of the person: deliveries that wait
//! for weeks must not keep what the account's deletion removes, and an application may read only what it may read.

mod deliver;
mod message;
mod store;

use std::fmt;

use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

pub(crate) use self::deliver::start;
use self::message::{Body, Secret};
use crate::{
    accounts::AccountId,
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    outgoing::{Reach, Target, Unanswered},
    random,
};

/// What secrets are sealed for.
const PURPOSE: &str = "webhook";
/// As many as one program's events are worth: each event becomes a row for each of them.
const MOST: i64 = 20;

/// A webhook that was just added. Its secret is shown this once.
#[derive(Debug)]
pub struct NewWebhook {
    /// Its name.
    pub id: Uuid,
    /// What the application verifies deliveries with: `whsec_` and base64. Prints itself only when exposed.
    pub secret: SecretString,
}

/// A webhook and what is still to be told.
#[derive(Debug)]
pub struct Webhook {
    /// Its name.
    pub id: Uuid,
    /// Where it is called.
    pub url: String,
    /// Deliveries that are to be made, or to be made again.
    pub waiting: i64,
    /// Deliveries that were given up, and are kept for 30 days.
    pub failed: i64,
    /// Why the latest of those attempts failed.
    pub last_error: Option<String>,
}
crate::db::from_row!(Webhook { id, url, waiting, failed, last_error });

/// Why a webhook could not be added, found or tried. The words are for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The URL cannot be one of a webhook.
    #[error("the URL {0}")]
    Url(&'static str),
    /// There are as many as there may be.
    #[error(
        "there are {MOST} webhooks already, which is the most; remove one with `portcullis webhook remove ID`"
    )]
    TooMany,
    /// There is none of this name.
    #[error("no such webhook; `portcullis webhook list` shows all webhooks")]
    NotFound,
    /// The target gave no answer.
    #[error("{0}")]
    Unanswered(String),
    /// The secret does not open.
    #[error(
        "the webhook's secret does not open: the server has another secret key than when it was added. Restore the \
         key, or remove the webhook and add it again"
    )]
    Sealed,
    /// The database, for one.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::db::Error> for WebhookError {
    fn from(cause: crate::db::Error) -> Self {
        Self::Failed(cause.into())
    }
}

/// Adds a webhook for all events. Events of the past are not told.
///
/// # Errors
/// [`WebhookError::Url`] when `url` may not be called, by its text or by the addresses that its name has now. They are
/// looked up again at each delivery.
pub async fn add(app: &App, url: &str, client: &Client) -> Result<NewWebhook, WebhookError> {
    let target = Target::parse(url, app.outgoing().reach()).map_err(WebhookError::Url)?;
    app.outgoing().check_name(&target).await.map_err(WebhookError::Url)?;
    let (now, secret) = (app.now(), Secret::random());
    let id = random::uuid_v7(now);
    let sealed = app.secret().seal(PURPOSE, secret.bytes());
    let mut tx = app.db().begin().await?;
    store::lock(tx.conn(), now).await?;
    if store::count(tx.conn()).await? >= MOST {
        return Err(WebhookError::TooMany);
    }
    store::insert(tx.conn(), id, target.as_str(), &sealed, now).await?;
    audit::insert(&mut tx, random::uuid_v7(now), Event::WebhookAdded, None, client, None, now).await?;
    tx.commit().await?;
    Ok(NewWebhook { id, secret: secret.shown() })
}

/// All webhooks, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App) -> Result<Vec<Webhook>, WebhookError> {
    let mut reader = app.db().read().await?;
    Ok(store::overview(reader.conn()).await?)
}

/// Removes a webhook and what it was still to be told.
///
/// # Errors
/// [`WebhookError::NotFound`].
pub async fn remove(app: &App, id: Uuid, client: &Client) -> Result<(), WebhookError> {
    let mut tx = app.db().begin().await?;
    if !store::delete(tx.conn(), id).await? {
        return Err(WebhookError::NotFound);
    }
    let now = app.now();
    audit::insert(&mut tx, random::uuid_v7(now), Event::WebhookRemoved, None, client, None, now).await?;
    Ok(tx.commit().await?)
}

/// Sends an event `webhook.test`, now and once, and answers the status that came back.
///
/// # Errors
/// [`WebhookError::Unanswered`] when none did.
pub async fn test(app: &App, id: Uuid) -> Result<StatusCode, WebhookError> {
    let hook = store::by_id(app.db().read().await?.conn(), id).await?.ok_or(WebhookError::NotFound)?;
    let now = app.now();
    let body = Body { kind: "webhook.test", at: now, account: None, organisation: None }.to_json();
    let sealed = hook.open(app.secret()).map_err(|_| WebhookError::Sealed)?;
    let target = hook.target(app.outgoing().reach()).map_err(WebhookError::Url)?;
    let request = sealed.sign(random::uuid_v7(now), now, body)?;
    let unanswered = |error: Unanswered| WebhookError::Unanswered(error.to_string());
    app.outgoing().send(&target, request).await.map_err(unanswered)
}

/// Has the deliveries that were given up tried again, from the beginning. Answers how many those are.
///
/// # Errors
/// [`WebhookError::NotFound`].
pub async fn retry(app: &App, id: Uuid) -> Result<u64, WebhookError> {
    let mut tx = app.db().begin().await?;
    store::by_id(tx.conn(), id).await?.ok_or(WebhookError::NotFound)?;
    let count = store::revive(tx.conn(), id, app.now()).await?;
    tx.commit().await?;
    Ok(count)
}

/// Queues what an application is told of an event, for every webhook, if it is told of it at all. Delivered if the
/// transaction stands.
pub(crate) async fn queue(
    tx: &mut Tx,
    id: Uuid,
    event: Event,
    account: Option<AccountId>,
    organisation: Option<Uuid>,
    now: Timestamp,
) -> Result<(), Error> {
    // First of all, so that a log-in pays nothing.
    let Some(kind) = told_as(event).filter(|_| account.is_some() || organisation.is_some()) else {
        return Ok(());
    };
    let body = Body { kind, at: now, account, organisation }.to_json();
    Ok(store::queue(tx.conn(), id, &body, now).await?)
}

/// Removes what was given up before `limit`, and what waits for a webhook that is gone.
pub(crate) async fn sweep(tx: &mut Tx, limit: Timestamp) -> Result<u64, crate::db::Error> {
    store::sweep(tx.conn(), limit).await
}

/// What an application is told that happened: the names are a promise, and few. What an application has to do is the
/// same whether an operator set the password or a link did, so they are one.
fn told_as(event: Event) -> Option<&'static str> {
    match event {
        Event::SignedUp => Some("account.signed_up"),
        Event::EmailVerified => Some("account.email_verified"),
        Event::EmailChanged | Event::EmailChangeUndone => Some("account.email_changed"),
        Event::PasswordChanged => Some("account.password_changed"),
        Event::PasswordReset | Event::PasswordSet => Some("account.password_reset"),
        Event::Disabled => Some("account.disabled"),
        Event::Enabled => Some("account.enabled"),
        Event::RoleChanged | Event::FirstAdmin => Some("account.role_changed"),
        Event::DeletionScheduled => Some("account.deletion_scheduled"),
        Event::DeletionCancelled => Some("account.deletion_cancelled"),
        Event::Deleted => Some("account.deleted"),
        Event::OrganisationCreated => Some("organisation.created"),
        Event::OrganisationRenamed => Some("organisation.renamed"),
        Event::OrganisationDeleted => Some("organisation.deleted"),
        Event::MemberJoined => Some("organisation.member_added"),
        Event::MemberRoleChanged => Some("organisation.member_role_changed"),
        Event::MemberLeft | Event::MemberRemoved => Some("organisation.member_removed"),
        Event::TeamCreated | Event::TeamChanged | Event::TeamDeleted => Some("organisation.teams_changed"),
        Event::TeamMemberAdded => Some("organisation.team_member_added"),
        Event::TeamMemberRemoved => Some("organisation.team_member_removed"),
        _ => None,
    }
}

/// A webhook as it is called.
struct Hook {
    id: Uuid,
    url: String,
    sealed_secret: Vec<u8>,
}
crate::db::from_row!(Hook { id, url, sealed_secret });

impl Hook {
    fn open(&self, key: &crate::secret::SecretKey) -> Result<Secret, crate::secret::Unsealable> {
        let bytes = key.open(PURPOSE, &self.sealed_secret)?;
        Secret::of_bytes(&bytes).ok_or(crate::secret::Unsealable)
    }

    /// The setting may have changed since it was added.
    fn target(&self, reach: Reach) -> Result<Target, &'static str> {
        Target::parse(&self.url, reach)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("id", &self.id).finish_non_exhaustive()
    }
}

/// For the command line: the secret's one appearance.
impl NewWebhook {
    /// The secret, to be shown.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}
