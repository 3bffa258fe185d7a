//! Line Z01: for random policies, rows, groups and grants, lists contain exactly the rows that are allowed. A third
//! implementation, in plain Rust over plain vectors, computes what to expect.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_server::clock::Timestamp;
use portcullis_server::config::{Attribute, AttributeKind, AttributeOf};
use portcullis_server::db::Encode as _;
use portcullis_server::policy::{Decision, Declared, IdKind, ObjectType, Policy};
use uuid::Uuid;

use super::{account, add_accounts, decide};
use crate::on_both_databases;
use crate::support::{Database, TestApp};

const ACCOUNTS: i64 = 4;
const DOCUMENTS: i64 = 12;
const FOLDERS: i64 = 6;
const PROJECTS: i64 = 3;
const GROUPS: i64 = 4;
const PERMISSIONS: [&str; 3] = ["document:read", "document:write", "folder:read"];
const TERMS: [&str; 10] =
    ["owner", "public", "published", "high", "open", "released", "mine", "cleared", "viewer", "editor"];
const ROLES: [&str; 3] = ["viewer", "editor", "blocked"];

const TABLES: &str = "
    CREATE TABLE projects (id UUID PRIMARY KEY, is_open BOOLEAN);
    CREATE TABLE folders (id BIGINT PRIMARY KEY, parent_id BIGINT, project_id UUID, owner_id BIGINT);
    CREATE TABLE documents (id BIGINT PRIMARY KEY, owner_id BIGINT, folder_id BIGINT, project_id UUID,
                            is_public BOOLEAN, state TEXT, level INTEGER, released_at BIGINT)";

/// Small, and the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: i64) -> i64 {
        (self.next() % u64::try_from(end).unwrap()).try_into().unwrap()
    }

    fn is(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    fn maybe(&mut self, percent: i64, end: i64) -> Option<i64> {
        self.is(percent).then(|| self.below(end) + 1)
    }
}

#[derive(Debug)]
struct Doc {
    owner: Option<i64>,
    folder: Option<i64>,
    project: Option<i64>,
    is_public: Option<bool>,
    state: &'static str,
    level: i64,
    released_at: i64,
}

#[derive(Debug)]
struct Dir {
    parent: Option<i64>,
    project: Option<i64>,
    owner: Option<i64>,
}

#[derive(Debug)]
struct Given {
    on: &'static str,
    object: i64,
    role: &'static str,
    account: Option<i64>,
    group: Option<i64>,
    expires_at: Option<i64>,
}

/// Which terms allow what, and which columns say what contains a row.
#[derive(Debug)]
struct Shape {
    rules: Vec<(&'static str, &'static str)>,
    /// Pairs of a type and a type that contains it.
    inside: BTreeSet<(&'static str, &'static str)>,
    is_blockable: bool,
}

/// The data of one round. Ids are numbers from 1 here; those of projects and groups stand for UUIDs.
#[derive(Debug)]
struct World {
    shape: Shape,
    documents: Vec<Doc>,
    folders: Vec<Dir>,
    /// The parent of each group: any with a lower number, so that there are no cycles.
    groups: Vec<Option<i64>>,
    members: BTreeSet<(i64, i64)>,
    grants: Vec<Given>,
    /// Two attributes of each account.
    attributes: Vec<(Option<&'static str>, Option<i64>)>,
    now: i64,
}

/// Two attributes of each account.
fn attributes(chance: &mut Chance) -> Vec<(Option<&'static str>, Option<i64>)> {
    let of_one = |chance: &mut Chance| {
        let state = if chance.is(50) { "published" } else { "it's a draft" };
        (chance.is(60).then_some(state), chance.maybe(60, 5))
    };
    (0..ACCOUNTS).map(|_| of_one(chance)).collect()
}

impl World {
    fn new(chance: &mut Chance, now: Timestamp) -> Self {
        let now = now.as_micros();
        let mut rules = Vec::new();
        for term in TERMS {
            for permission in &PERMISSIONS[..2] {
                if chance.is(35) {
                    rules.push((term, *permission));
                }
            }
        }
        for term in ["owner", "viewer"] {
            if chance.is(70) {
                rules.push((term, "folder:read"));
            }
        }
        let pairs =
            [("document", "folder"), ("document", "project"), ("folder", "folder"), ("folder", "project")];
        let inside = pairs.into_iter().filter(|_| chance.is(65)).collect();
        let shape = Shape { rules, inside, is_blockable: chance.is(50) };
        let moment = |chance: &mut Chance| now + [-1, 0, 1][usize::try_from(chance.below(3)).unwrap()];
        let documents = (0..DOCUMENTS)
            .map(|_| Doc {
                owner: chance.maybe(90, ACCOUNTS),
                folder: chance.maybe(80, FOLDERS),
                project: chance.maybe(50, PROJECTS),
                is_public: chance.maybe(80, 10).map(|n| n > 8),
                state: if chance.is(20) { "published" } else { "it's a draft" },
                level: chance.below(5),
                released_at: moment(chance),
            })
            .collect();
        let folders = (0..FOLDERS)
            .map(|_| Dir {
                parent: chance.maybe(70, FOLDERS),
                project: chance.maybe(50, PROJECTS),
                owner: chance.maybe(50, ACCOUNTS),
            })
            .collect();
        let groups = (1..=GROUPS).map(|id| if id > 1 { chance.maybe(60, id - 1) } else { None }).collect();
        let members = (0..4).map(|_| (chance.below(ACCOUNTS) + 1, chance.below(GROUPS) + 1)).collect();
        let grants = (0..chance.below(12))
            .map(|_| {
                let (on, end) = [("document", DOCUMENTS), ("folder", FOLDERS), ("project", PROJECTS)]
                    [usize::try_from(chance.below(3)).unwrap()];
                let is_account = chance.is(50);
                Given {
                    on,
                    object: chance.below(end) + 1,
                    role: ROLES[usize::try_from(chance.below(3)).unwrap()],
                    account: is_account.then(|| chance.below(ACCOUNTS) + 1),
                    group: (!is_account).then(|| chance.below(GROUPS) + 1),
                    expires_at: if chance.is(40) { Some(moment(chance)) } else { None },
                }
            })
            .collect();
        let attributes = attributes(chance);
        Self { shape, documents, folders, groups, members, grants, attributes, now }
    }

