//! Profile pictures: one per account, visible to its owner only.

pub(crate) mod decode;
mod halves;
pub(crate) mod http;
mod rules;
mod store;

use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{ObjectStoreExt, PutPayload, path::Path};
use uuid::Uuid;

use self::decode::{Picture, Refused};
use crate::{
    access::{Requester, Unchecked},
    accounts::{self, AccountId, Locked},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    events::{self, Event},
    invalid::Invalid,
    random,
};

/// The folder of pictures in the object store.
pub(crate) const FOLDER: &str = "profile-images";

/// A picture's name. Every upload is a new picture, so a cached picture is never stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureId(Uuid);
crate::db::column!(PictureId, Uuid);

impl fmt::Display for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PictureId {
    /// Its key in the object store. It contains nothing of the upload's name.
    fn key(self) -> Path {
        Path::from(FOLDER).join(self.to_string())
    }
}

/// A picture's row.
#[derive(Debug)]
pub(crate) struct Stored {
    id: PictureId,
    account_id: AccountId,
    content_type: String,
}
crate::db::from_row!(Stored { id, account_id, content_type });

/// The URL of the picture.
pub(crate) fn url(app: &App, id: PictureId) -> String {
    format!("{}/profile-images/{id}", app.issuer())
}

/// Sets an upload as the account's picture, after decoding and re-encoding it.
///
/// # Errors
/// [`Error::UnsupportedPicture`], [`Error::Invalid`] for the field `file`, and those of the pool and the stores.
pub(crate) async fn set(
    app: &App,
    requester: Requester,
    upload: Bytes,
    client: &Client,
) -> Result<PictureId, Error> {
    // Decoding takes up to a second, so one client must not fill the queue.
    let places = app.picture_places().of(client.address());
    let _place = if app.config().limits { Some(places.take(1).ok_or(Error::Busy)?) } else { None };
    let picture = app.picture_pool().run(move |()| decode::decode(&upload)).await?.map_err(refusal)?;
    replace(app, requester, picture, client).await
}

fn refusal(refused: Refused) -> Error {
    match refused {
        Refused::Type(foreign) => Error::UnsupportedPicture(foreign),
        Refused::Fault(fault) => Invalid::field("file", fault).into(),
    }
}

/// Sets the account's picture. The bytes are stored before the row names them, and the old ones are deleted after
/// the row no longer does, so a reader sees either the old picture or the new one, complete.
async fn replace(
    app: &App,
    requester: Requester,
    picture: Picture,
    client: &Client,
) -> Result<PictureId, Error> {
    let now = app.now();
    let id = PictureId(random::uuid_v7(now));
    let content_type = picture.content_type;
    let size = i64::try_from(picture.bytes.len()).unwrap_or(i64::MAX);
    // Before anything is written: a full store should not take bytes that are deleted right away.
    if !has_room(app, app.db().read().await?.conn(), requester.account(), size).await? {
        return Err(Error::NoRoom);
    }
    app.objects().put(&id.key(), PutPayload::from(picture.bytes)).await?;

    // If the session has ended meanwhile, the sweep removes the bytes.
    let mut tx = app.db().begin().await?;
    let held = accounts::hold_own(&mut tx, requester, now).await?;
    // From here to the commit nobody else adds a picture, on any instance.
    store::lock(tx.conn(), now).await?;
    if !has_room(app, tx.conn(), held.id, size).await? {
        drop(tx);
        app.objects().delete(&id.key()).await?;
        return Err(Error::NoRoom);
    }
    let old = store::take(tx.conn(), held.id).await?;
    store::insert(tx.conn(), id, held.id, content_type, size, now).await?;
    let detail = requester.detail();
    events::record_detail(&mut tx, Event::PictureSet, Some(held.id), client, detail.as_deref(), now).await?;
    tx.commit().await?;
    discard(app, old).await;
    Ok(id)
}

/// Whether there is room for a picture of this size in place of the account's current one.
async fn has_room(app: &App, conn: Conn<'_>, account: AccountId, size: i64) -> Result<bool, Error> {
    let limit = i64::try_from(app.config().picture_storage).unwrap_or(i64::MAX);
    Ok(store::bytes_of_others(conn, account).await?.saturating_add(size) <= limit)
}

/// Removes the account's picture, if there is one.
pub(crate) async fn remove(app: &App, requester: Requester, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, requester, now).await?;
    let old = store::take(tx.conn(), held.id).await?;
    if old.is_some() {
        let detail = requester.detail();
        events::record_detail(&mut tx, Event::PictureRemoved, Some(held.id), client, detail.as_deref(), now)
            .await?;
    }
    tx.commit().await?;
    discard(app, old).await;
    Ok(())
}

