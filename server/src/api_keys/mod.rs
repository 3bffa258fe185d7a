//! API keys: the credential of a program, in place of a person's session.
//!
//! A key belongs to an account. It can do at most what its scopes allow, and at most what its account may do at each
//! request. Its owner creates and removes it in a session; a key is never a session itself
//! ([`Requester`](crate::access::Requester)). Keys of a service account are managed in its organisation ([`Keys`]). The
//! database stores a key's ID and its digest. A revoked key is deleted, which takes effect from the next request, on
//! every instance.

mod guard;
pub(crate) mod http;
mod leaked;
mod new;
pub(crate) mod pages;
mod rates;
mod store;

use std::time::Duration;

use portcullis::credential::ApiKeySecret;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::guard::{ApiKeyHeader, ApiKeys, BearerApiKeys, CallerOrKey};
pub(crate) use self::{
    guard::requester,
    leaked::{Leaked, end_leaked},
    new::{MOST_DAYS, MOST_PER_MINUTE, NewKey, USUAL_DAYS},
};
use crate::{
    access::{By, Fresh, KeyId, Principal},
    accounts::{
        AccountId, FullName, Locked, Owner, hold_own, lock_other,
        service::{self, Service, lock_key_owner, responsible},
    },
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
    secret::SecretText,
};

/// The most keys of one account.
const MOST: i64 = 50;
/// The longest time that a key and its successor both work, in hours.
pub(crate) const MOST_OVERLAP: u16 = 24;
/// How long before a key expires its owner is notified.
const NOTICE: Duration = Duration::from_hours(7 * 24);

/// A key, as its owner sees it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) id: KeyId,
    pub(crate) account_id: AccountId,
    prefix: String,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Accurate to the minute.
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_used_address: Option<String>,
    /// The key that replaces it.
    pub(crate) replaced_by: Option<KeyId>,
    /// The most requests a minute, if it has a limit.
    pub(crate) per_minute: Option<i64>,
}
crate::db::from_row!(Listed {
    id,
    account_id,
    prefix,
    name,
    scope,
    created_at,
    expires_at,
    last_used_at,
    last_used_address,
    replaced_by,
    per_minute
});

impl Listed {
    /// What the key begins with, which is not secret.
    pub(crate) fn shown(&self) -> String {
        shown(&self.prefix, self.id)
    }
}

/// What emails call the key of a service account.
fn of_service(service: &FullName, key: &str) -> String {
    format!("{}, {key}", service.as_str())
}

fn shown(prefix: &str, id: KeyId) -> String {
    format!("{prefix}_{id}")
}

/// A key that was just created.
#[derive(Debug)]
pub(crate) struct Made {
    /// The whole key. It cannot be shown again.
    pub(crate) key: SecretText,
    pub(crate) listed: Listed,
}

/// The keys of an account that this transaction has locked, for somebody who may change them.
pub(crate) struct Keys<'a> {
    pub(crate) app: &'a App,
    pub(crate) account: AccountId,
    /// The name of a service account; `None` for a person's account.
    pub(crate) service: Option<&'a FullName>,
    /// The person who is notified of a new key.
    pub(crate) told: &'a Owner,
    pub(crate) client: &'a Client,
    pub(crate) now: Timestamp,
}

