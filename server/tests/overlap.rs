//! Actions that are in progress while the account is taken out of the caller's hands. Nothing of them may survive.
//!
//! Each action of an owner (or a thief with the owner's session) meets each ending. On PostgreSQL, the test locks the
//! account's row until first the ending and then the action, both past their guards, wait for it. Then both run
//! concurrently, with many delays, on two instances. Accounts, sessions and links are inserted directly, because
//! signing up and requesting emails so often would take minutes.

mod organisations;
mod sharing;

use std::fmt::Debug;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::{join, join_all};
use http::Method;
use image::ImageFormat;
use portcullis_server::accounts::{self, AccountId};
use portcullis_server::client::Client as Acting;
use portcullis_server::{By, admin, leaving};
use portcullis_server::{config::Config, random};
use serde_json::json;
use tokio::time::sleep;

use crate::factors::Authenticator;
use crate::pictures::picture;
use crate::support::{Answer, Client, Database, PASSWORD, Place, TestApp, email, process::eventually};

const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";
/// How often all pairs meet, and how often the pairs that would take over an account.
const ROUNDS: usize = 3;
const SERIOUS_ROUNDS: usize = 40;

/// What an owner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    ChangeEmail,
    ConfirmEmail,
    ChangePassword,
    ChangeProfile,
    RequestVerification,
    LogIn,
    LogInByLink,
    LogInByCode,
    Refresh,
    DeleteAccount,
    CancelDeletion,
    EndOtherSessions,
    Export,
    SetPicture,
    ChangeRole,
    FinishLogIn,
    AddFactor,
    CreateKey,
}

const ACTS: [Act; 18] = [
    Act::ChangeEmail,
    Act::ConfirmEmail,
    Act::ChangePassword,
    Act::ChangeProfile,
    Act::RequestVerification,
    Act::LogIn,
    Act::LogInByLink,
    Act::LogInByCode,
    Act::Refresh,
    Act::DeleteAccount,
    Act::CancelDeletion,
    Act::EndOtherSessions,
    Act::Export,
    Act::SetPicture,
    Act::ChangeRole,
    Act::FinishLogIn,
    Act::AddFactor,
    Act::CreateKey,
];

/// What takes the account out of the caller's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Reset,
    Undo,
    ChangePassword,
    LogOutEverywhere,
    Disable,
    SetPassword,
    Delete,
}

const ENDINGS: [Ending; 7] = [
    Ending::Reset,
    Ending::Undo,
    Ending::ChangePassword,
    Ending::LogOutEverywhere,
    Ending::Disable,
    Ending::SetPassword,
    Ending::Delete,
];

type Pair = (Act, Ending);

/// The pairs that would take over an account, or keep an intruder in it.
const SERIOUS: [Pair; 12] = [
    (Act::ChangeEmail, Ending::Reset),
    (Act::ChangeEmail, Ending::Undo),
    (Act::LogIn, Ending::Reset),
    (Act::LogIn, Ending::ChangePassword),
    (Act::LogIn, Ending::Disable),
    (Act::LogInByLink, Ending::Disable),
    (Act::LogInByCode, Ending::Reset),
    (Act::FinishLogIn, Ending::Reset),
    (Act::FinishLogIn, Ending::Disable),
    (Act::AddFactor, Ending::Reset),
    (Act::CreateKey, Ending::Reset),
    (Act::CreateKey, Ending::Disable),
];

/// An account with everything needed for an action and an ending.
struct Victim {
    id: i64,
    name: String,
    /// The account whose role it changes, if it is an administrator.
    other: i64,
    /// The cookie of the acting session, and of the session that ends the others.
    acting: String,
    owner: String,
    owner_session: String,
    refresh_token: String,
    reset: String,
    undo: String,
    confirm: String,
    log_in: String,
    /// Emailed by the server, because only it can create one.
    code: String,
    /// A login that waits for its second factor, and a recovery code.
    waiting: String,
    recovery_code: String,
    /// A code of the app that is being added.
    first_code: String,
}

fn sha256(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<32>())
}

/// Bytes as an SQL literal.
fn blob(place: &Place, bytes: &[u8]) -> String {
    match place.database_url() {
        Some(_) => format!("'\\x{}'::bytea", hex(bytes)),
        None => format!("x'{}'", hex(bytes)),
    }
}

fn uuid(place: &Place, bytes: &[u8]) -> String {
    match place.database_url() {
        Some(_) => format!("'{}'::uuid", hex(bytes)),
        None => format!("x'{}'", hex(bytes)),
    }
}

