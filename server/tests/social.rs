//! Logins with other providers: what they do for accounts, whom they let in, and what they do not reveal.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;
use portcullis_server::config::{Config, LoginProvider, SignUp};
use serde_json::json;

use crate::factors::{enrol, second_step};
use crate::on_both_databases;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Canned, Upstream};
use crate::support::{Answer, Client, Database, TestApp, email};

/// The redirect URI.
pub fn callback(name: &str) -> String {
    format!("/log-in/with/{name}/callback")
}

/// The settings of an upstream whose statements about addresses are trusted or not.
pub fn settings(upstream: &Upstream, trust_email: bool) -> LoginProvider {
    let mut settings = LoginProvider::default();
    CLIENT_ID.clone_into(&mut settings.client_id);
    settings.client_secret = Some(CLIENT_SECRET.into());
    settings.issuer = Some(upstream.url.clone());
    settings.private_network = true;
    settings.trust_email = trust_email;
    settings
}

pub async fn upstream() -> Upstream {
    Upstream::start(portcullis_server::clock::Clock::system().now().as_secs()).await
}

/// A server that offers logins with `acme`.
pub async fn with_acme(
    database: Database,
    trust: bool,
    change: impl FnOnce(&mut Config),
) -> (TestApp, Upstream) {
    let acme = upstream().await;
    let app = TestApp::with(database, |config| {
        config.login_with.insert("acme".to_owned(), settings(&acme, trust));
        change(config);
    });
    (app.await, acme)
}

/// A browser that keeps cookies.
#[derive(Clone)]
pub struct Browser {
    app: TestApp,
    pub jar: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(app: &TestApp) -> Self {
        Self { app: app.clone(), jar: BTreeMap::from([("colour".to_owned(), "blue".to_owned())]) }
    }

    pub fn client(&self) -> Client {
        let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.app.stranger().with_cookie(&pairs.join("; "))
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") || value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.client().get(path).send().await;
        self.keep(answer)
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let answer = self.client().post(path).form(form).await;
        self.keep(answer)
    }

    /// Presses the button, and returns the URL that the browser is sent to.
    pub async fn press(&mut self, path: &str) -> String {
        let answer = self.post(path, &[("next", "/account/sessions")]).await.assert(200);
        answer.header("refresh").strip_prefix("0; url=").unwrap().to_owned()
    }

    pub async fn come_back(&mut self, name: &str, params: &HashMap<String, String>) -> Answer {
        let query = serde_urlencoded::to_string(params).unwrap();
        self.get(&format!("{}?{query}", callback(name))).await
    }

    /// The whole flow: the button, the provider, and back.
    pub async fn log_in_with(&mut self, name: &str, upstream: &Upstream) -> Answer {
        let url = self.press(&format!("/account/log-in/with/{name}")).await;
        self.come_back(name, &upstream.agree(&url)).await
    }

    pub async fn link(&mut self, name: &str, upstream: &Upstream) -> Answer {
        let url = self.press(&format!("/account/linked/with/{name}")).await;
        self.come_back(name, &upstream.agree(&url)).await
    }

    pub async fn is_logged_in(&self) -> bool {
        self.client().get("/profile").send().await.status == 200
    }

    async fn profile(&self) -> serde_json::Value {
        self.client().get("/profile").send().await.assert(200).json()
    }

    /// Logs in with the tests' password.
    pub async fn with_password(app: &TestApp, name: &str) -> Self {
        let cookie = app.stranger().log_in_with_cookie(&email(name)).await;
        let (name, value) = cookie.cookie().split_once('=').unwrap();
        let mut browser = Self::new(app);
        browser.jar.insert(name.to_owned(), value.to_owned());
        browser
    }
}

/// The path that a login leads to, starting at the login page.
#[track_caller]
pub fn arrived(answer: &Answer) {
    let location = answer.clone().assert(303).header("location").to_owned();
    assert_eq!(location, "/account/log-in?next=%2Faccount%2Fsessions&arrived=yes");
}

/// The notice that the response leads to.
#[track_caller]
pub fn done(answer: &Answer, page: &str, word: &str) {
    assert_eq!(answer.clone().assert(303).header("location"), format!("{page}?done={word}"));
}

/// The hidden token of the page that asks for an address or a code.
pub fn token_of(answer: &Answer) -> String {
    let text = answer.clone().assert(200).text();
    let after = text.split("name=\"token\" value=\"").nth(1).unwrap_or_else(|| panic!("{text}"));
    after.split('"').next().unwrap().to_owned()
}

/// The newest code that was emailed to `name`.
pub async fn code_to(app: &TestApp, name: &str) -> String {
    let mail =
        app.mails_to(name).await.into_iter().rev().find(|mail| mail.subject == "Your code for Portcullis");
    let mail = mail.unwrap_or_else(|| panic!("no code for {name}"));
    mail.text.lines().find_map(|line| line.strip_prefix("    ")).unwrap().trim().to_owned()
}

