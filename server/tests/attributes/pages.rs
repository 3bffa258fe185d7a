//! Attributes on pages: the sign-up, the account, the organisation and the console.

use portcullis_server::config::{AttributeAtSignUp, AttributeChangers};
use serde_json::{Value, json};

use super::{administrator, change, choice, declare, declared, join, log_in, organisation, person, values};
use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email};
use portcullis_server::groups::GroupRole;

async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    let call = client.post(path);
    let call = if client.has_cookie() { call } else { call.header("sec-fetch-site", "same-origin") };
    call.form(form).await
}

async fn page(client: &Client, path: &str) -> String {
    client.get(path).send().await.assert(200).text()
}

async fn browser(app: &TestApp, name: &str) -> Client {
    app.stranger().log_in_with_cookie(&email(name)).await
}

/// The administrator's browser.
async fn console(app: &TestApp) -> Client {
    administrator(app).await;
    browser(app, "root").await
}

on_both_databases! {
    async fn the_form_of_the_sign_up_asks_and_says_what_is_wrong(database: Database) {
        let app = declared(database).await;
        let form = page(&app.stranger(), "/account/sign-up?lang=de").await;
        assert!(form.contains("Firma</label>") && form.contains("name=\"attributes.company\""), "{form}");
        assert!(form.contains("type=\"number\"") && form.contains("(freiwillig)"), "{form}");
        assert!(!form.contains("attributes.plan") && !form.contains("attributes.risk"), "{form}");

        let path = "/account/sign-up";
        let own = [("full_name", "Ada"), ("email", "ada@example.com"), ("password", PASSWORD)];
        let with = |more: &[(&'static str, &'static str)]| [&own[..], more].concat();
        let refused = post(&app.stranger(), path, &with(&[("attributes.age", "old")])).await.assert(422).text();
        assert!(refused.contains("Please fill in this field."), "{refused}");
        assert!(refused.contains("Enter a whole number from 0 to 150."), "{refused}");
        assert!(refused.contains("value=\"old\"") && !refused.contains(PASSWORD), "{refused}");
        let twice = [("attributes.company", "A"), ("attributes.company", "B")];
        post(&app.stranger(), path, &with(&twice)).await.assert(400);
        let made = [("attributes.company", "\"Engines\" <b>"), ("attributes.age", ""), ("attributes.plan", "pro")];
        post(&app.stranger(), path, &with(&made)).await.assert(303);
        let shown = values(&log_in(&app, "ada").await, "/attributes").await;
        assert_eq!(shown, json!({ "company": "\"Engines\" <b>", "plan": null, "age": null, "is_speaker": null }));
        let account = page(&browser(&app, "ada").await, "/account").await;
        assert!(account.contains("&#34;Engines&#34; &#60;b&#62;"), "{account}");
    }

    async fn a_sign_up_by_passkey_keeps_what_was_typed(database: Database) {
        let app = declared(database).await;
        let own = [("full_name", "Ada"), ("email", "ada@example.com")];
        let ask = |more: &[(&'static str, &'static str)]| [&own[..], more].concat();
        let path = "/account/sign-up/passkey";
        let refused = post(&app.stranger(), path, &ask(&[])).await.assert(422).text();
        assert!(refused.contains("id=\"attributes.company-fault\""), "{refused}");
        let asked = post(&app.stranger(), path, &ask(&[("attributes.company", "Engines")])).await.assert(200).text();
        assert!(asked.contains("type=\"hidden\" name=\"attributes.company\" value=\"Engines\""), "{asked}");
        let typed = ask(&[("credential", "{}"), ("attributes.company", "Engines")]);
        let refused = post(&app.stranger(), "/account/sign-up/passkey/create", &typed).await.assert(422).text();
        assert!(refused.contains("value=\"Engines\""), "{refused}");
    }

    async fn owners_change_their_attributes_on_the_account_page(database: Database) {
        let app = declared(database).await;
        let (id, _) = person(&app, "ada").await;
        let (_, root) = administrator(&app).await;
        change(&root, &format!("/admin/accounts/{id}/attributes"), &json!({ "plan": "pro", "risk": 7 })).await.assert(200);
        let ada = browser(&app, "ada").await;
        let shown = page(&ada, "/account").await;
        assert!(shown.contains("<dt>Plan</dt><dd><bdi>pro</bdi></dd>"), "{shown}");
        assert!(!shown.contains("Risk"), "{shown}");

        let path = "/account/attributes";
        let refused = post(&ada, path, &[("attributes.company", ""), ("attributes.is_speaker", "maybe")]).await;
        let refused = refused.assert(422).text();
        assert!(refused.contains("Please fill in this field.") && refused.contains("Choose one of the options."), "{refused}");
        let form = [("attributes.company", "Looms"), ("attributes.is_speaker", "true"), ("attributes.plan", "free")];
        let saved = post(&ada, path, &form).await.assert(303);
        assert_eq!(saved.header("location"), "/account?done=attributes");
        let expected = json!({ "company": "Looms", "plan": "pro", "age": null, "is_speaker": true });
        assert_eq!(values(&log_in(&app, "ada").await, "/attributes").await, expected);
        // An empty field removes what need not be there.
        post(&ada, path, &[("attributes.company", "Looms"), ("attributes.is_speaker", "")]).await.assert(303);
        assert_eq!(values(&log_in(&app, "ada").await, "/attributes").await["is_speaker"], Value::Null);
        // Without attributes, the page has no such section.
        let plain = app.again().await;
        assert!(!page(&browser(&plain, "ada").await, "/account").await.contains("attributes-title"));
    }

    async fn a_value_that_is_not_allowed_any_more_stays_until_it_is_changed(database: Database) {
        let app = declared(database).await;
        let (id, _) = person(&app, "ada").await;
        let (_, root) = administrator(&app).await;
        change(&root, &format!("/admin/accounts/{id}/attributes"), &json!({ "plan": "pro" })).await.assert(200);
        let mut config = app.place.config();
        declare(&mut config);
        config.attributes[1].kind = choice(&["free", "gold"]);
        config.attributes[1].change = AttributeChangers::Owner;
        config.attributes[0].sign_up = AttributeAtSignUp::No;
        let later = app.again_with(config).await;
        let ada = browser(&later, "ada").await;
        let shown = page(&ada, "/account").await;
        assert!(shown.contains("<option value=\"pro\" selected>pro</option>"), "{shown}");
        let form = |plan: &'static str| [("attributes.company", "Looms"), ("attributes.plan", plan), ("attributes.is_speaker", "")];
        post(&ada, "/account/attributes", &form("pro")).await.assert(303);
        let shown = values(&log_in(&later, "ada").await, "/attributes").await;
        assert_eq!((&shown["company"], &shown["plan"]), (&json!("Looms"), &json!("pro")));
        post(&ada, "/account/attributes", &form("gold")).await.assert(303);
        post(&ada, "/account/attributes", &form("pro")).await.assert(422);
    }

    async fn owners_of_an_organisation_change_its_details(database: Database) {
        let app = declared(database).await;
        let (_, token) = person(&app, "ada").await;
        let (ben_id, _) = person(&app, "ben").await;
        let engines = organisation(&token).await;
        join(&app, &engines, ben_id, GroupRole::Member).await;
        let here = format!("/account{engines}");
        let (ada, ben) = (browser(&app, "ada").await, browser(&app, "ben").await);
        let path = format!("{here}/attributes");
        post(&ada, &path, &[("attributes.billing", &"x".repeat(41))]).await.assert(422);
        post(&ada, &path, &[("attributes.billing", "a@b"), ("attributes.site", "b")]).await.assert(303);
        assert!(page(&ada, &here).await.contains("value=\"a@b\""));
        let shown = page(&ben, &here).await;
        assert!(shown.contains("<dt>Site</dt><dd><bdi>b</bdi></dd>") && !shown.contains("Billing"), "{shown}");
        post(&ben, &path, &[("attributes.site", "c")]).await.assert(403);

        let root = console(&app).await;
        let managed = format!("/console{engines}");
        let shown = page(&root, &managed).await;
        assert!(shown.contains("name=\"attributes.seats\"") && shown.contains("value=\"a@b\""), "{shown}");
        let path = format!("{managed}/attributes");
        post(&root, &path, &[("attributes.seats", "0")]).await.assert(422);
        post(&root, &path, &[("attributes.seats", "3"), ("attributes.billing", "")]).await.assert(303);
        let expected = json!({ "seats": 3, "billing": null, "site": "b" });
        assert_eq!(values(&token, &format!("{engines}/attributes")).await, expected);
    }

    async fn administrators_change_attributes_in_the_console_and_filter_by_them(database: Database) {
        let app = declared(database).await;
        let (id, _) = person(&app, "ada").await;
        person(&app, "ben").await;
        let root = console(&app).await;
        let here = format!("/console/accounts/{id}");
        let shown = page(&root, &here).await;
        assert!(shown.contains("name=\"attributes.risk\""), "{shown}");
        let path = format!("{here}/attributes");
        post(&root, &path, &[("attributes.risk", "10")]).await.assert(422);
        let saved = post(&root, &path, &[("attributes.risk", "7"), ("attributes.plan", "pro")]).await.assert(303);
        assert_eq!(saved.header("location"), format!("{here}?done=attributes"));
        post(&root, "/console/accounts/99/attributes", &[("attributes.risk", "7")]).await.assert(404);
        let found = page(&root, "/console?attribute=plan&value=pro").await;
        assert!(found.contains("ada@example.com") && !found.contains("ben@example.com"), "{found}");
        assert!(found.contains("<option value=\"plan\" selected>Plan</option>"), "{found}");
        let found = page(&root, "/console?attribute=&value=").await;
        assert!(found.contains("ben@example.com"), "{found}");
        let trail = page(&root, "/console/audit").await;
        assert!(trail.contains("Attributes changed") && trail.contains("plan, risk"), "{trail}");
        // It takes a fresh login.
        app.advance(601);
        let asked = post(&root, &path, &[("attributes.risk", "8")]).await.assert(303);
        assert!(asked.header("location").starts_with("/account/confirm"));
        browser(&app, "ben").await.get(&here).send().await.assert(403);
    }
}
