//! The policy in Cedar, for tools that validate and analyse it. Nothing here decides: the database does.
//!
//! | here | in Cedar |
//! |---|---|
//! | an object type | an entity type of the same name, `in` the types that contain it |
//! | a column that a rule reads | an optional attribute: a column can be NULL |
//! | a permission | an action |
//! | owner, flag, comparison | a policy |
//! | a role | a template; each grant is a link of it |
//! | `blocked` | a template that forbids |
//! | `now` | `context.now`, in microseconds since 1970 |
//! | an attribute of the caller | an optional attribute of the account |

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::PolicyError;
use super::declare::Declared;
use super::names::{Comparison, Condition, Holds, Operand};
use super::rules::{self, Callers, Term, Type, Types};
use crate::config::Attribute;

/// The words of Cedar that cannot be identifiers.
const RESERVED: [&str; 9] = ["else", "false", "has", "if", "in", "is", "like", "then", "true"];

const ABOUT_THE_SCHEMA: &str = "\
// The schema of a Portcullis policy, written by `portcullis policy export --cedar`.
//
// An account is in the groups that it is a member of, and a team is in the group that contains it.
// An entity's id is the number of the account, or the id of the row or group.
// A column that is NULL is an attribute that the entity does not have.
";

const ABOUT_THE_POLICIES: &str = "\
// A Portcullis policy, written by `portcullis policy export --cedar`.
//
// Each template is a role. A grant is a link of it: ?principal is the account or group that has the role,
// ?resource is the row that it was given on.
//
// Cedar has no words for these:
// - A grant expires. Link only those that have not expired.
// - A link that was shared lets anyone with its token use one permission, without an account.
// - A decision climbs 32 rows of one type, and 8 groups. `in` has no limit.
// - A caller also needs the permission in the scope of the token, session or API key.
// - A denial is 404 if the account may do nothing with the row, and 403 otherwise.
";

/// A policy in Cedar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cedar {
    /// The schema, in Cedar's own syntax.
    pub schema: String,
    /// The policies and templates.
    pub policies: String,
}

impl Declared {
    /// The declaration as a Cedar schema and Cedar policies, for tools that validate and analyse Cedar.
    ///
    /// ```
    /// use portcullis_server::policy::Declared;
    ///
    /// let policy = r#"
    ///     [permissions]
    ///     "document:read" = "Read a document"
    ///     [object.document]
    ///     table = "documents"
    ///     owner = "owner_id"
    ///     may = { owner = ["document:read"] }
    /// "#;
    /// let cedar = Declared::from_toml(policy, "policy.toml")?.to_cedar()?;
    /// assert!(cedar.schema.contains("owner_id?: Account"));
    /// assert!(cedar.policies.contains("resource.owner_id == principal"));
    /// # Ok::<(), portcullis_server::policy::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and what Cedar cannot express: a type whose name is a reserved word, and a
    /// column that is used with two kinds of values.
    pub fn to_cedar(&self) -> Result<Cedar, PolicyError> {
        self.to_cedar_for(&Callers::Unknown)
    }

    /// [`to_cedar`](Self::to_cedar), with the attributes that the operator declares.
    pub(crate) fn to_cedar_with(&self, attributes: &[Attribute]) -> Result<Cedar, PolicyError> {
        self.to_cedar_for(&Callers::Declared(attributes))
    }

    fn to_cedar_for(&self, callers: &Callers<'_>) -> Result<Cedar, PolicyError> {
        let types = rules::check(self, callers)?;
        Ok(Cedar { schema: schema(self, &types)?, policies: policies(&types) })
    }
}