    fn declared(&self) -> Declared {
        let shape = &self.shape;
        let mut roles = vec!["viewer", "editor"];
        if shape.is_blockable {
            roles.push("blocked");
        }
        let mut document = ObjectType::new("document", "documents")
            .owner("owner_id")
            .flag("public", "is_public")
            .when("published", "state = 'published'")
            .when("open", "level <> 3")
            .when("released", "released_at <= now")
            .when("high", "level >= 4")
            .when("mine", "state = caller.state")
            .when("cleared", "level < caller.clearance")
            .roles(&roles);
        let mut folder = ObjectType::new("folder", "folders").owner("owner_id").roles(&roles);
        for (of, parent) in &shape.inside {
            match (*of, *parent) {
                ("document", parent) => document = document.parent(parent, &format!("{parent}_id")),
                (_, "folder") => folder = folder.parent("folder", "parent_id"),
                (_, parent) => folder = folder.parent(parent, &format!("{parent}_id")),
            }
        }
        for (term, permission) in &shape.rules {
            if *permission == "folder:read" {
                folder = folder.may(term, &[permission]);
            } else {
                document = document.may(term, &[permission]);
            }
        }
        let mut declared = Declared::new();
        for permission in PERMISSIONS {
            declared = declared.permission_named(permission, "");
        }
        let project = ObjectType::new("project", "projects").id("id", IdKind::Uuid);
        declared.object_type(document).object_type(folder).object_type(project)
    }

    /// SQL that inserts everything into the tables.
    fn sql(&self, database: Database) -> String {
        let uuid = |id| uuid_of(database, id);
        let mut sql = String::from(
            "DELETE FROM attribute_values; DELETE FROM grants; DELETE FROM memberships; DELETE FROM group_paths; DELETE FROM groups;
             DELETE FROM documents; DELETE FROM folders; DELETE FROM projects;",
        );
        let uuid_or_null = |value: Option<i64>| value.map_or("NULL".to_owned(), uuid);
        for id in 1..=PROJECTS {
            write!(sql, "INSERT INTO projects VALUES ({}, TRUE);", uuid(id)).unwrap();
        }
        for (id, dir) in (1..).zip(&self.folders) {
            let (parent, project) = (or_null(dir.parent), uuid_or_null(dir.project));
            write!(sql, "INSERT INTO folders VALUES ({id}, {parent}, {project}, {});", or_null(dir.owner))
                .unwrap();
        }
        for (id, doc) in (1..).zip(&self.documents) {
            write!(
                sql,
                "INSERT INTO documents VALUES ({id}, {}, {}, {}, {}, '{}', {}, {});",
                or_null(doc.owner),
                or_null(doc.folder),
                uuid_or_null(doc.project),
                doc.is_public.map_or("NULL", |is| if is { "TRUE" } else { "FALSE" }),
                doc.state.replace('\'', "''"),
                doc.level,
                doc.released_at
            )
            .unwrap();
        }
        for (account, (state, clearance)) in (1..).zip(&self.attributes) {
            let columns = "account_id, name, text_value, integer_value";
            let mut set = |name: &str, text: String, number: String| {
                let row = format!("{account}, '{name}', {text}, {number}");
                write!(sql, "INSERT INTO attribute_values ({columns}) VALUES ({row});").unwrap();
            };
            if let Some(state) = state {
                set("state", format!("'{}'", state.replace('\'', "''")), "NULL".to_owned());
            }
            if let Some(clearance) = clearance {
                set("clearance", "NULL".to_owned(), clearance.to_string());
            }
        }
        sql + &self.grants_sql(database)
    }

