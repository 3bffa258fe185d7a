//! Second factors: the authenticator app of an account, its recovery codes, and the gate that every login passes before
//! a session begins.
//!
//! A passkey proves two factors at once, so it passes the gate by itself. Where a second factor is required, a passkey
//! of the account can be the second one too. Having a passkey does not turn on two-step login, because a lost device
//! would then lock its owner out.
//!
//! An account has one app (TOTP, RFC 6238). It becomes active with its first correct code and replaces an older one.
//! Every session that begins afterwards has proved it: every login method calls [`gate`], and only this module
//! constructs the [`Methods`](crate::access::Methods) that a session begins with. Each step is one transaction under
//! the account's lock (see `accounts/held.rs`).

mod codes;
mod enrolment;
mod gate;
pub(crate) mod http;
pub(crate) mod pages;
mod qr;
mod remembered;
mod store;
mod totp;

use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use self::{
    enrolment::remove_lost,
    gate::{Gate, gate, guards},
    remembered::list as remembered,
};
use self::{
    enrolment::{begin_enrolment, confirm_enrolment, remove, renew_codes},
    remembered::ExportedDevice,
};
use crate::{
    accounts::{AccountId, Locked, Role},
    app::App,
    clock::Timestamp,
    config::SecondFactor,
    db::{Conn, Tx},
    error::Error,
    passkeys, sessions,
};

/// The factors of an account besides the first one.
#[derive(Debug)]
pub(crate) struct Overview {
    /// When its authenticator app was added.
    pub(crate) totp_since: Option<Timestamp>,
    pub(crate) recovery_codes_left: i64,
    /// Whether it has a passkey.
    pub(crate) has_passkey: bool,
    /// Whether the operator requires a second factor of it.
    pub(crate) is_required: bool,
}

pub(crate) async fn overview(app: &App, account: AccountId, role: Role) -> Result<Overview, Error> {
    let mut reader = app.db().read().await?;
    Ok(Overview {
        totp_since: store::totp(reader.conn(), account).await?.map(|totp| totp.created_at),
        recovery_codes_left: store::codes_left(reader.conn(), account).await?,
        has_passkey: passkeys::is_any(app, reader.conn(), account).await?,
        is_required: is_required(app, role),
    })
}

/// Whether the operator requires a second factor of accounts with this role.
fn is_required(app: &App, role: Role) -> bool {
    app.config().second_factor.is_required_of(role)
}

/// The second factor, for its owner's export; never a key or a code.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExportedFactors {
    /// When the account got its authenticator app; `null` if it has none.
    #[schemars(extend("format" = "date-time"))]
    totp_since: Option<String>,
    /// Recovery codes that are not used yet.
    recovery_codes_left: i64,
    /// The devices that are not asked for the second factor, newest first.
    remembered_devices: Vec<ExportedDevice>,
}

pub(crate) async fn exported(
    conn: Conn<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<ExportedFactors, Error> {
    Ok(ExportedFactors {
        totp_since: store::totp(conn, account).await?.map(|totp| totp.created_at.to_rfc3339()),
        recovery_codes_left: store::codes_left(conn, account).await?,
        remembered_devices: remembered::exported(conn, account, now).await?,
    })
}

/// Deletes every waiting login, every started enrolment and every remembered device of a restored backup.
pub(crate) async fn forget_every_step(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every_step(tx.conn()).await?)
}

/// Ends the sessions of accounts that need a second factor and have none, for example after a change of the setting.
/// Sessions that began with a passkey go on. The owners enrol at their next login.
pub(crate) async fn uphold(app: &App) -> Result<u64, Error> {
    let of_all = match app.config().second_factor {
        SecondFactor::Optional => return Ok(0),
        SecondFactor::Required => true,
        SecondFactor::RequiredForAdmins => false,
    };
    // The common case, and this check does not occupy the writer.
    if !store::is_any_session_without(app.db().read().await?.conn(), of_all, app.now()).await? {
        return Ok(0);
    }
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let ended = store::end_sessions_without(tx.conn(), of_all, now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Ends the sessions of an account that gets this role, if it has no app and the role requires a second factor.
pub(crate) async fn uphold_of(
    app: &App,
    tx: &mut Tx,
    locked: &Locked,
    role: Role,
    now: Timestamp,
) -> Result<(), Error> {
    if is_required(app, role) && store::totp(tx.conn(), locked.id).await?.is_none() {
        sessions::end_all(tx, locked, now).await?;
    }
    Ok(())
}

/// Deletes logins, enrolments and remembered devices that have expired.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_expired(tx.conn(), now).await
}
