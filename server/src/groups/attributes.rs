//! The attributes of an organisation.

use super::{GroupId, GroupRole, standing::Standing, store};
use crate::{
    access::{By, Principal},
    accounts::{self, AccountId},
    app::App,
    attributes::{self, Changes, Known, Of},
    client::Client,
    config::AttributeReaders,
    db::retry,
    error::Error,
    events::{self, Event},
};

/// What somebody sees of an organisation, a member or not. Strangers see what is public, and an organisation without
/// anything public does not exist for them.
pub(super) async fn seen_by(app: &App, account: AccountId, id: GroupId) -> Result<Vec<Known<'_>>, Error> {
    let role = store::member_role(app.db().read().await?.conn(), id, account).await?;
    let reader = match role {
        Some(GroupRole::Owner) => AttributeReaders::Owner,
        Some(GroupRole::Admin | GroupRole::Member) => AttributeReaders::Members,
        None => AttributeReaders::Public,
    };
    let known = attributes::known(app, Of::Organisation(id.uuid()), reader).await?;
    if role.is_some() {
        return Ok(known);
    }
    let known: Vec<_> = known.into_iter().filter(|known| known.value.is_some()).collect();
    if known.is_empty() { Err(Error::NotFound) } else { Ok(known) }
}

/// Changes attributes of an organisation that the caller owns.
pub(super) async fn change(
    app: &App,
    principal: Principal,
    id: GroupId,
    changes: &Changes,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Owner), client, now).await?;
        let names = attributes::set_of_organisation(&mut tx, id.uuid(), changes).await?;
        if names.is_empty() {
            return Ok(());
        }
        let (event, detail) = (Event::OrganisationAttributesChanged, names.join(", "));
        standing.record(&mut tx, event, None, Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// What administrators see of an organisation.
pub(crate) async fn attributes_of(app: &App, id: GroupId) -> Result<Vec<Known<'_>>, Error> {
    store::found_by_id(app.db().read().await?.conn(), id).await?.ok_or(Error::NotFound)?;
    attributes::known(app, Of::Organisation(id.uuid()), AttributeReaders::Administrators).await
}

/// Changes attributes of an organisation, as an administrator.
pub(crate) async fn set_attributes_by(
    app: &App,
    id: GroupId,
    changes: &Changes,
    by: By<'_>,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        if let Some(administrator) = by.proved() {
            let _proved = accounts::hold_own(&mut tx, administrator, now).await?;
        }
        if !store::lock_organisation(tx.conn(), id).await? {
            return Err(Error::NotFound);
        }
        let names = attributes::set_of_organisation(&mut tx, id.uuid(), changes).await?;
        if names.is_empty() {
            return Ok(());
        }
        let (event, detail) = (Event::OrganisationAttributesChanged, names.join(", "));
        events::record_in(&mut tx, event, id.uuid(), None, by.client(), Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}
