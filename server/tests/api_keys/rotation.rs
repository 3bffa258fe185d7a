//! A key and its successor.

use super::*;

async fn rotate(owner: &Client, id: &str, hours: Option<u16>) -> Answer {
    let body = hours.map_or(json!({}), |hours| json!({ "overlap_hours": hours }));
    owner.post(&format!("/keys/{id}/rotate")).json(&body).await
}

on_both_databases! {
    async fn h05_both_keys_work_for_the_overlap(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let old = created(&ada, "deploy", "profile:read").await;
        let id = old["id"].as_str().unwrap();
        rotate(&ada, id, Some(25)).await.assert_invalid(&["body.overlap_hours"]);
        let new = rotate(&ada, id, None).await.assert(201).json();
        assert_eq!((&new["name"], &new["scope"]), (&old["name"], &old["scope"]));
        assert_ne!(new["id"], old["id"]);
        assert_eq!(new["expires_at"], old["expires_at"], "as long as the old one was made for");
        let works = async |key: &Value| program(&app, &text(key)).get("/profile").await.status.as_u16();
        assert_eq!((works(&old).await, works(&new).await), (200, 200));
        let listed = ada.get("/keys").send().await.json();
        assert!(listed.as_array().unwrap().iter().any(|key| key["replaced_by"] == new["id"]));
        // It has a successor already; rotate that one instead.
        rotate(&ada, id, None).await.assert(409);
        app.advance(24 * 60 * MINUTE - 1);
        assert_eq!((works(&old).await, works(&new).await), (200, 200));
        app.advance(1);
        assert_eq!((works(&old).await, works(&new).await), (401, 200));
        // Without overlap.
        let ada = app.log_in("ada").await;
        let newest = rotate(&ada, new["id"].as_str().unwrap(), Some(0)).await.assert(201).json();
        assert_eq!((works(&new).await, works(&newest).await), (401, 200));
    }

    async fn h05_the_overlap_does_not_outlive_the_old_key(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let body = json!({ "name": "short", "scope": "profile:read", "expires_in_days": 1 });
        let old = ada.post("/keys").json(&body).await.assert(201).json();
        app.advance(23 * 60 * MINUTE);
        let ada = app.log_in("ada").await;
        let new = rotate(&ada, old["id"].as_str().unwrap(), Some(24)).await.assert(201).json();
        app.advance(60 * MINUTE);
        program(&app, &text(&old)).get("/profile").await.assert(401);
        program(&app, &text(&new)).get("/profile").await.assert(200);
    }

    async fn h05_of_fifty_rotations_at_once_there_is_one_successor(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let ada = app.as_user("ada").await;
        let elsewhere = other.stranger().with_token(ada.token());
        for hours in [24, 0] {
            let old = created(&ada, "deploy", "profile:read").await;
            let before: i64 = app.place.value("SELECT count(*) FROM api_keys").await.parse().unwrap();
            let id = old["id"].as_str().unwrap();
            let race = (0..50).map(|at| rotate(if at & 1 == 0 { &ada } else { &elsewhere }, id, Some(hours)));
            let answers = join_all(race).await;
            let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
            assert_eq!(made.len(), 1);
            let refused = if hours == 0 { 404 } else { 409 };
            assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == refused).count(), 49);
            let after: i64 = app.place.value("SELECT count(*) FROM api_keys").await.parse().unwrap();
            assert_eq!(after - before, i64::from(hours != 0));
            program(&app, &text(&made[0].json())).get("/profile").await.assert(200);
        }
    }
}
