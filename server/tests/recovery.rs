//! Recovery: what each mailed link does in each state, once, for its owner alone; and what nobody is told.

use futures_util::future::join_all;
use http::Method;
use portcullis_server::{config::SignUp, mail};
use serde_json::{Value, json};

use crate::login::comparable;
use crate::on_both_databases;
use crate::support::{Answer, Client, Database, Mail, PASSWORD, TestApp, email, timing};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";
const WRONG: &str = "not-the-password-1";

/// What is mailed to be used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Verify,
    Reset,
    LogIn,
    Code,
    Confirm,
    Undo,
}
use Purpose::{Code, Confirm, LogIn, Reset, Undo, Verify};

const PURPOSES: [Purpose; 6] = [Verify, Reset, LogIn, Code, Confirm, Undo];

impl Purpose {
    fn page(self) -> &'static str {
        match self {
            Verify => "/account/verify?",
            Reset => "/account/reset?",
            LogIn | Code => "/account/log-in/link?",
            Confirm => "/account/email/confirm?",
            Undo => "/account/email/undo?",
        }
    }

    fn route(self) -> &'static str {
        match self {
            Verify => "/email/verify",
            Reset => "/password/reset",
            LogIn => "/login/link/token",
            Code => "/login/code",
            Confirm => "/email/confirm",
            Undo => "/email/undo",
        }
    }

    fn lifetime(self) -> u64 {
        match self {
            Verify | Confirm => DAY,
            Reset => 30 * MINUTE,
            LogIn | Code => 15 * MINUTE,
            Undo => 7 * DAY,
        }
    }

    fn success(self) -> u16 {
        if matches!(self, LogIn | Code) { 200 } else { 204 }
    }

    /// The body that uses `token`, which was mailed to `name`.
    fn body(self, name: &str, token: &str) -> Value {
        match self {
            Reset => json!({ "token": token, "password": NEW_PASSWORD }),
            Code => json!({ "email": email(name), "code": token }),
            _ => json!({ "token": token }),
        }
    }

    async fn consume(self, app: &TestApp, name: &str, token: &str) -> Answer {
        app.stranger().post(self.route()).json(&self.body(name, token)).await
    }

    /// Has it mailed to `name`, who is logged in as `owner`, and gives what the mail holds.
    async fn issue(self, app: &TestApp, name: &str, owner: &Client) -> String {
        // Mails are in the order of their moments.
        app.advance(1);
        match self {
            Verify => drop(owner.post("/email/verification").send().await.assert(202)),
            Reset => drop(forgot(app, name).await.assert(202)),
            LogIn | Code => drop(ask_for_link(app, name).await.assert(202)),
            Confirm | Undo => drop(change_email(owner, &new_name(name)).await.assert(202)),
        }
        let reader = if self == Confirm { new_name(name) } else { name.to_owned() };
        mailed(app, &reader, self).await
    }
}

/// What the newest mail of this purpose to `name` holds.
async fn mailed(app: &TestApp, name: &str, purpose: Purpose) -> String {
    let mut mails = app.mails_to(name).await;
    mails.retain(|mail| mail.link.as_ref().is_some_and(|link| link.contains(purpose.page())));
    let mail = mails.pop().unwrap_or_else(|| panic!("no mail of {purpose:?} to {name}"));
    if purpose == Code {
        let code = mail.text.lines().find_map(|line| line.strip_prefix("    "));
        return code.unwrap().trim().to_owned();
    }
    mail.token.unwrap()
}

async fn last_mail(app: &TestApp, name: &str) -> Mail {
    app.mails_to(name).await.pop().unwrap_or_else(|| panic!("no mail to {name}"))
}

fn new_name(name: &str) -> String {
    format!("new.{name}")
}

async fn forgot(app: &TestApp, name: &str) -> Answer {
    app.stranger().post("/password/forgot").json(&json!({ "email": email(name) })).await
}

async fn ask_for_link(app: &TestApp, name: &str) -> Answer {
    app.stranger().post("/login/link").json(&json!({ "email": email(name) })).await
}

async fn change_email(owner: &Client, new: &str) -> Answer {
    owner.call(Method::PUT, "/email").json(&json!({ "email": email(new) })).await
}

