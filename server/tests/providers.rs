//! Each kind of provider from the button to the session, through the routes: what it answers, what it leaves out, and what
//! somebody else answers in its place.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::social::{
    Browser, arrived, callback, code_to, count, done, settings, token_of, upstream, with_acme,
};
use crate::support::upstream::{Canned, Sign, Upstream};
use crate::support::{Answer, Database, TestApp};

/// A server where one can log in with this provider of the table, which `upstream` plays.
async fn with_provider(database: Database, name: &str) -> (TestApp, Upstream) {
    let upstream = upstream().await;
    let app = TestApp::with(database, |config| {
        config.limits = false;
        config.login_with.insert(name.to_owned(), settings(&upstream, false));
    });
    (app.await, upstream)
}

/// A server with Apple, whose key is in the folder.
async fn with_apple(database: Database) -> (TestApp, Upstream, tempfile::TempDir) {
    let (apple, folder) = (upstream().await, tempfile::tempdir().unwrap());
    apple
        .tell()
        .metadata
        .insert("token_endpoint_auth_methods_supported".to_owned(), json!(["client_secret_post"]));
    let file = folder.path().join("AuthKey_F6G7H8I9J0.p8");
    std::fs::write(&file, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()).unwrap();
    let mut settings = settings(&apple, false);
    settings.client_secret = None;
    settings.team_id = Some("A1B2C3D4E5".to_owned());
    settings.key_id = Some("F6G7H8I9J0".to_owned());
    settings.key_file = Some(file);
    let app = TestApp::with(database, |config| drop(config.login_with.insert("apple".to_owned(), settings)));
    (app.await, apple, folder)
}

/// What the provider's page does with its response: a form that the browser posts from there, with no cookie of ours that
/// is `SameSite=Lax`.
async fn post_from_elsewhere(app: &TestApp, form: &HashMap<String, String>) -> Answer {
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let call = app.stranger().post(&callback("apple")).header("sec-fetch-site", "cross-site");
    call.header("origin", "https://appleid.apple.com").form(&form).await
}

/// Sets members of what the token endpoint answers.
fn answer_tokens(provider: &Upstream, tokens: &Value) {
    provider.tell().tokens.clone_from(tokens.as_object().unwrap());
}

async fn sessions(app: &TestApp) -> String {
    count(app, "sessions").await
}

