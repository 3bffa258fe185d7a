//! Permissions on an application's own rows, as an application uses them.

mod answers;
mod equal;
pub mod example;
mod groups;
mod keys;

use portcullis_server::accounts::AccountId;
use portcullis_server::db::Encode as _;
use portcullis_server::policy::{Decision, Declared, Error, NewGrant, ObjectId, Policy, Scope, Whom};
use portcullis_server::{groups as rooms, object};

use crate::on_both_databases;
use crate::support::{Database, TestApp};

struct ReadDocument;
impl Scope for ReadDocument {
    const NAME: &'static str = "document:read";
    const DESCRIPTION: &'static str = "Read a document";
}

struct WriteDocument;
impl Scope for WriteDocument {
    const NAME: &'static str = "document:write";
    const DESCRIPTION: &'static str = "Change a document";
}

struct Folder;
object! { Folder: "folder" in "folders" {
    parent Folder: parent_id,
    may {}
} }

struct Document;
object! { Document: "document" in "documents" {
    owner owner_id,
    parent Folder: folder_id,
    flag public: is_public,
    roles [viewer, editor, blocked],
    may {
        owner: [ReadDocument, WriteDocument],
        viewer: [ReadDocument],
        editor: [ReadDocument, WriteDocument],
        public: [ReadDocument],
    }
} }

const TABLES: &str = "
    CREATE TABLE folders (id BIGINT PRIMARY KEY, parent_id BIGINT);
    CREATE TABLE documents (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL, folder_id BIGINT,
                            is_public BOOLEAN NOT NULL, title TEXT NOT NULL);
    CREATE INDEX folders_by_parent ON folders (parent_id);
    CREATE INDEX documents_by_owner ON documents (owner_id);
    CREATE INDEX documents_by_folder ON documents (folder_id);
    CREATE INDEX documents_by_public ON documents (is_public);";

/// Three nested folders, four documents, three accounts.
const ROWS: &str = "
    INSERT INTO folders VALUES (1, NULL), (2, 1), (3, 2);
    INSERT INTO documents VALUES (10, 1, 3, FALSE, 'in three'), (11, 1, NULL, FALSE, 'in none'),
                                 (12, 1, 2, TRUE, 'public'), (13, 2, 1, FALSE, 'of two');";

fn declared() -> Declared {
    Declared::new()
        .permission::<ReadDocument>()
        .permission::<WriteDocument>()
        .object::<Folder>()
        .object::<Document>()
}

/// An application with tables next to those of the accounts, and accounts 1 to `accounts`.
async fn shop(database: Database, accounts: u32) -> (TestApp, Policy) {
    let app = TestApp::new(database).await;
    app.place.sql(TABLES).await;
    app.place.sql(ROWS).await;
    add_accounts(&app, accounts).await;
    let policy = Policy::open(&app.app, &declared()).await.unwrap();
    (app, policy)
}

async fn add_accounts(app: &TestApp, accounts: u32) {
    let rows: Vec<_> = (1..=accounts).map(|n| format!("('a{n}@example.com', '', '', TRUE, 0, 0)")).collect();
    let sql =
        "INSERT INTO accounts (email, full_name, password_hash, is_active, created_at, updated_at) VALUES ";
    app.place.sql(&format!("{sql}{}", rows.join(", "))).await;
}

const fn account(number: i64) -> AccountId {
    AccountId::new(number)
}

fn on(object_type: &'static str, object: i64, role: &'static str, to: Whom) -> NewGrant<'static> {
    NewGrant { object_type, object: object.into(), role, to, given_by: Some(account(1)), expires_at: None }
}

