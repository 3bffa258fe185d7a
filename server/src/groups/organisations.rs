//! What members do with an organisation itself.

use super::{
    GroupId, GroupRole, LONGEST_NAME, Organisation, Refusal,
    cursors::{self, Asked, Part},
    rules,
    standing::Standing,
    store, tree,
};
use crate::{
    access::{Fresh, Principal},
    accounts::{self, AccountId, Locked},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    invalid::Invalid,
    mail::{self, Message, Recipient},
};

/// The most organisations that an account can own.
const MOST_OWNED: usize = 50;

/// Creates an organisation that the caller owns.
pub(super) async fn create(
    app: &App,
    principal: Principal,
    name: &str,
    client: &Client,
) -> Result<Organisation, Error> {
    let name = proved_name(name)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, principal, now).await?;
        if store::owned_by(tx.conn(), held.id).await?.len() >= MOST_OWNED {
            return Err(Error::Refused(Refusal::TooManyOwned));
        }
        let id = tree::create_organisation(&mut tx, &name, held.id, now).await?;
        let event = Event::OrganisationCreated;
        events::record_in(&mut tx, event, id.uuid(), Some(held.id), client, None, now).await?;
        let made = store::organisation_of(tx.conn(), held.id, id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// The organisations that an account is a member of, oldest first.
pub(super) async fn list(
    app: &App,
    account: AccountId,
    asked: Asked<'_>,
) -> Result<Part<Organisation>, Error> {
    let after = asked.after_group(app)?;
    let mut reader = app.db().read().await?;
    let rows = store::organisations_of(reader.conn(), account, after, asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_group(app, last.id)))
}

/// An organisation that the account is a member of.
pub(super) async fn read(app: &App, account: AccountId, id: GroupId) -> Result<Organisation, Error> {
    let mut reader = app.db().read().await?;
    store::organisation_of(reader.conn(), account, id).await?.ok_or(Error::NotFound)
}

/// Whether the account has this role in an organisation, or a higher one.
pub(super) async fn check_role(
    app: &App,
    account: AccountId,
    id: GroupId,
    least: GroupRole,
) -> Result<(), Error> {
    let role = store::member_role(app.db().read().await?.conn(), id, account).await?;
    rules::at_least(least, role).map(drop)
}

/// Renames an organisation.
pub(super) async fn rename(
    app: &App,
    principal: Principal,
    id: GroupId,
    name: &str,
    client: &Client,
) -> Result<(), Error> {
    let name = proved_name(name)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        tree::rename(tx.conn(), id, &name).await?;
        standing.record(&mut tx, Event::OrganisationRenamed, None, None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Deletes an organisation with its teams, its memberships and all grants to them.
pub(super) async fn delete(app: &App, fresh: Fresh, id: GroupId, client: &Client) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, fresh, (id, GroupRole::Owner), client, now).await?;
        for owner in store::other_owners(tx.conn(), id, standing.held.id).await? {
            standing
                .tell(app, &mut tx, owner, |organisation| Message::OrganisationDeleted { organisation }, now)
                .await?;
        }
        tree::delete(&mut tx, id, now).await?;
        standing.record(&mut tx, Event::OrganisationDeleted, None, None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Checks that every organisation of a leaving account keeps another active owner.
///
/// # Errors
/// [`Refusal::OwnerLeaves`].
pub(crate) async fn refuse_last_owner(tx: &mut Tx, leaving: &Locked) -> Result<(), Error> {
    for organisation in store::owned_by(tx.conn(), leaving.id).await? {
        // An organisation that was deleted meanwhile needs no owner.
        if store::lock_organisation(tx.conn(), organisation).await?
            && store::is_last_owner(tx.conn(), organisation, leaving.id).await?
        {
            return Err(Error::Refused(Refusal::OwnerLeaves));
        }
    }
    Ok(())
}

/// Hands over or deletes the organisations that would have no owner without this account, which is deleted now because its
/// owner asked for it some time ago. The next owner is the administrator, or else the member, who has been there longest.
/// An organisation without other members is deleted.
pub(crate) async fn hand_over(
    app: &App,
    tx: &mut Tx,
    leaving: &Locked,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    for id in store::owned_by(tx.conn(), leaving.id).await? {
        if !store::lock_organisation(tx.conn(), id).await?
            || !store::is_last_owner(tx.conn(), id, leaving.id).await?
        {
            continue;
        }
        let Some(next) = store::next_owner(tx.conn(), id, leaving.id).await? else {
            tree::delete(tx, id, now).await?;
            events::record_in(tx, Event::OrganisationDeleted, id.uuid(), None, client, None, now).await?;
            continue;
        };
        let role = GroupRole::Owner;
        store::set_member_role(tx.conn(), id, next, role).await?;
        let (event, detail) = (Event::MemberRoleChanged, Some(role.name()));
        events::record_in(tx, event, id.uuid(), Some(next), client, detail, now).await?;
        let organisation = store::name(tx.conn(), id).await?.ok_or(Error::NotFound)?;
        if let Some(owner) = accounts::owner(tx.conn(), next).await? {
            let message = Message::OrganisationRole { organisation, role: role.name().to_owned() };
            mail::enqueue(app, tx, &Recipient::of(&owner), &message, now).await?;
        }
    }
    Ok(())
}

/// The organisations that would have no owner without this account.
pub(crate) async fn only_owned(app: &App, account: AccountId) -> Result<Vec<(GroupId, String)>, Error> {
    let mut reader = app.db().read().await?;
    let mut only = Vec::new();
    for id in store::owned_by(reader.conn(), account).await? {
        if store::is_last_owner(reader.conn(), id, account).await? {
            only.extend(store::name(reader.conn(), id).await?.map(|name| (id, name)));
        }
    }
    Ok(only)
}

/// How many organisations an account is a member of.
pub(crate) async fn count(app: &App, account: AccountId) -> Result<i64, Error> {
    Ok(store::count_organisations(app.db().read().await?.conn(), account).await?)
}

pub(super) fn proved_name(name: &str) -> Result<String, Error> {
    accounts::name(name, LONGEST_NAME).map_err(|fault| Invalid::field("name", fault).into())
}