fn schema(declared: &Declared, types: &Types) -> Result<String, PolicyError> {
    let account = shape(&of_callers(types));
    let mut text =
        format!("{ABOUT_THE_SCHEMA}\nentity Group in [Group];\nentity Account in [Group]{account};\n");
    for of in types.values() {
        if RESERVED.contains(&of.name.as_str()) {
            return Err(wrong(of, "Cedar reserves this word: give the type another name"));
        }
        let own = of.inside_itself.iter().map(|_| of.name.as_str());
        let above: Vec<_> = own.chain(of.parents.iter().map(|parent| parent.of.name.as_str())).collect();
        let inside = if above.is_empty() { String::new() } else { format!(" in [{}]", above.join(", ")) };
        let attributes = shape(&attributes(of)?);
        line(&mut text, &format!("\n// The rows of {}.\nentity {}{inside}{attributes};", of.table, of.name));
    }
    for (name, description) in &declared.permissions {
        let rule = types.values().find_map(|of| Some((of, of.rules.get(name)?)));
        line(&mut text, &format!("\n// {}", one_line(description)));
        let Some((of, terms)) = rule else {
            line(&mut text, &format!("// Nothing allows it.\naction {};", quoted(name)));
            continue;
        };
        let is_timed =
            |term: &Term| matches!(term, Term::When { condition, .. } if condition.operand == Operand::Now);
        let context = if terms.iter().any(is_timed) { "\n    context: { now: Long }," } else { "" };
        line(
            &mut text,
            &format!(
                "action {} appliesTo {{\n    principal: [Account],\n    resource: [{}],{context}\n}};",
                quoted(name),
                of.name
            ),
        );
    }
    Ok(text)
}

fn shape(attributes: &BTreeMap<String, &'static str>) -> String {
    let each = attributes.iter().map(|(name, kind)| format!("    {}?: {kind},\n", key(name)));
    let attributes = each.collect::<Vec<_>>().concat();
    if attributes.is_empty() { String::new() } else { format!(" {{\n{attributes}}}") }
}

/// The attributes of callers that the rules read, each with its type in Cedar.
fn of_callers(types: &Types) -> BTreeMap<String, &'static str> {
    let conditions = types.values().flat_map(|of| &of.conditions);
    let of_caller = conditions.filter_map(|condition| match &condition.operand {
        Operand::Caller(name, _) => Some((name.to_string(), kind_of(&condition.operand))),
        _ => None,
    });
    of_caller.collect()
}

/// The attributes that the rules read, each with its type in Cedar.
fn attributes(of: &Type) -> Result<BTreeMap<String, &'static str>, PolicyError> {
    let mut attributes = BTreeMap::new();
    for term in of.every_term() {
        let (name, kind) = match &term {
            Term::Owner { column } => (column.to_string(), "Account"),
            Term::Flag { column, .. } => (column.to_string(), "Bool"),
            Term::When { name, condition } if is_computed(condition) => (computed(name.as_str()), "Bool"),
            Term::When { condition, .. } if is_impossible(condition) => {
                return Err(wrong(of, &format!("Cedar orders numbers only: {condition}")));
            }
            Term::When { condition, .. } => (condition.column.to_string(), kind_of(&condition.operand)),
            Term::Role(_) => continue,
        };
        let first = *attributes.entry(name.clone()).or_insert(kind);
        if first != kind {
            let what =
                format!("the column {name} is used as {first} and as {kind}, and Cedar gives it one type");
            return Err(wrong(of, &what));
        }
    }
    Ok(attributes)
}

fn policies(types: &Types) -> String {
    let mut text = ABOUT_THE_POLICIES.to_owned();
    let (mut roles, mut blocked) = (BTreeMap::<&str, Vec<&str>>::new(), Vec::new());
    for of in types.values() {
        for term in &of.terms {
            let allowed = of.rules.iter().filter(|(_, terms)| terms.contains(term));
            let allowed: Vec<_> = allowed.map(|(permission, _)| permission.as_str()).collect();
            match term {
                _ if allowed.is_empty() => {}
                Term::Role(role) => roles.entry(role.as_str()).or_default().extend(allowed),
                Term::Owner { .. } | Term::Flag { .. } | Term::When { .. } => {
                    line(&mut text, &of_the_row(of, term, &allowed));
                }
            }
        }
        if of.blocked.is_some() {
            blocked.extend(of.rules.keys().map(String::as_str));
        }
    }
    for (role, allowed) in roles {
        line(&mut text, &template("permit", role, &allowed));
    }
    if !blocked.is_empty() {
        line(&mut text, &template("forbid", rules::BLOCKED, &blocked));
    }
    text
}

/// A role.
fn template(effect: &str, role: &str, permissions: &[&str]) -> String {
    format!(
        "\n@id({})\n{effect} (\n    principal in ?principal,\n    action in [{}],\n    resource in ?resource\n);",
        quoted(&format!("role.{role}")),
        actions(permissions)
    )
}

