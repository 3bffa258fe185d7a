//! The attributes of an account: its owner's, and what others see of them.

use crate::{
    access::Requester,
    accounts::{self, AccountId, hold_own},
    app::App,
    attributes::{self, Changes, Known, Of},
    client::Client,
    config::AttributeReaders,
    db::retry,
    error::Error,
    events::{self, Event},
    groups,
};

/// What its owner sees.
pub(super) async fn own(app: &App, account: AccountId) -> Result<Vec<Known<'_>>, Error> {
    attributes::known(app, Of::Account(account), AttributeReaders::Owner).await
}

/// Changes attributes of the caller's account.
pub(super) async fn change(
    app: &App,
    requester: Requester,
    changes: &Changes,
    client: &Client,
) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = hold_own(&mut tx, requester, now).await?;
        let names = attributes::set_of_account(&mut tx, &held, changes).await?;
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(", ");
        let detail = requester.detail().map_or(names.clone(), |key| format!("{names}; {key}"));
        let (event, account) = (Event::AttributesChanged, Some(held.id));
        events::record_detail(&mut tx, event, account, client, Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// What somebody sees of an account. An account without anything to see is treated like one that does not exist, and so
/// is one that is disabled.
pub(super) async fn seen_by(
    app: &App,
    reader: AccountId,
    account: AccountId,
) -> Result<Vec<Known<'_>>, Error> {
    if reader == account {
        return own(app, account).await;
    }
    if accounts::owner(app.db().read().await?.conn(), account).await?.is_none() {
        return Err(Error::NotFound);
    }
    let is_member = groups::share_organisation(app, reader, account).await?;
    let reader = if is_member { AttributeReaders::Members } else { AttributeReaders::Public };
    let known = attributes::known(app, Of::Account(account), reader).await?;
    let known: Vec<_> = known.into_iter().filter(|known| known.value.is_some()).collect();
    if known.is_empty() { Err(Error::NotFound) } else { Ok(known) }
}
