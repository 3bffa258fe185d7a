//! Remembered devices: browsers in which a code of the app was entered, and which are not asked for the next one for
//! some days, if the operator allows it and the owner ticks the box.
//!
//! The browser keeps a random value in a cookie; the row has its digest, the account, and when the code was entered. It
//! takes the place of the second factor at a login to that account that ends in a cookie, and nowhere else:
//!
//! - Where the operator requires a second factor of the account, it does not count.
//! - A session that begins with it is as old as the code (`auth_time`), and `amr` names only what was shown. So an act
//!   that needs a login within the last 10 minutes asks for both factors again, also to remove the app.
//! - It does not count where a session is confirmed.
//!
//! The rows of an account go whenever all of its sessions end, or all others (`sessions/store.rs`, `end_sessions_of`).

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{is_required, store};
use crate::{
    access::Principal,
    accounts::{self, AccountId, Held, Role},
    app::App,
    client::{self, Client},
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    events::{self, Event},
    random,
    secret::SecretText,
    sessions::{self, Beginning, Transport},
};

/// Devices of one account; another one takes the place of the oldest.
const MOST: i64 = 20;
const DAY: Duration = Duration::from_hours(24);

/// A remembered device's ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceId(Uuid);
crate::db::column!(DeviceId, Uuid);

impl DeviceId {
    /// Reads the ID of a path or a form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl std::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A remembered device, as its owner sees it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(super) digest: Vec<u8>,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) expires_at: Timestamp,
}
crate::db::from_row!(Device { id, digest, name, created_at, last_used_at, expires_at });

impl Device {
    /// Whether this client is it.
    pub(crate) fn is(&self, client: &Client) -> bool {
        client.device().is_some_and(|digest| digest.as_slice() == self.digest)
    }
}

fn lifetime(app: &App) -> Duration {
    DAY * app.config().remember_devices_days
}

/// For how many days devices of accounts with this role can be remembered; `None` if they cannot.
pub(super) fn days(app: &App, role: Role) -> Option<u32> {
    Some(app.config().remember_devices_days).filter(|days| *days > 0 && !is_required(app, role))
}

/// When the second factor was shown in the browser that logs in, if it is remembered for this account.
pub(super) async fn since(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let is_confirmation = beginning.before.is_some_and(|before| before.account == held.id);
    if beginning.transport != Transport::Cookie || is_confirmation || days(app, held.role()).is_none() {
        return Ok(None);
    }
    let Some(digest) = beginning.client.device() else { return Ok(None) };
    Ok(store::use_device(tx.conn(), held.id, digest, now - lifetime(app), now).await?)
}

/// Remembers the browser in which the second factor was shown, and returns its cookie. `None` where that is not
/// allowed.
pub(super) async fn remember(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    client: &Client,
    now: Timestamp,
) -> Result<Option<SecretText>, Error> {
    if days(app, held.role()).is_none() {
        return Ok(None);
    }
    if let Some(digest) = client.device() {
        store::delete_device_of_cookie(tx.conn(), held.id, digest).await?;
    }
    store::delete_older_devices(tx.conn(), held.id, MOST - 1).await?;
    let secret = SecretText::random(client::DEVICE_PREFIX);
    let device = Device {
        id: DeviceId(random::uuid_v7(now)),
        digest: secret.digest().to_vec(),
        name: sessions::device_of(client),
        created_at: now,
        last_used_at: None,
        expires_at: now + lifetime(app),
    };
    store::insert_device(tx.conn(), held.id, &device).await?;
    events::record(tx, Event::DeviceRemembered, Some(held.id), client, now).await?;
    Ok(Some(secret))
}

/// The header that gives a browser its cookie.
pub(super) fn cookie(app: &App, secret: &SecretText) -> Result<(HeaderName, HeaderValue), Error> {
    let is_https = app.public_url().is_https();
    let secure = if is_https { "; Secure" } else { "" };
    let (name, value, age) = (client::device_cookie(is_https), secret.expose(), lifetime(app).as_secs());
    // Lax: a login that comes back from another provider shows it too.
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    let mut cookie = HeaderValue::try_from(cookie).map_err(|cause| Error::Internal(cause.to_string()))?;
    cookie.set_sensitive(true);
    Ok((header::SET_COOKIE, cookie))
}

/// The account's remembered devices, the newest first.
pub(crate) async fn list(app: &App, account: AccountId) -> Result<Vec<Device>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::devices_of(reader.conn(), account, app.now()).await?)
}

/// Forgets one.
///
/// # Errors
/// [`Error::NotFound`] if it is not the caller's.
pub(super) async fn forget(
    app: &App,
    principal: Principal,
    id: DeviceId,
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let held = accounts::hold_own(&mut tx, principal, now).await?;
    if !store::delete_device(tx.conn(), held.id, id).await? {
        return Err(Error::NotFound);
    }
    events::record(&mut tx, Event::DeviceForgotten, Some(held.id), client, now).await?;
    Ok(tx.commit().await?)
}

/// A remembered device, for its owner's export.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedDevice {
    id: String,
    name: String,
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// `null` if nobody has logged in with it since.
    #[schemars(extend("format" = "date-time"))]
    last_used_at: Option<String>,
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
}

pub(super) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<ExportedDevice>, Error> {
    let devices = store::devices_of(conn, account, now).await?;
    let exported = devices.into_iter().map(|device| ExportedDevice {
        id: device.id.to_string(),
        name: device.name,
        created_at: device.created_at.to_rfc3339(),
        last_used_at: device.last_used_at.map(Timestamp::to_rfc3339),
        expires_at: device.expires_at.to_rfc3339(),
    });
    Ok(exported.collect())
}
