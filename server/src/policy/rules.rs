//! Resolves the names of a declaration and checks that it is consistent. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PolicyError;
use super::declare::{Declared, IdKind, ObjectType};
use super::names::{Comparison, Condition, Holds, Name, Operand};
use crate::config::{Attribute, AttributeKind, AttributeOf};

/// The maximum number of nested types, each counted once.
const MOST_LEVELS: usize = 8;
/// The maximum number of paths up from a type. Each is a part of its statements.
const MOST_WAYS: usize = 16;
/// The maximum number of roles, flags, conditions or parents of a type.
const MOST_PARTS: usize = 32;
/// The role that takes away what others give.
pub(super) const BLOCKED: &str = "blocked";
const OWNER: &str = "owner";

/// A type whose declaration was checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) name: Name,
    pub(super) table: Name,
    pub(super) id: Name,
    pub(super) kind: IdKind,
    /// The column with the id of the containing row of the same type.
    pub(super) inside_itself: Option<Name>,
    pub(super) parents: Vec<Parent>,
    /// All declared terms, whether or not a rule names them.
    pub(super) terms: Vec<Term>,
    /// In order: their literals become arguments in this order.
    pub(super) conditions: Vec<Condition>,
    pub(super) blocked: Option<Name>,
    /// All roles that can be granted on it, or on what it contains.
    pub(super) roles: BTreeSet<String>,
    /// Permissions, each with the terms that allow it.
    pub(super) rules: BTreeMap<String, Vec<Term>>,
}

/// Another type that contains its rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) of: Arc<Type>,
    pub(super) column: Name,
}

/// A reason to allow something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Owner { column: Name },
    Role(Name),
    Flag { name: Name, column: Name },
    When { name: Name, condition: Condition },
}

impl Term {
    /// Its name in the declaration.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Owner { .. } => OWNER,
            Self::Role(name) | Self::Flag { name, .. } | Self::When { name, .. } => name.as_str(),
        }
    }
}

impl Type {
    /// Every term of its rules. An account that none of them applies to does not learn that a row exists.
    pub(super) fn every_term(&self) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        for term in self.rules.values().flatten() {
            if !terms.contains(term) {
                terms.push(term.clone());
            }
        }
        terms
    }
}

/// What is known of the callers' attributes.
pub(super) enum Callers<'a> {
    /// Nothing: what is ordered is taken for an integer, and everything else for a text.
    Unknown,
    /// The operator's declarations.
    Declared(&'a [Attribute]),
    /// The values in a test of the policy.
    Given(BTreeMap<String, Holds>),
}

impl Callers<'_> {
    fn holds(&self, name: &Name, comparison: Comparison) -> Result<Holds, String> {
        match self {
            Self::Unknown if comparison.is_equality() => Ok(Holds::Text),
            Self::Unknown => Ok(Holds::Integer),
            Self::Given(given) => Ok(given.get(name.as_str()).copied().unwrap_or(Holds::Text)),
            Self::Declared(attributes) => {
                let of_accounts = || attributes.iter().filter(|one| one.of == AttributeOf::Account);
                let Some(attribute) = of_accounts().find(|one| one.name == name.as_str()) else {
                    let known: Vec<_> = of_accounts().map(|one| one.name.as_str()).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    return Err(format!(
                        "accounts have no attribute {name:?}; declared are: {known}. The setting `attributes` declares \
                         them",
                        name = name.as_str()
                    ));
                };
                if attribute.is_chosen() {
                    return Err(format!(
                        "people choose {name} themselves, and so would choose what they may do. Set `change` of the \
                         attribute to `administrators` and `sign_up` to `no`"
                    ));
                }
                Ok(match attribute.kind {
                    AttributeKind::Text(_) | AttributeKind::Choice(_) => Holds::Text,
                    AttributeKind::Integer(..) => Holds::Integer,
                    AttributeKind::Boolean => Holds::Bool,
                })
            }
        }
    }
}

/// The types by name.
pub(super) type Types = BTreeMap<String, Arc<Type>>;