pub async fn count(app: &TestApp, table: &str) -> String {
    app.place.value(&format!("SELECT count(*) FROM {table}")).await
}

/// A page's text, without the parts that differ between logins.
fn comparable(answer: &Answer, name: &str) -> String {
    answer.clone().assert(200).text().replace(&token_of(answer), "TOKEN").replace(&email(name), "ADDRESS")
}

async fn audited(app: &TestApp, event: &str) -> String {
    app.place.value(&format!("SELECT count(*) FROM audit_events WHERE event = '{event}'")).await
}

on_both_databases! {
    async fn l01_a_new_identity_makes_an_account_without_a_password(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut browser = Browser::new(&app);
        let page = browser.get("/account/log-in?next=/account/sessions").await.assert(200).text();
        assert!(page.contains("action=\"/account/log-in/with/acme\""), "{page}");
        assert!(browser.get("/account/sign-up").await.assert(200).text().contains("Continue with acme"));
        let providers = app.stranger().get("/login/with").send().await.assert(200).json();
        assert_eq!(providers, json!([{ "name": "acme", "label": "acme", "begin": "/account/log-in/with/acme" }]));
        arrived(&browser.log_in_with("acme", &acme).await);
        let profile = browser.profile().await;
        assert_eq!((&profile["email"], &profile["full_name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
        let account = "SELECT count(password_hash), count(email_verified_at) FROM accounts";
        assert_eq!(app.place.sql(account).await, [["0", "1"]]);
        assert_eq!(browser.jar.keys().filter(|name| name.contains("portcullis-with")).count(), 0, "cleared");
        assert_eq!(app.place.value("SELECT amr FROM sessions").await, "federated");
        for event in ["account.signed_up", "identity.linked", "session.logged_in_with_provider"] {
            assert_eq!(audited(&app, event).await, "1", "{event}");
        }
        // Later values from the provider change nothing, and the address is not the key.
        acme.claim("name", "Somebody Else");
        acme.claim("email", "ada@elsewhere.example");
        let mut again = Browser::new(&app);
        arrived(&again.log_in_with("acme", &acme).await);
        assert_eq!(again.profile().await, profile);
        assert_eq!(count(&app, "accounts").await, "1");
        // None of the provider's tokens are stored.
        let dump = app.place.dump().await;
        assert!(!dump.contains("opaque-access-token") && !dump.contains("eyJ"));
    }

    async fn r08_an_address_that_another_account_can_restore_makes_no_account(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let owner = app.as_user("ada").await;
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        owner.call(http::Method::PUT, "/email").json(&json!({ "email": email("bob") })).await.assert(202);
        let confirmation = app.mails_to("bob").await.pop().unwrap().token.unwrap();
        app.stranger().post("/email/confirm").json(&json!({ "token": confirmation })).await.assert(204);
        let mut browser = Browser::new(&app);
        let answer = browser.log_in_with("acme", &acme).await;
        done(&answer, "/account/log-in", "with-address-kept");
        let page = browser.get(answer.header("location")).await.assert(200).text();
        assert!(page.contains("An account had this email address until recently"), "{page}");
        assert!(!browser.is_logged_in().await);
        assert_eq!((count(&app, "accounts").await, count(&app, "identities").await), ("1".into(), "0".into()));
    }

    async fn l01_the_key_is_issuer_and_subject(database: Database) {
        let (one, other) = (upstream().await, upstream().await);
        let app = TestApp::with(database, |config| {
            config.login_with.insert("one".to_owned(), settings(&one, true));
            config.login_with.insert("other".to_owned(), settings(&other, true));
        }).await;
        // The same subject at two providers is two people.
        other.claim("email", "bob@example.com");
        let (mut ada, mut bob) = (Browser::new(&app), Browser::new(&app));
        arrived(&ada.log_in_with("one", &one).await);
        arrived(&bob.log_in_with("other", &other).await);
        assert_ne!(ada.profile().await["id"], bob.profile().await["id"]);
        // Another subject with the same address is somebody else, until a code proves otherwise.
        one.claim("sub", "another");
        let mut eve = Browser::new(&app);
        let asked = eve.log_in_with("one", &one).await;
        token_of(&asked);
        assert!(!eve.is_logged_in().await);
    }

    async fn l01_of_two_that_come_back_at_once_one_makes_the_account(database: Database) {
        let acme = upstream().await;
        let set = |config: &mut Config| {
            config.limits = false;
            config.login_with.insert("acme".to_owned(), settings(&acme, true));
        };
        let first = TestApp::with(database, set).await;
        let mut config = first.place.config();
        set(&mut config);
        let second = first.again_with(config).await;
        for round in 0..40 {
            acme.claim("sub", format!("person-{round}"));
            acme.claim("email", format!("person-{round}@example.com"));
            let browsers = [Browser::new(&first), Browser::new(&second), Browser::new(&first)];
            let back = join_all(browsers.map(async |mut browser| {
                let url = browser.press("/account/log-in/with/acme").await;
                let params = acme.agree(&url);
                (browser, params)
            })).await;
            let answers = join_all(back.into_iter().map(async |(mut browser, params)| {
                let answer = browser.come_back("acme", &params).await;
                (browser, answer)
            })).await;
            for (browser, answer) in &answers {
                arrived(answer);
                assert!(browser.is_logged_in().await);
            }
            assert_eq!(count(&first, "accounts").await, (round + 1).to_string());
            assert_eq!(count(&first, "identities").await, (round + 1).to_string());
        }
    }

    async fn l03_an_address_that_is_not_proved_is_proved_by_a_code(database: Database) {
        // The operator does not trust this provider's statements: `email_verified` is true but has no effect.
        let (app, acme) = with_acme(database, false, |_| ()).await;
        app.sign_up("ada").await;
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        let mut browser = Browser::new(&app);
        let asked = browser.log_in_with("acme", &acme).await;
        let token = token_of(&asked);
        assert!(!browser.is_logged_in().await);
        let code = code_to(&app, "ada").await;
        let wrong = browser.post("/account/log-in/prove/code", &[("token", &token), ("code", "AAAA-AAAA")]).await;
        wrong.assert(422);
        arrived(&browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await);
        assert_eq!(browser.profile().await["full_name"], "ada");
        assert_eq!((count(&app, "accounts").await, count(&app, "identities").await), ("1".into(), "1".into()));
        let subjects: Vec<_> = app.mails_to("ada").await.into_iter().map(|mail| mail.subject).collect();
        assert!(subjects.contains(&"acme was linked to your Portcullis account".to_owned()), "{subjects:?}");
        // Single use.
        let used = browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await;
        done(&used, "/account/log-in", "login-expired");
        // From now on, no code is required.
        arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
        // An existing password still works.
        Browser::with_password(&app, "ada").await;
    }

    async fn l03_a_code_is_for_the_identity_that_asked(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        app.sign_up("ada").await;
        let (mut ada, mut eve) = (Browser::new(&app), Browser::new(&app));
        let own = token_of(&ada.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        acme.claim("sub", "eve");
        let trap = token_of(&eve.log_in_with("acme", &acme).await);
        // The code in Ada's email does not work for another login attempt.
        eve.post("/account/log-in/prove/code", &[("token", &trap), ("code", &code)]).await.assert(422);
        arrived(&ada.post("/account/log-in/prove/code", &[("token", &own), ("code", &code)]).await);
        assert_eq!(app.place.value("SELECT subject FROM identities").await, "248289761001");
    }

    async fn l03_a_code_is_used_only_if_what_it_leads_to_is_done(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        let mut browser = Browser::new(&app);
        let token = token_of(&browser.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        // No session can begin.
        let refuse: &[&str] = match database {
            Database::Sqlite => {
                &["CREATE TRIGGER refuse AFTER INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'no'); END"]
            }
            Database::Postgres => &[
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$",
                "CREATE TRIGGER refuse BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
        };
        for statement in refuse {
            app.place.sql(statement).await;
        }
        let form = [("token", token.as_str()), ("code", code.as_str())];
        browser.post("/account/log-in/prove/code", &form).await.assert(503);
        assert_eq!((count(&app, "accounts").await, count(&app, "link_proofs").await), ("0".into(), "1".into()));
        app.place.sql(match database {
            Database::Sqlite => "DROP TRIGGER refuse",
            Database::Postgres => "DROP TRIGGER refuse ON sessions",
        }).await;
        arrived(&browser.post("/account/log-in/prove/code", &form).await);
        assert_eq!((count(&app, "accounts").await, count(&app, "link_proofs").await), ("1".into(), "0".into()));
    }

    async fn l03_of_many_uses_of_one_code_at_once_one_logs_in(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        let other = app.again().await;
        let mut browser = Browser::new(&app);
        let token = token_of(&browser.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        let elsewhere = Browser { app: other, jar: browser.jar.clone() };
        let uses = join_all((0..8).map(|at| {
            let mut browser = if at % 2 == 0 { browser.clone() } else { elsewhere.clone() };
            let form = [("token", token.clone()), ("code", code.clone())];
            async move {
                let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
                browser.post("/account/log-in/prove/code", &form).await
            }
        }))
        .await;
        let arrived = uses.iter().filter(|answer| answer.header("location").contains("arrived=yes")).count();
        assert_eq!((arrived, count(&app, "sessions").await), (1, "1".to_owned()));
    }

    async fn b06_five_wrong_codes_end_a_code(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        let mut browser = Browser::new(&app);
        let token = token_of(&browser.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        for _ in 0..5 {
            browser.post("/account/log-in/prove/code", &[("token", &token), ("code", "AAAA-AAAA")]).await.assert(422);
        }
        let late = browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await;
        done(&late, "/account/log-in", "login-expired");
        assert_eq!(count(&app, "accounts").await, "0");
    }

    async fn l03_a_provider_without_an_address_asks_for_one(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        acme.claim("email", json!(null));
        let userinfo = |sub: &str| acme.answers("/userinfo", Canned::json(&json!({ "sub": sub })));
        userinfo("248289761001");
        let mut browser = Browser::new(&app);
        let asked = browser.log_in_with("acme", &acme).await;
        assert!(asked.text().contains("did not give us an email address"));
        let token = token_of(&asked);
        for bad in ["", "nobody"] {
            browser.post("/account/log-in/prove", &[("token", &token), ("email", bad)]).await.assert(422);
        }
        let sent = browser.post("/account/log-in/prove", &[("token", &token), ("email", "bob@example.com")]).await;
        assert_eq!(token_of(&sent), token);
        let code = code_to(&app, "bob").await;
        arrived(&browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await);
        assert_eq!(browser.profile().await["email"], "bob@example.com");
        // Abandoned proofs expire.
        let token = { acme.claim("sub", "late"); userinfo("late"); token_of(&Browser::new(&app).log_in_with("acme", &acme).await) };
        app.advance(30 * 60 + 1);
        let late = browser.post("/account/log-in/prove", &[("token", &token), ("email", "bob@example.com")]).await;
        done(&late, "/account/log-in", "login-expired");
    }

    async fn e06_an_address_that_is_not_proved_does_not_tell_whether_it_has_an_account(database: Database) {
        let (app, acme) = with_acme(database, false, |config| config.limits = false).await;
        app.sign_up("ada").await;
        let off = app.sign_up("off").await;
        app.disable(off).await;
        let mut pages = Vec::new();
        for name in ["ada", "off", "new"] {
            acme.claim("sub", name);
            acme.claim("email", email(name));
            let answer = Browser::new(&app).log_in_with("acme", &acme).await;
            pages.push(comparable(&answer, name));
            assert_eq!(app.mails_to(name).await.into_iter().filter(|mail| mail.subject.contains("code")).count(), 1);
        }
        assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    }

    async fn e06_a_proved_address_with_an_account_is_told_what_to_do(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        app.sign_up("ada").await;
        app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
        let mut browser = Browser::new(&app);
        // The provider's statement alone links nothing.
        let asked = browser.log_in_with("acme", &acme).await;
        assert!(asked.text().contains("If you already have an account with this address"));
        assert_eq!(count(&app, "identities").await, "0");
        let (token, code) = (token_of(&asked), code_to(&app, "ada").await);
        arrived(&browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await);
        assert_eq!(count(&app, "identities").await, "1");
    }

    async fn l04_an_attempt_is_of_one_browser_one_provider_and_one_use(database: Database) {
        let (acme, other) = (upstream().await, upstream().await);
        let app = TestApp::with(database, |config| {
            config.limits = false;
            config.login_with.insert("acme".to_owned(), settings(&acme, true));
            config.login_with.insert("other".to_owned(), settings(&other, true));
        }).await;
        let expired = |answer: &Answer| done(answer, "/account/log-in", "login-expired");
        let mut ada = Browser::new(&app);
        let url = ada.press("/account/log-in/with/acme").await;
        let params = acme.agree(&url);
        // Another browser: that of a victim who is to be logged in as somebody else.
        let mut eve = Browser::new(&app);
        expired(&eve.come_back("acme", &params).await);
        // A browser with a login attempt of its own.
        eve.press("/account/log-in/with/acme").await;
        expired(&eve.come_back("acme", &params).await);
        // Another provider's callback, whose token endpoint would receive the code.
        expired(&ada.come_back("other", &params).await);
        assert!(other.got("/token").is_empty() && acme.got("/token").is_empty());
        // Without a state, with another one, and with two.
        for state in [None, Some(""), Some("x"), Some(&*"x".repeat(300))] {
            let mut wrong = params.clone();
            wrong.remove("state");
            wrong.extend(state.map(|state| ("state".to_owned(), state.to_owned())));
            expired(&ada.come_back("acme", &wrong).await);
        }
        let twice = format!("{}?code={}&state={}&state={}", callback("acme"), params["code"], params["state"], params["state"]);
        expired(&ada.get(&twice).await);
        // None of this used it up, and it works once.
        arrived(&ada.come_back("acme", &params).await);
        let mut again = ada.clone();
        again.jar.retain(|name, _| !name.contains("portcullis"));
        let answer = again.come_back("acme", &params).await;
        expired(&answer);
        // It expires.
        let mut late = Browser::new(&app);
        let url = late.press("/account/log-in/with/acme").await;
        app.advance(10 * 60);
        expired(&late.come_back("acme", &acme.agree(&url)).await);
        assert!(!late.is_logged_in().await);
        app.stranger().get("/log-in/with/nobody/callback").send().await.assert(404);
        app.stranger().post("/account/log-in/with/acme").header("sec-fetch-site", "cross-site").form(&[]).await.assert(403);
    }

    async fn l04_five_tabs_do_not_end_one_another_and_a_sixth_ends_the_oldest(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut browser = Browser::new(&app);
        let mut urls = Vec::new();
        for _ in 0..6 {
            urls.push(browser.press("/account/log-in/with/acme").await);
            app.advance(1);
        }
        assert_eq!(browser.jar.keys().filter(|name| name.contains("portcullis-with")).count(), 5);
        assert_eq!(count(&app, "social_attempts").await, "5");
        let oldest = browser.come_back("acme", &acme.agree(&urls[0])).await;
        done(&oldest, "/account/log-in", "login-expired");
        arrived(&browser.come_back("acme", &acme.agree(&urls[1])).await);
        arrived(&browser.come_back("acme", &acme.agree(&urls[5])).await);
    }

    async fn l04_a_posted_answer_is_taken_from_providers_that_post(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut browser = Browser::new(&app);
        let params = acme.agree(&browser.press("/account/log-in/with/acme").await);
        let form = [("state", params["state"].as_str()), ("code", params["code"].as_str())];
        let post = app.stranger().post(&callback("acme")).header("sec-fetch-site", "cross-site").header("origin", &acme.url);
        post.form(&form).await.assert(404);
        arrived(&browser.come_back("acme", &params).await);
    }

    async fn l06_a_provider_that_fails_logs_nobody_in(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut browser = Browser::new(&app);
        let mut params = acme.agree(&browser.press("/account/log-in/with/acme").await);
        params.insert("error".to_owned(), "access_denied".to_owned());
        done(&browser.come_back("acme", &params).await, "/account/log-in", "with-denied");
        acme.claim("aud", "another-client");
        done(&browser.log_in_with("acme", &acme).await, "/account/log-in", "with-invalid");
        assert!(!browser.is_logged_in().await);
        assert_eq!(count(&app, "accounts").await, "0");
        let details = "SELECT detail FROM audit_events WHERE event = 'session.provider_log_in_failed' ORDER BY detail";
        assert_eq!(app.place.sql(details).await, [["acme: denied"], ["acme: response invalid"]]);
    }

    async fn l07_a_disabled_account_stays_out(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut browser = Browser::new(&app);
        arrived(&browser.log_in_with("acme", &acme).await);
        let id = browser.profile().await["id"].as_i64().unwrap();
        app.disable(id).await;
        assert!(!browser.is_logged_in().await);
        done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-disabled");
        // Another identity with its address.
        acme.claim("sub", "another");
        done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-disabled");
        assert_eq!(count(&app, "identities").await, "1");
    }

    async fn l07_linking_needs_a_fresh_login_and_the_session_that_asked(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        app.sign_up("ada").await;
        app.sign_up("eve").await;
        let mut ada = Browser::with_password(&app, "ada").await;
        // The address at the provider belongs to somebody else, and has no effect.
        acme.claim("email", "someone@elsewhere.example");
        let url = ada.press("/account/linked/with/acme").await;
        let params = acme.agree(&url);
        // In Eve's session, with Ada's attempt.
        let mut swapped = ada.clone();
        let eve = Browser::with_password(&app, "eve").await;
        swapped.jar.insert("__Host-portcullis".to_owned(), eve.jar["__Host-portcullis"].clone());
        let answer = swapped.come_back("acme", &params).await;
        assert_ne!(answer.header("location"), "/account/linked?done=linked");
        assert_eq!(count(&app, "identities").await, "0");
        done(&ada.link("acme", &acme).await, "/account/linked", "linked");
        let listed = ada.client().get("/identities").send().await.assert(200).json();
        assert_eq!((&listed[0]["provider"], &listed[0]["email"]), (&json!("acme"), &json!("someone@elsewhere.example")));
        let subjects: Vec<_> = app.mails_to("ada").await.into_iter().map(|mail| mail.subject).collect();
        assert!(subjects.contains(&"acme was linked to your Portcullis account".to_owned()), "{subjects:?}");
        // Linking again changes nothing, and nobody else can link it.
        done(&ada.link("acme", &acme).await, "/account/linked", "linked");
        let mut eve = Browser::with_password(&app, "eve").await;
        done(&eve.link("acme", &acme).await, "/account/linked", "linked-elsewhere");
        assert_eq!(count(&app, "identities").await, "1");
        // Not with an old login, not from another site's page, not by GET.
        app.advance(11 * 60);
        let stale = ada.post("/account/linked/with/acme", &[]).await.assert(303);
        assert!(stale.header("location").starts_with("/account/confirm"), "{stale:?}");
        let foreign = app.stranger().post("/account/linked/with/acme").header("cookie", ada.client().cookie());
        foreign.header("sec-fetch-site", "cross-site").form(&[]).await.assert(403);
        assert_eq!(ada.get("/account/linked/with/acme").await.assert(303).header("location"), "/account/linked");
        // Another browser logs in with it.
        acme.tell().now += 11 * 60;
        let mut phone = Browser::new(&app);
        arrived(&phone.log_in_with("acme", &acme).await);
        assert_eq!(phone.profile().await["full_name"], "ada");
    }

    async fn l07_the_last_way_in_is_not_unlinked(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        let id = ada.client().get("/identities").send().await.json()[0]["id"].as_str().unwrap().to_owned();
        let refused = ada.client().delete(&format!("/identities/{id}")).send().await.assert(409);
        assert!(refused.json()["detail"].as_str().unwrap().contains("set a password"));
        let page = ada.post("/account/linked/unlink", &[("id", &id)]).await.assert(409).text();
        assert!(page.contains("Set a password or add"), "{page}");
        // Somebody else's looks like none.
        app.sign_up("eve").await;
        let eve = app.stranger().log_in_with_cookie(&email("eve")).await;
        eve.delete(&format!("/identities/{id}")).send().await.assert(404);
        eve.delete("/identities/none").send().await.assert(404);
        // With a password it can be removed: every other session is revoked, and the owner is notified.
        app.stranger().post("/password/forgot").json(&json!({ "email": email("ada") })).await.assert(202);
        let token = app.mails_to("ada").await.pop().unwrap().token;
        let body = json!({ "token": token, "password": crate::support::PASSWORD });
        app.stranger().post("/password/reset").json(&body).await.assert(204);
        let mut other = Browser::new(&app);
        arrived(&other.log_in_with("acme", &acme).await);
        let mut ada = Browser::with_password(&app, "ada").await;
        done(&ada.post("/account/linked/unlink", &[("id", &id)]).await, "/account/linked", "unlinked");
        assert!(ada.is_logged_in().await && !other.is_logged_in().await);
        assert_eq!(audited(&app, "identity.unlinked").await, "1");
        let subjects: Vec<_> = app.mails_to("ada").await.into_iter().map(|mail| mail.subject).collect();
        assert!(subjects.contains(&"acme was unlinked from your Portcullis account".to_owned()), "{subjects:?}");
        // It counts as new again, so a code is required.
        token_of(&Browser::new(&app).log_in_with("acme", &acme).await);
    }

    async fn l07_an_account_has_at_most_twenty_identities(database: Database) {
        let (app, acme) = with_acme(database, false, |config| config.limits = false).await;
        app.sign_up("ada").await;
        let mut ada = Browser::with_password(&app, "ada").await;
        for n in 0..20 {
            acme.claim("sub", format!("ada-{n}"));
            done(&ada.link("acme", &acme).await, "/account/linked", "linked");
        }
        acme.claim("sub", "ada-20");
        done(&ada.link("acme", &acme).await, "/account/linked", "too-many-linked");
        assert_eq!(count(&app, "identities").await, "20");
        assert_eq!(ada.client().get("/identities").send().await.json().as_array().unwrap().len(), 20);
    }

    async fn m04_a_login_with_a_provider_asks_for_the_second_factor(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        let phone = enrol(&app, &ada.client()).await;
        acme.tell().now += 30;
        let mut again = Browser::new(&app);
        let asked = again.log_in_with("acme", &acme).await.assert(200).text();
        assert!(!again.is_logged_in().await);
        let token = asked.split("name=\"mfa_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(204).header("set-cookie").contains("__Host-portcullis="));
        assert_eq!(app.place.value("SELECT amr FROM sessions ORDER BY created_at DESC, id DESC LIMIT 1").await, "federated otp mfa");
        assert_eq!(audited(&app, "session.logged_in_with_provider").await, "2");
    }

    async fn m04_l07_no_identity_is_linked_before_the_second_factor(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        app.sign_up("ada").await;
        // Otherwise the account would belong to nobody yet, and the code would make it the mailbox's.
        app.place.sql("UPDATE accounts SET email_verified_at = created_at").await;
        let ada = Browser::with_password(&app, "ada").await;
        let phone = enrol(&app, &ada.client()).await;
        // Somebody who reads Ada's email, with an identity of their own that has her address.
        let mut thief = Browser::new(&app);
        let token = token_of(&thief.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        let asked = thief.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await.assert(200).text();
        assert!(asked.contains("name=\"mfa_token\"") && !thief.is_logged_in().await, "{asked}");
        assert_eq!(count(&app, "identities").await, "0");
        // Ada's own login asks for both too, and links nothing by itself.
        app.advance(30);
        acme.tell().now += 30;
        let token = asked.split("name=\"mfa_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(204);
        assert_eq!(count(&app, "identities").await, "0");
        // Without a second factor the same code links it.
        app.sign_up("bob").await;
        acme.claim("sub", "bob");
        acme.claim("email", email("bob"));
        let mut bob = Browser::new(&app);
        let token = token_of(&bob.log_in_with("acme", &acme).await);
        let code = code_to(&app, "bob").await;
        arrived(&bob.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await);
        assert_eq!(count(&app, "identities").await, "1");
    }

    async fn l07_a_login_that_grew_old_at_the_provider_links_nothing(database: Database) {
        let (app, acme) = with_acme(database, false, |_| ()).await;
        app.sign_up("ada").await;
        let mut ada = Browser::with_password(&app, "ada").await;
        // It is recent when the attempt begins, and too old when the browser returns.
        app.advance(9 * 60);
        acme.tell().now += 9 * 60;
        let url = ada.press("/account/linked/with/acme").await;
        app.advance(2 * 60);
        acme.tell().now += 2 * 60;
        let answer = ada.come_back("acme", &acme.agree(&url)).await.assert(303);
        assert_eq!(answer.header("location"), "/account/confirm?next=%2Faccount%2Flinked");
        assert_eq!(count(&app, "identities").await, "0");
    }

    async fn b05_logins_that_succeed_do_not_lock_their_network_out(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        // More than may be begun in a quarter of an hour; each is finished.
        for _ in 0..105 {
            arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
        }
        let mut browser = Browser::new(&app);
        for _ in 0..100 {
            browser.press("/account/log-in/with/acme").await;
        }
        browser.post("/account/log-in/with/acme", &[]).await.assert(429);
    }

    async fn p13_where_sign_up_is_closed_no_provider_makes_an_account(database: Database) {
        let (app, acme) = with_acme(database, true, |config| config.sign_up = SignUp::Closed).await;
        done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-no-account");
        // Nor with a code.
        acme.claim("email_verified", false);
        let mut browser = Browser::new(&app);
        let token = token_of(&browser.log_in_with("acme", &acme).await);
        let code = code_to(&app, "ada").await;
        let answer = browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await;
        done(&answer, "/account/log-in", "with-no-account");
        assert_eq!(count(&app, "accounts").await, "0");
        // A setting allows it for the listed domains.
        let mut config = app.place.config();
        config.sign_up = SignUp::Closed;
        config.social_sign_up = Some(true);
        config.social_domains = vec!["Example.org".parse().unwrap()];
        config.login_with.insert("acme".to_owned(), settings(&acme, true));
        let app = app.again_with(config).await;
        acme.claim("email_verified", true);
        done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-no-account");
        acme.claim("email", "ada@example.org");
        arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
    }

    async fn s10_an_account_without_a_password_confirms_by_a_code(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        assert!(ada.get("/account").await.assert(200).text().contains("Not set"));
        assert!(ada.get("/account/password").await.assert(200).text().contains("Your account has no password"));
        app.advance(11 * 60);
        ada.client().delete("/account").send().await.assert(401);
        let page = ada.get("/account/confirm?next=/account/delete").await.assert(200).text();
        assert!(!page.contains("type=\"password\""), "{page}");
        let next = ("next", "/account/delete");
        ada.post("/account/confirm/code", &[("send", "yes"), next]).await.assert(200);
        let code = code_to(&app, "ada").await;
        ada.post("/account/confirm/code", &[("code", "AAAA-AAAA"), next]).await.assert(422);
        // The code cannot be used from elsewhere.
        let body = json!({ "email": email("ada"), "code": code });
        app.stranger().post("/login/code").json(&body).await.assert(403);
        let answer = ada.post("/account/confirm/code", &[("code", &code), next]).await.assert(303);
        assert_eq!(answer.header("location"), "/account/log-in?next=%2Faccount%2Fdelete&arrived=yes");
        ada.client().delete("/account").send().await.assert(204);
    }

    async fn l07_a_provider_that_asks_again_confirms_a_session(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        let later = |seconds: u64| {
            app.advance(seconds);
            acme.tell().now += i64::try_from(seconds).unwrap();
        };
        later(601);
        let is_fresh = async |browser: &Browser| browser.client().delete("/sessions").send().await.status == 204;
        assert!(!is_fresh(&ada).await);
        let page = ada.get("/account/confirm?next=/account/sessions").await.assert(200).text();
        assert!(page.contains("action=\"/account/confirm/with/acme\"") && page.contains("Send code"), "{page}");
        let url = ada.press("/account/confirm/with/acme").await;
        assert!(url.contains("max_age=0") && url.contains("prompt=login"), "{url}");
        let before = ada.clone();
        arrived(&ada.come_back("acme", &acme.agree(&url)).await);
        assert!(is_fresh(&ada).await);
        before.client().get("/profile").send().await.assert(401);
        assert_eq!(count(&app, "identities").await, "1");

        // A provider that does not say when the person logged in, says that it was long ago, or means somebody else.
        later(601);
        let now = acme.tell().now;
        for (claim, value, word) in [
            ("auth_time", serde_json::Value::Null, "with-invalid"),
            ("auth_time", json!(now - 300), "with-invalid"),
            ("auth_time", json!(now.to_string()), "with-invalid"),
            ("sub", json!("somebody-else"), "not-linked"),
        ] {
            acme.claim(claim, value);
            let url = ada.press("/account/confirm/with/acme").await;
            done(&ada.come_back("acme", &acme.agree(&url)).await, "/account/confirm", word);
            acme.tell().claims.clear();
            assert!(!is_fresh(&ada).await, "{claim}: {word}");
        }
        // What somebody else's account is linked to confirms nothing here.
        acme.claim("sub", "eve");
        acme.claim("email", "eve@example.com");
        arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
        let url = ada.press("/account/confirm/with/acme").await;
        done(&ada.come_back("acme", &acme.agree(&url)).await, "/account/confirm", "not-linked");
        acme.tell().claims.clear();
        // It is for the session that asked.
        let url = ada.press("/account/confirm/with/acme").await;
        let params = acme.agree(&url);
        let mut stranger = ada.clone();
        stranger.jar.retain(|name, _| name.contains("portcullis-with-"));
        stranger.come_back("acme", &params).await.assert(303);
        assert!(!stranger.is_logged_in().await, "the stranger is nobody");
        assert!(!is_fresh(&ada).await, "and nothing was confirmed");
        // A login that was begun to log in does not confirm one either: it is not asked to be new.
        assert!(!Browser::new(&app).press("/account/log-in/with/acme").await.contains("max_age"));
    }

    async fn l07_a_provider_that_cannot_prove_a_new_login_confirms_none(database: Database) {
        let acme = upstream().await;
        let app = TestApp::with(database, |config| {
            config.login_with.insert("acme".to_owned(), settings(&acme, true));
            config.login_with.insert("github".to_owned(), settings(&acme, false));
        })
        .await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        assert!(ada.get("/account/confirm").await.assert(200).text().contains("/account/confirm/with/acme"));
        // One that cannot prove it is not offered, and not taken.
        app.place.sql("UPDATE identities SET provider = 'github'").await;
        let page = ada.get("/account/confirm").await.assert(200).text();
        assert!(!page.contains("/account/confirm/with/") && page.contains("Send code"), "{page}");
        ada.post("/account/confirm/with/github", &[]).await.assert(404);
        Browser::new(&app).post("/account/confirm/with/acme", &[]).await.assert(303);
    }

    async fn m04_a_confirmation_by_a_provider_asks_for_the_second_factor(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        let phone = enrol(&app, &ada.client()).await;
        app.advance(601);
        acme.tell().now += 631;
        let url = ada.press("/account/confirm/with/acme").await;
        let asked = ada.come_back("acme", &acme.agree(&url)).await.assert(200).text();
        ada.client().delete("/sessions").send().await.assert(401);
        let token = asked.split("name=\"mfa_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let answer = second_step(&app.stranger(), &token, &phone.code(&app)).await.assert(204);
        ada.keep(answer);
        ada.client().delete("/sessions").send().await.assert(204);
    }

    async fn g08_identities_are_exported_and_go_with_the_account(database: Database) {
        let (app, acme) = with_acme(database, true, |_| ()).await;
        let mut ada = Browser::new(&app);
        arrived(&ada.log_in_with("acme", &acme).await);
        let export = ada.client().get("/export").send().await.assert(200).json();
        assert_eq!(export["identities"][0]["issuer"], json!(acme.url));
        assert_eq!(export["identities"][0]["subject"], "248289761001");
        ada.client().delete("/account").send().await.assert(204);
        let dump = app.place.dump().await;
        assert!(!dump.contains("248289761001"), "{dump}");
        // The next login creates a new account.
        arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
    }
}
