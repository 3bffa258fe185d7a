//! Webhooks: a real receiver on this computer that verifies deliveries as an application does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header::LOCATION};
use portcullis_server::client::Client;
use portcullis_server::webhooks::{self, NewWebhook, WebhookError};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::on_both_databases;
use crate::support::process::eventually;
use crate::support::{Database, PASSWORD, Place, TestApp, email};

/// Longer than a due delivery takes.
const SOON: Duration = Duration::from_secs(20);

/// A received delivery.
#[derive(Debug, Clone)]
pub struct Received {
    pub id: String,
    pub timestamp: i64,
    pub signature: String,
    pub body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Verified by the specification, without the server's code.
    pub fn verify(&self, secret: &str) {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let tag = STANDARD.decode(self.signature.strip_prefix("v1,").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).unwrap();
    }
}

/// How a receiver responds.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    Takes,
    Answers(u16),
    Redirects,
    Hangs,
    /// After a second and a half.
    TakesSlowly,
    Floods,
}

/// An application that receives events.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Received>>>,
    mood: Arc<Mutex<Mood>>,
}

impl Receiver {
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/secret-path", listener.local_addr().unwrap());
        let receiver = Self { url, got: Arc::default(), mood: Arc::new(Mutex::new(mood)) };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub fn got(&self) -> Vec<Received> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until it got this many, and returns all of them.
    pub async fn gets(&self, count: usize) -> Vec<Received> {
        eventually("the deliveries arrive", SOON, async || Some(self.got()).filter(|got| got.len() >= count))
            .await
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let request = Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap(),
        signature: header("webhook-signature"),
        body,
    };
    assert_eq!(header("content-type"), "application/json");
    receiver.got.lock().unwrap().push(request);
    let mood = *receiver.mood.lock().unwrap();
    match mood {
        Mood::Takes => StatusCode::NO_CONTENT.into_response(),
        Mood::Answers(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mood::Redirects => (StatusCode::FOUND, [(LOCATION, receiver.url.clone())]).into_response(),
        Mood::Hangs => std::future::pending().await,
        Mood::TakesSlowly => {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Mood::Floods => {
            let chunk = || Ok::<_, std::io::Error>(vec![b'x'; 65_536]);
            Body::from_stream(futures_util::stream::repeat_with(chunk)).into_response()
        }
    }
}

async fn app(database: Database) -> TestApp {
    TestApp::with(database, |config| config.webhook_private_targets = true).await
}

async fn hook(app: &TestApp, receiver: &Receiver) -> NewWebhook {
    webhooks::add(&app.app, &receiver.url, &Client::local("operator")).await.unwrap()
}

/// The number of pending and failed deliveries, and the error.
async fn state(app: &TestApp) -> (i64, i64, String) {
    let hooks = webhooks::list(&app.app).await.unwrap();
    let [hook] = &hooks[..] else { panic!("{hooks:?}") };
    (hook.waiting, hook.failed, hook.last_error.clone().unwrap_or_default())
}

async fn becomes(app: &TestApp, waiting: i64, failed: i64, error: &str) {
    let seen = Mutex::new(None);
    let look = async || {
        let state = state(app).await;
        let is_so = (state.0, state.1) == (waiting, failed) && state.2.contains(error);
        *seen.lock().unwrap() = Some(state);
        is_so.then_some(())
    };
    eventually(&format!("{waiting} wait, {failed} failed: {error}"), SOON, look).await;
}

/// Waits until the current attempt is recorded, then for `seconds` on the server's clock.
async fn retried(app: &TestApp, receiver: &Receiver, attempts: usize, seconds: u64) {
    receiver.gets(attempts).await;
    let due = (app.clock.now() + Duration::from_secs(seconds)).as_micros();
    let noted = format!(
        "SELECT count(*) FROM webhook_deliveries WHERE attempts = {attempts} AND next_attempt_at = {due}"
    );
    eventually(&format!("attempt {attempts} is noted"), SOON, async || {
        (app.place.value(&noted).await == "1").then_some(())
    })
    .await;
    app.advance(seconds);
}

on_both_databases! {
    async fn an_application_learns_what_happens_to_an_account(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        app.sign_up("before").await;
        let secret = hook(&app, &receiver).await;
        let ada = app.sign_up("ada").await;
        app.log_in("ada").await;
        app.set_password(ada, "quiet-meadow-lighthouse-4").await;
        app.disable(ada).await;
        app.enable(ada).await;
        app.delete(ada).await;
        let got = receiver.gets(5).await;
        becomes(&app, 0, 0, "").await;
        let mut kinds = BTreeMap::new();
        for received in &got {
            received.verify(secret.expose_secret());
            assert_eq!(received.timestamp, app.clock.now().as_secs());
            let body = received.json();
            let event = body["type"].as_str().unwrap().to_owned();
            let at = portcullis_server::clock::Timestamp::from_secs(received.timestamp);
            let at = humantime::format_rfc3339_seconds(at.into()).to_string();
            // The account's number, and no other personal data.
            assert_eq!(body, json!({ "type": event, "timestamp": at, "data": { "account_id": ada.to_string() } }));
            kinds.insert(event, received.id.clone());
        }
        let told: Vec<_> = kinds.keys().map(String::as_str).collect();
        let expected =
            ["account.deleted", "account.disabled", "account.enabled", "account.password_reset", "account.signed_up"];
        assert_eq!(told, expected);
        let mut ids: Vec<_> = kinds.into_values().collect();
        assert!(ids.iter().all(|id| id.starts_with("msg_") && !id.contains('.')), "{ids:?}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5, "each event has an id of its own");
        // With another webhook's secret or another body, verification fails.
        let mut forged = got[0].clone();
        forged.body = forged.body.replace("account", "accounts");
        let verified = std::panic::catch_unwind(|| forged.verify(secret.expose_secret()));
        assert!(verified.is_err());
    }

    async fn each_webhook_is_told_with_its_own_secret_and_one_id(database: Database) {
        let app = app(database).await;
        let (one, other) = (Receiver::start(Mood::Takes).await, Receiver::start(Mood::Takes).await);
        let secrets = [hook(&app, &one).await, hook(&app, &other).await];
        app.sign_up("ada").await;
        let (at_one, at_other) = (one.gets(1).await, other.gets(1).await);
        at_one[0].verify(secrets[0].expose_secret());
        at_other[0].verify(secrets[1].expose_secret());
        assert_eq!((&at_one[0].id, &at_one[0].body), (&at_other[0].id, &at_other[0].body));
        assert_ne!(at_one[0].signature, at_other[0].signature);
    }

    async fn an_event_that_did_not_happen_is_not_told(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        hook(&app, &receiver).await;
        app.sign_up("ada").await;
        receiver.gets(1).await;
        // Rejected at the commit, after everything else was done.
        let refuse: &[&str] = match database {
            Database::Sqlite => &[
                "CREATE TABLE nobody (id INTEGER PRIMARY KEY)",
                "CREATE TABLE refused (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED)",
                "CREATE TRIGGER refuse AFTER INSERT ON webhook_deliveries BEGIN INSERT INTO refused VALUES (1); END",
            ],
            Database::Postgres => &[
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$",
                "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON webhook_deliveries
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
        };
        for statement in refuse {
            app.place.sql(statement).await;
        }
        let body = json!({ "email": email("eve"), "full_name": "Eve", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(503);
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "1");
        assert_eq!(app.place.value("SELECT count(*) FROM webhook_deliveries").await, "0");
        app.place.sql(match database {
            Database::Sqlite => "DROP TRIGGER refuse",
            Database::Postgres => "DROP TRIGGER refuse ON webhook_deliveries",
        }).await;
        app.sign_up("bob").await;
        let got = receiver.gets(2).await;
        assert_eq!(got[1].json()["data"]["account_id"], app.place.value("SELECT max(id) FROM accounts").await);
        assert_eq!(got.len(), 2);
    }

    async fn a_log_in_queues_nothing(database: Database) {
        let app = app(database).await;
        app.sign_up("ada").await;
        hook(&app, &Receiver::start(Mood::Takes).await).await;
        app.log_in("ada").await.post("/logout").send().await.assert(204);
        app.stranger().try_password(&email("ada"), "wrong").await.assert(401);
        assert_eq!(app.place.value("SELECT count(*) FROM webhook_deliveries").await, "0");
    }

    async fn failures_are_tried_again_for_three_days_and_then_given_up(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Answers(500)).await;
        let secret = hook(&app, &receiver).await;
        app.sign_up("ada").await;
        let pauses = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (index, pause) in pauses.into_iter().enumerate() {
            retried(&app, &receiver, index + 1, pause).await;
        }
        becomes(&app, 0, 1, "responded with 500").await;
        let got = receiver.gets(10).await;
        assert_eq!(got.len(), 10);
        for received in &got {
            received.verify(secret.expose_secret());
            assert_eq!((&received.id, &received.body), (&got[0].id, &got[0].body), "the same message each time");
        }
        let moments: Vec<_> = got.iter().map(|received| received.timestamp).collect();
        let between: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(between, pauses.map(|pause| i64::try_from(pause).unwrap()), "each attempt has its own moment");

        receiver.turns(Mood::Takes);
        assert_eq!(webhooks::retry(&app.app, secret.id).await.unwrap(), 1);
        assert_eq!(receiver.gets(11).await[10].id, got[0].id);
        becomes(&app, 0, 0, "").await;
        assert_eq!(webhooks::retry(&app.app, secret.id).await.unwrap(), 0);
    }

    async fn gone_is_given_up_at_once(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Answers(410)).await;
        hook(&app, &receiver).await;
        app.sign_up("ada").await;
        becomes(&app, 0, 1, "responded with 410").await;
        assert_eq!(receiver.got().len(), 1);
    }

    async fn g09_redirects_count_as_failures_and_are_not_followed(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Redirects).await;
        hook(&app, &receiver).await;
        app.sign_up("ada").await;
        becomes(&app, 1, 0, "responded with 302; redirects are not followed").await;
        assert_eq!(receiver.got().len(), 1);
    }

    async fn g09_an_answer_without_end_is_an_answer(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Floods).await;
        hook(&app, &receiver).await;
        app.sign_up("ada").await;
        receiver.gets(1).await;
        becomes(&app, 0, 0, "").await;
    }

    async fn g09_a_target_that_hangs_is_left_after_five_seconds_and_delays_no_other(database: Database) {
        let app = app(database).await;
        let hanging = Receiver::start(Mood::Hangs).await;
        hook(&app, &hanging).await;
        for name in ["ada", "bob", "cyd"] {
            app.sign_up(name).await;
        }
        hanging.gets(3).await;
        let prompt = Receiver::start(Mood::Takes).await;
        let secret = hook(&app, &prompt).await;
        let began = std::time::Instant::now();
        app.sign_up("dan").await;
        prompt.gets(1).await[0].verify(secret.expose_secret());
        assert!(began.elapsed() < Duration::from_secs(4), "it waited for the other: {:?}", began.elapsed());
        let noted = "SELECT count(*) FROM webhook_deliveries WHERE last_error = 'no response within 5 s'";
        eventually("the attempts end", SOON, async || (app.place.value(noted).await == "4").then_some(())).await;
    }

    async fn g09_nobody_of_this_network_is_called_unless_the_setting_says_so(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        hook(&app, &receiver).await;
        // The setting is reverted: webhooks that were added under it are no longer called.
        let strict = TestApp::new(database).await;
        for url in [receiver.url.as_str(), "https://127.0.0.1/", "https://0x7f.1/", "https://[::1]/", "https://10.0.0.1/", "file:///etc/passwd", "gopher://x.example/", "https://ana@x.example/", "https://localhost/", "https://shop.localhost/"] {
            let refused = webhooks::add(&strict.app, url, &Client::local("operator")).await;
            assert!(matches!(refused, Err(WebhookError::Url(_))), "{url}");
        }
        assert!(webhooks::list(&strict.app).await.unwrap().is_empty());
        let port = receiver.url.split([':', '/']).nth(4).unwrap();
        // A name is resolved again for each delivery, because its address may have changed.
        let by_name = webhooks::add(&strict.app, "https://shop.invalid/", &Client::local("operator")).await.unwrap();
        strict.place.sql(&format!("UPDATE webhooks SET url = 'https://localhost:{port}/'")).await;
        strict.sign_up("ada").await;
        becomes(&strict, 1, 0, "private network").await;
        let tested = webhooks::test(&strict.app, by_name.id).await.unwrap_err().to_string();
        assert!(tested.contains("webhook_private_targets=on"), "{tested}");
        assert!(receiver.got().is_empty());
    }

    async fn k06_of_two_instances_one_delivers_each_of_fifty_events(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        let secret = hook(&app, &receiver).await;
        let mut config = app.place.config();
        config.webhook_private_targets = true;
        let _other = app.again_with(config).await;
        let ada = app.sign_up("ada").await;
        for _ in 0..24 {
            app.disable(ada).await;
            app.enable(ada).await;
        }
        app.delete(ada).await;
        let got = receiver.gets(50).await;
        becomes(&app, 0, 0, "").await;
        // A second delivery of an event would happen while the others are in progress.
        let mut ids: Vec<_> = receiver.got().into_iter().map(|received| received.id).collect();
        assert_eq!(ids.len(), 50);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 50);
        for received in &got {
            received.verify(secret.expose_secret());
        }
    }

