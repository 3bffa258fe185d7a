//! What revokes keys. The next request is affected, on every instance.

use portcullis_server::leaving;

use super::*;

const NEW_PASSWORD: &str = "another-lantern-in-the-harbour";

/// A link in the newest email to somebody.
async fn token(app: &TestApp, name: &str, page: &str) -> String {
    let mails = app.mails_to(name).await;
    let is_it = |link: &&String| link.contains(page);
    mails.iter().rev().find_map(|mail| mail.link.as_ref().filter(is_it).and(mail.token.clone())).unwrap()
}

async fn reset(app: &TestApp, name: &str) {
    app.stranger().post("/password/forgot").json(&json!({ "email": email(name) })).await.assert(202);
    let token = token(app, name, "/account/reset?").await;
    let body = json!({ "token": token, "password": NEW_PASSWORD });
    app.stranger().post("/password/reset").json(&body).await.assert(204);
}

async fn confirm(app: &TestApp, name: &str) {
    let token = token(app, name, "/account/verify?").await;
    app.stranger().post("/email/verify").json(&json!({ "token": token })).await.assert(204);
}

async fn change_email(app: &TestApp, owner: &Client, to: &str) {
    let call = owner.call(http::Method::PUT, "/email");
    call.json(&json!({ "email": email(to) })).await.assert(202);
    let token = token(app, to, "/account/email/confirm?").await;
    app.advance(1);
    app.stranger().post("/email/confirm").json(&json!({ "token": token })).await.assert(204);
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Reset,
    ChangePassword,
    OperatorsPassword,
    Undo,
    Disable,
    Delete,
    ScheduleDeletion,
    Administrator,
    LogInByMail,
}

impl Ending {
    async fn happen(self, app: &TestApp, owner: &Client, id: i64, root: &Client) {
        let operator = Acting::local("operator");
        match self {
            Self::Reset => reset(app, "ada").await,
            Self::ChangePassword => {
                let body = json!({ "current_password": PASSWORD, "password": NEW_PASSWORD });
                owner.call(http::Method::PUT, "/password").json(&body).await.assert(200);
            }
            Self::OperatorsPassword => app.set_password(id, NEW_PASSWORD).await,
            Self::Undo => {
                let token = token(app, "ada", "/account/email/undo?").await;
                app.stranger().post("/email/undo").json(&json!({ "token": token })).await.assert(204);
            }
            Self::Disable => app.disable(id).await,
            Self::Delete => {
                leaving::delete(&app.app, AccountId::new(id), By::operator(&operator)).await.unwrap();
            }
            Self::ScheduleDeletion => {
                owner.delete("/account").send().await.assert(202);
            }
            Self::Administrator => {
                root.delete(&format!("/admin/accounts/{id}/keys")).send().await.assert(204);
            }
            Self::LogInByMail => {
                app.stranger().post("/login/link").json(&json!({ "email": email("ada") })).await.assert(202);
                let token = token(app, "ada", "/account/log-in/link?").await;
                app.stranger().post("/login/link/token").json(&json!({ "token": token })).await.assert(200);
            }
        }
    }
}

on_both_databases! {
    async fn h02_s08_n01_whoever_takes_an_account_back_ends_its_keys(database: Database) {
        for ending in [
            Ending::Reset, Ending::ChangePassword, Ending::OperatorsPassword, Ending::Undo, Ending::Disable,
            Ending::Delete, Ending::ScheduleDeletion, Ending::Administrator, Ending::LogInByMail,
        ] {
            let app = TestApp::with(database, |config| {
                config.limits = false;
                config.log_in_by_mail = true;
                config.deletion_grace = Duration::from_hours(24);
            })
            .await;
            let other = app.again().await;
            let root = app.sign_up("root").await;
            set_role(&app, root, Role::Admin).await;
            let root = app.stranger().log_in_with_cookie(&email("root")).await;
            let id = app.sign_up("ada").await;
            let owner = app.log_in("ada").await;
            // The reader of an unconfirmed address may not be the one who signed up, so it is confirmed first.
            if !matches!(ending, Ending::LogInByMail) {
                confirm(&app, "ada").await;
            }
            if matches!(ending, Ending::Undo) {
                change_email(&app, &owner, "thief").await;
            }
            let owner = match ending {
                Ending::Undo => app.log_in("thief").await,
                _ => owner,
            };
            let key = text(&created(&owner, "key", "profile:read").await);
            for instance in [&app, &other] {
                program(instance, &key).get("/profile").await.assert(200);
            }
            ending.happen(&app, &owner, id, &root).await;
            for instance in [&other, &app] {
                let refused = program(instance, &key).get("/profile").await;
                assert_eq!(refused.status.as_u16(), 401, "{ending:?}");
            }
            if matches!(ending, Ending::Disable) {
                app.enable(id).await;
                program(&app, &key).get("/profile").await.assert(401);
            }
        }
    }

    async fn a_key_is_no_session_and_outlives_them(database: Database) {
        let app = TestApp::new(database).await;
        let id = app.sign_up("ada").await;
        let ada = app.log_in("ada").await;
        let key = text(&created(&ada, "key", "profile:read").await);
        ada.delete("/sessions").send().await.assert(204);
        ada.post("/logout").send().await.assert(204);
        program(&app, &key).get("/profile").await.assert(200);
        let root = app.sign_up("root").await;
        set_role(&app, root, Role::Admin).await;
        let root = app.stranger().log_in_with_cookie(&email("root")).await;
        root.delete(&format!("/admin/accounts/{id}/sessions")).send().await.assert(204);
        program(&app, &key).get("/profile").await.assert(200);
        let seen = root.get(&format!("/admin/accounts/{id}")).send().await.assert(200).json();
        assert_eq!(seen["api_keys"][0]["name"], "key");
        assert!(!seen.to_string().contains(key.split('_').nth(2).unwrap()), "h06");
    }

    /// s08: a key whose account was disabled directly in the database.
    async fn s08_a_key_of_a_disabled_account_opens_nothing(database: Database) {
        let app = TestApp::new(database).await;
        let ada = app.as_user("ada").await;
        let key = text(&created(&ada, "key", "profile:read").await);
        app.place.sql("UPDATE accounts SET is_active = FALSE").await;
        program(&app, &key).get("/profile").await.assert(401);
    }
}
