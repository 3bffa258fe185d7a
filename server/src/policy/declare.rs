//! An application's declaration: its object types, and who may do what with their rows.

use std::collections::BTreeMap;

use portcullis::Scope;

use super::PolicyError;

/// The kind of a table's id. It is never cast, so that its index can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// A `BIGINT`; in SQLite an `INTEGER`.
    Number,
    /// A `UUID`; in SQLite 16 bytes.
    Uuid,
}

/// A type of the application whose rows a policy protects. The macro [`object!`](crate::object) implements it.
pub trait Declare {
    /// The type's name in a policy.
    const TYPE: &'static str;
    /// Its declaration.
    fn declare() -> ObjectType;
    /// The permissions that its rules name, each with its description.
    #[must_use]
    fn permissions() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// One table of the application, and who may do what with its rows.
///
/// ```
/// use portcullis_server::policy::ObjectType;
///
/// let document = ObjectType::new("document", "documents")
///     .owner("owner_id")
///     .parent("folder", "folder_id")
///     .flag("public", "is_public")
///     .roles(&["viewer", "editor"])
///     .may("owner", &["document:read", "document:write"])
///     .may("viewer", &["document:read"])
///     .may("editor", &["document:read", "document:write"])
///     .may("public", &["document:read"]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ObjectType {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) id: String,
    pub(super) kind: IdKind,
    pub(super) owner: Option<String>,
    /// The type that contains it, and the column with the container's id.
    pub(super) parents: Vec<(String, String)>,
    pub(super) flags: Vec<(String, String)>,
    pub(super) conditions: Vec<(String, String)>,
    pub(super) roles: Vec<String>,
    pub(super) rules: Vec<(String, Vec<String>)>,
    pub(super) places: Places,
}

impl ObjectType {
    /// A type, and the table with its rows. The ids are numbers in the column `id`.
    pub fn new(name: &str, table: &str) -> Self {
        Self {
            name: name.to_owned(),
            table: table.to_owned(),
            id: "id".to_owned(),
            kind: IdKind::Number,
            owner: None,
            parents: Vec::new(),
            flags: Vec::new(),
            conditions: Vec::new(),
            roles: Vec::new(),
            rules: Vec::new(),
            places: Places::default(),
        }
    }

    /// The column of the ids, which is the primary key.
    pub fn id(mut self, column: &str, kind: IdKind) -> Self {
        column.clone_into(&mut self.id);
        self.kind = kind;
        self
    }

    /// The column with the owner's account number.
    pub fn owner(mut self, column: &str) -> Self {
        self.owner = Some(column.to_owned());
        self
    }

    /// The type that contains the row, and the column with the container's id. A role granted there applies here
    /// too.
    pub fn parent(mut self, object: &str, column: &str) -> Self {
        self.parents.push((object.to_owned(), column.to_owned()));
        self
    }

    /// A name for a boolean column.
    pub fn flag(mut self, name: &str, column: &str) -> Self {
        self.flags.push((name.to_owned(), column.to_owned()));
        self
    }

    /// A name for a comparison of a column: `state = 'published'`, `level >= 3`, `archived = false`,
    /// `released_at <= now`, or `region = caller.region` with an attribute of the caller's account.
    pub fn when(mut self, name: &str, condition: &str) -> Self {
        self.conditions.push((name.to_owned(), condition.to_owned()));
        self
    }

    /// The roles that can be granted on a row. The role `blocked` takes away whatever else an account has there.
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.roles.extend(roles.iter().map(ToString::to_string));
        self
    }

    /// What the owner, a role, a flag or a condition allows.
    pub fn may(mut self, term: &str, permissions: &[&str]) -> Self {
        self.rules.push((term.to_owned(), permissions.iter().map(ToString::to_string).collect()));
        self
    }
}

/// The file, and the line of each part of a declaration, for errors.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) file: Option<String>,
    pub(super) lines: BTreeMap<String, usize>,
}

impl Places {
    /// The position of `part`, or the closest known one.
    pub(super) fn of(&self, part: &str) -> String {
        let whole = part.split('.').next().unwrap_or_default();
        let line = self.lines.get(part).or_else(|| self.lines.get(whole)).or_else(|| self.lines.get(""));
        match (&self.file, line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            (None, _) => String::new(),
        }
    }
}

/// Every object type and permission of an application.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Declared {
    /// The name and the description.
    pub(super) permissions: BTreeMap<String, String>,
    pub(super) objects: Vec<ObjectType>,
}

impl Declared {
    /// An empty declaration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a permission that no [`object!`](crate::object) names, by its type.
    pub fn permission<P: Scope>(self) -> Self {
        self.permission_named(P::NAME, P::DESCRIPTION)
    }

    /// Adds a permission by its name.
    pub fn permission_named(mut self, name: &str, description: &str) -> Self {
        self.permissions.insert(name.to_owned(), description.to_owned());
        self
    }

