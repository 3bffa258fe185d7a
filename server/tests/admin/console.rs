//! The console as administrators use it: lists are searched, filtered and paged; accounts are created, changed and
//! deleted with forms.

use portcullis_server::accounts::Role;
use serde_json::{Value, json};

use super::{as_admin, set_role};
use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email};

const ACCOUNTS: &str = "/admin/accounts";

async fn read(client: &Client, path: &str) -> Value {
    client.get(path).send().await.assert(200).json()
}

fn names(page: &Value) -> Vec<&str> {
    page["accounts"].as_array().unwrap().iter().map(|one| one["full_name"].as_str().unwrap()).collect()
}

async fn page(client: &Client, path: &str) -> Answer {
    client.get(path).send().await
}

/// An administrator in a browser.
async fn in_browser(app: &TestApp, name: &str) -> (i64, Client) {
    let id = app.sign_up(name).await;
    set_role(app, id, Role::Admin).await;
    (id, app.stranger().log_in_with_cookie(&email(name)).await)
}

/// The value of the first attribute that begins like this.
fn attribute<'t>(text: &'t str, beginning: &str) -> &'t str {
    text.split(beginning)
        .nth(1)
        .unwrap_or_else(|| panic!("no {beginning} in {text}"))
        .split('"')
        .next()
        .unwrap()
}

