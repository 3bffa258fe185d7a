//! Links: 256 random bits that are mailed, kept as a digest, and used once.
//!
//! | a link is | when |
//! |---|---|
//! | alive | it was mailed last of its purpose, its time has not come, and its account is active |
//! | dead | it was used, replaced, or has ended; the password or the address changed; the account was disabled or enabled |
//!
//! Nothing revives a link. Deleting the row is the use, in one statement, so of many at once one has it. An undo alone
//! outlives a change of password and address: it is what an owner has against a thief who makes both. So it outlives the
//! reset of somebody whom the account was handed over to, too; only a password that the operator sets ends undos. While
//! the account is disabled an undo does nothing, and afterwards it works again.

use std::time::Duration;

use aws_lc_rs::constant_time;
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

/// What a token begins with, so that one in a log or a repository is recognised.
const PREFIX: &str = "pclk_";
/// What is taken for a token at all: more is no link, and is not even hashed.
const MAX_TOKEN: usize = 64;
/// Characters of a code that are not taken for one another.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// Characters of a code: 39 bits, of which a guesser has [`TRIES`].
const CODE: usize = 8;
/// How often a code may be tried before it is forgotten.
const TRIES: i64 = 5;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To confirm the address in force.
    VerifyEmail,
    /// To set a new password.
    ResetPassword,
    /// To choose the first password of an account that an administrator made.
    Invitation,
    /// To log in; a code may be typed instead.
    LogIn,
    /// To confirm in a session that its owner is still there. Only its code is sent.
    Confirm,
    /// To confirm a new address, which then is in force.
    ConfirmEmail,
    /// To put an old address back.
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

    /// Whether it is worth something only while the address that it was mailed to is in force (CVE-2026-115770).
    fn is_about_the_address_in_force(self) -> bool {
        !matches!(self, Self::ConfirmEmail | Self::UndoEmail)
    }
}

/// A link that was alive and is used now. Only this file makes one; it counts if the transaction stands.
#[derive(Debug)]
pub(super) struct Consumed {
    /// Whose it is.
    pub(super) held: Held,
    /// The address that it is about.
    pub(super) email: Email,
    created_at: Timestamp,
}

/// The proof that a mailed link or code to log in was used.
#[derive(Debug)]
pub(crate) struct MailedLogIn(Held);

impl MailedLogIn {
    /// Whose it was.
    pub(crate) fn held(&self) -> &Held {
        &self.0
    }

    /// Whose it was, to go on with.
    pub(super) fn into_held(self) -> Held {
        self.0
    }
}

/// What became of a typed code.
#[derive(Debug)]
pub(super) enum Typed {
    Right(MailedLogIn),
    /// Wrong, or there is none to compare it with. It counts, so the transaction is to be committed.
    Wrong(Option<AccountId>),
}

/// A new link, in place of the older one of its purpose.
pub(super) async fn issue(
    tx: &mut Tx,
    held: &Held,
    purpose: Purpose,
    email: &Email,
    now: Timestamp,
) -> Result<SecretText, Error> {
    insert(tx, held, purpose, email, None, now).await
}

/// The same to log in or to confirm, with a code that may be typed instead.
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
    store::delete_older(tx.conn(), &link).await?;
    store::insert(tx.conn(), &link, code_mac.as_ref(), TRIES, now + purpose.lifetime()).await?;
    Ok(token)
}

/// Uses a link, if it is alive. Dropped with its transaction, nothing was used.
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

/// [`consume`] for a log-in.
pub(super) async fn consume_log_in(
    tx: &mut Tx,
    token: &str,
    now: Timestamp,
) -> Result<Option<MailedLogIn>, Error> {
    let consumed = consume(tx, token, Purpose::LogIn, now).await?;
    Ok(consumed.map(|consumed| MailedLogIn(consumed.held)))
}

/// Tries a code. The try is counted, in one statement, before the code is looked at. The right one uses the row; the last
/// wrong one takes its code away and leaves the link, which nobody can guess: or else whoever types five wrong codes kept
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

/// Whose link it is and the address that it is about, if it is alive.
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

/// Ends every link of an account but those that put an old address back.
pub(crate) async fn forget(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_all_but_undos(tx.conn(), locked.id).await?)
}

/// Ends every link of an account, also those that put an old address back.
pub(crate) async fn forget_with_undos(tx: &mut Tx, locked: &Locked) -> Result<(), Error> {
    Ok(store::delete_all(tx.conn(), locked.id).await?)
}

/// Ends every link of every account.
pub(crate) async fn forget_every(tx: &mut Tx) -> Result<(), Error> {
    Ok(store::delete_every(tx.conn()).await?)
}

/// Ends every link of the account that this one belongs to. What puts back an address that the account had before the
/// one of this link stays: a thief who changes the address twice has no undo that outdoes the owner's.
pub(super) async fn forget_later(tx: &mut Tx, undo: &Consumed) -> Result<(), Error> {
    Ok(store::delete_all_but_undos_before(tx.conn(), undo.held.id, undo.created_at).await?)
}

/// Whether another account had this address and can put it back: until then nobody else has it.
pub(crate) async fn is_reserved(
    tx: &mut Tx,
    email: &Email,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(store::is_undo_of_another(tx.conn(), email, account, now).await?)
}

/// Forgets links that have ended.
pub(crate) async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, crate::db::Error> {
    store::delete_ended(tx.conn(), now).await
}

/// The token of a link whose row another room keeps.
pub(crate) fn new_token() -> SecretText {
    SecretText::random(PREFIX)
}

/// What is kept of a token. `None` for what is not one.
pub(crate) fn digest(token: &str) -> Option<[u8; 32]> {
    (token.starts_with(PREFIX) && token.len() <= MAX_TOKEN).then(|| sha256(token))
}

/// Bytes that would make one character likelier than another are drawn again.
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

/// A code as it was mailed, whatever spaces, hyphens and small letters a person makes of it.
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
