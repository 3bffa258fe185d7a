//! Account pre-hijacking: a stranger signs up with somebody else's address, prepares a way back in, and waits for the
//! owner of the address to come.
//!
//! The classes are those of Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022). In each test, the
//! stranger sets the trap and the owner comes in by every way that proves the address. Afterwards nothing of the trap
//! works or is in the database.
//!
//! | class | what the stranger leaves behind | test |
//! |---|---|---|
//! | classic-federated merge | a password | `l02_class_1_…` |
//! | unexpired session | a cookie, a refresh token, a login that waits for its second factor | `l02_class_2_…` |
//! | trojan identifier | an authenticator app, recovery codes, a passkey, an account at another provider | `l02_class_3_…` |
//! | unexpired email change | a link emailed to the stranger, and the link that undoes a change | `l02_class_4_…` |
//! | non-verifying provider | a login with a provider that lets anyone claim the address | `l02_class_5_…` |
//! | besides these | an API key, a link to a row of an application | `l02_beside_…` |
//! | besides these | a deletion that is due in days, a network with a higher limit of guesses, older links | `l02_beside_…` |

use std::time::Duration;

use http::Method;
use portcullis_server::config::SecondFactor;
use serde_json::json;

use crate::factors::{Authenticator, enrol, first_step, second_step};
use crate::on_both_databases;
use crate::passkeys;
use crate::social::{Browser, settings, upstream};
use crate::support::authenticator::Passkey;
use crate::support::upstream::Upstream;
use crate::support::{Answer, Client, Database, Mail, PASSWORD, Place, TestApp, email};

const OWN_PASSWORD: &str = "another-lantern-in-the-harbour";
/// The stranger's IP address.
const STRANGER: &str = "203.0.113.66";

/// How the owner of the address comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Link,
    Code,
    Reset,
    /// With a provider that verified the address.
    Provider,
}

const OWNERS: [Owner; 4] = [Owner::Link, Owner::Code, Owner::Reset, Owner::Provider];

/// A server, and a provider whose statements about addresses are trusted.
struct Scene {
    app: TestApp,
    acme: Upstream,
}

impl std::ops::Deref for Scene {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

async fn app(database: Database) -> Scene {
    let acme = upstream().await;
    let app = TestApp::with(database, |config| {
        config.log_in_by_mail = true;
        config.deletion_grace = Duration::from_hours(7 * 24);
        config.login_with.insert("acme".to_owned(), settings(&acme, true));
    })
    .await;
    Scene { app, acme }
}

/// The newest email to Ada with a link to this page.
async fn mail(app: &TestApp, page: &str) -> Mail {
    let mut mails = app.mails_to("ada").await;
    mails.retain(|mail| mail.link.as_ref().is_some_and(|link| link.contains(page)));
    mails.pop().unwrap_or_else(|| panic!("no mail leads to {page}"))
}

/// Ada was never here; somebody has signed up with her address.
async fn stranger(app: &TestApp) -> Client {
    app.sign_up("ada").await;
    app.stranger_at(STRANGER).log_in(&email("ada")).await
}

impl Owner {
    /// The response of the first step of the login.
    async fn first_step(self, app: &Scene) -> Answer {
        // Emails are sorted by time.
        app.advance(1);
        let address = json!({ "email": email("ada") });
        match self {
            Self::Link => {
                app.stranger().post("/login/link").json(&address).await.assert(202);
                let token = mail(app, "/account/log-in/link").await.token;
                app.stranger().post("/login/link/token").json(&json!({ "token": token })).await
            }
            Self::Code => {
                app.stranger().post("/login/link").json(&address).await.assert(202);
                let text = mail(app, "/account/log-in/link").await.text;
                let code = text.lines().find_map(|line| line.strip_prefix("    ")).unwrap().trim();
                let body = json!({ "email": email("ada"), "code": code });
                app.stranger().post("/login/code").json(&body).await
            }
            Self::Reset => {
                app.stranger().post("/password/forgot").json(&address).await.assert(202);
                let token = mail(app, "/account/reset").await.token;
                let body = json!({ "token": token, "password": OWN_PASSWORD });
                app.stranger().post("/password/reset").json(&body).await.assert(204);
                app.stranger().try_password(&email("ada"), OWN_PASSWORD).await
            }
            Self::Provider => panic!("it gives a browser its cookie"),
        }
    }

