//! What administrators and the operator see and do in every organisation.

use super::{
    GroupId, GroupRole, Person,
    cursors::{self, Asked, Part},
    store,
};
use crate::{
    access::By,
    accounts::{self, AccountId, folded},
    app::App,
    clock::Timestamp,
    db::retry,
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
};

/// An organisation, as administrators see it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    /// How many members it has.
    pub(crate) members: i64,
}
crate::db::from_row!(Found { id, name, created_at, members });

/// Organisations with this text in their name, or with this ID, newest first.
pub(crate) async fn find(
    app: &App,
    search: Option<&str>,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Part<Found>, Error> {
    let asked = Asked { after, limit };
    let before = asked.before_group(app)?;
    let needle = search.map(|text| pattern(&folded(text.trim())));
    let id = search.and_then(|text| GroupId::of_path(text.trim()));
    let mut reader = app.db().read().await?;
    let rows = store::found(reader.conn(), needle.as_deref(), id, before, asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_group(app, last.id)))
}

/// An organisation and a page of its members.
pub(crate) async fn details(
    app: &App,
    id: GroupId,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<(Found, Part<Person>), Error> {
    let asked = Asked { after, limit };
    let after = asked.after_account(app)?;
    let mut reader = app.db().read().await?;
    let found = store::found_by_id(reader.conn(), id).await?.ok_or(Error::NotFound)?;
    let rows = store::people(reader.conn(), id, after, asked.rows()).await?;
    Ok((found, asked.part(rows, |last| cursors::of_account(app, last.account_id))))
}

/// Changes a member's role, for example to give an organisation without owners a new one.
pub(crate) async fn set_role_by(
    app: &App,
    id: GroupId,
    member: AccountId,
    role: GroupRole,
    by: By<'_>,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, member, by, now).await?;
        if !store::lock_organisation(tx.conn(), id).await? {
            return Err(Error::NotFound);
        }
        let before = store::member_role(tx.conn(), id, member).await?.ok_or(Error::NotFound)?;
        if before == role {
            return Ok(());
        }
        super::add_member(&mut tx, id, member, role, now).await?;
        let (event, detail) = (Event::MemberRoleChanged, Some(role.name()));
        events::record_in(&mut tx, event, id.uuid(), Some(member), by.client(), detail, now).await?;
        let organisation = store::name(tx.conn(), id).await?.ok_or(Error::NotFound)?;
        let message = Message::OrganisationRole { organisation, role: role.name().to_owned() };
        mail::enqueue(app, &mut tx, &Recipient::of(&locked), &message, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Deletes an organisation with its teams, its memberships and all grants to them.
pub(crate) async fn delete_by(app: &App, id: GroupId, by: By<'_>) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        if let Some(administrator) = by.proved() {
            let _proved = accounts::hold_own(&mut tx, administrator, now).await?;
        }
        if !store::lock_organisation(tx.conn(), id).await? {
            return Err(Error::NotFound);
        }
        let organisation = store::name(tx.conn(), id).await?.ok_or(Error::NotFound)?;
        for owner in store::other_owners(tx.conn(), id, AccountId::new(0)).await? {
            let Some(owner) = accounts::owner(tx.conn(), owner).await? else { continue };
            let message = Message::OrganisationDeleted { organisation: organisation.clone() };
            mail::enqueue(app, &mut tx, &Recipient::of(&owner), &message, now).await?;
        }
        super::delete(&mut tx, id, now).await?;
        events::record_in(&mut tx, Event::OrganisationDeleted, id.uuid(), None, by.client(), None, now)
            .await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// A pattern for `LIKE`, with `!` before each wildcard that is meant literally.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern + "%"
}
