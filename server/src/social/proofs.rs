//! Addresses that the provider did not prove, or that already belong to an account: a code is emailed there, and
//! entering it on the page that asked for it proves the address.
//!
//! The row holds the issuer and the subject, so a code proves the address for exactly the identity that requested it
//! (CVE-2026-82968). The page and its responses are the same for every address, with or without an account.

use std::time::Duration;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use super::{Address, Who, store};
use crate::{
    accounts::Email,
    app::App,
    client::Client,
    clock::Timestamp,
    db::{Tx, retry},
    error::Error,
    identities,
    limits::{self, Attempt, MailFor},
    mail::{self, Message, Recipient},
    messages::Language,
    recovery,
    secret::{SecretText, sha256},
};

/// The prefix of a token, so that one in a log or a repository is recognised.
const PREFIX: &str = "pclp_";
const LIFETIME: Duration = Duration::from_mins(30);
/// How often a code may be tried before it becomes invalid.
const TRIES: i64 = 5;

/// Stores an identity until its address is proved, and returns the token of the page that asks for it.
pub(super) async fn begin(app: &App, who: &Who, way_back: &str) -> Result<SecretText, Error> {
    let token = SecretText::random(PREFIX);
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let proof = store::Proof {
        issuer: who.issuer.clone(),
        subject: who.subject.clone(),
        provider: who.provider.clone(),
        full_name: who.name.clone(),
        email: None,
        code_mac: None,
        way_back: way_back.to_owned(),
    };
    store::insert_proof(tx.conn(), &token.digest(), &proof, now + LIFETIME).await?;
    tx.commit().await?;
    Ok(token)
}

/// Emails a code to an address, unless too many were requested; the response does not say so.
///
/// # Errors
/// [`Error::DeadLogin`] if the token was used or has expired.
pub(super) async fn send_code(
    app: &App,
    token: &str,
    email: &Email,
    language: Language,
    client: &Client,
) -> Result<(), Error> {
    let digest = sha256(token);
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let proof = store::proof(tx.conn(), &digest, now).await?.ok_or(Error::DeadLogin)?;
        if limits::may_mail(app, &mut tx, MailFor::Proof, email, client, now).await? {
            let code = recovery::new_code();
            store::set_code(tx.conn(), &digest, email, &mac(app, &digest, &code), TRIES).await?;
            let to = Recipient {
                account: None,
                email: email.clone(),
                full_name: String::new(),
                language: language.tag().to_owned(),
            };
            let code = SecretText::new(code.as_str().to_owned());
            let message = Message::ProveAddress { code, provider: identities::label(app, &proof.provider) };
            mail::enqueue(app, &mut tx, &to, &message, now).await?;
        }
        Ok(tx.commit().await?)
    })
    .await
}

/// A code that somebody typed, counted against its network before it is compared.
pub(super) struct Typed {
    digest: [u8; 32],
    mac: [u8; 32],
    attempt: Attempt,
}

impl Typed {
    /// # Errors
    /// [`Error::WrongCode`] if none was sent; [`Error::DeadLogin`]; [`Error::Throttled`].
    pub(super) async fn count(app: &App, token: &str, code: &str, client: &Client) -> Result<Self, Error> {
        let digest = sha256(token);
        let seen = store::proof(app.db().read().await?.conn(), &digest, app.now()).await?;
        let email = seen.ok_or(Error::DeadLogin)?.email.ok_or(Error::WrongCode)?;
        let attempt = limits::reserve_code(app, &email, client).await?;
        Ok(Self { digest, mac: mac(app, &digest, &recovery::normal_code(code)), attempt })
    }

    pub(super) fn attempt(&self) -> &Attempt {
        &self.attempt
    }
}

/// Uses a code, and returns the identity with its proved address, and the way back. `None` for a wrong one, which counts
/// if the transaction is committed.
///
/// # Errors
/// [`Error::DeadLogin`] after too many tries, or too late.
pub(super) async fn use_code(
    tx: &mut Tx,
    typed: &Typed,
    now: Timestamp,
) -> Result<Option<(Who, String)>, Error> {
    let tried = store::count_try(tx.conn(), &typed.digest, now).await?.ok_or(Error::DeadLogin)?;
    let (Some(email), Some(code_mac)) = (tried.email, tried.code_mac) else { return Ok(None) };
    if constant_time::verify_slices_are_equal(&code_mac, &typed.mac).is_err() {
        return Ok(None);
    }
    store::delete_proof(tx.conn(), &typed.digest).await?;
    let who = Who {
        issuer: tried.issuer,
        subject: tried.subject,
        provider: tried.provider,
        name: tried.full_name,
        email: Some(email),
        address: Address::ByCode,
    };
    Ok(Some((who, tried.way_back)))
}

/// What the page shows: the provider's display name, and where the newest code was sent.
///
/// # Errors
/// [`Error::DeadLogin`].
pub(super) async fn shown(app: &App, token: &str) -> Result<(String, Option<Email>), Error> {
    let proof = store::proof(app.db().read().await?.conn(), &sha256(token), app.now()).await?;
    let proof = proof.ok_or(Error::DeadLogin)?;
    Ok((identities::label(app, &proof.provider), proof.email))
}

fn mac(app: &App, digest: &[u8; 32], code: &str) -> [u8; 32] {
    let input = Zeroizing::new([digest.as_slice(), code.as_bytes()].concat());
    app.secret().mac("code that proves an address", &input)
}
