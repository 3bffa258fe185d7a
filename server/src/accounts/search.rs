//! Accounts as those see them who manage them, and how they are found.

use super::{Account, AccountId, Email, FullName, Role, store};
use crate::{app::App, clock::Timestamp, error::Error};

/// An account with what else those see who manage it.
#[derive(Debug, Clone)]
pub struct AccountDetails {
    /// What its owner sees.
    pub account: Account,
    /// What it may do beside its own affairs.
    pub role: Role,
    /// When its owner confirmed the address of mail.
    pub email_verified_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it will be deleted, as its owner wishes.
    pub deletion_due_at: Option<Timestamp>,
}
crate::db::from_row!(AccountDetails { role, email_verified_at, created_at, deletion_due_at; account });

/// The account of a number.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`].
pub async fn details(app: &App, id: AccountId) -> Result<AccountDetails, Error> {
    let mut reader = app.db().read().await?;
    store::details(reader.conn(), id).await?.ok_or(Error::NotFound)
}

/// Up to `limit` accounts in the order of their numbers, after `after`: those whose address of mail or name contains
/// `search`, in upper or lower case, or all.
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

/// What is looked for, as patterns for `LIKE` with `!` before each character that is meant as itself.
#[derive(Debug)]
pub(super) struct Needle {
    email: String,
    name: String,
}

impl Needle {
    fn new(text: &str) -> Self {
        let text = text.trim();
        // A whole address is found in any spelling; of a part, what is folded in every address can be.
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
    /// In lower case, as [`list`] looks for it.
    pub(super) fn folded(&self) -> String {
        fold(self.as_str())
    }
}

/// Letter by letter, so that a part of a text folds as it does in the whole: `str::to_lowercase` looks around a sigma.
fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().flat_map(char::to_lowercase).collect()
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
            ("ÉLODIE", "%Élodie%", "%élodie%"),
            ("Ada@MÜNCHEN.example", "%ada@xn--mnchen-3ya.example%", "%ada@münchen.example%"),
            ("ΣΟΦΟΣ", "%ΣΟΦΟΣ%", "%σοφοσ%"),
        ] {
            let needle = Needle::new(text);
            assert_eq!((needle.in_email(), needle.in_name()), (email, name), "{text}");
        }
    }
}