/// Checks a whole declaration.
pub(super) fn check(declared: &Declared, callers: &Callers<'_>) -> Result<Types, PolicyError> {
    let mut by_name = BTreeMap::new();
    for object in &declared.objects {
        if by_name.insert(object.name.as_str(), object).is_some() {
            return Err(wrong(object, "", "another type has this name"));
        }
    }
    for name in declared.permissions.keys() {
        let is_token = name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if name.is_empty() || name.len() > 100 || !is_token {
            let what =
                format!("{name:?} cannot be a permission: use visible ASCII without spaces, \" and \\");
            return Err(PolicyError::new(String::new(), what));
        }
    }
    let mut owners = BTreeMap::new();
    for object in &declared.objects {
        for (term, permissions) in &object.rules {
            let part = format!("may.{term}");
            for permission in permissions {
                if !declared.permissions.contains_key(permission) {
                    return Err(wrong(object, &part, &format!("there is no permission {permission:?}")));
                }
                let first = owners.entry(permission.as_str()).or_insert(object.name.as_str());
                if *first != object.name {
                    let what =
                        format!("{permission:?} is a permission on {first} already; each is on one type");
                    return Err(wrong(object, &part, &what));
                }
            }
        }
    }
    let mut checking = Checking { by_name, callers, done: BTreeMap::new(), above: Vec::new() };
    for object in &declared.objects {
        checking.resolve(object)?;
    }
    Ok(checking.done)
}

struct Checking<'a> {
    by_name: BTreeMap<&'a str, &'a ObjectType>,
    callers: &'a Callers<'a>,
    done: Types,
    /// The types whose parents are being resolved.
    above: Vec<&'a str>,
}

impl<'a> Checking<'a> {
    fn resolve(&mut self, object: &'a ObjectType) -> Result<Arc<Type>, PolicyError> {
        if let Some(done) = self.done.get(&object.name) {
            return Ok(Arc::clone(done));
        }
        if self.above.contains(&object.name.as_str()) {
            return Err(wrong(object, "parents", "its parents lead back to it by way of another type"));
        }
        if self.above.len() >= MOST_LEVELS {
            return Err(wrong(
                object,
                "parents",
                &format!("more than {MOST_LEVELS} types are above each other"),
            ));
        }
        self.above.push(&object.name);
        let (inside_itself, parents) = self.parents(object)?;
        self.above.pop();
        let (terms, conditions) = terms(object, self.callers)?;
        let of = |term: &String| terms.iter().find(|one| one.name() == term).cloned();
        let mut rules: BTreeMap<String, Vec<Term>> = BTreeMap::new();
        for (term, permissions) in &object.rules {
            let part = format!("may.{term}");
            if term == BLOCKED {
                return Err(wrong(object, &part, "the role `blocked` allows nothing"));
            }
            let Some(term) = of(term) else { return Err(wrong(object, &part, &unknown_term(object, term))) };
            for permission in permissions {
                let rule = rules.entry(permission.clone()).or_default();
                if !rule.contains(&term) {
                    rule.push(term.clone());
                }
            }
        }
        let done = Arc::new(Type {
            name: name(object, "", &object.name)?,
            table: name(object, "table", &object.table)?,
            id: name(object, "id", &object.id)?,
            kind: object.kind,
            inside_itself,
            parents,
            terms,
            conditions,
            blocked: object.roles.iter().any(|role| role == BLOCKED).then(|| Name::new(BLOCKED)).flatten(),
            roles: self.roles(object),
            rules,
        });
        if ways_up(&done) > MOST_WAYS {
            return Err(wrong(
                object,
                "parents",
                &format!("there are more than {MOST_WAYS} ways up from it"),
            ));
        }
        self.done.insert(object.name.clone(), Arc::clone(&done));
        Ok(done)
    }

    fn parents(&mut self, object: &'a ObjectType) -> Result<(Option<Name>, Vec<Parent>), PolicyError> {
        let (mut inside_itself, mut parents) = (None, Vec::new());
        for (of, column) in &object.parents {
            let part = format!("parents.{of}");
            let column = name(object, &part, column)?;
            if *of == object.name {
                if inside_itself.replace(column).is_some() {
                    return Err(wrong(object, &part, "a type is inside itself by one column"));
                }
                continue;
            }
            let Some(declared) = self.by_name.get(of.as_str()).copied() else {
                return Err(wrong(object, &part, &format!("there is no type {of:?}")));
            };
            parents.push(Parent { of: self.resolve(declared)?, column });
        }
        Ok((inside_itself, parents))
    }