async fn change_password(owner: &Client, current: &str, new: &str) -> Answer {
    owner.call(Method::PUT, "/password").json(&json!({ "current_password": current, "password": new })).await
}

/// All that a link can change.
async fn snapshot(app: &TestApp) -> Vec<Vec<Vec<String>>> {
    let mut found = Vec::new();
    for sql in [
        "SELECT id, email, password_hash, email_verified_at FROM accounts ORDER BY id",
        "SELECT id, ended_at FROM sessions ORDER BY id",
        "SELECT purpose, email, digest FROM links ORDER BY digest",
    ] {
        found.push(app.place.sql(sql).await);
    }
    found
}

/// What happens between a link's mail and its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    LastSecond,
    Used,
    Expired,
    Replaced,
    Disabled,
    DisabledAndEnabled,
    Deleted,
    PasswordChanged,
    PasswordSetByOperator,
    EmailChanged,
}

const STATES: [Meanwhile; 11] = [
    Meanwhile::Nothing,
    Meanwhile::LastSecond,
    Meanwhile::Used,
    Meanwhile::Expired,
    Meanwhile::Replaced,
    Meanwhile::Disabled,
    Meanwhile::DisabledAndEnabled,
    Meanwhile::Deleted,
    Meanwhile::PasswordChanged,
    Meanwhile::PasswordSetByOperator,
    Meanwhile::EmailChanged,
];

impl Meanwhile {
    async fn happen(
        self,
        app: &TestApp,
        purpose: Purpose,
        token: &str,
        (id, name, owner): (i64, &str, &Client),
    ) {
        match self {
            Self::Nothing => {}
            Self::LastSecond => app.advance(purpose.lifetime() - 1),
            Self::Used => drop(purpose.consume(app, name, token).await.assert(purpose.success())),
            Self::Expired => app.advance(purpose.lifetime()),
            Self::Replaced => assert_ne!(purpose.issue(app, name, owner).await, token),
            Self::Disabled => app.disable(id).await,
            Self::DisabledAndEnabled => {
                app.disable(id).await;
                app.enable(id).await;
            }
            Self::Deleted => app.delete(id).await,
            Self::PasswordChanged => drop(change_password(owner, PASSWORD, NEW_PASSWORD).await.assert(204)),
            Self::PasswordSetByOperator => app.set_password(id, NEW_PASSWORD).await,
            Self::EmailChanged => {
                let other = format!("other.{name}");
                change_email(owner, &other).await.assert(202);
                let confirmation = mailed(app, &other, Confirm).await;
                Confirm.consume(app, &other, &confirmation).await.assert(204);
            }
        }
    }

    /// An undo outlives a change of the password, which a thief can make, and the time in which an administrator who
    /// noticed the thief keeps the account disabled. Nothing else outlives anything.
    fn leaves_alive(self, purpose: Purpose) -> bool {
        matches!(self, Self::Nothing | Self::LastSecond)
            || purpose == Undo
                && matches!(
                    self,
                    Self::PasswordChanged | Self::PasswordSetByOperator | Self::DisabledAndEnabled
                )
    }
}

async fn without_limits(database: Database) -> TestApp {
    TestApp::with(database, |config| {
        config.limits = false;
        config.log_in_by_mail = true;
    })
    .await
}

