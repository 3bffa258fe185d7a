//! Roles that the operator declares: their owners read, and change nothing.

use super::*;
use crate::support::Database;

async fn app(database: Database) -> TestApp {
    TestApp::with(database, |config| {
        config.admin_roles = ["support=accounts:read", "auditor=accounts:read+audit:read", "log=audit:read"]
            .map(|role| role.parse().unwrap())
            .to_vec();
    })
    .await
}

/// Signs somebody up and gives them the role, as the operator does.
async fn staff(app: &TestApp, name: &str) -> i64 {
    let id = app.sign_up(name).await;
    set_role(app, id, name.parse().unwrap()).await;
    id
}

on_both_databases! {
    /// Each operation of administrators under each role: what it may not do is 403, and nothing is changed.
    async fn g05_a_declared_role_opens_what_it_names_and_nothing_else(database: Database) {
        let app = app(database).await;
        let (_, root) = as_admin(&app, "root").await;
        let target = app.sign_up("target").await;
        let before = app.place.value(&format!("SELECT role || is_active || email FROM accounts WHERE id = {target}")).await;
        for (role, may) in [
            ("support", &["accounts:read"][..]),
            ("auditor", &["accounts:read", "audit:read"]),
            ("log", &["audit:read"]),
        ] {
            let id = staff(&app, role).await;
            for client in [with_all_scopes(&app.stranger(), role).await, app.stranger().log_in_with_cookie(&email(role)).await] {
                for (method, path, scope, allowed) in OPERATIONS.into_iter().filter(|(_, path, ..)| *path != "/admin/claim") {
                    let answer = act(&client, method, path, target).await;
                    let expected = if may.contains(&scope) { allowed } else { 403 };
                    assert_eq!(answer.status.as_u16(), expected, "{role}: {method} {path}: {}", answer.text());
                }
            }
            let shown = root.get(&format!("/admin/accounts/{id}")).send().await.assert(200).json();
            assert_eq!(shown["role"], role);
            let listed = root.get(&format!("/admin/accounts?role={role}")).send().await.assert(200).json();
            assert_eq!(listed["accounts"].as_array().unwrap().len(), 1, "{listed}");
        }
        let after = app.place.value(&format!("SELECT role || is_active || email FROM accounts WHERE id = {target}")).await;
        assert_eq!(before, after);
    }

    async fn s09_a_declared_role_taken_away_counts_from_the_next_request(database: Database) {
        let app = app(database).await;
        let other = app.again_with({
            let mut config = app.place.config();
            config.admin_roles = Vec::new();
            config
        }).await;
        let (root_id, root) = as_admin(&app, "root").await;
        let id = staff(&app, "support").await;
        // An address that is not confirmed gets three notices an hour.
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        let client = with_all_scopes(&app.stranger(), "support").await;
        client.get("/admin/accounts").send().await.assert(200);
        // Where the role is not declared, it is nothing.
        other.stranger().with_token(client.token()).get("/admin/accounts").send().await.assert(403);
        change_role(&root, id, "user").await.assert(204);
        client.get("/admin/accounts").send().await.assert(403);
        let browser = app.stranger().log_in_with_cookie(&email("support")).await;
        browser.get("/console").send().await.assert(403);
        change_role(&root, id, "support").await.assert(204);
        browser.get("/console").send().await.assert(200);
        change_role(&root, id, "admin").await.assert(204);
        change_role(&root, id, "auditor").await.assert(204);
        let role = format!("SELECT role || staff_role FROM accounts WHERE id = {id}");
        assert_eq!(app.place.value(&role).await, "userauditor");
        // A declared role is no administrator: the last one stays.
        change_role(&app.stranger().log_in_with_cookie(&email("root")).await, root_id, "support").await.assert(409);
        for wrong in ["nobody", "Support", "", "support ", "x".repeat(25).as_str()] {
            change_role(&root, id, wrong).await.assert(422);
        }
        let invited = json!({ "email": email("new"), "full_name": "New", "role": "support" });
        root.post("/admin/accounts").json(&invited).await.assert(422);
        let events = root.get(&format!("/admin/audit-events?account={id}&event=account.role_changed")).send().await.assert(200).text();
        assert!(events.contains("\"support\"") && events.contains("\"auditor\""), "{events}");
        assert!(app.mails_to("support").await.iter().any(|mail| mail.text.contains("auditor")));
    }

    async fn the_console_hides_what_a_declared_role_may_not_do(database: Database) {
        let app = app(database).await;
        let target = app.sign_up("target").await;
        for name in ["support", "log"] {
            staff(&app, name).await;
        }
        let support = app.stranger().log_in_with_cookie(&email("support")).await;
        let page = async |client: &Client, path: &str| client.get(path).send().await;
        let account = page(&support, &format!("/console/accounts/{target}")).await.assert(200).text();
        for hidden in ["/make-admin", "/disable", "/delete", "/reset", "/console/audit"] {
            assert!(!account.contains(hidden), "{hidden}");
        }
        let list = page(&support, "/console").await.assert(200).text();
        assert!(!list.contains("/console/invite") && list.contains("support"));
        for path in ["/console/invite", "/console/audit", &format!("/console/accounts/{target}/disable")] {
            page(&support, path).await.assert(403);
        }
        support.post(&format!("/console/accounts/{target}/end-sessions")).form(&[]).await.assert(403);
        let log = app.stranger().log_in_with_cookie(&email("log")).await;
        assert!(page(&log, "/account").await.assert(200).text().contains("/console/audit"));
        page(&log, "/console/audit").await.assert(200);
        page(&log, "/console").await.assert(403);
    }
}