    /// Its own roles, and those of the types that it contains.
    fn roles(&self, object: &ObjectType) -> BTreeSet<String> {
        let mut reached = BTreeSet::from([object.name.as_str()]);
        loop {
            let next = self.by_name.values().filter(|one| !reached.contains(one.name.as_str()));
            let inside = |one: &&&ObjectType| one.parents.iter().any(|(of, _)| reached.contains(of.as_str()));
            let found: Vec<_> = next.filter(inside).map(|one| one.name.as_str()).collect();
            if found.is_empty() {
                break;
            }
            reached.extend(found);
        }
        let types = reached.iter().filter_map(|name| self.by_name.get(name));
        types.flat_map(|one| one.roles.iter().cloned()).collect()
    }
}

/// Everything that a rule can name, and the conditions in their order.
fn terms(object: &ObjectType, callers: &Callers<'_>) -> Result<(Vec<Term>, Vec<Condition>), PolicyError> {
    let mut terms = Vec::new();
    let mut conditions = Vec::new();
    if let Some(column) = &object.owner {
        terms.push(Term::Owner { column: name(object, "owner", column)? });
    }
    for role in &object.roles {
        terms.push(Term::Role(name(object, "roles", role)?));
    }
    for (flag, column) in &object.flags {
        let part = format!("flags.{flag}");
        terms.push(Term::Flag { name: name(object, &part, flag)?, column: name(object, &part, column)? });
    }
    for (when, condition) in &object.conditions {
        let part = format!("when.{when}");
        let Some(mut condition) = Condition::parse(condition) else {
            let what = format!(
                "{condition:?} is not a comparison: write `column op value`, where op is =, <>, <, <=, > or >=, and the \
                 value 'text', a whole number, true, false, now or caller.ATTRIBUTE"
            );
            return Err(wrong(object, &part, &what));
        };
        if let Operand::Caller(attribute, holds) = &mut condition.operand {
            *holds =
                callers.holds(attribute, condition.comparison).map_err(|what| wrong(object, &part, &what))?;
        }
        conditions.push(condition.clone());
        terms.push(Term::When { name: name(object, &part, when)?, condition });
    }
    if terms.len() > MOST_PARTS {
        return Err(wrong(object, "", &format!("more than {MOST_PARTS} roles, flags and conditions")));
    }
    for (at, term) in terms.iter().enumerate() {
        if terms.iter().skip(at + 1).any(|other| other.name() == term.name()) {
            let what = format!(
                "{:?} names two things: a role, a flag or a condition needs a name of its own",
                term.name()
            );
            return Err(wrong(object, "", &what));
        }
        if term.name() == OWNER && !matches!(term, Term::Owner { .. }) {
            return Err(wrong(
                object,
                "",
                "`owner` is the account in the owner's column, not a role or a flag",
            ));
        }
    }
    Ok((terms, conditions))
}

fn unknown_term(object: &ObjectType, term: &str) -> String {
    if term == OWNER {
        return "it has no owner: name the column with `owner`".to_owned();
    }
    let known =
        object.roles.iter().chain(object.flags.iter().chain(&object.conditions).map(|(name, _)| name));
    let near = known.min_by_key(|known| strsim::levenshtein(known, term));
    let near = near.filter(|known| strsim::levenshtein(known, term) <= 2);
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!("`{term}` is not a role, a flag or a condition of this type{hint}")
}

fn name(object: &ObjectType, part: &str, text: &str) -> Result<Name, PolicyError> {
    Name::new(text).ok_or_else(|| {
        let what = format!(
            "{text:?} is not a name: use lower-case letters, digits and _, at most 63, a letter first"
        );
        wrong(object, part, &what)
    })
}

fn wrong(object: &ObjectType, part: &str, what: &str) -> PolicyError {
    let within = if part.is_empty() { String::new() } else { format!(", {part}") };
    PolicyError::new(object.places.of(part), format!("type {}{within}: {what}", object.name))
}

fn ways_up(object: &Type) -> usize {
    object.parents.iter().map(|parent| ways_up(&parent.of)).sum::<usize>() + 1
}
