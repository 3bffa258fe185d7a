//! The pages: forms that work without JavaScript, and only for their own visitors.

use http::Method;

use crate::on_both_databases;
use crate::support::{Answer, Client, PASSWORD, TestApp, email};

/// A form sent from a page of ours.
async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    let call = client.post(path);
    // A client with a cookie sets the header itself.
    let call = if client.has_cookie() { call } else { call.header("sec-fetch-site", "same-origin") };
    call.form(form).await
}

async fn page(client: &Client, path: &str) -> Answer {
    client.get(path).send().await
}

/// Logs in with the page, and returns the browser.
async fn browser(app: &TestApp, name: &str) -> Client {
    let form = [("email", email(name)), ("password", PASSWORD.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = post(&app.stranger(), "/account/log-in", &form).await.assert(303);
    app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap())
}

/// The token of the newest email to somebody whose subject begins like this.
async fn token(app: &TestApp, name: &str, subject: &str) -> String {
    let mails = app.mails_to(name).await;
    let mail = mails.into_iter().rev().find(|mail| mail.subject.starts_with(subject));
    mail.unwrap_or_else(|| panic!("no mail {subject:?}")).token.unwrap()
}

on_both_databases! {
    async fn c01_one_signs_up_logs_out_and_logs_in_by_forms(database: Database) {
        let app = TestApp::new(database).await;
        assert_eq!(page(&app.stranger(), "/").await.assert(303).header("location"), "/account");
        assert_eq!(page(&app.stranger(), "/account").await.assert(303).header("location"), "/account/log-in?next=%2Faccount");
        page(&app.stranger(), "/account/sign-up").await.assert(200);
        let form = [("full_name", "Ada Lovelace"), ("email", "ada@example.com"), ("password", PASSWORD), ("next", "")];
        let answer = post(&app.stranger(), "/account/sign-up", &form).await.assert(303);
        assert_eq!(answer.header("location"), "/account/log-in?next=%2Faccount%3Fdone%3Dwelcome&arrived=yes");
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.starts_with("__Host-portcullis=") && cookie.contains("; HttpOnly") && cookie.contains("; Secure") && cookie.contains("SameSite=Lax"), "{cookie}");
        let ada = app.stranger().with_cookie(cookie.split(';').next().unwrap());
        let account = page(&ada, "/account").await.assert(200);
        assert!(account.text().contains("Ada Lovelace") && account.text().contains("ada@example.com"));
        assert_eq!(account.header("cache-control"), "no-store");
        // One session, two transports: the JSON routes accept the cookie too.
        ada.get("/profile").send().await.assert(200);

        let out = post(&ada, "/account/log-out", &[]).await.assert(303);
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        page(&ada, "/account").await.assert(303);
        let again = browser(&app, "ada").await;
        page(&again, "/account").await.assert(200);
    }

    async fn a_failed_form_keeps_what_was_typed_but_no_password(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let form = [("full_name", "Eve <b>"), ("email", "ada@example.com"), ("password", PASSWORD), ("next", "/shop")];
        let taken = post(&app.stranger(), "/account/sign-up", &form).await.assert(409);
        let text = taken.text();
        assert!(text.contains("Eve &#60;b&#62;") && text.contains("value=\"ada@example.com\"") && text.contains("value=\"/shop\""), "{text}");
        assert!(!text.contains(PASSWORD) && !text.contains("<b>"));
        assert!(text.contains("id=\"email-fault\"") && text.contains("aria-invalid=\"true\""));
        let weak = post(&app.stranger(), "/account/sign-up", &[("full_name", ""), ("email", "no"), ("password", "short")]).await.assert(422);
        for fault in ["full_name-fault", "email-fault", "password-fault"] {
            assert!(weak.text().contains(fault), "{fault}");
        }
        let wrong = post(&app.stranger(), "/account/log-in", &[("email", "ada@example.com"), ("password", "wrong-password-1")]).await.assert(401);
        let unknown = post(&app.stranger(), "/account/log-in", &[("email", "eve@example.com"), ("password", "wrong-password-1")]).await.assert(401);
        // e01: each page has a passkey challenge of its own.
        let without_challenge = |page: &str| {
            let (before, after) = page.split_once("challenge&#34;:&#34;").unwrap();
            format!("{before}{}", after.get(96..).unwrap())
        };
        let (wrong_page, unknown_page) = (wrong.text().replace("ada@", "eve@"), unknown.text());
        assert_eq!(without_challenge(&wrong_page), without_challenge(&unknown_page));
        assert!(!wrong.text().contains("wrong-password-1"));
        post(&app.stranger(), "/account/log-in", &[("email", ""), ("password", "")]).await.assert(422);
    }

    async fn c02_no_form_of_another_site_does_anything(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        let forms = ["/account/log-in", "/account/log-out", "/account/sign-up", "/account/profile", "/account/picture/remove", "/account/email",
            "/account/password", "/account/delete", "/account/delete/call-back", "/account/export", "/account/email/verification", "/account/sessions/end-others",
            "/account/forgotten", "/account/reset", "/account/verify", "/account/email/confirm", "/account/confirm"];
        let fields = [("full_name", "Eve"), ("email", "ada@example.com"), ("password", PASSWORD), ("sure", "yes")];
        for path in forms {
            for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null"), ("origin", "https://evil.example")] {
                let call = app.stranger().post(path).header("cookie", ada.cookie()).header(name, value);
                let refused = call.form(&fields).await.assert(403);
                assert!(!refused.header("set-cookie").contains("__Host-portcullis=ey"), "{path}");
            }
            app.stranger().post(path).header("cookie", ada.cookie()).form(&fields).await.assert(403);
        }
        let account = page(&ada, "/account").await.assert(200);
        assert!(account.text().contains("value=\"ada\""), "{}", account.text());
    }

    async fn c04_a_page_loads_nothing_from_elsewhere_and_runs_one_script_of_ours(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        let visits = [(&ada, "/account"), (&ada, "/account/sessions"), (&ada, "/account/confirm"), (&ada, "/account/nowhere")];
        let stranger = app.stranger();
        let public = ["/account/log-in", "/account/sign-up", "/account/forgotten", "/account/reset?token=x", "/account/verify?token=x"];
        for (client, path) in visits.into_iter().chain(public.map(|path| (&stranger, path))) {
            let answer = page(client, path).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && policy.contains("script-src 'self';"), "{path}: {policy}");
            for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"] {
                assert!(policy.contains(part), "{path}: {policy}");
            }
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            let text = answer.text();
            assert!(text.starts_with("<!doctype html>") && text.contains("<html lang=\"en\">"), "{path}");
            assert_eq!(text.matches("<script").count(), 1, "{path}");
            assert!(text.contains("<script src=\"/assets/pages-") && text.contains(".js\" defer></script>"), "{path}");
            for forbidden in [" style=", "javascript:", "http://", "https://", "onclick"] {
                assert!(!text.contains(forbidden), "{path} holds {forbidden}");
            }
        }
        let log_in = page(&stranger, "/account/log-in").await.text();
        let script = log_in.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
        let script = page(&stranger, script).await.assert(200);
        assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
        // Text must never become markup or code.
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "setTimeout", "fetch(", "localStorage"] {
            assert!(!script.text().contains(sink), "{sink}");
        }
        let sheet = log_in;
        let sheet = sheet.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let css = page(&stranger, &sheet).await.assert(200);
        assert_eq!(css.header("content-type"), "text/css; charset=utf-8");
        assert!(css.header("cache-control").contains("immutable"));
        page(&stranger, "/assets/pages-0000000000000000.css").await.assert(404);
    }

    async fn c05_a_log_in_leads_to_no_other_site(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        for (next, expected) in [("/shop/cart?x=1", "/shop/cart?x=1"), ("//evil.example", "/account"), ("/\\evil.example", "/account"),
            ("https://evil.example", "/account"), ("javascript:alert(1)", "/account"), ("/%09/evil.example", "/account"), ("/\t/evil", "/account"), ("", "/account")] {
            let form = [("email", "ada@example.com"), ("password", PASSWORD), ("next", next)];
            let answer = post(&app.stranger(), "/account/log-in", &form).await.assert(303);
            let arrived = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
            assert_eq!(page(&arrived, answer.header("location")).await.assert(303).header("location"), expected, "{next:?}");
        }
        let shown = page(&app.stranger(), "/account/log-in?next=//evil.example").await.assert(200);
        assert!(shown.text().contains("name=\"next\" value=\"/account\""), "{}", shown.text());
    }

    async fn c06_what_others_wrote_is_text_on_every_page(database: Database) {
        let app = TestApp::new(database).await;
        let name = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>{{971*967}}";
        let body = serde_json::json!({ "email": "ada@example.com", "full_name": name, "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(201);
        let form = [("email", "ada@example.com"), ("password", PASSWORD)];
        let call = app.stranger().post("/account/log-in").header("sec-fetch-site", "same-origin").header("user-agent", "<script>x</script>/1.0");
        let answer = call.form(&form).await.assert(303);
        let ada = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
        for path in ["/account", "/account/sessions", "/account?done=%3Cscript%3E", "/account/log-in?next=%3Cscript%3E", "/account/reset?token=%3Cscript%3E", "/account/verify?token=%22%3E%3Cscript%3E"] {
            let text = page(&ada, path).await.text();
            let text = text.replacen("<script src=\"/assets/pages-", "", 1);
            assert!(!text.contains("<script") && !text.contains("<img src=x") && !text.contains("938957"), "{path}: {text}");
        }
    }

    async fn r05_a_scanner_opens_a_link_and_its_reader_still_gets_in(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let verify = token(&app, "ada", "Confirm").await;
        post(&app.stranger(), "/account/forgotten", &[("email", "ada@example.com")]).await.assert(303);
        let reset = token(&app, "ada", "Reset your").await;
        for _ in 0..5 {
            for (path, token) in [("/account/verify", &verify), ("/account/reset", &reset)] {
                let address = format!("{path}?token={token}");
                let opened = page(&app.stranger(), &address).await.assert(200);
                // It is in the form and nowhere else.
                assert_eq!(opened.text().matches(token.as_str()).count(), 1, "{path}");
                app.stranger().call(Method::HEAD, &address).send().await.assert(200);
            }
        }
        let verified = post(&app.stranger(), "/account/verify", &[("token", &verify)]).await.assert(303);
        assert_eq!(verified.header("location"), "/account/log-in?done=verified");
        post(&app.stranger(), "/account/verify", &[("token", &verify)]).await.assert(410);
        // A weak password does not use up the link.
        let weak = post(&app.stranger(), "/account/reset", &[("token", &reset), ("password", "short")]).await.assert(422);
        assert!(weak.text().contains(&reset));
        let new = "another-lantern-in-the-harbour";
        post(&app.stranger(), "/account/reset", &[("token", &reset), ("password", new)]).await.assert(303);
        app.stranger().try_password(&email("ada"), new).await.assert(200);
        post(&app.stranger(), "/account/reset", &[("token", &reset), ("password", new)]).await.assert(410);
        page(&app.stranger(), &format!("/account/reset?token={reset}")).await.assert(410);
    }

    async fn s10_sensitive_forms_ask_for_the_password_and_begin_another_session(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let (ada, other) = (browser(&app, "ada").await, browser(&app, "ada").await);
        app.advance(601);
        let asked = post(&ada, "/account/sessions/end-others", &[]).await.assert(303);
        assert_eq!(asked.header("location"), "/account/confirm?next=%2Faccount%2Fsessions%3Fdone%3Dconfirmed");
        page(&other, "/account").await.assert(200);
        post(&ada, "/account/confirm", &[("password", "wrong-password-1"), ("next", "/account/sessions")]).await.assert(422);
        let confirmed = post(&ada, "/account/confirm", &[("password", PASSWORD), ("next", "/account/sessions")]).await.assert(303);
        let fresh = app.stranger().with_cookie(confirmed.header("set-cookie").split(';').next().unwrap());
        assert_eq!(page(&fresh, confirmed.header("location")).await.assert(303).header("location"), "/account/sessions");
        assert_ne!(fresh.cookie(), ada.cookie());
        // s02: the previous session is revoked.
        page(&ada, "/account").await.assert(303);
        post(&fresh, "/account/sessions/end-others", &[]).await.assert(303);
        page(&other, "/account").await.assert(303);
        page(&fresh, "/account/sessions").await.assert(200);
    }

    async fn one_changes_everything_of_ones_account_and_leaves(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        assert_eq!(post(&ada, "/account/profile", &[("full_name", "Ada King"), ("language", "de")]).await.assert(303).header("location"), "/account?lang=de&done=profile");
        assert!(page(&ada, "/account?lang=de").await.assert(200).text().contains("Ihr Konto"));
        post(&ada, "/account/profile", &[("full_name", " ")]).await.assert(422);
        let wrong = post(&ada, "/account/password", &[("current_password", "wrong-password-1"), ("password", "another-lantern-in-the-harbour")]).await.assert(403);
        assert!(wrong.text().contains("current_password-fault"));
        let changed = post(&ada, "/account/password", &[("current_password", PASSWORD), ("password", "another-lantern-in-the-harbour")]).await.assert(303);
        page(&ada, "/account").await.assert(303);
        let ada = app.stranger().with_cookie(changed.header("set-cookie").split(';').next().unwrap());
        page(&ada, "/account").await.assert(200);

        post(&ada, "/account/email", &[("email", "ada@new.example")]).await.assert(303);
        let mails = app.mails().await;
        let confirm = mails.iter().find(|mail| mail.to == "ada@new.example").unwrap().token.clone().unwrap();
        let opened = page(&app.stranger(), &format!("/account/email/confirm?token={confirm}")).await.assert(200);
        assert!(opened.text().contains("ada@new.example"));
        post(&app.stranger(), "/account/email/confirm", &[("token", &confirm)]).await.assert(303);
        page(&ada, "/account").await.assert(303);

        let form = [("email", "ada@new.example"), ("password", "another-lantern-in-the-harbour")];
        let answer = post(&app.stranger(), "/account/log-in", &form).await.assert(303);
        let ada = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
        let export = post(&ada, "/account/export", &[]).await.assert(200);
        assert_eq!(export.json()["account"]["full_name"], "Ada King");
        let unsure = post(&ada, "/account/delete", &[]).await.assert(422);
        assert!(unsure.text().contains("sure-fault"));
        let gone = post(&ada, "/account/delete", &[("sure", "yes")]).await.assert(303);
        assert_eq!(gone.header("location"), "/account/log-in?done=deleted");
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");
    }

    async fn a_language_is_chosen_and_remembered(database: Database) {
        let app = TestApp::new(database).await;
        let stranger = app.stranger();
        let german = stranger.get("/account/log-in").header("accept-language", "de-AT, en;q=0.5").send().await.assert(200);
        assert!(german.text().contains("lang=\"de\"") && german.text().contains("Anmelden"));
        let chosen = page(&stranger, "/account/log-in?lang=de").await.assert(200);
        let mut cookies = chosen.headers.get_all("set-cookie").iter();
        assert!(cookies.any(|cookie| cookie.as_bytes().starts_with(b"portcullis-language=de")));
        let again = stranger.get("/account/log-in").header("cookie", "portcullis-language=de").send().await.assert(200);
        assert!(again.text().contains("Anmelden"));
        assert!(page(&stranger, "/account/log-in?lang=xx").await.assert(200).text().contains("Log in"));
    }

    async fn r05_another_language_shows_a_mailed_link_again_and_uses_nothing(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        post(&app.stranger(), "/account/forgotten", &[("email", "ada@example.com")]).await.assert(303);
        let password = [("password", "another-lantern-in-the-harbour")];
        let links = [("/account/verify", "Confirm", "Adresse", &[][..]), ("/account/reset", "Reset your", "Neues Passwort", &password)];
        for (path, subject, german, typed) in links {
            let token = token(&app, "ada", subject).await;
            let opened = page(&app.stranger(), &format!("{path}?token={token}")).await.assert(200);
            assert!(opened.text().contains(&format!("form=\"link\" formaction=\"{path}?lang=de\"")), "{path}");
            let form = [&[("token", token.as_str())], typed].concat();
            let chosen = post(&app.stranger(), &format!("{path}?lang=de"), &form).await.assert(200);
            assert!(chosen.header("set-cookie").starts_with("portcullis-language=de"));
            assert!(chosen.text().contains("lang=\"de\"") && chosen.text().contains(german), "{path}");
            assert_eq!(chosen.text().matches(token.as_str()).count(), 1, "{path}");
            // The link still works.
            post(&app.stranger(), path, &form).await.assert(303);
            // A used link is reported in the right language, without its token.
            let dead = page(&app.stranger(), &format!("{path}?token={token}&lang=es")).await.assert(410);
            assert!(dead.text().contains(&format!("href=\"{path}?lang=de\"")), "{path}");
        }
    }

    async fn p13_where_sign_up_is_closed_there_is_no_page_for_it(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = portcullis_server::config::SignUp::Closed).await;
        page(&app.stranger(), "/account/sign-up").await.assert(403);
        let form = [("full_name", "Eve"), ("email", "eve@example.com"), ("password", PASSWORD)];
        post(&app.stranger(), "/account/sign-up", &form).await.assert(403);
        assert!(!page(&app.stranger(), "/account/log-in").await.text().contains("/account/sign-up"));
        assert_eq!(app.place.value("SELECT count(*) FROM accounts").await, "0");
    }

    async fn no_address_that_a_person_tries_is_a_dead_end(database: Database) {
        let app = TestApp::new(database).await;
        let stranger = app.stranger();
        let leads_to = [
            ("/login", "/account/log-in"),
            ("/signup", "/account/sign-up"),
            ("/admin", "/console"),
            ("/.well-known/change-password", "/account/password"),
        ];
        for (from, to) in leads_to {
            assert_eq!(page(&stranger, from).await.assert(303).header("location"), to, "{from}");
        }
        // The API uses these paths with other methods.
        stranger.post("/login").form(&[("username", "ada@example.com"), ("password", PASSWORD)]).await.assert(401);
        stranger.call(Method::PUT, "/login").send().await.assert(405);
        for icon in ["/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"] {
            let there = page(&stranger, icon).await.assert(303).header("location").to_owned();
            assert!(page(&stranger, &there).await.assert(200).header("content-type").starts_with("image/"), "{icon}");
        }

        let in_browser = async |path: &str, language: &str| {
            let call = stranger.get(path).header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
            call.header("accept-language", language).send().await
        };
        for (path, status) in [("/nope", 404), ("/nope/deeper", 404), ("/logout", 405), ("/password", 405)] {
            let english = in_browser(path, "en").await.assert(status);
            assert!(english.header("content-type").starts_with("text/html"), "{path}");
            assert!(english.header("content-security-policy").contains("style-src 'self'"), "{path}");
            assert_eq!(english.header("allow").is_empty(), status == 404, "{path}");
            assert!(in_browser(path, "de").await.text().contains("lang=\"de\""), "{path}");
            // A program gets JSON.
            let answer = page(&stranger, path).await.assert(status);
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
        }
        for path in ["/console", "/console/audit", "/account", "/account/log-in", "/login", "/nope"] {
            assert_eq!(in_browser(&format!("{path}/"), "en").await.assert(303).header("location"), path);
        }
        assert_eq!(in_browser("/console/?q=ada", "en").await.assert(303).header("location"), "/console?q=ada");
        // `//host` would be another host's page.
        for path in ["//evil.example/", "/account//evil.example/", "/%2f%2fevil.example/", "/"] {
            let answer = in_browser(path, "en").await;
            assert!(!answer.header("location").contains("evil"), "{path}");
        }
        // What the API does not find gets the API's own response.
        app.sign_up("ada").await;
        let visitor = browser(&app, "ada").await;
        let lost = visitor.get("/nope").header("accept", "text/html").send().await.assert(404);
        assert!(lost.text().contains("action=\"/account/log-out\""));
        assert!(!in_browser("/nope", "en").await.text().contains("/account/log-out"));
        let ada = app.log_in("ada").await;
        let absent = ada.get("/profile/999999").header("accept", "text/html").send().await.assert(404);
        assert_eq!(absent.header("content-type"), "application/json");
    }

    async fn one_logs_in_by_a_mailed_link_or_code(database: Database) {
        let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
        app.sign_up("ada").await;
        post(&app.stranger(), "/account/log-in/mail", &[("email", "ada@example.com")]).await.assert(200);
        let mails = app.mails_to("ada").await;
        let mail = mails.iter().find(|mail| mail.subject.starts_with("Your login")).unwrap();
        let link = mail.token.clone().unwrap();
        page(&app.stranger(), &format!("/account/log-in/link?token={link}")).await.assert(200);
        // As in the page's hint, without the hyphen; the tests of the routes send it.
        let is_half = |half: &str| half.len() == 4 && half.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_code = |line: &&str| line.split_once('-').is_some_and(|(first, second)| is_half(first) && is_half(second));
        let code = mail.text.lines().map(str::trim).find(is_code).unwrap().replace('-', "");
        post(&app.stranger(), "/account/log-in/code", &[("email", "ada@example.com"), ("code", "AAAA-AAAA")]).await.assert(422);
        let answer = post(&app.stranger(), "/account/log-in/code", &[("email", "ada@example.com"), ("code", &code)]).await.assert(303);
        let ada = app.stranger().with_cookie(answer.header("set-cookie").split(';').next().unwrap());
        page(&ada, "/account").await.assert(200);
        // The link and the code can be used once in total.
        post(&app.stranger(), "/account/log-in/link", &[("token", &link)]).await.assert(410);
    }

    async fn after_a_login_that_is_asked_for_nothing_that_was_typed_is_lost(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        app.advance(601);
        let asked = post(&ada, "/account/email", &[("email", "ada@new.example")]).await.assert(303);
        let confirm = asked.header("location").to_owned();
        assert!(confirm.starts_with("/account/confirm?next=%2Faccount%2Femail%3Fkept%3D"), "{confirm}");
        // It is in no URL, which histories and logs would keep.
        assert!(!confirm.contains("new.example"), "{confirm}");
        let next = confirm.split("next=").nth(1).unwrap();
        let next = url::form_urlencoded::parse(format!("n={next}").as_bytes()).next().unwrap().1.into_owned();
        let confirmed = post(&ada, "/account/confirm", &[("password", PASSWORD), ("next", &next)]).await.assert(303);
        let ada = app.stranger().with_cookie(confirmed.header("set-cookie").split(';').next().unwrap());
        let on = page(&ada, confirmed.header("location")).await.assert(303).header("location").to_owned();
        let form = page(&ada, &on).await.assert(200);
        assert!(form.text().contains("value=\"ada@new.example\"") && form.text().contains("Identity confirmed"), "{}", form.text());
        post(&ada, "/account/email", &[("email", "ada@new.example")]).await.assert(303);
        // Nobody can prefill the form for another person, and a value that this server did not seal is ignored.
        app.sign_up("ben").await;
        let ben = browser(&app, "ben").await;
        assert!(!page(&ben, &on).await.assert(200).text().contains("ada@new.example"));
        assert!(!page(&ada, "/account/email?kept=ZXZpbEBldmlsLmV4YW1wbGU").await.assert(200).text().contains("evil"));
    }

    async fn a_pending_change_of_address_is_shown_sent_again_and_cancelled(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        assert!(!page(&ada, "/account").await.text().contains("Cancel the change"));
        post(&ada, "/account/email", &[("email", "ada@new.example")]).await.assert(303);
        let shown = page(&ada, "/account").await.assert(200);
        assert!(shown.text().contains("ada@new.example") && shown.text().contains("action=\"/account/email/cancel\""), "{}", shown.text());
        let mails = async || app.mails().await.into_iter().filter(|mail| mail.to == "ada@new.example").collect::<Vec<_>>();
        post(&ada, "/account/email", &[("email", "ada@new.example")]).await.assert(303);
        let sent = mails().await;
        assert_eq!(sent.len(), 2);
        let cancelled = post(&ada, "/account/email/cancel", &[]).await.assert(303);
        assert_eq!(cancelled.header("location"), "/account?done=email-cancelled");
        assert!(!page(&ada, "/account").await.text().contains("ada@new.example"));
        for mail in sent {
            page(&app.stranger(), &format!("/account/email/confirm?token={}", mail.token.unwrap())).await.assert(410);
        }
        // A second time is not an error, here or in the API.
        post(&ada, "/account/email/cancel", &[]).await.assert(303);
        let token = app.log_in("ada").await;
        token.delete("/email/change").send().await.assert(204);
        let told = "SELECT count(*) FROM audit_events WHERE event = 'account.email_change_cancelled'";
        assert_eq!(app.place.value(told).await, "1");
    }

    async fn a_link_that_was_used_says_what_to_do(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        let verify = token(&app, "ada", "Confirm").await;
        post(&ada, "/account/verify", &[("token", &verify)]).await.assert(303);
        // Submitted and opened twice: it is confirmed, and says so.
        for again in [post(&ada, "/account/verify", &[("token", &verify)]).await, page(&ada, &format!("/account/verify?token={verify}")).await] {
            assert_eq!(again.assert(303).header("location"), "/account?done=verified");
        }
        let stranger = page(&app.stranger(), &format!("/account/verify?token={verify}")).await.assert(410);
        assert!(stranger.text().contains("nothing left to do") && stranger.text().contains("/account/log-in"));
        let reset = page(&app.stranger(), "/account/reset?token=pclk_x").await.assert(410);
        assert!(reset.text().contains("This link has expired") && reset.text().contains("href=\"/account/forgotten\""));
        app.sign_up("eve").await;
        let eve = browser(&app, "eve").await;
        let dead = page(&eve, "/account/verify?token=pclk_x").await.assert(410);
        assert!(dead.text().contains("action=\"/account/email/verification\""));
    }

    async fn each_refusal_gives_its_reason(database: Database) {
        let app = TestApp::with(database, |config| config.sign_up = portcullis_server::config::SignUp::Closed).await;
        assert!(page(&app.stranger(), "/account/sign-up").await.assert(403).text().contains("Sign-up is closed"));
        let foreign = app.stranger().post("/account/log-in").header("sec-fetch-site", "cross-site").form(&[]).await.assert(403);
        assert!(foreign.text().contains("another website"));
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        let console = page(&ada, "/console").await.assert(403);
        for part in ["You need to be an administrator", "href=\"/console/claim\"", "action=\"/account/log-out\""] {
            assert!(console.text().contains(part), "{part}");
        }
        assert!(page(&ada, "/account/nowhere").await.assert(404).text().contains("Page not found"));
    }

    async fn each_fault_stands_at_its_field_and_once(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let ada = browser(&app, "ada").await;
        let both = post(&ada, "/account/password", &[("current_password", ""), ("password", "")]).await.assert(422);
        for part in ["Enter your current password.", "Enter your password.", "id=\"current_password-fault\"", "id=\"password-fault\"", "class=\"faults\""] {
            assert!(both.text().contains(part), "{part}");
        }
        // A single error is shown at its field, which gets the focus.
        let one = post(&ada, "/account/email", &[("email", "no")]).await.assert(422);
        assert_eq!(one.text().matches("Enter an email address such as").count(), 1, "{}", one.text());
        assert!(!one.text().contains("class=\"faults\"") && one.text().contains(" autofocus aria-invalid"));
        let empty = post(&app.stranger(), "/account/log-in", &[("email", ""), ("password", "")]).await.assert(422);
        assert!(empty.text().contains("Enter your email address.") && empty.text().contains("Enter your password."));
        let many = "x".repeat(201);
        let long = post(&ada, "/account/profile", &[("full_name", &many)]).await.assert(422);
        assert!(long.text().contains("Use at most 200 characters."));
        let german = ada.post("/account/profile").header("accept-language", "de").form(&[("full_name", "")]).await.assert(422);
        assert!(german.text().contains("Geben Sie einen Namen ein."), "{}", german.text());
    }

    async fn after_a_reset_the_login_knows_the_address(database: Database) {
        let app = TestApp::new(database).await;
        app.sign_up("ada").await;
        let asked = post(&app.stranger(), "/account/forgotten", &[("email", "ada@example.com")]).await.assert(303);
        assert!(!asked.header("location").contains("ada"));
        assert!(page(&app.stranger(), asked.header("location")).await.assert(200).text().contains("If an account exists for ada@example.com"));
        let reset = token(&app, "ada", "Reset your").await;
        let set = post(&app.stranger(), "/account/reset", &[("token", &reset), ("password", "another-lantern-in-the-harbour")]).await.assert(303);
        assert!(page(&app.stranger(), set.header("location")).await.assert(200).text().contains("value=\"ada@example.com\""));
    }

    async fn every_page_and_email_speaks_spanish(database: Database) {
        let app = TestApp::new(database).await;
        let stranger = app.stranger();
        let log_in = stranger.get("/account/log-in").header("accept-language", "es-MX").send().await.assert(200);
        assert!(log_in.text().contains("lang=\"es\"") && log_in.text().contains("Iniciar sesión"));
        let body = serde_json::json!({ "email": "ada@example.com", "full_name": "Ada", "password": PASSWORD });
        app.stranger().post("/signup").header("accept-language", "es").json(&body).await.assert(201);
        let mail = app.mails_to("ada").await.remove(0);
        assert!(mail.subject.starts_with("Confirme su correo") && mail.text.contains("24 horas"), "{mail:?}");
    }
}