    fn grants_sql(&self, database: Database) -> String {
        let uuid = |id| uuid_of(database, id);
        let uuid_or_null = |value: Option<i64>| value.map_or("NULL".to_owned(), uuid);
        let mut sql = String::new();
        for (id, parent) in (1..).zip(&self.groups) {
            let kind = if parent.is_some() { "team" } else { "organisation" };
            let parent = uuid_or_null(*parent);
            write!(sql, "INSERT INTO groups (id, kind, name, parent_id, created_at) VALUES ({}, '{kind}', 'g', {parent}, 0);", uuid(id)).unwrap();
            for (distance, above) in self.above(id).into_iter().enumerate() {
                let (own, above) = (uuid(id), uuid(above));
                write!(sql, "INSERT INTO group_paths VALUES ({own}, {above}, {distance});").unwrap();
            }
        }
        for (account, group) in &self.members {
            write!(sql, "INSERT INTO memberships VALUES ({account}, {}, 'member', 0);", uuid(*group))
                .unwrap();
        }
        for (id, given) in (1..).zip(&self.grants) {
            let (number, object) = match given.on {
                "project" => ("NULL".to_owned(), uuid(given.object)),
                _ => (given.object.to_string(), "NULL".to_owned()),
            };
            write!(
                sql,
                "INSERT INTO grants VALUES ({}, '{}', {number}, {object}, '{}', {}, {}, NULL, 0, {}) ON CONFLICT DO NOTHING;",
                uuid(id),
                given.on,
                given.role,
                or_null(given.account),
                uuid_or_null(given.group),
                or_null(given.expires_at)
            )
            .unwrap();
        }
        sql
    }

    fn is_in(&self, of: &'static str, parent: &'static str) -> bool {
        self.shape.inside.contains(&(of, parent))
    }

    /// A group and all groups that contain it.
    fn above(&self, group: i64) -> Vec<i64> {
        let parent = |id: &i64| self.groups[usize::try_from(*id - 1).unwrap()];
        std::iter::successors(Some(group), parent).collect()
    }

    fn has(&self, who: i64, roles: &[&str], on: &str, object: i64) -> bool {
        self.grants_of(who)
            .any(|given| given.on == on && given.object == object && roles.contains(&given.role))
    }

    fn grants_of(&self, who: i64) -> impl Iterator<Item = &Given> {
        // The table keeps the first of two grants that differ only in their expiry.
        let is_first = |at: usize| {
            let key = |given: &Given| (given.on, given.object, given.role, given.account, given.group);
            self.grants[..at].iter().all(|given| key(given) != key(&self.grants[at]))
        };
        let reaches = move |given: &Given| {
            let by_group =
                |group| self.members.iter().any(|(a, g)| *a == who && self.above(*g).contains(&group));
            given.account == Some(who) || given.group.is_some_and(by_group)
        };
        let lives = |given: &Given| given.expires_at.is_none_or(|end| end > self.now);
        let grants =
            self.grants.iter().enumerate().filter(move |(at, _)| is_first(*at)).map(|(_, given)| given);
        grants.filter(move |given| reaches(given) && lives(given))
    }

    fn has_on_folder(&self, who: i64, roles: &[&str], folder: i64) -> bool {
        let mut next = Some(folder);
        for _ in 0..32 {
            let Some(id) = next else { return false };
            let dir = &self.folders[usize::try_from(id - 1).unwrap()];
            let by_project = dir.project.filter(|_| self.is_in("folder", "project"));
            if self.has(who, roles, "folder", id)
                || by_project.is_some_and(|id| self.has(who, roles, "project", id))
            {
                return true;
            }
            next = dir.parent.filter(|_| self.is_in("folder", "folder"));
        }
        false
    }

