//! Attributes that the operator declares for accounts and organisations, such as "company" or "plan": the tables
//! `[attributes.NAME]` of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use serde::Deserialize;
use toml::Spanned;

/// The table in the file.
pub(super) const ATTRIBUTES: &str = "attributes";
/// The most attributes.
const MOST: usize = 32;
/// The most bytes of a value.
pub(crate) const LONGEST_VALUE: usize = 1024;
/// The usual bound of a text, in characters.
const USUAL_LENGTH: usize = 200;
/// The most values that can be listed.
const MOST_VALUES: usize = 64;
/// The most characters of a listed value, of a label and of a name.
const LONGEST_LISTED: usize = 100;
const LONGEST_LABEL: usize = 60;
const LONGEST_NAME: usize = 30;
/// The integers that every JSON parser reads exactly (RFC 8259 §6).
const LARGEST: i64 = (1 << 53) - 1;
/// The most bytes that all attributes in tokens can take together. A token is sent with every request.
const LONGEST_IN_TOKENS: usize = 2048;

/// Claims that mean something else: those of RFC 7519, RFC 9068, OpenID Connect, and of this server, and others of the
/// registry "JSON Web Token Claims" that applications read.
const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "scope",
    "client_id",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "cnf",
    "act",
    "may_act",
    "roles",
    "groups",
    "entitlements",
    "permissions",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "events",
    "sub_jwk",
    "sub_id",
    "typ",
    "token_use",
    "vc",
    "vp",
    "authorization_details",
    "scp",
    "tid",
    "oid",
    "resource_access",
    "realm_access",
];

/// An attribute of accounts or of organisations.
///
/// ```
/// use portcullis_server::config::{Attribute, AttributeKind, AttributeOf, AttributeReaders, Config};
///
/// let plan = AttributeKind::Choice(vec!["free".to_owned(), "pro".to_owned()]);
/// let mut plan = Attribute::new("plan", AttributeOf::Account, plan);
/// plan.read = AttributeReaders::Members;
/// plan.in_tokens = true;
/// let mut config = Config::new("portcullis-data");
/// config.attributes.push(plan);
/// config.check().unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name in the API, in terms and in tokens.
    pub name: String,
    /// Whether accounts or organisations have it.
    pub of: AttributeOf,
    /// The possible values.
    pub kind: AttributeKind,
    /// What pages call it.
    pub label: String,
    /// The German label; `None` for the label.
    pub label_de: Option<String>,
    /// The Spanish label; `None` for the label.
    pub label_es: Option<String>,
    /// Who can read it.
    pub read: AttributeReaders,
    /// Who can change it.
    pub change: AttributeChangers,
    /// Whether sign-up asks for it.
    pub sign_up: AttributeAtSignUp,
    /// Whether access tokens carry it, as a claim of its name.
    pub in_tokens: bool,
}

/// Whether accounts or organisations have an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeOf {
    /// People's accounts. Service accounts have no attributes.
    Account,
    /// Organisations.
    Organisation,
}

/// The possible values of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// One line of text with at most this many characters.
    Text(usize),
    /// One of these texts.
    Choice(Vec<String>),
    /// A whole number between these two.
    Integer(i64, i64),
    /// True or false.
    Boolean,
}

/// Who can read an attribute; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeReaders {
    /// Administrators, and staff with the permission `accounts:read`.
    Administrators,
    /// Also the account itself; of an organisation, its owners.
    Owner,
    /// Also the members of the account's organisations; of an organisation, its members.
    Members,
    /// Also everyone who is logged in.
    Public,
}

/// Who can change an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeChangers {
    /// The account itself, or the owners of the organisation; and administrators.
    Owner,
    /// Administrators only.
    Administrators,
    /// Nobody, once the account was created: sign-up asks for it.
    Nobody,
}

/// Whether sign-up asks for an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeAtSignUp {
    /// It does not.
    No,
    /// It does.
    Optional,
    /// It does, and there is no account without it.
    Required,
}