on_both_databases! {
    async fn l04_apple_posts_across_sites_and_the_browser_itself_shows_its_cookie(database: Database) {
        let (app, apple, _folder) = with_apple(database).await;
        apple.claim("email", "x7k@privaterelay.appleid.com");
        apple.claim("email_verified", "true");
        apple.claim("name", Value::Null);
        let mut ada = Browser::new(&app);
        // The cookie of the attempt does not go along with a form that another site posts.
        let asked = ada.client().post("/account/log-in/with/apple").form(&[]).await.assert(200);
        let cookies = asked.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let attempts: Vec<_> = cookies.filter(|cookie| cookie.contains("portcullis-with-")).collect();
        assert!(attempts.len() == 1 && attempts[0].contains("; SameSite=Lax") && attempts[0].contains("; HttpOnly"));
        let url = ada.press("/account/log-in/with/apple").await;
        assert!(url.contains("response_mode=form_post"), "{url}");
        let mut form = apple.agree(&url);
        let user = json!({ "name": { "firstName": "Ada", "lastName": "Lovelace" }, "email": "victim@example.com" });
        form.insert("user".to_owned(), user.to_string());
        let posted = post_from_elsewhere(&app, &form).await.assert(303);
        let back = posted.header("location").to_owned();
        assert_eq!(back, format!("{}?state={}", callback("apple"), form["state"]));
        assert!(posted.header("set-cookie").is_empty());
        assert_eq!((sessions(&app).await, apple.got("/token").len()), ("0".to_owned(), 0), "nothing is done yet");
        // The code is kept sealed, and is neither replaced nor asked for by anybody else.
        assert!(!app.place.dump().await.contains(&form["code"]));
        let mut other = form.clone();
        other.insert("code".to_owned(), "code-of-eve".to_owned());
        post_from_elsewhere(&app, &other).await.assert(404);
        done(&Browser::new(&app).get(&back).await, "/account/log-in", "login-expired");
        arrived(&ada.get(&back).await);
        let profile = ada.client().get("/profile").send().await.assert(200).json();
        assert_eq!(
            (&profile["full_name"], &profile["email"]),
            (&json!("Ada Lovelace"), &json!("x7k@privaterelay.appleid.com")),
            "the name of the form, which anybody can write; the address of the token, which Apple signs"
        );
        // Once.
        post_from_elsewhere(&app, &form).await.assert(404);
        done(&ada.get(&back).await, "/account/linked", "login-expired");
        assert_eq!((sessions(&app).await, count(&app, "accounts").await), ("1".to_owned(), "1".to_owned()));
        // A later name changes nothing.
        let mut again = Browser::new(&app);
        let mut form = apple.agree(&again.press("/account/log-in/with/apple").await);
        form.insert("user".to_owned(), json!({ "name": { "firstName": "Eve" } }).to_string());
        let back = post_from_elsewhere(&app, &form).await.assert(303).header("location").to_owned();
        arrived(&again.get(&back).await);
        assert_eq!(again.client().get("/profile").send().await.json()["full_name"], "Ada Lovelace");
    }

    async fn l04_a_posted_answer_needs_its_state_and_what_is_not_posted_is_not_looked_at(database: Database) {
        let (app, apple, _folder) = with_apple(database).await;
        let mut ada = Browser::new(&app);
        let form = apple.agree(&ada.press("/account/log-in/with/apple").await);
        for state in ["", "x", &"x".repeat(300)] {
            let mut wrong = form.clone();
            wrong.insert("state".to_owned(), state.to_owned());
            post_from_elsewhere(&app, &wrong).await.assert(404);
        }
        // By the query instead, as from a page that got hold of a code.
        done(&ada.come_back("apple", &form).await, "/account/log-in", "login-expired");
        assert!(apple.got("/token").is_empty());
        // The person says no: Apple posts that too.
        let form = apple.agree(&ada.press("/account/log-in/with/apple").await);
        let no = HashMap::from([
            ("state".to_owned(), form["state"].clone()),
            ("error".to_owned(), "user_cancelled_authorize".to_owned()),
        ]);
        let back = post_from_elsewhere(&app, &no).await.assert(303).header("location").to_owned();
        done(&ada.get(&back).await, "/account/log-in", "with-denied");
        // It expires as every attempt does.
        let form = apple.agree(&ada.press("/account/log-in/with/apple").await);
        app.advance(600);
        post_from_elsewhere(&app, &form).await.assert(404);
        assert_eq!(sessions(&app).await, "0");
    }

    async fn l04_of_many_that_come_back_with_one_posted_answer_one_logs_in(database: Database) {
        let (app, apple, _folder) = with_apple(database).await;
        let mut ada = Browser::new(&app);
        let form = apple.agree(&ada.press("/account/log-in/with/apple").await);
        let posts = join_all((0..8).map(|_| post_from_elsewhere(&app, &form))).await;
        let mut posts: Vec<_> = posts.iter().map(|answer| answer.status.as_u16()).collect();
        posts.sort_unstable();
        assert_eq!(posts, [303, 404, 404, 404, 404, 404, 404, 404]);
        let back = format!("{}?state={}", callback("apple"), form["state"]);
        join_all((0..8).map(|_| {
            let (mut ada, back) = (ada.clone(), back.clone());
            async move { ada.get(&back).await }
        }))
        .await;
        assert_eq!((sessions(&app).await, apple.got("/token").len()), ("1".to_owned(), 1));
    }

    async fn l01_l03_github_is_known_by_a_number_and_its_primary_verified_address(database: Database) {
        let (app, github) = with_provider(database, "github").await;
        answer_tokens(&github, &json!({ "access_token": "gho_x", "token_type": "bearer", "id_token": null }));
        let user = json!({ "login": "octocat", "id": 583_231, "name": "The Octocat", "email": "shown@example.com" });
        github.answers("/api/v3/user", Canned::json(&user));
        let emails = json!([
            { "email": "old@example.com", "primary": false, "verified": true },
            { "email": "octocat@example.com", "primary": true, "verified": true },
        ]);
        github.answers("/api/v3/user/emails", Canned::json(&emails));
        let mut browser = Browser::new(&app);
        let url = browser.press("/account/log-in/with/github").await;
        let mut params = github.agree(&url);
        // As since 2026, and not as somebody else's.
        params.insert("iss".to_owned(), format!("{}/login/oauth", github.url));
        arrived(&browser.come_back("github", &params).await);
        assert_eq!(browser.client().get("/profile").send().await.json()["email"], "octocat@example.com");
        assert_eq!(app.place.value("SELECT subject FROM identities").await, "583231");
        // The login name changes hands; the number is the person.
        let user = json!({ "login": "octocat", "id": 1, "name": "Another Octocat", "email": null });
        github.answers("/api/v3/user", Canned::json(&user));
        github.answers("/api/v3/user/emails", Canned::json(&json!([])));
        let asked = Browser::new(&app).log_in_with("github", &github).await.assert(200).text();
        assert!(asked.contains("name=\"email\""), "no address: it is asked for, and the first account is not entered");
        assert_eq!(count(&app, "accounts").await, "1");
    }

    async fn l03_facebook_and_discord_without_a_proved_address_get_a_code(database: Database) {
        let token = json!({ "access_token": "x", "token_type": "bearer", "id_token": null });
        for (name, path, user) in [
            ("facebook", "/me", json!({ "id": "10158112233445566", "name": "Ada", "email": "ada@example.com" })),
            ("discord", "/api/users/@me", json!({ "id": "80351110224678912", "username": "ada", "email": "ada@example.com", "verified": false })),
        ] {
            let (app, provider) = with_provider(database, name).await;
            app.sign_up("ada").await;
            app.place.sql("UPDATE accounts SET email_verified_at = 1").await;
            answer_tokens(&provider, &token);
            provider.answers(path, Canned::json(&user));
            let mut browser = Browser::new(&app);
            let asked = browser.log_in_with(name, &provider).await;
            let token = token_of(&asked);
            assert!(!browser.is_logged_in().await, "{name}");
            let code = code_to(&app, "ada").await;
            arrived(&browser.post("/account/log-in/prove/code", &[("token", &token), ("code", &code)]).await);
            assert_eq!((count(&app, "accounts").await, count(&app, "identities").await), ("1".into(), "1".into()));
        }
    }

    async fn l03_only_true_of_a_trusted_issuer_proves_an_address(database: Database) {
        for trust in [true, false] {
            let (app, acme) = with_acme(database, trust, |config| config.limits = false).await;
            let cases = [json!(false), Value::Null, json!("true"), json!(1), json!([true]), json!(true)];
            for (at, verified) in cases.into_iter().enumerate() {
                acme.claim("sub", format!("person-{at}"));
                acme.claim("email", format!("person-{at}@example.com"));
                acme.claim("email_verified", verified.clone());
                let mut browser = Browser::new(&app);
                let answer = browser.log_in_with("acme", &acme).await;
                let is_proved = trust && verified == json!(true);
                assert_eq!(browser.is_logged_in().await, is_proved, "{trust} {verified}");
                if !is_proved {
                    token_of(&answer);
                }
            }
            assert_eq!(count(&app, "accounts").await, if trust { "1" } else { "0" });
        }
    }

    async fn l05_a_response_or_metadata_of_another_issuer_log_nobody_in(database: Database) {
        let (app, acme) = with_acme(database, true, |config| config.limits = false).await;
        let mut ada = Browser::new(&app);
        // RFC 9207: the response names somebody else, or nobody where the metadata promise a name.
        let mut params = acme.agree(&ada.press("/account/log-in/with/acme").await);
        params.insert("iss".to_owned(), "https://evil.example".to_owned());
        done(&ada.come_back("acme", &params).await, "/account/log-in", "with-invalid");
        assert!(acme.got("/token").is_empty(), "the code was not sent anywhere");
        let mut params = acme.agree(&ada.press("/account/log-in/with/acme").await);
        params.insert("iss".to_owned(), acme.url.clone());
        arrived(&ada.come_back("acme", &params).await);

        let (app, acme) = with_acme(database, true, |config| config.limits = false).await;
        acme.tell().metadata.insert("authorization_response_iss_parameter_supported".to_owned(), true.into());
        done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-invalid");
        assert!(acme.got("/token").is_empty());

        // Metadata of another issuer (ASVS 10.5.3): nobody is sent there at all.
        let (app, acme) = with_acme(database, true, |config| config.limits = false).await;
        acme.tell().metadata.insert("issuer".to_owned(), "https://evil.example".into());
        let answer = Browser::new(&app).post("/account/log-in/with/acme", &[]).await;
        done(&answer, "/account/log-in", "with-invalid");
        assert_eq!(sessions(&app).await, "0");
    }

    async fn l04_l06_an_id_token_that_fails_a_check_logs_nobody_in(database: Database) {
        let (app, acme) = with_acme(database, true, |config| config.limits = false).await;
        let now = acme.tell().now;
        let cases: [(&str, Value); 12] = [
            ("nonce", Value::Null),
            ("nonce", json!("another")),
            ("iss", json!("https://evil.example")),
            ("aud", json!("another-client")),
            ("aud", json!(["portcullis-client", "another-client"])),
            ("aud", Value::Null),
            ("exp", json!(now - 61)),
            ("exp", Value::Null),
            ("iat", Value::Null),
            ("iat", json!(now + 120)),
            ("sub", Value::Null),
            ("sub", json!("")),
        ];
        for (claim, value) in cases {
            acme.claim(claim, value.clone());
            let mut browser = Browser::new(&app);
            done(&browser.log_in_with("acme", &acme).await, "/account/log-in", "with-invalid");
            assert!(!browser.is_logged_in().await, "{claim} {value}");
            acme.tell().claims.clear();
        }
        for sign in [Sign::Nothing, Sign::Hs256, Sign::Strange] {
            acme.tell().sign = sign;
            done(&Browser::new(&app).log_in_with("acme", &acme).await, "/account/log-in", "with-invalid");
        }
        acme.tell().sign = Sign::Es256;
        assert_eq!((sessions(&app).await, count(&app, "accounts").await), ("0".to_owned(), "0".to_owned()));
        arrived(&Browser::new(&app).log_in_with("acme", &acme).await);
        // A log of the operator says which check failed; the person is not told.
        let failed = "SELECT count(*) FROM audit_events WHERE event = 'session.provider_log_in_failed'";
        assert_eq!(app.place.value(failed).await, "15");
    }

    async fn l06_whatever_a_provider_answers_instead_logs_nobody_in_within_ten_seconds(database: Database) {
        let (app, acme) = with_acme(database, true, |config| config.limits = false).await;
        let html = "<html><body>Log in to the hotel's network</body></html>";
        let redirect = Canned {
            headers: vec![("location", "https://evil.example".to_owned())],
            ..Canned::new(302, "text/html", "")
        };
        let silent = Canned { silence: Duration::from_mins(1), ..Canned::json(&json!({})) };
        for canned in [
            Canned::json(&json!({})),
            Canned::json(&Value::Null),
            Canned::json(&json!({ "error": "invalid_grant" })),
            Canned::json(&json!({ "access_token": "x", "token_type": "Bearer" })),
            Canned::new(200, "text/html", html),
            Canned::new(503, "text/html", html),
            redirect,
            Canned::json(&json!({ "x": "y".repeat(10 << 20) })),
            silent,
        ] {
            let mut browser = Browser::new(&app);
            let params = acme.agree(&browser.press("/account/log-in/with/acme").await);
            acme.answers("/token", canned);
            let begun = Instant::now();
            let answer = browser.come_back("acme", &params).await.assert(303);
            assert!(begun.elapsed() < Duration::from_secs(13), "{:?}", begun.elapsed());
            let location = answer.header("location");
            let words = ["/account/log-in?done=with-invalid", "/account/log-in?done=with-unavailable"];
            assert!(words.contains(&location), "{location}");
            assert!(!browser.is_logged_in().await);
            // The attempt is used: pressing the button again begins another one.
            done(&browser.come_back("acme", &params).await, "/account/log-in", "login-expired");
            acme.tell().answers.clear();
        }
        assert_eq!((sessions(&app).await, count(&app, "accounts").await), ("0".to_owned(), "0".to_owned()));
        // An empty profile of one that has no ID token is nobody, and never the same somebody (GHSA-5hvv-9cqv-894r).
        let (app, github) = with_provider(database, "github").await;
        answer_tokens(&github, &json!({ "id_token": null }));
        github.answers("/api/v3/user/emails", Canned::json(&json!([])));
        for profile in [json!({}), Value::Null, json!({ "id": null }), json!({ "id": "" }), json!({ "message": "Bad credentials" })] {
            github.answers("/api/v3/user", Canned::json(&profile));
            done(&Browser::new(&app).log_in_with("github", &github).await, "/account/log-in", "with-invalid");
        }
        assert_eq!((count(&app, "identities").await, count(&app, "link_proofs").await), ("0".to_owned(), "0".to_owned()));
    }
}
