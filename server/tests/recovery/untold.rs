//! What a stranger's request does not reveal, and where an email goes whatever is sent.

use super::*;

async fn replies_to_forgot_or_link(app: &TestApp, path: &str, name: &str) -> Answer {
    app.stranger().post(path).json(&json!({ "email": email(name) })).await.assert(202)
}

on_both_databases! {
    async fn r07_the_mail_goes_to_the_stored_address_and_its_link_to_the_public_url(database: Database) {
        let app = without_limits(database).await;
        let body = json!({ "email": "Kiss@München.de", "full_name": "Ada", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(201);
        for path in ["/password/forgot", "/login/link"] {
            for (header, value) in [
                ("host", "evil.example"),
                ("x-forwarded-host", "evil.example"),
                ("forwarded", "host=evil.example;proto=https"),
                ("x-forwarded-proto", "https"),
                ("origin", "https://evil.example"),
            ] {
                let body = json!({ "email": "KISS@mu\u{308}nchen.DE" });
                app.stranger().post(path).header(header, value).json(&body).await.assert(202);
            }
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), 11);
        for mail in mails {
            assert_eq!(mail.to, "kiss@xn--mnchen-3ya.de");
            assert!(mail.link.unwrap().starts_with("http://localhost:8000/account/"));
            assert!(!mail.text.contains("evil") && !mail.html.contains("evil"));
        }
    }

    async fn r09_three_mails_to_an_address_and_twenty_of_a_source_in_an_hour(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ask = |at: usize, name: &'static str| {
            let call = app.stranger_at(&format!("198.51.100.{at}")).post("/password/forgot");
            async move { call.json(&json!({ "email": email(name) })).await.assert(202) }
        };
        let first = ask(1, "ada").await;
        for at in 2..7 {
            assert_eq!(comparable(&ask(at, "ada").await), comparable(&first));
        }
        // In addition to the sign-up's own, which has a count of its own.
        assert_eq!(app.mails_to("ada").await.len(), 1 + 3);
        app.advance(HOUR);
        ask(1, "ada").await;
        assert_eq!(app.mails_to("ada").await.len(), 1 + 4);
        app.advance(HOUR);
        for n in 0..24 {
            app.sign_up(&format!("user{n}")).await;
        }
        assert_eq!(app.mails().await.len(), 1 + 4 + 20);
    }

    async fn p13_where_sign_up_is_closed_nothing_opens_it(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Closed).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": PASSWORD });
        let form = [("email", "ada@example.com"), ("full_name", "Ada"), ("password", PASSWORD)];
        app.stranger().post("/signup").json(&body).await.assert(403);
        app.stranger().post("/signup").form(&form).await.assert(403);
        for kind in ["application/json; charset=utf-8", "multipart/form-data; boundary=x", "text/plain", "application/xml"] {
            app.stranger().post("/signup").header("content-type", kind).body(body.to_string()).await.assert(403);
        }
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD] {
            app.stranger().call(method, "/signup").send().await.assert(403);
        }
        assert_eq!(app.place.value("SELECT COUNT(*) FROM accounts").await, "0");
    }

    async fn e01_only_who_knows_the_password_learns_that_the_address_is_unconfirmed(database: Database) {
        let app = TestApp::with(database, |config| config.require_verified_email = true).await;
        app.sign_up("ada").await;
        app.advance(1);
        let wrong = app.stranger().try_password(&email("ada"), WRONG).await.assert(401);
        let unknown = app.stranger().try_password(&email("nobody"), WRONG).await.assert(401);
        assert_eq!(comparable(&wrong), comparable(&unknown));
        // The newer link that the rejection emails.
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(403);
        let token = mailed(&app, "ada", Verify).await;
        Verify.consume(&app, "ada", &token).await.assert(204);
        app.log_in("ada").await;
    }

    async fn e03_known_unknown_and_disabled_get_the_same_answer(database: Database) {
        let app = without_limits(database).await;
        app.sign_up("ada").await;
        confirmed(&app, "ada").await;
        let bob = app.sign_up("bob").await;
        app.disable(bob).await;
        let before = app.mails().await.len();
        app.advance(1);
        for path in ["/password/forgot", "/login/link"] {
            let known = replies_to_forgot_or_link(&app, path, "ada").await;
            for name in ["nobody", "bob"] {
                let answer = replies_to_forgot_or_link(&app, path, name).await;
                assert_eq!(comparable(&answer), comparable(&known), "{path} {name}");
            }
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), before + 2);
        assert!(mails.iter().skip(before).all(|mail| mail.to == email("ada")));

        let mut config = app.place.config();
        config.sign_up = SignUp::Quiet;
        let quiet = app.again_with(config).await;
        app.advance(1);
        let sign_up = |name| {
            let body = json!({ "email": email(name), "full_name": "Ada", "password": PASSWORD });
            let call = quiet.stranger().post("/signup");
            async move { call.json(&body).await.assert(202) }
        };
        let new = sign_up("carol").await;
        for taken in ["ada", "bob", "carol"] {
            assert_eq!(comparable(&sign_up(taken).await), comparable(&new), "{taken}");
        }
        assert_eq!(last_mail(&app, "ada").await.subject, "You already have an account at Portcullis");
    }

    async fn e03_after_a_quiet_sign_up_the_log_in_does_not_tell_either(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Quiet).await;
        let sign_up = async |name: &str, password: &str| {
            let body = json!({ "email": email(name), "full_name": name, "password": password });
            app.stranger().post("/signup").json(&body).await.assert(202);
        };
        sign_up("ada", PASSWORD).await;
        let token = mailed(&app, "ada", Verify).await;
        Verify.consume(&app, "ada", &token).await.assert(204);
        app.log_in("ada").await;

        // A stranger tries both addresses with a password of their own.
        sign_up("ada", NEW_PASSWORD).await;
        sign_up("free", NEW_PASSWORD).await;
        for turn in 0..11 {
            app.advance(1);
            let of_hers = app.stranger().try_password(&email("ada"), NEW_PASSWORD).await;
            let of_none = app.stranger().try_password(&email("free"), NEW_PASSWORD).await;
            assert_eq!(comparable(&of_hers), comparable(&of_none));
            assert_eq!(of_hers.status, if turn < 10 { 401 } else { 429 });
        }
        // The reader of the mailbox gets in.
        app.advance(15 * MINUTE + 1);
        let token = mailed(&app, "free", Verify).await;
        Verify.consume(&app, "free", &token).await.assert(204);
        app.stranger().try_password(&email("free"), NEW_PASSWORD).await.assert(200);
    }

    async fn l02_r03_who_signs_up_quietly_with_an_address_twice_keeps_no_password(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = SignUp::Quiet).await;
        let sign_up = async |password: &str| {
            let body = json!({ "email": email("ada"), "full_name": "Ada", "password": password });
            app.stranger().post("/signup").json(&body).await.assert(202);
        };
        // A stranger, twice, so that the owner of the address gets no more emails about it today.
        sign_up(PASSWORD).await;
        let of_the_stranger = mailed(&app, "ada", Verify).await;
        sign_up(PASSWORD).await;
        app.mails().await;
        sign_up(NEW_PASSWORD).await;
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        Verify.consume(&app, "ada", &of_the_stranger).await.assert(410);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        // The link sets the password of whoever reads there.
        let mails = app.mails_to("ada").await;
        assert!(mails.iter().any(|mail| mail.subject == "Choose a password for Portcullis"));
        let link = mailed(&app, "ada", Reset).await;
        Reset.consume(&app, "ada", &link).await.assert(204);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
    }

    async fn n02_a_strangers_sign_up_takes_nothing_from_accounts_that_others_made_or_use(database: Database) {
        let app = TestApp::with(database, |config| {
            config.sign_up = SignUp::Quiet;
            config.limits = false;
        })
        .await;
        let own = async |name: &str, change: &str| {
            let body = json!({ "email": email(name), "full_name": name, "password": PASSWORD });
            app.stranger().post("/signup").json(&body).await.assert(202);
            app.mails().await;
            app.place.sql(&format!("UPDATE accounts SET {change} WHERE email = '{}'", email(name))).await;
        };
        own("used", "last_login_at = 1").await;
        own("boss", "role = 'admin'").await;
        own("guest", "full_name = 'Guest'").await;
        app.place.sql("UPDATE links SET purpose = 'invitation' WHERE email = 'guest@example.com'").await;
        let before = snapshot(&app).await;
        for name in ["used", "boss", "guest"] {
            let body = json!({ "email": email(name), "full_name": "Eve", "password": NEW_PASSWORD });
            app.stranger().post("/signup").json(&body).await.assert(202);
            let mails = app.mails_to(name).await;
            assert!(mails.iter().any(|mail| mail.subject.contains("already have an account")), "{name}");
        }
        assert_eq!(snapshot(&app).await, before);
    }

    /// The owner confirms the first sign-up on one instance while the second one is answered on another.
    async fn l02_n01_a_confirmation_and_a_second_sign_up_meet_in_one_order(database: Database) {
        let quiet = |config: &mut portcullis_server::config::Config| {
            config.sign_up = SignUp::Quiet;
            config.limits = false;
        };
        let app = TestApp::with(database, quiet).await;
        let mut config = app.place.config();
        quiet(&mut config);
        let other = app.again_with(config).await;
        for round in 0..40 {
            let name = format!("ada{round}");
            let sign_up = async |password: &str| {
                let body = json!({ "email": email(&name), "full_name": "Ada", "password": password });
                app.stranger().post("/signup").json(&body).await.assert(202);
            };
            sign_up(PASSWORD).await;
            let first = mailed(&app, &name, Verify).await;
            sign_up(NEW_PASSWORD).await;
            let confirming = async {
                tokio::time::sleep(std::time::Duration::from_micros(round / 2 * 150)).await;
                Verify.consume(&other, &name, &first).await.status.as_u16()
            };
            let (status, answered) = join(confirming, app.app.deliver_due_mail()).await;
            answered.unwrap();
            let is_confirmed = status == 204;
            assert!(is_confirmed || status == 410, "{status}");
            let sql = format!(
                "SELECT count(email_verified_at), count(password_hash) FROM accounts WHERE email = '{}'",
                email(&name)
            );
            // Whoever confirms keeps the password that was there, and nobody else gets it.
            let expected = if is_confirmed { ["1", "1"] } else { ["0", "0"] };
            assert_eq!(app.place.sql(&sql).await, [expected], "round {round}");
            let status = app.stranger().try_password(&email(&name), PASSWORD).await.status.as_u16();
            assert_eq!(status == 200, is_confirmed, "round {round}");
        }
    }

    async fn questions_are_answered_while_the_mail_server_is_away(database: Database) {
        let app = TestApp::with(database, |config| {
            // Nothing listens there.
            config.mail.transport = "smtp://127.0.0.1:9".parse().unwrap();
        })
        .await;
        app.sign_up("ada").await;
        app.app.deliver_due_mail().await.unwrap();
        forgot(&app, "nobody").await.assert(202);
        forgot(&app, "ada").await.assert(202);
        app.app.deliver_due_mail().await.unwrap();
        assert_eq!(app.place.value("SELECT count(*) FROM mails WHERE is_question").await, "0");
        assert_eq!(app.place.value("SELECT count(*) FROM links WHERE purpose = 'reset_password'").await, "1");
        assert_eq!(app.place.value("SELECT count(*) FROM mails").await, "2");
    }

    async fn e03_an_unknown_address_takes_as_long(database: Database) {
        let app = without_limits(database).await;
        app.sign_up("ada").await;
        app.sign_up("bob").await;
        for path in ["/password/forgot", "/login/link"] {
            let ask = async |email: &str| {
                app.stranger().post(path).json(&json!({ "email": email })).await.assert(202);
            };
            timing::takes_as_long("ada", "nobody", async |email| {
                // The previous request's email is delivered before the time is taken, and the same request precedes
                // each.
                app.app.deliver_due_mail().await.unwrap();
                ask("bob@example.com").await;
                app.app.deliver_due_mail().await.unwrap();
                timing::timed(ask(&email)).await.0
            })
            .await;
        }
    }
}
