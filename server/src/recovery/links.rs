//! Links: 256 random bits that are emailed, stored as a digest, and used once.
//!
//! | a link is | when |
//! |---|---|
//! | alive | it is the latest of its purpose, it has not expired, and its account is active |
//! | dead | it was used, replaced or expired; the password or the address changed; the account was disabled or enabled |
//!
//! Nothing revives a link. A link is used by deleting its row, in one statement, so of several concurrent uses one succeeds.
//! Only an undo link survives a change of password and address: it is the owner's defence against a thief who makes both.
//! So it also survives a password reset by someone whom the account was handed over to; only a password set by the operator
//! invalidates undo links. While the account is disabled an undo link does nothing, and afterwards it works again.

use std::time::Duration;

use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::store::{self, Taken};
use crate::{
    accounts::{self, AccountId, Email, Held, Locked, Owner},
    app::App,
    clock::Timestamp,
    db::{Conn, Tx},
    error::Error,
    mail::lifetime,
    random,
    secret::{SecretText, sha256},
};

/// The prefix of a token, so that one in a log or a repository is recognised.
const PREFIX: &str = "pclk_";
/// The maximum length of a token. Longer text is not hashed.
const MAX_TOKEN: usize = 64;
/// Characters that are not easily confused with each other.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// The length of a code: 39 bits, and a guesser has [`TRIES`] attempts.
const CODE: usize = 8;
/// How often a code may be tried before it is deleted.
const TRIES: i64 = 5;

/// The purpose of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To verify the current address.
    VerifyEmail,
    /// To set a new password.
    ResetPassword,
    /// To choose the first password of an account created by an administrator.
    Invitation,
    /// To log in; a code may be typed instead.
    LogIn,
    /// To confirm in a session that its owner is still present. Only its code is sent.
    Confirm,
    /// To confirm a new address, which then becomes the current one.
    ConfirmEmail,
    /// To restore an old address.
    UndoEmail,
}

impl Purpose {
    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
            Self::LogIn => "log_in",
            Self::Confirm => "confirm",
            Self::ConfirmEmail => "confirm_email",
            Self::UndoEmail => "undo_email",
        }
    }

    fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => lifetime::VERIFY_EMAIL,
            Self::ConfirmEmail => lifetime::CONFIRM_EMAIL,
            Self::ResetPassword => lifetime::RESET_PASSWORD,
            Self::Invitation => lifetime::INVITATION,
            Self::LogIn | Self::Confirm => lifetime::LOG_IN,
            Self::UndoEmail => lifetime::UNDO_EMAIL,
        }
    }

    /// Whether it is valid only while the address that it was sent to is the current one (CVE-2026-115770).
    fn is_about_the_address_in_force(self) -> bool {
        !matches!(self, Self::ConfirmEmail | Self::UndoEmail)
    }
}

/// A link that was alive and is being used. Only this file creates one; it takes effect if the transaction commits.
#[derive(Debug)]
pub(super) struct Consumed {
    /// The account that it belongs to.
    pub(super) held: Held,
    /// The address that it is about.
    pub(super) email: Email,
    /// When it was issued; of an undo, when the first one for its address was.
    pub(super) created_at: Timestamp,
}

/// The proof that an emailed login link or code was used.
#[derive(Debug)]
pub(crate) struct MailedLogIn(Held);

impl MailedLogIn {
    /// The account that it belongs to.
    pub(crate) fn held(&self) -> &Held {
        &self.0
    }

    /// The account that it belongs to, by value.
    pub(super) fn into_held(self) -> Held {
        self.0
    }
}

/// The result of a typed code.
#[derive(Debug)]
pub(super) enum Typed {
    Right(MailedLogIn),
    /// Wrong, or there is none to compare it with. The try counts, so commit the transaction.
    Wrong(Option<AccountId>),
}

/// Issues a link that replaces the older one of its purpose.
pub(super) async fn issue(
    tx: &mut Tx,
    held: &Held,
    purpose: Purpose,
    email: &Email,
    now: Timestamp,
) -> Result<SecretText, Error> {
    insert(tx, held, purpose, email, None, now).await
}

/// Issues the link that restores the account's address, again if it was issued before: every email about one change has
/// the same link, which undoes what was done since the first of them. So its token is derived from when that was.
pub(super) async fn issue_undo(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    now: Timestamp,
) -> Result<SecretText, Error> {
    let purpose = Purpose::UndoEmail;
    let issued = store::undo_issued_at(tx.conn(), held.id, &held.email, now).await?;
    let created_at = issued.unwrap_or(now);
    let (at, id) = (created_at.as_micros().to_be_bytes(), held.id.number().to_be_bytes());
    let named = [at.as_slice(), &id, held.email.as_str().as_bytes()].concat();
    let mac = app.secret().mac("link: undo a change of address", &named);
    let token = SecretText::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(mac)));
    let link =
        store::Link { digest: &token.digest(), account: held.id, purpose, email: &held.email, created_at };
    replace(tx, &link, None, now).await?;
    Ok(token)
}

