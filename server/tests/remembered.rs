//! Remembered devices: browsers that are not asked for the second factor again.

use http::Method;
use portcullis_server::accounts::{AccountId, Role};
use portcullis_server::config::SecondFactor;
use portcullis_server::{By, admin, client};
use serde_json::json;

use crate::factors::{Authenticator, enrol};
use crate::on_both_databases;
use crate::support::{Answer, Client, Database, PASSWORD, TestApp, email};

const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";
const DAY: u64 = 86_400;

async fn with_devices(database: Database) -> TestApp {
    TestApp::with(database, |config| config.remember_devices_days = 30).await
}

/// A browser: the cookie of its session, if it has one, and of the device.
#[derive(Clone, Default)]
struct Browser {
    session: String,
    device: String,
}

impl Browser {
    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            if pair.contains("portcullis-device=") {
                self.device = pair;
            } else {
                self.session = pair;
            }
        }
    }

    fn client(&self, app: &TestApp) -> Client {
        app.stranger().with_cookie(&format!("{}; {}", self.session, self.device))
    }

    /// The first step of a login; the browser has forgotten its session.
    async fn first_step(&mut self, app: &TestApp, name: &str) -> Answer {
        let form = [("username", email(name)), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let call = app.stranger().post("/login/cookie").header("sec-fetch-site", "same-origin");
        let answer = call.header("cookie", &self.device).form(&form).await;
        self.keep(&answer);
        answer
    }

    /// Logs in without being asked for the second factor.
    async fn logs_in(&mut self, app: &TestApp, name: &str) -> Client {
        self.first_step(app, name).await.assert(204);
        self.client(app)
    }

    async fn is_asked(&mut self, app: &TestApp, name: &str) -> String {
        let body = self.first_step(app, name).await.assert(401).json();
        assert_eq!(body["error"], "mfa_required", "{body}");
        body["mfa_token"].as_str().unwrap().to_owned()
    }

    async fn second_step(&mut self, app: &TestApp, token: &str, code: &str) -> Answer {
        let call = app.stranger().post("/login/factor").header("cookie", &self.device);
        let answer = call.json(&json!({ "mfa_token": token, "code": code, "remember": true })).await;
        self.keep(&answer);
        app.advance(30);
        answer
    }

    /// Logs in with both factors, to be remembered.
    async fn remembered(app: &TestApp, name: &str, phone: &Authenticator) -> Self {
        let mut browser = Self::default();
        let token = browser.is_asked(app, name).await;
        browser.second_step(app, &token, &phone.code(app)).await.assert(204);
        assert!(browser.device.starts_with("portcullis-device=pcrd_"), "{}", browser.device);
        browser
    }
}

async fn rows(app: &TestApp) -> String {
    app.place.value("SELECT count(*) FROM remembered_devices").await
}

