//! The sign-up, in the manner that the operator chose: open, quiet or closed.

use super::{Account, Email, Inserted, NewAccount, Role, held::hold_new, insert, store};
use crate::{
    app::App,
    audit::{self, Event},
    client::Client,
    clock::Timestamp,
    config::SignUp,
    db::Tx,
    error::Error,
    login::throttle,
    messages::Language,
    recovery::{self, Wanted},
};

/// What a person typed.
#[derive(Clone, Copy)]
pub(crate) struct SigningUp<'a> {
    pub(crate) email: &'a str,
    pub(crate) full_name: &'a str,
    pub(crate) password: &'a str,
    /// In which they read.
    pub(crate) language: Language,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum SignedUp {
    /// There is a new account.
    Made(Account),
    /// Nobody is told here whether there is: the rest is in the mail (ASVS 6.3.8).
    Quietly,
}

/// Signs up. A new account is mailed a link to confirm its address.
///
/// Where sign-up is quiet, an address that has an account gets the same answer, after a hash too, and its owner is told
/// by mail. Nor does the log-in tell who signed up, before the address is confirmed: see `login::attempt`.
pub(crate) async fn sign_up(app: &App, typed: &SigningUp<'_>, client: &Client) -> Result<SignedUp, Error> {
    let manner = app.config().sign_up;
    if manner == SignUp::Closed {
        return Err(Error::SignUpClosed);
    }
    let turn = app.hasher().turn()?;
    let new = NewAccount::check_in_turn(app, &turn, typed.email, typed.full_name, typed.password).await?;
    throttle::count_sign_up(app, client).await?;
    let NewAccount { email, full_name, password, .. } = new;
    let hash = turn.hash(password).await?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    match insert(&mut tx, &email, &full_name, &hash, Role::User, now).await? {
        Inserted::Made(account) => {
            // Before the first mail is written.
            store::set_language(tx.conn(), account.id, typed.language.tag()).await?;
            audit::record(&mut tx, Event::SignedUp, Some(account.id), client, now).await?;
            let held = hold_new(&mut tx, account.id).await?;
            recovery::mail_verification(app, &mut tx, &held, client, now).await?;
            tx.commit().await?;
            Ok(if manner == SignUp::Quiet { SignedUp::Quietly } else { SignedUp::Made(account) })
        }
        Inserted::Taken | Inserted::Reserved if manner == SignUp::Open => Err(Error::EmailTaken),
        Inserted::Taken => tell_quietly(app, tx, &email, client, now).await,
        Inserted::Reserved => {
            drop(tx);
            tell_quietly(app, app.db().begin().await?, &email, client, now).await
        }
    }
}

async fn tell_quietly(
    app: &App,
    mut tx: Tx,
    email: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<SignedUp, Error> {
    recovery::ask(app, &mut tx, Wanted::Account, email, client, now).await?;
    tx.commit().await?;
    Ok(SignedUp::Quietly)
}
