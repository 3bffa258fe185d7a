//! Organisations over HTTP: who may do what in one, what remains when several act concurrently, and what strangers see.

mod console;
mod invitations;
mod pages;
mod services;

use http::Method;
use portcullis_server::accounts::AccountId;
use portcullis_server::groups::{self, GroupId, GroupRole};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email};

const SCOPES: &str = "profile:read account organisations:read organisations:write";
/// How often two owners leave at the same moment.
const ROUNDS: usize = 40;

/// Signs up, and logs in with the scopes of organisations.
async fn person(app: &TestApp, name: &str) -> (i64, Client) {
    let id = app.sign_up(name).await;
    (id, log_in(&app.stranger(), name).await)
}

async fn log_in(stranger: &Client, name: &str) -> Client {
    let answer = stranger.post("/login").form_owned(&email(name), PASSWORD, SCOPES).await.assert(200);
    stranger.with_token(answer.json()["access_token"].as_str().unwrap())
}

/// Creates an organisation and returns its path.
async fn organisation(owner: &Client) -> String {
    let made = owner.post("/organisations").json(&json!({ "name": "Engines" })).await.assert(201).json();
    format!("/organisations/{}", made["id"].as_str().unwrap())
}

fn id_of(path: &str) -> GroupId {
    GroupId::new(Uuid::try_parse(path.rsplit('/').next().unwrap()).unwrap())
}

