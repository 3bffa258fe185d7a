//! Every route of the server, grouped by caller.
//!
//! `/docs` and `/openapi.json` are generated from the first table ([`crate::App::router`]). The second contains the
//! pages for people: they are not in the document, but guarded by the same types.

use axum::{Router, extract::State, middleware, response::Redirect, routing};
use portcullis::{
    Api,
    api::{delete, get, patch, post, put},
};

use crate::{
    admin::attributes::{
        change_account_attributes, change_attributes_of_organisation, read_account_attributes,
        read_attributes_of_organisation,
    },
    admin::http::{
        claim_first_admin, disable_account, enable_account, end_account_sessions, export_audit_events,
        invite_account, list_accounts, list_audit_events, read_account, remove_account,
        remove_account_factor, remove_account_keys, set_account_role, start_password_reset,
    },
    admin::organisations::{
        list_all_organisations, list_members_of_organisation, list_service_accounts_of_organisation,
        remove_organisation, set_role_in_organisation,
    },
    api_keys::http::{create_key, list_keys, remove_key, rotate_key},
    app::App,
    devices::http::{end_other_sessions, end_session, list_sessions, log_out},
    factors::http::{
        add_totp, ask_for_passkey_at_log_in, confirm_totp, enrol_at_log_in, finish_log_in,
        finish_log_in_by_passkey, forget_remembered_device, list_remembered_devices, make_recovery_codes,
        read_factors, remove_totp,
    },
    groups::http::{
        invitations::{accept_invitation, invite_member, list_invitations, revoke_invitation},
        members::{hand_over_organisation, leave_organisation, list_members, remove_member, set_member_role},
        organisations::{
            change_organisation_attributes, create_organisation, delete_organisation, list_organisations,
            read_organisation, read_organisation_attributes, rename_organisation,
        },
        services::{
            change_service_account, create_service_account, create_service_account_key,
            delete_service_account, list_service_account_keys, list_service_accounts,
            list_team_service_accounts, remove_service_account_key, rotate_service_account_key,
        },
        teams::{
            add_team_member, change_team, create_team, delete_team, list_team_members, list_teams,
            remove_team_member,
        },
    },
    health::{check_health, check_readiness},
    identities::http::{list_identities, list_login_providers, unlink_identity},
    leaving::http::{cancel_deletion, delete_account, export_account},
    login::http::{
        ask_for_passkey, log_in, log_in_by_passkey, log_in_by_passkey_with_cookie, log_in_with_cookie,
    },
    oauth::token::exchange_token,
    pages::{dress, serve_asset, show_icon, show_nothing, show_touch_icon},
    passkeys::http::{
        add_passkey, ask_for_new_passkey, list_passkeys, read_passkey_endpoints, remove_passkey,
        rename_passkey,
    },
    paths,
    pictures::http::{delete_profile_image, read_profile_image, upload_profile_image},
    policy::http::explain_any_access,
    profile::http::{
        change_own_attributes, change_profile, read_attributes, read_own_attributes, read_own_profile,
        read_profile,
    },
    recovery::http::{
        cancel_email_change, change_password, confirm_email, log_in_by_code, log_in_by_link,
        request_email_change, request_log_in, request_reset, request_verification, reset, undo_email_change,
        verify_email,
    },
    sign_up::http::{ask_for_first_passkey, list_attributes_asked, sign_up, sign_up_with_passkey},
    tokens::http::read_keys,
};

