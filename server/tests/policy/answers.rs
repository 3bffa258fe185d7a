//! What a policy reports about itself: explanations, tests, and what another policy would change.

use std::time::Duration;

use portcullis_server::groups::{self, GroupRole};
use portcullis_server::policy::{Decision, Declared, NewGrant, Policy, Whom};

use super::{account, declared, give, on, shop};
use crate::on_both_databases;
use crate::support::{Database, TestApp};

async fn explain(app: &TestApp, policy: &Policy, who: i64, permission: &str, id: i64) -> String {
    let mut reader = app.app.db().read().await.unwrap();
    policy.explain(reader.conn(), account(who), permission, id).await.unwrap().to_string()
}

const TESTS: &str = r#"
accounts = ["ada", "ben", "cyd", "dan", "eve"]
groups.acme = {}
groups.sales = { inside = "acme", members = ["cyd"] }

[[rows.folder]]
id = 1
[[rows.folder]]
id = 2
parent_id = 1
[[rows.document]]
id = 10
owner_id = "ada"
folder_id = 2
is_public = false
[[rows.document]]
id = 11
owner_id = "ada"
is_public = true

[[grants]]
to = "ben"
role = "editor"
on = "document:10"
[[grants]]
to = "acme"
role = "viewer"
on = "folder:1"
[[grants]]
to = "dan"
role = "viewer"
on = "folder:2"
expires = "-1s"
[[grants]]
to = "eve"
role = "viewer"
on = "document:10"
expires = "+1h"
[[grants]]
to = "eve"
role = "blocked"
on = "folder:1"

[[cases]]
who = "ada"
may = "document:write"
on = "document:10"
expect = true
because = ["owner"]
[[cases]]
who = "ada"
may = "document:read"
on = "document:10"
expect = true
because = ["owner"]
[[cases]]
who = "ben"
may = "document:write"
on = "document:10"
expect = true
because = ["editor"]
[[cases]]
who = "ben"
may = "document:read"
on = "document:10"
expect = true
[[cases]]
who = "cyd"
may = "document:read"
on = "document:10"
expect = true
because = ["viewer"]
[[cases]]
who = "cyd"
may = "document:write"
on = "document:10"
expect = false
[[cases]]
who = "dan"
may = "document:read"
on = "document:10"
expect = false
because = []
[[cases]]
who = "eve"
may = "document:read"
on = "document:10"
expect = false
because = ["viewer"]
[[cases]]
who = "dan"
may = "document:read"
on = "document:11"
expect = true
because = ["public"]
"#;

