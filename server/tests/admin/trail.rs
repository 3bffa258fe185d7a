//! The administrators' lists, and the audit trail of their actions.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_server::accounts::Role;
use serde_json::{Value, json};

use super::{as_admin, change_role, set_role, with_all_scopes};
use crate::on_both_databases;
use crate::support::{Client, PASSWORD, TestApp, email};

const ACCOUNTS: &str = "/admin/accounts";
const EVENTS: &str = "/admin/audit-events";

async fn read(client: &Client, list: &str, query: &[(&str, &str)]) -> Value {
    let query = serde_urlencoded::to_string(query).unwrap();
    client.get(&format!("{list}?{query}")).send().await.assert(200).json()
}

/// The names of the accounts that a search finds.
async fn found(client: &Client, search: &str) -> Vec<String> {
    let page = read(client, ACCOUNTS, &[("search", search)]).await;
    let names = page["accounts"].as_array().unwrap().iter();
    names.map(|account| account["full_name"].as_str().unwrap().to_owned()).collect()
}

/// Inserts accounts directly, because the server would hash a password for each.
async fn fill(app: &TestApp, count: u32) {
    app.place
        .sql(&format!(
            "INSERT INTO accounts (email, full_name, folded_name, password_hash, role, is_active, created_at, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             SELECT 'filled' || i || '@example.net', 'Filled ' || i, 'filled ' || i, '', 'user', TRUE, 0, 0 FROM n"
        ))
        .await;
}

/// Pages through a list by its cursors. Returns the size of each page, and the ids.
async fn walk(client: &Client, list: &str, items: &str, limit: &str) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut ids, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", limit)];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page = read(client, list, &query).await;
        let rows = page[items].as_array().unwrap();
        sizes.push(rows.len());
        ids.extend(rows.iter().map(|row| row["id"].to_string()));
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            return (sizes, ids);
        }
    }
}