on_both_databases! {
    async fn m04_a_remembered_device_is_not_asked_again_by_its_own_account_for_30_days(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let mut ada = Browser::remembered(&app, "ada", &phone).await;
        let secret = ada.device.split_once('=').unwrap().1.to_owned();
        assert!(!app.place.dump().await.contains(&secret));
        ada.logs_in(&app, "ada").await;
        // Its session names what was shown, and is as old as the code.
        let amr = "SELECT amr FROM sessions ORDER BY created_at DESC LIMIT 1";
        assert_eq!(app.place.value(amr).await, "pwd");
        let is_older = "SELECT count(*) FROM sessions WHERE authenticated_at < created_at";
        assert_eq!(app.place.value(is_older).await, "1");
        // Another browser, another account, and a login that gets tokens are asked.
        Browser::default().is_asked(&app, "ada").await;
        let other = enrol(&app, &app.as_user("bob").await).await;
        ada.is_asked(&app, "bob").await;
        let form = [("username", email("ada")), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        app.stranger().post("/login").header("cookie", &ada.device).form(&form).await.assert(401);
        // Two of them, a cut one, and one that is nobody's.
        for device in [
            format!("{}; {}", ada.device, ada.device),
            ada.device.strip_suffix(char::is_alphanumeric).unwrap_or_default().to_owned(),
            "portcullis-device=pcrd_".to_owned() + &"A".repeat(43),
        ] {
            Browser { device, ..Browser::default() }.is_asked(&app, "ada").await;
        }
        // A wrong password is not helped by it.
        let form = [("username", email("ada")), ("password", NEW_PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let call = app.stranger().post("/login/cookie").header("sec-fetch-site", "same-origin");
        call.header("cookie", &ada.device).form(&form).await.assert(401);
        // Remembering another account in the same browser leaves the first one's row.
        let token = ada.clone().is_asked(&app, "bob").await;
        ada.clone().second_step(&app, &token, &other.code(&app)).await.assert(204);
        assert_eq!(rows(&app).await, "2");
        // Its use does not lengthen it.
        app.advance(29 * DAY);
        ada.logs_in(&app, "ada").await;
        app.advance(DAY);
        ada.is_asked(&app, "ada").await;
    }

    async fn m04_a_device_is_remembered_only_where_the_operator_allows_it(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let phone = enrol(&app, &app.log_in("ada").await).await;
        let mut browser = Browser::default();
        let token = browser.is_asked(&app, "ada").await;
        browser.second_step(&app, &token, &phone.code(&app)).await.assert(204);
        assert_eq!((browser.device.as_str(), rows(&app).await), ("", "0".to_owned()), "off by default");
        let mut config = app.place.config();
        config.remember_devices_days = 30;
        let on = app.again_with(config.clone()).await;
        let mut ada = Browser::remembered(&on, "ada", &phone).await;
        ada.logs_in(&on, "ada").await;
        // Turned off again, and with fewer days.
        ada.is_asked(&app, "ada").await;
        on.advance(2 * DAY);
        config.remember_devices_days = 2;
        ada.is_asked(&app.again_with(config.clone()).await, "ada").await;
        // It never takes the place of a factor that the operator requires.
        config.remember_devices_days = 30;
        config.second_factor = SecondFactor::RequiredForAdmins;
        let strict = app.again_with(config.clone()).await;
        ada.logs_in(&strict, "ada").await;
        let operator = client::Client::local("operator");
        admin::set_role(&strict.app, AccountId::new(id), Role::Admin, By::operator(&operator)).await.unwrap();
        let token = ada.is_asked(&strict, "ada").await;
        ada.second_step(&strict, &token, &phone.code(&strict)).await.assert(204);
        ada.is_asked(&strict, "ada").await;
        config.second_factor = SecondFactor::Required;
        ada.is_asked(&app.again_with(config).await, "ada").await;
        assert_eq!(rows(&app).await, "1");
    }

    async fn m02_on_a_remembered_device_sensitive_acts_ask_for_both_factors(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let mut browser = Browser::remembered(&app, "ada", &phone).await;
        app.advance(DAY);
        let ada = browser.logs_in(&app, "ada").await;
        ada.get("/factors").send().await.assert(200);
        for (method, path) in [(Method::DELETE, "/factors/totp"), (Method::POST, "/factors/recovery-codes"), (Method::DELETE, "/sessions")] {
            let stale = ada.call(method, path).send().await.assert(401);
            assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"), "{path}");
        }
        // The password in the same session is not enough, here and on the page.
        let form = [("username", email("ada")), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        ada.post("/login/cookie").form(&form).await.assert(401);
        let page = ada.post("/account/confirm").form(&[("password", PASSWORD)]).await.assert(200).text();
        assert!(page.contains("Enter the code from your app"), "{page}");
        let token = ada.post("/login/cookie").form(&form).await.json()["mfa_token"].as_str().unwrap().to_owned();
        browser.second_step(&app, &token, &phone.code(&app)).await.assert(204);
        browser.client(&app).delete("/factors/totp").send().await.assert(204);
    }

    async fn m05_a_recovery_code_remembers_nothing(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let mut browser = Browser::default();
        let token = browser.is_asked(&app, "ada").await;
        browser.second_step(&app, &token, phone.recovery_code()).await.assert(204);
        assert_eq!((browser.device.as_str(), rows(&app).await), ("", "0".to_owned()));
        // Nor does a login that gets tokens.
        let answer = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
        browser.second_step(&app, answer["mfa_token"].as_str().unwrap(), &phone.code(&app)).await.assert(200);
        assert_eq!((browser.device.as_str(), rows(&app).await), ("", "0".to_owned()));
    }

    async fn s07_whatever_ends_the_sessions_of_an_account_forgets_its_devices(database: Database) {
        let app = with_devices(database).await;
        let id = app.sign_up("ada").await;
        let mut phone = enrol(&app, &app.log_in("ada").await).await;
        let fresh = async |phone: &Authenticator| {
            let browser = Browser::remembered(&app, "ada", phone).await;
            assert_eq!(rows(&app).await, "1");
            (browser.client(&app), browser)
        };
        let forgotten = async |what: &str, mut browser: Browser| {
            assert_eq!(rows(&app).await, "0", "{what}");
            browser.is_asked(&app, "ada").await;
        };
        let (ada, browser) = fresh(&phone).await;
        ada.delete("/sessions").send().await.assert(204);
        forgotten("log out everywhere", browser).await;

        let (ada, browser) = fresh(&phone).await;
        let body = json!({ "current_password": PASSWORD, "password": NEW_PASSWORD });
        ada.call(Method::PUT, "/password").json(&body).await.assert(204);
        app.set_password(id, PASSWORD).await;
        forgotten("a new password", browser).await;

        let (_, browser) = fresh(&phone).await;
        app.stranger().post("/password/forgot").json(&json!({ "email": email("ada") })).await.assert(202);
        let mails = app.mails_to("ada").await.into_iter();
        let reset = mails.rev().find(|mail| mail.link.as_ref().is_some_and(|link| link.contains("/account/reset")));
        let body = json!({ "token": reset.unwrap().token, "password": NEW_PASSWORD });
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        app.stranger().post("/password/reset").json(&body).await.assert(204);
        assert_eq!(rows(&app).await, "0", "a reset");
        app.set_password(id, PASSWORD).await;
        forgotten("a reset", browser).await;

        let (_, browser) = fresh(&phone).await;
        app.disable(id).await;
        app.enable(id).await;
        forgotten("disabling", browser).await;

        let (ada, _) = fresh(&phone).await;
        ada.delete("/factors/totp").send().await.assert(204);
        assert_eq!(rows(&app).await, "0", "removal of the factor");
        phone = enrol(&app, &app.log_in("ada").await).await;

        let (ada, _) = fresh(&phone).await;
        phone = enrol(&app, &ada).await;
        assert_eq!(rows(&app).await, "0", "another app");

        // Whoever proves the address of an account that nobody confirmed.
        app.place.sql("UPDATE accounts SET email_verified_at = NULL").await;
        fresh(&phone).await;
        app.stranger().post("/password/forgot").json(&json!({ "email": email("ada") })).await.assert(202);
        let mails = app.mails_to("ada").await.into_iter();
        let reset = mails.rev().find(|mail| mail.link.as_ref().is_some_and(|link| link.contains("/account/reset")));
        let body = json!({ "token": reset.unwrap().token, "password": NEW_PASSWORD });
        app.stranger().post("/password/reset").json(&body).await.assert(204);
        assert_eq!(rows(&app).await, "0", "seizing");

        app.set_password(id, PASSWORD).await;
        let phone = enrol(&app, &app.log_in("ada").await).await;
        fresh(&phone).await;
        app.delete(id).await;
        assert_eq!(rows(&app).await, "0", "deletion");
    }

    async fn s10_owners_see_and_forget_their_devices(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let mut browser = Browser::remembered(&app, "ada", &phone).await;
        let mut other = Browser::remembered(&app, "ada", &phone).await;
        let ada = browser.client(&app);
        let listed = ada.get("/factors/devices").send().await.assert(200).json();
        let current: Vec<_> = listed.as_array().unwrap().iter().map(|device| &device["is_current"]).collect();
        assert_eq!(current, [&json!(false), &json!(true)], "the newest first");
        let eve = app.as_user("eve").await;
        let id = listed[0]["id"].as_str().unwrap();
        let path = format!("/factors/devices/{id}");
        let of_nobody = eve.delete(&format!("/factors/devices/{}", uuid::Uuid::nil())).send().await.assert(404);
        assert_eq!(eve.delete(&path).send().await.assert(404).text(), of_nobody.text());
        eve.delete("/factors/devices/x").send().await.assert(404);
        ada.delete(&path).send().await.assert(204);
        ada.delete(&path).send().await.assert(404);
        other.is_asked(&app, "ada").await;
        browser.logs_in(&app, "ada").await;
        // It stands in the export, without the cookie.
        let ada = browser.client(&app);
        let token = app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401).json();
        let token = token["mfa_token"].as_str().unwrap().to_owned();
        let answer = app.stranger().post("/login/factor").json(&json!({ "mfa_token": token, "code": phone.code(&app) })).await;
        let fresh = app.stranger().with_token(answer.assert(200).json()["access_token"].as_str().unwrap());
        let export = fresh.get("/export").send().await.assert(200);
        let devices = &export.json()["second_factor"]["remembered_devices"];
        assert_eq!((devices.as_array().unwrap().len(), devices[0]["last_used_at"].is_string()), (1, true));
        assert!(!export.text().contains(browser.device.split_once('=').unwrap().1));
        // The page.
        let page = ada.get("/account/second-factor").send().await.assert(200).text();
        assert!(page.contains("Remembered devices") && page.contains("This device"), "{page}");
        let id = page.split("action=\"/account/second-factor/forget\"").nth(1).unwrap();
        let id = id.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let done = ada.post("/account/second-factor/forget").form(&[("id", id)]).await.assert(303);
        assert_eq!(done.header("location"), "/account/second-factor?done=device-forgotten");
        ada.post("/account/second-factor/forget").form(&[("id", id)]).await.assert(303);
        assert!(!ada.get("/account/second-factor").send().await.assert(200).text().contains("Remembered devices"));
        browser.is_asked(&app, "ada").await;
        for (event, times) in [("device.remembered", "2"), ("device.forgotten", "2")] {
            let count = format!("SELECT count(*) FROM audit_events WHERE event = '{event}'");
            assert_eq!(app.place.value(&count).await, times, "{event}");
        }
    }

    async fn an_account_has_at_most_20_remembered_devices_and_expired_ones_are_swept(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let mut first = Browser::remembered(&app, "ada", &phone).await;
        for _ in 1..20 {
            Browser::remembered(&app, "ada", &phone).await;
        }
        first.logs_in(&app, "ada").await;
        // A browser that is remembered anew takes its own place.
        let ada = first.client(&app);
        let form = [("username", email("ada")), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let token = ada.post("/login/cookie").form(&form).await.assert(401).json();
        first.second_step(&app, token["mfa_token"].as_str().unwrap(), &phone.code(&app)).await.assert(204);
        assert_eq!(rows(&app).await, "20");
        Browser::remembered(&app, "ada", &phone).await;
        assert_eq!(rows(&app).await, "20");
        first.logs_in(&app, "ada").await;
        app.advance(30 * DAY);
        let sweeping = app.again().await;
        for _ in 0..400 {
            if rows(&app).await == "0" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert_eq!(rows(&app).await, "0");
        drop(sweeping);
    }

    async fn the_page_of_the_second_factor_offers_to_remember_the_browser(database: Database) {
        let app = with_devices(database).await;
        let phone = enrol(&app, &app.as_user("ada").await).await;
        let post = async |path: &str, cookie: &str, form: &[(&str, &str)]| {
            let call = app.stranger().post(path).header("sec-fetch-site", "same-origin");
            call.header("cookie", cookie).form(form).await
        };
        let form = [("email", email("ada")), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let page = post("/account/log-in", "", &form).await.assert(200).text();
        assert!(page.contains("Don’t ask again on this device for 30 days"), "{page}");
        let token = page.split("name=\"mfa_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let code = phone.code(&app);
        let step = [("mfa_token", token), ("code", code.as_str()), ("remember", "yes")];
        let mut browser = Browser::default();
        browser.keep(&post("/account/log-in/factor", "", &step).await.assert(303));
        let arrived = post("/account/log-in", &browser.device, &form).await.assert(303);
        assert!(arrived.header("location").contains("arrived=yes"));
        // Where it is off, nothing is offered.
        let mut config = app.place.config();
        config.remember_devices_days = 0;
        let off = app.again_with(config).await;
        let call = off.stranger().post("/account/log-in").header("sec-fetch-site", "same-origin");
        let page = call.header("cookie", &browser.device).form(&form).await.assert(200).text();
        assert!(!page.contains("name=\"remember\""), "{page}");
    }
}
