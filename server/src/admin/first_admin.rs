//! How a fresh server gets its first administrator: by a code that its console shows, once.
//!
//! Who reads the console runs the server. The code is made at a start without any account, lives for an hour, is used
//! once, and is worth nothing as soon as there is an administrator (CVE-2023-46249: a set-up that could be run again).

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{acts, store};
use crate::{
    access::Fresh,
    accounts::{self, Role},
    app::App,
    client::Client,
    config::SignUp,
    db::retry,
    error::Error,
    events::{self, Event},
    factors, limits, random,
    secret::sha256,
};

const LIFETIME: Duration = Duration::from_hours(1);
/// Instances that start within this time of each other start together: the code of the first one stays good.
const START: Duration = Duration::from_secs(10);
/// Symbols of a code: 100 bits, which nobody guesses.
const SYMBOLS: usize = 20;
/// Digits and letters without those that are taken for others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols between two hyphens.
const GROUP: usize = 5;

/// The one-time code that makes the first administrator. It does not print itself.
pub struct FirstAdminCode(Zeroizing<String>);

impl FirstAdminCode {
    fn random() -> Self {
        let bytes = Zeroizing::new(random::bytes::<SYMBOLS>());
        let symbols = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        Self(Zeroizing::new(symbols.map(|symbol| char::from(*symbol)).collect()))
    }

    /// As a person types it: with or without hyphens, in either case, an `O` for a zero, an `I` or `L` for a one.
    fn typed(text: &str) -> Self {
        let symbols = text.chars().filter(|char| !char.is_whitespace() && *char != '-');
        let symbols = symbols.map(|char| match char.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            char => char,
        });
        Self(Zeroizing::new(symbols.collect()))
    }

    /// As a person reads it: four groups of five, with hyphens between them.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() + SYMBOLS / GROUP));
        for (at, symbol) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(symbol);
        }
        text
    }

    fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for FirstAdminCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstAdminCode(…)")
    }
}

/// A new code for the first administrator, if there is no account at all; it is good for one hour, and an older one is
/// not any more. `None` also while sign-up is closed, when nobody could use it, and when another instance has got a code
/// within the last ten seconds: of instances that start together one shows a code, and it is good.
///
/// The program shows it at its start. An application that mounts the router may show it to its own operator, and to
/// nobody else; or leave it and use `portcullis user add --admin`.
///
/// # Errors
/// [`Error::Database`].
pub async fn offer_first_admin(app: &App) -> Result<Option<FirstAdminCode>, Error> {
    if app.config().sign_up == SignUp::Closed {
        return Ok(None);
    }
    let now = app.now();
    let mut tx = app.db().begin().await?;
    accounts::lock_administrators(&mut tx, now).await?;
    if accounts::is_any(tx.conn()).await? {
        return Ok(None);
    }
    if store::is_code_newer(tx.conn(), now + LIFETIME - START).await? {
        return Ok(None);
    }
    let code = FirstAdminCode::random();
    store::replace_code(tx.conn(), &code.digest(), now + LIFETIME).await?;
    tx.commit().await?;
    Ok(Some(code))
}

/// Whether another instance has just got the code that [`offer_first_admin`] did not give to this one.
pub(crate) async fn is_shown_elsewhere(app: &App) -> Result<bool, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::is_code_newer(reader.conn(), app.now() + LIFETIME - START * 2).await?)
}

/// Makes the caller the first administrator, if the code is right and there is none. [`Error::DeadLink`] if not,
/// whatever the reason; a right code is used up all the same.
pub(crate) async fn claim(app: &App, fresh: Fresh, code: &str, client: &Client) -> Result<(), Error> {
    limits::count_claim(app, client).await?;
    let code = FirstAdminCode::typed(code);
    retry(|| use_code(app, fresh, &code, client)).await
}

async fn use_code(app: &App, fresh: Fresh, code: &FirstAdminCode, client: &Client) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    accounts::lock_administrators(&mut tx, now).await?;
    let held = accounts::hold_own(&mut tx, fresh, now).await?;
    let is_right = store::use_code(tx.conn(), &code.digest(), now).await?;
    let is_made = is_right && accounts::make_first_administrator(&mut tx, &held, now).await?;
    if is_made {
        factors::uphold_of(app, &mut tx, &held, Role::Admin, now).await?;
        acts::tell_of_role(app, &mut tx, &held, Role::Admin, now).await?;
    }
    let event = if is_made { Event::FirstAdmin } else { Event::FirstAdminRefused };
    events::record(&mut tx, event, Some(held.id), client, now).await?;
    tx.commit().await?;
    if is_made { Ok(()) } else { Err(Error::DeadLink) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = FirstAdminCode::random();
        let shown = code.reveal();
        assert_eq!((shown.len(), shown.matches('-').count()), (23, 3));
        assert_ne!(code.digest(), FirstAdminCode::random().digest());
        let sloppy = shown.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for typed in [shown.as_str(), &sloppy, &format!(" {} ", shown.replace('-', ""))] {
            assert_eq!(FirstAdminCode::typed(typed).digest(), code.digest(), "{typed}");
        }
        assert_ne!(FirstAdminCode::typed("").digest(), code.digest());
        assert_eq!(format!("{code:?}"), "FirstAdminCode(…)");
    }
}
