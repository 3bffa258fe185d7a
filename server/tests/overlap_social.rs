//! Logins with other providers that come back while the account is taken out of the caller's hands: nothing of them may be
//! alive afterwards. On two instances, in many moments.

use std::time::Duration;

use futures_util::future::join;
use portcullis_server::accounts::AccountId;
use portcullis_server::client::Client as Acting;
use portcullis_server::{By, admin, leaving};
use serde_json::json;
use tokio::time::sleep;

use crate::on_both_databases;
use crate::social::{Browser, with_acme};
use crate::support::upstream::Upstream;
use crate::support::{Answer, Database, TestApp, email};

const ROUNDS: u64 = 12;
const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";

/// Two instances, and a provider that vouches for addresses.
async fn instances(database: Database) -> (TestApp, TestApp, Upstream) {
    let (app, acme) = with_acme(database, true, |config| {
        config.limits = false;
        config.log_in_by_mail = true;
        config.database.connections = 8;
    })
    .await;
    let other = app.again().await;
    (app, other, acme)
}

/// Makes the provider vouch for somebody, who has an account here with that identity: the account, and its browser.
async fn person(app: &TestApp, acme: &Upstream, name: &str) -> (AccountId, Browser) {
    acme.claim("sub", name);
    acme.claim("email", email(name));
    let mut browser = Browser::new(app);
    browser.log_in_with("acme", acme).await.assert(303);
    let id = app.place.value(&format!("SELECT id FROM accounts WHERE email = '{}'", email(name))).await;
    (AccountId::new(id.parse().unwrap()), browser)
}

async fn living(app: &TestApp, account: AccountId) -> String {
    let sql = format!("SELECT count(*) FROM sessions WHERE ended_at IS NULL AND account_id = {account}");
    app.place.value(&sql).await
}

/// From the same moment to some milliseconds later.
async fn meet<T>(
    round: u64,
    come_back: impl Future<Output = Answer>,
    end: impl Future<Output = T>,
) -> (Answer, T) {
    let step = Duration::from_millis(round / 2 * 3);
    let (first, second) =
        if round.is_multiple_of(2) { (Duration::ZERO, step) } else { (step, Duration::ZERO) };
    let both = join(
        async {
            sleep(first).await;
            come_back.await
        },
        async {
            sleep(second).await;
            end.await
        },
    );
    let (answer, ended) = Box::pin(both).await;
    assert_ne!(answer.status.as_u16(), 503);
    (answer, ended)
}

on_both_databases! {
    async fn n01_no_login_with_a_provider_outlives_disabling_or_deletion(database: Database) {
        let (app, other, acme) = instances(database).await;
        let operator = Acting::local("operator");
        for round in 0..ROUNDS {
            let name = format!("ada{round}");
            let (id, _) = person(&app, &acme, &name).await;
            let mut again = Browser::new(&app);
            let params = acme.agree(&again.press("/account/log-in/with/acme").await);
            let disable = admin::set_active(&other.app, id, false, By::operator(&operator));
            let (_, disabled) = meet(round, again.come_back("acme", &params), disable).await;
            disabled.unwrap();
            assert_eq!(living(&app, id).await, "0", "{round}");
            assert!(!again.is_logged_in().await);

            let name = format!("bob{round}");
            let (id, _) = person(&app, &acme, &name).await;
            let mut again = Browser::new(&app);
            let params = acme.agree(&again.press("/account/log-in/with/acme").await);
            let delete = leaving::delete(&other.app, id, By::operator(&operator));
            let (_, deleted) = meet(round, again.come_back("acme", &params), delete).await;
            deleted.unwrap();
            // After the deletion, it is the sign-up of another account.
            for table in ["sessions", "identities"] {
                let left = format!("SELECT count(*) FROM {table} WHERE account_id = {id}");
                assert_eq!(app.place.value(&left).await, "0", "{table} {round}");
            }
        }
    }

    async fn n01_nothing_is_linked_to_an_account_that_is_seized(database: Database) {
        let (app, other, acme) = instances(database).await;
        for round in 0..ROUNDS {
            // Somebody made an account with Ada's address, which nobody confirmed.
            let name = format!("ada{round}");
            let (id, mut maker) = person(&app, &acme, &name).await;
            app.place.sql(&format!("UPDATE accounts SET email_verified_at = NULL WHERE id = {id}")).await;
            app.stranger().post("/password/forgot").json(&json!({ "email": email(&name) })).await.assert(202);
            let reset = app.mails_to(&name).await.into_iter().rev().find(|mail| {
                mail.link.as_ref().is_some_and(|link| link.contains("/account/reset"))
            });
            acme.claim("sub", format!("maker-{round}"));
            let params = acme.agree(&maker.press("/account/linked/with/acme").await);
            let body = json!({ "token": reset.unwrap().token, "password": NEW_PASSWORD });
            let owner = other.stranger();
            let take = async { owner.post("/password/reset").json(&body).await };
            let (_, taken) = meet(round, maker.come_back("acme", &params), take).await;
            taken.assert(204);
            let left = format!("SELECT count(*) FROM identities WHERE account_id = {id}");
            assert_eq!(app.place.value(&left).await, "0", "{round}");
            assert_eq!(living(&app, id).await, "0", "{round}");
            assert!(!maker.is_logged_in().await);
        }
    }

    async fn n01_a_link_and_a_confirmation_need_their_session_to_the_end(database: Database) {
        let (app, other, acme) = instances(database).await;
        for round in 0..ROUNDS {
            let name = format!("ada{round}");
            let (id, mut thief) = person(&app, &acme, &name).await;
            let (_, owner) = person(&app, &acme, &name).await;
            let linking = acme.agree(&thief.press("/account/linked/with/acme").await);
            let confirming = acme.agree(&thief.press("/account/confirm/with/acme").await);
            let owner = other.stranger().with_cookie(&format!("__Host-portcullis={}", owner.jar["__Host-portcullis"]));
            let params = if round % 4 < 2 { &linking } else { &confirming };
            let end = async { owner.delete("/sessions").send().await };
            let (_, ended) = meet(round, thief.come_back("acme", params), end).await;
            // The confirmation begins a session in the place of the thief's, before all others end or not at all.
            ended.assert(204);
            assert_eq!(living(&app, id).await, "1", "{round}: the owner's");
            assert!(!thief.is_logged_in().await);
        }
    }
}
