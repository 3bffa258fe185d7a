//! Recovery: what each emailed link does in each state, once and for its owner only, and what nobody learns.

mod kept;
mod owner;
mod untold;

use futures_util::future::{join, join_all};
use http::Method;
use portcullis_server::config::SignUp;
use serde_json::{Value, json};

use crate::login::comparable;
use crate::on_both_databases;
use crate::support::{Answer, Client, Database, Mail, PASSWORD, TestApp, email, timing};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";
const WRONG: &str = "not-the-password-1";

/// What is emailed for single use.
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

    /// The body that uses `token`, which was emailed to `name`.
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

    /// Requests it for `name`, who is logged in as `owner`, and returns the secret from the email.
    async fn issue(self, app: &TestApp, name: &str, owner: &Client) -> String {
        // Emails are sorted by time.
        app.advance(1);
        match self {
            Verify => drop(owner.post("/email/verification").send().await.assert(202)),
            Reset => drop(forgot(app, name).await.assert(202)),
            LogIn | Code => drop(ask_for_link(app, name).await.assert(202)),
            Confirm => drop(change_email(owner, &new_name(name)).await.assert(202)),
            Undo => {
                confirmed(app, name).await;
                drop(change_email(owner, &new_name(name)).await.assert(202));
            }
        }
        let reader = if self == Confirm { new_name(name) } else { name.to_owned() };
        mailed(app, &reader, self).await
    }
}

/// The secret in the newest email of this purpose to `name`.
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

/// Confirms the address of `name`: only a confirmed address is kept for its owner.
async fn confirmed(app: &TestApp, name: &str) {
    let sql = format!("UPDATE accounts SET email_verified_at = 1 WHERE email = '{}'", email(name));
    app.place.sql(&sql).await;
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

/// Everything that a link can change.
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

/// What happens between the email of a link and its use.
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
            // Every email about one change of the address has the same undo.
            Self::Replaced if purpose == Undo => assert_eq!(purpose.issue(app, name, owner).await, token),
            Self::Replaced => assert_ne!(purpose.issue(app, name, owner).await, token),
            Self::Disabled => app.disable(id).await,
            Self::DisabledAndEnabled => {
                app.disable(id).await;
                app.enable(id).await;
            }
            Self::Deleted => app.delete(id).await,
            Self::PasswordChanged => drop(change_password(owner, PASSWORD, NEW_PASSWORD).await.assert(200)),
            Self::PasswordSetByOperator => app.set_password(id, NEW_PASSWORD).await,
            Self::EmailChanged => {
                let other = format!("other.{name}");
                change_email(owner, &other).await.assert(202);
                let confirmation = mailed(app, &other, Confirm).await;
                Confirm.consume(app, &other, &confirmation).await.assert(204);
            }
        }
    }

    /// An undo link survives changes of the password and the address, which a thief can make, and the time in which an administrator
    /// who noticed the thief keeps the account disabled. It does not survive a password set by an operator, who thereby
    /// hands the account over. All other links survive none of this.
    fn leaves_alive(self, purpose: Purpose) -> bool {
        matches!(self, Self::Nothing | Self::LastSecond)
            || purpose == Undo
                && matches!(
                    self,
                    Self::Replaced | Self::PasswordChanged | Self::DisabledAndEnabled | Self::EmailChanged
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
                // At most four tries of the single valid code.
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
            // r05: a request that only opens it.
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
            // A busy server rejects it before the link is checked.
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
