//! Every route of the server, grouped by who calls it.
//!
//! `/docs` and `/openapi.json` are made from the first table ([`crate::App::router`]). The second has the pages, which
//! speak to people: they are in no document, and each is guarded by the same types.

use axum::{Router, middleware, routing};
use portcullis::{Api, delete, get, patch, post, put};

use crate::{
    admin::http::{
        claim_first_admin, disable_account, enable_account, end_account_sessions, list_accounts,
        list_audit_events, read_account, remove_account, remove_account_factor, set_account_role,
        start_password_reset,
    },
    app::App,
    devices::http::{end_other_sessions, end_session, list_sessions, log_out},
    factors::http::{
        add_totp, confirm_totp, enrol_at_log_in, finish_log_in, make_recovery_codes, read_factors,
        remove_totp,
    },
    health::{check_health, check_readiness},
    leaving::http::{cancel_deletion, delete_account, export_account},
    login::http::{log_in, log_in_with_cookie},
    oauth::token::exchange_token,
    pages::{dress, serve_asset, show_nothing},
    pictures::http::{delete_profile_image, read_profile_image, upload_profile_image},
    profile::http::{change_profile, read_own_profile, read_profile},
    recovery::http::{
        change_password, confirm_email, log_in_by_code, log_in_by_link, request_email_change, request_log_in,
        request_reset, request_verification, reset, undo_email_change, verify_email,
    },
    sign_up::http::sign_up,
    tokens::http::read_keys,
};

/// The table of the interface.
#[expect(clippy::too_many_lines, reason = "one line for each route, and it is read as a table")]
pub(crate) fn api() -> Api<App> {
    Api::new("Portcullis", env!("CARGO_PKG_VERSION"))
        .description(
            "Accounts and authorization for an API. Sign up, press **Authorize**, and call the rest.",
        )
        .tag("account", "From sign-up to log-out.")
        .route(post("/signup", sign_up).summary("Create an account"))
        .route(post("/login", log_in).summary("Log in and receive an access token"))
        .route(post("/login/cookie", log_in_with_cookie).summary("Log in and receive a cookie"))
        .route(post("/login/factor", finish_log_in).summary("Finish a login with a second factor"))
        .route(
            post("/login/factor/totp", enrol_at_log_in)
                .summary("Get a key for the authenticator app that a login requires"),
        )
        .route(post("/token", exchange_token).summary("Exchange a refresh token for new tokens"))
        .route(post("/logout", log_out).summary("End this session, at once and everywhere"))
        .tag("recovery", "What a mailed link does, and how the owner of an account is reached.")
        .route(post("/login/link", request_log_in).summary("Mail me a link and a code to log in"))
        .route(post("/login/link/token", log_in_by_link).summary("Log in by a mailed link"))
        .route(post("/login/code", log_in_by_code).summary("Log in by a mailed code"))
        .route(
            post("/email/verification", request_verification).summary("Mail me a link to confirm my address"),
        )
        .route(post("/email/verify", verify_email).summary("Confirm my address by a mailed link"))
        .route(
            put("/email", request_email_change).summary("Change my address, once the new one is confirmed"),
        )
        .route(post("/email/confirm", confirm_email).summary("Confirm my new address by a mailed link"))
        .route(post("/email/undo", undo_email_change).summary("Put my old address back by a mailed link"))
        .route(put("/password", change_password).summary("Change my password"))
        .route(post("/password/forgot", request_reset).summary("Mail me a link to set a new password"))
        .route(post("/password/reset", reset).summary("Set a new password by a mailed link"))
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
        .tag("second factor", "An authenticator app, and recovery codes.")
        .route(get("/factors", read_factors).summary("Read my second factor"))
        .route(post("/factors/totp", add_totp).summary("Get a key for an authenticator app"))
        .route(
            post("/factors/totp/confirm", confirm_totp)
                .summary("Add or replace my authenticator app, with a first code of it"),
        )
        .route(delete("/factors/totp", remove_totp).summary("Remove my authenticator app"))
        .route(post("/factors/recovery-codes", make_recovery_codes).summary("Make new recovery codes"))
        .tag("leaving", "Taking one's data along, and being forgotten.")
        .route(get("/export", export_account).summary("Take my data along"))
        .route(delete("/account", delete_account).summary("Delete my account"))
        .route(delete("/account/deletion", cancel_deletion).summary("Call my account back"))
        .tag("administration", "Other people's accounts, for administrators.")
        .route(get("/admin/accounts", list_accounts).summary("List and find accounts"))
        .route(get("/admin/accounts/{id}", read_account).summary("Read an account and its sessions"))
        .route(delete("/admin/accounts/{id}", remove_account).summary("Delete an account"))
        .route(post("/admin/accounts/{id}/disable", disable_account).summary("Disable an account"))
        .route(post("/admin/accounts/{id}/enable", enable_account).summary("Enable an account"))
        .route(
            delete("/admin/accounts/{id}/sessions", end_account_sessions)
                .summary("End an account's sessions"),
        )
        .route(
            post("/admin/accounts/{id}/password-reset", start_password_reset)
                .summary("Mail an account's owner a link to set a new password"),
        )
        .route(
            delete("/admin/accounts/{id}/factors", remove_account_factor)
                .summary("Remove a second factor that its owner has lost"),
        )
        .route(put("/admin/accounts/{id}/role", set_account_role).summary("Change an account's role"))
        .route(get("/admin/audit-events", list_audit_events).summary("Read the audit trail"))
        .route(post("/admin/claim", claim_first_admin).summary("Become the first administrator"))
        .tag("operation", "For those who run the server and those who verify its tokens.")
        .route(get("/health", check_health).summary("Is the process alive?"))
        .route(get("/ready", check_readiness).summary("Can it serve?"))
        .route(get("/.well-known/jwks.json", read_keys).summary("The public keys of the access tokens"))
}