/// The routes of the API.
#[expect(clippy::too_many_lines, reason = "one line for each route, and it is read as a table")]
pub(crate) fn api() -> Api<App> {
    Api::new("Portcullis", env!("CARGO_PKG_VERSION"))
        .description(
            "Accounts and authorization for an API. Sign up, press **Authorize**, and call the rest.",
        )
        .tag("account", "From sign-up to logout.")
        .route(post("/signup", sign_up).summary("Create an account"))
        .route(
            get("/signup/attributes", list_attributes_asked)
                .summary("List the attributes that sign-up asks for"),
        )
        .route(
            post("/signup/passkey/options", ask_for_first_passkey)
                .summary("Get the passkey options for a sign-up"),
        )
        .route(
            post("/signup/passkey", sign_up_with_passkey)
                .summary("Create an account with a passkey instead of a password"),
        )
        .route(post("/login", log_in).summary("Log in and receive an access token"))
        .route(post("/login/cookie", log_in_with_cookie).summary("Log in and receive a cookie"))
        .route(post("/login/factor", finish_log_in).summary("Finish a login with a second factor"))
        .route(
            post("/login/factor/totp", enrol_at_log_in)
                .summary("Get a key for the authenticator app that a login requires"),
        )
        .route(
            get("/login/with", list_login_providers)
                .summary("List the providers that people can log in with"),
        )
        .route(
            post("/login/factor/passkey/options", ask_for_passkey_at_log_in)
                .summary("Get the passkey options for a second factor"),
        )
        .route(
            post("/login/factor/passkey", finish_log_in_by_passkey)
                .summary("Finish a login with a passkey as the second factor"),
        )
        .route(post("/login/passkey/options", ask_for_passkey).summary("Get the passkey options for a login"))
        .route(
            post("/login/passkey", log_in_by_passkey)
                .summary("Log in with a passkey and receive an access token"),
        )
        .route(
            post("/login/passkey/cookie", log_in_by_passkey_with_cookie)
                .summary("Log in with a passkey and receive a cookie"),
        )
        .route(post("/token", exchange_token).summary("Exchange a refresh token for new tokens"))
        .route(post("/logout", log_out).summary("End this session"))
        .tag("profile", "Your name and picture.")
        .route(get("/profile", read_own_profile).summary("Read my profile"))
        .route(patch("/profile", change_profile).summary("Change my profile"))
        .route(get("/profile/{id}", read_profile).summary("Read a profile"))
        .route(get("/attributes", read_own_attributes).summary("Read my attributes"))
        .route(patch("/attributes", change_own_attributes).summary("Change my attributes"))
        .route(
            get("/profile/{id}/attributes", read_attributes)
                .summary("Read the attributes of an account that you may see"),
        )
        .route(post("/upload-profile-image", upload_profile_image).summary("Set my picture"))
        .route(delete("/profile-image", delete_profile_image).summary("Remove my picture"))
        .route(get("/profile-images/{id}", read_profile_image).summary("Read a picture"))
        .tag(
            "recovery",
            "Links and codes sent by email: confirm an address, log in, reset a password, change an address.",
        )
        .route(post("/login/link", request_log_in).summary("Send me a link and a code to log in"))
        .route(post("/login/link/token", log_in_by_link).summary("Log in with an emailed link"))
        .route(post("/login/code", log_in_by_code).summary("Log in with an emailed code"))
        .route(
            post("/email/verification", request_verification)
                .summary("Send me a link to confirm my email address"),
        )
        .route(post("/email/verify", verify_email).summary("Confirm my email address with an emailed link"))
        .route(put("/email", request_email_change).summary("Request a change of my email address"))
        .route(delete("/email/change", cancel_email_change).summary("Cancel the change of my email address"))
        .route(
            post("/email/confirm", confirm_email)
                .summary("Confirm my new email address with an emailed link"),
        )
        .route(
            post("/email/undo", undo_email_change)
                .summary("Restore my old email address with an emailed link"),
        )
        .route(put("/password", change_password).summary("Change my password"))
        .route(post("/password/forgot", request_reset).summary("Send me a password reset link"))
        .route(post("/password/reset", reset).summary("Set a new password with an emailed link"))
        .tag("session", "Active sessions.")
        .route(get("/sessions", list_sessions).summary("List my sessions"))
        .route(delete("/sessions", end_other_sessions).summary("End all my other sessions"))
        .route(delete("/sessions/{id}", end_session).summary("End one of my sessions"))
        .tag("second factor", "An authenticator app and recovery codes.")
        .route(get("/factors", read_factors).summary("Read my second factor"))
        .route(post("/factors/totp", add_totp).summary("Get a key for an authenticator app"))
        .route(
            post("/factors/totp/confirm", confirm_totp)
                .summary("Confirm my authenticator app with its first code"),
        )
        .route(delete("/factors/totp", remove_totp).summary("Remove my authenticator app"))
        .route(post("/factors/recovery-codes", make_recovery_codes).summary("Create new recovery codes"))
        .route(get("/factors/devices", list_remembered_devices).summary("List my remembered devices"))
        .route(
            delete("/factors/devices/{id}", forget_remembered_device)
                .summary("Forget one of my remembered devices"),
        )
        .tag("linked accounts", "Accounts at other providers that you log in with.")
        .route(get("/identities", list_identities).summary("List my linked accounts"))
        .route(delete("/identities/{id}", unlink_identity).summary("Unlink an account"))
        .tag("passkeys", "Add, rename and remove passkeys.")
        .route(get("/passkeys", list_passkeys).summary("List my passkeys"))
        .route(post("/passkeys/options", ask_for_new_passkey).summary("Get the options for a new passkey"))
        .route(post("/passkeys", add_passkey).summary("Add a passkey"))
        .route(patch("/passkeys/{id}", rename_passkey).summary("Rename one of my passkeys"))
        .route(delete("/passkeys/{id}", remove_passkey).summary("Remove one of my passkeys"))
        .route(
            get("/.well-known/passkey-endpoints", read_passkey_endpoints)
                .summary("Tell password managers where passkeys are managed"),
        )
        .tag("API keys", "Keys for programs that act for you.")
        .route(post("/keys", create_key).summary("Create an API key"))
        .route(get("/keys", list_keys).summary("List my API keys"))
        .route(delete("/keys/{id}", remove_key).summary("Remove one of my API keys"))
        .route(post("/keys/{id}/rotate", rotate_key).summary("Replace one of my API keys with a new one"))
        .tag(
            "organisations",
            "Organisations, their teams and members. Your role in each decides what you may do.",
        )
        .route(get("/organisations", list_organisations).summary("List my organisations"))
        .route(post("/organisations", create_organisation).summary("Create an organisation"))
        .route(get("/organisations/{id}", read_organisation).summary("Read an organisation"))
        .route(patch("/organisations/{id}", rename_organisation).summary("Rename an organisation"))
        .route(delete("/organisations/{id}", delete_organisation).summary("Delete an organisation"))
        .route(
            get("/organisations/{id}/attributes", read_organisation_attributes)
                .summary("Read an organisation's attributes"),
        )
        .route(
            patch("/organisations/{id}/attributes", change_organisation_attributes)
                .summary("Change an organisation's attributes"),
        )
        .route(post("/organisations/{id}/leave", leave_organisation).summary("Leave an organisation"))
        .route(
            post("/organisations/{id}/hand-over", hand_over_organisation)
                .summary("Hand an organisation over to another member"),
        )
        .route(get("/organisations/{id}/members", list_members).summary("List an organisation's members"))
        .route(
            put("/organisations/{id}/members/{account}", set_member_role).summary("Change a member's role"),
        )
        .route(delete("/organisations/{id}/members/{account}", remove_member).summary("Remove a member"))
        .route(
            get("/organisations/{id}/invitations", list_invitations)
                .summary("List an organisation's open invitations"),
        )
        .route(
            post("/organisations/{id}/invitations", invite_member)
                .summary("Invite someone to an organisation by email"),
        )
        .route(
            delete("/organisations/{id}/invitations/{invitation}", revoke_invitation)
                .summary("Revoke an invitation"),
        )
        .route(
            post("/invitations/accept", accept_invitation)
                .summary("Join an organisation with an emailed invitation"),
        )
        .route(
            get("/organisations/{id}/service-accounts", list_service_accounts)
                .summary("List an organisation's service accounts"),
        )
        .route(
            post("/organisations/{id}/service-accounts", create_service_account)
                .summary("Create a service account"),
        )
        .route(
            patch("/organisations/{id}/service-accounts/{account}", change_service_account)
                .summary("Disable or enable a service account"),
        )
        .route(
            delete("/organisations/{id}/service-accounts/{account}", delete_service_account)
                .summary("Delete a service account"),
        )
        .route(
            get("/organisations/{id}/service-accounts/{account}/keys", list_service_account_keys)
                .summary("List the API keys of a service account"),
        )
        .route(
            post("/organisations/{id}/service-accounts/{account}/keys", create_service_account_key)
                .summary("Create an API key of a service account"),
        )
        .route(
            post(
                "/organisations/{id}/service-accounts/{account}/keys/{key}/rotate",
                rotate_service_account_key,
            )
            .summary("Replace an API key of a service account with a new one"),
        )
        .route(
            delete("/organisations/{id}/service-accounts/{account}/keys/{key}", remove_service_account_key)
                .summary("Remove an API key of a service account"),
        )
        .route(get("/organisations/{id}/teams", list_teams).summary("List an organisation's teams"))
        .route(post("/organisations/{id}/teams", create_team).summary("Create a team"))
        .route(patch("/organisations/{id}/teams/{team}", change_team).summary("Rename or move a team"))
        .route(delete("/organisations/{id}/teams/{team}", delete_team).summary("Delete a team"))
        .route(
            get("/organisations/{id}/teams/{team}/members", list_team_members)
                .summary("List a team's members"),
        )
        .route(
            put("/organisations/{id}/teams/{team}/members/{account}", add_team_member)
                .summary("Add a member to a team"),
        )
        .route(
            delete("/organisations/{id}/teams/{team}/members/{account}", remove_team_member)
                .summary("Remove a member from a team"),
        )
        .route(
            get("/organisations/{id}/teams/{team}/service-accounts", list_team_service_accounts)
                .summary("List a team's service accounts"),
        )
        .tag("leaving", "Export your data and delete your account.")
        .route(get("/export", export_account).summary("Export my data"))
        .route(delete("/account", delete_account).summary("Delete my account"))
        .route(delete("/account/deletion", cancel_deletion).summary("Cancel the deletion of my account"))
        .tag("administration", "Manage accounts. For administrators.")
        .route(get("/admin/accounts", list_accounts).summary("List and find accounts"))
        .route(
            post("/admin/accounts", invite_account)
                .summary("Create an account and email its owner a link to choose a password"),
        )
        .route(get("/admin/accounts/{id}", read_account).summary("Read an account and its sessions"))
        .route(
            get("/admin/accounts/{id}/access", explain_any_access)
                .summary("Explain an account's access to a row of the application"),
        )
        .route(delete("/admin/accounts/{id}", remove_account).summary("Delete an account"))
        .route(post("/admin/accounts/{id}/disable", disable_account).summary("Disable an account"))
        .route(post("/admin/accounts/{id}/enable", enable_account).summary("Enable an account"))
        .route(
            delete("/admin/accounts/{id}/sessions", end_account_sessions)
                .summary("End an account's sessions"),
        )
        .route(
            post("/admin/accounts/{id}/password-reset", start_password_reset)
                .summary("Send a password reset link to an account's owner"),
        )
        .route(
            delete("/admin/accounts/{id}/keys", remove_account_keys)
                .summary("Remove all API keys of an account"),
        )
        .route(
            delete("/admin/accounts/{id}/factors", remove_account_factor)
                .summary("Remove the second factor of an account"),
        )
        .route(
            get("/admin/accounts/{id}/attributes", read_account_attributes)
                .summary("Read an account's attributes"),
        )
        .route(
            patch("/admin/accounts/{id}/attributes", change_account_attributes)
                .summary("Change an account's attributes"),
        )
        .route(put("/admin/accounts/{id}/role", set_account_role).summary("Change an account's role"))
        .route(get("/admin/organisations", list_all_organisations).summary("List and find organisations"))
        .route(
            get("/admin/organisations/{id}/members", list_members_of_organisation)
                .summary("List the members of any organisation"),
        )
        .route(
            get("/admin/organisations/{id}/service-accounts", list_service_accounts_of_organisation)
                .summary("List the service accounts of any organisation"),
        )
        .route(
            put("/admin/organisations/{id}/members/{account}", set_role_in_organisation)
                .summary("Change a member's role in any organisation"),
        )
        .route(
            get("/admin/organisations/{id}/attributes", read_attributes_of_organisation)
                .summary("Read the attributes of any organisation"),
        )
        .route(
            patch("/admin/organisations/{id}/attributes", change_attributes_of_organisation)
                .summary("Change the attributes of any organisation"),
        )
        .route(delete("/admin/organisations/{id}", remove_organisation).summary("Delete any organisation"))
        .route(get("/admin/audit-events", list_audit_events).summary("Read the audit log"))
        .route(get("/admin/audit-events.csv", export_audit_events).summary("Export the audit log as CSV"))
        .route(post("/admin/claim", claim_first_admin).summary("Become the first administrator"))
        .tag("operation", "Health checks, and the public keys that verify access tokens.")
        .route(get("/health", check_health).summary("Check that the process is alive"))
        .route(get("/ready", check_readiness).summary("Check that the server can serve requests"))
        .route(
            get("/.well-known/jwks.json", read_keys).summary("Get the public keys that verify access tokens"),
        )
}

