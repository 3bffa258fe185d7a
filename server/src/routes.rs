//! Every route of the server, grouped by who calls it.
//!
//! `/docs` and `/openapi.json` are made from the first table ([`crate::App::router`]). The second has the pages, which
//! speak to people: they are in no document, and each is guarded by the same types.

use axum::{Router, middleware, routing};
use portcullis::{Api, delete, get, patch, post};

use crate::{
    accounts::{self, http::{change_profile, read_own_profile, read_profile, sign_up}},
    app::App,
    health::{check_health, check_readiness},
    login::{self, http::{log_in, log_in_with_cookie}},
    oauth::token::exchange_token,
    pages::{dress, serve_asset, show_nothing},
    pictures::{self, http::{delete_profile_image, read_profile_image, upload_profile_image}},
    sessions::{self, http::{end_other_sessions, end_session, list_sessions, log_out}},
    tokens::http::read_keys,
};

/// The table.
pub(crate) fn api() -> Api<App> {
    Api::new("Portcullis", env!("CARGO_PKG_VERSION"))
        .description(
            "Accounts and authorization for an API. Sign up, press **Authorize**, and call the rest.",
        )
        .tag("account", "From sign-up to log-out.")
        .route(post("/signup", sign_up).summary("Create an account"))
        .route(post("/login", log_in).summary("Log in and receive an access token"))
        .route(post("/login/cookie", log_in_with_cookie).summary("Log in and receive a cookie"))
        .route(post("/token", exchange_token).summary("Exchange a refresh token for new tokens"))
        .route(post("/logout", log_out).summary("End this session, at once and everywhere"))
        .tag("profile", "What an account says about its owner.")
        .route(get("/profile", read_own_profile).summary("Read my profile"))
        .route(patch("/profile", change_profile).summary("Change my profile"))
        .route(get("/profile/{id}", read_profile).summary("Read a profile"))
        .route(post("/upload-profile-image", upload_profile_image).summary("Set my picture"))
        .route(delete("/profile-image", delete_profile_image).summary("Remove my picture"))
        .route(get("/profile-images/{id}", read_profile_image).summary("Read a picture"))
        .tag("session", "Where one is logged in.")
        .route(get("/sessions", list_sessions).summary("List my sessions"))
        .route(delete("/sessions", end_other_sessions).summary("End all my sessions but this one"))
        .route(delete("/sessions/{id}", end_session).summary("End one of my sessions"))
        .tag("operation", "For those who run the server and those who verify its tokens.")
        .route(get("/health", check_health).summary("Is the process alive?"))
        .route(get("/ready", check_readiness).summary("Can it serve?"))
        .route(get("/.well-known/jwks.json", read_keys).summary("The public keys of the access tokens"))
}

/// The pages. [`dress`] lays itself around each: no POST of another site gets through, whatever the handler asks for.
pub(crate) fn pages(app: &App) -> Router<App> {
    use accounts::pages as account;
    use login::pages as login;
    use pictures::pages as picture;
    use routing::{any, get, post};
    use sessions::pages as session;

    Router::new()
        // For strangers.
        .route("/", get(account::go_to_account))
        .route("/account/sign-up", get(account::show_sign_up).post(account::sign_up))
        .route("/account/log-in", get(login::show_log_in).post(login::log_in))
        .route("/account/log-out", post(session::log_out))
        // For the owner of an account.
        .route("/account", get(account::show_account))
        .route("/account/profile", post(account::change_profile))
        .route("/account/picture", post(picture::set_picture))
        .route("/account/picture/remove", post(picture::remove_picture))
        .route("/account/sessions", get(session::show_sessions))
        .route("/account/sessions/end", post(session::end_session))
        .route("/account/sessions/end-others", post(session::end_other_sessions))
        .route("/account/confirm", get(login::show_confirm).post(login::confirm))
        .route("/account/{*rest}", any(show_nothing))
        .layer(middleware::from_fn_with_state(app.clone(), dress))
        // What pages are dressed in.
        .route("/assets/{name}", get(serve_asset))
}