impl Keys<'_> {
    /// Creates a key and sends the notice by email.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`] if the account has 50.
    pub(crate) async fn make(&self, tx: &mut Tx, new: &NewKey) -> Result<Made, Error> {
        let made = self.insert(tx, new).await?;
        record(tx, Event::ApiKeyCreated, &made.listed, self.client, self.now).await?;
        Ok(made)
    }

    /// Creates the successor of a key, with the same name, scopes and lifetime. Both work for `overlap`, but the old
    /// one not beyond its own expiry.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::KeyReplaced`] if it has a successor; [`Error::TooManyKeys`].
    pub(crate) async fn rotate(&self, tx: &mut Tx, id: KeyId, overlap: Duration) -> Result<Made, Error> {
        let now = self.now;
        let old = store::key(tx.conn(), id, now).await?.filter(|old| old.account_id == self.account);
        let old = old.ok_or(Error::NotFound)?;
        if old.replaced_by.is_some() {
            return Err(Error::KeyReplaced);
        }
        if overlap.is_zero() {
            store::delete(tx.conn(), id, self.account, now).await?;
        }
        let (name, scope) = (old.name.clone(), old.scope.clone());
        let lifetime = old.expires_at - old.created_at;
        let new = NewKey { name, scope, lifetime, per_minute: old.per_minute };
        let made = self.insert(tx, &new).await?;
        store::set_replaced(tx.conn(), id, made.listed.id, old.expires_at.min(now + overlap)).await?;
        record(tx, Event::ApiKeyRotated, &old, self.client, now).await?;
        Ok(made)
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is another account's.
    pub(crate) async fn remove(&self, tx: &mut Tx, id: KeyId) -> Result<(), Error> {
        end(tx, self.account, id, self.client, self.now).await
    }

    /// The limit holds because the account is locked.
    async fn insert(&self, tx: &mut Tx, new: &NewKey) -> Result<Made, Error> {
        let (app, now) = (self.app, self.now);
        if store::count(tx.conn(), self.account, now).await? >= MOST {
            return Err(Error::TooManyKeys);
        }
        let prefix = app.config().api_key_prefix.as_str();
        let secret = ApiKeySecret::mint(prefix).map_err(|cause| Error::Internal(cause.to_string()))?;
        let id = KeyId::of_text(secret.id());
        let id = id.ok_or_else(|| Error::Internal("a key without an ID".to_owned()))?;
        let (digest, expires_at) = (secret.stored().digest, now + new.lifetime);
        let begun = store::Begun { id, digest: &digest, account: self.account, prefix, new, expires_at };
        store::insert(tx.conn(), &begun, now).await?;
        let (name, id_shown) = (new.name.clone(), shown(prefix, id));
        let message = match self.service {
            None => Message::ApiKeyCreated { name, id: id_shown },
            Some(service) => Message::ServiceKeyCreated { name: of_service(service, &name), id: id_shown },
        };
        mail::enqueue(app, tx, &Recipient::of(self.told), &message, now).await?;
        let listed = Listed {
            id,
            account_id: self.account,
            prefix: prefix.to_owned(),
            name: new.name.clone(),
            scope: new.scope.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
            last_used_address: None,
            replaced_by: None,
            per_minute: new.per_minute,
        };
        Ok(Made { key: SecretText::new(secret.text().to_owned()), listed })
    }
}

/// Creates a key of the caller's own account.
///
/// # Errors
/// See [`Keys::make`].
pub(crate) async fn make(app: &App, fresh: Fresh, new: &NewKey, client: &Client) -> Result<Made, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = hold_own(&mut tx, fresh, now).await?;
        let made = Keys { app, account: held.id, service: None, told: &held, client, now }
            .make(&mut tx, new)
            .await?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// Creates the successor of one of the caller's own keys.
///
/// # Errors
/// See [`Keys::rotate`].
pub(crate) async fn rotate(
    app: &App,
    fresh: Fresh,
    id: KeyId,
    overlap: Duration,
    client: &Client,
) -> Result<Made, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = hold_own(&mut tx, fresh, now).await?;
        let keys = Keys { app, account: held.id, service: None, told: &held, client, now };
        let made = keys.rotate(&mut tx, id, overlap).await?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// Records the key by what it begins with: its name is text that the owner chose.
async fn record(
    tx: &mut Tx,
    event: Event,
    key: &Listed,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    events::record_detail(tx, event, Some(key.account_id), client, Some(&key.shown()), now).await
}

/// Removes one of the caller's keys; [`Error::NotFound`] for anybody else's, and for one that does not exist. Needs no
/// fresh login, because an owner who has lost a key is in a hurry.
pub(crate) async fn remove(app: &App, principal: Principal, id: KeyId, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = hold_own(&mut tx, principal, now).await?;
    end(&mut tx, held.id, id, client, now).await?;
    Ok(tx.commit().await?)
}

/// Removes anybody's key.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) async fn revoke(app: &App, id: KeyId, by: By<'_>) -> Result<Listed, Error> {
    let found = store::key(app.db().read().await?.conn(), id, app.now()).await?.ok_or(Error::NotFound)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        lock_key_owner(&mut tx, found.account_id, by, now).await?;
        end(&mut tx, found.account_id, id, by.client(), now).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    Ok(found)
}