/// An attribute in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    of: AttributeOf,
    r#type: Type,
    max_length: Option<usize>,
    values: Option<Vec<String>>,
    minimum: Option<i64>,
    maximum: Option<i64>,
    label: Option<String>,
    label_de: Option<String>,
    label_es: Option<String>,
    read: Option<AttributeReaders>,
    change: Option<AttributeChangers>,
    sign_up: Option<AttributeAtSignUp>,
    in_tokens: Option<Switch>,
}

/// The types of JSON Schema that a value can have.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    String,
    Integer,
    Boolean,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

/// The keys of an attribute, for the documentation: the key, its value, and what it means.
pub(super) const KEYS: [(&str, &str, &str); 13] = [
    ("of", "account|organisation", "Whether accounts or organisations have it. Required."),
    ("type", "string|integer|boolean", "The type of its values, as in JSON Schema. Required."),
    ("max_length", "N", "For strings: the most characters, 1 to 1024. Default: `200`."),
    ("values", "TEXT,…", "For strings, instead of `max_length`: the only values, at most 64."),
    ("minimum", "N", "For integers: the smallest. Default: `-9007199254740991`."),
    ("maximum", "N", "For integers: the largest. Default: `9007199254740991`."),
    ("label", "TEXT", "What pages call it. Default: the name."),
    ("label_de", "TEXT", "The German label. Default: `label`."),
    ("label_es", "TEXT", "The Spanish label. Default: `label`."),
    (
        "read",
        "administrators|owner|members|public",
        "Who can read it. `owner` is the account itself, or the owners of the organisation; `members` share an \
         organisation; `public` is everyone who is logged in. Each includes those before it. Default: `owner`.",
    ),
    (
        "change",
        "owner|administrators|nobody",
        "Who can change it later. `owner` includes administrators. `nobody` leaves it as it was at sign-up. Default: \
         `administrators`.",
    ),
    (
        "sign_up",
        "no|optional|required",
        "For accounts: whether sign-up asks for it. Accounts that are made in another way begin without it. Default: \
         `no`.",
    ),
    (
        "in_tokens",
        "on|off",
        "For accounts: whether access tokens carry it, as a claim of its name. Default: `off`.",
    ),
];

impl Attribute {
    /// An attribute that its owner can read and administrators can change. Its label is its name.
    #[must_use]
    pub fn new(name: &str, of: AttributeOf, kind: AttributeKind) -> Self {
        Self {
            name: name.to_owned(),
            of,
            kind,
            label: usual_label(name),
            label_de: None,
            label_es: None,
            read: AttributeReaders::Owner,
            change: AttributeChangers::Administrators,
            sign_up: AttributeAtSignUp::No,
            in_tokens: false,
        }
    }

