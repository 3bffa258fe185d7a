//! The sign-up without a password: with a passkey that is made for it.
//!
//! The address is confirmed by the same link as after a sign-up with a password. Until then, the first other proof of the
//! address takes the passkey away (see `recovery/seizing.rs`), so whoever signs up with a stranger's address gains
//! nothing by it.

use super::{Inserted, SignedUp, insert, tell_quietly, with_attributes};
use crate::{
    access::Method,
    accounts::{self, Held, Role, hold_new},
    app::App,
    attributes::{self, Changes},
    client::Client,
    clock::Timestamp,
    config::SignUp,
    db::{Tx, retry},
    error::Error,
    events::{self, Event},
    factors::{self, Gate},
    invalid::Invalid,
    limits,
    messages::Language,
    passkeys::{self, Browser, CreationOptions, First, Made},
    recovery,
    sessions::{self, Beginning, LoggedIn},
};

/// The detail that the audit trail records.
const DETAIL: &str = "passkey";

/// Gives out the options to make the passkey. Where sign-up is quiet, they are the same for every address.
///
/// # Errors
/// [`Error::SignUpClosed`]; [`Error::PasskeysOff`]; what is wrong with each field; [`Error::Throttled`];
/// [`Error::EmailTaken`] where sign-up tells that anyway, so that nobody makes a passkey in vain.
pub(super) async fn ask(
    app: &App,
    email: &str,
    full_name: &str,
    attributes: &Result<Changes, Invalid>,
    browser: &Browser,
    client: &Client,
) -> Result<CreationOptions, Error> {
    let manner = manner(app)?;
    let typed_fields = accounts::of_fields(email, full_name).map_err(Error::from);
    let ((email, full_name), _) = with_attributes(typed_fields, attributes)?;
    limits::count_sign_up(app, client).await?;
    if manner == SignUp::Open
        && accounts::is_active_at(app.db().read().await?.conn(), &email).await?.is_some()
    {
        return Err(Error::EmailTaken);
    }
    passkeys::ask_for_first(app, browser, &email, &full_name)
}

/// # Errors
/// [`Error::SignUpClosed`].
pub(super) fn manner(app: &App) -> Result<SignUp, Error> {
    match app.config().sign_up {
        SignUp::Closed => Err(Error::SignUpClosed),
        manner => Ok(manner),
    }
}

/// What a person typed, and the passkey that their browser made.
pub(super) struct WithPasskey<'a> {
    pub(super) email: &'a str,
    pub(super) full_name: &'a str,
    /// The attributes, or what is wrong with them.
    pub(super) attributes: &'a Result<Changes, Invalid>,
    pub(super) made: &'a Made,
    /// Where the options were given out.
    pub(super) browser: &'a Browser,
    /// In which they read.
    pub(super) language: Language,
}

/// Signs up. With `beginning`, a session begins too, if the address need not be confirmed first: the passkey has been
/// shown just now.
///
/// # Errors
/// Those of [`ask`]; [`Error::Invalid`] for a rejected passkey; [`Error::PasskeyTaken`].
pub(super) async fn sign_up(
    app: &App,
    typed: &WithPasskey<'_>,
    beginning: Option<&Beginning<'_>>,
    client: &Client,
) -> Result<(SignedUp, Option<LoggedIn>), Error> {
    let manner = manner(app)?;
    let typed_fields = accounts::of_fields(typed.email, typed.full_name).map_err(Error::from);
    let ((email, full_name), attributes) = &with_attributes(typed_fields, typed.attributes)?;
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let verified = passkeys::verify_first(app, &mut tx, typed.browser, typed.made, now).await?;
        let first = match verified {
            Ok(first) => first,
            Err(error) => {
                // The challenge is used.
                tx.commit().await?;
                return Err(error);
            }
        };
        match insert(&mut tx, email, full_name, None, Role::User, typed.language, now).await? {
            Inserted::Made(account) => {
                let held = hold_new(&mut tx, account.id).await?;
                attributes::set_of_account(&mut tx, &held, attributes).await?;
                let logged_in = finish(app, &mut tx, &held, &first, beginning, client, now).await?;
                tx.commit().await?;
                Ok(match manner {
                    SignUp::Quiet => (SignedUp::Quietly, None),
                    _ => (SignedUp::Made(account), logged_in),
                })
            }
            Inserted::Taken | Inserted::Reserved if manner == SignUp::Open => Err(Error::EmailTaken),
            Inserted::Taken => Ok((tell_quietly(app, tx, email, client, now).await?, None)),
            Inserted::Reserved => {
                drop(tx);
                let mut tx = app.db().begin().await?;
                // The challenge is used here too.
                let _made_in_vain =
                    passkeys::verify_first(app, &mut tx, typed.browser, typed.made, now).await?;
                Ok((tell_quietly(app, tx, email, client, now).await?, None))
            }
        }
    })
    .await
}

/// Gives the account its passkey, and mails the link.
async fn finish(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    first: &First,
    beginning: Option<&Beginning<'_>>,
    client: &Client,
    now: Timestamp,
) -> Result<Option<LoggedIn>, Error> {
    events::record_detail(tx, Event::SignedUp, Some(held.id), client, Some(DETAIL), now).await?;
    passkeys::add_first(tx, held, first, client, now).await?;
    recovery::mail_verification(app, tx, held, client, now).await?;
    let config = app.config();
    match beginning.filter(|_| config.sign_up == SignUp::Open && !config.requires_verified_email()) {
        Some(beginning) => begin(app, tx, held, beginning, now).await,
        None => Ok(None),
    }
}

async fn begin(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<Option<LoggedIn>, Error> {
    // A passkey is two factors: nothing more is asked of it.
    let Gate::Open(methods) = factors::gate(app, tx, held, Method::Passkey, beginning, now).await? else {
        return Ok(None);
    };
    let logged_in = sessions::begin(app, tx, held, methods, beginning, now).await?;
    let client = beginning.client;
    events::record_detail(tx, Event::LoggedIn, Some(held.id), client, Some(DETAIL), now).await?;
    Ok(Some(logged_in))
}
