//! The teams of an organisation.

use super::{
    GroupId, GroupRole, Refusal, Team,
    cursors::{self, Asked, Part},
    organisations::proved_name,
    standing::Standing,
    store, tree,
};
use crate::{
    access::Principal,
    accounts::{AccountId, service},
    app::App,
    client::Client,
    db::retry,
    error::Error,
    events::Event,
};

/// The most teams of an organisation.
const MOST_TEAMS: i64 = 1000;

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
        let team = tree::create_team(&mut tx, &name, parent, now).await?;
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
            tree::rename(tx.conn(), team, name).await?;
        }
        if let Some(parent) = parent.filter(|parent| *parent != before.parent_id) {
            tree::move_team(&mut tx, team, parent, now).await?;
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
        tree::delete(&mut tx, team, now).await?;
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamDeleted, None, Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Adds a member of the organisation to one of its teams: a person, or a service account that the caller manages. Does
/// nothing if they are already in it.
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
        // What an account is never changes, so it may be asked before the locks.
        let is_service = service::name(tx.conn(), member).await?.is_some();
        let standing = if is_service {
            Standing::of(&mut tx, principal, needed, client, now).await?
        } else {
            Standing::beside(&mut tx, principal, needed, member, client, now).await?
        };
        let team = standing.team(&mut tx, team).await?.id;
        if is_service {
            let _managed = standing.service(&mut tx, member).await?;
        } else {
            standing.member(&mut tx, member).await?;
        }
        if store::member_role(tx.conn(), team, member).await?.is_some() {
            return Ok(());
        }
        if is_service {
            tree::add_service(&mut tx, team, member, now).await?;
        } else {
            tree::add_member(&mut tx, team, member, GroupRole::Member, now).await?;
        }
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
        if service::name(tx.conn(), member).await?.is_some() {
            let _managed = standing.service(&mut tx, member).await?;
            tree::remove_service(&mut tx, team, member).await?;
        } else {
            tree::remove_member(&mut tx, team, member).await?;
        }
        let detail = team.to_string();
        standing.record(&mut tx, Event::TeamMemberRemoved, Some(member), Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}
