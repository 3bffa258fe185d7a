//! Attributes that the operator declares: who reads them, who changes them, and what becomes of values whose declaration
//! changes.

mod pages;

use http::Method;
use portcullis_server::accounts::AccountId;
use portcullis_server::config::{
    Attribute, AttributeAtSignUp, AttributeChangers, AttributeKind, AttributeOf, AttributeReaders, Config,
};
use portcullis_server::groups::{self, GroupId, GroupRole};
use portcullis_server::policy::{Decision, Declared, ObjectType, Policy};
use portcullis_server::webhooks;
use serde_json::{Value, json};

use crate::admin::as_admin;
use crate::on_both_databases;
use crate::support::{Answer, Client, Database, PASSWORD, TestApp, email};

const SCOPES: &str = "profile:read profile:write account organisations:read organisations:write";

fn attribute(name: &str, of: AttributeOf, kind: AttributeKind) -> Attribute {
    Attribute::new(name, of, kind)
}

fn choice(values: &[&str]) -> AttributeKind {
    AttributeKind::Choice(values.iter().map(ToString::to_string).collect())
}

/// One attribute of each kind.
fn declare(config: &mut Config) {
    use AttributeOf::{Account, Organisation};
    let mut company = attribute("company", Account, AttributeKind::Text(40));
    company.label_de = Some("Firma".to_owned());
    company.change = AttributeChangers::Owner;
    company.sign_up = AttributeAtSignUp::Required;
    let mut plan = attribute("plan", Account, choice(&["free", "pro"]));
    plan.read = AttributeReaders::Members;
    plan.in_tokens = true;
    let mut age = attribute("age", Account, AttributeKind::Integer(0, 150));
    age.change = AttributeChangers::Nobody;
    age.sign_up = AttributeAtSignUp::Optional;
    let mut is_speaker = attribute("is_speaker", Account, AttributeKind::Boolean);
    is_speaker.read = AttributeReaders::Public;
    is_speaker.change = AttributeChangers::Owner;
    let mut risk = attribute("risk", Account, AttributeKind::Integer(0, 9));
    risk.read = AttributeReaders::Administrators;
    let mut seats = attribute("seats", Organisation, AttributeKind::Integer(1, 1000));
    seats.read = AttributeReaders::Members;
    let mut billing = attribute("billing", Organisation, AttributeKind::Text(40));
    billing.change = AttributeChangers::Owner;
    let mut site = attribute("site", Organisation, AttributeKind::Text(40));
    site.change = AttributeChangers::Owner;
    site.read = AttributeReaders::Public;
    config.attributes = vec![company, plan, age, is_speaker, risk, seats, billing, site];
}

async fn declared(database: Database) -> TestApp {
    TestApp::with(database, declare).await
}

async fn sign_up_with(app: &TestApp, name: &str, attributes: &Value) -> Answer {
    let body =
        json!({ "email": email(name), "full_name": name, "password": PASSWORD, "attributes": attributes });
    app.stranger().post("/signup").json(&body).await
}

/// Signs up with a company and logs in.
async fn person(app: &TestApp, name: &str) -> (i64, Client) {
    let made = sign_up_with(app, name, &json!({ "company": "Engines" })).await.assert(201).json();
    (made["id"].as_i64().unwrap(), log_in(app, name).await)
}

async fn log_in(app: &TestApp, name: &str) -> Client {
    let answer = app.stranger().post("/login").form_owned(&email(name), PASSWORD, SCOPES).await.assert(200);
    app.stranger().with_token(answer.json()["access_token"].as_str().unwrap())
}

/// The values at a path, by name.
async fn values(client: &Client, path: &str) -> Value {
    by_name(&client.get(path).send().await.assert(200))
}

fn by_name(answer: &Answer) -> Value {
    let list = answer.json()["attributes"].as_array().unwrap().clone();
    list.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["value"].clone())).collect()
}

async fn change(client: &Client, path: &str, attributes: &Value) -> Answer {
    client.patch(path).json(&json!({ "attributes": attributes })).await
}

/// The fields of a 422, each with its kind.
fn faults(answer: &Answer) -> Vec<(String, String)> {
    let entries = answer.json()["detail"].as_array().unwrap().clone();
    let fault = |one: &Value| {
        let loc: Vec<_> =
            one["loc"].as_array().unwrap().iter().map(|part| part.as_str().unwrap().to_owned()).collect();
        (loc.join("."), one["type"].as_str().unwrap().to_owned())
    };
    let mut faults: Vec<_> = entries.iter().map(fault).collect();
    faults.sort();
    faults
}

