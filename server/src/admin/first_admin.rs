//! How a new server gets its first administrator: with a one-time code that its console shows.
//!
//! Whoever can read the console runs the server. The code is created at a start without any account, expires in an
//! hour, works once, and is invalid as soon as there is an administrator (CVE-2023-46249: a set-up that could be run
//! again).

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
/// Instances that start within this time of each other start together: the first one's code stays valid.
const START: Duration = Duration::from_secs(10);
/// Symbols of a code: 100 bits, too many to guess.
const SYMBOLS: usize = 20;
/// Digits and letters without those that look like others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols between two hyphens.
const GROUP: usize = 5;

/// The one-time code that makes the first administrator. `Debug` does not show it.
pub struct FirstAdminCode(Zeroizing<String>);

impl FirstAdminCode {
    fn random() -> Self {
        let bytes = Zeroizing::new(random::bytes::<SYMBOLS>());
        let symbols = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        Self(Zeroizing::new(symbols.map(|symbol| char::from(*symbol)).collect()))
    }

    /// Parses a code as a person types it: with or without hyphens, in either case, `O` for zero, `I` or `L` for one.
    fn typed(text: &str) -> Self {
        let symbols = text.chars().filter(|char| !char.is_whitespace() && *char != '-');
        let symbols = symbols.map(|char| match char.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            char => char,
        });
        Self(Zeroizing::new(symbols.collect()))
    }

    /// The code as it is shown: four groups of five, separated by hyphens.
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

/// Creates a code for the first administrator if there is no account at all. It expires in one hour and invalidates
/// older ones. Returns `None` if sign-up is closed, since nobody could use the code, or if another instance created one
/// within the last 10 seconds: of instances that start together, one shows a code, and it is valid.
///
/// The program shows it at its start. An application that mounts the router may show it to its own operator, and to
/// nobody else, or ignore it and use `portcullis user add --admin`.
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

/// Whether another instance has just created the code that [`offer_first_admin`] did not return here.
pub(crate) async fn is_shown_elsewhere(app: &App) -> Result<bool, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::is_code_newer(reader.conn(), app.now() + LIFETIME - START * 2).await?)
}

/// Makes the caller the first administrator if the code is valid and there is none; otherwise [`Error::DeadLink`],
/// whatever the reason. A valid code is used up in either case.
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
