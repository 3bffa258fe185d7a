use super::*;

#[path = "../../../examples/cookie_session.rs"]
mod cookie_session;

const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const RIGHT: &str = "username=ada&password=lantern-in-the-harbour";
const OTHER: (&str, &str) = ("sec-fetch-site", "cross-site");

#[tokio::test(flavor = "multi_thread")]
async fn a_form_logs_in_and_another_sites_page_does_nothing() {
    let app = cookie_session::app("lantern-in-the-harbour").unwrap();
    let log_in = async |headers, form| post_form(&app, "/login", headers, form).await;
    log_in(&[OTHER], RIGHT).await.assert(403);
    log_in(&[], RIGHT).await.assert(403);
    log_in(&[OWN], "username=ada&password=lantern").await.assert(400);
    log_in(&[OWN], "username=eve&password=lantern-in-the-harbour").await.assert(400);
    let welcome = log_in(&[OWN], RIGHT).await.assert(303);
    assert_eq!(welcome.header("location"), "/account");
    let (cookie, attributes) = welcome.header("set-cookie").split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Secure; HttpOnly; SameSite=Lax");

    let with_cookie =
        async |method, path, site| ask(&app, method, path, &[("cookie", cookie), site], "").await;
    // A link from another site may lead to it; a form from another site must change nothing.
    let account = with_cookie("GET", "/account", OTHER).await.assert(200);
    assert!(String::from_utf8_lossy(&account.body).contains("Welcome, ada!"));
    with_cookie("POST", "/logout", OTHER).await.assert(403);
    get(&app, "/account").await.assert(401);
    with_cookie("POST", "/logout", OWN).await.assert(303);
    with_cookie("GET", "/account", OWN).await.assert(401);
}
