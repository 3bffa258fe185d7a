//! `portcullis policy …`: permissions for an operator who writes no Rust.

use crate::on_both_databases;
use crate::support::process::{Ended, finish, program};
use crate::support::{Database, PASSWORD, Place};

const POLICY: &str = r#"[permissions]
"document:read" = "Read a document"

[object.document]
table = "documents"
owner = "owner_id"
roles = ["viewer"]
may = { owner = ["document:read"], viewer = ["document:read"] }
"#;

const TESTS: &str = r#"accounts = ["ada", "ben"]

[[rows.document]]
id = 1
owner_id = "ada"

[[grants]]
to = "ben"
role = "viewer"
on = "document:1"

[[cases]]
who = "ada"
may = "document:read"
on = "document:1"
expect = true
because = ["owner"]

[[cases]]
who = "ben"
may = "document:read"
on = "document:1"
expect = true
because = ["viewer"]
"#;

async fn policy(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = program(place);
    command.arg("policy").args(arguments).current_dir(place.data_dir());
    finish(command, "").await
}

async fn add(place: &Place, email: &str) {
    let mut command = program(place);
    command.args(["user", "add", email, "--password-stdin"]);
    assert_eq!(finish(command, PASSWORD).await.code, Some(0));
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.out
}

on_both_databases! {
    async fn z07_an_operator_checks_tests_explains_lists_and_compares(database: Database) {
        let place = Place::new(database).await;
        let file = |name: &str, text: &str| std::fs::write(place.data_dir().join(name), text).unwrap();
        file("policy.toml", POLICY);
        file("policy.test.toml", TESTS);
        assert_eq!(done(&policy(&place, &["check"]).await), "policy.toml is fine: 1 object types, 1 permissions.\n");
        assert_eq!(done(&policy(&place, &["test"]).await), "2 cases passed on SQLite; every term is covered.\n");
        let early = policy(&place, &["list", "--who", "1", "--may", "document:read"]).await;
        assert_eq!(early.code, Some(1));
        assert!(early.err.contains("no Portcullis data in"), "{early:?}");

        add(&place, "ada@example.com").await;
        add(&place, "ben@example.com").await;
        let missing = policy(&place, &["check", "--tables"]).await;
        assert!(missing.err.contains("policy.toml:5: type document: there is no table documents"), "{missing:?}");
        place.sql("CREATE TABLE documents (id BIGINT PRIMARY KEY, owner_id BIGINT)").await;
        place.sql("INSERT INTO documents VALUES (1, 1), (2, 1), (3, 2)").await;
        let checked = policy(&place, &["check", "--tables"]).await;
        let note = "note: the list for document:read reads the whole table documents";
        assert!(done(&checked).starts_with(note) && checked.out.ends_with("1 permissions.\n"), "{checked:?}");

        let listed = policy(&place, &["list", "--who", "Ada@example.com", "--may", "document:read"]).await;
        assert_eq!(done(&listed), "1\n2\n");
        let why = ["explain", "--who", "ben@example.com", "--may", "document:read", "--on"];
        let no = policy(&place, &[&why[..], &["document:1"]].concat()).await;
        assert_eq!(done(&no), "no: document:read on document:1 for account 2\n  would be allowed by owner (owner_id = \
            2)\n  would be allowed by the role viewer on document:1\n");
        let yes = policy(&place, &[&why[..], &["document:3"]].concat()).await;
        assert_eq!(done(&yes), "yes: document:read on document:3 for account 2\n  because owner of the row\n");
        let nobody = policy(&place, &["list", "--who", "eve@example.com", "--may", "document:read"]).await;
        assert!(nobody.code == Some(1) && nobody.err.contains("There is no such account"), "{nobody:?}");

        file("new.toml", &POLICY.replace("owner = [\"document:read\"], ", ""));
        let differs = policy(&place, &["diff", "policy.toml", "new.toml"]).await;
        assert_eq!(done(&differs), "2 accounts lose document:read on 3 rows of documents\n  account 1: 1\n  account 2: \
            3\n");
        assert_eq!(done(&policy(&place, &["diff", "policy.toml", "policy.toml"]).await), "No account gains or loses \
            access.\n");

        let on_database = policy(&place, &["test", "--on-database"]).await;
        match database {
            Database::Sqlite => assert!(on_database.err.contains("--on-database needs PostgreSQL"), "{on_database:?}"),
            Database::Postgres => assert!(done(&on_database).ends_with("2 cases passed on PostgreSQL; every term is \
                covered.\n")),
        }
        file("policy.test.toml", &TESTS.replacen("expect = true", "expect = false", 1));
        let failed = policy(&place, &["test"]).await;
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.out.starts_with("policy.test.toml:12: expected no, found yes: document:read on document:1 for \
            account 1"), "{failed:?}");
        file("policy.toml", &POLICY.replace("viewer = [\"doc", "viewr = [\"doc"));
        let wrong = policy(&place, &["check"]).await;
        assert!(wrong.code == Some(1) && wrong.err.contains("policy.toml:8: type document, may.viewr: `viewr` is not a \
            role"), "{wrong:?}");
    }

    async fn a_policy_is_written_in_cedar(database: Database) {
        let place = Place::new(database).await;
        std::fs::write(place.data_dir().join("policy.toml"), POLICY).unwrap();
        std::fs::create_dir(place.data_dir().join("cedar")).unwrap();
        let written = policy(&place, &["export", "--cedar", "--to", "cedar"]).await;
        assert_eq!(done(&written), "Wrote cedar/policy.cedarschema.\nWrote cedar/policy.cedar.\n");
        let read = |name: &str| std::fs::read_to_string(place.data_dir().join("cedar").join(name)).unwrap();
        assert!(read("policy.cedarschema").contains("entity document {\n    owner_id?: Account,\n};"));
        assert!(read("policy.cedar").contains("@id(\"role.viewer\")"));
        let nowhere = policy(&place, &["export", "--cedar", "--to", "missing"]).await;
        assert_eq!(nowhere.code, Some(1));
        assert!(nowhere.err.contains("cannot write missing/policy.cedarschema"), "{nowhere:?}");
        let unsaid = policy(&place, &["export"]).await;
        assert!(unsaid.err.contains("--cedar"), "{unsaid:?}");
    }
}