on_both_databases! {
    async fn r02_r03_s08_each_link_in_each_state_does_one_thing_or_nothing(database: Database) {
        for purpose in PURPOSES {
            let app = without_limits(database).await;
            for (at, meanwhile) in STATES.into_iter().enumerate() {
                let name = format!("user{at}");
                let id = app.sign_up(&name).await;
                let owner = app.log_in(&name).await;
                let token = purpose.issue(&app, &name, &owner).await;
                meanwhile.happen(&app, purpose, &token, (id, &name, &owner)).await;
                let before = snapshot(&app).await;
                let answer = purpose.consume(&app, &name, &token).await;
                let expected = if meanwhile.leaves_alive(purpose) { purpose.success() } else { 410 };
                assert_eq!(answer.status.as_u16(), expected, "{purpose:?} {meanwhile:?}: {}", answer.text());
                assert_eq!(snapshot(&app).await == before, expected == 410, "{purpose:?} {meanwhile:?}");
            }
        }
    }

    async fn r03_a_link_of_one_purpose_is_none_of_another_and_half_a_request_is_none(database: Database) {
        let app = without_limits(database).await;
        for (at, purpose) in PURPOSES.into_iter().enumerate() {
            let name = format!("user{at}");
            let owner = app.as_user(&name).await;
            let token = purpose.issue(&app, &name, &owner).await;
            let before = snapshot(&app).await;
            for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
                // Not more than four tries of the one code that there may be.
                if other == Code && purpose == LogIn { continue }
                let answer = other.consume(&app, &name, &token).await;
                assert_eq!(answer.status.as_u16(), 410, "{purpose:?} at {other:?}");
            }
            let post = || app.stranger().post(purpose.route());
            post().json(&json!({})).await.assert(422);
            post().json(&json!([token])).await.assert(422);
            post().header("content-type", "application/json").body("").await.assert(400);
            post().send().await.assert(415);
            let field = if purpose == Code { "code" } else { "token" };
            for (value, status) in [(json!(null), 422), (json!([token]), 422), (json!("x".repeat(5000)), 422)] {
                let mut body = purpose.body(&name, &token);
                body[field] = value;
                post().json(&body).await.assert(status);
            }
            let mut extra = purpose.body(&name, &token);
            extra["account_id"] = json!(1);
            post().json(&extra).await.assert_invalid(&["body.account_id"]);
            for near in [String::new(), token.chars().skip(1).collect(), format!("{token}x"), format!("pclk_{}", "A".repeat(43))] {
                purpose.consume(&app, &name, &near).await.assert(410);
            }
            // r05: what only looks at it.
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                app.stranger().call(method, &format!("{}?token={token}", purpose.route())).send().await.assert(405);
            }
            if purpose == Reset {
                let weak = json!({ "token": token, "password": "password1234" });
                post().json(&weak).await.assert_invalid(&["body.password"]);
            }
            assert_eq!(snapshot(&app).await, before, "{purpose:?}");
            purpose.consume(&app, &name, &token).await.assert(purpose.success());
        }
    }

    async fn r01_k04_of_fifty_uses_at_once_on_two_instances_one_succeeds(database: Database) {
        let app = without_limits(database).await;
        let mut config = app.place.config();
        config.limits = false;
        config.log_in_by_mail = true;
        let second = app.again_with(config).await;
        for (at, purpose) in PURPOSES.into_iter().enumerate() {
            let name = format!("user{at}");
            let owner = app.as_user(&name).await;
            let token = purpose.issue(&app, &name, &owner).await;
            let (name, token) = (name.as_str(), token.as_str());
            let uses = (0..50).map(|n| {
                let app = if n % 2 == 0 { &app } else { &second };
                async move { purpose.consume(app, name, token).await.status.as_u16() }
            });
            let statuses = join_all(uses).await;
            let successes = statuses.iter().filter(|status| **status == purpose.success()).count();
            assert_eq!(successes, 1, "{purpose:?} {statuses:?}");
            // Busy is said before the link is looked at.
            assert!(statuses.iter().all(|s| [purpose.success(), 410, 503].contains(s)), "{purpose:?} {statuses:?}");
        }
    }

    async fn r01_only_digests_of_links_are_kept_and_they_are_256_bits(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        for purpose in PURPOSES {
            let token = purpose.issue(&app, "ada", &owner).await;
            let dump = app.place.dump().await;
            assert!(!dump.contains(&token), "{purpose:?} is readable");
            if purpose != Code {
                assert!(token.starts_with("pclk_") && token.len() == 48, "{token}");
            }
        }
    }
}

async fn replies_to_forgot_or_link(app: &TestApp, path: &str, name: &str) -> Answer {
    app.stranger().post(path).json(&json!({ "email": email(name) })).await.assert(202)
}

