//! `portcullis doctor`: its report on a healthy server and on a broken one, and the test email.

use crate::on_both_databases;
use crate::support::process::{Ended, Server, finish, program};
use crate::support::smtp::{Aiosmtpd, Mood, Smtp};
use crate::support::upstream::Upstream;
use crate::support::{Database, Place};

async fn doctor(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = program(place);
    command.arg("doctor").args(arguments).envs(variables.iter().copied());
    finish(command, "").await
}

/// The line about a check.
#[track_caller]
fn line<'e>(ended: &'e Ended, what: &str) -> &'e str {
    let is_about = |line: &&str| line.get(6..).is_some_and(|rest| rest.starts_with(what));
    ended.out.lines().find(is_about).unwrap_or_else(|| panic!("{what}: {ended:?}"))
}

on_both_databases! {
    async fn doctor_says_that_all_is_well_also_beside_a_server(database: Database) {
        let place = Place::begun(database).await;
        for _ in 0..2 {
            let ended = doctor(&place, &[], &[]).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            for what in ["data", "secret key", "database", "signing keys", "pictures", "mail folder", "mail queue"] {
                assert!(line(&ended, what).starts_with("ok "), "{ended:?}");
            }
            assert!(line(&ended, "mail  ").contains("nobody receives these emails"), "{ended:?}");
            assert!(line(&ended, "mail  ").starts_with("warn "), "{ended:?}");
        }
        let server = Server::start(&place).await;
        assert_eq!(doctor(&place, &[], &[]).await.code, Some(0));
        server.stop().await;
    }

    async fn doctor_asks_each_login_provider(database: Database) {
        let place = Place::begun(database).await;
        let upstream = Upstream::start(0).await;
        let with = |name: &'static str, issuer: &str| {
            [("CLIENT_ID", "1"), ("CLIENT_SECRET", "hunter2-secret"), ("ISSUER", issuer), ("PRIVATE_NETWORK", "on")]
                .map(|(key, value)| (format!("PORTCULLIS_LOGIN_WITH_{name}_{key}"), value.to_owned()))
        };
        let variables: Vec<_> =
            with("ACME", &upstream.url).into_iter().chain(with("GITHUB", "http://127.0.0.1:1")).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ended = doctor(&place, &[], &variables).await;
        let acme = line(&ended, "login with acme");
        let register = "register the redirect URI http://localhost:8000/log-in/with/acme/callback";
        assert!(acme.starts_with("ok ") && acme.contains(register), "{ended:?}");
        let github = line(&ended, "login with github");
        assert!(github.starts_with("FAIL ") && github.contains("github: the provider:"), "{ended:?}");
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
        // A contradictory configuration prevents the start, and the message names the setting.
        let ended = doctor(&place, &[], &[("PORTCULLIS_LOGIN_WITH_APPLE_CLIENT_ID", "1")]).await;
        assert!(line(&ended, "start").contains("login_with.apple.team_id"), "{ended:?}");
        let ended = doctor(&place, &["--login-with", "google.client=1"], &[]).await;
        assert!(ended.code != Some(0) && format!("{ended:?}").contains("is not a setting of a provider"), "{ended:?}");
    }

    async fn doctor_says_what_is_broken_and_what_to_do(database: Database) {
        let place = Place::begun(database).await;
        let file = place.data_dir().join("file");
        std::fs::write(&file, "no folder").unwrap();
        let url = format!("file://{}", file.display());
        let ended = doctor(&place, &[], &[("PORTCULLIS_MAIL_URL", &url)]).await;
        assert_eq!((ended.code, line(&ended, "mail folder").starts_with("FAIL ")), (Some(1), true), "{ended:?}");
        assert!(ended.err.contains("one check failed"), "{ended:?}");

        // Nothing sends the email, because the server is not running.
        let server = Server::start_by(&place, {
            let mut command = program(&place);
            command.env("PORTCULLIS_MAIL_URL", &url);
            command
        })
        .await;
        server.remote().sign_up("ada").await;
        server.stop().await;
        place.sql("UPDATE mails SET created_at = created_at - 7200000000").await;
        let ended = doctor(&place, &[], &[]).await;
        let queue = line(&ended, "mail queue");
        assert!(queue.starts_with("FAIL ") && queue.contains("1 waiting") && queue.contains("Is a server running?"), "{queue}");
        assert_eq!(ended.code, Some(1), "{ended:?}");

        // Another secret key than the one that encrypted the signing keys.
        let other = Place::begun(Database::Sqlite).await;
        std::fs::copy(other.data_dir().join("secret.key"), place.data_dir().join("secret.key")).unwrap();
        let ended = doctor(&place, &[], &[]).await;
        assert_eq!((ended.code, line(&ended, "start").starts_with("FAIL ")), (Some(1), true), "{ended:?}");
    }

    async fn doctor_sends_a_trial_mail_and_tells_each_step(database: Database) {
        let place = Place::begun(database).await;
        let ended = doctor(&place, &["mail", "bob@example.com"], &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(line(&ended, "sender").starts_with("warn ") && ended.out.contains("no-reply@localhost"), "{ended:?}");
        let plain = [("PORTCULLIS_MAIL_URL", "smtp://relay.invalid"), ("PORTCULLIS_MAIL_DANGEROUS_PLAIN_TEXT", "on")];
        let warned = doctor(&place, &[], &plain).await;
        assert!(line(&warned, "mail  ").starts_with("warn ") && warned.out.contains("take over accounts"), "{warned:?}");
        assert!(ended.out.contains(".eml"), "{ended:?}");
        let mails = place.mails();
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, "bob@example.com"), "{mails:?}");
        assert!(mails[0].subject.starts_with("A test email"), "{mails:?}");

        let smtp = Aiosmtpd::start("starttls", Some("PLAIN")).await;
        let certificate = smtp.certificate();
        let trial = async |url: &str| {
            let variables = [("PORTCULLIS_MAIL_URL", url), ("SSL_CERT_FILE", certificate.to_str().unwrap())];
            doctor(&place, &["mail", "bob@example.com"], &variables).await
        };
        let url = smtp.url("smtp", true);
        let ended = trial(&url).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for step in ["connected to 127.0.0.2:", "TLS: TLSv1_3, the certificate is valid", "logged in as ana@shop.example", "250 taken", "check the spam folder"] {
            assert!(ended.out.contains(step), "{step}: {ended:?}");
        }
        assert_eq!(smtp.takes(1).await[0].to, ["bob@example.com"]);

        let wrong = url.replace("91@", "92@");
        let ended = trial(&wrong).await;
        assert_ne!(wrong, url);
        assert_eq!((ended.code, ended.out.contains("AUTH: the server responded 535")), (Some(1), true), "{ended:?}");
        assert!(!format!("{ended:?}").contains("canary"), "{ended:?}");
    }

    async fn doctor_repeats_the_words_of_a_mail_server_that_refuses(database: Database) {
        let place = Place::begun(database).await;
        let smtp = Smtp::start(Mood::Says("RCPT", b"554-5.7.1 <bob@example.com>:\x1b[2K\r\n554 we know you not\r\n")).await;
        let ended = doctor(&place, &["mail", "bob@example.com"], &[("PORTCULLIS_MAIL_URL", &smtp.url())]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let said = "RCPT TO: the server responded 554: it said “554 5.7.1 <bob@example.com>:[2K / we know you not”";
        assert!(ended.out.contains(said), "{ended:?}");
        assert!(!ended.out.contains('\x1b'), "{ended:?}");
        assert_eq!(place.value("SELECT count(*) FROM mails").await, "0", "a trial is not queued");
    }
}