async fn give(app: &TestApp, policy: &Policy, new: &NewGrant<'_>) -> portcullis_server::policy::GrantId {
    let mut tx = app.app.db().begin().await.unwrap();
    let id = policy.give(tx.conn(), new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn decide(app: &TestApp, policy: &Policy, who: i64, permission: &str, id: i64) -> Decision {
    let mut reader = app.app.db().read().await.unwrap();
    policy.decide(reader.conn(), account(who), permission, id).await.unwrap()
}

async fn list(app: &TestApp, policy: &Policy, who: i64, permission: &str) -> Vec<i64> {
    let mut reader = app.app.db().read().await.unwrap();
    let query = "SELECT d.id FROM documents d WHERE d.id > $1 AND {seen d} ORDER BY d.id LIMIT 100";
    let rows =
        policy.list::<(i64,)>(reader.conn(), account(who), permission, query, vec![0_i64.encode()]).await;
    rows.unwrap().into_iter().map(|(id,)| id).collect()
}

on_both_databases! {
    async fn an_owner_a_role_and_a_flag_allow(database: Database) {
        let (app, policy) = shop(database, 3).await;
        assert_eq!(list(&app, &policy, 1, "document:read").await, [10, 11, 12]);
        assert_eq!(list(&app, &policy, 3, "document:read").await, [12]);
        assert_eq!(list(&app, &policy, 3, "document:write").await, [0; 0]);
        // A role on a folder applies to all folders inside it.
        give(&app, &policy, &on("folder", 1, "viewer", Whom::Account(account(3)))).await;
        assert_eq!(list(&app, &policy, 3, "document:read").await, [10, 12, 13]);
        give(&app, &policy, &on("document", 11, "editor", Whom::Account(account(3)))).await;
        assert_eq!(list(&app, &policy, 3, "document:write").await, [11]);
        for (id, expected) in
            [(10, Decision::Refuse), (11, Decision::Allow), (12, Decision::Refuse), (13, Decision::Refuse), (99, Decision::Hide)]
        {
            assert_eq!(decide(&app, &policy, 3, "document:write", id).await, expected, "{id}");
        }
        // A block takes away everything, even from an owner.
        give(&app, &policy, &on("folder", 2, "blocked", Whom::Account(account(1)))).await;
        assert_eq!(list(&app, &policy, 1, "document:read").await, [11]);
        assert_eq!(decide(&app, &policy, 1, "document:read", 12).await, Decision::Hide);
    }

    async fn a_row_is_loaded_and_changed_where_it_is_decided(database: Database) {
        let (app, policy) = shop(database, 3).await;
        let mut tx = app.app.db().begin().await.unwrap();
        let conn = tx.conn();
        let titles = "UPDATE documents SET title = $2 WHERE id = $1 AND {may}";
        let change = |who, id: i64| {
            let arguments = vec![id.encode(), "new".encode()];
            policy.change(conn, account(who), "document:write", titles, arguments)
        };
        assert_eq!(change(1, 10).await.unwrap(), 1);
        assert_eq!(change(3, 10).await.unwrap(), 0);
        assert_eq!(change(3, 12).await.unwrap(), 0);
        let row = |who, id: i64| policy.load::<(i64, i64)>(conn, account(who), "document:read", id);
        assert_eq!(row(3, 12).await.unwrap(), (12, 1));
        assert!(matches!(row(3, 10).await, Err(Error::NotFound)));
        assert!(matches!(row(3, 99).await, Err(Error::NotFound)));
        let proof = policy.may::<WriteDocument>(conn, account(1), 12).await.unwrap();
        assert_eq!((proof.who(), proof.id()), (account(1), ObjectId::Number(12)));
        let refused = policy.may::<WriteDocument>(conn, account(3), 12).await.unwrap_err();
        assert_eq!(refused.to_string(), "the permission document:write is missing");
    }

    async fn z02_what_was_taken_away_ends_with_the_commit(database: Database) {
        let (app, policy) = shop(database, 2).await;
        let other = app.again().await;
        let there = Policy::open(&other.app, &declared()).await.unwrap();
        let mut tx = app.app.db().begin().await.unwrap();
        let team = rooms::create_organisation(&mut tx, "Sales", account(1), app.clock.now()).await.unwrap();
        rooms::add_member(&mut tx, team, account(2), rooms::GroupRole::Member, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        for round in 0..3 {
            let to = if round == 0 { Whom::Account(account(2)) } else { Whom::Group(team) };
            let grant = give(&app, &policy, &on("folder", 1, "viewer", to)).await;
            let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
            let asking: Vec<_> = (0..50)
                .map(|n| {
                    let (app, policy) = if n % 2 == 0 { (app.clone(), policy.clone()) } else { (other.clone(), there.clone()) };
                    let is_over = std::sync::Arc::clone(&is_over);
                    tokio::spawn(async move {
                        let mut asked = 0;
                        loop {
                            let began_after = is_over.load(std::sync::atomic::Ordering::SeqCst);
                            let may = decide(&app, &policy, 2, "document:read", 10).await == Decision::Allow;
                            let seen = list(&app, &policy, 2, "document:read").await.contains(&10);
                            assert!(!(began_after && (may || seen)), "allowed after the commit");
                            asked += 1;
                            if began_after {
                                return asked;
                            }
                        }
                    })
                })
                .collect();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let mut tx = app.app.db().begin().await.unwrap();
            match round {
                2 => rooms::remove_member(&mut tx, team, account(2)).await.unwrap(),
                _ => assert!(policy.take(tx.conn(), grant).await.unwrap()),
            }
            tx.commit().await.unwrap();
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
            for task in asking {
                assert!(task.await.unwrap() > 1);
            }
        }
    }

    async fn z03_a_row_and_its_grant_live_and_end_together(database: Database) {
        let (app, policy) = shop(database, 3).await;
        let grants = "SELECT count(*) FROM grants";
        let insert = "INSERT INTO documents VALUES (20, 2, NULL, FALSE, 'new')";
        let new = on("document", 20, "viewer", Whom::Account(account(3)));
        for is_committed in [false, true] {
            let mut tx = app.app.db().begin().await.unwrap();
            tx.conn().execute(insert, Vec::new()).await.unwrap();
            policy.give(tx.conn(), &new).await.unwrap();
            if is_committed {
                tx.commit().await.unwrap();
            } else {
                drop(tx);
            }
            let rows = app.place.value("SELECT count(*) FROM documents WHERE id = 20").await;
            assert_eq!((rows, app.place.value(grants).await), (i64::from(is_committed).to_string(), i64::from(is_committed).to_string()));
        }
        // The same grant again changes nothing.
        give(&app, &policy, &new).await;
        assert_eq!(app.place.value(grants).await, "1");

        let mut tx = app.app.db().begin().await.unwrap();
        for missing in [
            on("document", 99, "viewer", Whom::Account(account(3))),
            on("document", 20, "viewer", Whom::Account(account(99))),
            on("document", 20, "viewer", Whom::Group(rooms::GroupId::new(uuid::Uuid::nil()))),
            NewGrant { object: uuid::Uuid::nil().into(), ..new },
        ] {
            assert!(matches!(policy.give(tx.conn(), &missing).await, Err(Error::NotFound)), "{missing:?}");
        }
        for unknown in [NewGrant { role: "owner", ..new }, NewGrant { object_type: "file", ..new }] {
            assert!(matches!(policy.give(tx.conn(), &unknown).await, Err(Error::Policy(_))), "{unknown:?}");
        }
        tx.conn().execute("DELETE FROM documents WHERE id = 20", Vec::new()).await.unwrap();
        assert_eq!(policy.forget(tx.conn(), "document", 20.into()).await.unwrap(), 1);
        tx.commit().await.unwrap();

        // Rows that an application forgets to remove are swept, and so are expired grants.
        give(&app, &policy, &on("document", 13, "viewer", Whom::Account(account(3)))).await;
        let soon = Some(app.clock.now() + std::time::Duration::from_mins(1));
        give(&app, &policy, &NewGrant { expires_at: soon, ..on("document", 10, "viewer", Whom::Account(account(3))) }).await;
        app.place.sql("DELETE FROM documents WHERE id = 13").await;
        assert_eq!(list(&app, &policy, 3, "document:read").await, [10, 12]);
        app.clock.advance(std::time::Duration::from_mins(1));
        assert_eq!(list(&app, &policy, 3, "document:read").await, [12]);
        assert_eq!(decide(&app, &policy, 3, "document:read", 10).await, Decision::Hide);
        let mut tx = app.app.db().begin().await.unwrap();
        assert_eq!(policy.sweep(tx.conn(), 100).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(app.place.value(grants).await, "0");
        // Deleting an account deletes its grants.
        give(&app, &policy, &on("document", 10, "viewer", Whom::Account(account(3)))).await;
        app.place.sql(match database {
            Database::Sqlite => "PRAGMA foreign_keys = ON; DELETE FROM accounts WHERE id = 3",
            Database::Postgres => "DELETE FROM accounts WHERE id = 3",
        }).await;
        assert_eq!(app.place.value(grants).await, "0");
    }

    async fn z05_no_check_and_no_list_reads_the_whole_table(database: Database) {
        let (app, policy) = shop(database, 50).await;
        let numbers = match database {
            Database::Sqlite => "WITH RECURSIVE s(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) SELECT",
            Database::Postgres => "SELECT",
        };
        let from = match database {
            Database::Sqlite => "FROM s",
            Database::Postgres => "FROM generate_series(100, 20000) s(n)",
        };
        app.place.sql(&format!("INSERT INTO folders {numbers} n, n / 10 {from} WHERE n <= 2000")).await;
        app.place.sql(&format!(
            "INSERT INTO documents {numbers} n, n % 50 + 1, n % 1900 + 100, n % 1000 = 0, 'title' {from}"
        )).await;
        for n in 0..40 {
            give(&app, &policy, &on("folder", 100 + n * 7, "viewer", Whom::Account(account(n % 50 + 1)))).await;
            give(&app, &policy, &on("document", 200 + n * 11, "editor", Whom::Account(account(n % 50 + 1)))).await;
        }
        app.place.sql("ANALYZE").await;
        let mut reader = app.app.db().read().await.unwrap();
        assert_eq!(policy.full_scans(reader.conn()).await.unwrap(), []);
        // The test can fail: without an index on one of the columns, the table must be scanned.
        app.place.sql("DROP INDEX documents_by_folder").await;
        // On new connections, because SQLite keeps the plans of prepared statements.
        let again = app.again().await;
        let mut reader = again.app.db().read().await.unwrap();
        let scans = policy.full_scans(reader.conn()).await.unwrap();
        assert!(scans.iter().any(|scan| scan.is_list && scan.table == "documents"), "{scans:?}");
        assert!(scans.iter().all(|scan| scan.is_list), "{scans:?}");
    }

    async fn z06_a_ring_or_a_deep_tree_of_rows_is_refused_and_bounded(database: Database) {
        let (app, policy) = shop(database, 2).await;
        let rows: Vec<_> = (101..=140).map(|id| format!("({id}, {})", if id == 101 { "NULL".to_owned() } else { (id - 1).to_string() })).collect();
        app.place.sql(&format!("INSERT INTO folders VALUES {}", rows.join(", "))).await;
        let mut tx = app.app.db().begin().await.unwrap();
        let conn = tx.conn();
        let check = |id: Option<i64>, parent: i64| policy.check_parent(conn, "folder", id.map(Into::into), parent.into());
        check(None, 131).await.unwrap();
        assert!(matches!(check(None, 132).await, Err(Error::TooDeep)));
        assert!(matches!(check(Some(1), 1).await, Err(Error::Cycle)));
        assert!(matches!(check(Some(1), 3).await, Err(Error::Cycle)));
        assert!(matches!(check(Some(1), 99).await, Err(Error::NotFound)));
        check(Some(3), 1).await.unwrap();
        // Three levels under one of level 29, and of level 30.
        check(Some(1), 129).await.unwrap();
        assert!(matches!(check(Some(1), 130).await, Err(Error::TooDeep)));
        drop(tx);
        // If rows are written past the check anyway, a decision climbs 32 rows, and a list descends as many.
        app.place.sql("INSERT INTO documents VALUES (50, 1, 132, FALSE, 'deep'), (51, 1, 133, FALSE, 'too deep'), (52, 1, 7, FALSE, 'ring'); INSERT INTO folders VALUES (7, 8), (8, 7)").await;
        give(&app, &policy, &on("folder", 101, "viewer", Whom::Account(account(2)))).await;
        give(&app, &policy, &on("folder", 8, "viewer", Whom::Account(account(2)))).await;
        assert_eq!(list(&app, &policy, 2, "document:read").await, [12, 13, 50, 52]);
        assert_eq!(decide(&app, &policy, 2, "document:read", 50).await, Decision::Allow);
        assert_eq!(decide(&app, &policy, 2, "document:read", 51).await, Decision::Hide);
        assert_eq!(decide(&app, &policy, 2, "document:read", 52).await, Decision::Allow);
        assert_eq!(decide(&app, &policy, 1, "document:read", 52).await, Decision::Allow);
    }

    async fn z07_what_the_tables_do_not_have_is_refused_with_its_place(database: Database) {
        let (app, _) = shop(database, 1).await;
        let text = declared().to_toml();
        for (from, to, expected) in [
            ("\"is_public\"", "\"is_pubic\"", "policy.toml:15: type document: the column is_pubic of documents does not fit"),
            ("\"owner_id\"", "\"owner\"", "the column owner of documents does not fit"),
            ("\"documents\"", "\"papers\"", "there is no table papers"),
            ("\"parent_id\"", "\"within\"", "type folder: the column within of folders does not fit"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let changed = Declared::from_toml(&changed, "policy.toml").unwrap();
            let error = Policy::open(&app.app, &changed).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\n{text}");
        }
    }
}
