//! `POST /token`: the token endpoint (RFC 6749 §3.2), for the grant type `refresh_token` (§6).

use axum::extract::State;
use portcullis::Public;

use super::{OAuthError, Parameters};
use crate::{
    app::App,
    client::Client,
    sessions::{self, RefreshToken},
    tokens::{self, Grounds, TokenAnswer},
};

pub(crate) async fn exchange_token(
    _: Public,
    State(app): State<App>,
    client: Client,
    parameters: Parameters,
) -> Result<TokenAnswer, OAuthError> {
    // The tokens are for the first party, which has no secret: a client that sends one means another server.
    if parameters.has_basic
        || parameters.get("client_id").is_some()
        || parameters.get("client_secret").is_some()
    {
        return Err(OAuthError::InvalidClient { by_basic: parameters.has_basic });
    }
    match parameters.get("grant_type") {
        Some("refresh_token") => {}
        Some(_) => return Err(OAuthError::UnsupportedGrantType),
        None => return Err(OAuthError::InvalidRequest("The parameter grant_type is missing")),
    }
    let token = parameters
        .get("refresh_token")
        .ok_or(OAuthError::InvalidRequest("The parameter refresh_token is missing"))?;
    let token = RefreshToken::parse(app.secret(), token).ok_or(OAuthError::InvalidGrant)?;
    let scope = parameters.get("scope").unwrap_or_default();
    if !sessions::covers(&app, &token, scope).await? {
        return Err(OAuthError::InvalidScope);
    }
    let refreshed = sessions::refresh(&app, &token, &client).await?.ok_or(OAuthError::InvalidGrant)?;
    let grounds = Grounds::from(refreshed).narrowed_to(scope).ok_or(OAuthError::InvalidScope)?;
    Ok(tokens::issue(&app, grounds, app.now()).await?)
}