    fn of_entry(name: &str, entry: Entry) -> Result<Self, String> {
        let kind = match entry.r#type {
            Type::String => match (entry.values, entry.max_length) {
                (Some(_), Some(_)) => {
                    return Err("has `values` and `max_length`; remove one of them".to_owned());
                }
                (Some(values), None) => AttributeKind::Choice(values),
                (None, length) => AttributeKind::Text(length.unwrap_or(USUAL_LENGTH)),
            },
            other => {
                if entry.values.is_some() || entry.max_length.is_some() {
                    return Err("has `values` or `max_length`, which only strings have; remove it".to_owned());
                }
                match other {
                    Type::Integer => AttributeKind::Integer(
                        entry.minimum.unwrap_or(-LARGEST),
                        entry.maximum.unwrap_or(LARGEST),
                    ),
                    _ => AttributeKind::Boolean,
                }
            }
        };
        if entry.r#type != Type::Integer && (entry.minimum.is_some() || entry.maximum.is_some()) {
            return Err("has `minimum` or `maximum`, which only integers have; remove it".to_owned());
        }
        let usual = Self::new(name, entry.of, kind);
        Ok(Self {
            label: entry.label.unwrap_or_else(|| usual.label.clone()),
            label_de: entry.label_de,
            label_es: entry.label_es,
            read: entry.read.unwrap_or(usual.read),
            change: entry.change.unwrap_or(usual.change),
            sign_up: entry.sign_up.unwrap_or(usual.sign_up),
            in_tokens: entry.in_tokens == Some(Switch::On),
            ..usual
        })
    }

    /// The setting as `config show` and messages write it.
    pub(super) fn setting(&self) -> String {
        format!("{ATTRIBUTES}.{}", self.name)
    }

    /// Whether an account or its owner can choose the value. A policy must not believe such a value.
    pub(crate) fn is_chosen(&self) -> bool {
        self.change == AttributeChangers::Owner || self.sign_up != AttributeAtSignUp::No
    }

    /// Whether sign-up asks for it.
    pub(crate) fn is_asked(&self) -> bool {
        self.sign_up != AttributeAtSignUp::No
    }

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err(format!(
                "has a name that cannot be used: write 1 to {LONGEST_NAME} lower-case letters, digits and _, a letter \
                 first"
            ));
        }
        let labels = [Some(&self.label), self.label_de.as_ref(), self.label_es.as_ref()];
        if !labels.into_iter().flatten().all(|label| is_line(label, LONGEST_LABEL)) {
            return Err(format!(
                "has a label that cannot be used: write 1 to {LONGEST_LABEL} characters, none of them a control character"
            ));
        }
        self.check_kind()?;
        self.check_who()?;
        if self.in_tokens {
            self.check_claim()?;
        }
        Ok(())
    }

    fn check_kind(&self) -> Result<(), String> {
        match &self.kind {
            AttributeKind::Text(most) if !(1..=LONGEST_VALUE).contains(most) => {
                Err(format!("has a `max_length` that is not between 1 and {LONGEST_VALUE}"))
            }
            AttributeKind::Choice(values) => {
                let different: BTreeSet<_> = values.iter().collect();
                let is_list = (1..=MOST_VALUES).contains(&values.len()) && different.len() == values.len();
                if is_list && values.iter().all(|value| is_line(value, LONGEST_LISTED)) {
                    return Ok(());
                }
                Err(format!(
                    "needs 1 to {MOST_VALUES} different `values` of 1 to {LONGEST_LISTED} characters, without spaces \
                     around them and without control characters"
                ))
            }
            AttributeKind::Integer(least, most) if least > most => {
                Err("has a `minimum` that is larger than its `maximum`".to_owned())
            }
            AttributeKind::Integer(least, most) if *least < -LARGEST || *most > LARGEST => {
                Err(format!("has a bound beyond {LARGEST}, which JSON parsers do not read exactly"))
            }
            AttributeKind::Text(_) | AttributeKind::Integer(..) | AttributeKind::Boolean => Ok(()),
        }
    }

    fn check_who(&self) -> Result<(), String> {
        let problem = match (self.of, self.change) {
            (AttributeOf::Organisation, _) if self.is_asked() => {
                "has `sign_up`, but organisations do not sign up; remove it"
            }
            (AttributeOf::Organisation, _) if self.in_tokens => {
                "is in tokens, but a token names no organisation; remove `in_tokens`"
            }
            (_, AttributeChangers::Owner) if self.read == AttributeReaders::Administrators => {
                "lets its owner change what only administrators can read; set `read` to `owner` or more"
            }
            (_, AttributeChangers::Nobody) if !self.is_asked() => {
                "could never have a value: sign-up does not ask for it, and nobody can change it. Set `sign_up` or \
                 `change`"
            }
            _ => return Ok(()),
        };
        Err(problem.to_owned())
    }

    fn check_claim(&self) -> Result<(), String> {
        if CLAIMS.contains(&self.name.as_str()) {
            return Err(
                "is in tokens, but a claim of this name means something else; choose another name".to_owned()
            );
        }
        if self.read == AttributeReaders::Administrators {
            return Err(
                "is in tokens, which their owners can read; set `read` to `owner` or more, or remove `in_tokens`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The most bytes of its claim.
    fn claim_bytes(&self) -> usize {
        let value = match &self.kind {
            // At most four bytes a character, which an escaped quotation mark does not exceed either.
            AttributeKind::Text(most) => (most * 4).min(2 * LONGEST_VALUE) + 2,
            AttributeKind::Choice(values) => 2 + 2 * values.iter().map(String::len).max().unwrap_or(0),
            AttributeKind::Integer(..) => 17,
            AttributeKind::Boolean => 5,
        };
        self.name.len() + 4 + value
    }

    /// The declaration in one line.
    pub(super) fn summary(&self) -> String {
        let of = if self.of == AttributeOf::Account { "account" } else { "organisation" };
        let mut text = match &self.kind {
            AttributeKind::Text(most) => format!("{of}, string of at most {most}"),
            AttributeKind::Choice(values) => format!("{of}, one of {}", values.join(", ")),
            AttributeKind::Integer(least, most) => format!("{of}, integer from {least} to {most}"),
            AttributeKind::Boolean => format!("{of}, boolean"),
        };
        let _ = write!(text, "; read by {}, changed by {}", self.read, self.change);
        match self.sign_up {
            AttributeAtSignUp::No => {}
            AttributeAtSignUp::Optional => text.push_str("; optional at sign-up"),
            AttributeAtSignUp::Required => text.push_str("; required at sign-up"),
        }
        if self.in_tokens {
            text.push_str("; in tokens");
        }
        text
    }
}

impl fmt::Display for AttributeReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrators => "administrators",
            Self::Owner => "owner",
            Self::Members => "members",
            Self::Public => "public",
        })
    }
}

