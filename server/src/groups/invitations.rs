//! Invitations to an organisation by email. The links work like those of `recovery`: 256 random bits, stored as a
//! digest, used once and only by a POST. Unlike those, they belong to an address, which may have no account yet.
//!
//! | an invitation is | when |
//! |---|---|
//! | open | it is the latest for its address and organisation, and its seven days are not over |
//! | invalid | it was used, revoked or replaced; or the inviter left, was removed, got a lower role or was disabled; or the organisation or the inviter's account was deleted |
//!
//! Only the account with the invited address can become a member.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    GroupId, GroupRole, Refusal,
    cursors::{self, Asked, Part},
    rules,
    standing::Standing,
    store, tree,
};
use crate::{
    access::Principal,
    accounts::{self, AccountId, Email, FullName, Locked},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    events::{self, Event},
    limits,
    mail::{self, Message, Recipient, lifetime},
    messages::Language,
    random, recovery,
};

/// The most open invitations of an organisation.
const MOST_OPEN: i64 = 100;

/// An open invitation.
#[derive(Debug, Clone)]
pub(crate) struct Invitation {
    pub(crate) id: Uuid,
    pub(crate) email: Email,
    /// The role of the account that accepts.
    pub(crate) role: GroupRole,
    pub(crate) invited_by: AccountId,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}
crate::db::from_row!(Invitation { id, email, role, invited_by, created_at, expires_at });

/// The content of an invitation, for the page that asks whether to accept it.
#[derive(Debug)]
pub(crate) struct Peeked {
    pub(crate) group_id: GroupId,
    /// The name of the organisation.
    pub(crate) name: String,
    /// The name of the inviter.
    pub(crate) full_name: FullName,
    pub(crate) email: Email,
    pub(crate) role: GroupRole,
}
crate::db::from_row!(Peeked { group_id, name, full_name, email, role });

/// The invited address, its role, and the language of the email.
#[derive(Debug)]
pub(super) struct Invited {
    pub(super) email: Email,
    pub(super) role: GroupRole,
    pub(super) language: Language,
}

/// Invites an address. Replaces an older invitation of the address to this organisation.
pub(super) async fn invite(
    app: &App,
    principal: Principal,
    id: GroupId,
    invited: &Invited,
    client: &Client,
) -> Result<Invitation, Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let needed = (id, rules::to_remove_or_invite(invited.role));
        let standing = Standing::of(&mut tx, principal, needed, client, now).await?;
        if standing.held.email_verified_at.is_none() {
            return Err(Error::Refused(Refusal::Unconfirmed));
        }
        if store::member_at(tx.conn(), id, &invited.email).await?.is_some() {
            return Err(Error::Refused(Refusal::AlreadyMember));
        }
        store::delete_invitation_to(tx.conn(), id, &invited.email).await?;
        if store::count_invitations(tx.conn(), id, now).await? >= MOST_OPEN {
            return Err(Error::Refused(Refusal::TooManyInvitations));
        }
        limits::count_invitation(app, &mut tx, &standing.held, &invited.email, now).await?;
        let token = recovery::new_token();
        let invitation = Invitation {
            id: random::uuid_v7(now),
            email: invited.email.clone(),
            role: invited.role,
            invited_by: standing.held.id,
            created_at: now,
            expires_at: now + lifetime::INVITATION,
        };
        store::insert_invitation(tx.conn(), id, &invitation, &token.digest()).await?;
        let organisation = store::name(tx.conn(), id).await?.ok_or(Error::NotFound)?;
        // Sent to the address rather than an account, so that the inviter cannot learn whether it has one.
        let recipient = Recipient::bare(&invited.email, invited.language.tag());
        mail::enqueue(app, &mut tx, &recipient, &Message::InvitedToOrganisation { token, organisation }, now)
            .await?;
        let detail = format!("{} {}", invitation.id, invited.role.name());
        standing.record(&mut tx, Event::Invited, None, Some(&detail), now).await?;
        tx.commit().await?;
        Ok(invitation)
    })
    .await
}

/// The open invitations of an organisation, oldest first.
pub(super) async fn list(
    app: &App,
    account: AccountId,
    id: GroupId,
    asked: Asked<'_>,
) -> Result<Part<Invitation>, Error> {
    let after = asked.after_group(app)?;
    let mut reader = app.db().read().await?;
    let role = store::member_role(reader.conn(), id, account).await?;
    rules::at_least(GroupRole::Admin, role)?;
    let rows = store::invitations(reader.conn(), id, app.now(), after.uuid(), asked.rows()).await?;
    Ok(asked.part(rows, |last| cursors::of_group(app, GroupId::new(last.id))))
}

