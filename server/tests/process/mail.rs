//! Email between processes: TLS and its certificates, several instances, a kill in the middle, and what the log
//! contains.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::process::Command;

use crate::on_both_databases;
use crate::support::process::{PATIENCE, Server, eventually, finish, program};
use crate::support::remote::exchange;
use crate::support::smtp::{Aiosmtpd, CREDENTIALS, Mood, Smtp, Taken, queue_is_empty};
use crate::support::{Database, Place, email};

/// The program, configured to send its email there.
fn mailing(place: &Place, url: &str) -> Command {
    let mut command = program(place);
    command.env("PORTCULLIS_MAIL_URL", url).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    command
}

/// The last error of the queue, once there is one.
async fn problem(place: &Place) -> String {
    let look =
        async || Some(place.value("SELECT last_error FROM mails").await).filter(|noted| !noted.is_empty());
    eventually("an attempt fails", PATIENCE, look).await
}

/// Instead of waiting for the next attempt.
async fn all_is_due(place: &Place) {
    place.sql("UPDATE mails SET next_attempt_at = created_at").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r06_no_form_of_a_request_moves_a_link_to_another_host() {
    let place = Place::new(Database::Sqlite).await;
    let server = Server::start(&place).await;
    server.remote().sign_up("ada").await;
    let body = json!({ "email": email("ada") }).to_string();
    for (target, hosts) in [
        ("http://evil.example/password/forgot", "Host: evil.example\r\n"),
        ("/password/forgot", "Host: evil.example\r\n"),
        ("/password/forgot", "Host: evil.example\r\nHost: localhost\r\n"),
        ("/password/forgot", "Host: localhost\r\nHost: evil.example\r\n"),
    ] {
        let request = format!(
            "POST {target} HTTP/1.1\r\n{hosts}Content-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(server.address(), request.as_bytes()).await.unwrap();
        // Accepted, or rejected as a malformed request.
        assert!([202, 400].contains(&answer.status.as_u16()), "{target} {hosts}: {}", answer.status);
    }
    eventually("the links are mailed", PATIENCE, async || (place.mails().len() >= 3).then_some(())).await;
    server.stop().await;
    let asked: Vec<_> = place
        .mails()
        .into_iter()
        .filter(|mail| mail.link.as_ref().is_some_and(|link| link.contains("reset")))
        .collect();
    assert!(!asked.is_empty());
    for mail in place.mails() {
        assert!(mail.link.unwrap().starts_with("http://localhost:8000/"), "{}", mail.text);
        assert!(!mail.text.contains("evil") && !mail.html.contains("evil"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g03_a_certificate_that_nobody_vouches_for_gets_neither_mail_nor_password() {
    for (tls, scheme, auth) in [("implicit", "smtps", "PLAIN"), ("starttls", "smtp", "LOGIN")] {
        let place = Place::new(Database::Sqlite).await;
        let smtp = Aiosmtpd::start(tls, Some(auth)).await;
        let url = smtp.url(scheme, true);
        let mut server = Server::start_by(&place, mailing(&place, &url)).await;
        server.remote().sign_up("ada").await;
        let noted = problem(&place).await;
        assert!(noted.starts_with("TLS: ") && noted.contains("SSL_CERT_FILE"), "{noted}");
        let mut doctor = mailing(&place, &url);
        doctor.arg("doctor");
        let seen = finish(doctor, "").await;
        assert!(
            seen.out.contains("1 waiting, 1 of them tried before") && seen.out.contains(&noted),
            "{seen:?}"
        );
        server.kill().await;
        assert!(smtp.taken().is_empty(), "{:?}", smtp.taken());

        // The same with the name of the certificate authority.
        let mut command = mailing(&place, &url);
        command.env("SSL_CERT_FILE", smtp.certificate()).args(["--log", "trace"]);
        let server = Server::start_by(&place, command).await;
        all_is_due(&place).await;
        let taken = smtp.takes(1).await;
        assert_eq!((taken[0].encrypted, taken[0].user.as_deref()), (true, Some(CREDENTIALS[0])), "{taken:?}");
        assert_eq!(taken[0].to, [email("ada")]);
        queue_is_empty(&place).await;
        log_is_silent(&server, &smtp).await;
    }
}

/// Sends every email that contains a secret, and searches for it in a log at the most verbose level.
async fn log_is_silent(server: &Server, smtp: &Aiosmtpd) {
    let remote = server.remote();
    let ada = json!({ "email": email("ada") });
    remote.post("/password/forgot").json(&ada).await.unwrap().assert(202);
    let mails: Vec<_> = smtp.takes(2).await.iter().map(Taken::mail).collect();
    let mut secrets: Vec<String> = mails.iter().filter_map(|mail| mail.token.clone()).collect();
    assert_eq!(secrets.len(), 2, "{mails:?}");
    secrets.extend(mails.iter().map(|mail| mail.subject.clone()));
    secrets.extend([email("ada"), "Hello Ada".to_owned(), CREDENTIALS[1].to_owned()]);
    secrets.push(STANDARD.encode(CREDENTIALS[1]));
    secrets.push(STANDARD.encode(format!("\0{}\0{}", CREDENTIALS[0], CREDENTIALS[1])));
    let said = server.said();
    assert!(said.contains("a mail was sent"), "{said}");
    let shown: Vec<_> = secrets.iter().filter(|secret| said.contains(*secret)).collect();
    assert!(shown.is_empty(), "{shown:?} in {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_in_clear_beyond_this_computer() {
    // It offers no STARTTLS, and 127.0.0.2 counts as another computer.
    let smtp = Smtp::start_at("127.0.0.2", Mood::Takes).await;
    let place = Place::new(Database::Sqlite).await;
    let server = Server::start_by(&place, mailing(&place, &smtp.url())).await;
    server.remote().sign_up("ada").await;
    let noted = problem(&place).await;
    assert!(noted.contains("does not offer TLS"), "{noted}");
    assert_eq!(smtp.heard(), ["EHLO localhost"]);
}

on_both_databases! {
    async fn k06_two_instances_send_each_of_fifty_mails_once(database: Database) {
        let place = Place::new(database).await;
        let smtp = Smtp::start(Mood::Takes).await;
        let start = || {
            let mut command = mailing(&place, &smtp.url());
            // All come from one address, which may request twenty an hour.
            command.env("PORTCULLIS_LIMITS", "off");
            Server::start_by(&place, command)
        };
        let (one, other) = tokio::join!(start(), start());
        let servers = [one, other];
        let sign_ups: Vec<_> = (0..50)
            .map(|number| {
                let remote = servers[number % 2].remote();
                tokio::spawn(async move { remote.sign_up(&format!("user-{number}")).await })
            })
            .collect();
        for sign_up in sign_ups {
            sign_up.await.unwrap();
        }
        queue_is_empty(&place).await;
        let taken = smtp.taken();
        let to: BTreeSet<_> = taken.iter().map(|taken| taken.to.concat()).collect();
        assert_eq!((taken.len(), to.len()), (50, 50));
    }

    async fn k06_a_clean_stop_finishes_the_mail_in_hand_and_takes_no_other(database: Database) {
        const MAILS: usize = 10;
        let place = Place::new(database).await;
        let smtp = Smtp::start(Mood::Pauses("text")).await;
        let start = || Server::start_by(&place, mailing(&place, &smtp.url()));
        let server = start().await;
        for number in 0..MAILS {
            server.remote().sign_up(&format!("user-{number}")).await;
        }
        smtp.hears("text").await;
        let began = std::time::Instant::now();
        server.stop().await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let before = smtp.taken().len();
        assert!((1..MAILS).contains(&before), "{before}");
        smtp.turns(Mood::Takes);
        let _next = start().await;
        eventually("the rest is sent soon", Duration::from_secs(15), async || {
            (place.value("SELECT count(*) FROM mails").await == "0").then_some(())
        })
        .await;
        let taken = smtp.taken();
        let to: BTreeSet<_> = taken.iter().map(|taken| taken.to.concat()).collect();
        assert_eq!((taken.len(), to.len()), (MAILS, MAILS), "{before} before the stop");
    }

    async fn k06_a_mail_that_a_killed_instance_was_sending_another_sends(database: Database) {
        let place = Place::new(database).await;
        let smtp = Smtp::start(Mood::Hangs("text")).await;
        let mut server = Server::start_by(&place, mailing(&place, &smtp.url())).await;
        server.remote().sign_up("ada").await;
        smtp.hears("text").await;
        server.kill().await;
        assert_eq!(place.value("SELECT count(*) FROM mails WHERE attempts = 1").await, "1");
        smtp.turns(Mood::Takes);
        let _other = Server::start_by(&place, mailing(&place, &smtp.url())).await;
        // The dead instance still holds the lease.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(smtp.taken().is_empty());
        all_is_due(&place).await;
        queue_is_empty(&place).await;
        let taken = smtp.taken();
        assert_eq!(taken.iter().map(|taken| taken.to.concat()).collect::<Vec<_>>(), [email("ada")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k06_a_reset_that_a_killed_instance_was_looking_up_is_mailed_by_the_next() {
    let place = Place::new(Database::Postgres).await;
    let mut server = Server::start(&place).await;
    server.remote().sign_up("ada").await;
    queue_is_empty(&place).await;
    let (held, sent) = (place.clone(), place.mails().len());
    // The job that looks up the account waits for its row.
    let lock = tokio::spawn(async move {
        held.sql("SELECT pg_sleep(4)::text FROM (SELECT 1 FROM accounts FOR UPDATE) held").await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let body = json!({ "email": email("ada") });
    server.remote().post("/password/forgot").json(&body).await.unwrap().assert(202);
    // The worker checks once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.kill().await;
    let _next = Server::start(&place).await;
    lock.await.unwrap();
    let mailed = async || (place.mails().len() > sent).then_some(());
    eventually("the reset is mailed, no lease awaited", Duration::from_secs(10), mailed).await;
}