/// Makes an account a member, as an application that mounts the server does.
async fn join(app: &TestApp, organisation: &str, account: i64, role: GroupRole) {
    let mut tx = app.app.db().begin().await.unwrap();
    let now = app.clock.now();
    groups::add_member(&mut tx, id_of(organisation), AccountId::new(account), role, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client.call(Method::PUT, path).json(body).await
}

async fn set_role(client: &Client, organisation: &str, account: i64, role: &str) -> Answer {
    put(client, &format!("{organisation}/members/{account}"), &json!({ "role": role })).await
}

/// Creates a team, inside `parent` if that is given, and returns its id.
async fn team(client: &Client, organisation: &str, parent: Option<&str>) -> Answer {
    let body =
        parent.map_or(json!({ "name": "Team" }), |parent| json!({ "name": "Team", "parent_id": parent }));
    client.post(&format!("{organisation}/teams")).json(&body).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Calls every operation of an organisation, its members and its teams, on this account and team.
async fn every_act(client: &Client, organisation: &str, account: i64, team: &str) -> Vec<(String, Answer)> {
    let acts = [
        ("GET", String::new(), None),
        ("PATCH", String::new(), Some(json!({ "name": "Other" }))),
        ("GET", "/members".to_owned(), None),
        ("PUT", format!("/members/{account}"), Some(json!({ "role": "member" }))),
        ("DELETE", format!("/members/{account}"), None),
        ("POST", "/hand-over".to_owned(), Some(json!({ "account_id": account }))),
        ("GET", "/teams".to_owned(), None),
        ("POST", "/teams".to_owned(), Some(json!({ "name": "Another" }))),
        ("PATCH", format!("/teams/{team}"), Some(json!({ "name": "Other" }))),
        ("GET", format!("/teams/{team}/members"), None),
        ("GET", format!("/teams/{team}/service-accounts"), None),
        ("PUT", format!("/teams/{team}/members/{account}"), None),
        ("DELETE", format!("/teams/{team}/members/{account}"), None),
        ("DELETE", format!("/teams/{team}"), None),
        ("DELETE", String::new(), None),
    ];
    let mut answers = Vec::new();
    for (method, path, body) in acts {
        let call = client.call(method.parse().unwrap(), &format!("{organisation}{path}"));
        let answer = match body {
            Some(body) => call.json(&body).await,
            None => call.send().await,
        };
        answers.push((format!("{method} {path}"), answer));
    }
    answers
}

on_both_databases! {
    async fn z04_an_organisation_does_not_exist_for_strangers(database: Database) {
        let app = TestApp::new(database).await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (_, eve) = person(&app, "eve").await;
        let engines = organisation(&ada).await;
        let of_ada = id(&team(&ada, &engines, None).await.assert(201));
        let nowhere = format!("/organisations/{}", Uuid::from_u128(7));
        let there = every_act(&eve, &engines, ada_id, &of_ada).await;
        let absent = every_act(&eve, &nowhere, ada_id, &of_ada).await;
        let senseless = every_act(&eve, "/organisations/x", ada_id, "y").await;
        for ((act, one), ((_, other), (_, third))) in there.iter().zip(absent.iter().zip(&senseless)) {
            assert_eq!((one.status.as_u16(), &one.body), (404, &other.body), "{act}");
            assert_eq!((other.status.as_u16(), third.status.as_u16()), (404, 404), "{act}");
            assert_eq!(third.body, other.body, "{act}");
        }
        eve.post(&format!("{engines}/leave")).send().await.assert(404);
        // A caller's own organisation gives no access to other organisations' teams.
        let own = organisation(&eve).await;
        eve.patch(&format!("{own}/teams/{of_ada}")).json(&json!({ "name": "Mine" })).await.assert(404);
        team(&eve, &own, Some(&of_ada)).await.assert(404);
        assert_eq!(ada.get(&engines).send().await.assert(200).json()["name"], "Engines");
        assert_eq!(ada.get(&format!("{engines}/teams")).send().await.assert(200).json()["teams"][0]["name"], "Team");
    }

    async fn z04_a_member_is_told_which_role_an_act_requires(database: Database) {
        let app = TestApp::new(database).await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let engines = organisation(&ada).await;
        let sales = id(&team(&ada, &engines, None).await.assert(201));
        for (role, own_words) in [(GroupRole::Member, "`admin` or `owner`"), (GroupRole::Admin, "`owner`")] {
            join(&app, &engines, bob_id, role).await;
            for (act, answer) in every_act(&bob, &engines, ada_id, &sales).await {
                let is_owners = act.starts_with("PUT /members") || act == "POST /hand-over" || act == "DELETE "
                    || (act.starts_with("DELETE /members") && role == GroupRole::Admin);
                let words = if is_owners { "`owner`" } else { own_words };
                let is_for_members = act.starts_with("GET") && !act.ends_with("service-accounts");
                let may = is_for_members || (role == GroupRole::Admin && !is_owners);
                if may {
                    assert!(answer.status.is_success(), "{act} as {role:?}: {}", answer.text());
                } else {
                    assert_eq!(answer.status.as_u16(), 403, "{act} as {role:?}: {}", answer.text());
                    assert!(answer.text().contains(&format!("role {words} in")), "{act} as {role:?}: {}", answer.text());
                }
            }
        }
        // An administrator removes members, but no other administrator.
        let (carl_id, _) = person(&app, "carl").await;
        join(&app, &engines, carl_id, GroupRole::Admin).await;
        bob.delete(&format!("{engines}/members/{carl_id}")).send().await.assert(403);
        set_role(&ada, &engines, carl_id, "member").await.assert(204);
        bob.delete(&format!("{engines}/members/{carl_id}")).send().await.assert(204);
        bob.delete(&format!("{engines}/members/{carl_id}")).send().await.assert(404);
    }

    async fn s09_z02_a_membership_that_ends_counts_from_the_next_request_on_every_instance(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let elsewhere = other.stranger().with_token(bob.token());
        let engines = organisation(&ada).await;
        let sales = id(&team(&ada, &engines, None).await);
        for _ in 0..5 {
            join(&app, &engines, bob_id, GroupRole::Admin).await;
            put(&ada, &format!("{engines}/teams/{sales}/members/{bob_id}"), &json!(null)).await.assert(204);
            for one in [&bob, &elsewhere] {
                one.get(&engines).send().await.assert(200);
                one.patch(&engines).json(&json!({ "name": "Engines" })).await.assert(200);
            }
            set_role(&ada, &engines, bob_id, "member").await.assert(204);
            for one in [&elsewhere, &bob] {
                one.patch(&engines).json(&json!({ "name": "Engines" })).await.assert(403);
            }
            ada.delete(&format!("{engines}/members/{bob_id}")).send().await.assert(204);
            for one in [&elsewhere, &bob] {
                one.get(&engines).send().await.assert(404);
                one.get(&format!("{engines}/members")).send().await.assert(404);
                one.get(&format!("{engines}/teams/{sales}/members")).send().await.assert(404);
                one.patch(&engines).json(&json!({ "name": "Bob's" })).await.assert(404);
                assert_eq!(one.get("/organisations").send().await.assert(200).json()["organisations"], json!([]));
            }
            // The organisation's teams are deleted with it.
            assert_eq!(app.place.value(&format!("SELECT count(*) FROM memberships WHERE account_id = {bob_id}")).await, "0");
        }
    }

    async fn z02_no_request_succeeds_that_begins_after_a_removal(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let elsewhere = other.stranger().with_token(bob.token());
        let engines = organisation(&ada).await;
        for _ in 0..3 {
            join(&app, &engines, bob_id, GroupRole::Admin).await;
            let rename = |client: &Client| {
                let call = client.patch(&engines);
                async move { call.json(&json!({ "name": "Bob's" })).await.status.as_u16() }
            };
            let many = futures_util::future::join_all((0..25).flat_map(|_| [rename(&bob), rename(&elsewhere)]));
            let remove = async {
                ada.delete(&format!("{engines}/members/{bob_id}")).send().await.assert(204);
                ada.patch(&engines).json(&json!({ "name": "Ada's" })).await.assert(200);
            };
            let (statuses, ()) = tokio::join!(many, remove);
            assert!(statuses.iter().all(|status| matches!(status, 200 | 404)), "{statuses:?}");
            assert_eq!(ada.get(&engines).send().await.json()["name"], "Ada's");
        }
    }

    async fn z08_of_two_owners_who_leave_at_once_one_stays(database: Database) {
        let app = TestApp::new(database).await;
        let other = app.again().await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let bob = other.stranger().with_token(bob.token());
        for round in 0..ROUNDS {
            let engines = organisation(&ada).await;
            join(&app, &engines, bob_id, GroupRole::Owner).await;
            let leave = |client: &Client| client.post(&format!("{engines}/leave")).send();
            let step_down = |client: &Client, own| {
                let call = client.call(Method::PUT, &format!("{engines}/members/{own}"));
                async move { call.json(&json!({ "role": "member" })).await }
            };
            let outcomes = match round % 4 {
                0 => tokio::join!(leave(&ada), leave(&bob)),
                1 => tokio::join!(step_down(&ada, ada_id), leave(&bob)),
                2 => tokio::join!(step_down(&ada, ada_id), step_down(&bob, bob_id)),
                // Each removes the other.
                _ => tokio::join!(
                    ada.delete(&format!("{engines}/members/{bob_id}")).send(),
                    bob.delete(&format!("{engines}/members/{ada_id}")).send()
                ),
            };
            let mut statuses = [outcomes.0.status.as_u16(), outcomes.1.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses[0], 204, "round {round}: {outcomes:?}");
            assert!(statuses[1] == 409 || (round % 4 == 3 && statuses[1] == 404), "round {round}: {outcomes:?}");
            let owners = "SELECT count(*) FROM memberships m WHERE m.role = 'owner' AND m.group_id NOT IN (SELECT id FROM groups WHERE name = 'Done')";
            assert_eq!(app.place.value(owners).await, "1", "round {round}");
            app.place.sql("UPDATE groups SET name = 'Done'").await;
            app.place.sql("UPDATE memberships SET role = 'member'").await;
        }
    }

    async fn z08_an_organisation_is_handed_over_in_one_act(database: Database) {
        let app = TestApp::new(database).await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let (eve_id, _) = person(&app, "eve").await;
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Member).await;
        ada.post(&format!("{engines}/leave")).send().await.assert(409);
        ada.delete(&format!("{engines}/members/{ada_id}")).send().await.assert(409);
        set_role(&ada, &engines, ada_id, "admin").await.assert(409);
        // The only owner's account cannot be deleted.
        let refused = ada.delete("/account").send().await.assert(409);
        assert!(refused.text().contains("only owner of an organisation"), "{}", refused.text());
        let hand_over = async |client: &Client, to| client.post(&format!("{engines}/hand-over")).json(&json!({ "account_id": to })).await;
        hand_over(&ada, eve_id).await.assert(404);
        hand_over(&ada, 999).await.assert(404);
        app.disable(bob_id).await;
        hand_over(&ada, bob_id).await.assert(404);
        app.enable(bob_id).await;
        hand_over(&ada, bob_id).await.assert(204);
        hand_over(&ada, bob_id).await.assert(403);
        let bob = { drop(bob); log_in(&app.stranger(), "bob").await };
        assert_eq!(bob.get(&engines).send().await.assert(200).json()["role"], "owner");
        assert_eq!(ada.get(&engines).send().await.assert(200).json()["role"], "admin");
        ada.delete("/account").send().await.assert(204);
        // A disabled owner does not count.
        let (carl_id, _) = person(&app, "carl").await;
        join(&app, &engines, carl_id, GroupRole::Owner).await;
        app.disable(carl_id).await;
        bob.post(&format!("{engines}/leave")).send().await.assert(409);
        app.enable(carl_id).await;
        bob.post(&format!("{engines}/leave")).send().await.assert(204);
    }

    async fn z08_an_owner_who_is_leaving_does_not_count(database: Database) {
        let app = TestApp::with(database, |config| config.deletion_grace = std::time::Duration::from_hours(24)).await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (_, bob) = person(&app, "bob").await;
        let engines = organisation(&bob).await;
        join(&app, &engines, ada_id, GroupRole::Owner).await;
        let outcomes = tokio::join!(ada.delete("/account").send(), bob.delete("/account").send());
        let mut statuses = [outcomes.0.status.as_u16(), outcomes.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{outcomes:?}");
        let stays = if outcomes.0.status == 409 { &ada } else { &bob };
        stays.post(&format!("{engines}/leave")).send().await.assert(409);
    }

    async fn s10_what_takes_an_organisation_away_needs_a_fresh_log_in(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, _) = person(&app, "bob").await;
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Member).await;
        // An access token does not live that long.
        let ada = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(601);
        for (act, answer) in every_act(&ada, &engines, bob_id, &Uuid::nil().to_string()).await {
            let is_fresh = act.starts_with("PUT /members") || act == "POST /hand-over" || act == "DELETE ";
            assert_eq!(answer.status == 401, is_fresh, "{act}: {}", answer.text());
            assert_eq!(answer.text().contains("10 minutes"), is_fresh, "{act}");
        }
        let ada = log_in(&app.stranger(), "ada").await;
        ada.delete(&engines).send().await.assert(204);
        ada.get(&engines).send().await.assert(404);
        assert_eq!(app.place.value("SELECT count(*) FROM memberships").await, "0");
        // Without the scopes, there is nothing to see.
        let usual = app.log_in("ada").await;
        usual.get("/organisations").send().await.assert(403);
        usual.post("/organisations").json(&json!({ "name": "Engines" })).await.assert(403);
    }

    async fn d06_lists_go_on_by_cursors_and_are_bounded(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let mut made = Vec::new();
        for _ in 0..50 {
            made.push(organisation(&ada).await);
        }
        let most = ada.post("/organisations").json(&json!({ "name": "One more" })).await.assert(409);
        assert!(most.text().contains("50 organisations"), "{}", most.text());
        let engines = &made[0];
        for number in 0..104 {
            let id = match database {
                crate::support::Database::Sqlite => format!("INSERT INTO accounts (email, full_name, is_active, created_at, updated_at) VALUES ('m{number}@example.com', 'Member {number}', 1, 0, 0)"),
                crate::support::Database::Postgres => format!("INSERT INTO accounts (email, full_name, is_active, created_at, updated_at) VALUES ('m{number}@example.com', 'Member {number}', TRUE, 0, 0)"),
            };
            app.place.sql(&id).await;
        }
        let engines_id = id_of(engines);
        let literal = match database {
            crate::support::Database::Sqlite => format!("x'{}'", Uuid::try_parse(&engines_id.to_string()).unwrap().simple()),
            crate::support::Database::Postgres => format!("'{engines_id}'"),
        };
        app.place.sql(&format!("INSERT INTO memberships (account_id, group_id, role, created_at) SELECT id, {literal}, 'member', 0 FROM accounts WHERE email LIKE 'm%'")).await;
        let members = format!("{engines}/members");
        let first = ada.get(&format!("{members}?limit=100")).send().await.assert(200).json();
        assert_eq!(first["members"].as_array().unwrap().len(), 100);
        let next = first["next"].as_str().unwrap();
        let second = ada.get(&format!("{members}?limit=100&after={next}")).send().await.assert(200).json();
        assert_eq!(second["members"].as_array().unwrap().len(), 5);
        assert_eq!(second["next"], Value::Null);
        assert_eq!(ada.get(&members).send().await.json()["members"].as_array().unwrap().len(), 50);
        ada.get(&format!("{members}?limit=101")).send().await.assert(422);
        ada.get(&format!("{members}?limit=0")).send().await.assert(422);
        let mut tampered = next.to_owned();
        let last = if tampered.pop() == Some('A') { 'B' } else { 'A' };
        tampered.push(last);
        for cursor in [&tampered, "7", next.split_at(1).1] {
            for list in [&members, &"/organisations".to_owned(), &format!("{engines}/teams")] {
                ada.get(&format!("{list}?after={cursor}")).send().await.assert(400);
            }
        }
        let mut seen = Vec::new();
        let mut path = "/organisations?limit=20".to_owned();
        loop {
            let page = ada.get(&path).send().await.assert(200).json();
            seen.extend(page["organisations"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => path = format!("/organisations?limit=20&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 50);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 50);
    }

    async fn a_team_is_of_members_and_stays_in_its_organisation(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let engines = organisation(&ada).await;
        let mut chain: Vec<String> = vec![id(&team(&ada, &engines, None).await.assert(201))];
        for depth in 2..8 {
            let made = team(&ada, &engines, chain.last().map(String::as_str)).await.assert(201);
            assert_eq!(made.json()["depth"], depth);
            chain.push(id(&made));
        }
        let deep = team(&ada, &engines, chain.last().map(String::as_str)).await.assert(409);
        assert!(deep.text().contains("8 levels"), "{}", deep.text());
        let moved = async |team: &str, to: &str| ada.patch(&format!("{engines}/teams/{team}")).json(&json!({ "parent_id": to })).await;
        moved(&chain[0], &chain[2]).await.assert(409);
        moved(&chain[2], &chain[0]).await.assert(200);
        let other = organisation(&ada).await;
        moved(&chain[0], other.rsplit('/').next().unwrap()).await.assert(404);

        let members = format!("{engines}/teams/{}/members", chain[0]);
        let bob_there = format!("{members}/{bob_id}");
        put(&ada, &bob_there, &json!(null)).await.assert(404);
        join(&app, &engines, bob_id, GroupRole::Member).await;
        put(&ada, &bob_there, &json!(null)).await.assert(204);
        put(&ada, &bob_there, &json!(null)).await.assert(204);
        assert_eq!(bob.get(&members).send().await.assert(200).json()["members"][0]["full_name"], "bob");
        bob.post(&format!("{engines}/leave")).send().await.assert(204);
        assert_eq!(ada.get(&members).send().await.assert(200).json()["members"], json!([]));
        join(&app, &engines, bob_id, GroupRole::Member).await;
        put(&ada, &bob_there, &json!(null)).await.assert(204);
        ada.delete(&bob_there).send().await.assert(204);
        ada.delete(&bob_there).send().await.assert(404);
        ada.delete(&format!("{engines}/teams/{}", chain[0])).send().await.assert(204);
        assert_eq!(app.place.value("SELECT count(*) FROM groups WHERE kind = 'team'").await, "0");
    }

    async fn a_name_is_text_without_disguise(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let engines = organisation(&ada).await;
        for name in ["", "   ", "a\nb", "evil\u{202E}gpj.exe", &"x".repeat(101)] {
            ada.post("/organisations").json(&json!({ "name": name })).await.assert_invalid(&["body.name"]);
            ada.patch(&engines).json(&json!({ "name": name })).await.assert_invalid(&["body.name"]);
            ada.post(&format!("{engines}/teams")).json(&json!({ "name": name })).await.assert_invalid(&["body.name"]);
        }
        let longest = "é".repeat(100);
        ada.patch(&engines).json(&json!({ "name": longest })).await.assert(200);
        assert_eq!(ada.get(&engines).send().await.json()["name"], longest);
        // The role and the account never come from the body.
        ada.post("/organisations").json(&json!({ "name": "x", "owner": 2 })).await.assert(422);
    }

    async fn what_happens_in_an_organisation_is_written_down(database: Database) {
        let app = TestApp::new(database).await;
        let (ada_id, ada) = person(&app, "ada").await;
        let (bob_id, bob) = person(&app, "bob").await;
        let engines = organisation(&ada).await;
        join(&app, &engines, bob_id, GroupRole::Member).await;
        let later = || app.clock.advance(std::time::Duration::from_millis(1));
        later();
        set_role(&ada, &engines, bob_id, "admin").await.assert(204);
        later();
        let sales = id(&team(&bob, &engines, None).await.assert(201));
        later();
        ada.delete(&format!("{engines}/members/{bob_id}")).send().await.assert(204);
        later();
        ada.delete(&engines).send().await.assert(204);
        let rows = app.place.sql("SELECT event, COALESCE(account_id, 0), COALESCE(actor_id, 0), detail FROM audit_events WHERE event LIKE 'organisation.%' ORDER BY id").await;
        let organisation = id_of(&engines);
        let expected = [
            ("organisation.created", ada_id, 0, format!("{organisation}")),
            ("organisation.member_role_changed", bob_id, ada_id, format!("{organisation} admin")),
            ("organisation.team_created", 0, bob_id, format!("{organisation} {sales}")),
            ("organisation.member_removed", bob_id, ada_id, format!("{organisation}")),
            ("organisation.deleted", 0, ada_id, format!("{organisation}")),
        ];
        let expected: Vec<Vec<String>> = expected.map(|(event, account, actor, detail)| vec![event.to_owned(), account.to_string(), actor.to_string(), detail]).to_vec();
        assert_eq!(rows, expected);
        let memberships = async || ada.get("/export").send().await.assert(200).json()["memberships"].clone();
        assert_eq!(memberships().await, json!([]));
        self::organisation(&ada).await;
        assert_eq!(memberships().await[0]["role"], "owner");
    }
}
