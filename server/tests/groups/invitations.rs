//! Invitations by email: for one address, used once, and only by its owner.

use std::time::Duration;

use http::StatusCode;
use portcullis_server::groups::GroupRole;
use serde_json::{Value, json};

use super::{join, log_in, organisation, person, set_role};
use crate::on_both_databases;
use crate::support::{Answer, Client, Mail, PASSWORD, TestApp, email, process::eventually};

async fn invite(client: &Client, organisation: &str, name: &str, role: &str) -> Answer {
    let body = json!({ "email": email(name), "role": role });
    client.post(&format!("{organisation}/invitations")).json(&body).await
}

async fn accept(client: &Client, token: &str) -> Answer {
    client.post("/invitations/accept").json(&json!({ "token": token })).await
}

/// Confirms the address of an account, which inviting requires.
async fn confirm(app: &TestApp, account: i64) {
    app.place.sql(&format!("UPDATE accounts SET email_verified_at = 1 WHERE id = {account}")).await;
}

/// Somebody with a confirmed address, and their organisation.
async fn owner(app: &TestApp, name: &str) -> (i64, Client, String) {
    let (id, client) = person(app, name).await;
    confirm(app, id).await;
    let path = organisation(&client).await;
    (id, client, path)
}

/// The invitations sent to somebody, oldest first.
async fn invited(app: &TestApp, name: &str) -> Vec<Mail> {
    app.mails_to(name)
        .await
        .into_iter()
        .filter(|mail| mail.subject.contains("invited to an organisation"))
        .collect()
}

async fn token(app: &TestApp, name: &str) -> String {
    invited(app, name).await.pop().unwrap().token.unwrap()
}

async fn open(client: &Client, organisation: &str) -> Vec<Value> {
    let page = client.get(&format!("{organisation}/invitations")).send().await.assert(200).json();
    page["invitations"].as_array().unwrap().clone()
}

async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    let call = client.post(path);
    let call = if client.has_cookie() { call } else { call.header("sec-fetch-site", "same-origin") };
    call.form(form).await
}