/// A term that depends on the row alone.
fn of_the_row(of: &Type, term: &Term, permissions: &[&str]) -> String {
    let (attribute, rest, note) = match term {
        Term::Owner { column } => (column.to_string(), " == principal".to_owned(), ""),
        Term::Flag { column, .. } => (column.to_string(), String::new(), ""),
        Term::When { name, condition } if is_computed(condition) => (
            computed(name.as_str()),
            String::new(),
            "// Cedar does not order these values: the attribute holds the result of the comparison.\n",
        ),
        Term::When { condition, .. } => (condition.column.to_string(), compared(condition), ""),
        Term::Role(_) => return String::new(),
    };
    let sentence = if let Term::When { condition, .. } = term {
        format!("// {}: {}\n", term.name(), one_line(&condition.to_string()))
    } else {
        String::new()
    };
    let has = match term {
        Term::When { condition: Condition { operand: Operand::Caller(name, _), .. }, .. } => {
            format!("principal has {} && ", key(name.as_str()))
        }
        _ => String::new(),
    };
    format!(
        "\n{sentence}{note}@id({})\npermit (\n    principal is Account,\n    action in [{}],\n    resource is {}\n) when \
         {{\n    {has}resource has {} && {}{rest}\n}};",
        quoted(&format!("{}.{}", of.name, term.name())),
        actions(permissions),
        of.name,
        key(&attribute),
        member("resource", &attribute)
    )
}

fn actions(permissions: &[&str]) -> String {
    let each: Vec<_> = permissions.iter().map(|name| format!("Action::{}", quoted(name))).collect();
    each.join(", ")
}

/// The rest of a comparison, after the attribute.
fn compared(condition: &Condition) -> String {
    let operator = match condition.comparison {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        ordered => ordered.as_sql(),
    };
    let operand = match &condition.operand {
        Operand::Now => "context.now".to_owned(),
        Operand::Integer(number) => number.to_string(),
        Operand::Text(text) => quoted(text),
        Operand::Bool(truth) => truth.to_string(),
        Operand::Caller(name, _) => member("principal", name.as_str()),
    };
    format!(" {operator} {operand}")
}

/// Whether Cedar cannot compare these: it orders numbers only.
fn is_computed(condition: &Condition) -> bool {
    !condition.comparison.is_equality() && matches!(condition.operand, Operand::Text(_) | Operand::Bool(_))
}

/// Whether Cedar cannot say this: the result would depend on the account too.
fn is_impossible(condition: &Condition) -> bool {
    let is_ordered = !condition.comparison.is_equality();
    is_ordered && matches!(condition.operand, Operand::Caller(_, Holds::Text | Holds::Bool))
}

/// The attribute for the result of a comparison. No column has a name like this.
fn computed(term: &str) -> String {
    format!("when:{term}")
}

fn kind_of(operand: &Operand) -> &'static str {
    match operand {
        Operand::Now | Operand::Integer(_) | Operand::Caller(_, Holds::Integer) => "Long",
        Operand::Text(_) | Operand::Caller(_, Holds::Text) => "String",
        Operand::Bool(_) | Operand::Caller(_, Holds::Bool) => "Bool",
    }
}

/// An attribute's name in a schema and after `has`.
fn key(attribute: &str) -> String {
    if is_identifier(attribute) { attribute.to_owned() } else { quoted(attribute) }
}

fn member(of: &str, attribute: &str) -> String {
    if is_identifier(attribute) {
        format!("{of}.{attribute}")
    } else {
        format!("{of}[{}]", quoted(attribute))
    }
}

fn is_identifier(attribute: &str) -> bool {
    !attribute.contains(':') && !RESERVED.contains(&attribute)
}

