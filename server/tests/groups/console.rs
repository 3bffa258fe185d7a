//! What administrators can do with other people's organisations.

use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::client::Client as Acting;
use portcullis_server::groups::GroupRole;
use portcullis_server::{By, admin};
use serde_json::json;

use super::{join, organisation, person, put};
use crate::on_both_databases;
use crate::support::{Client, PASSWORD, TestApp, email};

async fn administrator(app: &TestApp, name: &str) -> Client {
    let id = app.sign_up(name).await;
    let operator = Acting::local("operator");
    admin::set_role(&app.app, AccountId::new(id), Role::Admin, By::operator(&operator)).await.unwrap();
    let scopes = "accounts:read accounts:write audit:read";
    let answer = app.stranger().post("/login").form_owned(&email(name), PASSWORD, scopes).await.assert(200);
    app.stranger().with_token(answer.json()["access_token"].as_str().unwrap())
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/admin/organisations?{query}")).send().await.assert(200).json();
    page["organisations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

on_both_databases! {
    async fn g05_administrators_find_and_repair_and_delete_organisations(database: Database) {
        let app = TestApp::new(database).await;
        let root = administrator(&app, "root").await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let mut paths = Vec::new();
        for name in ["Engines", "Café 100%", "Looms"] {
            app.clock.advance(std::time::Duration::from_millis(2));
            let path = organisation(&ada).await;
            ada.patch(&path).json(&json!({ "name": name })).await.assert(200);
            paths.push(path);
        }
        assert_eq!(names(&root, "").await, ["Looms", "Café 100%", "Engines"]);
        assert_eq!(names(&root, "search=CAFE").await, ["Café 100%"]);
        assert_eq!(names(&root, "search=0%25").await, ["Café 100%"]);
        assert_eq!(names(&root, "search=%25%25").await, Vec::<String>::new());
        let id = paths[0].rsplit('/').next().unwrap();
        assert_eq!(names(&root, &format!("search={id}")).await, ["Engines"]);
        let first = root.get("/admin/organisations?limit=2").send().await.assert(200).json();
        let next = first["next"].as_str().unwrap();
        assert_eq!(names(&root, &format!("limit=2&after={next}")).await, ["Engines"]);
        root.get("/admin/organisations?after=x").send().await.assert(400);

        let managed = format!("/admin{}", paths[0]);
        join(&app, &paths[0], bob_id, GroupRole::Member).await;
        let members = root.get(&format!("{managed}/members")).send().await.assert(200).json();
        assert_eq!(members["members"].as_array().unwrap().len(), 2);
        ada.get(&format!("{managed}/members")).send().await.assert(403);
        // Its owner's account is disabled. Another member becomes an owner, and then the account can be deleted.
        app.disable(ada_id).await;
        let account = format!("/admin/accounts/{ada_id}");
        root.delete(&account).send().await.assert(409);
        put(&root, &format!("{managed}/members/{bob_id}"), &json!({ "role": "owner" })).await.assert(204);
        assert_eq!(bob.get(&paths[0]).send().await.assert(200).json()["role"], "owner");
        put(&root, &format!("{managed}/members/{bob_id}"), &json!({ "role": "member" })).await.assert(409);
        for path in &paths[1..] {
            root.delete(&format!("/admin{path}")).send().await.assert(204);
            root.delete(&format!("/admin{path}")).send().await.assert(404);
        }
        root.delete(&account).send().await.assert(204);
        let trail = app.place.sql("SELECT event FROM audit_events WHERE event LIKE 'admin.organisation%'").await;
        assert!(trail.len() >= 8, "{trail:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM audit_events WHERE event = 'organisation.deleted' AND actor_id = 1").await, "2");

        // The console.
        let browser = app.stranger().log_in_with_cookie(&email("root")).await;
        let here = format!("/console{}", paths[0]);
        assert!(browser.get("/console/organisations?search=engin").send().await.assert(200).text().contains(&here));
        assert!(browser.get(&here).send().await.assert(200).text().contains("bob@example.com"));
        browser.post(&here).form(&[("act", "delete"), ("name", "Looms")]).await.assert(422);
        let gone = browser.post(&here).form(&[("act", "delete"), ("name", "Engines")]).await.assert(303);
        assert_eq!(gone.header("location"), "/console/organisations?done=organisation-deleted");
        bob.get(&paths[0]).send().await.assert(404);
        let user = app.stranger().log_in_with_cookie(&email("bob")).await;
        user.get("/console/organisations").send().await.assert(403);
    }
}