    /// Logs in without obstacles.
    async fn comes(self, app: &Scene) -> Client {
        if self == Self::Provider {
            let mut browser = Browser::new(app);
            browser.log_in_with("acme", &app.acme).await.assert(303);
            assert!(browser.is_logged_in().await);
            return browser.client();
        }
        let answer = self.first_step(app).await.assert(200).json();
        let client = app.stranger().with_token(answer["access_token"].as_str().unwrap());
        client.get("/profile").send().await.assert(200);
        client
    }
}

/// The rows of a table that belong to Ada's account.
async fn rows(app: &TestApp, table: &str) -> String {
    app.place
        .value(&format!("SELECT count(*) FROM {table} WHERE account_id = (SELECT id FROM accounts)"))
        .await
}

/// Tables with rows of an account that let somebody into it, or make that easier. The stranger's rows are deleted when the
/// owner of the address comes.
const WAYS_IN: [&str; 12] = [
    "api_keys",
    "identities",
    "known_addresses",
    "links",
    "logins",
    "passkeys",
    "recovery_codes",
    "remembered_devices",
    "sessions",
    "share_links",
    "totp",
    "totp_enrolments",
];
/// Tables with rows of an account that let nobody in.
const OTHERS: [&str; 6] =
    ["attribute_values", "grants", "invitations", "mails", "memberships", "profile_images"];

/// A new table is either a way into an account, and then `recovery/store.rs` closes it and a test here shows that, or it
/// is not.
#[tokio::test]
async fn l02_every_table_of_an_account_is_known_as_a_way_in_or_none() {
    let place = Place::begun(Database::Sqlite).await;
    let tables = "SELECT DISTINCT tables.name FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys
                  WHERE tables.type = 'table' AND keys.\"table\" = 'accounts' ORDER BY 1";
    let tables: Vec<_> = place.sql(tables).await.concat();
    let mut known = [WAYS_IN.as_slice(), &OTHERS].concat();
    known.sort_unstable();
    assert_eq!(tables, known);
}

on_both_databases! {
    async fn l02_class_1_the_password_of_whoever_signed_up_is_gone(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            stranger(&app).await;
            owner.comes(&app).await;
            app.stranger_at(STRANGER).try_password(&email("ada"), PASSWORD).await.assert(401);
            let has_password = app.place.value("SELECT count(password_hash) FROM accounts").await;
            assert_eq!(has_password, if owner == Owner::Reset { "1" } else { "0" }, "{owner:?}");
            let subjects: Vec<_> = app.mails_to("ada").await.into_iter().map(|mail| mail.subject).collect();
            let is_told = subjects.iter().any(|subject| subject == "Your Portcullis account was cleaned up");
            assert_eq!(is_told, owner != Owner::Reset, "{owner:?}: {subjects:?}");
            // Now the address is verified, and the next login takes nothing from its owner.
            let again = owner.comes(&app).await;
            if owner != Owner::Reset {
                assert_eq!(app.place.value("SELECT count(*) FROM audit_events WHERE event = 'account.seized'").await, "1");
            }
            again.get("/profile").send().await.assert(200);
        }
    }