/// A string of Cedar.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            // Writing to a string cannot fail.
            char if char.is_control() => drop(write!(quoted, "\\u{{{:x}}}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// For a comment: a description must not end it.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn line(text: &mut String, more: &str) {
    text.push_str(more);
    text.push('\n');
}

fn wrong(of: &Type, what: &str) -> PolicyError {
    PolicyError::new(String::new(), format!("type {}: {what}", of.name))
}

#[cfg(test)]
mod tests {
    use super::super::declare::{IdKind, ObjectType};
    use super::*;

    fn declared() -> Declared {
        let folder = ObjectType::new("folder", "folders").parent("folder", "parent_id").roles(&["viewer"]);
        let document = ObjectType::new("document", "documents")
            .id("id", IdKind::Uuid)
            .owner("owner_id")
            .parent("folder", "folder_id")
            .flag("public", "is")
            .when("published", "state = 'in \"print\"'")
            .when("released", "released_at <= now")
            .when("early", "title < 'm'")
            .roles(&["viewer", "editor", "blocked"])
            .may("owner", &["document:read", "document:write"])
            .may("viewer", &["document:read"])
            .may("editor", &["document:read", "document:write"])
            .may("public", &["document:read"])
            .may("published", &["document:read"])
            .may("released", &["document:read"])
            .may("early", &["document:read"]);
        Declared::new()
            .permission_named("document:read", "Read a\ndocument")
            .permission_named("document:write", "Change a document")
            .permission_named("document:print", "Print a document")
            .object_type(folder)
            .object_type(document)
    }

    #[test]
    fn a_schema_has_the_types_their_columns_and_the_actions() {
        let schema = declared().to_cedar().unwrap().schema;
        let expected = r#"
entity Group in [Group];
entity Account in [Group];

// The rows of documents.
entity document in [folder] {
    "is"?: Bool,
    owner_id?: Account,
    released_at?: Long,
    state?: String,
    "when:early"?: Bool,
};

// The rows of folders.
entity folder in [folder];

// Print a document
// Nothing allows it.
action "document:print";

// Read a document
action "document:read" appliesTo {
    principal: [Account],
    resource: [document],
    context: { now: Long },
};

// Change a document
action "document:write" appliesTo {
    principal: [Account],
    resource: [document],
};
"#;
        assert_eq!(schema.strip_prefix(ABOUT_THE_SCHEMA), Some(expected));
    }

    const POLICIES: &str = r#"
@id("document.owner")
permit (
    principal is Account,
    action in [Action::"document:read", Action::"document:write"],
    resource is document
) when {
    resource has owner_id && resource.owner_id == principal
};

@id("document.public")
permit (
    principal is Account,
    action in [Action::"document:read"],
    resource is document
) when {
    resource has "is" && resource["is"]
};

// published: state = 'in "print"'
@id("document.published")
permit (
    principal is Account,
    action in [Action::"document:read"],
    resource is document
) when {
    resource has state && resource.state == "in \"print\""
};

// released: released_at <= now
@id("document.released")
permit (
    principal is Account,
    action in [Action::"document:read"],
    resource is document
) when {
    resource has released_at && resource.released_at <= context.now
};

// early: title < 'm'
// Cedar does not order these values: the attribute holds the result of the comparison.
@id("document.early")
permit (
    principal is Account,
    action in [Action::"document:read"],
    resource is document
) when {
    resource has "when:early" && resource["when:early"]
};

@id("role.editor")
permit (
    principal in ?principal,
    action in [Action::"document:read", Action::"document:write"],
    resource in ?resource
);

@id("role.viewer")
permit (
    principal in ?principal,
    action in [Action::"document:read"],
    resource in ?resource
);

@id("role.blocked")
forbid (
    principal in ?principal,
    action in [Action::"document:read", Action::"document:write"],
    resource in ?resource
);
"#;

    #[test]
    fn a_term_is_a_policy_and_a_role_a_template() {
        let policies = declared().to_cedar().unwrap().policies;
        assert_eq!(policies.strip_prefix(ABOUT_THE_POLICIES), Some(POLICIES));
    }

    #[test]
    fn what_cedar_cannot_say_is_refused_with_the_type() {
        let of = |object: ObjectType| {
            let declared = Declared::new().permission_named("read", "").object_type(object);
            declared.to_cedar().unwrap_err().to_string()
        };
        let reserved = of(ObjectType::new("in", "rows"));
        assert_eq!(reserved, "type in: Cedar reserves this word: give the type another name");
        let two = ObjectType::new("file", "files")
            .owner("n")
            .when("five", "n = 5")
            .may("owner", &["read"])
            .may("five", &["read"]);
        assert_eq!(
            of(two),
            "type file: the column n is used as Account and as Long, and Cedar gives it one type"
        );
    }
}