on_both_databases! {
    async fn d06_accounts_are_listed_newest_first_filtered_and_counted(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        for name in ["ada", "ben", "cleo"] {
            app.sign_up(name).await;
        }
        app.disable(2).await;
        app.place.sql("UPDATE accounts SET email_verified_at = 1 WHERE id = 3").await;
        let all = read(&admin, ACCOUNTS).await;
        assert_eq!(names(&all), ["cleo", "ben", "ada", "root"]);
        assert_eq!((&all["total"], &all["offset"], &all["next"], &all["previous"]), (&json!(4), &json!(0), &Value::Null, &Value::Null));
        for (query, expected) in [
            ("role=admin", &["root"][..]),
            ("role=user", &["cleo", "ben", "ada"]),
            ("is_active=false", &["ada"]),
            ("is_verified=true", &["ben"]),
            ("is_verified=false&is_active=true&role=user", &["cleo"]),
            ("search=4", &["cleo"]),
            ("search=%234", &["cleo"]),
            ("search=nobody", &[]),
        ] {
            let found = read(&admin, &format!("{ACCOUNTS}?{query}")).await;
            assert_eq!(names(&found), expected, "{query}");
            assert_eq!(found["total"], expected.len(), "{query}");
        }
        for wrong in ["role=Root", "is_active=maybe", "is_verified=1x"] {
            admin.get(&format!("{ACCOUNTS}?{wrong}")).send().await.assert(422);
        }

        let first = read(&admin, &format!("{ACCOUNTS}?limit=2")).await;
        let second = read(&admin, &format!("{ACCOUNTS}?limit=2&after={}", first["next"].as_str().unwrap())).await;
        assert_eq!((names(&first), names(&second)), (vec!["cleo", "ben"], vec!["ada", "root"]));
        assert_eq!((&second["offset"], &second["total"], &second["next"]), (&json!(2), &json!(4), &Value::Null));
        let back = second["previous"].as_str().unwrap();
        let back = read(&admin, &format!("{ACCOUNTS}?limit=2&before={back}")).await;
        assert_eq!((names(&back), &back["previous"], &back["offset"]), (vec!["cleo", "ben"], &Value::Null, &json!(0)));
        let both = format!("{ACCOUNTS}?after={0}&before={0}", first["next"].as_str().unwrap());
        admin.get(&both).send().await.assert(400);
    }

    async fn d06_the_audit_log_is_walked_both_ways_and_leaves_views_out(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        for _ in 0..3 {
            app.advance(1);
            admin.get(ACCOUNTS).send().await.assert(200);
        }
        let events = |page: &Value| -> Vec<String> {
            page["events"].as_array().unwrap().iter().map(|event| event["id"].to_string()).collect()
        };
        let path = "/admin/audit-events?views=false";
        let all = read(&admin, path).await;
        let seen = all["events"].as_array().unwrap();
        assert!(seen.iter().all(|event| !event["event"].as_str().unwrap().starts_with("admin.")), "{seen:?}");
        assert!(seen.len() > 2);
        assert!(read(&admin, "/admin/audit-events").await["events"].as_array().unwrap().len() >= seen.len() + 4);
        let first = read(&admin, &format!("{path}&limit=2")).await;
        let second = read(&admin, &format!("{path}&limit=1&after={}", first["next"].as_str().unwrap())).await;
        let back = read(&admin, &format!("{path}&limit=2&before={}", second["previous"].as_str().unwrap())).await;
        assert_eq!(events(&back), events(&first));
        assert_eq!(events(&all)[2], events(&second)[0]);
    }

    async fn the_last_login_is_noted_with_the_account(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = as_admin(&app, "root").await;
        let ada = app.sign_up("ada").await;
        assert_eq!(read(&admin, &format!("{ACCOUNTS}/{ada}")).await["last_login_at"], Value::Null);
        app.advance(60);
        app.log_in("ada").await;
        let noted = read(&admin, &format!("{ACCOUNTS}/{ada}")).await;
        assert!(noted["last_login_at"].as_str() > noted["created_at"].as_str(), "{noted}");
    }

    async fn an_invitation_makes_an_account_whose_owner_chooses_the_password(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = portcullis_server::config::SignUp::Closed).await;
        let (_, admin) = as_admin_while_closed(&app).await;
        let body = json!({ "email": "Ada@Example.com", "full_name": "Ada Lovelace" });
        let made = admin.post(ACCOUNTS).json(&body).await.assert(201).json();
        assert_eq!((&made["email"], &made["role"], &made["email_verified_at"]), (&json!("ada@example.com"), &json!("user"), &Value::Null));
        admin.post(ACCOUNTS).json(&body).await.assert(409);
        admin.post(ACCOUNTS).json(&json!({ "email": "no", "full_name": "" })).await.assert(422);
        let as_one = json!({ "email": "boss@example.com", "full_name": "Boss", "role": "admin" });
        assert_eq!(admin.post(ACCOUNTS).json(&as_one).await.assert(201).json()["role"], "admin");

        let mail = app.mails_to("ada").await.remove(0);
        let is_without = "SELECT CASE WHEN password_hash IS NULL THEN 'yes' ELSE 'no' END FROM accounts ORDER BY id DESC LIMIT 1";
        assert_eq!(app.place.value(is_without).await, "yes");
        assert!(mail.subject.starts_with("You have been invited") && mail.text.contains("7 days"), "{mail:?}");
        let token = mail.token.unwrap();
        let opened = page(&app.stranger(), &format!("/account/reset?token={token}")).await.assert(200);
        assert!(opened.text().contains("Choose your password"));
        // Longer than a password reset link.
        app.advance(3 * 24 * 60 * 60);
        let new = "another-lantern-in-the-harbour";
        app.stranger().post("/password/reset").json(&json!({ "token": token, "password": "short" })).await.assert(422);
        app.stranger().post("/password/reset").json(&json!({ "token": token, "password": new })).await.assert(204);
        app.stranger().post("/password/reset").json(&json!({ "token": token, "password": new })).await.assert(410);
        app.stranger().try_password("ada@example.com", new).await.assert(200);
        let verified = "SELECT count(*) FROM accounts WHERE email = 'ada@example.com' AND email_verified_at IS NOT NULL";
        assert_eq!(app.place.value(verified).await, "1");
        // No email about a changed password, because there was no password before.
        assert_eq!(app.mails_to("ada").await.len(), 1);
    }

    async fn the_console_invites_and_names_whom_it_deletes(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = in_browser(&app, "root").await;
        let form = [("full_name", "Cleo Carter"), ("email", "cleo@example.com"), ("role", "user"), ("language", "de")];
        let made = admin.post("/console/invite").form(&form).await.assert(303);
        let at = made.header("location").split('?').next().unwrap().to_owned();
        assert!(made.header("location").ends_with("done=invited"));
        assert!(app.mails_to("cleo").await[0].subject.starts_with("Ihre Einladung"));
        let taken = admin.post("/console/invite").form(&form).await.assert(409);
        assert!(taken.text().contains("id=\"email-fault\"") && taken.text().contains("value=\"Cleo Carter\""));
        assert_eq!(admin.post("/console/invite").form(&[]).await.assert(422).text().matches("class=\"fault\"").count(), 2);

        let account = page(&admin, &at).await.assert(200);
        assert!(account.text().contains(&format!("href=\"{at}/delete\"")) && !account.text().contains(&format!("action=\"{at}/delete\"")));
        let ask = page(&admin, &format!("{at}/delete")).await.assert(200);
        for part in ["Cleo Carter", "cleo@example.com", "cannot be undone"] {
            assert!(ask.text().contains(part), "{part}");
        }
        for typed in ["", "root@example.com"] {
            let refused = admin.post(&format!("{at}/delete")).form(&[("email", typed)]).await.assert(422);
            assert!(refused.text().contains("id=\"email-fault\""));
        }
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "2");
        let gone = admin.post(&format!("{at}/delete")).form(&[("email", "Cleo@example.com")]).await.assert(303);
        assert_eq!(gone.header("location"), "/console?done=account-deleted&id=2");
        assert!(page(&admin, gone.header("location")).await.assert(200).text().contains("Account 2 was deleted."));
        page(&admin, &at).await.assert(404);
        page(&admin, "/console/accounts/1/nothing").await.assert(404);
        page(&admin, "/console/accounts/1/reset").await.assert(404);
    }

    async fn s10_an_act_of_the_console_is_at_hand_after_the_login_that_it_asks_for(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = in_browser(&app, "root").await;
        let ada = app.sign_up("ada").await;
        app.advance(601);
        for act in ["disable", "make-admin", "delete"] {
            let path = format!("/console/accounts/{ada}/{act}");
            let next = url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
            let asked = page(&admin, &path).await.assert(303);
            assert_eq!(asked.header("location"), format!("/account/confirm?next={next}"));
            let pressed = admin.post(&path).form(&[("email", &email("ada"))]).await.assert(303);
            assert_eq!(pressed.header("location"), format!("/account/confirm?next={next}%3Fdone%3Dconfirmed"));
        }
        let still = format!("SELECT role FROM accounts WHERE id = {ada} AND is_active");
        assert_eq!(app.place.value(&still).await, "user");
        let path = format!("/console/accounts/{ada}/disable?done=confirmed");
        let form = [("password", PASSWORD), ("next", &path)];
        let confirmed = admin.post("/account/confirm").form(&form).await.assert(303);
        let fresh = app.stranger().with_cookie(confirmed.header("set-cookie").split(';').next().unwrap());
        assert_eq!(page(&fresh, confirmed.header("location")).await.assert(303).header("location"), path);
        let offered = page(&fresh, &path).await.assert(200);
        assert!(offered.text().contains("Identity confirmed") && offered.text().contains("Disable this account?"));
        let done = fresh.post(&format!("/console/accounts/{ada}/disable")).form(&[]).await.assert(303);
        assert_eq!(done.header("location"), format!("/console/accounts/{ada}?done=disabled"));
        let active = format!("SELECT count(*) FROM accounts WHERE id = {ada} AND is_active");
        assert_eq!(app.place.value(&active).await, "0");
    }

    async fn the_console_lists_filters_and_walks(database: Database) {
        let app = TestApp::new(database).await;
        let (_, admin) = in_browser(&app, "root").await;
        app.place
            .sql(
                "INSERT INTO accounts (email, full_name, folded_name, password_hash, role, is_active, created_at, updated_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
                 SELECT 'filled' || i || '@example.net', 'Filled ' || i, 'filled ' || i, '', 'user', TRUE, 0, 0 FROM n",
            )
            .await;
        let first = page(&admin, "/console").await.assert(200).text();
        assert!(first.contains("1–50 of 61") && first.contains("Filled 60") && !first.contains("rel=\"prev\""), "{first}");
        assert!(first.contains("aria-current=\"page\">Console") && first.contains("href=\"/console/invite\""));
        let next = attribute(&first, "<a class=\"button second\" href=\"").replace("&#38;", "&");
        let second = page(&admin, &next).await.assert(200).text();
        assert!(second.contains("51–61 of 61") && second.contains("rel=\"prev\"") && !second.contains("rel=\"next\""), "{second}");
        let admins = page(&admin, "/console?role=admin&search=").await.assert(200).text();
        assert!(admins.contains("1–1 of 1") && admins.contains("<option value=\"admin\" selected>"));
        assert!(page(&admin, "/console?is_active=false").await.assert(200).text().contains("No accounts found"));
        let body = json!({ "email": "unit@example.com", "full_name": "Anders Ångström", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(201);
        assert!(page(&admin, "/console?search=angstrom").await.assert(200).text().contains("Anders Ångström"));
    }

    async fn g04_the_audit_log_is_read_in_words_and_exported(database: Database) {
        let app = TestApp::new(database).await;
        let (root, admin) = in_browser(&app, "root").await;
        let ada = app.sign_up("ada").await;
        admin.post(&format!("/console/accounts/{ada}/end-sessions")).form(&[]).await.assert(303);
        let eve = app.sign_up("eve").await;
        admin.post(&format!("/console/accounts/{eve}/delete")).form(&[("email", &email("eve"))]).await.assert(303);
        let trail = page(&admin, "/console/audit").await.assert(200).text();
        for part in [
            "Logged out everywhere by an administrator".to_owned(),
            format!("href=\"/console/accounts/{root}\"><bdi>root</bdi>"),
            format!("Deleted account {eve}"),
            "Operator (command line)".to_owned(),
        ] {
            assert!(trail.contains(&part), "{part} in {trail}");
        }
        assert!(!trail.contains("<code class=\"hint\">admin."), "{trail}");
        assert!(page(&admin, "/console/audit?views=yes").await.assert(200).text().contains("<code class=\"hint\">admin."));
        let one = page(&admin, &format!("/console/audit?account={eve}&event=account.deleted")).await.assert(200).text();
        assert_eq!(one.matches("<code class=\"hint\">").count(), 1);
        let csv = attribute(&one, "<a class=\"button second\" href=\"").replace("&#38;", "&");
        let file = page(&admin, &csv).await.assert(200);
        assert_eq!(file.header("content-type"), "text/csv");
        assert!(file.header("content-disposition").starts_with("attachment"));
        let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "id,at,event,account_id,actor_id,actor,address,request_id,detail,repeated");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains(&format!(",account.deleted,{eve},{root},,")), "{lines:?}");

        // Every event is there once, in however many batches.
        for _ in 0..210 {
            app.stranger().try_password(&email("ada"), "wrong-password-1").await;
        }
        let count: usize = app.place.value("SELECT count(*) FROM audit_events").await.parse().unwrap();
        let all = admin.get("/admin/audit-events.csv").send().await.assert(200).text();
        // The export adds one event, and the file has a header line.
        assert_eq!(all.lines().count(), count + 2, "{all}");
    }
}

/// Sign-up is closed, so the operator creates the first account.
async fn as_admin_while_closed(app: &TestApp) -> (i64, Client) {
    let new = portcullis_server::accounts::NewAccount::check(&app.app, &email("root"), "root", PASSWORD)
        .await
        .unwrap();
    let client = portcullis_server::client::Client::local("operator");
    let account =
        portcullis_server::admin::create(&app.app, new.with_role(Role::Admin), &client).await.unwrap();
    let id = app.place.value(&format!("SELECT id FROM accounts WHERE email = '{}'", account.email)).await;
    (id.parse().unwrap(), super::with_all_scopes(&app.stranger(), "root").await)
}
