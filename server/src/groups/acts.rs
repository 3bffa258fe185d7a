//! What members do in an organisation, over HTTP and on the pages.
//!
//! Each action locks the caller's account and then the organisation's row, and reads the caller's role only then: the
//! role at the beginning of the request may be outdated. Two owners who leave at the same time are thus handled one
//! after the other, and the second one is rejected as the last owner. If an action concerns another account too, both
//! are locked first, in the order of their IDs (`accounts/held.rs`). The tree of groups is locked last.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    GroupId, GroupRole, LONGEST_NAME, Organisation, Person, Refusal, Team,
    cursors::{self, Asked, Part},
    rules, store,
};
use crate::{
    access::{Fresh, Principal},
    accounts::{self, AccountId, Actor, Email, Held, Locked},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    events::{self, Event},
    invalid::Invalid,
    mail::{self, Message, Recipient},
};

/// The most organisations that an account can own.
const MOST_OWNED: usize = 50;
/// The most teams of an organisation.
const MOST_TEAMS: i64 = 1000;

/// A member whose account and organisation this transaction has locked, with their current role.
pub(super) struct Standing {
    pub(super) held: Held,
    organisation: GroupId,
    role: GroupRole,
    /// The client for events that happen to others.
    client: Client,
}

impl Standing {
    /// Verifies that the caller has the role `least` or a higher one.
    pub(super) async fn of(
        tx: &mut Tx,
        caller: impl Actor,
        (organisation, least): (GroupId, GroupRole),
        client: &Client,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let held = accounts::hold_own(tx, caller, now).await?;
        Self::of_held(tx, held, organisation, least, client).await
    }

    /// [`of`](Self::of) for an action on another account. [`Error::NotFound`] if that account is not active.
    async fn beside(
        tx: &mut Tx,
        caller: impl Actor,
        (organisation, least): (GroupId, GroupRole),
        other: AccountId,
        client: &Client,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (held, is_active) = accounts::hold_own_beside(tx, caller, other, now).await?;
        let standing = Self::of_held(tx, held, organisation, least, client).await?;
        if is_active { Ok(standing) } else { Err(Error::NotFound) }
    }

    async fn of_held(
        tx: &mut Tx,
        held: Held,
        organisation: GroupId,
        least: GroupRole,
        client: &Client,
    ) -> Result<Self, Error> {
        if !store::lock_organisation(tx.conn(), organisation).await? {
            return Err(Error::NotFound);
        }
        let role = store::member_role(tx.conn(), organisation, held.id).await?;
        let role = rules::at_least(least, role)?;
        let client = client.clone().acting_as(held.id);
        Ok(Self { held, organisation, role, client })
    }

    pub(super) async fn record(
        &self,
        tx: &mut Tx,
        event: Event,
        account: Option<AccountId>,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        events::record_in(tx, event, self.organisation.uuid(), account, &self.client, detail, now).await
    }

    /// Notifies another member by email.
    async fn tell(
        &self,
        app: &App,
        tx: &mut Tx,
        account: AccountId,
        message: impl FnOnce(String) -> Message,
        now: Timestamp,
    ) -> Result<(), Error> {
        let name = store::name(tx.conn(), self.organisation).await?.ok_or(Error::NotFound)?;
        // Disabled accounts receive no email.
        let Some(owner) = accounts::owner(tx.conn(), account).await? else { return Ok(()) };
        mail::enqueue(app, tx, &Recipient::of(&owner), &message(name), now).await
    }

    async fn tell_role(
        &self,
        app: &App,
        tx: &mut Tx,
        account: AccountId,
        role: GroupRole,
        now: Timestamp,
    ) -> Result<(), Error> {
        if account == self.held.id {
            return Ok(());
        }
        let role = role.name().to_owned();
        self.tell(app, tx, account, |organisation| Message::OrganisationRole { organisation, role }, now)
            .await
    }

    /// A team of the organisation.
    async fn team(&self, tx: &mut Tx, id: GroupId) -> Result<Team, Error> {
        store::team(tx.conn(), self.organisation, id).await?.ok_or(Error::NotFound)
    }

