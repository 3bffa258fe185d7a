//! Accounts as operators and administrators see them, and the search for them.

use super::{Account, AccountId, Email, FullName, Role, store};
use crate::{app::App, clock::Timestamp, error::Error};

/// An account, with what its managers see in addition.
#[derive(Debug, Clone)]
pub struct AccountDetails {
    /// The account as its owner sees it.
    pub account: Account,
    /// The role of the account.
    pub role: Role,
    /// When its owner confirmed the email address; `None` if they have not.
    pub email_verified_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last logged in.
    pub last_login_at: Option<Timestamp>,
    /// When its password was last set; `None` if that was before this was recorded.
    pub password_changed_at: Option<Timestamp>,
    /// When it will be deleted, at its owner's request.
    pub deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(AccountDetails {
    role,
    email_verified_at,
    created_at,
    last_login_at,
    password_changed_at,
    deletion_due_at;
    account
});

/// The account with this ID.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn details(app: &App, id: AccountId) -> Result<AccountDetails, Error> {
    let mut reader = app.db().read().await?;
    store::details(reader.conn(), id).await?.ok_or(Error::NotFound)
}

/// Up to `limit` accounts after `after`, in the order of their IDs: those whose email address or name contains `search`
/// (ignoring case), or all.
///
/// # Errors
/// [`Error::Database`].
pub async fn list(
    app: &App,
    search: Option<&str>,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountDetails>, Error> {
    let needle = search.map(Needle::new);
    let mut reader = app.db().read().await?;
    let after = after.unwrap_or(AccountId::new(0));
    Ok(store::accounts_after(reader.conn(), needle.as_ref(), after, limit).await?)
}

/// Which accounts to return.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    /// A part of the email address or the name, or the whole ID.
    pub(crate) search: Option<&'a str>,
    pub(crate) role: Option<Role>,
    pub(crate) is_active: Option<bool>,
    pub(crate) is_verified: Option<bool>,
    pub(crate) attribute: Option<WithAttribute<'a>>,
}

/// An attribute and one value of it; without one, every value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WithAttribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: Option<&'a str>,
    pub(crate) integer: Option<i64>,
    pub(crate) boolean: Option<bool>,
}

/// Up to `limit` accounts that match the filter and are older than `before`, newest first.
pub(crate) async fn newest(
    app: &App,
    filter: Filter<'_>,
    before: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountDetails>, Error> {
    let mut reader = app.db().read().await?;
    let before = before.unwrap_or(AccountId::new(i64::MAX));
    Ok(store::accounts_before(reader.conn(), &filter.into(), before, limit).await?)
}

/// Up to `limit` accounts that match the filter and are newer than `after`, oldest first.
pub(crate) async fn newer_than(
    app: &App,
    filter: Filter<'_>,
    after: AccountId,
    limit: u32,
) -> Result<Vec<AccountDetails>, Error> {
    let mut reader = app.db().read().await?;
    Ok(store::filtered_after(reader.conn(), &filter.into(), after, limit).await?)
}

/// How many accounts match the filter, and how many of them are newer than `than`.
pub(crate) async fn count(app: &App, filter: Filter<'_>, than: AccountId) -> Result<(u64, u64), Error> {
    let mut reader = app.db().read().await?;
    Ok(store::count(reader.conn(), &filter.into(), than).await?)
}

/// A [`Filter`] as parameters of the statements.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) needle: Option<Needle>,
    pub(super) number: Option<i64>,
    pub(super) role: Option<Role>,
    pub(super) is_active: Option<bool>,
    pub(super) is_verified: Option<bool>,
    pub(super) attribute: Option<WithAttribute<'a>>,
}

impl<'a> From<Filter<'a>> for Wanted<'a> {
    fn from(filter: Filter<'a>) -> Self {
        let Filter { search, role, is_active, is_verified, attribute } = filter;
        let number = search.and_then(|text| text.trim().trim_start_matches('#').parse().ok());
        Self { needle: search.map(Needle::new), number, role, is_active, is_verified, attribute }
    }
}

/// The search text as patterns for `LIKE`, with `!` before each wildcard that is meant literally.
#[derive(Debug)]
pub(super) struct Needle {
    email: String,
    name: String,
}