/// Inserts a login that waits for its second factor, and a recovery code.
async fn waiting_login(place: &Place, id: i64, end: i64) -> (String, String) {
    let (token, recovery_code) = (secret(), hex(&random::bytes::<8>()).to_uppercase());
    let (digest, code) = (blob(place, &sha256(&token)), blob(place, &sha256(&recovery_code)));
    for sql in [
        format!(
            "INSERT INTO totp (account_id, sealed_key, last_step, created_at) VALUES ({id}, {code}, 1, 1)"
        ),
        format!("INSERT INTO recovery_codes (digest, account_id) VALUES ({code}, {id})"),
        format!(
            "INSERT INTO logins (digest, account_id, epoch, method, scope, transport, expires_at)
             VALUES ({digest}, {id}, 0, 'pwd', '', 'bearer', {end})"
        ),
    ] {
        place.sql(&sql).await;
    }
    (token, recovery_code)
}

/// The first code of the app whose key was shown to the session of this cookie.
async fn first_code(app: &TestApp, cookie: &str) -> String {
    let shown = Victim::browser(app, cookie).post("/factors/totp").send().await.assert(200).json();
    Authenticator::of_key(shown["key"].as_str().unwrap()).code(app)
}

impl Victim {
    #[expect(clippy::too_many_lines, reason = "one row after another")]
    async fn new(app: &TestApp, act: Act) -> Self {
        let (place, now) = (&app.place, app.clock.now().as_micros());
        let name = format!("u{}", hex(&random::bytes::<6>()));
        let role = if act == Act::ChangeRole { "admin" } else { "user" };
        let verified = if act == Act::RequestVerification { "NULL".to_owned() } else { now.to_string() };
        let due =
            if act == Act::CancelDeletion { (now + 9_000_000_000).to_string() } else { "NULL".to_owned() };
        let account = async |email: &str, role: &str| {
            let sql = format!(
                "INSERT INTO accounts (email, full_name, folded_name, password_hash, is_active, created_at, updated_at,
                                       role, email_verified_at, deletion_due_at)
                 SELECT '{email}', 'Ada', 'ada', password_hash, TRUE, {now}, {now}, '{role}', {verified}, {due}
                 FROM accounts WHERE email = 'seed@example.com' RETURNING id"
            );
            place.value(&sql).await.parse::<i64>().unwrap()
        };
        let id = account(&email(&name), role).await;
        let other = account(&email(&format!("other.{name}")), "user").await;
        let refresh_token = if act == Act::Refresh {
            let call = app.stranger().post("/login");
            let answer =
                call.form_owned(&email(&name), PASSWORD, "profile:read offline_access").await.assert(200);
            answer.json()["refresh_token"].as_str().unwrap().to_owned()
        } else {
            String::new()
        };
        let (acting, owner, owner_session) = (secret(), secret(), random::bytes::<16>());
        let end = now + 3_600_000_000;
        let session = |session: &[u8], token: &str| {
            let (session, cookie) = (uuid(place, session), blob(place, &sha256(token)));
            format!("({session}, {id}, {now}, {end}, {end}, {now}, {now}, {cookie})")
        };
        let sql = format!(
            "INSERT INTO sessions (id, account_id, created_at, expires_at, ends_at, authenticated_at, last_seen_at,
                                   cookie_digest) VALUES {}, {}",
            session(&random::bytes::<16>(), &acting),
            session(&owner_session, &owner)
        );
        place.sql(&sql).await;
        let link = || format!("pclk_{}", secret());
        let (reset, undo, confirm, log_in) = (link(), link(), link(), link());
        let row = |token: &str, purpose: &str, email: &str, age: i64| {
            let digest = blob(place, &sha256(token));
            format!("({digest}, {id}, '{purpose}', '{email}', {}, {end})", now - age)
        };
        let address = email(&name);
        let sql = format!(
            "INSERT INTO links (digest, account_id, purpose, email, created_at, expires_at) VALUES {}, {}, {}, {}",
            row(&reset, "reset_password", &address, 0),
            row(&undo, "undo_email", &email(&format!("old.{name}")), 9),
            row(&confirm, "confirm_email", &email(&format!("new.{name}")), 0),
            row(&log_in, "log_in", &address, 0)
        );
        place.sql(&sql).await;
        let code = if act == Act::LogInByCode { Self::mailed_code(app, &name).await } else { String::new() };
        let owner_session = uuid(place, &owner_session);
        let (waiting, recovery_code) =
            if act == Act::FinishLogIn { waiting_login(place, id, end).await } else { Default::default() };
        let first_code = if act == Act::AddFactor { first_code(app, &acting).await } else { String::new() };
        Self {
            id,
            name,
            other,
            acting,
            owner,
            owner_session,
            refresh_token,
            reset,
            undo,
            confirm,
            log_in,
            code,
            waiting,
            recovery_code,
            first_code,
        }
    }

    async fn mailed_code(app: &TestApp, name: &str) -> String {
        app.stranger().post("/login/link").json(&json!({ "email": email(name) })).await.assert(202);
        eventually("the code is mailed", Duration::from_secs(20), async || {
            app.app.deliver_due_mail().await.unwrap();
            let mail = app.place.mails().into_iter().rfind(|mail| mail.to == email(name))?;
            Some(mail.text.lines().find_map(|line| line.strip_prefix("    "))?.trim().to_owned())
        })
        .await
    }

    fn browser(app: &TestApp, cookie: &str) -> Client {
        app.stranger().with_cookie(&format!("__Host-portcullis={cookie}"))
    }

    async fn act(&self, app: &TestApp, act: Act) -> Answer {
        let (browser, stranger) = (Self::browser(app, &self.acting), app.stranger());
        match act {
            Act::ChangeEmail => {
                let new = json!({ "email": email(&format!("thief.{}", self.name)) });
                browser.call(Method::PUT, "/email").json(&new).await
            }
            Act::ConfirmEmail => {
                stranger.post("/email/confirm").json(&json!({ "token": self.confirm })).await
            }
            Act::ChangePassword => change_password(&browser).await,
            Act::ChangeProfile => browser.patch("/profile").json(&json!({ "full_name": "Eve" })).await,
            Act::RequestVerification => browser.post("/email/verification").send().await,
            Act::LogIn => stranger.try_password(&email(&self.name), PASSWORD).await,
            Act::LogInByLink => {
                stranger.post("/login/link/token").json(&json!({ "token": self.log_in })).await
            }
            Act::LogInByCode => {
                let code = json!({ "email": email(&self.name), "code": self.code });
                stranger.post("/login/code").json(&code).await
            }
            Act::Refresh => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
                stranger.post("/token").form(&form).await
            }
            Act::DeleteAccount => browser.delete("/account").send().await,
            Act::CancelDeletion => browser.delete("/account/deletion").send().await,
            Act::EndOtherSessions => browser.delete("/sessions").send().await,
            Act::Export => browser.get("/export").send().await,
            Act::SetPicture => {
                let bytes = picture(ImageFormat::Png, 2, 2);
                browser.post("/upload-profile-image").file("file", "image/png", &bytes).await
            }
            Act::FinishLogIn => {
                let body = json!({ "mfa_token": self.waiting, "code": self.recovery_code });
                stranger.post("/login/factor").json(&body).await
            }
            Act::AddFactor => {
                browser.post("/factors/totp/confirm").json(&json!({ "code": self.first_code })).await
            }
            Act::CreateKey => {
                let body = json!({ "name": "key", "scope": "profile:read" });
                browser.post("/keys").json(&body).await
            }
            Act::ChangeRole => {
                let path = format!("/admin/accounts/{}/role", self.other);
                browser.call(Method::PUT, &path).json(&json!({ "role": "admin" })).await
            }
        }
    }

    /// Whether it succeeded. A conflict between two of the server's own transactions must not reach the caller.
    async fn end(&self, app: &TestApp, ending: Ending) -> bool {
        let (owner, stranger) = (Self::browser(app, &self.owner), app.stranger());
        let (client, id) = (Acting::local("operator"), AccountId::new(self.id));
        let answer = match ending {
            Ending::Reset => {
                let body = json!({ "token": self.reset, "password": NEW_PASSWORD });
                stranger.post("/password/reset").json(&body).await
            }
            Ending::Undo => stranger.post("/email/undo").json(&json!({ "token": self.undo })).await,
            Ending::ChangePassword => change_password(&owner).await,
            Ending::LogOutEverywhere => owner.delete("/sessions").send().await,
            Ending::Disable => {
                return admin::set_active(&app.app, id, false, By::operator(&client)).await.is_ok();
            }
            Ending::Delete => return leaving::delete(&app.app, id, By::operator(&client)).await.is_ok(),
            Ending::SetPassword => {
                let Ok(account) = accounts::by_id(&app.app, id).await else { return false };
                return admin::set_password(&app.app, &account, NEW_PASSWORD, By::operator(&client))
                    .await
                    .is_ok();
            }
        };
        assert_ne!(answer.status.as_u16(), 503, "{ending:?}");
        answer.status.is_success()
    }

    /// Asserts that the result is one of a serial order in which the ending is not undone.
    async fn check(&self, app: &TestApp, (act, ending): Pair, did: bool, ended: bool, how: &str) {
        let what = format!("{how}: {act:?} beside {ending:?}, which were done: {did}, {ended}");
        if !ended {
            return;
        }
        let (place, id) = (&app.place, self.id);
        let count = async |sql: String| place.value(&sql).await.parse::<i64>().unwrap();
        // The session that started the ending stays, or is replaced by one.
        let (but, own) = match ending {
            Ending::LogOutEverywhere => (self.owner_session.as_str(), 0),
            Ending::ChangePassword => ("NULL", 1),
            _ => ("NULL", 0),
        };
        let living = count(format!(
            "SELECT COUNT(*) FROM sessions WHERE account_id = {id} AND ended_at IS NULL AND ({but} IS NULL OR id <> {but})"
        ));
        let may_follow = i64::from(did && may_follow(act, ending));
        assert!(living.await <= own + may_follow, "a session lives. {what}");
        let purposes = match ending {
            Ending::SetPassword | Ending::Delete => "TRUE",
            // A pending change of the address may be a thief's.
            Ending::LogOutEverywhere => "purpose = 'confirm_email'",
            _ => "purpose <> 'undo_email'",
        };
        let links = count(format!("SELECT COUNT(*) FROM links WHERE account_id = {id} AND {purposes}"));
        assert_eq!(links.await, 0, "a link lives. {what}");
        // Keys are not sessions: one that was created before "log out everywhere" stays. Every other ending removes it.
        let keys = count(format!("SELECT COUNT(*) FROM api_keys WHERE account_id = {id}")).await;
        let spared = i64::from(did && ending == Ending::LogOutEverywhere);
        assert!(keys <= spared, "an API key lives. {what}");
        let address = place.value(&format!("SELECT email FROM accounts WHERE id = {id}")).await;
        let expected = match (act, ending) {
            (_, Ending::Delete) => String::new(),
            (_, Ending::Undo) => email(&format!("old.{}", self.name)),
            (Act::ConfirmEmail, _) if did => email(&format!("new.{}", self.name)),
            _ => email(&self.name),
        };
        assert_eq!(address, expected, "{what}");
    }
}