impl fmt::Display for AttributeChangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Administrators => "administrators",
            Self::Nobody => "nobody",
        })
    }
}

/// Reads the tables of a file that is TOML. Returns each attribute with its place, in the order of the file, or the
/// place of the first error and what is wrong.
pub(super) fn read(text: &str) -> Result<Vec<(Attribute, usize)>, (usize, String)> {
    #[derive(Deserialize)]
    struct Tables {
        attributes: BTreeMap<Spanned<String>, Entry>,
    }
    let tables: Tables = toml::from_str(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let mut read = Vec::new();
    for (name, entry) in tables.attributes {
        let at = name.span().start;
        let attribute = Attribute::of_entry(name.get_ref(), entry)
            .and_then(|attribute| attribute.check().map(|()| attribute))
            .map_err(|problem| (at, format!("`{ATTRIBUTES}.{}` {problem}", name.get_ref().escape_debug())))?;
        read.push((attribute, at));
    }
    read.sort_by_key(|(_, at)| *at);
    Ok(read)
}

/// # Errors
/// The setting that is wrong, and what is wrong with it.
pub(super) fn check(attributes: &[Attribute]) -> Result<(), (String, String)> {
    if attributes.len() > MOST {
        return Err((ATTRIBUTES.to_owned(), format!("has more than {MOST} attributes")));
    }
    let mut names = BTreeSet::new();
    for attribute in attributes {
        attribute.check().map_err(|problem| (attribute.setting(), problem))?;
        if !names.insert(&attribute.name) {
            return Err((attribute.setting(), "is declared twice".to_owned()));
        }
    }
    let in_tokens = attributes.iter().filter(|attribute| attribute.in_tokens);
    let bytes: usize = in_tokens.map(Attribute::claim_bytes).sum();
    if bytes > LONGEST_IN_TOKENS {
        let problem = format!(
            "put up to {bytes} bytes into each access token, and {LONGEST_IN_TOKENS} are allowed: lower a `max_length`, \
             or remove `in_tokens` somewhere"
        );
        return Err((ATTRIBUTES.to_owned(), problem));
    }
    Ok(())
}

/// Names are parts of SQL that is made, of paths and of claims.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit() || byte == b'_')
}