on_both_databases! {
    async fn an_explanation_names_the_grant_or_what_would_do(database: Database) {
        let (app, policy) = shop(database, 3).await;
        let mut tx = app.app.db().begin().await.unwrap();
        let sales = groups::create_organisation(&mut tx, "Sales", account(1), app.clock.now()).await.unwrap();
        groups::add_member(&mut tx, sales, account(3), GroupRole::Member, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(explain(&app, &policy, 1, "document:read", 12).await,
            "yes: document:read on document:12 for account 1\n  because owner of the row\n  because public");
        let expires_at = Some(app.clock.now() + Duration::from_hours(1));
        let grant = give(&app, &policy, &NewGrant { expires_at, ..on("folder", 1, "editor", Whom::Group(sales)) }).await;
        let text = explain(&app, &policy, 3, "document:write", 10).await;
        assert!(text.starts_with("yes: document:write on document:10 for account 3\n  because editor on folder:1, given to the group \"Sales\" by account 1 at 20"), "{text}");
        assert!(text.contains(", expires at 20") && text.ends_with(&format!("(grant {grant})")), "{text}");

        assert_eq!(explain(&app, &policy, 2, "document:write", 10).await,
            "no: document:write on document:10 for account 2\n  would be allowed by owner (owner_id = 2)\n  \
             would be allowed by the role editor on document:10 or folder:3 or folder:2 or folder:1");
        assert_eq!(explain(&app, &policy, 2, "document:write", 99).await, "no: document:write on document:99 for account 2");
        let refused = explain(&app, &policy, 2, "document:write", 12).await;
        assert!(refused.starts_with("no: document:write on document:12 for account 2 (other permissions on it: the answer is 403, not 404)"), "{refused}");

        let block = give(&app, &policy, &on("folder", 2, "blocked", Whom::Account(account(3)))).await;
        let text = explain(&app, &policy, 3, "document:write", 10).await;
        assert!(text.starts_with("no: document:write on document:10 for account 3\n  would count: editor on folder:1"), "{text}");
        assert!(text.contains("\n  blocked: blocked on folder:2, given to account 3 by account 1 at 20"), "{text}");
        assert!(text.contains(&block.to_string()), "{text}");
    }

    async fn a_policys_tests_run_on_the_real_sql(database: Database) {
        let (app, policy) = shop(database, 3).await;
        // Grants in the real tables must not count.
        give(&app, &policy, &on("document", 10, "viewer", Whom::Account(account(3)))).await;
        give(&app, &policy, &on("document", 10, "editor", Whom::Account(account(3)))).await;
        let run = async |declared: &Declared, text: &str| match database {
            Database::Sqlite => Policy::test(declared, text, "policy.test.toml").await,
            Database::Postgres => Policy::test_on(app.app.db(), declared, text, "policy.test.toml").await,
        };
        let outcome = run(&declared(), TESTS).await.unwrap();
        assert!(outcome.is_fine() && outcome.cases == 9, "{outcome:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM grants").await, "2");
        assert_eq!(app.place.value("SELECT count(*) FROM documents").await, "4");

        let wrong = TESTS.replace("because = [\"public\"]", "because = [\"owner\"]").replace("expect = true\nbecause = [\"editor\"]", "expect = false");
        let outcome = run(&declared(), &wrong).await.unwrap();
        assert_eq!(outcome.failures.len(), 2, "{outcome:?}");
        assert!(outcome.failures[0].starts_with("policy.test.toml:56: expected no, found yes: document:write on document:10 for account 2\n  because editor on document:10"), "{outcome:?}");
        assert!(outcome.failures[1].contains("expected because of [owner], found [public]"), "{outcome:?}");

        // Every removed term is noticed, and every removed case leaves a term uncovered.
        let text = declared().to_toml();
        for (from, to) in [
            ("owner = [\"document:read\", \"document:write\"]", "owner = [\"document:read\"]"),
            ("editor = [\"document:read\", \"document:write\"]", "editor = [\"document:read\"]"),
            ("viewer = [\"document:read\"]\n", "\n"),
            ("public = [\"document:read\"]\n", "\n"),
            ("folder = \"folder_id\"", ""),
            ("folder = \"parent_id\"", ""),
        ] {
            let fewer = text.replacen(from, to, 1);
            assert_ne!(fewer, text, "{from}");
            let tests = TESTS.replace("folder_id = 2\n", if from.contains("folder_id") { "" } else { "folder_id = 2\n" });
            let tests = tests.replace("parent_id = 1\n", if from.contains("parent_id") { "" } else { "parent_id = 1\n" });
            let outcome = run(&Declared::from_toml(&fewer, "policy.toml").unwrap(), &tests).await;
            // Or a role can no longer be given on a folder, because no documents are in folders.
            assert!(outcome.as_ref().is_ok_and(|outcome| !outcome.failures.is_empty()) || from.contains("folder_id"), "{from}: {outcome:?}");
        }
        let (rest, _) = TESTS.rsplit_once("[[cases]]").unwrap();
        assert_eq!(run(&declared(), rest).await.unwrap().uncovered, ["document:read: public"]);
    }

    async fn z07_what_a_test_names_must_be_there(database: Database) {
        let _ = database;
        for (from, to, expected) in [
            ("who = \"dan\"", "who = \"dann\"", "there is no account \"dann\""),
            ("role = \"editor\"", "role = \"edtor\"", "policy.test.toml:21: \"edtor\" is not a role on a document"),
            ("on = \"folder:1\"", "on = \"folder1\"", "write type:id"),
            ("on = \"folder:1\"", "on = \"folder:one\"", "the id of a folder is a number"),
            ("is_public = true", "is_pubic = true", "policy.test.toml:16: rows.document: the policy does not use the column \"is_pubic\""),
            ("is_public = true", "is_public = 1", "1 does not fit into is_public"),
            ("may = \"document:write\"", "may = \"document:wirte\"", "there is no permission \"document:wirte\""),
            ("may = \"document:write\"\non = \"document:10\"", "may = \"document:write\"\non = \"folder:1\"", "document:write is asked of a document, not of folder:1"),
            ("inside = \"acme\"", "inside = \"sales\"", "the groups sales are inside themselves"),
            ("expires = \"-1s\"", "expires = \"soon\"", "\"soon\" is not +1h or -1h"),
            ("[[rows.folder]]\nid = 1", "[[rows.file]]\nid = 1", "rows.file: there is no such type"),
            ("[[cases]]", "[[case]]", "unknown field `case`"),
        ] {
            let text = TESTS.replacen(from, to, 1);
            assert_ne!(text, TESTS, "{from}");
            let error = Policy::test(&declared(), &text, "policy.test.toml").await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    async fn z07_a_diff_shows_whom_a_change_concerns(database: Database) {
        let (app, policy) = shop(database, 3).await;
        give(&app, &policy, &on("folder", 2, "editor", Whom::Account(account(3)))).await;
        let text = declared().to_toml();
        let changed = |from: &str, to: &str| {
            let new = text.replacen(from, to, 1);
            assert_ne!(new, text, "{from}");
            Policy::unproved(&app.app, &Declared::from_toml(&new, "policy.toml").unwrap()).unwrap()
        };
        let same = changed("[permissions]", "[permissions]\n");
        assert_eq!(Policy::diff(&policy, &same, &app.app).await.unwrap(), []);
        let found = |changes: Vec<portcullis_server::policy::Change>| -> Vec<_> {
            changes.into_iter().map(|c| (c.permission, c.is_gain, c.accounts, c.rows, c.examples)).collect()
        };
        let read = || "document:read".to_owned();
        let write = || "document:write".to_owned();
        // Documents 10, 11 and 12 belong to account 1, and 13 to account 2. 12 is public. Account 3 edits 10 and 12.
        let no_owner = changed("owner = [\"document:read\", \"document:write\"]", "owner = [\"document:read\"]");
        let lost = vec![(write(), false, 2, 4, vec![(account(1), 10.into()), (account(2), 13.into())])];
        assert_eq!(found(Policy::diff(&policy, &no_owner, &app.app).await.unwrap()), lost);
        let gained = vec![(write(), true, 2, 4, vec![(account(1), 10.into()), (account(2), 13.into())])];
        assert_eq!(found(Policy::diff(&no_owner, &policy, &app.app).await.unwrap()), gained);
        let no_flag = changed("public = [\"document:read\"]\n", "\n");
        let lost = vec![(read(), false, 1, 1, vec![(account(2), 12.into())])];
        assert_eq!(found(Policy::diff(&policy, &no_flag, &app.app).await.unwrap()), lost);
        let no_editor = changed("editor = [\"document:read\", \"document:write\"]\n", "\n");
        let lost = vec![
            (read(), false, 1, 1, vec![(account(3), 10.into())]),
            (write(), false, 1, 2, vec![(account(3), 10.into())]),
        ];
        assert_eq!(found(Policy::diff(&policy, &no_editor, &app.app).await.unwrap()), lost);
        let no_folder = changed("folder = \"folder_id\"", "");
        assert_eq!(found(Policy::diff(&policy, &no_folder, &app.app).await.unwrap()), lost);
        // A permission that only one of them has.
        let mut reader = app.app.db().read().await.unwrap();
        assert_eq!(policy.ids(reader.conn(), account(3), "document:write", 10).await.unwrap(), [10.into(), 12.into()]);
        assert_eq!(policy.decide(reader.conn(), account(3), "document:write", 12).await.unwrap(), Decision::Allow);
    }
}