    /// The role of a member.
    async fn member(&self, tx: &mut Tx, account: AccountId) -> Result<GroupRole, Error> {
        store::member_role(tx.conn(), self.organisation, account).await?.ok_or(Error::NotFound)
    }
}

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
        let id = super::create_organisation(&mut tx, &name, held.id, now).await?;
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
        super::rename(tx.conn(), id, &name).await?;
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
        super::delete(&mut tx, id, now).await?;
        standing.record(&mut tx, Event::OrganisationDeleted, None, None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

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
        super::add_member(&mut tx, id, member, role, now).await?;
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
            super::add_member(&mut tx, id, account, role, now).await?;
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
        super::remove_member(&mut tx, id, member).await?;
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
        super::remove_member(&mut tx, id, own).await?;
        events::record_in(&mut tx, Event::MemberLeft, id.uuid(), Some(own), client, None, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// The teams of an organisation, oldest first.
pub(super) async fn teams(
    app: &App,
    account: AccountId,
    id: GroupId,
    asked: Asked<'_>,
) -> Result<Part<Team>, Error> {
    let after = asked.after_group(app)?;
    let mut reader = app.db().read().await?;
    store::organisation_of(reader.conn(), account, id).await?.ok_or(Error::NotFound)?;
    let rows = store::teams(reader.conn(), id, after, asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_group(app, last.id)))
}

/// A team of an organisation, and its parent team.
pub(super) async fn team(
    app: &App,
    account: AccountId,
    id: GroupId,
    team: GroupId,
) -> Result<(Team, Option<Team>), Error> {
    let mut reader = app.db().read().await?;
    store::organisation_of(reader.conn(), account, id).await?.ok_or(Error::NotFound)?;
    let team = store::team(reader.conn(), id, team).await?.ok_or(Error::NotFound)?;
    let parent = store::team(reader.conn(), id, team.parent_id).await?;
    Ok((team, parent))
}

/// Creates a team in an organisation or in one of its teams.
pub(super) async fn create_team(
    app: &App,
    principal: Principal,
    id: GroupId,
    parent: Option<GroupId>,
    name: &str,
    client: &Client,
) -> Result<Team, Error> {
    let name = proved_name(name)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        if store::count_teams(tx.conn(), id).await? >= MOST_TEAMS {
            return Err(Error::Refused(Refusal::TooManyTeams));
        }
        let parent = match parent.filter(|parent| *parent != id) {
            Some(team) => standing.team(&mut tx, team).await?.id,
            None => id,
        };
        let team = super::create_team(&mut tx, &name, parent, now).await?;
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamCreated, None, Some(&detail), now).await?;
        let made = standing.team(&mut tx, team).await?;
        tx.commit().await?;
        Ok(made)
    })
    .await
}

/// Renames a team, or moves it to another parent in its organisation.
pub(super) async fn change_team(
    app: &App,
    principal: Principal,
    (id, team): (GroupId, GroupId),
    name: Option<&str>,
    parent: Option<GroupId>,
    client: &Client,
) -> Result<Team, Error> {
    let name = name.map(proved_name).transpose()?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let before = standing.team(&mut tx, team).await?;
        if let Some(name) = &name {
            super::rename(tx.conn(), team, name).await?;
        }
        if let Some(parent) = parent.filter(|parent| *parent != before.parent_id) {
            super::move_team(&mut tx, team, parent, now).await?;
        }
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamChanged, None, Some(&detail), now).await?;
        let changed = standing.team(&mut tx, team).await?;
        tx.commit().await?;
        Ok(changed)
    })
    .await
}

/// Deletes a team and the teams in it.
pub(super) async fn delete_team(
    app: &App,
    principal: Principal,
    (id, team): (GroupId, GroupId),
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let team = standing.team(&mut tx, team).await?.id;
        super::delete(&mut tx, team, now).await?;
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamDeleted, None, Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Adds a member of the organisation to one of its teams. Does nothing if they are already in it.
pub(super) async fn add_to_team(
    app: &App,
    principal: Principal,
    (id, team): (GroupId, GroupId),
    member: AccountId,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let needed = (id, GroupRole::Admin);
        let standing = Standing::beside(&mut tx, principal, needed, member, client, now).await?;
        let team = standing.team(&mut tx, team).await?.id;
        standing.member(&mut tx, member).await?;
        if store::member_role(tx.conn(), team, member).await?.is_some() {
            return Ok(());
        }
        super::add_member(&mut tx, team, member, GroupRole::Member, now).await?;
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamMemberAdded, Some(member), Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Removes a member from a team; they stay in the organisation.
pub(super) async fn remove_from_team(
    app: &App,
    principal: Principal,
    (id, team): (GroupId, GroupId),
    member: AccountId,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        let team = standing.team(&mut tx, team).await?.id;
        super::remove_member(&mut tx, team, member).await?;
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamMemberRemoved, Some(member), Some(&detail), now).await?;
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
    let rows = super::memberships(conn, account, after).await?;
    let view = |row: super::Membership| {
        (
            row.group_id,
            ExportedMembership { group_id: row.group_id.to_string(), name: row.name, role: row.role },
        )
    };
    Ok(rows.into_iter().map(view).collect())
}

fn proved_name(name: &str) -> Result<String, Error> {
    accounts::name(name, LONGEST_NAME).map_err(|fault| Invalid::field("name", fault).into())
}