/// Revokes an invitation, which invalidates its link.
pub(super) async fn revoke(
    app: &App,
    principal: Principal,
    id: GroupId,
    invitation: Uuid,
    client: &Client,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let standing = Standing::of(&mut tx, principal, (id, GroupRole::Admin), client, now).await?;
        if !store::delete_invitation(tx.conn(), id, invitation).await? {
            return Err(Error::NotFound);
        }
        let detail = invitation.to_string();
        standing.record(&mut tx, Event::InvitationRevoked, None, Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// The content of an open invitation. Reading it does not use it.
pub(super) async fn peek(app: &App, token: &str) -> Result<Option<Peeked>, Error> {
    let Some(digest) = recovery::token_digest(token) else { return Ok(None) };
    let mut reader = app.db().read().await?;
    Ok(store::look(reader.conn(), &digest, app.now()).await?)
}

/// Makes the caller a member, if the invitation was sent to the address of their account. This also confirms the
/// address, because the link was read there. Returns the organisation.
///
/// # Errors
/// [`Error::DeadLink`]; [`Error::AnotherAddress`], which leaves the invitation open.
pub(super) async fn accept(
    app: &App,
    principal: Principal,
    token: &str,
    client: &Client,
) -> Result<GroupId, Error> {
    let digest = recovery::token_digest(token).ok_or(Error::DeadLink)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, principal, now).await?;
        let about = store::look(tx.conn(), &digest, now).await?.ok_or(Error::DeadLink)?;
        let id = about.group_id;
        if !store::lock_organisation(tx.conn(), id).await? {
            return Err(Error::DeadLink);
        }
        let (email, role) = store::take_invitation(tx.conn(), &digest, now).await?.ok_or(Error::DeadLink)?;
        if email != held.email {
            return Err(Error::AnotherAddress);
        }
        if held.email_verified_at.is_none() {
            accounts::mark_verified(&mut tx, &held, &email, now).await?;
            events::record(&mut tx, Event::EmailVerified, Some(held.id), client, now).await?;
        }
        // Somebody who is already a member keeps their role.
        if store::member_role(tx.conn(), id, held.id).await?.is_none() {
            tree::add_member(&mut tx, id, held.id, role, now).await?;
            let (event, detail) = (Event::MemberJoined, Some(role.name()));
            events::record_in(&mut tx, event, id.uuid(), Some(held.id), client, detail, now).await?;
        }
        tx.commit().await?;
        Ok(id)
    })
    .await
}

/// Revokes the invitations that a disabled account has sent.
pub(crate) async fn forget_invitations_by(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_invitations_by(tx.conn(), locked.id, None).await?)
}

/// Deletes the invitations to the address of an account that is deleted.
pub(crate) async fn forget_invitations_to(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_invitations_to(tx.conn(), &locked.email).await?)
}

/// Deletes every invitation of a restored backup: some may have been used or revoked since.
pub(crate) async fn forget_every_invitation(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every_invitation(tx.conn()).await?)
}

/// Deletes invitations that have expired.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_expired(tx.conn(), now).await
}

/// An open invitation to the account's address, for its owner's export.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExportedInvitation {
    /// The ID of the organisation.
    organisation_id: String,
    role: GroupRole,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

/// Up to 100 open invitations to an address.
pub(crate) async fn exported_invitations(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<ExportedInvitation>, Error> {
    let rows = store::invitations_to(conn, account, now).await?;
    let view = |(organisation, role, expires_at): (GroupId, GroupRole, Timestamp)| ExportedInvitation {
        organisation_id: organisation.to_string(),
        role,
        expires_at: expires_at.to_rfc3339(),
    };
    Ok(rows.into_iter().map(view).collect())
}

/// An open invitation that the account has sent, for its owner's export.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SentInvitation {
    /// The ID of the organisation.
    organisation_id: String,
    /// The address that it was sent to.
    #[schemars(extend("format" = "email"))]
    email: String,
    role: GroupRole,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

/// Up to 100 open invitations that an account has sent, after the one with the ID `after`.
pub(crate) async fn sent_invitations(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
    after: Option<Uuid>,
) -> Result<Vec<(Uuid, SentInvitation)>, Error> {
    let rows = store::invitations_by(conn, account, now, after.unwrap_or(Uuid::nil())).await?;
    let view = |row: store::SentRow| {
        let sent = SentInvitation {
            organisation_id: row.group_id.to_string(),
            email: row.email.to_string(),
            role: row.role,
            created_at: row.created_at.to_rfc3339(),
            expires_at: row.expires_at.to_rfc3339(),
        };
        (row.id, sent)
    };
    Ok(rows.into_iter().map(view).collect())
}