/// The row of a picture; access has not been checked yet.
async fn stored(app: &App, id: &str) -> Result<Unchecked<Stored>, Error> {
    let Ok(id) = Uuid::try_parse(id) else { return Ok(Unchecked::new(None)) };
    let mut reader = app.db().read().await?;
    Ok(Unchecked::new(store::stored(reader.conn(), PictureId(id)).await?))
}

/// A picture's bytes, read in small pieces while they are sent. The file stays open, so that a picture that is
/// replaced meanwhile is still read to its end.
pub(crate) struct PictureBytes {
    pub(crate) length: u64,
    pub(crate) pieces: BoxStream<'static, object_store::Result<Bytes>>,
}

impl fmt::Debug for PictureBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PictureBytes").field("length", &self.length).finish_non_exhaustive()
    }
}

async fn bytes(app: &App, id: PictureId) -> Result<PictureBytes, Error> {
    match app.objects().get(&id.key()).await {
        Ok(object) => Ok(PictureBytes { length: object.meta.size, pieces: object.into_stream() }),
        // Replaced since the row was read.
        Err(object_store::Error::NotFound { .. }) => Err(Error::NotFound),
        Err(cause) => Err(cause.into()),
    }
}

/// The account's picture for its owner's export: content type and bytes.
pub(crate) async fn exported(app: &App, account: AccountId) -> Result<Option<(String, PictureBytes)>, Error> {
    let stored = store::of_account(app.db().read().await?.conn(), account).await?;
    let Some(stored) = stored else { return Ok(None) };
    match bytes(app, stored.id).await {
        Ok(bytes) => Ok(Some((stored.content_type, bytes))),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the picture's row in the transaction that deletes its account, and marks its bytes for deletion: after a
/// crash before [`discard`], the next sweep deletes them however recent they are.
pub(crate) async fn take(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<Option<PictureId>, Error> {
    let taken = store::take(tx.conn(), locked.id).await?;
    if let Some(picture) = taken {
        store::doom(tx.conn(), picture, now).await?;
    }
    Ok(taken)
}

/// Deletes bytes that no row names any more. If that fails, the sweep tries again.
pub(crate) async fn discard(app: &App, picture: Option<PictureId>) {
    let Some(picture) = picture else { return };
    if let Err(cause) = delete_bytes(app, picture).await {
        tracing::warn!(%cause, %picture, "a picture's bytes could not be deleted; the next sweep tries again");
    }
}

async fn note_size(app: &App, id: PictureId, size: u64) -> Result<(), Error> {
    let mut tx = app.db().begin().await?;
    store::set_size(tx.conn(), id, i64::try_from(size).unwrap_or(i64::MAX)).await?;
    Ok(tx.commit().await?)
}

async fn delete_bytes(app: &App, picture: PictureId) -> Result<(), Error> {
    match app.objects().delete(&picture.key()).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(cause) => return Err(cause.into()),
    }
    let mut tx = app.db().begin().await?;
    store::spare(tx.conn(), picture).await?;
    Ok(tx.commit().await?)
}

/// Removes the pictures whose file a backup lacks because they were replaced while it was made.
pub(crate) async fn forget_lost(tx: &mut Tx, is_kept: impl Fn(&str) -> bool) -> Result<(), Error> {
    for picture in store::all(tx.conn()).await? {
        if !is_kept(&picture.to_string()) {
            store::delete(tx.conn(), picture).await?;
        }
    }
    Ok(())
}

/// Deletes the bytes left by crashes and failed deletions: those that no row names and that are too old for an
/// upload in progress. Returns how many were deleted.
pub(crate) async fn sweep(app: &App, older_than: Timestamp) -> Result<u64, Error> {
    use futures_util::TryStreamExt;

    let mut deleted = 0;
    for picture in store::doomed(app.db().read().await?.conn()).await? {
        delete_bytes(app, picture).await?;
        deleted += 1;
    }
    let mut objects = app.objects().list(Some(&Path::from(FOLDER)));
    while let Some(object) = objects.try_next().await? {
        let young = object.last_modified.timestamp_micros() >= older_than.as_micros();
        let id = object.location.filename().and_then(|name| Uuid::try_parse(name).ok()).map(PictureId);
        let Some(id) = id.filter(|_| !young) else { continue };
        match store::size(app.db().read().await?.conn(), id).await? {
            Some(Some(_)) => {}
            // A picture from before sizes were recorded.
            Some(None) => note_size(app, id, object.size).await?,
            None => {
                app.objects().delete(&object.location).await?;
                deleted += 1;
            }
        }
    }
    let folder = app.objects_dir().join(FOLDER);
    let halves = app.picture_pool().run(move |()| halves::delete(&folder, older_than.into())).await?;
    Ok(deleted + halves.map_err(|cause| Error::Internal(format!("halves of pictures: {cause}")))?)
}
