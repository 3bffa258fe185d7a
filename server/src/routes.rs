//! Every route of the server, grouped by who calls it.
//!
//! `/docs` and `/openapi.json` are made from this table ([`crate::App::router`]).

use portcullis::{Api, delete, get, patch, post};

use crate::{
    accounts::http::{change_profile, read_own_profile, read_profile, sign_up},
    app::App,
    health::{check_health, check_readiness},
    login::http::log_in,
    pictures::http::{delete_profile_image, read_profile_image, upload_profile_image},
    sessions::http::log_out,
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
        .route(post("/logout", log_out).summary("End this session, at once and everywhere"))
        .tag("profile", "What an account says about its owner.")
        .route(get("/profile", read_own_profile).summary("Read my profile"))
        .route(patch("/profile", change_profile).summary("Change my profile"))
        .route(get("/profile/{id}", read_profile).summary("Read a profile"))
        .route(post("/upload-profile-image", upload_profile_image).summary("Set my picture"))
        .route(delete("/profile-image", delete_profile_image).summary("Remove my picture"))
        .route(get("/profile-images/{id}", read_profile_image).summary("Read a picture"))
        .tag("operation", "For those who run the server and those who verify its tokens.")
        .route(get("/health", check_health).summary("Is the process alive?"))
        .route(get("/ready", check_readiness).summary("Can it serve?"))
        .route(get("/.well-known/jwks.json", read_keys).summary("The public keys of the access tokens"))
}