    /// Adds a type declared with [`object!`](crate::object), and the permissions in it.
    pub fn object<O: Declare>(self) -> Self {
        let named = |all: Self, (name, description)| all.permission_named(name, description);
        O::permissions().into_iter().fold(self, named).object_type(O::declare())
    }

    /// Adds an object type.
    pub fn object_type(mut self, object: ObjectType) -> Self {
        self.objects.push(object);
        self
    }

    /// Parses a `policy.toml`. `file` is its name, for errors.
    ///
    /// # Errors
    /// The first error, with its line.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, PolicyError> {
        super::file::read(text, file)
    }

    /// Checks all names, terms and comparisons, but not whether the attributes of callers exist: opening the policy does.
    /// Returns a summary in words.
    ///
    /// # Errors
    /// The first error, with its place if it came from a file.
    pub fn check(&self) -> Result<String, PolicyError> {
        self.check_for(&super::rules::Callers::Unknown)
    }

    /// [`check`](Self::check), also against the attributes that the operator declares.
    pub(crate) fn check_with(&self, attributes: &[crate::config::Attribute]) -> Result<String, PolicyError> {
        self.check_for(&super::rules::Callers::Declared(attributes))
    }

    fn check_for(&self, callers: &super::rules::Callers<'_>) -> Result<String, PolicyError> {
        let types = super::rules::check(self, callers)?;
        Ok(format!("{} object types, {} permissions", types.len(), self.permissions.len()))
    }

    /// The declaration as a `policy.toml`. A test can compare it with a file under version control, so that a
    /// change of the policy shows up in review.
    #[must_use]
    pub fn to_toml(&self) -> String {
        super::file::write(self)
    }
}

/// Declares who may do what with the rows of a table: implements [`Declare`](crate::policy::Declare) for your
/// type.
///
/// ```
/// use portcullis::Scope;
/// use portcullis_server::{object, policy::Declared};
///
/// struct ReadDocument;
/// impl Scope for ReadDocument {
///     const NAME: &'static str = "document:read";
///     const DESCRIPTION: &'static str = "Read a document";
/// }
/// struct Folder;
/// object! { Folder: "folder" in "folders" {
///     parent Folder: parent_id,
///     roles [viewer],
///     may {}
/// } }
/// struct Document;
/// object! { Document: "document" in "documents" {
///     uuid id,
///     owner owner_id,
///     parent Folder: folder_id,
///     flag public: is_public,
///     when released: "released_at <= now",
///     when near: "region = caller.region",
///     roles [viewer, blocked],
///     may { owner: [ReadDocument], viewer: [ReadDocument], public: [ReadDocument], released: [ReadDocument] }
/// } }
/// let policy = Declared::new().object::<Folder>().object::<Document>();
/// ```
///
/// It also implements the library's [`Object`](portcullis::permission::Object), so that `May<Caller, P>` and
/// `Seen<Caller, P>` use the [`Policy`](crate::policy::Policy) in the application's state.
#[macro_export]
macro_rules! object {
    (@id) => { i64 };
    (@id $uuid:ident) => { $crate::policy::Uuid };
    ($type:ty: $name:literal in $table:literal {
        $(uuid $uuid:ident,)?
        $(id $id:ident,)?
        $(owner $owner:ident,)?
        $(parent $parent:ty: $inside:ident,)*
        $(flag $flag:ident: $is:ident,)*
        $(when $when:ident: $condition:literal,)*
        $(roles [$($role:ident),* $(,)?],)?
        may { $($term:ident: [$($permission:ty),* $(,)?]),* $(,)? }
    }) => {
        impl $crate::policy::Object for $type {
            const NAME: &'static str = $name;
            type Id = $crate::object!(@id $($uuid)?);
            type Policy = $crate::policy::Policy;
        }
        impl $crate::policy::Declare for $type {
            const TYPE: &'static str = $name;
            fn declare() -> $crate::policy::ObjectType {
                $crate::policy::ObjectType::new($name, $table)
                    $(.id(stringify!($uuid), $crate::policy::IdKind::Uuid))?
                    $(.id(stringify!($id), $crate::policy::IdKind::Number))?
                    $(.owner(stringify!($owner)))?
                    $(.parent(<$parent as $crate::policy::Declare>::TYPE, stringify!($inside)))*
                    $(.flag(stringify!($flag), stringify!($is)))*
                    $(.when(stringify!($when), $condition))*
                    $(.roles(&[$(stringify!($role)),*]))?
                    $(.may(stringify!($term), &[$(<$permission as $crate::policy::Scope>::NAME),*]))*
            }
            fn permissions() -> ::std::vec::Vec<(&'static str, &'static str)> {
                ::std::vec![$($((
                    <$permission as $crate::policy::Scope>::NAME,
                    <$permission as $crate::policy::Scope>::DESCRIPTION,
                ),)*)*]
            }
        }
    };
}