impl Needle {
    fn new(text: &str) -> Self {
        let text = text.trim();
        // A whole address matches in any spelling. For a part of one, only what is folded in every address can be
        // folded.
        let email =
            Email::parse(text).map_or_else(|_| text.to_ascii_lowercase(), |email| email.as_str().to_owned());
        Self { email: pattern(&email), name: pattern(&fold(text)) }
    }

    pub(super) fn in_email(&self) -> &str {
        &self.email
    }

    pub(super) fn in_name(&self) -> &str {
        &self.name
    }
}

impl FullName {
    /// The name as [`list`] searches it.
    pub(super) fn folded(&self) -> String {
        fold(self.as_str())
    }
}

/// The name of something other than a person, folded for search.
pub(crate) fn folded(name: &str) -> String {
    fold(name)
}

/// The letters that a person types to find a name: without case, accents and vowel points, and with one form for
/// letters that are written in several ways. Works letter by letter, so that a part of a text folds as it does in the
/// whole; `str::to_lowercase` does not, since it looks around a sigma. When this changes, a migration must set each
/// `folded_name` to NULL, so that [`refold`] computes it again.
fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let letters = text.nfkd().filter(|mark| !is_left_out(*mark)).flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(text.len());
    for letter in letters.nfc() {
        match letter {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            'ı' => folded.push('i'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            other => folded.push(other),
        }
    }
    folded
}

/// Diacritics of the Latin, Greek and Cyrillic scripts, and the vowel points of Hebrew and Arabic. In other scripts,
/// marks make different letters: が is not か.
fn is_left_out(mark: char) -> bool {
    matches!(mark, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}'
        | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// Folds the names that are not folded yet: those older than the search, and all of them after a migration that came
/// with a new [`fold`]. Until then the database's own `lower` finds such a name. Works in batches, so that no writer
/// waits long; two instances at once only repeat the work. Returns how many names it folded.
pub(crate) async fn refold(app: &App) -> Result<u64, Error> {
    let mut count = 0;
    loop {
        let names = store::unfolded(app.db().read().await?.conn()).await?;
        if names.is_empty() {
            return Ok(count);
        }
        let mut tx = app.db().begin().await?;
        for (id, name) in &names {
            count += store::set_folded(tx.conn(), *id, name, &fold(name)).await?;
        }
        tx.commit().await?;
    }
}

fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for char in text.chars() {
        if matches!(char, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_meant_as_themselves_and_case_makes_no_difference() {
        for (text, email, name) in [
            ("Ada", "%ada%", "%ada%"),
            (" 100%_! ", "%100!%!_!!%", "%100!%!_!!%"),
            ("ÉLODIE", "%Élodie%", "%elodie%"),
            ("Ada@MÜNCHEN.example", "%ada@xn--mnchen-3ya.example%", "%ada@munchen.example%"),
            ("ΣΟΦΟΣ", "%ΣΟΦΟΣ%", "%σοφοσ%"),
        ] {
            let needle = Needle::new(text);
            assert_eq!((needle.in_email(), needle.in_name()), (email, name), "{text}");
        }
    }

    #[test]
    fn names_that_people_take_for_one_fold_to_one() {
        for (names, folded) in [
            (&["Σοφός", "ΣΟΦΌΣ", "σοφοσ"][..], "σοφοσ"),
            (&["İstanbul", "ISTANBUL", "ıstanbul", "istanbul"], "istanbul"),
            (&["Weiß", "WEISS", "WEIẞ", "weiss"], "weiss"),
            (&["Élodie", "E\u{301}LODIE", "elodie"], "elodie"),
            (&["Łukasz Ðorđe", "LUKASZ DORDE"], "lukasz dorde"),
            (&["Søren Æbelø", "SOREN AEBELO"], "soren aebelo"),
            (&["Семён", "СЕМЕН"], "семен"),
            (&["שָׁלוֹם", "שלום"], "שלום"),
            (&["مُحَمَّد", "محمد", "محـمد"], "محمد"),
            (&["ＡＤＡ", "ada"], "ada"),
            (&["Soﬁa", "SOFIA"], "sofia"),
            (&["がく"], "がく"),
            (&["김민준", "\u{1100}\u{1175}\u{11b7}민준"], "김민준"),
            (&["हिन्दी"], "हिन्दी"),
        ] {
            for name in names {
                assert_eq!(fold(name), folded, "{name}");
            }
        }
    }
}
