//! The SMTP client, with an independent server and with one that misbehaves.

use std::time::Duration;

use serde_json::json;

use crate::on_both_databases;
use crate::support::process::eventually;
use crate::support::smtp::{Aiosmtpd, Mood, Smtp};
use crate::support::{Database, PASSWORD, TestApp};

/// Longer than the longest delay between two attempts.
const NEXT_ATTEMPT: u64 = 3700;

async fn sending_to(database: Database, url: &str) -> TestApp {
    TestApp::with(database, |config| config.mail.transport = url.parse().unwrap()).await
}

/// Sends all due emails.
async fn all_sent(app: &TestApp) {
    eventually("all is sent", Duration::from_secs(30), async || {
        app.app.deliver_due_mail().await.unwrap();
        (app.place.value("SELECT count(*) FROM mails").await == "0").then_some(())
    })
    .await;
}

on_both_databases! {
    async fn a01_a_sign_up_is_mailed_over_smtp_to_the_stored_address_alone(database: Database) {
        let server = Aiosmtpd::start("none", None).await;
        let app = sending_to(database, &server.url("plain", false)).await;
        // When encoded, its dots begin lines of their own.
        let name = format!("Äö{}", ".".repeat(62));
        let body = json!({ "email": "Ada@EXAMPLE.com", "full_name": name, "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(201);
        all_sent(&app).await;
        let taken = server.takes(1).await;
        assert_eq!(taken.len(), 1, "{taken:?}");
        let stored = app.place.value("SELECT email FROM accounts").await;
        assert_eq!(taken[0].to, std::slice::from_ref(&stored));
        assert_eq!((taken[0].from.as_str(), taken[0].hello.as_str()), ("no-reply@localhost", "localhost"));
        let raw = &taken[0].raw;
        assert!(raw.lines().any(|line| line.starts_with("..")), "no line begins with dots: {raw}");
        assert!(raw.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{raw:?}");
        let mail = taken[0].mail();
        assert_eq!(mail.to, stored);
        for part in [&mail.text, &mail.html] {
            assert!(part.contains(&format!("Hello {name},")), "{part}");
            assert!(part.contains(mail.link.as_ref().unwrap()), "{part}");
        }
    }

    async fn whatever_a_mail_server_does_no_mail_is_lost(database: Database) {
        let refusals = [
            (Mood::Says("greeting", b"421 too busy\r\n"), "greeting: the server responded 421"),
            (Mood::Says("greeting", b"\xff\xfe\0garbage\r\n"), "greeting: this is not an SMTP reply"),
            (Mood::Says("greeting", b"HTTP/1.1 400 Bad Request\r\n\r\n"), "greeting: this is not an SMTP reply"),
            (Mood::Endless("greeting"), "greeting: the line has no end"),
            (Mood::Drops("greeting"), "greeting: "),
            (Mood::Says("EHLO", b"250-a\r\n550 b\r\n"), "EHLO: one reply has two codes"),
            (Mood::Drops("EHLO"), "EHLO: "),
            (Mood::Says("MAIL", b"\r\n"), "MAIL FROM: this is not an SMTP reply"),
            (Mood::Says("MAIL", b"999 what\r\n"), "MAIL FROM: this is not an SMTP reply"),
            (Mood::Says("RCPT", b"450 later, ada@example.com\r\n"), "RCPT TO: the server responded 450"),
            (Mood::Says("MAIL", b"530 Must issue a STARTTLS command first\r\n"), "MAIL FROM: the server responded 530"),
            (Mood::Drops("DATA"), "DATA: "),
            (Mood::Says("DATA", b"250 odd\r\n"), "DATA: the server responded 250"),
            (Mood::Drops("text"), "the mail's text: "),
            (Mood::Endless("text"), "the mail's text: the line has no end"),
            (Mood::Says("text", b"452 full\r\n"), "the mail's text: the server responded 452"),
        ];
        let server = Smtp::start(refusals[0].0).await;
        let app = sending_to(database, &server.url()).await;
        app.sign_up("ada").await;
        for (mood, problem) in refusals {
            server.turns(mood);
            app.advance(NEXT_ATTEMPT);
            assert_eq!(app.app.deliver_due_mail().await.unwrap(), 0, "{mood:?}");
            let noted = app.place.value("SELECT last_error FROM mails WHERE failed_at IS NULL").await;
            assert!(noted.starts_with(problem), "{mood:?}: {noted}");
            // The server's message may repeat the address.
            assert!(!noted.contains("ada"), "{noted}");
        }
        assert!(server.taken().is_empty(), "{:?}", server.taken());
        server.turns(Mood::Takes);
        app.advance(NEXT_ATTEMPT);
        all_sent(&app).await;
        let taken = server.taken();
        assert_eq!(taken.iter().map(|taken| taken.to.concat()).collect::<Vec<_>>(), ["ada@example.com"]);
    }

    async fn a_final_refusal_ends_the_mail_and_is_in_the_audit_trail(database: Database) {
        let server = Smtp::start(Mood::Says("RCPT", b"550 5.1.1 no ada@example.com here\r\n")).await;
        let app = sending_to(database, &server.url()).await;
        app.sign_up("ada").await;
        app.app.deliver_due_mail().await.unwrap();
        let failed = "SELECT count(*) FROM mails WHERE failed_at IS NOT NULL AND last_error = 'RCPT TO: the server \
            responded 550'";
        assert_eq!(app.place.value(failed).await, "1");
        let audited = "SELECT count(*) FROM audit_events WHERE event = 'account.mail_refused' AND account_id = 1 AND \
            actor = 'mail'";
        assert_eq!(app.place.value(audited).await, "1");
        server.turns(Mood::Takes);
        app.advance(NEXT_ATTEMPT);
        assert_eq!(app.app.deliver_due_mail().await.unwrap(), 0, "it is not tried again");
    }

    async fn a_password_and_mail_to_others_are_not_sent_in_clear(database: Database) {
        // To the client, 127.0.0.2 is not this computer.
        let server = Smtp::start_at("127.0.0.2", Mood::Takes).await;
        let with_password = server.url().replace("//", "//ana:canary@");
        let here = Smtp::start(Mood::Takes).await.url().replace("//", "//ana:canary@");
        for (url, is_allowed, problem) in [
            (server.url(), false, "STARTTLS: the server does not offer TLS, and email is not sent"),
            (with_password, true, "STARTTLS: the server does not offer TLS, and a password is never sent"),
            (here, false, "STARTTLS: the server does not offer TLS, and a password is never sent"),
        ] {
            let app = TestApp::with(database, |config| {
                let transport: portcullis_server::mail::Transport = url.parse().unwrap();
                config.mail.transport = if is_allowed { transport.dangerous_plain_text() } else { transport };
            })
            .await;
            app.sign_up("ada").await;
            assert_eq!(app.app.deliver_due_mail().await.unwrap(), 0);
            let noted = app.place.value("SELECT last_error FROM mails").await;
            assert!(noted.starts_with(problem), "{noted}");
        }
        assert!(!server.heard().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));

        let app = TestApp::with(database, |config| {
            config.mail.transport = server.url().parse::<portcullis_server::mail::Transport>().unwrap().dangerous_plain_text();
        })
        .await;
        app.sign_up("ada").await;
        all_sent(&app).await;
        assert_eq!(server.taken().len(), 1);
    }

    async fn starttls_is_used_within_this_computer_where_it_is_offered(database: Database) {
        let server = Smtp::start(Mood::Says("EHLO", b"250-here\r\n250 STARTTLS\r\n")).await;
        let app = sending_to(database, &server.url()).await;
        app.sign_up("ada").await;
        app.app.deliver_due_mail().await.unwrap();
        assert!(server.heard().iter().any(|line| line == "STARTTLS"), "{:?}", server.heard());
    }

    /// The system rarely trusts a local server's certificate. An attacker who could impersonate that server, on this
    /// computer, could also simply not offer TLS. But a password is only sent to a server with a valid certificate.
    async fn a_certificate_within_this_computer_need_not_be_trusted_but_for_a_password(database: Database) {
        let server = Aiosmtpd::start("offered", None).await;
        let app = sending_to(database, &server.url("plain", false)).await;
        app.sign_up("ada").await;
        all_sent(&app).await;
        let taken = server.takes(1).await;
        assert!(!taken[0].encrypted, "{taken:?}");

        let app = sending_to(database, &server.url("plain", true)).await;
        app.sign_up("ada").await;
        assert_eq!(app.app.deliver_due_mail().await.unwrap(), 0);
        let noted = app.place.value("SELECT last_error FROM mails").await;
        assert!(noted.starts_with("TLS: ") && noted.contains("SSL_CERT_FILE"), "{noted}");
        assert_eq!(server.taken().len(), 1);
    }

    async fn a_mail_that_is_refused_for_itself_does_not_stop_the_others(database: Database) {
        let server = Smtp::start(Mood::Says("MAIL", b"451 later\r\n")).await;
        let app = sending_to(database, &server.url()).await;
        for name in ["ada", "bob", "eve"] {
            app.sign_up(name).await;
        }
        app.app.deliver_due_mail().await.unwrap();
        // Each was tried, not only the first one.
        assert_eq!(app.place.value("SELECT count(*) FROM mails WHERE attempts = 1").await, "3");
        server.turns(Mood::Takes);
        app.advance(NEXT_ATTEMPT);
        all_sent(&app).await;
        let mut to: Vec<_> = server.taken().into_iter().map(|taken| taken.to.concat()).collect();
        to.sort();
        assert_eq!(to, ["ada@example.com", "bob@example.com", "eve@example.com"]);
    }
}