on_both_databases! {
    async fn r01_of_fifty_who_use_an_invitation_at_once_one_joins(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (_, ada, engines) = owner(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        invite(&ada, &engines, "bob", "member").await.assert(201);
        let link = token(&app, "bob").await;
        // The row does not contain the token.
        assert!(!app.place.value("SELECT id FROM invitations").await.contains(&link));
        let elsewhere = other.stranger().with_token(bob.token());
        let many = (0..25).flat_map(|_| [accept(&bob, &link), accept(&elsewhere, &link)]);
        let answers = futures_util::future::join_all(many).await;
        let joined = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        let gone = answers.iter().filter(|answer| answer.status == StatusCode::GONE).count();
        assert_eq!((joined, gone), (1, 49));
        assert_eq!(bob.get(&engines).send().await.assert(200).json()["role"], "member");
        assert!(open(&ada, &engines).await.is_empty());
        // Using the emailed link proves the address.
        assert_ne!(app.place.value(&format!("SELECT COALESCE(email_verified_at, 0) FROM accounts WHERE id = {bob_id}")).await, "0");
        accept(&bob, "pclk_x").await.assert(410);
        accept(&bob, "").await.assert(410);
        accept(&app.stranger(), &link).await.assert(401);
    }

    async fn z08_an_invitation_makes_nobody_else_a_member(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        let (_, bob) = person(&app, "bob").await;
        let (eve_id, eve) = person(&app, "eve").await;
        confirm(&app, eve_id).await;
        invite(&ada, &engines, "bob", "admin").await.assert(201);
        let link = token(&app, "bob").await;
        let refused = accept(&eve, &link).await.assert(403);
        assert!(refused.text().contains("another email address") && !refused.text().contains("bob@"), "{}", refused.text());
        eve.get(&engines).send().await.assert(404);
        // Nor on the page, which asks first.
        let browser = app.stranger().log_in_with_cookie(&email("eve")).await;
        let page = browser.get(&format!("/account/invitation?token={link}")).send().await.assert(200);
        assert!(page.text().contains("You are logged in as eve@example.com"), "{}", page.text());
        let asked = post(&browser, "/account/invitation", &[("token", &link), ("act", "join")]).await.assert(303);
        assert_eq!(asked.header("location"), "/account/invitation");
        eve.get(&engines).send().await.assert(404);
        accept(&bob, &link).await.assert(200);
        assert_eq!(bob.get(&engines).send().await.assert(200).json()["role"], "admin");
    }

    async fn z08_an_invitation_ends_with_the_right_of_the_one_who_sent_it(database: Database) {
        let app = TestApp::new(database).await;
        let (_, _, engines) = owner(&app, "ada").await;
        let (bob_id, _) = person(&app, "bob").await;
        app.sign_up("carl").await;
        confirm(&app, bob_id).await;
        for ending in ["demoted", "removed", "left", "disabled", "revoked", "replaced", "expired", "deleted"] {
            join(&app, &engines, bob_id, GroupRole::Admin).await;
            app.advance(24 * 3600);
            let ada = log_in(&app.stranger(), "ada").await;
            let bob = log_in(&app.stranger(), "bob").await;
            invite(&bob, &engines, "carl", "member").await.assert(201);
            let link = token(&app, "carl").await;
            match ending {
                "demoted" => drop(set_role(&ada, &engines, bob_id, "member").await.assert(204)),
                "removed" => drop(ada.delete(&format!("{engines}/members/{bob_id}")).send().await.assert(204)),
                "left" => drop(bob.post(&format!("{engines}/leave")).send().await.assert(204)),
                "disabled" => {
                    app.disable(bob_id).await;
                    app.enable(bob_id).await;
                }
                "revoked" => {
                    let listed = open(&ada, &engines).await;
                    let path = format!("{engines}/invitations/{}", listed[0]["id"].as_str().unwrap());
                    log_in(&app.stranger(), "carl").await.delete(&path).send().await.assert(404);
                    ada.delete(&path).send().await.assert(204);
                    ada.delete(&path).send().await.assert(404);
                }
                "replaced" => drop(invite(&ada, &engines, "carl", "member").await.assert(201)),
                "expired" => app.advance(7 * 24 * 3600),
                _ => drop(ada.delete(&engines).send().await.assert(204)),
            }
            let carl = log_in(&app.stranger(), "carl").await;
            accept(&carl, &link).await.assert(410);
            app.stranger().get(&format!("/account/invitation?token={link}")).send().await.assert(410);
            carl.get(&engines).send().await.assert(404);
        }
    }

    async fn r09_invitations_are_bounded_and_flood_nobody(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        for _ in 0..3 {
            invite(&ada, &engines, "bob", "member").await.assert(201);
        }
        let refused = invite(&ada, &engines, "bob", "member").await.assert(429);
        assert!(!refused.header("retry-after").is_empty());
        assert_eq!(invited(&app, "bob").await.len(), 3);
        // Only the latest is still open.
        assert_eq!(open(&ada, &engines).await.len(), 1);
        for number in 0..97 {
            invite(&ada, &engines, &format!("m{number}"), "member").await.assert(201);
        }
        invite(&ada, &engines, "more", "member").await.assert(429);
        app.advance(24 * 3600 + 1);
        let ada = log_in(&app.stranger(), "ada").await;
        for number in 97..99 {
            invite(&ada, &engines, &format!("m{number}"), "member").await.assert(201);
        }
        let most = invite(&ada, &engines, "more", "member").await.assert(409);
        assert!(most.text().contains("100 open invitations"), "{}", most.text());
        let first = ada.get(&format!("{engines}/invitations?limit=60")).send().await.assert(200).json();
        let next = first["next"].as_str().unwrap();
        let rest = ada.get(&format!("{engines}/invitations?limit=60&after={next}")).send().await.assert(200).json();
        assert_eq!(rest["invitations"].as_array().unwrap().len(), 40);
        app.advance(7 * 24 * 3600);
        let ada = log_in(&app.stranger(), "ada").await;
        assert!(open(&ada, &engines).await.is_empty());
        // Each instance sweeps when it starts.
        let _sweeping = app.again().await;
        eventually("expired invitations are swept", Duration::from_secs(30), async || {
            (app.place.value("SELECT count(*) FROM invitations").await == "0").then_some(())
        })
        .await;
    }

    async fn who_may_invite_whom(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        join(&app, &engines, bob_id, GroupRole::Member).await;
        let member = invite(&bob, &engines, "eve", "member").await.assert(403);
        assert!(member.text().contains("`admin` or `owner`"), "{}", member.text());
        bob.get(&format!("{engines}/invitations")).send().await.assert(403);
        join(&app, &engines, bob_id, GroupRole::Admin).await;
        let unconfirmed = invite(&bob, &engines, "eve", "member").await.assert(409);
        assert!(unconfirmed.text().contains("Confirm your email address"), "{}", unconfirmed.text());
        confirm(&app, bob_id).await;
        invite(&bob, &engines, "eve", "member").await.assert(201);
        let admin = invite(&bob, &engines, "eve", "admin").await.assert(403);
        assert!(admin.text().contains("role `owner`"), "{}", admin.text());
        invite(&ada, &engines, "eve", "owner").await.assert(422);
        invite(&ada, &engines, "bob", "member").await.assert(409);
        let listed = open(&bob, &engines).await;
        assert_eq!((listed.len(), &listed[0]["email"], &listed[0]["invited_by"]), (1, &json!("eve@example.com"), &json!(bob_id)));
        // The audit trail contains no email address.
        let trail = app.place.sql("SELECT detail FROM audit_events WHERE event = 'organisation.invited'").await;
        assert!(!trail.is_empty() && trail.iter().flatten().all(|detail| !detail.contains('@')), "{trail:?}");
        // An existing member keeps the role.
        let (eve_id, eve) = person(&app, "eve").await;
        let link = token(&app, "eve").await;
        join(&app, &engines, eve_id, GroupRole::Admin).await;
        accept(&eve, &link).await.assert(200);
        assert_eq!(eve.get(&engines).send().await.json()["role"], "admin");
    }

    async fn z08_somebody_without_an_account_signs_up_and_joins(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        ada.patch(&engines).json(&json!({ "name": "Engines <b>" })).await.assert(200);
        invite(&ada, &engines, "grace", "member").await.assert(201);
        let mail = invited(&app, "grace").await.pop().unwrap();
        assert!(mail.text.contains("“Engines <b>”") && mail.html.contains("Engines &#60;b&#62;"), "{}", mail.text);
        let link = mail.token.unwrap();
        // r05: a scanner may open it any number of times.
        for _ in 0..3 {
            let page = app.stranger().get(&format!("/account/invitation?token={link}")).send().await.assert(200);
            assert!(page.text().contains("ada invited you to Engines &#60;b&#62;"), "{}", page.text());
            assert_eq!(page.header("referrer-policy"), "no-referrer");
        }
        let go = post(&app.stranger(), "/account/invitation", &[("token", &link), ("act", "sign-up")]).await.assert(303);
        let location = go.header("location").to_owned();
        assert!(location.starts_with("/account/sign-up?kept=") && location.ends_with("&next=%2Faccount%2Finvitation"), "{location}");
        assert!(!location.contains(&link));
        let kept = go.header("set-cookie").to_owned();
        assert!(kept.contains("; HttpOnly") && kept.contains("SameSite=Lax") && kept.contains("Path=/account/invitation"), "{kept}");
        let kept = kept.split(';').next().unwrap();
        assert!(app.stranger().get(&location).send().await.assert(200).text().contains("value=\"grace@example.com\""));
        let form = [("full_name", "Grace"), ("email", "grace@example.com"), ("password", PASSWORD), ("next", "/account/invitation")];
        let arrived = post(&app.stranger(), "/account/sign-up", &form).await.assert(303);
        assert!(arrived.header("location").contains("next=%2Faccount%2Finvitation"), "{}", arrived.header("location"));
        let session = arrived.header("set-cookie").split(';').next().unwrap().to_owned();
        let grace = app.stranger().with_cookie(&format!("{session}; {kept}"));
        let page = grace.get("/account/invitation").send().await.assert(200);
        assert!(page.text().contains("name=\"act\" value=\"join\""), "{}", page.text());
        let joined = post(&grace, "/account/invitation", &[("token", &link), ("act", "join")]).await.assert(303);
        assert_eq!(joined.header("location"), format!("/account{engines}?done=joined"));
        assert!(joined.header("set-cookie").contains("Max-Age=0"));
        let there = grace.get(joined.header("location")).send().await.assert(200);
        assert!(there.text().contains("grace@example.com") && there.text().contains("Welcome! You are now a member."));
        grace.get("/account/invitation").send().await.assert(410);
    }

    async fn a04_a_name_is_no_way_to_write_to_strangers(database: Database) {
        let app = TestApp::new(database).await;
        let (_, _, engines) = owner(&app, "ada").await;
        for name in ["see evil.example now", "https://e", "a@b", &"x".repeat(65)] {
            app.advance(24 * 3600);
            let ada = log_in(&app.stranger(), "ada").await;
            ada.patch(&engines).json(&json!({ "name": name })).await.assert(200);
            invite(&ada, &engines, "bob", "member").await.assert(201);
            let mail = invited(&app, "bob").await.pop().unwrap();
            assert!(!mail.text.contains(name) && mail.text.contains("join an organisation at"), "{}", mail.text);
        }
    }

    async fn members_are_told_what_happens_to_them(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        let (bob_id, _) = person(&app, "bob").await;
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        join(&app, &engines, bob_id, GroupRole::Member).await;
        set_role(&ada, &engines, bob_id, "owner").await.assert(204);
        set_role(&ada, &engines, bob_id, "owner").await.assert(204);
        set_role(&ada, &engines, bob_id, "admin").await.assert(204);
        ada.delete(&format!("{engines}/members/{bob_id}")).send().await.assert(204);
        join(&app, &engines, bob_id, GroupRole::Owner).await;
        ada.delete(&engines).send().await.assert(204);
        let told: Vec<_> = app.mails_to("bob").await.into_iter().map(|mail| mail.text).collect();
        for words in ["You are now an owner.", "You are now an admin.", "no longer a member of “Engines”", "another owner deleted the organisation"] {
            assert_eq!(told.iter().filter(|text| text.contains(words)).count(), 1, "{words}: {told:?}");
        }
    }

    async fn g08_an_invitation_ends_with_the_address_it_was_sent_to(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada, engines) = owner(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        invite(&ada, &engines, "bob", "member").await.assert(201);
        let exported = bob.get("/export").send().await.assert(200).json();
        assert_eq!(exported["invitations"][0]["organisation_id"], engines.rsplit('/').next().unwrap());
        app.delete(bob_id).await;
        assert_eq!(app.place.value("SELECT count(*) FROM invitations").await, "0");
    }
}