/// The pages. [`dress`] lays itself around each: no POST of another site gets through, whatever the handler asks for.
pub(crate) fn pages(app: &App) -> Router<App> {
    use crate::{
        admin::pages as console, devices::pages as session, factors::pages as factors,
        leaving::pages as leaving, login::pages as login, profile::pages as account,
        recovery::pages as recovery, sign_up::pages as sign_up,
    };
    use routing::{any, get, post};

    Router::new()
        // For strangers.
        .route("/", get(account::go_to_account))
        .route("/account/sign-up", get(sign_up::show_sign_up).post(sign_up::sign_up))
        .route("/account/log-in", get(login::show_log_in).post(login::log_in))
        .route("/account/log-in/factor", get(factors::show_log_in).post(factors::finish_log_in))
        .route("/account/log-in/mail", get(recovery::show_log_in_by_mail).post(recovery::request_log_in))
        .route("/account/log-in/code", get(recovery::show_code).post(recovery::log_in_by_code))
        .route("/account/log-in/link", get(recovery::show_log_in_link).post(recovery::log_in_by_link))
        .route("/account/log-out", post(session::log_out))
        .route("/account/forgotten", get(recovery::show_forgotten).post(recovery::request_reset))
        .route("/account/check-mail", get(recovery::show_check_mail))
        .route("/account/reset", get(recovery::show_reset).post(recovery::reset))
        .route("/account/verify", get(recovery::show_verify).post(recovery::verify))
        .route("/account/email/confirm", get(recovery::show_confirm_email).post(recovery::confirm_email))
        .route("/account/email/undo", get(recovery::show_undo_email).post(recovery::undo_email))
        // For the owner of an account.
        .route("/account", get(account::show_account))
        .route("/account/profile", post(account::change_profile))
        .route("/account/picture", post(account::set_picture))
        .route("/account/picture/remove", post(account::remove_picture))
        .route("/account/email", get(recovery::show_email).post(recovery::request_email_change))
        .route("/account/email/verification", post(recovery::request_verification))
        .route("/account/password", get(recovery::show_password).post(recovery::change_password))
        .route("/account/second-factor", get(factors::show_factors))
        .route("/account/second-factor/totp", get(factors::go_to_factors).post(factors::add_totp))
        .route("/account/second-factor/confirm", get(factors::go_to_factors).post(factors::confirm_totp))
        .route("/account/second-factor/codes", get(factors::go_to_factors).post(factors::make_codes))
        .route("/account/second-factor/remove", get(factors::go_to_factors).post(factors::remove_totp))
        .route("/account/sessions", get(session::show_sessions))
        .route("/account/sessions/end", post(session::end_session))
        .route("/account/sessions/end-others", post(session::end_other_sessions))
        .route("/account/confirm", get(login::show_confirm).post(login::confirm))
        .route("/account/export", get(leaving::show_export).post(leaving::export_account))
        .route("/account/delete", get(leaving::show_delete).post(leaving::delete_account))
        .route("/account/delete/call-back", post(leaving::cancel_deletion))
        .route("/account/{*rest}", any(show_nothing))
        // For administrators.
        .route("/console", get(console::show_accounts))
        .route("/console/accounts/{id}", get(console::show_account))
        .route("/console/accounts/{id}/{act}", post(console::act_on_account))
        .route("/console/audit", get(console::show_audit_trail))
        .route("/console/claim", get(console::show_claim).post(console::claim))
        .route("/console/{*rest}", any(show_nothing))
        .route_layer(middleware::from_fn_with_state(app.clone(), dress))
        // What pages are dressed in.
        .route("/assets/{name}", get(serve_asset))
}