async fn end(
    tx: &mut Tx,
    account: AccountId,
    id: KeyId,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let found = store::key(tx.conn(), id, now).await?.ok_or(Error::NotFound)?;
    if !store::delete(tx.conn(), id, account, now).await? {
        return Err(Error::NotFound);
    }
    record(tx, Event::ApiKeyRemoved, &found, client, now).await
}

/// Removes every key of another user's account.
pub(crate) async fn revoke_all(app: &App, account: AccountId, by: By<'_>) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = lock_other(&mut tx, account, by, now).await?;
        end_all(&mut tx, &locked).await?;
        events::record(&mut tx, Event::ApiKeysRemoved, Some(account), by.client(), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Deletes every key of a service account that is disabled.
pub(crate) async fn end_all_of(tx: &mut Tx, service: &Service) -> Result<(), Error> {
    store::delete_of(tx.conn(), service.id).await?;
    Ok(())
}

/// Deletes every key of an account whose credentials may be, or were, compromised: a key that a thief created must not
/// outlive the password that the thief knew.
pub(crate) async fn end_all(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    store::delete_of(tx.conn(), locked.id).await?;
    Ok(())
}

/// Deletes the keys of every account after a restore: some may have been removed or leaked since the backup was made.
pub(crate) async fn end_every(tx: &mut Tx) -> Result<(), Error> {
    store::delete_every(tx.conn()).await?;
    Ok(())
}

/// The keys of an account, newest first.
pub(crate) async fn list(app: &App, account: AccountId) -> Result<Vec<Listed>, Error> {
    Ok(store::keys_of(app.db().read().await?.conn(), account, app.now()).await?)
}

/// The keys of every account, newest first, at most `limit`.
pub(crate) async fn list_every(app: &App, limit: u32) -> Result<Vec<Listed>, Error> {
    Ok(store::every_key(app.db().read().await?.conn(), app.now(), i64::from(limit)).await?)
}

/// How many keys an account has.
pub(crate) async fn count(app: &App, account: AccountId) -> Result<i64, Error> {
    Ok(store::count(app.db().read().await?.conn(), account, app.now()).await?)
}

/// A key, for its owner's export; never the key itself.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedKey {
    name: String,
    /// The beginning of the key.
    prefix: String,
    /// What it may be used for.
    scope: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// When it was last used, to the minute; `null` if it was not.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    last_used_address: Option<String>,
    /// The maximum number of requests per minute; `null` if there is no limit.
    requests_per_minute: Option<i64>,
}

pub(crate) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<ExportedKey>, Error> {
    let keys = store::keys_of(conn, account, now).await?;
    let view = |key: Listed| ExportedKey {
        prefix: key.shown(),
        name: key.name,
        scope: key.scope,
        created_at: key.created_at.to_rfc3339(),
        expires_at: key.expires_at.to_rfc3339(),
        last_used_at: key.last_used_at.map(Timestamp::to_rfc3339),
        last_used_address: key.last_used_address,
        requests_per_minute: key.per_minute,
    };
    Ok(keys.into_iter().map(view).collect())
}

/// Notifies the owners of keys that expire within seven days, once per key.
pub(crate) async fn give_notice(app: &App) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let notice = i64::try_from(NOTICE.as_micros()).unwrap_or(i64::MAX);
    for key in store::claim_expiring(tx.conn(), now + NOTICE, notice, now).await? {
        let (name, id) = (key.name, shown(&key.prefix, key.id));
        let due_at = key.expires_at.as_micros();
        let message = match service::name(tx.conn(), key.account_id).await? {
            None => Message::ApiKeyExpires { name, id, due_at },
            Some(service) => Message::ServiceKeyExpires { name: of_service(&service, &name), id, due_at },
        };
        // Nobody if the account is disabled, and its keys with it.
        for owner in responsible(tx.conn(), key.account_id).await? {
            mail::enqueue(app, &mut tx, &Recipient::of(&owner), &message, now).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Deletes keys that have expired.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_expired(tx.conn(), now).await
}