on_both_databases! {
    async fn d06_a_list_gives_a_hundred_at_most_and_each_row_once(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        fill(&app, 229).await;
        let (sizes, ids) = walk(&admin, ACCOUNTS, "accounts", "100").await;
        assert_eq!(sizes, [100, 100, 30]);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 230);
        assert_eq!(read(&admin, ACCOUNTS, &[]).await["accounts"].as_array().unwrap().len(), 50);

        let before: usize = app.place.value("SELECT COUNT(*) FROM audit_events").await.parse().unwrap();
        // The events of the walk itself are newer, so they come before its first page.
        app.advance(1);
        let (sizes, ids) = walk(&admin, EVENTS, "events", "3").await;
        assert!(sizes.iter().rev().skip(1).all(|size| *size == 3), "{sizes:?}");
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (before, before));

        for list in [ACCOUNTS, EVENTS] {
            for limit in ["0", "101", "4294967296", "-1", "1e2", "x"] {
                admin.get(&format!("{list}?limit={limit}")).send().await.assert_invalid(&["query.limit"]);
            }
        }
    }

    async fn d06_a_cursor_is_taken_as_it_was_given_or_not_at_all(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        app.sign_up("ada").await;
        let mut cursors = Vec::new();
        for list in [ACCOUNTS, EVENTS] {
            let page = read(&admin, list, &[("limit", "1")]).await;
            cursors.push((list, page["next"].as_str().unwrap().to_owned()));
        }
        for (list, cursor) in &cursors {
            read(&admin, list, &[("after", cursor)]).await;
            let symbols: Vec<char> = cursor.chars().collect();
            let changed = |at: usize| {
                let mut symbols = symbols.clone();
                symbols[at] = if symbols[at] == 'A' { 'B' } else { 'A' };
                symbols.into_iter().collect::<String>()
            };
            let mut tampered: Vec<String> = (0..symbols.len()).map(changed).collect();
            let junk = ["1", "AAAA", "' OR 1=1 --", "é"].map(str::to_owned);
            tampered.extend(junk);
            tampered.extend([format!("{cursor}A"), format!("{cursor}="), symbols.iter().skip(1).collect(), "A".repeat(4000)]);
            // The other list's cursor.
            tampered.extend(cursors.iter().filter(|(other, _)| other != list).map(|(_, cursor)| cursor.clone()));
            for after in tampered {
                let query = serde_urlencoded::to_string([("after", &after)]).unwrap();
                let answer = admin.get(&format!("{list}?{query}")).send().await;
                assert_eq!(answer.status.as_u16(), 400, "{list} after {after:?}: {}", answer.text());
            }
        }
    }

    async fn d06_what_is_searched_for_is_no_pattern(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        fill(&app, 3).await;
        for (name, full_name) in [
            ("a", "100% sure"),
            ("b", "100 per cent sure"),
            ("c_d", "Under_score!"),
            ("cxd", "Ünder'score"),
        ] {
            let body = json!({ "email": email(name), "full_name": full_name, "password": PASSWORD });
            app.stranger().post("/signup").json(&body).await.assert(201);
        }
        for (search, names) in [
            ("%", &["100% sure"] as &[&str]),
            ("_", &["Under_score!"]),
            ("C_D@", &["Under_score!"]),
            ("!", &["Under_score!"]),
            ("100", &["100 per cent sure", "100% sure"]),
            ("ÜNDER", &["Ünder'score", "Under_score!"]),
            ("'", &["Ünder'score"]),
            ("\\", &[]),
            ("' OR '1'='1", &[]),
            ("filled 2", &["Filled 2"]),
            ("@EXAMPLE.NET", &["Filled 3", "Filled 2", "Filled 1"]),
        ] {
            assert_eq!(found(&admin, search).await, names, "{search}");
        }
        let long = "x".repeat(255);
        admin.get(&format!("{ACCOUNTS}?search={long}")).send().await.assert_invalid(&["query.search"]);
        // A form sends empty fields too, which count as missing.
        assert_eq!(found(&admin, "").await.len(), 8);
    }

    async fn g04_every_act_is_in_the_trail_with_who_whom_and_from_where(database: Database) {
        let app = TestApp::new(database).await;
        let root = app.sign_up("root").await;
        set_role(&app, root, Role::Admin).await;
        let admin = with_all_scopes(&app.stranger_at("203.0.113.9"), "root").await;
        let target = app.sign_up("target").await;
        let path = format!("{ACCOUNTS}/{target}");
        // Events are listed by time.
        let next = || app.advance(1);
        next();
        admin.get(ACCOUNTS).send().await.assert(200);
        next();
        admin.get(&path).send().await.assert(200);
        next();
        admin.post(&format!("{path}/password-reset")).send().await.assert(202);
        next();
        admin.delete(&format!("{path}/sessions")).send().await.assert(204);
        next();
        change_role(&admin, target, "admin").await.assert(204);
        next();
        admin.post(&format!("{path}/disable")).send().await.assert(204);
        next();
        admin.post(&format!("{path}/enable")).send().await.assert(204);
        next();
        admin.delete(&path).send().await.assert(204);
        next();
        admin.get(&format!("{EVENTS}?account={target}")).send().await.assert(200);
        next();

        let number = |id: i64| Value::from(id);
        let expected = [
            ("admin.accounts_listed", Value::Null, Value::Null),
            ("admin.account_read", number(target), Value::Null),
            ("account.password_reset_requested", number(target), Value::Null),
            ("account.sessions_ended", number(target), Value::Null),
            ("account.role_changed", number(target), "admin".into()),
            ("account.disabled", number(target), Value::Null),
            ("account.enabled", number(target), Value::Null),
            ("account.deleted", number(target), Value::Null),
            ("admin.audit_read", number(target), Value::Null),
        ];
        let page = read(&admin, EVENTS, &[]).await;
        let mut events = page["events"].as_array().unwrap().clone();
        events.retain(|event| event["actor_id"] == root);
        events.reverse();
        assert_eq!(events.len(), expected.len(), "{events:?}");
        for (event, (name, account, detail)) in events.iter().zip(&expected) {
            let seen = (&event["event"], &event["account_id"], &event["detail"], &event["address"]);
            assert_eq!(seen, (&Value::from(*name), account, detail, &Value::from("203.0.113.9")));
            assert!(event["request_id"].is_string() && event["at"].is_string(), "{event}");
        }
        // By account: the events on it and by it. By name: only the events by it.
        let of_target = read(&admin, EVENTS, &[("account", &target.to_string())]).await;
        assert!(of_target["events"].as_array().unwrap().iter().all(|event| event["account_id"] == target));
        let deleted = read(&admin, EVENTS, &[("event", "account.deleted")]).await;
        assert_eq!(deleted["events"].as_array().unwrap().len(), 1);
        // Events by the operator say so.
        let by_operator = read(&admin, EVENTS, &[("event", "account.role_changed"), ("account", &root.to_string())]).await;
        let operators = by_operator["events"].as_array().unwrap().iter().filter(|event| event["actor"] == "operator");
        assert_eq!(operators.count(), 1);
        for secret in [&email("target"), &email("root"), admin.token()] {
            assert!(!page.to_string().contains(secret), "the trail knows {secret}");
        }
    }

    async fn g04_who_is_refused_leaves_no_act_behind(database: Database) {
        let app = TestApp::new(database).await;
        let (root, admin) = as_admin(&app, "root").await;
        let eve = app.as_user("eve").await;
        let before = app.place.sql("SELECT COUNT(*) FROM audit_events").await;
        eve.get(EVENTS).send().await.assert(403);
        eve.delete(&format!("{ACCOUNTS}/{root}")).send().await.assert(403);
        change_role(&admin, root, "user").await.assert(409);
        change_role(&admin, root, "admin").await.assert(204);
        change_role(&admin, root, "root").await.assert_invalid(&["body.role"]);
        assert_eq!(app.place.sql("SELECT COUNT(*) FROM audit_events").await, before);
    }

    async fn f05_a_client_in_a_loop_fills_the_audit_log_with_30_rows_a_minute(database: Database) {
        let app = TestApp::with(database, |config| config.limits = false).await;
        let (_, admin) = as_admin(&app, "root").await;
        let ada = app.as_user("ada").await;
        let rows = "SELECT count(*) FROM audit_events WHERE event = 'profile.changed'";
        let all = "SELECT CAST(sum(repeated) + count(*) AS BIGINT) FROM audit_events WHERE event = 'profile.changed'";
        let change = async |name: String| {
            let body = json!({ "full_name": name });
            ada.patch("/profile").json(&body).await.assert(200);
        };
        for round in 0..50 {
            change(format!("Ada {round}")).await;
        }
        assert_eq!((app.place.value(rows).await, app.place.value(all).await), ("30".into(), "50".into()));
        let page = read(&admin, EVENTS, &[("event", "profile.changed"), ("limit", "100")]).await;
        let repeated =
            page["events"].as_array().unwrap().iter().map(|event| event["repeated"].as_i64().unwrap());
        assert_eq!(repeated.sum::<i64>(), 20);
        // Acts that differ are not counted together.
        let target = app.sign_up("target").await;
        for _ in 0..35 {
            change_role(&admin, target, "admin").await.assert(204);
            change_role(&admin, target, "user").await.assert(204);
        }
        change_role(&admin, target, "admin").await.assert(204);
        let admins = format!(
            "SELECT count(*) FROM audit_events
             WHERE event = 'account.role_changed' AND detail = 'admin' AND account_id = {target}"
        );
        assert_eq!(app.place.value(&admins).await, "36");
        // Acts that change what somebody may do have a row each.
        let roles = format!(
            "SELECT count(*) FROM audit_events WHERE event = 'account.role_changed' AND account_id = {target}"
        );
        assert_eq!(app.place.value(&roles).await, "71");
        // The next minute has rows of its own.
        app.advance(61);
        change("Ada".to_owned()).await;
        assert_eq!((app.place.value(rows).await, app.place.value(all).await), ("31".into(), "51".into()));
    }

    async fn g04_what_cannot_have_a_row_of_its_own_is_not_done(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        let target = app.sign_up("target").await;
        change_role(&admin, target, "admin").await.assert(204);
        change_role(&admin, target, "user").await.assert(204);
        // As many as one minute has room for.
        let id = if database == crate::support::Database::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
        let more = format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 598)
             INSERT INTO audit_events (id, at, event, account_id, actor, actor_id, address, request_id, detail)
             SELECT {id}, at, event, account_id, actor, actor_id, address, request_id, detail
             FROM numbers, audit_events WHERE event = 'account.role_changed' AND detail = 'user'"
        );
        app.place.sql(&more).await;
        let refused = change_role(&admin, target, "admin").await.assert(503);
        assert!(!refused.header("retry-after").is_empty());
        let role = format!("SELECT role FROM accounts WHERE id = {target}");
        assert_eq!(app.place.value(&role).await, "user");
        // Another account's acts are not held up, and the next minute has room again.
        let other = app.sign_up("other").await;
        change_role(&admin, other, "admin").await.assert(204);
        app.advance(61);
        change_role(&admin, target, "admin").await.assert(204);
    }
}

/// All sources under a folder, in lower case and reduced to words, so that line breaks and string concatenation do not
/// hide a statement.
fn sources(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql") {
            let text = std::fs::read_to_string(path).unwrap().to_lowercase();
            let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
            all.push(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
        }
    }
    all
}

#[test]
fn g04_no_statement_changes_an_event_and_only_age_removes_one() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = [sources(&server.join("src")), sources(&server.join("migrations"))].concat().join("\n");
    let count = |statement: &str| text.matches(&format!("{statement} audit_events ")).count();
    assert_eq!(count("insert into"), 1, "the one statement that adds an event");
    assert_eq!(count("delete from"), 1, "the one statement that deletes those older than `audit_ttl`");
    for statement in [
        "update",
        "update only",
        "delete from only",
        "replace into",
        "update or replace",
        "insert or replace into",
        "merge into",
        "truncate",
        "truncate table",
        "drop table",
        "drop table if exists",
    ] {
        let allowed = usize::from(statement == "update");
        assert_eq!(count(statement), allowed, "{statement} audit_events");
    }
    let raises_a_count = "update audit_events set repeated repeated 1 where id like";
    assert_eq!(
        text.matches(raises_a_count).count(),
        1,
        "the one statement that counts an event like another"
    );
}