fn is_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// `billing_email` as `Billing email`.
fn usual_label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Attribute, String> {
        read(text).map(|mut read| read.remove(0).0).map_err(|(at, problem)| {
            format!("line {}: {problem}", 1 + text.chars().take(at).filter(|char| *char == '\n').count())
        })
    }

    #[test]
    fn a_table_declares_an_attribute_and_says_little_by_default() {
        let company = one("[attributes.company_name]\nof = 'account'\ntype = 'string'").unwrap();
        assert_eq!(
            company,
            Attribute::new("company_name", AttributeOf::Account, AttributeKind::Text(USUAL_LENGTH))
        );
        assert_eq!(company.label, "Company name");
        assert_eq!(
            company.summary(),
            "account, string of at most 200; read by owner, changed by administrators"
        );
        let plan = "[attributes.plan]\nof = 'account'\ntype = 'string'\nvalues = ['free', 'pro']\nread = 'public'\n\
                    sign_up = 'required'\nchange = 'nobody'\nin_tokens = 'on'\nlabel_de = 'Tarif'";
        let plan = one(plan).unwrap();
        assert_eq!(
            plan.summary(),
            "account, one of free, pro; read by public, changed by nobody; required at sign-up; in tokens"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("of = 'team'\ntype = 'string'", "line 2: unknown variant `team`"),
            ("of = 'account'", "missing field `type`"),
            ("of = 'account'\ntype = 'string'\n\nmax_len = 3", "line 5: unknown field `max_len`"),
            ("of = 'account'\ntype = 'number'", "line 3: unknown variant `number`"),
            ("of = 'account'\ntype = 'integer'\nmax_length = 3", "which only strings have"),
            ("of = 'account'\ntype = 'boolean'\nminimum = 3", "which only integers have"),
            ("of = 'account'\ntype = 'string'\nmax_length = 1025", "`max_length` that is not between"),
            ("of = 'account'\ntype = 'string'\nmax_length = 0", "`max_length` that is not between"),
            ("of = 'account'\ntype = 'string'\nvalues = []", "different `values`"),
            ("of = 'account'\ntype = 'string'\nvalues = ['a', 'a']", "different `values`"),
            ("of = 'account'\ntype = 'string'\nvalues = ['a']\nmax_length = 3", "remove one of them"),
            ("of = 'account'\ntype = 'integer'\nminimum = 3\nmaximum = 2", "larger than its `maximum`"),
            ("of = 'account'\ntype = 'integer'\nmaximum = 9007199254740992", "JSON parsers"),
            ("of = 'organisation'\ntype = 'string'\nsign_up = 'optional'", "do not sign up"),
            ("of = 'organisation'\ntype = 'string'\nin_tokens = 'on'", "names no organisation"),
            ("of = 'account'\ntype = 'string'\nchange = 'nobody'", "could never have a value"),
            (
                "of = 'account'\ntype = 'string'\nchange = 'owner'\nread = 'administrators'",
                "lets its owner change",
            ),
            ("of = 'account'\ntype = 'string'\nin_tokens = 'on'\nread = 'administrators'", "owners can read"),
            ("of = 'account'\ntype = 'string'\nin_tokens = true", "line 4"),
            ("of = 'account'\ntype = 'string'\nlabel = ''", "label that cannot be used"),
        ] {
            let problem = one(&format!("[attributes.a]\n{text}")).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        for name in ["Plan", "1a", "a-b", "_a", "\"a b\"", &"a".repeat(31)] {
            let text = format!("[attributes.{name}]\nof = 'account'\ntype = 'string'");
            assert!(one(&text).unwrap_err().contains("name that cannot be used"), "{name}");
        }
        for claim in CLAIMS {
            let text = format!("[attributes.{claim}]\nof = 'account'\ntype = 'string'\nmax_length = 9\n");
            one(&text).unwrap();
            let problem = one(&format!("{text}in_tokens = 'on'")).unwrap_err();
            assert!(problem.contains("claim of this name"), "{problem}");
        }
    }

    #[test]
    fn there_are_few_and_tokens_stay_small() {
        let text =
            |name: String, most| Attribute::new(&name, AttributeOf::Account, AttributeKind::Text(most));
        let many = |count| (0..count).map(|at| text(format!("a{at}"), 9)).collect::<Vec<_>>();
        check(&many(MOST)).unwrap();
        assert!(check(&many(MOST + 1)).unwrap_err().1.contains("more than 32"));
        let twice = [text("a".to_owned(), 9), text("a".to_owned(), 9)];
        assert!(check(&twice).unwrap_err().1.contains("declared twice"));
        let in_token = |most| Attribute { in_tokens: true, ..text("a".to_owned(), most) };
        check(&[in_token(500)]).unwrap();
        let problem =
            check(&[in_token(500), Attribute { name: "b".to_owned(), ..in_token(100) }]).unwrap_err().1;
        assert!(problem.contains("bytes into each access token"), "{problem}");
    }
}
