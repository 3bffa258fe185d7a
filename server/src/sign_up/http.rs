//! The sign-up route.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use portcullis::{Json, Public, answers};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SignedUp, SigningUp};
use crate::{
    accounts::Account,
    app::App,
    client::Client,
    error::{Conflict, Error, Failed, Forbidden, Throttled, Unavailable, Unprocessable},
    messages::Language,
    recovery::http::{Accepted, accepted},
};

/// A new account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    /// Your email address. Case does not matter.
    #[schemars(length(min = 3, max = 254), extend("examples" = ["ada@example.com"]))]
    email: String,
    /// Your name as you write it.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Ada Lovelace"]))]
    full_name: String,
    /// At least 12 characters, or more if the operator says so, and not easy to guess.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "examples" = ["analytical-engine-1843"]))]
    password: String,
}

answers! {
    /// What a sign-up comes to.
    #[derive(Debug)]
    pub(crate) enum SignUpAnswer {
        /// The account.
        Made(Json<Account>) = 201,
        /// Where sign-up is quiet: the same response for every address. The email says what to do.
        Quietly(Json<Accepted>) = 202,
    }
}

pub(crate) async fn sign_up(
    _: Public,
    State(app): State<App>,
    client: Client,
    language: Language,
    Json(body): Json<SignUp>,
) -> Result<SignUpAnswer, Failed<(Forbidden, Conflict, Unprocessable, Throttled, Unavailable)>> {
    let (email, full_name, password) = (&body.email, &body.full_name, &body.password);
    let typed = SigningUp { email, full_name, password, language };
    Ok(match super::sign_up(&app, &typed, &client).await? {
        SignedUp::Made(account) => SignUpAnswer::Made(Json(account)),
        SignedUp::Quietly => SignUpAnswer::Quietly(accepted().0),
    })
}

/// If sign-up is closed, rejects its route before anything of the request is read (CVE-2024-49757).
pub(crate) async fn refuse_sign_up(request: Request, next: Next) -> Response {
    if request.uri().path() == "/signup" {
        return Error::SignUpClosed.into_response();
    }
    next.run(request).await
}
