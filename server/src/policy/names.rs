//! The closed grammars of what may appear in the text of a statement. Nothing else of a policy does.

use std::fmt;

use crate::db::{Encode as _, Value};

/// A name of a table, column, type, role, flag or condition: a lower-case letter, then up to 62 lower-case letters,
/// digits and `_`. It contains no quotes, so it can stand between them, and it does not begin with `_`, unlike the
/// names that the compiler generates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase();
        let fits = |byte: u8| is_letter(byte) || byte.is_ascii_digit() || byte == b'_';
        let is_name =
            text.len() <= 63 && text.bytes().next().is_some_and(is_letter) && text.bytes().all(fits);
        is_name.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The operator of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    const ALL: [(&'static str, Self); 6] = [
        ("=", Self::Equal),
        ("<>", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        ("<", Self::Less),
        (">=", Self::GreaterOrEqual),
        (">", Self::Greater),
    ];

    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    pub(super) fn as_sql(self) -> &'static str {
        Self::ALL.iter().find(|(_, comparison)| *comparison == self).map_or("=", |(sql, _)| sql)
    }
}

/// What a column is compared with. It becomes an argument of the statement, never part of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Now,
    Integer(i64),
    Text(String),
    Bool(bool),
    /// An attribute of the caller's account, and what it holds.
    Caller(Name, Holds),
}

/// What a caller's attribute holds, and so the column of `attribute_values` that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Integer,
    Bool,
}

impl Holds {
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Text => "text_value",
            Self::Integer => "integer_value",
            Self::Bool => "boolean_value",
        }
    }
}

impl Operand {
    /// `None`: the time of the decision, which is an argument of every statement, or an attribute, which the statement
    /// reads.
    pub(super) fn literal(&self) -> Option<Value> {
        match self {
            Self::Now | Self::Caller(..) => None,
            Self::Integer(number) => Some(number.encode()),
            Self::Text(text) => Some(text.encode()),
            Self::Bool(truth) => Some(truth.encode()),
        }
    }
}

/// `column op operand`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) column: Name,
    pub(super) comparison: Comparison,
    pub(super) operand: Operand,
}

impl Condition {
    /// Parses `state = 'published'`, `level >= 3`, `archived = false`, `released_at <= now` or `region = caller.region`.
    /// What the attribute holds is found later.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (column, rest) = text.trim().split_once(' ')?;
        let rest = rest.trim_start();
        let (comparison, operand) = Comparison::ALL
            .iter()
            .find_map(|(sql, comparison)| Some((*comparison, rest.strip_prefix(sql)?)))?;
        let operand = match operand.trim() {
            "now" => Operand::Now,
            "true" => Operand::Bool(true),
            "false" => Operand::Bool(false),
            text => match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
                Some(text) if !text.contains('\'') && text.len() <= 200 => Operand::Text(text.to_owned()),
                Some(_) => return None,
                None => match text.strip_prefix("caller.") {
                    Some(attribute) => Operand::Caller(Name::new(attribute)?, Holds::Text),
                    None => Operand::Integer(text.parse().ok()?),
                },
            },
        };
        Some(Self { column: Name::new(column)?, comparison, operand })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.column, self.comparison.as_sql())?;
        match &self.operand {
            Operand::Now => f.write_str("now"),
            Operand::Integer(number) => number.fmt(f),
            Operand::Text(text) => write!(f, "'{text}'"),
            Operand::Bool(truth) => truth.fmt(f),
            Operand::Caller(attribute, _) => write!(f, "caller.{attribute}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_the_closed_grammar() {
        for name in ["a", "owner_id", "t2", &"a".repeat(63)] {
            assert!(Name::new(name).is_some(), "{name}");
        }
        for name in
            ["", "_g", "2t", "Owner", "a b", "a\"", "a'", "a;", "ä", "a.b", "a{row}", "a$1", &"a".repeat(64)]
        {
            assert!(Name::new(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_condition_is_read_and_written_alike() {
        for text in [
            "state = 'published'",
            "level >= 3",
            "archived = false",
            "at <= now",
            "n <> -1",
            "n < 2",
            "region = caller.region",
        ] {
            assert_eq!(Condition::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "state",
            "state =",
            "state = x",
            "state = 'a' OR 1 = 1",
            "a'b = 1",
            "state ~ 'a'",
            "state = 'a''b'",
            "state = caller.",
            "state = caller.a'b",
            "state = owner.a",
        ] {
            assert_eq!(Condition::parse(text), None, "{text}");
        }
    }
}
