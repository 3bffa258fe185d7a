//! `policy.toml`: the declarations of [`object!`](crate::object), without Rust.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::PolicyError;
use super::declare::{Declared, IdKind, ObjectType, Places};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    object: BTreeMap<String, Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    table: Spanned<String>,
    id: Option<Spanned<String>>,
    id_kind: Option<Kind>,
    owner: Option<Spanned<String>>,
    #[serde(default)]
    parents: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    flags: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    when: BTreeMap<String, Spanned<String>>,
    roles: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    may: BTreeMap<String, Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Number,
    Uuid,
}

pub(super) fn read(text: &str, file: &str) -> Result<Declared, PolicyError> {
    let line =
        |span: Range<usize>| text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
    let read: File = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or_else(|| file.to_owned(), |span| format!("{file}:{}", line(span)));
        PolicyError::new(format!("{place}: "), error.message().to_owned())
    })?;
    let mut declared = Declared::new();
    for (name, description) in &read.permissions {
        declared = declared.permission_named(name, description);
    }
    for (name, table) in &read.object {
        declared = declared.object_type(object(name, table, file, &line));
    }
    Ok(declared)
}

fn object(
    name: &str,
    spanned: &Spanned<Entry>,
    file: &str,
    line: &impl Fn(Range<usize>) -> usize,
) -> ObjectType {
    let read = spanned.get_ref();
    let mut lines = BTreeMap::from([(String::new(), line(spanned.span()))]);
    lines.insert("table".to_owned(), line(read.table.span()));
    let mut object = ObjectType::new(name, read.table.get_ref());
    let kind = if matches!(read.id_kind, Some(Kind::Uuid)) { IdKind::Uuid } else { IdKind::Number };
    object = object.id(read.id.as_ref().map_or("id", |id| id.get_ref()), kind);
    if let Some(id) = &read.id {
        lines.insert("id".to_owned(), line(id.span()));
    }
    if let Some(owner) = &read.owner {
        lines.insert("owner".to_owned(), line(owner.span()));
        object = object.owner(owner.get_ref());
    }
    for (of, column) in &read.parents {
        lines.insert(format!("parents.{of}"), line(column.span()));
        object = object.parent(of, column.get_ref());
    }
    for (flag, column) in &read.flags {
        lines.insert(format!("flags.{flag}"), line(column.span()));
        object = object.flag(flag, column.get_ref());
    }
    for (when, condition) in &read.when {
        lines.insert(format!("when.{when}"), line(condition.span()));
        object = object.when(when, condition.get_ref());
    }
    if let Some(roles) = &read.roles {
        lines.insert("roles".to_owned(), line(roles.span()));
        object.roles.clone_from(roles.get_ref());
    }
    for (term, permissions) in &read.may {
        lines.insert(format!("may.{term}"), line(permissions.span()));
        object.rules.push((term.clone(), permissions.get_ref().clone()));
    }
    object.places = Places { file: Some(file.to_owned()), lines };
    object
}

/// In a canonical order, so that the same policy always gives the same text.
pub(super) fn write(declared: &Declared) -> String {
    let mut text = String::from("[permissions]\n");
    for (name, description) in &declared.permissions {
        line(&mut text, &quoted(name), &quoted(description));
    }
    let mut objects: Vec<_> = declared.objects.iter().collect();
    objects.sort_by(|one, other| one.name.cmp(&other.name));
    for object in objects {
        let header = format!("object.{}", object.name);
        let _ = write!(text, "\n[{header}]\n");
        line(&mut text, "table", &quoted(&object.table));
        line(&mut text, "id", &quoted(&object.id));
        if object.kind == IdKind::Uuid {
            line(&mut text, "id_kind", "\"uuid\"");
        }
        if let Some(owner) = &object.owner {
            line(&mut text, "owner", &quoted(owner));
        }
        if !object.roles.is_empty() {
            line(&mut text, "roles", &list(&object.roles));
        }
        for (part, pairs) in
            [("parents", &object.parents), ("flags", &object.flags), ("when", &object.conditions)]
        {
            section(&mut text, &header, part, pairs.iter().map(|(name, value)| (name, quoted(value))));
        }
        section(&mut text, &header, "may", object.rules.iter().map(|(term, may)| (term, list(may))));
    }
    text
}

fn section<'a>(
    text: &mut String,
    header: &str,
    part: &str,
    pairs: impl Iterator<Item = (&'a String, String)>,
) {
    let pairs: BTreeMap<_, _> = pairs.collect();
    if pairs.is_empty() {
        return;
    }
    let _ = write!(text, "\n[{header}.{part}]\n");
    for (name, value) in pairs {
        line(text, name, &value);
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::rules::{self, Callers};
    use super::*;

    const POLICY: &str = r#"
[permissions]
"document:read" = "Read a document"
"document:write" = "Change a document"

[object.folder]
table = "folders"
parents = { folder = "parent_id" }

[object.document]
table = "documents"
id_kind = "uuid"
owner = "owner_id"
roles = ["viewer", "blocked"]
parents = { folder = "folder_id" }
flags = { public = "is_public" }
when = { released = "released_at <= now", near = "region = caller.region" }

[object.document.may]
owner = ["document:read", "document:write"]
viewer = ["document:read"]
public = ["document:read"]
released = ["document:read"]
"#;

    #[test]
    fn what_is_written_is_read_alike() {
        let read = read(POLICY, "policy.toml").unwrap();
        let written = read.to_toml();
        let again = super::read(&written, "policy.toml").unwrap();
        assert_eq!(again.to_toml(), written);
        let (types, same) = (
            rules::check(&read, &Callers::Unknown).unwrap(),
            rules::check(&again, &Callers::Unknown).unwrap(),
        );
        assert_eq!(types, same);
        assert!(types["folder"].roles.contains("viewer"), "a document's role can be given on its folder");
    }

    #[test]
    fn z07_what_is_wrong_is_named_with_its_line() {
        let cases = [
            (
                "owner = \"owner_id\"",
                "owner = \"owner id\"",
                "policy.toml:13: type document, owner: \"owner id\" is not a name",
            ),
            (
                "folder = \"folder_id\"",
                "folde = \"folder_id\"",
                "policy.toml:15: type document, parents.folde: there is no type \"folde\"",
            ),
            (
                "viewer = [",
                "viewr = [",
                "policy.toml:21: type document, may.viewr: `viewr` is not a role, a flag or a condition of this type; did you mean `viewer`?",
            ),
            ("released_at <= now", "released_at ~ now", "policy.toml:17: type document, when.released"),
            (
                "public = [\"document:read\"]",
                "public = [\"document:reed\"]",
                "policy.toml:22: type document, may.public: there is no permission \"document:reed\"",
            ),
            ("id_kind = \"uuid\"", "id_kind = \"text\"", "policy.toml:12: "),
            ("table = \"folders\"", "tabel = \"folders\"", "policy.toml:7: unknown field `tabel`"),
            ("flags = {", "flags = { viewer = \"x\",", "names two things"),
            ("folder = \"parent_id\"", "document = \"document_id\"", "lead back to it"),
        ];
        for (from, to, expected) in cases {
            let text = POLICY.replacen(from, to, 1);
            assert_ne!(text, POLICY, "{from}");
            let error = read(&text, "policy.toml")
                .and_then(|read| rules::check(&read, &Callers::Unknown))
                .unwrap_err();
            assert!(error.to_string().contains(expected), "{error}\n{expected}");
        }
    }
}