/// A login after the sessions ended is a new one, and a link does not belong to a session.
fn may_follow(act: Act, ending: Ending) -> bool {
    matches!(
        (act, ending),
        (Act::LogIn | Act::LogInByLink | Act::LogInByCode | Act::ConfirmEmail, Ending::LogOutEverywhere)
    )
}

async fn change_password(browser: &Client) -> Answer {
    let body = json!({ "current_password": PASSWORD, "password": NEW_PASSWORD });
    browser.call(Method::PUT, "/password").json(&body).await
}

fn pairs() -> impl Iterator<Item = Pair> {
    ENDINGS.into_iter().flat_map(|ending| ACTS.into_iter().map(move |act| (act, ending)))
}

async fn app_for(database: Database) -> TestApp {
    let app = TestApp::with(database, settings).await;
    let seed = app.sign_up("seed").await;
    // There is always another administrator.
    app.place.sql(&format!("UPDATE accounts SET role = 'admin' WHERE id = {seed}")).await;
    app
}

fn settings(config: &mut Config) {
    config.limits = false;
    config.log_in_by_mail = true;
    config.database.connections = 12;
}

async fn second(app: &TestApp) -> TestApp {
    let mut config = app.place.config();
    settings(&mut config);
    app.again_with(config).await
}

/// Both concurrently: the action on one instance, some time after the ending has begun on the other.
async fn meet(one: &TestApp, other: &TestApp, pair: Pair, delay: Duration) {
    let victim = Victim::new(one, pair.0).await;
    let act = async {
        sleep(delay).await;
        victim.act(one, pair.0).await
    };
    let (answer, ended) = Box::pin(join(act, victim.end(other, pair.1))).await;
    assert_ne!(answer.status.as_u16(), 503, "{pair:?}");
    victim.check(one, pair, answer.status.is_success(), ended, "at once").await;
}

