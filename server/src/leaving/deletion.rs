//! Deletes an account, immediately or once its grace period is over.

use crate::{
    access::{By, Fresh},
    accounts::{self, AccountId, Locked, hold_own, lock_administrators, lock_due, lock_other},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    groups, limits,
    mail::{self, Message, Recipient},
    pictures::{self, PictureId},
};

/// Deletes an account and everything that belongs to it; the audit trail keeps its ID. The owner is notified
/// by email.
///
/// # Errors
/// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Refused`] if it is the only owner of an organisation,
/// [`Error::Database`].
pub async fn delete(app: &App, id: AccountId, by: By<'_>) -> Result<(), Error> {
    let picture = retry(|| async {
        let (mut tx, now) = begin(app).await?;
        let locked = lock_other(&mut tx, id, by, now).await?;
        groups::refuse_last_owner(&mut tx, &locked).await?;
        remove(app, tx, &locked, by.client(), now).await
    });
    clean_up(app, picture.await?).await;
    Ok(())
}

/// Deletes the caller's own account immediately.
pub(crate) async fn delete_own(app: &App, fresh: Fresh, client: &Client) -> Result<(), Error> {
    let picture = retry(|| async {
        let (mut tx, now) = begin(app).await?;
        let held = hold_own(&mut tx, fresh, now).await?;
        groups::refuse_last_owner(&mut tx, &held).await?;
        remove(app, tx, &held, client, now).await
    });
    clean_up(app, picture.await?).await;
    Ok(())
}

/// Deletes an account whose owner requested it once the grace period is over; [`Error::NotFound`] otherwise.
pub(crate) async fn delete_if_due(app: &App, id: AccountId, client: &Client) -> Result<(), Error> {
    let picture = retry(|| async {
        let (mut tx, now) = begin(app).await?;
        let locked = lock_due(&mut tx, id, now).await?.ok_or(Error::NotFound)?;
        // Nobody is there to be told that an organisation stands in the way, and the owner was promised a deletion.
        groups::hand_over(app, &mut tx, &locked, client, now).await?;
        remove(app, tx, &locked, client, now).await
    });
    clean_up(app, picture.await?).await;
    Ok(())
}

async fn begin(app: &App) -> Result<(Tx, Timestamp), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    lock_administrators(&mut tx, now).await?;
    Ok((tx, now))
}

/// Deletes the row and commits. Returns the picture whose bytes are still to be deleted.
async fn remove(
    app: &App,
    mut tx: Tx,
    locked: &Locked,
    client: &Client,
    now: Timestamp,
) -> Result<Option<PictureId>, Error> {
    limits::forget(app, &mut tx, &locked.email).await?;
    groups::forget_invitations_to(&mut tx, locked).await?;
    let picture = pictures::take(&mut tx, locked, now).await?;
    accounts::delete(&mut tx, locked).await?;
    events::record(&mut tx, Event::Deleted, Some(locked.id), client, now).await?;
    // It must outlive the account.
    let recipient = Recipient { account: None, ..Recipient::of(locked) };
    mail::enqueue(app, &mut tx, &recipient, &Message::Deleted, now).await?;
    tx.commit().await?;
    Ok(picture)
}

async fn clean_up(app: &App, picture: Option<PictureId>) {
    pictures::discard(app, picture).await;
    app.db().scrub().await;
}
