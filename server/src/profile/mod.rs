//! The profile: an account's data about its owner, and the page of the account.

mod attributes;
pub(crate) mod http;
pub(crate) mod pages;
mod rules;
mod store;

use crate::{
    access::{Principal, Requester, Unchecked},
    accounts::{self, Account, AccountId, FullName, hold_own},
    app::App,
    client::Client,
    clock::Timestamp,
    error::Error,
    events::{self, Event},
    messages::Language,
    pictures,
};

/// An account with everything else that its owner sees.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) account: Account,
    pub(crate) picture: Option<pictures::PictureId>,
    /// When the account will be deleted, unless its owner cancels.
    pub(crate) deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(Profile { picture, deletion_due_at; account });

/// The profile of an account; access has not been checked yet.
pub(crate) async fn profile(app: &App, id: AccountId) -> Result<Unchecked<Profile>, Error> {
    let mut reader = app.db().read().await?;
    Ok(Unchecked::new(store::profile(reader.conn(), id).await?))
}

/// Changes the caller's name.
pub(crate) async fn set_full_name(
    app: &App,
    requester: Requester,
    full_name: &FullName,
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = hold_own(&mut tx, requester, now).await?;
    accounts::set_full_name(&mut tx, &held, full_name, now).await?;
    let detail = requester.detail();
    events::record_detail(&mut tx, Event::ProfileChanged, Some(held.id), client, detail.as_deref(), now)
        .await?;
    Ok(tx.commit().await?)
}

/// Sets the language in which the caller reads email.
pub(crate) async fn set_language(app: &App, principal: Principal, language: Language) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = hold_own(&mut tx, principal, now).await?;
    accounts::set_language(&mut tx, &held, language.tag()).await?;
    Ok(tx.commit().await?)
}