/// Like [`issue`], to log in or to confirm, with a code that may be typed instead.
pub(super) async fn issue_with_code(
    app: &App,
    tx: &mut Tx,
    held: &Held,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(SecretText, SecretText), Error> {
    let code = new_code();
    let mac = code_mac(app, held.id, &code);
    let token = insert(tx, held, purpose, &held.email, Some(mac), now).await?;
    Ok((token, SecretText::new(code.as_str().to_owned())))
}

async fn insert(
    tx: &mut Tx,
    held: &Held,
    purpose: Purpose,
    email: &Email,
    code_mac: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<SecretText, Error> {
    let token = SecretText::random(PREFIX);
    let link = store::Link { digest: &token.digest(), account: held.id, purpose, email, created_at: now };
    replace(tx, &link, code_mac, now).await?;
    Ok(token)
}

/// Stores a link in place of the older ones.
async fn replace(
    tx: &mut Tx,
    link: &store::Link<'_>,
    code_mac: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<(), Error> {
    store::delete_older(tx.conn(), link).await?;
    let expires_at = now + link.purpose.lifetime();
    Ok(store::insert(tx.conn(), link, code_mac.as_ref(), TRIES, expires_at).await?)
}

/// Uses a link, if it is alive. If the transaction is dropped, the link is not used.
pub(super) async fn consume(
    tx: &mut Tx,
    token: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<Consumed>, Error> {
    let Some(digest) = digest(token) else { return Ok(None) };
    let Some(account) = store::account_of(tx.conn(), &digest, purpose, now).await? else { return Ok(None) };
    let Some(held) = accounts::hold_of_link(tx, account).await? else { return Ok(None) };
    let Some(Taken { email, created_at }) = store::take(tx.conn(), &digest, purpose, now).await? else {
        return Ok(None);
    };
    let is_current = !purpose.is_about_the_address_in_force() || held.email == email;
    Ok(is_current.then_some(Consumed { held, email, created_at }))
}

/// Like [`consume`], for a login.
pub(super) async fn consume_log_in(
    tx: &mut Tx,
    token: &str,
    now: Timestamp,
) -> Result<Option<MailedLogIn>, Error> {
    let consumed = consume(tx, token, Purpose::LogIn, now).await?;
    Ok(consumed.map(|consumed| MailedLogIn(consumed.held)))
}

/// Tries a code. The try is counted, in one statement, before the code is compared. The right code deletes the row. The
/// last wrong one deletes the code and keeps the link, which nobody can guess: otherwise five wrong codes would keep
/// the owner from logging in by it.
pub(super) async fn try_code(
    app: &App,
    tx: &mut Tx,
    email: &Email,
    purpose: Purpose,
    typed: &str,
    now: Timestamp,
) -> Result<Typed, Error> {
    let Some(held) = accounts::hold_by_email(tx, email).await? else { return Ok(Typed::Wrong(None)) };
    let Some(tried) = store::count_try(tx.conn(), held.id, email, purpose, now).await? else {
        return Ok(Typed::Wrong(Some(held.id)));
    };
    let mac = code_mac(app, held.id, &normal(typed));
    let is_right = constant_time::verify_slices_are_equal(&tried.code_mac, &mac).is_ok();
    if is_right {
        store::delete(tx.conn(), &tried.digest).await?;
        return Ok(Typed::Right(MailedLogIn(held)));
    }
    if tried.tries == 0 {
        store::forget_code(tx.conn(), &tried.digest).await?;
    }
    Ok(Typed::Wrong(Some(held.id)))
}

/// The owner of a link and the address that it is about, if it is alive.
pub(super) async fn peek(
    conn: Conn<'_>,
    token: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<(Owner, Email)>, Error> {
    let Some(digest) = digest(token) else { return Ok(None) };
    let Some((account, email)) = store::look(conn, &digest, purpose, now).await? else {
        return Ok(None);
    };
    let Some(owner) = accounts::owner(conn, account).await? else { return Ok(None) };
    let is_current = !purpose.is_about_the_address_in_force() || owner.email == email;
    Ok(is_current.then_some((owner, email)))
}

/// Invalidates every link of an account except undo links.
pub(crate) async fn forget(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_all_but_undos(tx.conn(), locked.id).await?)
}

/// Invalidates every link of an account, including undo links.
pub(crate) async fn forget_with_undos(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_all(tx.conn(), locked.id).await?)
}

/// Invalidates every link of every account.
pub(crate) async fn forget_every(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every(tx.conn()).await?)
}

/// Invalidates every link of this undo link's account, except older undo links. A thief who changes the address twice
/// thus has no undo that overrides the owner's.
pub(super) async fn forget_later(tx: &mut Tx, undo: &Consumed) -> Result<(), Error> {
    Ok(store::delete_all_but_undos_before(tx.conn(), undo.held.id, undo.created_at).await?)
}

/// The same if this address of the account can be restored; returns whether it can.
pub(super) async fn forget_since_undo_of(
    tx: &mut Tx,
    held: &Held,
    email: &Email,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(issued) = store::undo_issued_at(tx.conn(), held.id, email, now).await? else { return Ok(false) };
    store::delete_all_but_undos_before(tx.conn(), held.id, issued).await?;
    Ok(true)
}

/// Whether another account had this address and can restore it; until then nobody else gets it.
pub(crate) async fn is_reserved(
    tx: &mut Tx,
    email: &Email,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::is_undo_of_another(tx.conn(), email, account, now).await?)
}

/// Deletes expired links.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_ended(tx.conn(), now).await
}

