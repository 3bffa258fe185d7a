//! The cursors of the administrators' lists.

use uuid::Uuid;

use crate::{
    accounts::AccountId,
    app::App,
    clock::Timestamp,
    cursor::{open, seal},
    error::Error,
};

const ACCOUNTS: &str = "cursor: accounts";
const EVENTS: &str = "cursor: audit events";

pub(super) fn of_account(app: &App, id: AccountId) -> String {
    seal(app, ACCOUNTS, &id.number().to_be_bytes())
}

pub(super) fn account(app: &App, text: &str) -> Result<AccountId, Error> {
    Ok(AccountId::new(i64::from_be_bytes(open(app, ACCOUNTS, text)?)))
}

pub(super) fn of_event(app: &App, at: Timestamp, id: Uuid) -> String {
    let position = (u128::from(at.as_micros().cast_unsigned()), id.as_u128());
    seal(app, EVENTS, &[position.0.to_be_bytes(), position.1.to_be_bytes()].concat())
}

pub(super) fn event(app: &App, text: &str) -> Result<(Timestamp, Uuid), Error> {
    let bytes: [u8; 32] = open(app, EVENTS, text)?;
    let (at, id) = bytes.split_first_chunk::<16>().ok_or(Error::BadCursor)?;
    let micros = u64::try_from(u128::from_be_bytes(*at)).map_err(|_| Error::BadCursor)?;
    let id = Uuid::from_slice(id).map_err(|_| Error::BadCursor)?;
    Ok((Timestamp::from_micros(micros.cast_signed()), id))
}