fn fault(field: &str, kind: &str) -> (String, String) {
    (format!("body.attributes.{field}"), kind.to_owned())
}

/// The claims of an access token, which is not verified here.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn organisation(owner: &Client) -> String {
    let made = owner.post("/organisations").json(&json!({ "name": "Engines" })).await.assert(201).json();
    format!("/organisations/{}", made["id"].as_str().unwrap())
}

async fn join(app: &TestApp, organisation: &str, account: i64, role: GroupRole) {
    let mut tx = app.app.db().begin().await.unwrap();
    let id = GroupId::new(uuid::Uuid::try_parse(organisation.rsplit('/').next().unwrap()).unwrap());
    groups::add_member(&mut tx, id, AccountId::new(account), role, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Signs up with a company, and becomes an administrator.
async fn administrator(app: &TestApp) -> (i64, Client) {
    sign_up_with(app, "root", &json!({ "company": "Ours" })).await.assert(201);
    crate::admin::make_admin(app, "root").await
}

on_both_databases! {
    async fn sign_up_asks_for_attributes_and_checks_them_with_the_rest(database: Database) {
        let app = declared(database).await;
        let asked = app.stranger().get("/signup/attributes").header("accept-language", "de").send().await.assert(200).json();
        assert_eq!(asked["attributes"], json!([
            {
                "name": "company",
                "label": "Firma",
                "required": true,
                "schema": { "type": "string", "minLength": 1, "maxLength": 40 },
            },
            {
                "name": "age",
                "label": "Age",
                "required": false,
                "schema": { "type": "integer", "minimum": 0, "maximum": 150 },
            },
        ]));
        let body = json!({
            "email": "nobody", "full_name": "Ada", "password": PASSWORD,
            "attributes": { "age": 151, "plan": "pro", "is_speaker": true, "what": 1 },
        });
        let refused = app.stranger().post("/signup").json(&body).await.assert(422);
        let mut expected = vec![
            ("body.email".to_owned(), "value_error".to_owned()),
            fault("age", "value_error"),
            fault("company", "missing"),
            fault("is_speaker", "extra_forbidden"),
            fault("plan", "extra_forbidden"),
            fault("what", "extra_forbidden"),
        ];
        expected.sort();
        assert_eq!(faults(&refused), expected);
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");

        sign_up_with(&app, "ada", &json!({ "company": "  Engines ", "age": 36 })).await.assert(201);
        let ada = log_in(&app, "ada").await;
        let expected = json!({ "company": "Engines", "plan": null, "age": 36, "is_speaker": null });
        assert_eq!(values(&ada, "/attributes").await, expected);
        // What is taken stays taken, and writes nothing.
        sign_up_with(&app, "ada", &json!({ "company": "Eve's" })).await.assert(409);
        assert_eq!(values(&ada, "/attributes").await, expected);
    }

    async fn each_changes_what_the_declaration_allows(database: Database) {
        let app = declared(database).await;
        let (id, ada) = person(&app, "ada").await;
        let (root_id, root) = administrator(&app).await;
        let managed = format!("/admin/accounts/{id}/attributes");

        let own = change(&ada, "/attributes", &json!({ "company": "Looms", "is_speaker": true })).await.assert(200);
        assert_eq!(by_name(&own)["company"], "Looms");
        let refused = json!({ "company": null, "plan": "pro", "age": 1, "risk": 1, "seats": 1, "is_speaker": "yes" });
        let refused = change(&ada, "/attributes", &refused).await.assert(422);
        let expected = [
            fault("age", "value_error"),
            fault("company", "missing"),
            fault("is_speaker", "bool_type"),
            fault("plan", "value_error"),
            fault("risk", "extra_forbidden"),
            fault("seats", "extra_forbidden"),
        ];
        assert_eq!(faults(&refused), expected);
        assert!(!refused.text().contains("yes"), "a value is never repeated");
        let refused = change(&ada, "/attributes", &json!({ "company": "x".repeat(41) })).await.assert(422);
        assert_eq!(faults(&refused), [fault("company", "value_error")]);
        let many: Value = (0..33).map(|at| (format!("a{at}"), json!(1))).collect();
        change(&ada, "/attributes", &many).await.assert(422);
        change(&ada, "/attributes", &json!({ "is_speaker": null })).await.assert(200);

        let refused = change(&root, &managed, &json!({ "age": 3, "plan": "gold" })).await.assert(422);
        assert_eq!(faults(&refused), [fault("age", "value_error"), fault("plan", "enum")]);
        change(&root, &managed, &json!({ "plan": "pro", "risk": 7, "company": null })).await.assert(200);
        let expected = json!({ "company": null, "plan": "pro", "age": null, "is_speaker": null, "risk": 7 });
        assert_eq!(values(&root, &managed).await, expected);
        let expected = json!({ "company": null, "plan": "pro", "age": null, "is_speaker": null });
        assert_eq!(values(&ada, "/attributes").await, expected);
        change(&root, "/admin/accounts/99/attributes", &json!({ "plan": "pro" })).await.assert(404);
        ada.get(&managed).send().await.assert(403);

        // The log names what was changed, and no value.
        let log = app.place.sql("SELECT account_id, actor_id, detail FROM audit_events WHERE event = 'account.attributes_changed' ORDER BY detail").await;
        let by_root = log.iter().find(|row| row[1] == root_id.to_string()).unwrap();
        assert_eq!((by_root[0].as_str(), by_root[2].as_str()), (id.to_string().as_str(), "company, plan, risk"));
        assert!(log.iter().flatten().all(|text| !text.contains("pro") && !text.contains("Looms")), "{log:?}");
        // The same value again is not a change.
        change(&root, &managed, &json!({ "plan": "pro" })).await.assert(200);
        let count = "SELECT count(*) FROM audit_events WHERE event = 'account.attributes_changed'";
        assert_eq!(app.place.value(count).await, log.len().to_string());
        // It takes a fresh login.
        app.advance(601);
        change(&root, &managed, &json!({ "plan": "free" })).await.assert(401);
    }

    async fn each_reads_what_the_declaration_allows(database: Database) {
        let app = declared(database).await;
        let (id, ada) = person(&app, "ada").await;
        let (ben_id, ben) = person(&app, "ben").await;
        let (_, eve) = person(&app, "eve").await;
        let path = format!("/profile/{id}/attributes");
        let (_, root) = administrator(&app).await;

        // Nothing to see looks like nobody there.
        let absent = eve.get("/profile/99/attributes").send().await.assert(404);
        assert_eq!(eve.get(&path).send().await.assert(404).body, absent.body);
        let managed = format!("/admin/accounts/{id}/attributes");
        change(&root, &managed, &json!({ "plan": "pro", "risk": 1 })).await.assert(200);
        assert_eq!(eve.get(&path).send().await.assert(404).body, absent.body);

        let engines = organisation(&ada).await;
        join(&app, &engines, ben_id, GroupRole::Member).await;
        assert_eq!(values(&ben, &path).await, json!({ "plan": "pro" }));
        change(&ada, "/attributes", &json!({ "is_speaker": true })).await.assert(200);
        assert_eq!(values(&ben, &path).await, json!({ "plan": "pro", "is_speaker": true }));
        assert_eq!(values(&eve, &path).await, json!({ "is_speaker": true }));
        assert_eq!(values(&ada, &path).await, values(&ada, "/attributes").await);
        app.stranger().get(&path).send().await.assert(401);
        // A membership that ends counts at once, on the other instance too.
        let mut config = app.place.config();
        declare(&mut config);
        let other = app.again_with(config).await;
        let ben_there = other.stranger().with_token(ben.token());
        assert_eq!(values(&ben_there, &path).await, json!({ "plan": "pro", "is_speaker": true }));
        ada.delete(&format!("{engines}/members/{ben_id}")).send().await.assert(204);
        assert_eq!(values(&ben_there, &path).await, json!({ "is_speaker": true }));
        app.disable(id).await;
        assert_eq!(eve.get(&path).send().await.assert(404).body, absent.body);
    }

    async fn an_organisation_has_attributes_of_its_own(database: Database) {
        let app = declared(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (ben_id, ben) = person(&app, "ben").await;
        let (_, eve) = person(&app, "eve").await;
        let (_, root) = administrator(&app).await;
        let engines = organisation(&ada).await;
        let path = format!("{engines}/attributes");
        join(&app, &engines, ben_id, GroupRole::Admin).await;

        assert_eq!(values(&ada, &path).await, json!({ "seats": null, "billing": null, "site": null }));
        let absent = eve.get(&format!("/organisations/{}/attributes", uuid::Uuid::from_u128(7))).send().await.assert(404);
        assert_eq!(eve.get(&path).send().await.assert(404).body, absent.body);
        change(&ada, &path, &json!({ "billing": "a@engines.example", "site": "engines.example" })).await.assert(200);
        let refused = change(&ada, &path, &json!({ "seats": 3, "company": "x" })).await.assert(422);
        assert_eq!(faults(&refused), [fault("company", "extra_forbidden"), fault("seats", "value_error")]);
        // Not even what is wrong with a value.
        change(&ben, &path, &json!({ "what": 1 })).await.assert(403);
        assert_eq!(change(&eve, &path, &json!({ "what": 1 })).await.assert(404).body, absent.body);
        assert_eq!(values(&ben, &path).await, json!({ "seats": null, "site": "engines.example" }));
        assert_eq!(values(&eve, &path).await, json!({ "site": "engines.example" }));

        let managed = format!("/admin{path}");
        change(&root, &managed, &json!({ "seats": 12 })).await.assert(200);
        let expected = json!({ "seats": 12, "billing": "a@engines.example", "site": "engines.example" });
        assert_eq!(values(&root, &managed).await, expected);
        assert_eq!(values(&ben, &path).await["seats"], 12);
        let log = app.place.sql("SELECT detail FROM audit_events WHERE event = 'organisation.attributes_changed' ORDER BY detail").await;
        let id = engines.rsplit('/').next().unwrap();
        assert_eq!(log, [[format!("{id} billing, site")], [format!("{id} seats")]]);
        ada.delete(&engines).send().await.assert(204);
        assert_eq!(app.place.value("SELECT count(*) FROM attribute_values WHERE group_id IS NOT NULL").await, "0");
    }

    async fn tokens_carry_what_the_declaration_says_until_they_are_renewed(database: Database) {
        let app = declared(database).await;
        let (id, ada) = person(&app, "ada").await;
        let (_, root) = administrator(&app).await;
        assert_eq!(claims(ada.token())["plan"], Value::Null);
        change(&root, &format!("/admin/accounts/{id}/attributes"), &json!({ "plan": "pro", "risk": 3 })).await.assert(200);
        let claims = claims(log_in(&app, "ada").await.token());
        assert_eq!(claims["plan"], "pro");
        for name in ["company", "risk", "age"] {
            assert_eq!(claims[name], Value::Null, "{name}");
        }
    }

    async fn what_is_stored_outlives_its_declaration_and_not_its_account(database: Database) {
        let app = declared(database).await;
        let (id, _) = person(&app, "ada").await;
        let (_, root) = administrator(&app).await;
        change(&root, &format!("/admin/accounts/{id}/attributes"), &json!({ "plan": "pro" })).await.assert(200);

        // `pro` is not sold any more, and sign-up asks for no company.
        let mut config = app.place.config();
        declare(&mut config);
        config.attributes.remove(0);
        config.attributes[0].kind = choice(&["free", "gold"]);
        config.attributes[0].change = AttributeChangers::Owner;
        let later = app.again_with(config).await;
        let ada = log_in(&later, "ada").await;
        assert_eq!(claims(ada.token())["plan"], "pro");
        let shown = values(&ada, "/attributes").await;
        assert_eq!(shown, json!({ "plan": "pro", "age": null, "is_speaker": null }));
        change(&ada, "/attributes", &json!({ "is_speaker": true })).await.assert(200);
        let refused = change(&ada, "/attributes", &json!({ "plan": "pro" })).await.assert(422);
        assert_eq!(faults(&refused), [fault("plan", "enum")]);
        let refused = change(&ada, "/attributes", &json!({ "company": "Looms" })).await.assert(422);
        assert_eq!(faults(&refused), [fault("company", "extra_forbidden")]);
        let export = ada.get("/export").send().await.assert(200).json();
        assert_eq!(export["attributes"], json!({ "plan": "pro", "is_speaker": true }));

        // It is not lost: the declaration brings it back.
        let before = log_in(&app, "ada").await;
        assert_eq!(values(&before, "/attributes").await["company"], "Engines");
        let export = before.get("/export").send().await.assert(200).json();
        assert_eq!(export["attributes"], json!({ "company": "Engines", "plan": "pro", "is_speaker": true }));
        app.delete(id).await;
        assert_eq!(app.place.value(&format!("SELECT count(*) FROM attribute_values WHERE account_id = {id}")).await, "0");
    }

    async fn administrators_find_accounts_by_the_value_of_an_attribute(database: Database) {
        let app = declared(database).await;
        let (_, root) = administrator(&app).await;
        for (name, attributes) in [
            ("ada", json!({ "plan": "pro", "risk": 3 })),
            ("ben", json!({ "plan": "free", "risk": 3 })),
            ("cyd", json!({ "plan": "pro", "is_speaker": true })),
        ] {
            let (id, _) = person(&app, name).await;
            change(&root, &format!("/admin/accounts/{id}/attributes"), &attributes).await.assert(200);
        }
        let found = async |query: &str| -> Vec<String> {
            let page = root.get(&format!("/admin/accounts?{query}")).send().await.assert(200).json();
            let names = page["accounts"].as_array().unwrap().iter().map(|one| one["full_name"].as_str().unwrap());
            let names: Vec<_> = names.map(str::to_owned).collect();
            assert_eq!(page["total"], names.len());
            names
        };
        assert_eq!(found("attribute=plan&value=pro").await, ["cyd", "ada"]);
        assert_eq!(found("attribute=plan").await, ["cyd", "ben", "ada"]);
        assert_eq!(found("attribute=risk&value=3&search=ada").await, ["ada"]);
        assert_eq!(found("attribute=is_speaker&value=true").await, ["cyd"]);
        assert_eq!(found("attribute=company&value=Ours").await, ["root"]);
        for nothing in ["attribute=plan&value=gold", "attribute=risk&value=pro", "attribute=seats", "attribute=what"] {
            assert_eq!(found(nothing).await, Vec::<String>::new(), "{nothing}");
        }
        // What is not declared any more is found by nobody.
        let mut config = app.place.config();
        declare(&mut config);
        config.attributes.retain(|one| one.name != "plan");
        let later = app.again_with(config).await;
        let root = later.stranger().with_token(root.token());
        let page = root.get("/admin/accounts?attribute=plan").send().await.assert(200).json();
        assert_eq!(page["total"], 0);
    }

    async fn z01_a_policy_asks_for_attributes_of_the_caller(database: Database) {
        let declare_region = |config: &mut Config| {
            let mut region = attribute("region", AttributeOf::Account, AttributeKind::Text(20));
            region.read = AttributeReaders::Members;
            let clearance = attribute("clearance", AttributeOf::Account, AttributeKind::Integer(0, 9));
            let mut chosen = attribute("chosen", AttributeOf::Account, AttributeKind::Text(20));
            chosen.change = AttributeChangers::Owner;
            config.attributes = vec![region, clearance, chosen];
        };
        let app = TestApp::with(database, declare_region).await;
        app.place
            .sql("CREATE TABLE papers (id BIGINT PRIMARY KEY, region TEXT, level BIGINT);
                  INSERT INTO papers VALUES (1, 'north', 5), (2, 'south', 2), (3, NULL, NULL)")
            .await;
        let papers = |condition: &str| {
            let object = ObjectType::new("paper", "papers").when("near", condition).may("near", &["paper:read"]);
            Declared::new().permission_named("paper:read", "Read").object_type(object)
        };
        for (condition, expected) in [
            ("region = caller.regio", "no attribute \"regio\"; declared are: region, clearance, chosen"),
            ("region = caller.chosen", "people choose chosen themselves"),
        ] {
            let error = Policy::open(&app.app, &papers(condition)).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let near = Policy::open(&app.app, &papers("region = caller.region")).await.unwrap();
        let cleared = Policy::open(&app.app, &papers("level <= caller.clearance")).await.unwrap();
        let mut config = app.place.config();
        declare_region(&mut config);
        let other = app.again_with(config).await;
        let there = Policy::open(&other.app, &papers("region = caller.region")).await.unwrap();

        let ada = app.sign_up("ada").await;
        let (_, root) = as_admin(&app, "root").await;
        let may = async |policy: &Policy, id: i64| {
            let mut reader = app.app.db().read().await.unwrap();
            let decision = policy.decide(reader.conn(), AccountId::new(ada), "paper:read", id).await.unwrap();
            let listed = policy.ids(reader.conn(), AccountId::new(ada), "paper:read", 9).await.unwrap();
            let is_listed = listed.contains(&id.into());
            assert_eq!(decision == Decision::Allow, is_listed, "the list and the check agree");
            is_listed
        };
        assert!(!may(&near, 1).await && !may(&cleared, 2).await && !may(&near, 3).await);
        let managed = format!("/admin/accounts/{ada}/attributes");
        change(&root, &managed, &json!({ "region": "north", "clearance": 2 })).await.assert(200);
        assert!(may(&near, 1).await && !may(&near, 2).await && !may(&near, 3).await);
        assert!(may(&cleared, 2).await && !may(&cleared, 1).await && !may(&cleared, 3).await);
        let mut reader = app.app.db().read().await.unwrap();
        let why = near.explain(reader.conn(), AccountId::new(ada), "paper:read", 1).await.unwrap().to_string();
        assert!(why.contains("region = caller.region"), "{why}");
        drop(reader);
        // The other instance decides by the new value at once.
        assert!(may(&there, 1).await);
        change(&root, &managed, &json!({ "region": "south" })).await.assert(200);
        assert!(!may(&there, 1).await && may(&there, 2).await);
        change(&root, &managed, &json!({ "region": null })).await.assert(200);
        assert!(!may(&there, 2).await);
    }
}

#[tokio::test]
async fn a_test_of_a_policy_gives_attributes_to_accounts() {
    let object = ObjectType::new("paper", "papers")
        .when("near", "region = caller.region")
        .when("cleared", "level <= caller.clearance")
        .may("near", &["paper:read"])
        .may("cleared", &["paper:read"]);
    let declared = Declared::new().permission_named("paper:read", "Read").object_type(object);
    let tests = r#"
        accounts = ["ada", "ben"]
        attributes.ada = { region = "north" }
        attributes.ben = { clearance = 3 }
        [[rows.paper]]
        id = 1
        region = "north"
        level = 3
        [[cases]]
        who = "ada"
        may = "paper:read"
        on = "paper:1"
        expect = true
        because = ["near"]
        [[cases]]
        who = "ben"
        may = "paper:read"
        on = "paper:1"
        expect = true
        because = ["cleared"]
    "#;
    let outcome = Policy::test(&declared, tests, "policy.test.toml").await.unwrap();
    assert!(outcome.is_fine(), "{outcome:?}");
    let wrong = tests.replace("attributes.ben", "attributes.bob");
    let error = Policy::test(&declared, &wrong, "policy.test.toml").await.unwrap_err().to_string();
    assert!(error.contains("policy.test.toml:4: there is no account \"bob\""), "{error}");
}

on_both_databases! {
    async fn webhooks_are_told_that_attributes_changed_and_not_how(database: Database) {
        let app = TestApp::with(database, |config| {
            declare(config);
            config.webhook_private_targets = true;
        })
        .await;
        let operator = portcullis_server::client::Client::local("operator");
        webhooks::add(&app.app, "http://127.0.0.1:9/hooks", &operator).await.unwrap();
        let (_, ada) = person(&app, "ada").await;
        change(&ada, "/attributes", &json!({ "company": "Looms" })).await.assert(200);
        let engines = organisation(&ada).await;
        change(&ada, &format!("{engines}/attributes"), &json!({ "site": "looms.example" })).await.assert(200);
        let told = app.place.sql("SELECT body FROM webhook_deliveries ORDER BY id").await.concat().join(" ");
        assert!(told.contains("account.attributes_changed") && told.contains("organisation.attributes_changed"), "{told}");
        assert!(!told.contains("ooms"), "{told}");
    }

    async fn two_who_change_one_attribute_leave_one_value(database: Database) {
        let app = declared(database).await;
        let (id, ada) = person(&app, "ada").await;
        let mut config = app.place.config();
        declare(&mut config);
        let other = app.again_with(config).await;
        let there = other.stranger().with_token(ada.token());
        let (one, two) = (json!({ "company": "One" }), json!({ "company": "Two" }));
        for _ in 0..10 {
            let (one, two) = tokio::join!(change(&ada, "/attributes", &one), change(&there, "/attributes", &two));
            one.assert(200);
            two.assert(200);
        }
        let count = format!("SELECT count(*) FROM attribute_values WHERE account_id = {id} AND name = 'company'");
        assert_eq!(app.place.value(&count).await, "1");
        ada.call(Method::PATCH, "/attributes").json(&json!({})).await.assert(422);
    }
}