/// A new token for a link whose row another room stores.
pub(crate) fn new_token() -> SecretText {
    SecretText::random(PREFIX)
}

/// The stored form of a token. `None` if the text is not a token.
pub(crate) fn digest(token: &str) -> Option<[u8; 32]> {
    (token.starts_with(PREFIX) && token.len() <= MAX_TOKEN).then(|| sha256(token))
}

/// Bytes that would favour some characters are drawn again.
pub(crate) fn new_code() -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(CODE));
    while code.len() < CODE {
        let [byte] = random::bytes::<1>();
        let (round, at) = (usize::from(byte) / ALPHABET.len(), usize::from(byte) % ALPHABET.len());
        if let (true, Some(letter)) = (round < 256 / ALPHABET.len(), ALPHABET.get(at)) {
            code.push(char::from(*letter));
        }
    }
    code
}

/// Normalizes a typed code: removes spaces and hyphens, and makes letters upper-case.
pub(crate) fn normal(typed: &str) -> Zeroizing<String> {
    let is_separator = |c: &char| c.is_whitespace() || *c == '-';
    Zeroizing::new(typed.chars().filter(|c| !is_separator(c)).map(|c| c.to_ascii_uppercase()).collect())
}

fn code_mac(app: &App, account: AccountId, code: &str) -> [u8; 32] {
    let input = Zeroizing::new(format!("{account} {code}"));
    app.secret().mac("log-in code", input.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::messages::Language;

    #[test]
    fn a_code_is_of_the_alphabet_and_every_letter_comes() {
        let codes: Vec<_> = (0..500).map(|_| new_code()).collect();
        assert!(codes.iter().all(|code| code.len() == CODE && code.bytes().all(|b| ALPHABET.contains(&b))));
        let letters: HashSet<u8> = codes.iter().flat_map(|code| code.bytes()).collect();
        assert_eq!(letters.len(), ALPHABET.len());
        assert!(!ALPHABET.iter().any(|letter| b"01ILO".contains(letter)));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["ABCD2345", "abcd2345", "ABCD-2345", " abcd 2345\n", "a-b-c-d 2345"] {
            assert_eq!(normal(typed).as_str(), "ABCD2345");
        }
    }

    #[test]
    fn the_pages_name_the_times_that_hold() {
        let (minutes, days) =
            (|time: Duration| time.as_secs() / 60, |time: Duration| time.as_secs() / 86_400);
        for (key, number) in [
            ("page.forgotten.text", minutes(lifetime::RESET_PASSWORD)),
            ("page.check_mail.reset_to", minutes(lifetime::RESET_PASSWORD)),
            ("page.by_mail.text", minutes(lifetime::LOG_IN)),
            ("page.done.welcome", minutes(lifetime::VERIFY_EMAIL) / 60),
            ("page.done.invited", days(lifetime::INVITATION)),
            ("page.invite.text", days(lifetime::INVITATION)),
        ] {
            for language in Language::ALL {
                let text = language.text(key);
                assert!(text.contains(&format!(" {number} ")), "{key} in {language:?}: {text}");
            }
        }
    }

    #[test]
    fn only_what_looks_like_a_token_is_looked_up() {
        assert!(digest(&format!("{PREFIX}abc")).is_some());
        for text in ["", "abc", "pcrt_abc", &format!("{PREFIX}{}", "a".repeat(MAX_TOKEN))] {
            assert!(digest(text).is_none(), "{text}");
        }
    }
}