    fn has_on(&self, who: i64, roles: &[&str], permission: &str, id: i64) -> bool {
        if permission == "folder:read" {
            return self.has_on_folder(who, roles, id);
        }
        let doc = &self.documents[usize::try_from(id - 1).unwrap()];
        self.has(who, roles, "document", id)
            || doc
                .folder
                .is_some_and(|id| self.is_in("document", "folder") && self.has_on_folder(who, roles, id))
            || doc
                .project
                .is_some_and(|id| self.is_in("document", "project") && self.has(who, roles, "project", id))
    }

    fn attributes_of(&self, who: i64) -> (Option<&'static str>, Option<i64>) {
        self.attributes[usize::try_from(who - 1).unwrap()]
    }

    /// The expected result.
    fn allows(&self, who: i64, permission: &str, id: i64) -> bool {
        let holds = |term: &str| {
            if permission == "folder:read" {
                let dir = &self.folders[usize::try_from(id - 1).unwrap()];
                return term == "owner" && dir.owner == Some(who);
            }
            let doc = &self.documents[usize::try_from(id - 1).unwrap()];
            match term {
                "owner" => doc.owner == Some(who),
                "public" => doc.is_public == Some(true),
                "published" => doc.state == "published",
                "high" => doc.level >= 4,
                "open" => doc.level != 3,
                "released" => doc.released_at <= self.now,
                "mine" => self.attributes_of(who).0 == Some(doc.state),
                "cleared" => self.attributes_of(who).1.is_some_and(|clearance| doc.level < clearance),
                _ => false,
            }
        };
        let mut terms = self.shape.rules.iter().filter(|(_, of)| *of == permission).map(|(term, _)| *term);
        let allowed = terms.any(|term| holds(term) || self.has_on(who, &[term], permission, id));
        allowed && !(self.shape.is_blockable && self.has_on(who, &["blocked"], permission, id))
    }
}

fn uuid_of(database: Database, id: i64) -> String {
    match database {
        Database::Sqlite => format!("x'{id:032x}'"),
        Database::Postgres => format!("'{}'", Uuid::from_u128(id.try_into().unwrap())),
    }
}

fn or_null(value: Option<i64>) -> String {
    value.map_or("NULL".to_owned(), |value| value.to_string())
}

/// The number of worlds. The environment variable of proptest can raise it.
fn rounds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the variable that the other random tests obey")]
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40)
}

on_both_databases! {
    async fn z01_a_list_is_what_a_check_of_each_row_allows(database: Database) {
        let app = TestApp::with(database, |config| {
            let attribute = |name, kind| Attribute::new(name, AttributeOf::Account, kind);
            config.attributes = vec![
                attribute("state", AttributeKind::Text(20)),
                attribute("clearance", AttributeKind::Integer(0, 9)),
            ];
        })
        .await;
        app.place.sql(TABLES).await;
        add_accounts(&app, 4).await;
        let (mut allowed, mut denied) = (0, 0);
        for seed in 1..=rounds() {
            let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let world = World::new(&mut chance, app.clock.now());
            app.place.sql(&world.sql(database)).await;
            let policy = Policy::open(&app.app, &world.declared()).await.unwrap();
            for permission in PERMISSIONS {
                // A policy cannot contain a permission that nothing allows.
                if world.shape.rules.iter().all(|(_, of)| *of != permission) {
                    continue;
                }
                let rows = if permission == "folder:read" { FOLDERS } else { DOCUMENTS };
                for who in 1..=ACCOUNTS {
                    let listed = list(&app, &policy, who, permission).await;
                    for id in 1..=rows {
                        let should = world.allows(who, permission, id);
                        let checked = decide(&app, &policy, who, permission, id).await == Decision::Allow;
                        assert_eq!(
                            (checked, listed.contains(&id)),
                            (should, should),
                            "seed {seed}: may {who} {permission} {id}? (check, list) against what should be\n{world:#?}"
                        );
                        if should { allowed += 1 } else { denied += 1 }
                    }
                }
            }
        }
        assert!(allowed > 100 && denied > 100, "{allowed} allowed, {denied} denied: the worlds say too little");
    }
}

async fn list(app: &TestApp, policy: &Policy, who: i64, permission: &str) -> BTreeSet<i64> {
    let query = if permission == "folder:read" {
        "SELECT folders.id FROM folders WHERE {seen} LIMIT $1"
    } else {
        "SELECT d.id FROM documents d WHERE {seen d} LIMIT $1"
    };
    let mut reader = app.app.db().read().await.unwrap();
    let rows =
        policy.list::<(i64,)>(reader.conn(), account(who), permission, query, vec![100_i64.encode()]).await;
    rows.unwrap().into_iter().map(|(id,)| id).collect()
}
