//! Email: queued with the event, sent once, as plain text and HTML, to nobody else.

use crate::on_both_databases;
use crate::support::{Answer, PASSWORD, TestApp, email};

/// Uses a refresh token after its successor was used. Its owner is notified by email.
async fn replay(app: &TestApp, name: &str) {
    let login = app.stranger().post("/login").form_owned(&email(name), PASSWORD, "offline_access").await;
    let first = refresh_token(&login.assert(200));
    let second = refresh_token(&refresh(app, &first).await.assert(200));
    refresh(app, &second).await.assert(200);
    refresh(app, &first).await.assert(400);
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    app.stranger().post("/token").form(&form).await
}

on_both_databases! {
    async fn a_mail_is_queued_with_its_event_and_sent_once(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        replay(&app, "ada").await;
        let mut mails = app.mails_to("ada").await;
        mails.retain(|mail| !mail.subject.starts_with("Confirm"));
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!(mails[0].subject, "A session at Portcullis was ended");
        assert_eq!(mails[0].header("Auto-Submitted"), "auto-generated");
        assert_eq!(mails[0].link.as_deref(), Some("http://localhost:8000/account/sessions"));
        assert_eq!(mails[0].token, None);
        for part in [&mails[0].text, &mails[0].html] {
            assert!(part.contains("Hello ada,"), "{part}");
        }
        app.advance(3600 * 24);
        assert_eq!(app.app.deliver_due_mail().await.unwrap(), 0);
        assert_eq!(app.place.value("SELECT count(*) FROM mails").await, "0");
    }

    async fn a_sign_up_is_mailed_in_the_language_that_the_request_reads(database: Database) {
        let app = TestApp::new(database).await;
        for (name, accept, subject) in [
            ("ada", "de-AT, en;q=0.5", "Bestätigen"),
            ("ben", "fr, en;q=0.3", "Confirm"),
            ("cyd", "x", "Confirm"),
        ] {
            let body = serde_json::json!({ "email": email(name), "full_name": name, "password": PASSWORD });
            app.stranger().post("/signup").header("accept-language", accept).json(&body).await.assert(201);
            let mails = app.mails_to(name).await;
            assert!(mails[0].subject.starts_with(subject), "{accept}: {mails:?}");
        }
    }
}