    async fn l02_class_2_no_session_of_whoever_signed_up_lives_on(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let bearer = stranger(&app).await;
            let browser = app.stranger_at(STRANGER).log_in_with_cookie(&email("ada")).await;
            let form = [("username", "ada@example.com"), ("password", PASSWORD), ("scope", "account offline_access")];
            let tokens = app.stranger_at(STRANGER).post("/login").form(&form).await.assert(200).json();
            owner.comes(&app).await;
            bearer.get("/profile").send().await.assert(401);
            browser.get("/profile").send().await.assert(401);
            let form = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
            app.stranger_at(STRANGER).post("/token").form(&form).await.assert(400);
            let living = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
            assert_eq!(app.place.value(living).await, "1", "{owner:?}");
        }
    }

    async fn l02_beside_no_api_key_of_whoever_signed_up_opens_anything(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let body = json!({ "name": "trap", "scope": "profile:read" });
            let made = stranger(&app).await.post("/keys").json(&body).await.assert(201).json();
            let program = app.stranger_at(STRANGER).with_token(made["key"].as_str().unwrap());
            program.get("/profile").send().await.assert(200);
            // A link to a row of an application, too, lets in whoever has it.
            let (id, digest) = match database {
                Database::Sqlite => ("randomblob(16)", "randomblob(32)"),
                Database::Postgres => ("gen_random_uuid()", "sha256('x')"),
            };
            app.place.sql(&format!(
                "INSERT INTO share_links (id, digest, object_type, object_number, permission, given_by, created_at, expires_at)
                 SELECT {id}, {digest}, 'page', 1, 'page:read', id, 0, 9000000000000000 FROM accounts"
            )).await;
            owner.comes(&app).await;
            program.get("/profile").send().await.assert(401);
            assert_eq!(rows(&app, "api_keys").await, "0", "{owner:?}");
            assert_eq!(app.place.value("SELECT count(*) FROM share_links").await, "0", "{owner:?}");
        }
    }

    async fn l02_class_3_no_factor_of_whoever_signed_up_keeps_the_owner_out(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let stranger = stranger(&app).await;
            let phone = enrol(&app, &stranger).await;
            let waiting = first_step(&app, "ada").await;
            // One more key was shown, and waits for its first code.
            stranger.post("/factors/totp").send().await.assert(200);
            let own = owner.comes(&app).await;
            assert_eq!(own.get("/factors").send().await.assert(200).json()["totp"], json!(null));
            let late = second_step(&app.stranger_at(STRANGER), &waiting, &phone.code(&app)).await;
            assert_eq!(late.assert(401).json()["error"], "expired_token");
            for table in ["totp", "totp_enrolments", "recovery_codes", "logins"] {
                assert_eq!(rows(&app, table).await, "0", "{table}: {owner:?}");
            }
            let detail = "SELECT detail FROM audit_events WHERE event = 'account.seized'";
            assert!(app.place.value(detail).await.starts_with("authenticator app"), "{owner:?}");
        }
    }

    async fn l02_class_3_no_passkey_of_whoever_signed_up_lives_on(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let stranger = stranger(&app).await;
            let mut passkey = Passkey::new();
            passkeys::add(&stranger, &mut passkey).await;
            // One more was started.
            stranger.post("/passkeys/options").send().await.assert(200);
            owner.comes(&app).await;
            passkeys::refused(&passkeys::log_in(&app, &mut passkey).await);
            assert_eq!(rows(&app, "passkeys").await, "0", "{owner:?}");
            let detail = "SELECT detail FROM audit_events WHERE event = 'account.seized'";
            assert!(app.place.value(detail).await.contains("passkeys"), "{owner:?}");
        }
    }

    async fn l02_class_3_no_passkey_that_somebody_signed_up_with_lives_on(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let mut passkey = Passkey::new();
            passkeys::sign_up(&app, "ada", &mut passkey).await.assert(201);
            let answer = passkeys::log_in(&app, &mut passkey).await.assert(200).json();
            let maker = app.stranger().with_token(answer["access_token"].as_str().unwrap());
            owner.comes(&app).await;
            maker.get("/profile").send().await.assert(401);
            passkeys::refused(&passkeys::log_in(&app, &mut passkey).await);
            assert_eq!(rows(&app, "passkeys").await, "0", "{owner:?}");
        }
    }

    async fn l02_class_3_the_owner_enrols_an_app_of_their_own_where_one_is_required(database: Database) {
        for owner in [Owner::Link, Owner::Code, Owner::Reset] {
            let first = app(database).await;
            let stranger = stranger(&first).await;
            enrol(&first, &stranger).await;
            let mut config = first.place.config();
            config.log_in_by_mail = true;
            config.second_factor = SecondFactor::Required;
            let app = Scene { app: first.again_with(config).await, acme: first.acme };
            let asked = owner.first_step(&app).await.assert(401).json();
            assert_eq!(asked["error"], "mfa_enrollment_required", "{owner:?}");
            let token = json!({ "mfa_token": asked["mfa_token"] });
            let shown = app.stranger().post("/login/factor/totp").json(&token).await.assert(200).json();
            let own = Authenticator::of_key(shown["key"].as_str().unwrap());
            let token = asked["mfa_token"].as_str().unwrap();
            second_step(&app.stranger(), token, &own.code(&app)).await.assert(200);
        }
    }

    async fn l02_class_3_no_linked_account_of_whoever_signed_up_logs_in(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            app.sign_up("ada").await;
            let mut stranger = Browser::with_password(&app, "ada").await;
            app.acme.claim("sub", "eve");
            app.acme.claim("email", email("eve"));
            stranger.link("acme", &app.acme).await.assert(303);
            assert_eq!(rows(&app, "identities").await, "1");
            app.acme.claim("sub", "ada");
            app.acme.claim("email", email("ada"));
            let own = owner.comes(&app).await;
            assert!(!app.place.dump().await.contains("\"eve\""), "{owner:?}");
            // A login with that provider account now creates an account of its own.
            app.acme.claim("sub", "eve");
            app.acme.claim("email", email("eve"));
            let mut eve = Browser::new(&app);
            eve.log_in_with("acme", &app.acme).await.assert(303);
            let (own, eve) = (own.get("/profile").send().await.json(), eve.client().get("/profile").send().await.json());
            assert_ne!(own["id"], eve["id"], "{owner:?}");
        }
    }

    async fn l02_class_5_a_provider_that_proves_no_address_gives_nobody_an_account_with_it(database: Database) {
        let app = app(database).await;
        // The stranger comes first, with Ada's address and a provider that lets them claim it.
        app.acme.claim("sub", "eve");
        app.acme.claim("email_verified", false);
        let mut stranger = Browser::new(&app);
        stranger.log_in_with("acme", &app.acme).await.assert(200);
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");
        // Ada signs up, and confirms her address.
        app.sign_up("ada").await;
        Owner::Link.comes(&app).await;
        for _ in 0..2 {
            stranger.log_in_with("acme", &app.acme).await.assert(200);
            assert!(!stranger.is_logged_in().await);
        }
        assert_eq!(app.place.value("SELECT count(*) FROM identities").await, "0");
    }

    async fn l02_class_4_no_change_of_address_of_whoever_signed_up_goes_through(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let stranger = stranger(&app).await;
            stranger.call(Method::PUT, "/email").json(&json!({ "email": email("eve") })).await.assert(202);
            let trap = app.mails_to("eve").await.pop().unwrap().token.unwrap();
            owner.comes(&app).await;
            let used = app.stranger_at(STRANGER).post("/email/confirm").json(&json!({ "token": trap })).await;
            used.assert(410);
            assert_eq!(app.place.value("SELECT email FROM accounts").await, email("ada"), "{owner:?}");
            assert_eq!(rows(&app, "links").await, "0", "{owner:?}");
        }
    }

    async fn l02_beside_them_no_link_no_deletion_and_no_known_network_is_left(database: Database) {
        for owner in OWNERS {
            let app = app(database).await;
            let stranger = stranger(&app).await;
            let verify = mail(&app, "/account/verify").await.token;
            stranger.delete("/account").send().await.assert(202);
            assert_ne!(rows(&app, "known_addresses").await, "0");
            let known = "SELECT count(*) FROM known_addresses";
            let before = app.place.value(known).await;
            owner.comes(&app).await;
            app.stranger_at(STRANGER).post("/email/verify").json(&json!({ "token": verify })).await.assert(410);
            assert_eq!(app.place.value("SELECT count(deletion_due_at) FROM accounts").await, "0", "{owner:?}");
            // The owner's own.
            assert_eq!(app.place.value(known).await, "1", "{owner:?}, before: {before}");
        }
    }

    async fn l02_a_click_on_the_confirmation_keeps_the_account_of_whoever_signed_up(database: Database) {
        let app = app(database).await;
        let maker = stranger(&app).await;
        let mail = mail(&app, "/account/verify").await;
        assert!(mail.text.contains("If you did not sign up, do not confirm"), "{}", mail.text);
        let page = app.stranger().get(&format!("/account/verify?token={}", mail.token.as_ref().unwrap()));
        assert!(page.send().await.assert(200).text().contains("Did you create this account"));
        app.stranger().post("/email/verify").json(&json!({ "token": mail.token })).await.assert(204);
        // Confirming says that the sign-up was one's own, so nothing is removed, then or later.
        Owner::Link.comes(&app).await;
        maker.get("/profile").send().await.assert(200);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(200);
    }
}