on_both_databases! {
    async fn r06_r07_the_mail_goes_to_the_stored_address_and_its_link_to_the_public_url(database: Database) {
        let app = without_limits(database).await;
        let body = json!({ "email": "Kiss@München.de", "full_name": "Ada", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(201);
        for path in ["/password/forgot", "/login/link"] {
            for (header, value) in [
                ("host", "evil.example"),
                ("x-forwarded-host", "evil.example"),
                ("forwarded", "host=evil.example;proto=https"),
                ("x-forwarded-proto", "https"),
                ("origin", "https://evil.example"),
            ] {
                let body = json!({ "email": "KISS@mu\u{308}nchen.DE" });
                app.stranger().post(path).header(header, value).json(&body).await.assert(202);
            }
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), 11);
        for mail in mails {
            assert_eq!(mail.to, "kiss@xn--mnchen-3ya.de");
            assert!(mail.link.unwrap().starts_with("http://localhost:8000/account/"));
            assert!(!mail.text.contains("evil") && !mail.html.contains("evil"));
        }
    }

    async fn r08_a_new_address_is_in_force_once_it_is_confirmed_and_can_be_undone(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        change_email(&owner, "new.ada").await.assert(202);
        app.log_in("ada").await;
        app.stranger().try_password(&email("new.ada"), PASSWORD).await.assert(401);
        let confirmation = mailed(&app, "new.ada", Confirm).await;
        app.advance(1);
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        owner.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        let thief = app.log_in("new.ada").await;
        // The old address is kept for its owner.
        let body = json!({ "email": email("ada"), "full_name": "Eve", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(409);
        // A thief who goes on to a third address and sets a password does not outdo the owner's undo.
        let undo = mailed(&app, "ada", Undo).await;
        app.advance(1);
        change_email(&thief, "third.ada").await.assert(202);
        let confirmation = mailed(&app, "third.ada", Confirm).await;
        app.advance(1);
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        let later = mailed(&app, "new.ada", Undo).await;
        let thief = app.log_in("third.ada").await;
        Undo.consume(&app, "ada", &undo).await.assert(204);
        // The owner of the old address is told, there.
        let told = app.mails_to("ada").await.into_iter().any(|mail| mail.subject.ends_with("is the old one again"));
        assert!(told, "no notice of the undo");
        thief.get("/profile").send().await.assert(401);
        Undo.consume(&app, "ada", &later).await.assert(410);
        app.log_in("ada").await;
        // A log-in that is not fresh changes no address (RFC 9470).
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(601);
        let stale = change_email(&browser, "fourth.ada").await.assert(401);
        assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"));
    }

    async fn r08_of_a_confirmation_and_sign_ups_for_one_address_one_wins(database: Database) {
        let app = without_limits(database).await;
        let second = app.again().await;
        for round in 0..4 {
            let (name, new) = (format!("user{round}"), format!("new{round}"));
            let owner = app.as_user(&name).await;
            change_email(&owner, &new).await.assert(202);
            let token = &mailed(&app, &new, Confirm).await;
            let sign_up = json!({ "email": email(&new), "full_name": "Eve", "password": PASSWORD });
            let calls = (0..7).map(|n| {
                let (app, sign_up, name) = (if n % 2 == 0 { &app } else { &second }, &sign_up, name.as_str());
                async move {
                    let answer = if n == round * 2 {
                        Confirm.consume(app, name, token).await
                    } else {
                        app.stranger().post("/signup").json(sign_up).await
                    };
                    answer.status.as_u16()
                }
            });
            let statuses = join_all(calls).await;
            let winners = statuses.iter().filter(|status| matches!(status, 201 | 204)).count();
            assert_eq!(winners, 1, "{statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 201 | 204 | 409)), "{statuses:?}");
            let sql = format!("SELECT COUNT(*) FROM accounts WHERE email = '{}'", email(&new));
            assert_eq!(app.place.value(&sql).await, "1");
        }
    }

    async fn r09_three_mails_to_an_address_and_twenty_of_a_source_in_an_hour(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ask = |at: usize, name: &'static str| {
            let call = app.stranger_at(&format!("198.51.100.{at}")).post("/password/forgot");
            async move { call.json(&json!({ "email": email(name) })).await.assert(202) }
        };
        let first = ask(1, "ada").await;
        for at in 2..7 {
            assert_eq!(comparable(&ask(at, "ada").await), comparable(&first));
        }
        // The sign-up's own is one of them.
        assert_eq!(app.mails_to("ada").await.len(), 3);
        app.advance(HOUR);
        ask(1, "ada").await;
        assert_eq!(app.mails_to("ada").await.len(), 4);
        app.advance(HOUR);
        for n in 0..24 {
            app.sign_up(&format!("user{n}")).await;
        }
        assert_eq!(app.mails().await.len(), 4 + 20);
    }

    async fn p09_b05_a_new_password_needs_the_current_one_which_is_counted(database: Database) {
        let app = TestApp::new(database).await;
        let (owner, other) = (app.as_user("ada").await, app.log_in("ada").await);
        change_password(&owner, WRONG, NEW_PASSWORD).await.assert(403);
        other.get("/profile").send().await.assert(200);
        app.advance(1);
        change_password(&owner, PASSWORD, NEW_PASSWORD).await.assert(204);
        owner.get("/profile").send().await.assert(200);
        other.get("/profile").send().await.assert(401);
        assert_eq!(last_mail(&app, "ada").await.subject, "Your password at Portcullis was changed");
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
        for _ in 0..10 {
            change_password(&owner, WRONG, NEW_PASSWORD).await.assert(403);
        }
        change_password(&owner, NEW_PASSWORD, NEW_PASSWORD).await.assert(429);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(429);
    }

    async fn p13_where_sign_up_is_closed_nothing_opens_it(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Closed).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": PASSWORD });
        let form = [("email", "ada@example.com"), ("full_name", "Ada"), ("password", PASSWORD)];
        app.stranger().post("/signup").json(&body).await.assert(403);
        app.stranger().post("/signup").form(&form).await.assert(403);
        for kind in ["application/json; charset=utf-8", "multipart/form-data; boundary=x", "text/plain", "application/xml"] {
            app.stranger().post("/signup").header("content-type", kind).body(body.to_string()).await.assert(403);
        }
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD] {
            app.stranger().call(method, "/signup").send().await.assert(403);
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, "0");
    }

    async fn e01_only_who_knows_the_password_learns_that_the_address_is_unconfirmed(database: Database) {
        let app = TestApp::with(database, |config| config.require_verified_email = true).await;
        app.sign_up("ada").await;
        app.advance(1);
        let wrong = app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        let unknown = app.stranger().try_password(&email("nobody"), WRONG).await.assert(401);
        assert_eq!(comparable(&wrong), comparable(&unknown));
        // The newer link that the refusal mails.
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(403);
        let token = mailed(&app, "ada", Verify).await;
        Verify.consume(&app, "ada", &token).await.assert(204);
        app.log_in("ada").await;
    }

    async fn e03_known_unknown_and_disabled_get_the_same_answer(database: Database) {
        let app = without_limits(database).await;
        app.sign_up("ada").await;
        let bob = app.sign_up("bob").await;
        app.disable(bob).await;
        let before = app.mails().await.len();
        app.advance(1);
        for path in ["/password/forgot", "/login/link"] {
            let known = replies_to_forgot_or_link(&app, path, "ada").await;
            for name in ["nobody", "bob"] {
                let answer = replies_to_forgot_or_link(&app, path, name).await;
                assert_eq!(comparable(&answer), comparable(&known), "{path} {name}");
            }
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), before + 2);
        assert!(mails.iter().skip(before).all(|mail| mail.to == email("ada")));

        let mut config = app.place.config();
        config.sign_up = SignUp::Quiet;
        let quiet = app.again_with(config).await;
        app.advance(1);
        let sign_up = |name| {
            let body = json!({ "email": email(name), "full_name": "Ada", "password": PASSWORD });
            let call = quiet.stranger().post("/signup");
            async move { call.json(&body).await.assert(202) }
        };
        let new = sign_up("carol").await;
        for taken in ["ada", "bob", "carol"] {
            assert_eq!(comparable(&sign_up(taken).await), comparable(&new), "{taken}");
        }
        assert_eq!(last_mail(&app, "ada").await.subject, "You have an account at Portcullis already");
    }

    async fn e03_an_unknown_address_takes_as_long(database: Database) {
        let app = without_limits(database).await;
        app.sign_up("ada").await;
        for path in ["/password/forgot", "/login/link"] {
            timing::takes_as_long("ada", "nobody", async |email| {
                // What is mailed for the one before is no part of it.
                mail::deliver_due(&app.app).await.unwrap();
                let body = json!({ "email": email });
                let (took, answer) = timing::timed(app.stranger().post(path).json(&body)).await;
                answer.assert(202);
                took
            })
            .await;
        }
    }

    async fn s07_a_reset_ends_every_session_on_every_instance(database: Database) {
        let app = without_limits(database).await;
        let second = app.again().await;
        let bearer = app.as_user("ada").await;
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let scope = "profile:read offline_access";
        let tokens = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, scope).await.assert(200);
        let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
        let token = Reset.issue(&app, "ada", &bearer).await;
        for at in [&app, &second] {
            at.stranger().with_token(bearer.token()).get("/profile").send().await.assert(200);
        }
        Reset.consume(&app, "ada", &token).await.assert(204);
        for at in [&second, &app] {
            at.stranger().with_token(bearer.token()).get("/profile").send().await.assert(401);
            at.stranger().with_cookie(browser.cookie()).get("/profile").send().await.assert(401);
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            at.stranger().post("/token").form(&form).await.assert(400);
        }
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
    }

    async fn b06_a_code_dies_of_five_wrong_tries_also_of_parallel_ones(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        let code = Code.issue(&app, "ada", &owner).await;
        for _ in 0..4 {
            Code.consume(&app, "ada", "AAAA2222").await.assert(410);
        }
        Code.consume(&app, "ada", &code.to_lowercase()).await.assert(200);
        let code = Code.issue(&app, "ada", &owner).await;
        for _ in 0..5 {
            Code.consume(&app, "ada", "AAAA2222").await.assert(410);
        }
        Code.consume(&app, "ada", &code).await.assert(410);
        let code = Code.issue(&app, "ada", &owner).await;
        join_all((0..20).map(|_| Code.consume(&app, "ada", "AAAA2222"))).await;
        Code.consume(&app, "ada", &code).await.assert(410);
        // The link of that mail is gone with it.
        let link = mailed(&app, "ada", LogIn).await;
        LogIn.consume(&app, "ada", &link).await.assert(410);
    }

    async fn t06_a_link_is_no_access_token_and_an_access_token_is_no_link(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        for purpose in PURPOSES {
            let token = purpose.issue(&app, "ada", &owner).await;
            app.stranger().with_token(&token).get("/profile").send().await.assert(401);
            if purpose != Code {
                purpose.consume(&app, "ada", owner.token()).await.assert(410);
            }
        }
    }

    async fn a04_a_name_in_a_mail_is_text(database: Database) {
        let app = TestApp::new(database).await;
        let name = "<b>{{7*7}}</b> {brand}";
        let body = |name: &str| json!({ "email": email("ada"), "full_name": name, "password": PASSWORD });
        for disguised in ["Ada\r\nBcc: eve", "Ada\u{202E}"] {
            app.stranger().post("/signup").json(&body(disguised)).await.assert_invalid(&["body.full_name"]);
        }
        app.stranger().post("/signup").json(&body(name)).await.assert(201);
        let mail = last_mail(&app, "ada").await;
        assert!(mail.text.starts_with(&format!("Hello {name},")), "{}", mail.text);
        assert!(!mail.html.contains("<b>") && mail.html.contains("{{7*7}}"), "{}", mail.html);
    }
}

on_both_databases! {
    async fn p07_words_make_a_password_and_nothing_is_asked_that_others_know(database: Database) {
        let app = TestApp::new(database).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": "seven quiet herons over the marsh" });
        app.stranger().post("/signup").json(&body).await.assert(201);
        let document = app.stranger().get("/openapi.json").send().await.assert(200).text().to_lowercase();
        for word in ["password_hint", "secret_question", "security_question", "mothers_maiden"] {
            assert!(!document.contains(word), "{word}");
        }
        // No password ever gets too old.
        app.advance(400 * 24 * 60 * 60);
        app.stranger().try_password(&email("ada"), "seven quiet herons over the marsh").await.assert(200);
    }
}
