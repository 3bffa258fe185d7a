//! An application that uses the policy: `examples/documents.rs`, over HTTP.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use http::{Method, StatusCode};
use portcullis::testing::Attack;
use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::groups::{self, GroupId, GroupRole};
use portcullis_server::{By, admin, client as acting};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::on_both_databases;
use crate::support::{Client, Database, PASSWORD, TestApp, email};

#[path = "../../examples/documents.rs"]
#[expect(unreachable_pub, dead_code, reason = "it is a program of its own, with a `main`")]
pub mod documents;

/// The example, with its accounts under `/auth`.
struct Office {
    accounts: TestApp,
    router: Router,
}

/// Somebody with an account.
struct Person {
    number: i64,
    client: Client,
}

impl Office {
    async fn new(database: Database) -> Self {
        Self::of(TestApp::with(database, |config| config.public_url = Some(public_url())).await).await
    }

    async fn of(accounts: TestApp) -> Self {
        let router = documents::router(&accounts.app).await.unwrap();
        Self { accounts, router }
    }

    /// A second instance on the same database.
    async fn again(&self) -> Self {
        let mut config = self.accounts.place.config();
        config.public_url = Some(public_url());
        Self::of(self.accounts.again_with(config).await).await
    }

    fn stranger(&self) -> Client {
        Client::new(self.router.clone(), "192.0.2.1")
    }

    async fn join(&self, name: &str) -> Person {
        let body = json!({ "email": email(name), "full_name": name, "password": PASSWORD });
        let account = self.stranger().post("/auth/signup").json(&body).await.assert(201).json();
        Person { number: account["id"].as_i64().unwrap(), client: self.log_in(name, "").await }
    }

    async fn log_in(&self, name: &str, scope: &str) -> Client {
        let answer = self.stranger().post("/auth/login").form_owned(&email(name), PASSWORD, scope).await;
        self.stranger().with_token(answer.assert(200).json()["access_token"].as_str().unwrap())
    }

    /// The application's document, with only tokens for deletions: a deleted thing cannot be deleted again with a
    /// cookie.
    async fn published(&self) -> Value {
        let mut published = self.stranger().get("/openapi.json").send().await.assert(200).json();
        for methods in published["paths"].as_object_mut().unwrap().values_mut() {
            if let Some(security) = methods.pointer_mut("/delete/security") {
                security.as_array_mut().unwrap().retain(|way| way.get("portcullis").is_some());
            }
        }
        published
    }

