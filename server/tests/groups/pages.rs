//! The pages of organisations: what each role sees, and that each form does the same as its route.

use portcullis_server::groups::GroupRole;

use super::{id, join, organisation, person, team};
use crate::on_both_databases;
use crate::support::{Answer, Client, TestApp, email};

async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    client.post(path).form(form).await
}

async fn page(client: &Client, path: &str) -> Answer {
    client.get(path).send().await
}

async fn browser(app: &TestApp, name: &str) -> Client {
    app.stranger().log_in_with_cookie(&email(name)).await
}

/// An owner creates teams, adds Bob to one, and undoes everything.
async fn teams(ada: &Client, here: &str, bob_id: i64) {
    let team = post(ada, &format!("{here}/new-team"), &[("name", "Sales")])
        .await
        .assert(303)
        .header("location")
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    assert!(page(ada, here).await.text().contains(&team));
    post(ada, &team, &[("act", "add"), ("email", "nobody@example.com")]).await.assert(422);
    post(ada, &team, &[("act", "add"), ("email", "Bob@example.com")]).await.assert(303);
    assert!(page(ada, &team).await.assert(200).text().contains("bob@example.com"));
    post(ada, &team, &[("act", "rename"), ("name", "Field")]).await.assert(303);
    let inner = post(ada, &team, &[("act", "inner"), ("name", "North")])
        .await
        .assert(303)
        .header("location")
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    assert!(page(ada, &inner).await.assert(200).text().contains("Field"));
    post(ada, &team, &[("act", "remove"), ("account", &bob_id.to_string())]).await.assert(303);
    assert!(!page(ada, &team).await.text().contains("bob@example.com"));
    post(ada, &team, &[("act", "delete")]).await.assert(303);
    page(ada, &inner).await.assert(404);
}

