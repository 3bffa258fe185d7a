//! Sign-up in the mode that the operator chose: open, quiet or closed.

pub(crate) mod http;
pub(crate) mod pages;
mod passkey;

use crate::{
    accounts::{self, Account, Email, FullName, NewAccount, Role, hold_new},
    app::App,
    attributes::{self, Changes},
    client::Client,
    clock::Timestamp,
    config::SignUp,
    db::Tx,
    error::Error,
    events::{self, Event},
    invalid::Invalid,
    limits,
    messages::Language,
    passwords::PasswordHash,
    recovery::{self, Wanted},
};

/// The typed input.
#[derive(Clone, Copy)]
pub(crate) struct SigningUp<'a> {
    pub(crate) email: &'a str,
    pub(crate) full_name: &'a str,
    pub(crate) password: &'a str,
    /// The attributes, or what is wrong with them.
    pub(crate) attributes: &'a Result<Changes, Invalid>,
    /// The language of their emails.
    pub(crate) language: Language,
}

/// The outcome.
#[derive(Debug)]
pub(crate) enum SignedUp {
    /// There is a new account.
    Made(Account),
    /// The response does not say whether there is; the email does (ASVS 6.3.8).
    Quietly,
}

/// Signs up. A new account gets an email with a link to verify its address.
///
/// In quiet mode, an address that already has an account gets the same response after the same hashing work, and its
/// owner is notified by email. Login does not reveal who signed up either, until the address is verified: see
/// `login::attempt`.
pub(crate) async fn sign_up(app: &App, typed: &SigningUp<'_>, client: &Client) -> Result<SignedUp, Error> {
    let manner = app.config().sign_up;
    if manner == SignUp::Closed {
        return Err(Error::SignUpClosed);
    }
    let turn = app.hasher().turn()?;
    let new = NewAccount::check_in_turn(app, &turn, typed.email, typed.full_name, typed.password).await;
    let (new, attributes) = with_attributes(new, typed.attributes)?;
    limits::count_sign_up(app, client).await?;
    let NewAccount { email, full_name, password, .. } = new;
    let hash = turn.hash(password).await?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    match insert(&mut tx, &email, &full_name, Some(&hash), Role::User, typed.language, now).await? {
        Inserted::Made(account) => {
            events::record(&mut tx, Event::SignedUp, Some(account.id), client, now).await?;
            let held = hold_new(&mut tx, account.id).await?;
            attributes::set_of_account(&mut tx, &held, attributes).await?;
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

/// Both, or the faults of both, so that one response names them all.
fn with_attributes<T>(
    typed: Result<T, Error>,
    attributes: &Result<Changes, Invalid>,
) -> Result<(T, &Changes), Error> {
    match (typed, attributes) {
        (Ok(typed), Ok(attributes)) => Ok((typed, attributes)),
        (Err(Error::Invalid(one)), Err(other)) => Err(one.and(other.clone()).into()),
        (Err(error), _) => Err(error),
        (Ok(_), Err(invalid)) => Err(invalid.clone().into()),
    }
}

async fn tell_quietly(
    app: &App,
    mut tx: Tx,
    email: &Email,
    client: &Client,
    now: Timestamp,
) -> Result<SignedUp, Error> {
    recovery::ask(app, &mut tx, Wanted::SignUp, email, client, now).await?;
    tx.commit().await?;
    Ok(SignedUp::Quietly)
}

/// The outcome of inserting an account.
#[derive(Debug)]
pub(crate) enum Inserted {
    Made(Account),
    /// The address already has an account; nothing was written.
    Taken,
    /// The account that had the address can still restore it; drop the transaction.
    Reserved,
}

/// Inserts the row, unless the address has an account or is reserved for one.
pub(crate) async fn insert(
    tx: &mut Tx,
    email: &Email,
    full_name: &FullName,
    hash: Option<&PasswordHash>,
    role: Role,
    language: Language,
    now: Timestamp,
) -> Result<Inserted, Error> {
    let Some(account) = accounts::insert(tx, email, full_name, hash, role, language.tag(), now).await? else {
        return Ok(Inserted::Taken);
    };
    // Checked afterwards: an insert that waited for the commit of an address change sees what that wrote.
    let is_reserved = recovery::is_reserved(tx, email, account.id, now).await?;
    Ok(if is_reserved { Inserted::Reserved } else { Inserted::Made(account) })
}
