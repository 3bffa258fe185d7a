//! What an owner changes, and what that invalidates: the password and the email address.

use super::*;
use crate::factors::enrol;

on_both_databases! {
    async fn r08_a_new_address_is_in_force_once_it_is_confirmed_and_can_be_undone(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        confirmed(&app, "ada").await;
        change_email(&owner, "new.ada").await.assert(202);
        app.log_in("ada").await;
        app.stranger().try_password(&email("new.ada"), PASSWORD).await.assert(401);
        let confirmation = mailed(&app, "new.ada", Confirm).await;
        app.advance(1);
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        owner.get("/profile").send().await.assert(401);
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        let thief = app.log_in("new.ada").await;
        // The old address is kept for its owner.
        let body = json!({ "email": email("ada"), "full_name": "Eve", "password": PASSWORD });
        app.stranger().post("/signup").json(&body).await.assert(409);
        // A thief who changes to a third address and sets a password does not defeat the owner's undo.
        let undo = mailed(&app, "ada", Undo).await;
        app.advance(1);
        change_email(&thief, "third.ada").await.assert(202);
        let confirmation = mailed(&app, "third.ada", Confirm).await;
        app.advance(1);
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        let later = mailed(&app, "new.ada", Undo).await;
        let thief = app.log_in("third.ada").await;
        Undo.consume(&app, "ada", &undo).await.assert(204);
        // The owner of the old address is notified there.
        let told = app.mails_to("ada").await.into_iter().any(|mail| mail.subject.ends_with("was restored"));
        assert!(told, "no notice of the undo");
        let told = "Your account at Portcullis no longer uses this email address";
        assert!(app.mails_to("third.ada").await.iter().any(|mail| mail.subject == told));
        thief.get("/profile").send().await.assert(401);
        Undo.consume(&app, "ada", &later).await.assert(410);
        app.log_in("ada").await;
        // A login that is not fresh cannot change the address (RFC 9470).
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        app.advance(601);
        let stale = change_email(&browser, "fourth.ada").await.assert(401);
        assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"));
    }

    async fn r08_an_address_that_comes_back_leaves_the_other_one_no_undo(database: Database) {
        let app = without_limits(database).await;
        let thief = app.as_user("ada").await;
        confirmed(&app, "ada").await;
        change_email(&thief, "thief").await.assert(202);
        let confirmation = mailed(&app, "thief", Confirm).await;
        Confirm.consume(&app, "thief", &confirmation).await.assert(204);
        // The owner has a way in of her own, and changes the address back without the undo.
        app.advance(60);
        let owner = app.log_in("thief").await;
        change_email(&owner, "ada").await.assert(202);
        let of_the_thief = mailed(&app, "thief", Undo).await;
        let confirmation = mailed(&app, "ada", Confirm).await;
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        let told = "Your account at Portcullis no longer uses this email address";
        assert!(app.mails_to("thief").await.iter().any(|mail| mail.subject == told));
        Undo.consume(&app, "thief", &of_the_thief).await.assert(410);
        assert_eq!(app.place.value("SELECT count(*) FROM links WHERE purpose = 'undo_email'").await, "0");
        app.log_in("ada").await;
    }

    async fn n02_a_thief_who_changes_the_password_again_and_again_leaves_the_owner_a_link(database: Database) {
        for is_confirmed in [true, false] {
            let app = TestApp::with(database, |config| config.log_in_by_mail = true).await;
            let mut thief = app.stranger().with_token(app.as_user("ada").await.token());
            if is_confirmed {
                confirmed(&app, "ada").await;
            }
            let mut password = PASSWORD.to_owned();
            let mut change = async |round: u32| {
                let next = format!("a-lantern-in-harbour-{round}");
                let body = json!({ "current_password": password, "password": next });
                let answer = thief.call(http::Method::PUT, "/password").json(&body).await.assert(200).json();
                thief = thief.with_token(answer["access_token"].as_str().unwrap());
                password = next;
            };
            // The first change ends the links from before it (R02).
            forgot(&app, "ada").await.assert(202);
            let first = mailed(&app, "ada", Reset).await;
            change(0).await;
            Reset.consume(&app, "ada", &first).await.assert(410);
            app.advance(1);
            forgot(&app, "ada").await.assert(202);
            let second = mailed(&app, "ada", Reset).await;
            ask_for_link(&app, "ada").await.assert(202);
            let log_in = mailed(&app, "ada", LogIn).await;
            for round in 1..5 {
                change(round).await;
            }
            // The first proof of an unconfirmed address would end the other link.
            if is_confirmed {
                LogIn.consume(&app, "ada", &log_in).await.assert(200);
            }
            Reset.consume(&app, "ada", &second).await.assert(204);
            thief.get("/profile").send().await.assert(401);
            app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
        }
    }

    async fn r08_n01_an_undo_beside_a_change_back_leaves_the_other_address_nothing(database: Database) {
        let app = without_limits(database).await;
        let mut config = app.place.config();
        config.limits = false;
        let other = app.again_with(config).await;
        for round in 0..40 {
            let (name, thief) = (format!("ada{round}"), format!("new.ada{round}"));
            let owner = app.as_user(&name).await;
            confirmed(&app, &name).await;
            change_email(&owner, &thief).await.assert(202);
            let undo = mailed(&app, &name, Undo).await;
            let confirmation = mailed(&app, &thief, Confirm).await;
            Confirm.consume(&app, &thief, &confirmation).await.assert(204);
            app.advance(1);
            change_email(&app.log_in(&thief).await, &name).await.assert(202);
            let back = mailed(&app, &name, Confirm).await;
            let (early, late) = if round % 2 == 0 { (0, round / 2) } else { (round / 2, 0) };
            let undoing = async {
                tokio::time::sleep(std::time::Duration::from_micros(early * 150)).await;
                Undo.consume(&app, &name, &undo).await.status.as_u16()
            };
            let returning = async {
                tokio::time::sleep(std::time::Duration::from_micros(late * 150)).await;
                Confirm.consume(&other, &name, &back).await.status.as_u16()
            };
            let done = join(undoing, returning).await;
            assert!(matches!(done, (204, 204 | 410) | (410, 204)), "round {round}: {done:?}");
            let address = format!("SELECT count(*) FROM accounts WHERE email = '{}'", email(&name));
            assert_eq!(app.place.value(&address).await, "1", "round {round}");
            let undos = format!("SELECT count(*) FROM links WHERE purpose = 'undo_email' AND email = '{}'", email(&thief));
            assert_eq!(app.place.value(&undos).await, "0", "round {round}: {done:?}");
        }
    }

    async fn n01_an_undo_removes_what_a_thief_added_since_the_change_was_asked_for(database: Database) {
        let app = without_limits(database).await;
        // A thief has a fresh session.
        let thief = app.as_user("ada").await;
        confirmed(&app, "ada").await;
        app.advance(1);
        change_email(&thief, "thief").await.assert(202);
        let first = mailed(&app, "ada", Undo).await;
        let confirmation = mailed(&app, "thief", Confirm).await;
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        app.advance(1);
        let thief = app.log_in("thief").await;
        enrol(&app, &thief).await;
        app.advance(1);
        forgot(&app, "thief").await.assert(202);
        let reset = mailed(&app, "thief", Reset).await;
        Reset.consume(&app, "thief", &reset).await.assert(204);
        let second = mailed(&app, "ada", Undo).await;
        assert_eq!(first, second, "both emails have one link");
        app.place.sql("UPDATE accounts SET deletion_due_at = 9000000000000000").await;
        app.advance(1);
        Undo.consume(&app, "ada", &second).await.assert(204);
        Undo.consume(&app, "ada", &first).await.assert(410);
        let events = "SELECT detail FROM audit_events WHERE event = 'account.email_change_undone'";
        assert_eq!(app.place.value(events).await, "authenticator app, recovery codes, password, scheduled deletion");
        for name in ["ada", "thief"] {
            app.stranger().try_password(&email(name), NEW_PASSWORD).await.assert(401);
        }
        app.advance(1);
        forgot(&app, "ada").await.assert(202);
        let reset = mailed(&app, "ada", Reset).await;
        Reset.consume(&app, "ada", &reset).await.assert(204);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
    }

    async fn m02_the_undo_of_a_change_that_was_not_confirmed_takes_no_factor(database: Database) {
        let app = without_limits(database).await;
        let ada = app.as_user("ada").await;
        confirmed(&app, "ada").await;
        app.advance(1);
        change_email(&ada, "typo").await.assert(202);
        let cancelled = mailed(&app, "ada", Undo).await;
        ada.delete("/email/change").send().await.assert(204);
        app.advance(1);
        enrol(&app, &ada).await;
        Undo.consume(&app, "ada", &cancelled).await.assert(410);
        app.advance(1);
        change_email(&ada, "typo").await.assert(202);
        let pending = mailed(&app, "ada", Undo).await;
        Undo.consume(&app, "ada", &pending).await.assert(204);
        assert_eq!(app.place.value("SELECT count(*) FROM totp").await, "1");
        assert_eq!(app.place.value("SELECT count(*) FROM recovery_codes").await, "10");
    }

    async fn n01_the_undo_of_the_first_email_works_after_the_change(database: Database) {
        let app = without_limits(database).await;
        let thief = app.as_user("ada").await;
        confirmed(&app, "ada").await;
        app.advance(1);
        change_email(&thief, "thief").await.assert(202);
        let first = mailed(&app, "ada", Undo).await;
        let confirmation = mailed(&app, "thief", Confirm).await;
        Confirm.consume(&app, "ada", &confirmation).await.assert(204);
        Undo.consume(&app, "ada", &first).await.assert(204);
        app.log_in("ada").await;
    }

    async fn n01_s07_a_pending_change_ends_with_sessions_that_others_end(database: Database) {
        let app = without_limits(database).await;
        let root = app.sign_up("root").await;
        app.place.sql(&format!("UPDATE accounts SET role = 'admin' WHERE id = {root}")).await;
        let scopes = "accounts:read accounts:write";
        let admin = app.stranger().post("/login").form_owned(&email("root"), PASSWORD, scopes).await.assert(200);
        let admin = app.stranger().with_token(admin.json()["access_token"].as_str().unwrap());
        for (name, round) in ["ada", "ben", "cyd"].into_iter().zip(0..) {
            let thief = app.as_user(name).await;
            app.advance(1);
            change_email(&thief, &new_name(name)).await.assert(202);
            let confirmation = mailed(&app, &new_name(name), Confirm).await;
            let owner = app.log_in(name).await;
            match round {
                0 => drop(owner.delete("/sessions").send().await.assert(204)),
                1 => {
                    let sessions = owner.get("/sessions").send().await.assert(200).json();
                    let sessions = sessions.as_array().unwrap();
                    let other = sessions.iter().find(|session| session["is_current"] == false).unwrap();
                    let path = format!("/sessions/{}", other["id"].as_str().unwrap());
                    owner.delete(&path).send().await.assert(204);
                }
                _ => {
                    let id = owner.get("/profile").send().await.json()["id"].clone();
                    admin.delete(&format!("/admin/accounts/{id}/sessions")).send().await.assert(204);
                }
            }
            Confirm.consume(&app, name, &confirmation).await.assert(410);
        }
    }

    async fn r08_of_a_confirmation_and_sign_ups_for_one_address_one_wins(database: Database) {
        let app = without_limits(database).await;
        let second = app.again().await;
        for round in 0..4 {
            let (name, new) = (format!("user{round}"), format!("new{round}"));
            let owner = app.as_user(&name).await;
            change_email(&owner, &new).await.assert(202);
            let token = &mailed(&app, &new, Confirm).await;
            let sign_up = json!({ "email": email(&new), "full_name": "Eve", "password": PASSWORD });
            let calls = (0..7).map(|n| {
                let (app, sign_up, name) = (if n % 2 == 0 { &app } else { &second }, &sign_up, name.as_str());
                async move {
                    let answer = if n == round * 2 {
                        Confirm.consume(app, name, token).await
                    } else {
                        app.stranger().post("/signup").json(sign_up).await
                    };
                    answer.status.as_u16()
                }
            });
            let statuses = join_all(calls).await;
            let winners = statuses.iter().filter(|status| matches!(status, 201 | 204)).count();
            assert_eq!(winners, 1, "{statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 201 | 204 | 409)), "{statuses:?}");
            let sql = format!("SELECT COUNT(*) FROM accounts WHERE email = '{}'", email(&new));
            assert_eq!(app.place.value(&sql).await, "1");
        }
    }

    async fn p09_b05_a_new_password_needs_the_current_one_which_is_counted(database: Database) {
        let app = TestApp::new(database).await;
        let (owner, other) = (app.as_user("ada").await, app.log_in("ada").await);
        change_password(&owner, WRONG, NEW_PASSWORD).await.assert(403);
        other.get("/profile").send().await.assert(200);
        app.advance(1);
        let changed = change_password(&owner, PASSWORD, NEW_PASSWORD).await.assert(200);
        owner.get("/profile").send().await.assert(401);
        let owner = app.stranger().with_token(changed.json()["access_token"].as_str().unwrap());
        owner.get("/profile").send().await.assert(200);
        other.get("/profile").send().await.assert(401);
        assert_eq!(last_mail(&app, "ada").await.subject, "Your Portcullis password was changed");
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
        for _ in 0..10 {
            change_password(&owner, WRONG, NEW_PASSWORD).await.assert(403);
        }
        change_password(&owner, NEW_PASSWORD, NEW_PASSWORD).await.assert(429);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(429);
    }

    async fn s07_a_reset_ends_every_session_on_every_instance(database: Database) {
        let app = without_limits(database).await;
        let second = app.again().await;
        let bearer = app.as_user("ada").await;
        let browser = app.stranger().log_in_with_cookie(&email("ada")).await;
        let scope = "profile:read offline_access";
        let tokens = app.stranger().post("/login").form_owned(&email("ada"), PASSWORD, scope).await.assert(200);
        let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
        let token = Reset.issue(&app, "ada", &bearer).await;
        for at in [&app, &second] {
            at.stranger().with_token(bearer.token()).get("/profile").send().await.assert(200);
        }
        Reset.consume(&app, "ada", &token).await.assert(204);
        for at in [&second, &app] {
            at.stranger().with_token(bearer.token()).get("/profile").send().await.assert(401);
            at.stranger().with_cookie(browser.cookie()).get("/profile").send().await.assert(401);
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            at.stranger().post("/token").form(&form).await.assert(400);
        }
        app.stranger().try_password(&email("ada"), PASSWORD).await.assert(401);
        app.stranger().try_password(&email("ada"), NEW_PASSWORD).await.assert(200);
    }

    async fn b06_a_code_dies_of_five_wrong_tries_also_of_parallel_ones(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        let code = Code.issue(&app, "ada", &owner).await;
        for _ in 0..4 {
            Code.consume(&app, "ada", "AAAA2222").await.assert(410);
        }
        Code.consume(&app, "ada", &code.to_lowercase()).await.assert(200);
        let code = Code.issue(&app, "ada", &owner).await;
        for _ in 0..5 {
            Code.consume(&app, "ada", "AAAA2222").await.assert(410);
        }
        Code.consume(&app, "ada", &code).await.assert(410);
        let code = Code.issue(&app, "ada", &owner).await;
        join_all((0..20).map(|_| Code.consume(&app, "ada", "AAAA2222"))).await;
        Code.consume(&app, "ada", &code).await.assert(410);
        // The link of that email cannot be guessed, so wrong codes do not take it from the owner.
        let link = mailed(&app, "ada", LogIn).await;
        LogIn.consume(&app, "ada", &link).await.assert(200);
        LogIn.consume(&app, "ada", &link).await.assert(410);
    }

    async fn t06_a_link_is_no_access_token_and_an_access_token_is_no_link(database: Database) {
        let app = without_limits(database).await;
        let owner = app.as_user("ada").await;
        for purpose in PURPOSES {
            let token = purpose.issue(&app, "ada", &owner).await;
            app.stranger().with_token(&token).get("/profile").send().await.assert(401);
            if purpose != Code {
                purpose.consume(&app, "ada", owner.token()).await.assert(410);
            }
        }
    }

    async fn a04_a_name_in_a_mail_is_text(database: Database) {
        let app = TestApp::new(database).await;
        let name = "<b>{{7*7}}</b> {brand}";
        let body = |name: &str| json!({ "email": email("ada"), "full_name": name, "password": PASSWORD });
        for disguised in ["Ada\r\nBcc: eve", "Ada\u{202E}"] {
            app.stranger().post("/signup").json(&body(disguised)).await.assert_invalid(&["body.full_name"]);
        }
        app.stranger().post("/signup").json(&body(name)).await.assert(201);
        let mail = last_mail(&app, "ada").await;
        assert!(mail.text.starts_with(&format!("Hello {name},")), "{}", mail.text);
        assert!(!mail.html.contains("<b>") && mail.html.contains("{{7*7}}"), "{}", mail.html);
    }

    async fn p07_words_make_a_password_and_nothing_is_asked_that_others_know(database: Database) {
        let app = TestApp::new(database).await;
        let body = json!({ "email": email("ada"), "full_name": "Ada", "password": "seven quiet herons over the marsh" });
        app.stranger().post("/signup").json(&body).await.assert(201);
        let document = app.stranger().get("/openapi.json").send().await.assert(200).text().to_lowercase();
        for word in ["password_hint", "secret_question", "security_question", "mothers_maiden"] {
            assert!(!document.contains(word), "{word}");
        }
        // Passwords never expire.
        app.advance(400 * 24 * 60 * 60);
        app.stranger().try_password(&email("ada"), "seven quiet herons over the marsh").await.assert(200);
    }
}