/// The routes of the pages. [`dress`] wraps each of them: no POST from another site gets through, whatever the handler
/// requires.
#[expect(clippy::too_many_lines, reason = "one line for each page, and it is read as a table")]
pub(crate) fn pages(app: &App) -> Router<App> {
    use crate::{
        admin::pages as console, api_keys::pages as keys, devices::pages as session,
        factors::pages as factors, groups::pages as groups, identities::pages as identities,
        leaving::pages as leaving, login::pages as login, passkeys::pages as passkeys,
        policy::pages as policy, profile::pages as account, recovery::pages as recovery,
        sign_up::pages as sign_up, social::pages as social,
    };
    use routing::{any, get, post};

    Router::new()
        // For everyone.
        .route(paths::ROOT, get(account::go_to_account))
        .route(paths::SIGN_UP, get(sign_up::show_sign_up).post(sign_up::sign_up))
        .route(paths::SIGN_UP_PASSKEY, get(sign_up::go_to_sign_up).post(sign_up::ask_for_passkey))
        .route(paths::CREATE_FIRST_PASSKEY, get(sign_up::go_to_sign_up).post(sign_up::sign_up_with_passkey))
        .route(paths::LOG_IN, get(login::show_log_in).post(login::log_in))
        .route(paths::LOG_IN_FACTOR, get(factors::show_log_in).post(factors::finish_log_in))
        .route(
            paths::LOG_IN_FACTOR_PASSKEY,
            get(factors::show_log_in).post(factors::finish_log_in_by_passkey),
        )
        .route(paths::LOG_IN_BY_PASSKEY, get(login::go_to_log_in).post(login::log_in_by_passkey))
        .route(paths::LOG_IN_BY_MAIL, get(recovery::show_log_in_by_mail).post(recovery::request_log_in))
        .route(paths::LOG_IN_BY_CODE, get(recovery::show_code).post(recovery::log_in_by_code))
        .route(paths::LOG_IN_BY_LINK, get(recovery::show_log_in_link).post(recovery::log_in_by_link))
        .route(paths::LOG_IN_WITH, get(social::go_to_log_in).post(social::begin_log_in))
        .route(paths::CALLBACK, get(social::come_back))
        .route(paths::PROVE, get(social::go_to_log_in).post(social::send_code))
        .route(paths::PROVE_CODE, get(social::go_to_log_in).post(social::use_code))
        .route(paths::LOG_OUT, post(session::log_out))
        .route(paths::FORGOTTEN, get(recovery::show_forgotten).post(recovery::request_reset))
        .route(paths::CHECK_MAIL, get(recovery::show_check_mail))
        .route(paths::RESET, get(recovery::show_reset).post(recovery::reset))
        .route(paths::VERIFY, get(recovery::show_verify).post(recovery::verify))
        .route(paths::CONFIRM_EMAIL, get(recovery::show_confirm_email).post(recovery::confirm_email))
        .route(paths::UNDO_EMAIL, get(recovery::show_undo_email).post(recovery::undo_email))
        .route(paths::INVITATION, get(groups::show_invitation).post(groups::accept))
        // For the owner of an account.
        .route(paths::ACCOUNT, get(account::show_account))
        .route(paths::PROFILE, post(account::change_profile))
        .route(paths::ATTRIBUTES, get(account::go_to_account).post(account::change_attributes))
        .route(paths::PICTURE, post(account::set_picture))
        .route(paths::REMOVE_PICTURE, post(account::remove_picture))
        .route(paths::EMAIL, get(recovery::show_email).post(recovery::request_email_change))
        .route(paths::CANCEL_EMAIL, post(recovery::cancel_email_change))
        .route(paths::VERIFICATION, post(recovery::request_verification))
        .route(paths::PASSWORD, get(recovery::show_password).post(recovery::change_password))
        .route(paths::FACTOR, get(factors::show_factors))
        .route(paths::ADD_TOTP, get(factors::go_to_factors).post(factors::add_totp))
        .route(paths::CONFIRM_TOTP, get(factors::go_to_factors).post(factors::confirm_totp))
        .route(paths::MAKE_CODES, get(factors::go_to_factors).post(factors::make_codes))
        .route(paths::REMOVE_TOTP, get(factors::go_to_factors).post(factors::remove_totp))
        .route(paths::FORGET_DEVICE, get(factors::go_to_factors).post(factors::forget_device))
        .route(paths::LINKED, get(identities::show_linked))
        .route(paths::LINK_WITH, get(social::go_to_linked).post(social::begin_link))
        .route(paths::UNLINK, get(social::go_to_linked).post(identities::unlink))
        .route(paths::PASSKEYS, get(passkeys::show_passkeys))
        .route(paths::ADD_PASSKEY, get(passkeys::go_to_passkeys).post(passkeys::begin_to_add))
        .route(paths::CREATE_PASSKEY, get(passkeys::go_to_passkeys).post(passkeys::add_passkey))
        .route(paths::RENAME_PASSKEY, get(passkeys::go_to_passkeys).post(passkeys::rename_passkey))
        .route(paths::REMOVE_PASSKEY, get(passkeys::go_to_passkeys).post(passkeys::remove_passkey))
        .route(paths::API_KEYS, get(keys::show_keys))
        .route(paths::NEW_API_KEY, get(keys::show_new_key).post(keys::create_key))
        .route(paths::ROTATE_API_KEY, get(keys::go_to_keys).post(keys::rotate_key))
        .route(paths::REMOVE_API_KEY, get(keys::go_to_keys).post(keys::remove_key))
        .route(paths::SESSIONS, get(session::show_sessions))
        .route(paths::END_SESSION, post(session::end_session))
        .route(paths::END_OTHER_SESSIONS, post(session::end_other_sessions))
        .route(paths::ORGANISATIONS, get(groups::show_organisations))
        .route(paths::NEW_ORGANISATION, get(groups::show_create).post(groups::create))
        .route(paths::ORGANISATION, get(groups::show_organisation))
        .route(paths::ORGANISATION_ATTRIBUTES, get(groups::show_organisation).post(groups::change_attributes))
        .route(paths::ORGANISATION_ACT, get(groups::show_act).post(groups::act))
        .route(paths::MEMBER, get(groups::show_member).post(groups::change_member))
        .route(paths::TEAM, get(groups::show_team).post(groups::change_team))
        .route(paths::SERVICES, get(groups::show_services).post(groups::create_service))
        .route(paths::SERVICE, get(groups::show_service).post(groups::change_service))
        .route(paths::NEW_SERVICE_KEY, get(groups::show_new_service_key).post(groups::create_service_key))
        .route(paths::CONFIRM, get(login::show_confirm).post(login::confirm))
        .route(paths::CONFIRM_BY_CODE, get(login::go_to_confirm).post(login::confirm_by_code))
        .route(paths::CONFIRM_WITH, get(login::go_to_confirm).post(social::begin_confirm))
        .route(paths::CONFIRM_BY_PASSKEY, get(login::go_to_confirm).post(login::confirm_by_passkey))
        .route(paths::EXPORT, get(leaving::show_export).post(leaving::export_account))
        .route(paths::DELETE, get(leaving::show_delete).post(leaving::delete_account))
        .route(paths::CANCEL_DELETION, post(leaving::cancel_deletion))
        .route(paths::BELOW_ACCOUNT, any(show_nothing))
        // For administrators.
        .route(paths::CONSOLE, get(console::show_accounts))
        .route(paths::CONSOLE_ACCOUNT, get(console::show_account))
        .route(paths::CONSOLE_ATTRIBUTES, get(console::show_account).post(console::change_attributes))
        .route(paths::CONSOLE_ACCESS, get(policy::show_access))
        .route(paths::CONSOLE_ACT, get(console::show_act).post(console::act_on_account))
        .route(paths::CONSOLE_ORGANISATIONS, get(console::show_organisations))
        .route(
            paths::CONSOLE_ORGANISATION,
            get(console::show_organisation).post(console::act_on_organisation),
        )
        .route(
            paths::CONSOLE_ORGANISATION_ATTRIBUTES,
            get(console::show_organisation).post(console::change_attributes_of_organisation),
        )
        .route(paths::INVITE, get(console::show_invite).post(console::invite))
        .route(paths::AUDIT, get(console::show_audit_trail))
        .route(paths::AUDIT_CSV, get(console::export_audit_trail))
        .route(paths::CLAIM, get(console::show_claim).post(console::claim))
        .route(paths::BELOW_CONSOLE, any(show_nothing))
        .route_layer(middleware::from_fn_with_state(app.clone(), dress))
        // A provider posts its response here, from its own page.
        .route(paths::CALLBACK, post(social::take_posted))
        // Addresses that people and their browsers try.
        .route("/login", lead_to("/account/log-in"))
        .route("/signup", lead_to("/account/sign-up"))
        .route("/admin", lead_to("/console"))
        .route("/.well-known/change-password", lead_to("/account/password"))
        .route("/favicon.ico", get(show_icon))
        .route("/apple-touch-icon.png", get(show_touch_icon))
        .route("/apple-touch-icon-precomposed.png", get(show_touch_icon))
        // The assets of the pages.
        .route("/assets/{name}", get(serve_asset))
}

/// A GET of a path that belongs to another page, or to the API for other methods.
fn lead_to(page: &'static str) -> routing::MethodRouter<App> {
    routing::get(async move |State(app): State<App>| {
        Redirect::to(&format!("{}{page}", app.public_url().path()))
    })
}