async fn meet_often(one: &TestApp, other: &TestApp) {
    for round in 0..ROUNDS {
        for (at, chunk) in pairs().collect::<Vec<_>>().chunks(7).enumerate() {
            // From the first moment to about the time that a hash takes.
            let delay = |n: usize| Duration::from_millis(((at * 7 + n * 5 + round * 13) % 40) as u64);
            join_all(chunk.iter().enumerate().map(|(n, pair)| meet(one, other, *pair, delay(n)))).await;
        }
    }
    for round in 0..SERIOUS_ROUNDS {
        let delay = Duration::from_millis(round as u64);
        join_all(SERIOUS.into_iter().map(|pair| meet(one, other, pair, delay))).await;
    }
}

/// The number of transactions that wait for a row of `accounts`, or, behind one of them, for the lock on decisions
/// about administrators.
async fn waiting(place: &Place) -> usize {
    let sql = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'tuple'
               AND relation IN ('accounts'::regclass, 'locks'::regclass)";
    place.value(sql).await.parse().unwrap()
}

async fn until(place: &Place, waiters: usize, what: impl Debug) {
    eventually(&format!("{waiters} of {what:?} wait"), Duration::from_secs(10), async || {
        (waiting(place).await >= waiters).then_some(())
    })
    .await;
}