on_both_databases! {
    async fn an_owner_does_all_on_pages(database: Database) {
        let app = TestApp::new(database).await;
        let ada_id = app.sign_up("ada").await;
        app.place.sql(&format!("UPDATE accounts SET email_verified_at = 1 WHERE id = {ada_id}")).await;
        let bob_id = app.sign_up("bob").await;
        let ada = browser(&app, "ada").await;
        assert!(page(&ada, "/account").await.assert(200).text().contains("/account/organisations"));
        page(&ada, "/account/organisations").await.assert(200);
        page(&ada, "/account/organisations/new").await.assert(200);
        let blank = post(&ada, "/account/organisations/new", &[("name", " ")]).await.assert(422);
        assert!(blank.text().contains("name-fault"), "{}", blank.text());
        let made = post(&ada, "/account/organisations/new", &[("name", "Engines & Co")]).await.assert(303);
        let here = made.header("location").split('?').next().unwrap().to_owned();
        assert!(page(&ada, &here).await.assert(200).text().contains("Engines &#38; Co"));
        assert!(page(&ada, "/account/organisations").await.text().contains(&here));
        for act in ["rename", "invite", "new-team", "leave", "delete"] {
            page(&ada, &format!("{here}/{act}")).await.assert(200);
        }
        page(&ada, &format!("{here}/explode")).await.assert(404);
        post(&ada, &format!("{here}/rename"), &[("name", "Engines")]).await.assert(303);
        // Invitations.
        post(&ada, &format!("{here}/invite"), &[("email", "")]).await.assert(422);
        let sent = post(&ada, &format!("{here}/invite"), &[("email", "eve@example.com"), ("role", "admin"), ("language", "de")]).await.assert(303);
        assert_eq!(sent.header("location"), format!("{here}?done=invitation-sent"));
        let mail = app.mails_to("eve").await.pop().unwrap();
        assert!(mail.subject.contains("Einladung in eine Organisation"), "{}", mail.subject);
        let listed = page(&ada, &here).await.text();
        let invitation = listed.split("name=\"invitation\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        post(&ada, &format!("{here}/revoke"), &[("invitation", &invitation)]).await.assert(303);
        assert!(!page(&ada, &here).await.text().contains("eve@example.com"));
        // Members.
        let path = here.strip_prefix("/account").unwrap().to_owned();
        join(&app, &path, bob_id, GroupRole::Member).await;
        let member = format!("{here}/members/{bob_id}");
        assert!(page(&ada, &here).await.text().contains(&member));
        assert!(page(&ada, &member).await.assert(200).text().contains("bob@example.com"));
        let changed = post(&ada, &member, &[("act", "role"), ("role", "admin")]).await.assert(303);
        assert_eq!(changed.header("location"), format!("{here}?done=member-role"));
        teams(&ada, &here, bob_id).await;
        // The only owner.
        let last = post(&ada, &format!("{here}/leave"), &[]).await.assert(409);
        assert!(last.text().contains("needs an active owner"), "{}", last.text());
        let delete = page(&ada, "/account/delete").await.assert(200).text();
        assert!(delete.contains("only owner") && delete.contains(&here) && !delete.contains("name=\"sure\""), "{delete}");
        post(&ada, "/account/delete", &[("sure", "yes")]).await.assert(409);
        post(&ada, &member, &[("act", "hand-over")]).await.assert(303);
        let bob = browser(&app, "bob").await;
        let wrong = post(&bob, &format!("{here}/delete"), &[("name", "Motors")]).await.assert(422);
        assert!(wrong.text().contains("name-fault"), "{}", wrong.text());
        post(&bob, &format!("{here}/members/{ada_id}"), &[("act", "remove")]).await.assert(303);
        page(&ada, &here).await.assert(404);
        post(&bob, &format!("{here}/delete"), &[("name", "Engines")]).await.assert(303);
        page(&bob, &here).await.assert(404);
        assert!(page(&ada, "/account/delete").await.assert(200).text().contains("name=\"sure\""));
    }

    async fn z04_pages_of_others_do_not_exist_and_say_which_role_is_missing(database: Database) {
        let app = TestApp::new(database).await;
        let (_, ada) = person(&app, "ada").await;
        let (bob_id, _) = person(&app, "bob").await;
        let (eve_id, _) = person(&app, "eve").await;
        let engines = organisation(&ada).await;
        let sales = id(&team(&ada, &engines, None).await.assert(201));
        join(&app, &engines, bob_id, GroupRole::Member).await;
        let (bob, eve) = (browser(&app, "bob").await, browser(&app, "eve").await);
        let here = format!("/account{engines}");
        let pages = [String::new(), "/rename".to_owned(), "/invite".to_owned(), "/delete".to_owned(), format!("/members/{bob_id}"), format!("/teams/{sales}")];
        for path in &pages {
            page(&eve, &format!("{here}{path}")).await.assert(404);
            let status = page(&bob, &format!("{here}{path}")).await.status;
            let may = path.is_empty() || path.starts_with("/teams");
            assert_eq!(status, if may { 200 } else { 403 }, "{path}");
        }
        let seen = page(&bob, &here).await.text();
        for hidden in ["/invite", "/rename", "/delete", "/new-team", "/members/"] {
            assert!(!seen.contains(&format!("{here}{hidden}")), "{hidden}");
        }
        let refused = post(&bob, &format!("{here}/rename"), &[("name", "Bob's")]).await.assert(403);
        assert!(refused.text().contains("Your role does not allow this") && !refused.text().contains("dministrators only"), "{}", refused.text());
        for (path, form) in [("/rename", [("name", "x")]), ("/new-team", [("name", "x")]), ("/invite", [("email", "x@example.com")]), ("/leave", [("name", "")]), ("/delete", [("name", "Engines")])] {
            post(&eve, &format!("{here}{path}"), &form).await.assert(404);
        }
        for act in ["rename", "inner", "delete"] {
            post(&bob, &format!("{here}/teams/{sales}"), &[("act", act), ("name", "x")]).await.assert(403);
            post(&eve, &format!("{here}/teams/{sales}"), &[("act", act), ("name", "x")]).await.assert(404);
        }
        post(&bob, &format!("{here}/members/{eve_id}"), &[("act", "remove")]).await.assert(403);
        // s10
        app.advance(601);
        page(&browser(&app, "ada").await, &format!("{here}/delete")).await.assert(200);
        post(&bob, &format!("{here}/leave"), &[]).await.assert(303);
    }
}
