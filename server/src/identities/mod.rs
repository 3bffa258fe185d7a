//! Identities: accounts at other providers that people link to log in here.
//!
//! The key is issuer and subject (OpenID Connect Core §5.7), never an email address: addresses change hands. An account
//! has up to 20 identities, and each identity belongs to one account.

pub(crate) mod http;
pub(crate) mod pages;
mod store;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Fresh,
    accounts::{self, AccountId, Email, Held},
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Conn, Tx, retry},
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
    random, sessions,
    upstream::Provider,
};

/// The identities of one account.
const MOST: i64 = 20;

/// An identity's ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdentityId(Uuid);
crate::db::column!(IdentityId, Uuid);

impl IdentityId {
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

/// An identity as its owner sees it.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: IdentityId,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    /// As reported by the provider when it was linked.
    pub(crate) email: Option<Email>,
    pub(crate) linked_at: Timestamp,
    pub(crate) last_used_at: Timestamp,
}
crate::db::from_row!(Identity { id, provider, issuer, email, linked_at, last_used_at });

/// An identity that a provider has verified, ready to link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewIdentity<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) email: Option<&'a Email>,
}

/// The account that an identity is linked to.
pub(crate) async fn account_of(
    conn: Conn<'_>,
    issuer: &str,
    subject: &str,
) -> Result<Option<AccountId>, Error> {
    Ok(store::account_of(conn, issuer, subject).await?)
}

/// Links an identity. With `tell`, the owner gets an email. Returns `None`, with nothing written, if the identity was
/// linked meanwhile, to this account or to another.
///
/// # Errors
/// [`Error::TooManyIdentities`].
pub(crate) async fn link(
    app: &App,
    tx: &mut Tx,
    held: Held,
    new: &NewIdentity<'_>,
    tell: bool,
    client: &Client,
    now: Timestamp,
) -> Result<Option<Held>, Error> {
    if store::count(tx.conn(), held.id).await? >= MOST {
        return Err(Error::TooManyIdentities);
    }
    let id = IdentityId(random::uuid_v7(now));
    if !store::insert(tx.conn(), id, held.id, new, now).await? {
        return Ok(None);
    }
    accounts::raise_epoch(tx, &held, now).await?;
    if tell {
        let message = Message::IdentityLinked { provider: label(app, new.provider) };
        mail::enqueue(app, tx, &Recipient::of(&held), &message, now).await?;
    }
    events::record_detail(tx, Event::IdentityLinked, Some(held.id), client, Some(new.provider), now).await?;
    Ok(Some(accounts::hold_again(tx, held).await?))
}

/// Records that its owner logs in with it.
pub(crate) async fn note_use(
    tx: &mut Tx,
    _held: &Held,
    issuer: &str,
    subject: &str,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(store::note_use(tx.conn(), issuer, subject, now).await?)
}

/// The identities of an account, oldest first: at most 20.
pub(crate) async fn list(app: &App, account: AccountId) -> Result<Vec<Identity>, Error> {
    Ok(store::list(app.db().read().await?.conn(), account).await?)
}

/// The display name of a provider. A provider that is no longer configured keeps its identifier.
pub(crate) fn label(app: &App, provider: &str) -> String {
    app.providers().get(provider).map_or(provider, Provider::label).to_owned()
}

/// Unlinks one of the caller's identities. Every other session of the account is revoked: one may have begun with it.
///
/// # Errors
/// [`Error::NotFound`], also for another account's identity; [`Error::LastWayIn`] if no way to log in would be left.
pub(crate) async fn unlink(app: &App, fresh: Fresh, id: IdentityId, client: &Client) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let held = accounts::hold_own(&mut tx, fresh, now).await?;
        let provider = store::delete(tx.conn(), id, held.id).await?.ok_or(Error::NotFound)?;
        if !accounts::ways(&mut tx, &held).await?.is_any() && !app.config().log_in_by_mail {
            return Err(Error::LastWayIn);
        }
        accounts::raise_epoch(&mut tx, &held, now).await?;
        sessions::end_others(&mut tx, &held, fresh.principal().session, now).await?;
        let message = Message::IdentityUnlinked { provider: label(app, &provider) };
        mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
        let detail = Some(provider.as_str());
        events::record_detail(&mut tx, Event::IdentityUnlinked, Some(held.id), client, detail, now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// An identity, for its owner's export.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedIdentity {
    provider: String,
    issuer: String,
    /// The person's ID at the provider.
    subject: String,
    /// The address that the provider gave when the identity was linked.
    #[schemars(with = "Option<String>", extend("format" = "idn-email"))]
    email: Option<Email>,
    #[schemars(extend("format" = "date-time"))]
    linked_at: String,
    #[schemars(extend("format" = "date-time"))]
    last_used_at: String,
}

pub(crate) async fn exported(conn: Conn<'_>, account: AccountId) -> Result<Vec<ExportedIdentity>, Error> {
    let rows = store::exported(conn, account).await?;
    let view = |(identity, subject): (Identity, String)| ExportedIdentity {
        provider: identity.provider,
        issuer: identity.issuer,
        subject,
        email: identity.email,
        linked_at: identity.linked_at.to_rfc3339(),
        last_used_at: identity.last_used_at.to_rfc3339(),
    };
    Ok(rows.into_iter().map(view).collect())
}
