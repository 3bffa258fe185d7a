//! Service accounts of an organisation: made, disabled, deleted and given keys by its admins and owners.
//!
//! A service account is an account without an owner (`accounts/service.rs`) and a member of its organisation with the
//! role `member` or `admin`. It belongs to the organisation and not to whoever made it, so it stays when they leave, and
//! is deleted with the organisation.

use std::time::Duration;

use super::{
    GroupId, GroupRole, Membership, Refusal, ServiceAccount,
    cursors::{self, Asked, Part},
    rules,
    standing::Standing,
    store, tree,
};
use crate::{
    access::{Fresh, KeyId, Principal},
    accounts::{AccountId, FullName, service},
    api_keys::{self, Listed, Made, NewKey},
    app::App,
    client::Client,
    db::retry,
    error::Error,
    events::Event,
};

/// How many service accounts an organisation has.
const MOST: i64 = 50;

/// Creates a service account.
pub(super) async fn create(
    app: &App,
    principal: Principal,
    id: GroupId,
    (name, role): (&FullName, GroupRole),
    client: &Client,
) -> Result<ServiceAccount, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let needed = (id, rules::to_remove_or_invite(role));
        let standing = Standing::of(&mut tx, principal, needed, client, now).await?;
        if service::count(tx.conn(), id.uuid()).await? >= MOST {
            return Err(Error::Refused(Refusal::TooManyServices));
        }
        let account = service::insert(&mut tx, id.uuid(), name, now).await?;
        store::insert_member(tx.conn(), id, account, role, now).await?;
        let detail = Some(role.name());
        standing.record(&mut tx, Event::ServiceAccountCreated, Some(account), detail, now).await?;
        let made = store::service(tx.conn(), id, account).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// The service accounts of an organisation that the reader manages, the oldest first.
pub(super) async fn list(
    app: &App,
    reader: AccountId,
    id: GroupId,
    asked: Asked<'_>,
) -> Result<Part<ServiceAccount>, Error> {
    let after = asked.after_account(app)?;
    let mut connection = app.db().read().await?;
    rules::at_least(GroupRole::Admin, store::member_role(connection.conn(), id, reader).await?)?;
    let rows = store::services(connection.conn(), id, after, asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_account(app, last.account_id)))
}

/// The service accounts in a team of an organisation that the reader manages.
pub(super) async fn in_team(
    app: &App,
    reader: AccountId,
    (id, team): (GroupId, GroupId),
) -> Result<Vec<ServiceAccount>, Error> {
    let mut connection = app.db().read().await?;
    rules::at_least(GroupRole::Admin, store::member_role(connection.conn(), id, reader).await?)?;
    let team = store::team(connection.conn(), id, team).await?.ok_or(Error::NotFound)?.id;
    Ok(store::services_in(connection.conn(), id, team).await?)
}

/// All service accounts of an organisation, for those who manage every organisation. There are at most 50.
pub(crate) async fn all(app: &App, id: GroupId) -> Result<Vec<ServiceAccount>, Error> {
    let mut reader = app.db().read().await?;
    store::found_by_id(reader.conn(), id).await?.ok_or(Error::NotFound)?;
    Ok(store::services(reader.conn(), id, AccountId::new(0), MOST).await?)
}

/// The teams of a service account, at most 100.
pub(super) async fn teams_of(
    app: &App,
    (id, account): (GroupId, AccountId),
) -> Result<Vec<Membership>, Error> {
    let groups = tree::memberships(app.db().read().await?.conn(), account, None).await?;
    Ok(groups.into_iter().filter(|group| group.group_id != id).collect())
}

/// A service account and its keys, newest first.
pub(super) async fn read(
    app: &App,
    reader: AccountId,
    (id, account): (GroupId, AccountId),
) -> Result<(ServiceAccount, Vec<Listed>), Error> {
    let mut connection = app.db().read().await?;
    rules::at_least(GroupRole::Admin, store::member_role(connection.conn(), id, reader).await?)?;
    let found = store::service(connection.conn(), id, account).await?.ok_or(Error::NotFound)?;
    drop(connection);
    Ok((found, api_keys::list(app, account).await?))
}

/// Disables a service account, which removes its keys, or enables it. One that is so already stays.
pub(super) async fn set_active(
    app: &App,
    principal: Principal,
    (id, account): (GroupId, AccountId),
    is_active: bool,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let service = standing.service(&mut tx, account).await?;
        if service.is_active == is_active {
            return Ok(());
        }
        service::set_active(&mut tx, &service, is_active, now).await?;
        let event = if is_active {
            Event::ServiceAccountEnabled
        } else {
            api_keys::end_all_of(&mut tx, &service).await?;
            Event::ServiceAccountDisabled
        };
        standing.record(&mut tx, event, Some(account), None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Deletes a service account with its keys and all that was granted to it.
pub(super) async fn delete(
    app: &App,
    principal: Principal,
    (id, account): (GroupId, AccountId),
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let service = standing.service(&mut tx, account).await?;
        service::delete(&mut tx, &service).await?;
        standing.record(&mut tx, Event::ServiceAccountDeleted, Some(account), None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Creates a key of a service account and notifies the one who does.
pub(super) async fn make_key(
    app: &App,
    fresh: Fresh,
    (id, account): (GroupId, AccountId),
    new: &NewKey,
    client: &Client,
) -> Result<Made, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, fresh, (id, GroupRole::Admin), client, now).await?;
        let service = standing.service(&mut tx, account).await?;
        if !service.is_active {
            return Err(Error::Refused(Refusal::ServiceDisabled));
        }
        let keys = standing.keys(app, &service, now);
        let made = keys.make(&mut tx, new).await?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// Creates the successor of a key of a service account.
pub(super) async fn rotate_key(
    app: &App,
    fresh: Fresh,
    (id, account): (GroupId, AccountId),
    (key, overlap): (KeyId, Duration),
    client: &Client,
) -> Result<Made, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, fresh, (id, GroupRole::Admin), client, now).await?;
        let service = standing.service(&mut tx, account).await?;
        let keys = standing.keys(app, &service, now);
        let made = keys.rotate(&mut tx, key, overlap).await?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// Removes a key of a service account.
pub(super) async fn remove_key(
    app: &App,
    principal: Principal,
    (id, account): (GroupId, AccountId),
    key: KeyId,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let service = standing.service(&mut tx, account).await?;
        let keys = standing.keys(app, &service, now);
        keys.remove(&mut tx, key).await?;
        Ok(tx.commit().await?)
    })
    .await
}
