//! The members of an organisation: who they are, their roles, and how they go.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    GroupId, GroupRole, Membership, Person,
    cursors::{self, Asked, Part},
    rules,
    standing::Standing,
    store, tree,
};
use crate::{
    access::{Fresh, Principal},
    accounts::{AccountId, Email},
    app::App,
    client::Client,
    db::{Conn, retry},
    error::Error,
    events::{self, Event},
    mail::Message,
};

/// The members of an organisation, or of one of its teams, in the order of their accounts.
pub(super) async fn members(
    app: &App,
    account: AccountId,
    id: GroupId,
    team: Option<GroupId>,
    asked: Asked<'_>,
) -> Result<Part<Person>, Error> {
    let after = asked.after_account(app)?;
    let mut reader = app.db().read().await?;
    store::organisation_of(reader.conn(), account, id).await?.ok_or(Error::NotFound)?;
    let group = match team {
        Some(team) => store::team(reader.conn(), id, team).await?.ok_or(Error::NotFound)?.id,
        None => id,
    };
    let rows = store::people(reader.conn(), group, after, asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_account(app, last.account_id)))
}

/// A member of an organisation. The caller must have checked that the reader may see it.
pub(super) async fn member(app: &App, id: GroupId, account: AccountId) -> Result<Person, Error> {
    let mut reader = app.db().read().await?;
    store::person(reader.conn(), id, account).await?.ok_or(Error::NotFound)
}

/// The member of an organisation with this address. The reader must be an administrator or owner of it.
pub(super) async fn member_at(
    app: &App,
    account: AccountId,
    id: GroupId,
    email: &Email,
) -> Result<Option<AccountId>, Error> {
    let mut reader = app.db().read().await?;
    rules::at_least(GroupRole::Admin, store::member_role(reader.conn(), id, account).await?)?;
    Ok(store::member_at(reader.conn(), id, email).await?)
}

/// Changes a member's role. Does nothing if they already have it.
pub(super) async fn set_role(
    app: &App,
    fresh: Fresh,
    id: GroupId,
    member: AccountId,
    role: GroupRole,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let needed = (id, GroupRole::Owner);
        let standing = Standing::beside(&mut tx, fresh, needed, member, client, now).await?;
        if standing.member(&mut tx, member).await? == role {
            return Ok(());
        }
        tree::add_member(&mut tx, id, member, role, now).await?;
        let detail = Some(role.name());
        standing.record(&mut tx, Event::MemberRoleChanged, Some(member), detail, now).await?;
        standing.tell_role(app, &mut tx, member, role, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Makes another member an owner, and the caller an administrator.
pub(super) async fn hand_over(
    app: &App,
    fresh: Fresh,
    id: GroupId,
    member: AccountId,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let needed = (id, GroupRole::Owner);
        let standing = Standing::beside(&mut tx, fresh, needed, member, client, now).await?;
        standing.member(&mut tx, member).await?;
        let own = standing.held.id;
        if member == own {
            return Ok(());
        }
        for (account, role) in [(member, GroupRole::Owner), (own, GroupRole::Admin)] {
            tree::add_member(&mut tx, id, account, role, now).await?;
            let detail = Some(role.name());
            standing.record(&mut tx, Event::MemberRoleChanged, Some(account), detail, now).await?;
        }
        standing.tell_role(app, &mut tx, member, GroupRole::Owner, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Removes a member from an organisation and its teams.
pub(super) async fn remove(
    app: &App,
    principal: Principal,
    id: GroupId,
    member: AccountId,
    client: &Client,
) -> Result<(), Error> {
    if member == principal.account {
        return leave(app, principal, id, client).await;
    }
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let role = standing.member(&mut tx, member).await?;
        rules::at_least(rules::to_remove_or_invite(role), Some(standing.role))?;
        tree::remove_member(&mut tx, id, member).await?;
        standing.record(&mut tx, Event::MemberRemoved, Some(member), None, now).await?;
        standing
            .tell(app, &mut tx, member, |organisation| Message::OrganisationRemoved { organisation }, now)
            .await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Ends the caller's own membership of an organisation and its teams.
pub(super) async fn leave(
    app: &App,
    principal: Principal,
    id: GroupId,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Member), client, now).await?;
        let own = standing.held.id;
        tree::remove_member(&mut tx, id, own).await?;
        events::record_in(&mut tx, Event::MemberLeft, id.uuid(), Some(own), client, None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Whether two accounts are members of one organisation.
pub(crate) async fn share_organisation(app: &App, one: AccountId, other: AccountId) -> Result<bool, Error> {
    Ok(store::share_organisation(app.db().read().await?.conn(), one, other).await?)
}

/// A membership, for the account owner's export.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedMembership {
    /// The ID of the organisation or team.
    group_id: String,
    name: String,
    role: GroupRole,
}

/// Up to 100 memberships of an account after the group `after`.
pub(crate) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    after: Option<GroupId>,
) -> Result<Vec<(GroupId, ExportedMembership)>, Error> {
    let rows = tree::memberships(conn, account, after).await?;
    let view = |row: Membership| {
        (
            row.group_id,
            ExportedMembership { group_id: row.group_id.to_string(), name: row.name, role: row.role },
        )
    };
    Ok(rows.into_iter().map(view).collect())
}
