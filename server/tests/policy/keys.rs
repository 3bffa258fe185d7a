//! Programs that use an application's rows with API keys.

use http::Method;
use portcullis::{Api, Json, May, permissions};
use portcullis_server::policy::{Declared, NewGrant, Whom, sharing};
use portcullis_server::{App, CallerOrKey, from_row, groups::GroupId, object};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::on_both_databases;
use crate::support::{Client, PASSWORD, TestApp, email};

#[derive(Serialize, JsonSchema)]
struct Page {
    id: i64,
}
from_row!(Page { id });

permissions! {
    on Page {
        ReadPage "page:read" "Read a page";
        SharePage "page:share" "Share a page";
    }
}
object! { Page: "page" in "pages" {
    roles [reader, manager],
    may { reader: [ReadPage], manager: [ReadPage, SharePage] }
} }

async fn read_page(may: May<CallerOrKey, ReadPage>) -> Json<Page> {
    Json(may.into_object())
}

on_both_databases! {
    /// z02, h02: what is granted to a team is also for the keys of its service accounts, while they are in it.
    async fn z02_h02_a_service_account_reads_what_its_team_may(database: Database) {
        let app = TestApp::new(database).await;
        app.place.sql("CREATE TABLE pages (id BIGINT PRIMARY KEY)").await;
        app.place.sql("INSERT INTO pages VALUES (1), (2)").await;
        let policy = app.app.open_policy(&Declared::new().object::<Page>()).await.unwrap();
        let (router, _) = Api::<App>::new("Pages", "1.0")
            .get("/pages/{id}", read_page)
            .nest("/pages/{id}/grants", sharing::<CallerOrKey, SharePage, _>(&["reader"]))
            .finish()
            .unwrap();
        let router = router.with_state(app.app.clone());
        let ada = app.sign_up("ada").await;
        let scope = "account organisations:read organisations:write page:read";
        let token = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, scope).await.assert(200).json();
        let owner = app.stranger().with_token(token["access_token"].as_str().unwrap());
        let id = |made: &serde_json::Value| made["id"].as_str().unwrap().to_owned();
        let made = owner.post("/organisations").json(&json!({ "name": "Engines" })).await.assert(201).json();
        let here = format!("/organisations/{}", id(&made));
        let team = id(&owner.post(&format!("{here}/teams")).json(&json!({ "name": "Papers" })).await.assert(201).json());
        let robot = owner.post(&format!("{here}/service-accounts")).json(&json!({ "name": "Robot" })).await.assert(201).json();
        let robot = robot["account_id"].as_i64().unwrap();
        let key = json!({ "name": "CI", "scope": "page:read page:share" });
        let key = owner.post(&format!("{here}/service-accounts/{robot}/keys")).json(&key).await.assert(201).json();
        let program = Client::new(router, "192.0.2.1");
        let status = async |path: &str| {
            program.get(path).header("x-api-key", key["key"].as_str().unwrap()).send().await.status.as_u16()
        };
        let group = GroupId::new(Uuid::try_parse(&team).unwrap());
        let mut tx = app.app.db().begin().await.unwrap();
        policy.give(tx.conn(), &NewGrant::of("page", 1, "manager", Whom::Group(group))).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(status("/pages/1").await, 404);
        let member = format!("{here}/teams/{team}/members/{robot}");
        owner.call(Method::PUT, &member).send().await.assert(204);
        assert_eq!((status("/pages/1").await, status("/pages/2").await), (200, 404));
        // It may share, too: its account is proved again in the transaction.
        let share = program.post("/pages/1/grants").header("x-api-key", key["key"].as_str().unwrap());
        let shared = share.json(&json!({ "role": "reader", "to": { "account": ada } })).await.assert(201).json();
        assert_eq!(shared["given_by"], robot);
        owner.delete(&member).send().await.assert(204);
        assert_eq!(status("/pages/1").await, 404);
        let share = program.post("/pages/1/grants").header("x-api-key", key["key"].as_str().unwrap());
        share.json(&json!({ "role": "reader", "to": { "account": ada } })).await.assert(404);
    }
}