/// Locks an account's row until [`open`].
async fn hold(place: &Place, account: i64) {
    let hold = format!(
        "DO $$ BEGIN
            PERFORM id FROM accounts WHERE id = {account} FOR UPDATE;
            PERFORM pg_advisory_xact_lock(hashtext(current_schema()), {account});
            FOR n IN 1..2000 LOOP
                EXIT WHEN EXISTS (SELECT 1 FROM gate WHERE account = {account});
                PERFORM pg_sleep(0.005);
            END LOOP;
         END $$"
    );
    place.sql(&hold).await;
}

async fn until_held(place: &Place, account: i64) {
    let taken = format!(
        "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {account}
         AND classid = hashtext(current_schema())::oid"
    );
    eventually("the row is held", Duration::from_secs(10), async || {
        (place.value(&taken).await == "1").then_some(())
    })
    .await;
}

async fn open(place: &Place, account: i64) {
    place.sql(&format!("INSERT INTO gate (account) VALUES ({account})")).await;
}

/// Locks the account's row until the ending and then the action wait for it.
async fn follow(one: &TestApp, other: &TestApp, pair: Pair) {
    let (act, ending) = pair;
    let victim = &Victim::new(one, act).await;
    let place = &one.place;
    let gate = hold(place, victim.id);
    let ended = async {
        until_held(place, victim.id).await;
        victim.end(other, ending).await
    };
    let did = async {
        until(place, 1, pair).await;
        let answer = async { Some(victim.act(one, act).await) };
        let opening = async {
            // The refresh locks only the session's row.
            if act == Act::Refresh {
                sleep(Duration::from_millis(50)).await;
            } else {
                until(place, 2, pair).await;
            }
            open(place, victim.id).await;
            None
        };
        let (answer, _): (Option<Answer>, Option<Answer>) = join(answer, opening).await;
        answer.unwrap()
    };
    let ((), (ended, answer)) = Box::pin(join(gate, join(ended, did))).await;
    let did = answer.status.is_success();
    assert!(ended, "{pair:?}");
    victim.check(one, pair, did, ended, "one after the other").await;
    if act == Act::Refresh || may_follow(act, ending) {
        return;
    }
    assert!(matches!(answer.status.as_u16(), 400 | 401 | 410), "{pair:?}: {}", answer.text());
    let role = place.value(&format!("SELECT role FROM accounts WHERE id = {}", victim.other)).await;
    assert_eq!(role, "user", "{pair:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n01_an_act_that_waited_behind_an_ending_does_nothing() {
    let one = app_for(Database::Postgres).await;
    let other = second(&one).await;
    one.place.sql("CREATE TABLE gate (account BIGINT)").await;
    for pair in pairs() {
        Box::pin(follow(&one, &other, pair)).await;
    }
}

mod n01_nothing_of_an_act_outlives_an_ending_beside_it {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        let one = app_for(Database::Postgres).await;
        meet_often(&one, &second(&one).await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        let app = app_for(Database::Sqlite).await;
        meet_often(&app, &app).await;
    }
}
