//! Who acts in an organisation, proved under its lock.
//!
//! Each action locks the caller's account and then the organisation's row, and reads the caller's role only then: the
//! role at the beginning of the request may be outdated. Two owners who leave at the same time are thus handled one
//! after the other, and the second one is rejected as the last owner. If an action concerns another account too, both
//! are locked first, in the order of their IDs (`accounts/held.rs`). The tree of groups is locked last.

use super::{GroupId, GroupRole, Team, rules, store};
use crate::{
    accounts::{
        self, AccountId, Actor, Held,
        service::{self, Service},
    },
    api_keys::Keys,
    app::App,
    client::Client,
    clock::Timestamp,
    db::Tx,
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
};

/// A member whose account and organisation this transaction has locked, with their current role.
pub(super) struct Standing {
    pub(super) held: Held,
    organisation: GroupId,
    pub(super) role: GroupRole,
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
    pub(super) async fn beside(
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
    pub(super) async fn tell(
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

    pub(super) async fn tell_role(
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
    pub(super) async fn team(&self, tx: &mut Tx, id: GroupId) -> Result<Team, Error> {
        store::team(tx.conn(), self.organisation, id).await?.ok_or(Error::NotFound)
    }

    /// The role of a member who is a person.
    pub(super) async fn member(&self, tx: &mut Tx, account: AccountId) -> Result<GroupRole, Error> {
        store::person_role(tx.conn(), self.organisation, account).await?.ok_or(Error::NotFound)
    }

    /// A service account of the organisation, which this transaction locks. Those who could not invite a member of its
    /// role cannot manage it either.
    pub(super) async fn service(&self, tx: &mut Tx, account: AccountId) -> Result<Service, Error> {
        let service = service::lock(tx, self.organisation.uuid(), account).await?;
        let role = store::member_role(tx.conn(), self.organisation, account).await?.ok_or(Error::NotFound)?;
        rules::at_least(rules::to_remove_or_invite(role), Some(self.role))?;
        Ok(service)
    }

    /// The keys of a service account, of which the caller is told.
    pub(super) fn keys<'a>(&'a self, app: &'a App, service: &'a Service, now: Timestamp) -> Keys<'a> {
        let (account, name) = (service.id, Some(&service.full_name));
        Keys { app, account, service: name, told: &self.held, client: &self.client, now }
    }
}