    /// The cookie of a browser that logs in.
    async fn cookie(&self, name: &str) -> String {
        let form = [("username", &*email(name)), ("password", PASSWORD)];
        let log_in = self.stranger().post("/auth/login/cookie").header("sec-fetch-site", "same-origin");
        let answer = log_in.form(&form).await.assert(204);
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// An organisation of Ada's with a team that has these members.
    async fn team(&self, ada: &Person, members: &[&Person]) -> GroupId {
        let now = self.accounts.clock.now();
        let mut tx = self.accounts.app.db().begin().await.unwrap();
        let acme = groups::create_organisation(&mut tx, "Acme", account(ada), now).await.unwrap();
        let sales = groups::create_team(&mut tx, "Sales", acme, now).await.unwrap();
        for member in members {
            groups::add_member(&mut tx, sales, account(member), GroupRole::Member, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        sales
    }

    async fn leave(&self, group: GroupId, member: &Person) {
        let mut tx = self.accounts.app.db().begin().await.unwrap();
        groups::remove_member(&mut tx, group, account(member)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Logs in once per scope, because a login costs a hash, and the attack requests a valid credential hundreds of times.
fn tokens(stranger: Client, name: &'static str) -> impl Fn(&[&str]) -> String {
    let known = Mutex::new(HashMap::new());
    move |scopes: &[&str]| {
        // One more, which no route demands, because a request without scopes gets all.
        let (scope, address) = (format!("offline_access {}", scopes.join(" ")), email(name));
        let log_in = async {
            let form = stranger.post("/auth/login").form_owned(&address, PASSWORD, scope.trim());
            form.await.assert(200).json()["access_token"].as_str().unwrap().to_owned()
        };
        let wait = || block_in_place(|| Handle::current().block_on(log_in));
        known.lock().unwrap().entry(scope.clone()).or_insert_with(wait).clone()
    }
}

fn public_url() -> portcullis_server::config::PublicUrl {
    "http://localhost:3000/auth".parse().unwrap()
}

fn account(person: &Person) -> AccountId {
    AccountId::new(person.number)
}

impl Person {
    async fn status(&self, path: &str) -> u16 {
        self.client.get(path).send().await.status.as_u16()
    }

    async fn make(&self, path: &str, body: &Value) -> String {
        self.client.post(path).json(body).await.assert(201).json()["id"].as_str().unwrap().to_owned()
    }

    async fn folder(&self, name: &str, parent: Option<&str>) -> String {
        self.make("/folders", &json!({ "name": name, "parent_id": parent })).await
    }

    async fn document(&self, folder: &str) -> String {
        self.make(&format!("/folders/{folder}/documents"), &json!({ "title": "Plan", "body": "…" })).await
    }

    async fn share(&self, path: &str, role: &str, to: Value) -> String {
        self.make(&format!("{path}/grants"), &json!({ "role": role, "to": to })).await
    }

    /// Creates a link to a document: its ID, token and so on.
    async fn link(&self, path: &str, body: &Value) -> Value {
        self.client.post(&format!("{path}/links")).json(body).await.assert(201).json()
    }

    async fn put(&self, path: &str, title: &str) -> crate::support::Answer {
        self.client
            .call(Method::PUT, path)
            .json(&json!({ "title": title, "body": "", "is_public": false }))
            .await
    }

    async fn listed(&self, path: &str) -> Vec<String> {
        let rows = self.client.get(path).send().await.assert(200).json();
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }
}

on_both_databases! {
    async fn people_share_what_is_theirs(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let path = &format!("/documents/{document}");
        assert_eq!(ada.client.get(path).send().await.assert(200).json()["owner_id"], ada.number);
        // For everyone else it does not exist: every response is that of a row that does not exist.
        let none = &format!("/documents/{}", uuid::Uuid::nil());
        let [hidden, missing] = [ben.client.get(path).send().await, ben.client.get(none).send().await];
        assert_eq!((hidden.status.as_u16(), hidden.text()), (404, missing.text()));
        assert_eq!(ben.listed("/documents").await, [""; 0]);

        let grant = ada.share(path, "viewer", json!({ "email": email("ben") })).await;
        assert_eq!(ben.status(path).await, 200);
        assert_eq!(ben.listed("/documents").await, [document.as_str()]);
        let refused = ben.put(path, "Mine").await.assert(403).json();
        assert_eq!(refused["permission"], "document:write");
        assert_eq!(ben.client.get(&format!("{path}/grants")).send().await.assert(403).json()["permission"], "document:share");

        // The same grant again with an expiry, which then takes effect.
        let again = json!({ "role": "viewer", "to": { "account": ben.number }, "expires_in": 60 });
        let again = ada.client.post(&format!("{path}/grants")).json(&again).await.assert(201).json();
        assert_eq!((&again["id"], &again["given_by"]), (&json!(grant), &json!(ada.number)));
        office.accounts.advance(59);
        assert_eq!(ben.status(path).await, 200);
        office.accounts.advance(1);
        assert_eq!(ben.status(path).await, 404);
        assert_eq!(ada.client.get(&format!("{path}/grants")).send().await.assert(200).json()["grants"], json!([]));

        // On the folder: for everything inside it at any depth, until it is taken away again.
        let below = ada.folder("Below", Some(&folder)).await;
        let deep = ada.document(&below).await;
        let grant = ada.share(&format!("/folders/{folder}"), "editor", json!({ "email": email("ben") })).await;
        ben.put(&format!("/documents/{deep}"), "Ours").await.assert(204);
        assert_eq!(ben.listed("/folders").await, [folder.as_str(), below.as_str()]);
        let bens = ben.document(&below).await;
        ada.client.delete(&format!("/folders/{folder}/grants/{grant}")).send().await.assert(204);
        ben.put(&format!("/documents/{deep}"), "Mine").await.assert(404);
        // He keeps his own.
        assert_eq!(ben.listed("/documents").await, [bens.as_str()]);

        // Deleted with its grants.
        ada.share(path, "viewer", json!({ "account": ben.number })).await;
        ada.client.delete(path).send().await.assert(204);
        assert_eq!((ada.status(path).await, ben.status(path).await), (404, 404));
        let count = "SELECT count(*) FROM grants WHERE object_type = 'document'";
        assert_eq!(office.accounts.place.value(count).await, "0");
        let events = "SELECT event FROM audit_events WHERE event LIKE 'grant.%' ORDER BY event";
        let events = office.accounts.place.sql(events).await.concat();
        assert_eq!(events, ["grant.given", "grant.given", "grant.given", "grant.given", "grant.taken"]);
    }

    async fn a_public_document_is_everybodys_to_read(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let text = json!({ "title": "Open", "body": "", "is_public": true });
        let path = format!("/documents/{}", ada.make(&format!("/folders/{folder}/documents"), &text).await);
        assert_eq!(ben.status(&path).await, 200);
        ben.put(&path, "Mine").await.assert(403);
        ada.put(&path, "Closed").await.assert(204);
        assert_eq!(ben.status(&path).await, 404);
        assert_eq!(office.stranger().get(&path).send().await.status, 401);
    }

    /// A caller may do what both the token and the policy allow.
    async fn a_token_is_capped_by_the_permissions_that_it_names(database: Database) {
        let office = Office::new(database).await;
        let ada = office.join("ada").await;
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let path = &format!("/documents/{document}");
        let reader = Person { number: ada.number, client: office.log_in("ada", "document:read").await };
        assert_eq!(reader.status(path).await, 200);
        let refused = reader.put(path, "More").await.assert(403);
        assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{}", refused.text());
        assert_eq!(reader.status("/folders").await, 403);
        assert_eq!(reader.status("/auth/profile").await, 403);
        // Undeclared permissions are unknown, and administrators' permissions cannot be granted by the application.
        let form = async |scope: &str| {
            office.stranger().post("/auth/login").form_owned(&email("ada"), PASSWORD, scope).await
        };
        form("document:burn").await.assert(400);
        let scope = form("document:read accounts:read").await.assert(200).json()["scope"].clone();
        assert_eq!(scope, "document:read");
        // A browser's session has them all.
        let cookie = office.cookie("ada").await;
        office.stranger().with_cookie(&cookie).get(path).send().await.assert(200);
    }

    /// An ID in a body is decided in the transaction that uses it.
    async fn an_id_in_a_body_is_decided_too(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let body = json!({ "name": "Inside", "parent_id": folder });
        ben.client.post("/folders").json(&body).await.assert(404);
        ada.share(&format!("/folders/{folder}"), "viewer", json!({ "account": ben.number })).await;
        let refused = ben.client.post("/folders").json(&body).await.assert(403).json();
        assert_eq!(refused["permission"], "folder:write");
        ada.share(&format!("/folders/{folder}"), "editor", json!({ "account": ben.number })).await;
        ben.client.post("/folders").json(&body).await.assert(201);
        assert_eq!(office.accounts.place.value("SELECT count(*) FROM folders").await, "2");
        // A tree that is too deep is a conflict.
        let mut parent = folder;
        for _ in 0..31 {
            parent = ada.folder("Deeper", Some(&parent)).await;
        }
        ada.client.post("/folders").json(&json!({ "name": "Deepest", "parent_id": parent })).await.assert(409);
    }

    /// s09, z02: memberships are not cached, neither in a token nor in a process.
    async fn s09_z02_a_membership_taken_away_counts_from_the_other_instances_next_request(database: Database) {
        let office = Office::new(database).await;
        let other = office.again().await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let there = other.stranger().with_token(ben.client.token());
        let folder = ada.folder("Plans", None).await;
        let path = &format!("/documents/{}", ada.document(&folder).await);
        for _ in 0..3 {
            let team = office.team(&ada, &[&ben]).await;
            there.get(path).send().await.assert(404);
            ada.share(&format!("/folders/{folder}"), "editor", json!({ "group": team.to_string() })).await;
            there.get(path).send().await.assert(200);
            // 50 requests during the removal: none that begins after the commit is let in.
            let asked = (0..50).map(|_| {
                let (there, path) = (there.clone(), path.clone());
                tokio::spawn(async move { there.get(&path).send().await.status.as_u16() })
            });
            let asked: Vec<_> = asked.collect();
            office.leave(team, &ben).await;
            there.get(path).send().await.assert(404);
            let listed = there.get("/documents").send().await.assert(200).json();
            assert_eq!(listed, json!([]));
            for status in asked {
                assert!(matches!(status.await.unwrap(), 200 | 404));
            }
        }
    }

    /// z04: the sharing routes are for those who may share, and show no more than that.
    async fn z04_who_may_share_asks_why(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben, cyd) = (office.join("ada").await, office.join("ben").await, office.join("cyd").await);
        let folder = ada.folder("Plans", None).await;
        let path = &format!("/documents/{}", ada.document(&folder).await);
        let why = |who: &str, permission: &str| format!("{path}/grants/explain?who={who}&permission={permission}");
        let missing = format!("/documents/{}/grants/explain?who=1&permission=document:read", uuid::Uuid::nil());
        let [hidden, missing] =
            [ben.client.get(&why("1", "document:read")).send().await, ben.client.get(&missing).send().await];
        assert_eq!((hidden.status.as_u16(), hidden.text()), (404, missing.text()));
        let team = office.team(&ada, &[&cyd]).await;
        ada.share(&format!("/folders/{folder}"), "viewer", json!({ "group": team.to_string() })).await;
        cyd.client.get(&why("1", "document:read")).send().await.assert(403);

        let ask = async |who: &str, permission: &str| ada.client.get(&why(who, permission)).send().await.assert(200).json();
        let owner = ask(&ada.number.to_string(), "document:write").await;
        assert_eq!((&owner["is_allowed"], &owner["reasons"][0]["term"]), (&json!(true), &json!("owner")));
        // Allowed by a grant on the folder, which is not shown to those who may only share the document.
        let viewer = ask(&email("cyd"), "document:read").await;
        let reason = json!({ "term": "viewer", "on": "folder", "grant": null });
        assert_eq!((&viewer["account"], &viewer["reasons"]), (&json!(cyd.number), &json!([reason])));
        let not = ask(&email("ben"), "document:read").await;
        assert_eq!((&not["is_allowed"], &not["reasons"]), (&json!(false), &json!([])));
        let grant = ada.share(path, "editor", json!({ "account": ben.number })).await;
        assert_eq!(ask(&email("ben"), "document:write").await["reasons"][0]["grant"]["id"], json!(grant));

        ada.client.get(&why("zoe@example.com", "document:read")).send().await.assert(422);
        ada.client.get(&why("1", "folder:read")).send().await.assert(422);
    }

    /// An administrator sees every reason, and what would allow it; everyone else is rejected.
    async fn z04_an_administrator_asks_why(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let operator = acting::Client::local("operator");
        let (target, role) = (account(&ben), Role::Admin);
        admin::set_role(&office.accounts.app, target, role, By::operator(&operator)).await.unwrap();
        let root = office.log_in("ben", "accounts:read").await;
        let why = |who: &Person, permission: &str, object: &str| {
            format!("/auth/admin/accounts/{}/access?permission={permission}&object={object}", who.number)
        };
        let on = format!("document:{document}");
        let hers = root.get(&why(&ada, "document:write", &on)).send().await.assert(200).json();
        assert_eq!(hers["is_allowed"], true);
        let reasons = hers["reasons"].to_string();
        assert!(reasons.contains("owner") && reasons.contains(&format!("manager on folder:{folder}")), "{reasons}");
        let his = root.get(&why(&ben, "document:read", &on)).send().await.assert(200).json();
        assert_eq!((&his["is_allowed"], &his["reasons"]), (&json!(false), &json!([])));
        assert!(his["would_be_allowed_by"].to_string().contains(&format!("folder:{folder}")), "{his}");
        for (permission, object) in [("document:burn", &*on), ("folder:read", &*on), ("document:read", "x:1"), ("document:read", "document:1")] {
            root.get(&why(&ada, permission, object)).send().await.assert(404);
        }
        ada.client.get(&why(&ada, "document:read", &on)).send().await.assert(403);
        let noted = "SELECT count(*) FROM audit_events WHERE event = 'admin.account_read' AND detail LIKE 'access to %'";
        assert_eq!(office.accounts.place.value(noted).await, "2");
    }

    /// The same in the console, in words.
    async fn z04_g05_the_console_explains_access(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben, cyd) = (office.join("ada").await, office.join("ben").await, office.join("cyd").await);
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let team = office.team(&ada, &[&cyd]).await;
        ada.share(&format!("/folders/{folder}"), "editor", json!({ "group": team.to_string() })).await;
        let operator = acting::Client::local("operator");
        admin::set_role(&office.accounts.app, account(&ben), Role::Admin, By::operator(&operator)).await.unwrap();
        let root = office.stranger().with_cookie(&office.cookie("ben").await);
        let page = |who: i64, permission: &str, object: &str| {
            format!("/auth/console/accounts/{who}/access?permission={permission}&object={object}")
        };
        let link = format!("/auth/console/accounts/{}/access", ada.number);
        let hers = root.get(&format!("/auth/console/accounts/{}", ada.number)).send().await.assert(200).text();
        assert!(hers.contains(&link), "{hers}");
        let empty = root.get(&link).send().await.assert(200).text();
        assert!(empty.contains("Access of ada") && empty.contains("document:read – Read your documents"), "{empty}");
        assert!(!empty.contains("answer-title"));

        let on = &format!("document:{document}");
        let read = async |path: &str| root.get(path).send().await.assert(200).text();
        let owner = read(&page(ada.number, "document:write", on)).await;
        for words in ["Allowed because", "The account owns the object.", &format!("The role manager on folder:{folder}"), "The application"] {
            assert!(owner.contains(words), "{words}: {owner}");
        }
        let member = read(&page(cyd.number, "document:write", on)).await;
        for words in ["Sales", &format!("The role editor on folder:{folder}"), &format!("console/accounts/{}", ada.number)] {
            assert!(member.contains(words), "{words}: {member}");
        }
        let refused = read(&page(cyd.number, "document:share", on)).await;
        assert!(refused.contains("responds with 403") && refused.contains("the role manager on document:"), "{refused}");
        let hidden = read(&page(ben.number, "document:read", on)).await;
        assert!(hidden.contains("responds with 404") && hidden.contains("The object is marked as public."), "{hidden}");
        let missing = read(&page(ben.number, "document:read", &format!("document:{}", uuid::Uuid::nil()))).await;
        assert!(missing.contains("There is no such object"), "{missing}");
        for wrong in ["folder:1", "1", "document:1", "%3Cscript%3E"] {
            let asked = root.get(&page(ada.number, "document:read", wrong)).send().await.assert(422).text();
            assert!(asked.contains("Enter document: and the ID.") && !asked.contains("<script>"), "{asked}");
        }
        root.get(&page(ada.number, "document:burn", on)).send().await.assert(404);
        root.get(&page(99, "document:read", on)).send().await.assert(404);
        let german = read(&format!("{}&lang=de", page(ada.number, "document:read", on))).await;
        assert!(german.contains("Das Konto ist Eigentümer des Objekts."), "{german}");
        // For administrators, and recorded.
        let user = office.stranger().with_cookie(&office.cookie("ada").await);
        user.get(&page(ada.number, "document:read", on)).send().await.assert(403);
        let noted = "SELECT count(*) FROM audit_events WHERE event = 'admin.account_read' AND detail LIKE 'access to document:%'";
        assert_eq!(office.accounts.place.value(noted).await, "6");
    }

    /// Whoever has a link reads the document, and nothing else.
    async fn a_document_is_shared_by_link(database: Database) {
        let office = Office::new(database).await;
        let ada = office.join("ada").await;
        let folder = ada.folder("Plans", None).await;
        let path = &format!("/documents/{}", ada.document(&folder).await);
        let link = ada.link(path, &json!({ "expires_in": 3600 })).await;
        let token = link["token"].as_str().unwrap();
        assert_eq!((token.len(), token.starts_with("pcsl_")), (48, true), "{token}");
        assert_eq!((&link["permission"], &link["given_by"]), (&json!("document:read"), &json!(ada.number)));
        let shared = &format!("/shared/{token}");
        let opened = office.stranger().get(shared).send().await.assert(200);
        let careful = ["cache-control", "referrer-policy", "x-robots-tag"].map(|name| opened.header(name));
        assert_eq!(careful, ["no-store", "no-referrer", "noindex"]);
        assert_eq!(opened.json(), ada.client.get(path).send().await.assert(200).json());
        // The token is shown once, and stored as a digest.
        let listed = ada.client.get(&format!("{path}/links")).send().await.assert(200);
        assert!(!listed.text().contains(token) && !office.accounts.place.dump().await.contains(token));
        assert_eq!(listed.json()["links"][0]["id"], link["id"]);
        // Every other token gets the same response.
        let missing = office.stranger().get("/shared/pcsl_x").send().await.assert(404);
        let long = format!("/shared/{token}{}", "A".repeat(5000));
        for other in [&format!("{shared}A"), &shared.to_uppercase().replace("/SHARED", "/shared"), &long] {
            let answer = office.stranger().get(other).send().await.assert(404);
            assert_eq!((answer.text(), answer.header("cache-control")), (missing.text(), missing.header("cache-control")));
        }
        // Until it expires.
        office.accounts.advance(3599);
        office.stranger().get(shared).send().await.assert(200);
        office.accounts.advance(1);
        assert_eq!(office.stranger().get(shared).send().await.assert(404).text(), missing.text());
        let ada = Person { number: ada.number, client: office.log_in("ada", "").await };
        assert_eq!(ada.client.get(&format!("{path}/links")).send().await.assert(200).json()["links"], json!([]));
        for wrong in [json!({ "expires_in": 0 }), json!({ "expires_in": 31_536_001 }), json!({ "permission": "document:write" })] {
            ada.client.post(&format!("{path}/links")).json(&wrong).await.assert(422);
        }
        // Seven days if nothing is said.
        let link = ada.link(path, &json!({})).await;
        office.accounts.advance(7 * 24 * 3600 - 1);
        office.stranger().get(&format!("/shared/{}", link["token"].as_str().unwrap())).send().await.assert(200);
        let events = "SELECT count(*) FROM audit_events WHERE event = 'grant.given' AND detail LIKE 'document:read on document:% by link %'";
        assert_eq!(office.accounts.place.value(events).await, "2");
        // The export has them, without tokens.
        let fresh = office.log_in("ada", "").await;
        let export = fresh.get("/auth/export").send().await.assert(200).json();
        let links = export["share_links"].as_array().unwrap();
        assert_eq!((links.len(), &links[1]["object"]), (2, &json!(path.replace("/documents/", "document:"))));
    }

    /// s09, z02: a link allows what its giver may, and no more from the moment that is taken away.
    async fn s09_z02_a_link_ends_with_the_right_of_its_giver(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let path = &format!("/documents/{document}");
        let status = async |link: &Value| {
            office.stranger().get(&format!("/shared/{}", link["token"].as_str().unwrap())).send().await.status.as_u16()
        };
        // Only those who may share create, see and remove links.
        ada.share(path, "editor", json!({ "account": ben.number })).await;
        for refused in [
            ben.client.post(&format!("{path}/links")).json(&json!({})).await,
            ben.client.get(&format!("{path}/links")).send().await,
        ] {
            assert_eq!(refused.assert(403).json()["permission"], "document:share");
        }
        // By a team that manages the document.
        let team = office.team(&ada, &[&ben]).await;
        let (id, object, group) = match database {
            Database::Sqlite => ("randomblob(16)", format!("x'{}'", document.replace('-', "")), format!("x'{}'", team.to_string().replace('-', ""))),
            Database::Postgres => ("gen_random_uuid()", format!("'{document}'"), format!("'{team}'")),
        };
        let manager = format!(
            "INSERT INTO grants (id, object_type, object_uuid, role, group_id, created_at)
             VALUES ({id}, 'document', {object}, 'manager', {group}, 0)"
        );
        office.accounts.place.sql("DELETE FROM grants WHERE role = 'editor'").await;
        office.accounts.place.sql(&manager).await;
        let link = ben.link(path, &json!({})).await;
        assert_eq!(status(&link).await, 200);
        office.leave(team, &ben).await;
        assert_eq!(status(&link).await, 404);
        // With the account that gave it.
        let link = ada.link(path, &json!({})).await;
        assert_eq!(status(&link).await, 200);
        office.accounts.place.sql("DELETE FROM memberships WHERE role = 'owner'").await;
        office.accounts.delete(ada.number).await;
        assert_eq!(status(&link).await, 404);
        assert_eq!(office.accounts.place.value(&format!("SELECT count(*) FROM share_links WHERE given_by = {}", ada.number)).await, "0");
    }

    async fn s09_z02_a_link_ends_with_its_givers_keys_and_its_document(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let document = ada.document(&ada.folder("Hers", None).await).await;
        let status = async |link: &Value| {
            office.stranger().get(&format!("/shared/{}", link["token"].as_str().unwrap())).send().await.status.as_u16()
        };
        // While he is disabled, and after his password was reset.
        let own = ben.document(&ben.folder("His", None).await).await;
        let path = &format!("/documents/{own}");
        let link = ben.link(path, &json!({})).await;
        assert_eq!(status(&link).await, 200);
        office.accounts.set_password(ben.number, "another-lantern-in-the-harbour").await;
        assert_eq!(status(&link).await, 404);
        office.accounts.set_password(ben.number, PASSWORD).await;
        let ben = Person { number: ben.number, client: office.log_in("ben", "").await };
        let link = ben.link(path, &json!({})).await;
        office.accounts.disable(ben.number).await;
        assert_eq!(status(&link).await, 404);
        office.accounts.enable(ben.number).await;
        assert_eq!(status(&link).await, 404);
        // Removed, or with the document.
        let ben = Person { number: ben.number, client: office.log_in("ben", "").await };
        let [one, two] = [ben.link(path, &json!({})).await, ben.link(path, &json!({})).await];
        let links = format!("{path}/links/{}", one["id"].as_str().unwrap());
        ada.client.delete(&links).send().await.assert(404);
        let elsewhere = format!("/documents/{document}/links/{}", one["id"].as_str().unwrap());
        ada.client.delete(&elsewhere).send().await.assert(404);
        ben.client.delete(&links).send().await.assert(204);
        ben.client.delete(&links).send().await.assert(404);
        assert_eq!((status(&one).await, status(&two).await), (404, 200));
        ben.client.delete(path).send().await.assert(204);
        assert_eq!(status(&two).await, 404);
        assert_eq!(office.accounts.place.value(&format!("SELECT count(*) FROM share_links WHERE given_by = {}", ben.number)).await, "0");
    }

    /// d06: also when many ask at once, on two instances.
    async fn d06_a_document_has_twenty_links(database: Database) {
        let office = Office::new(database).await;
        let other = office.again().await;
        let ada = office.join("ada").await;
        let there = other.stranger().with_token(ada.client.token());
        let folder = ada.folder("Plans", None).await;
        let path = format!("/documents/{}/links", ada.document(&folder).await);
        let made = (0..30).map(|n| {
            let (client, path) = (if n % 2 == 0 { ada.client.clone() } else { there.clone() }, path.clone());
            tokio::spawn(async move { client.post(&path).json(&json!({})).await.status.as_u16() })
        });
        let made: Vec<_> = made.collect();
        let mut statuses = Vec::new();
        for one in made {
            statuses.push(one.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 10, "{statuses:?}");
    }

    /// Once an hour, the workers delete expired grants and links.
    async fn expired_grants_are_swept(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let body = json!({ "role": "viewer", "to": { "account": ben.number }, "expires_in": 60 });
        ada.client.post(&format!("/folders/{folder}/grants")).json(&body).await.assert(201);
        let document = ada.document(&folder).await;
        ada.link(&format!("/documents/{document}"), &json!({ "expires_in": 60 })).await;
        office.accounts.advance(61);
        let other = office.again().await; // its first sweep is immediate
        let count = "SELECT (SELECT count(*) FROM grants) + 10 * (SELECT count(*) FROM share_links)";
        for _ in 0..100 {
            if office.accounts.place.value(count).await == "1" {
                return drop(other);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("an expired grant or link is still there");
    }

    async fn what_cannot_be_shared_is_refused(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let path = &format!("/documents/{}", ada.document(&folder).await);
        let grants = &format!("{path}/grants");
        let share = async |role: &str, to: Value| {
            ada.client.post(grants).json(&json!({ "role": role, "to": to })).await.status.as_u16()
        };
        // Sharing cannot give more rights than one's own, and cannot block.
        for role in ["manager", "blocked", "owner", ""] {
            assert_eq!(share(role, json!({ "account": ben.number })).await, 422, "{role}");
        }
        let nobody = uuid::Uuid::nil();
        for to in [
            json!({ "email": "zoe@example.com" }),
            json!({ "email": "zoe" }),
            json!({ "account": 99 }),
            json!({ "group": nobody }),
            json!({ "account": ben.number, "group": nobody }),
            json!({}),
        ] {
            assert_eq!(share("viewer", to.clone()).await, 422, "{to}");
        }
        for expires_in in [0_i64, -1, 315_360_001] {
            let body = json!({ "role": "viewer", "to": { "account": ben.number }, "expires_in": expires_in });
            ada.client.post(grants).json(&body).await.assert(422);
        }
        // A grant is removed on its own row only, and only if sharing could have given it.
        let grant = ada.share(path, "viewer", json!({ "account": ben.number })).await;
        let managers = office.accounts.place.value("SELECT count(*) FROM grants WHERE role = 'manager'").await;
        assert_eq!(managers, "1");
        ada.client.delete(&format!("/folders/{folder}/grants/{grant}")).send().await.assert(404);
        ada.client.delete(&format!("{grants}/{nobody}")).send().await.assert(404);
        ben.client.delete(&format!("{grants}/{grant}")).send().await.assert(403);
        ada.client.delete(&format!("{grants}/{grant}")).send().await.assert(204);
        ada.client.delete(&format!("{grants}/{grant}")).send().await.assert(404);
    }

    /// d06: a page has 100 grants, and continues only at a cursor from the server.
    async fn d06_grants_are_paged_and_bounded(database: Database) {
        let office = Office::new(database).await;
        let ada = office.join("ada").await;
        let folder = ada.folder("Plans", None).await;
        crate::policy::add_accounts(&office.accounts, 1001).await;
        let grants = &format!("/folders/{folder}/grants");
        let share = async |number: usize| {
            let body = json!({ "role": "viewer", "to": { "account": number } });
            ada.client.post(grants).json(&body).await.status
        };
        let mut given = 1; // the manager
        for number in 2..=120 {
            assert_eq!(share(number).await, StatusCode::CREATED);
            given += 1;
        }
        let page = async |after: &str| {
            let path = if after.is_empty() { grants.clone() } else { format!("{grants}?after={after}") };
            ada.client.get(&path).send().await
        };
        let first = page("").await.assert(200).json();
        let next = first["next"].as_str().unwrap();
        let second = page(next).await.assert(200).json();
        // Grants that people cannot give here are not shown to them, such as the manager's own.
        let counts = [&first, &second].map(|page| page["grants"].as_array().unwrap().len());
        assert_eq!((counts[0] + counts[1], second["next"].clone()), (119, Value::Null));
        for tampered in ["x".to_owned(), next.replacen(char::is_alphanumeric, "", 1), format!("{next}A")] {
            page(&tampered).await.assert(400);
        }
        // At most 1,000 on one row.
        let (id, object) = match database {
            Database::Sqlite => ("randomblob(16)", format!("x'{}'", folder.replace('-', ""))),
            Database::Postgres => ("gen_random_uuid()", format!("'{folder}'")),
        };
        let more = 1000 - given;
        let sql = format!(
            "INSERT INTO grants (id, object_type, object_uuid, role, account_id, created_at)
             SELECT {id}, 'folder', {object}, 'viewer', id, 0 FROM accounts WHERE id > 121 ORDER BY id LIMIT {more}"
        );
        office.accounts.place.sql(&sql).await;
        assert_eq!(share(121).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(share(120).await, StatusCode::CREATED, "the same again is no more");
    }

    async fn the_addresses_that_one_account_looks_up_are_counted(database: Database) {
        let office = Office::new(database).await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let folder = ada.folder("Plans", None).await;
        let grants = format!("/folders/{folder}/grants");
        for number in 0..100 {
            let body = json!({ "role": "viewer", "to": { "email": format!("nobody{number}@example.com") } });
            ada.client.post(&grants).json(&body).await.assert(422);
        }
        let body = json!({ "role": "viewer", "to": { "email": email("ben") } });
        let throttled = ada.client.post(&grants).json(&body).await.assert(429);
        assert!(throttled.header("retry-after").parse::<u64>().unwrap() <= 3600);
        // By number it continues, and it works for others.
        ada.share(&format!("/folders/{folder}"), "viewer", json!({ "account": ben.number })).await;
        office.accounts.clock.advance(Duration::from_hours(1));
        ada.client.post(&grants).json(&body).await.assert(401);
    }

    /// Every operation of the example: as a stranger, with spoiled credentials, and as an account without grants.
    async fn t13_z04_the_example_withstands_the_attack(database: Database) {
        let office = Office::of(
            TestApp::with(database, |config| {
                config.public_url = Some(public_url());
                config.limits = false;
            })
            .await,
        )
        .await;
        let (ada, ben) = (office.join("ada").await, office.join("ben").await);
        let eve = office.join("eve").await;
        let folder = ada.folder("Plans", None).await;
        let document = ada.document(&folder).await;
        let on_folder = ada.share(&format!("/folders/{folder}"), "viewer", json!({ "account": ben.number })).await;
        let on_document = ada.share(&format!("/documents/{document}"), "viewer", json!({ "account": ben.number })).await;
        let link = ada.link(&format!("/documents/{document}"), &json!({})).await;
        let gone = office.join("gone").await;
        office.accounts.disable(gone.number).await;
        let published = office.published().await;
        let token = |name| tokens(office.stranger(), name);
        let cookie = async |name: &str| {
            let cookie = office.cookie(name).await.split_once('=').unwrap().1.to_owned();
            // A cookie may do everything that its account may.
            move |scopes: &[&str]| (scopes.len() == 6).then(|| cookie.clone())
        };
        let mut attack = Attack::on(office.router.clone(), &published)
            .good("portcullis", token("ada"))
            .outsider("portcullis", token("eve"))
            .holder("portcullis", ["document:read"], token("ben"))
            .bad("portcullis", "a token of a disabled account", gone.client.token())
            .good("session", cookie("ada").await)
            .outsider("session", cookie("eve").await)
            .bad("session", "a token as a cookie", eve.client.token())
            .public(["GET /shared/{link}"])
            .parameter("GET /shared/{link}", "link", link["token"].as_str().unwrap())
            .parameter("DELETE /documents/{id}/links/{link}", "link", link["id"].as_str().unwrap())
            .sample("POST /documents/{id}/links", json!({ "expires_in": 3600 }))
            .parameter("DELETE /folders/{id}/grants/{grant}", "grant", &on_folder)
            .parameter("DELETE /documents/{id}/grants/{grant}", "grant", &on_document)
            .sample("POST /folders/{id}/grants", json!({ "role": "viewer", "to": { "account": ben.number } }))
            .sample("POST /documents/{id}/grants", json!({ "role": "viewer", "to": { "account": ben.number } }))
            .last(["DELETE /documents/{id}"]);
        let operations: Vec<_> = published["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        }).collect();
        for (method, path) in operations.iter().filter(|(_, path)| path.contains("{id}")) {
            let id = if path.starts_with("/folders") { &folder } else { &document };
            attack = attack.parameter(&format!("{method} {path}"), "id", id);
        }
        let report = attack.run().await.unwrap_or_else(|holes| panic!("{holes}"));
        // A cookie may do everything that its account may, and nobody has the key that signs tokens.
        let is_known = |line: &String| {
            ["`session` without `", "`.signed(", "`.keys(", "`.holder("].iter().any(|known| line.contains(known))
        };
        let mut not_tried = report.not_tried().iter().map(ToString::to_string);
        assert!(not_tried.all(|line| is_known(&line)), "{report}");
        assert!(report.calls() > 200, "{report}");
    }
}