    async fn what_was_given_up_is_swept_after_thirty_days(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Answers(410)).await;
        let hook = hook(&app, &receiver).await;
        app.sign_up("ada").await;
        becomes(&app, 0, 1, "410").await;
        let again = async |days: u64| {
            app.advance(days * 86_400);
            // A new instance sweeps at startup.
            app.again().await
        };
        let _first = again(29).await;
        assert_eq!(state(&app).await.1, 1);
        let _second = again(2).await;
        becomes(&app, 0, 0, "").await;
        webhooks::remove(&app.app, hook.id, &Client::local("operator")).await.unwrap();
    }

    async fn a_removed_webhook_leaves_nothing_and_costs_nothing(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Answers(500)).await;
        let hook = hook(&app, &receiver).await;
        app.sign_up("ada").await;
        becomes(&app, 1, 0, "500").await;
        webhooks::remove(&app.app, hook.id, &Client::local("operator")).await.unwrap();
        app.sign_up("bob").await;
        assert_eq!(app.place.value("SELECT count(*) FROM webhook_deliveries").await, "0");
        for outcome in [
            webhooks::remove(&app.app, hook.id, &Client::local("operator")).await,
            webhooks::test(&app.app, hook.id).await.map(|_| ()),
            webhooks::retry(&app.app, hook.id).await.map(|_| ()),
        ] {
            assert!(matches!(outcome, Err(WebhookError::NotFound)), "{outcome:?}");
        }
        let audited = app.place.sql("SELECT event FROM audit_events WHERE event LIKE 'webhook.%' ORDER BY event").await;
        assert_eq!(audited.concat(), ["webhook.added", "webhook.removed"]);
    }

    async fn there_are_at_most_twenty(database: Database) {
        let app = TestApp::new(database).await;
        let add = async || webhooks::add(&app.app, "https://shop.example/", &Client::local("operator")).await;
        for _ in 0..20 {
            add().await.unwrap();
        }
        assert!(matches!(add().await, Err(WebhookError::TooMany)));
    }

    async fn k04_of_two_webhooks_at_once_one_takes_the_last_place(database: Database) {
        let one = TestApp::new(database).await;
        let other = one.again().await;
        let add = async |app: &TestApp| {
            webhooks::add(&app.app, "https://shop.example/", &Client::local("operator")).await.map(|new| new.id)
        };
        for _ in 0..19 {
            add(&one).await.unwrap();
        }
        for round in 0..40 {
            let (first, second) = tokio::join!(add(&one), add(&other));
            let (added, refused) = if first.is_ok() { (first, second) } else { (second, first) };
            assert!(matches!(refused, Err(WebhookError::TooMany)), "{round}: {refused:?}");
            webhooks::remove(&one.app, added.unwrap(), &Client::local("operator")).await.unwrap();
        }
        assert_eq!(webhooks::list(&one.app).await.unwrap().len(), 19);
    }

    async fn p08_the_secret_is_nowhere_readable(database: Database) {
        let app = app(database).await;
        let receiver = Receiver::start(Mood::Takes).await;
        let hook = hook(&app, &receiver).await;
        let bytes = STANDARD.decode(hook.expose_secret().strip_prefix("whsec_").unwrap()).unwrap();
        let bytes = format!("{bytes:?}");
        let dump = app.place.dump().await;
        assert!(dump.contains(&receiver.url) && !dump.contains(bytes.trim_matches(['[', ']'])), "{dump}");
        assert!(!dump.contains(hook.expose_secret()) && !format!("{hook:?}").contains(hook.expose_secret()));
    }

    async fn s07_a_delivery_that_waits_knows_the_deleted_by_number_alone(database: Database) {
        let app = app(database).await;
        hook(&app, &Receiver::start(Mood::Answers(500)).await).await;
        let ada = app.sign_up("ada").await;
        app.delete(ada).await;
        becomes(&app, 2, 0, "500").await;
        let kept = app.place.value("SELECT body FROM webhook_deliveries").await;
        assert!(!kept.contains("ada") && kept.contains("account.deleted"), "{kept}");
    }
}

/// The settings that `place` needs to call this computer.
pub fn allowing(place: &Place) -> tokio::process::Command {
    let mut command = crate::support::process::program(place);
    command.env("PORTCULLIS_WEBHOOK_PRIVATE_TARGETS", "on");
    command
}
