//! Webhooks: signed requests that notify applications of account events, in the Standard Webhooks format.
//!
//! An event is queued in its own transaction, at the one place that every event passes, and delivered by a worker at
//! least once. A delivery contains the account's ID and nothing else about the person: deliveries may wait for weeks
//! and must not keep what the account's deletion removes, and an application may read only what it has access to.

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

/// The purpose that secrets are sealed for.
const PURPOSE: &str = "webhook";
/// The maximum number of webhooks: every event becomes a row for each of them.
const MOST: i64 = 20;

/// A newly added webhook. Its secret is shown only here.
#[derive(Debug)]
pub struct NewWebhook {
    /// Its name.
    pub id: Uuid,
    /// The key with which the application verifies deliveries: `whsec_` and base64. Prints itself only when exposed.
    pub secret: SecretString,
}

/// A webhook and the state of its deliveries.
#[derive(Debug)]
pub struct Webhook {
    /// Its name.
    pub id: Uuid,
    /// Its URL.
    pub url: String,
    /// Deliveries that are pending or will be retried.
    pub waiting: i64,
    /// Deliveries that failed for good; they are kept for 30 days.
    pub failed: i64,
    /// Why the latest of those attempts failed.
    pub last_error: Option<String>,
}
crate::db::from_row!(Webhook { id, url, waiting, failed, last_error });

/// Why a webhook could not be added, found or tested. The messages are for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The URL cannot be used for a webhook.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The maximum number of webhooks is reached.
    #[error("the limit of {MOST} webhooks is reached; remove one with `portcullis webhook remove ID`")]
    TooMany,
    /// There is no webhook with this name.
    #[error("no such webhook; `portcullis webhook list` shows all webhooks")]
    NotFound,
    /// The target did not respond.
    #[error("{0}")]
    Unanswered(String),
    /// The secret cannot be opened.
    #[error(
        "cannot open the webhook's secret: the server's secret key has changed since the webhook was added. Restore \
            the key, or remove the webhook and add it again"
    )]
    Sealed,
    /// Another error, such as one of the database.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::db::Error> for WebhookError {
    fn from(cause: crate::db::Error) -> Self {
        Self::Failed(cause.into())
    }
}

/// Adds a webhook for all events. Past events are not delivered.
///
/// # Errors
/// [`WebhookError::Url`] if `url` is not allowed, because of its text or the addresses that its name resolves to now.
/// The name is resolved again at each delivery.
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

/// All webhooks, oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list(app: &App) -> Result<Vec<Webhook>, WebhookError> {
    let mut reader = app.db().read().await?;
    Ok(store::overview(reader.conn()).await?)
}

/// Removes a webhook and its pending deliveries.
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

/// Sends an event `webhook.test` once, immediately, and returns the status of the response.
///
/// # Errors
/// [`WebhookError::Unanswered`] if there was no response.
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

/// Retries the deliveries that failed for good, from the beginning. Returns how many there are.
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

/// Queues an event for every webhook, if it is one that applications are notified of. It is delivered if the
/// transaction commits.
pub(crate) async fn queue(
    tx: &mut Tx,
    id: Uuid,
    event: Event,
    account: Option<AccountId>,
    organisation: Option<Uuid>,
    now: Timestamp,
) -> Result<(), Error> {
    // Checked first, so that a login costs nothing.
    let Some(kind) = told_as(event).filter(|_| account.is_some() || organisation.is_some()) else {
        return Ok(());
    };
    let body = Body { kind, at: now, account, organisation }.to_json();
    Ok(store::queue(tx.conn(), id, &body, now).await?)
}

/// Deletes what failed before `limit`, and what waits for a webhook that was removed.
pub(crate) async fn sweep(tx: &mut Tx, limit: Timestamp) -> Result<u64, crate::db::Error> {
    store::sweep(tx.conn(), limit).await
}

/// The name under which applications learn of an event. The names are stable and few. A password set by an operator or
/// through a link has the same consequences for an application, so both have one name.
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
        Event::AttributesChanged => Some("account.attributes_changed"),
        Event::DeletionScheduled => Some("account.deletion_scheduled"),
        Event::DeletionCancelled => Some("account.deletion_cancelled"),
        Event::Deleted => Some("account.deleted"),
        Event::ApiKeyCreated | Event::ApiKeyRotated => Some("api_key.created"),
        Event::ApiKeyRemoved | Event::ApiKeysRemoved => Some("api_key.removed"),
        Event::ApiKeyLeaked => Some("api_key.leaked"),
        Event::OrganisationCreated => Some("organisation.created"),
        Event::OrganisationRenamed => Some("organisation.renamed"),
        Event::OrganisationAttributesChanged => Some("organisation.attributes_changed"),
        Event::OrganisationDeleted => Some("organisation.deleted"),
        Event::MemberJoined => Some("organisation.member_added"),
        Event::MemberRoleChanged => Some("organisation.member_role_changed"),
        Event::MemberLeft | Event::MemberRemoved => Some("organisation.member_removed"),
        Event::TeamCreated | Event::TeamChanged | Event::TeamDeleted => Some("organisation.teams_changed"),
        Event::ServiceAccountCreated
        | Event::ServiceAccountEnabled
        | Event::ServiceAccountDisabled
        | Event::ServiceAccountDeleted => Some("organisation.service_accounts_changed"),
        Event::TeamMemberAdded => Some("organisation.team_member_added"),
        Event::TeamMemberRemoved => Some("organisation.team_member_removed"),
        _ => None,
    }
}

/// A webhook to deliver to.
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

    /// Checked again, because the setting may have changed since it was added.
    fn target(&self, reach: Reach) -> Result<Target, &'static str> {
        Target::parse(&self.url, reach)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("id", &self.id).finish_non_exhaustive()
    }
}

/// For the command line, the only place where the secret is shown.
impl NewWebhook {
    /// The secret's text.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}
