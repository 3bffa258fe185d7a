//! Access tokens (RFC 9068): issued for a login, verified together with the session's row.

pub(crate) mod http;
mod keys;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use ::http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use axum::extract::FromRef;
use axum::response::{IntoResponse, Response};
use portcullis::{
    AccessTokens, Bearer, Granted, Json, Verdict, Verify, VerifyFailed,
    credential::{OAuth2Flow, SecurityScheme},
    describe::{DescribeResponse, Operation},
};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::keys::KeysError;
pub(crate) use self::keys::{SigningKeys, keys};
use crate::{
    access::{self, AppScopes, OfflineAccess, Principal, SessionId},
    accounts::AccountId,
    app::App,
    attributes::{self, AttributeValue},
    clock::{Clock, Timestamp},
    db::Db,
    error::Error,
    random,
    secret::SecretText,
    sessions::{Checks, LoggedIn, RefreshToken, Refreshed, Renewal, Session},
};

/// The client that the tokens of `/login` are issued to: the first party, because RFC 9068 requires a name.
const FIRST_PARTY: &str = "portcullis";

/// Why tokens are issued: a login or a valid refresh token. No token is issued without one of them.
#[derive(Debug)]
pub(crate) struct Grounds {
    session: Session,
    refresh_token: Option<RefreshToken>,
}

impl From<LoggedIn> for Grounds {
    fn from(logged_in: LoggedIn) -> Self {
        let (session, renewal) = logged_in.into_parts();
        let refresh_token = match renewal {
            Renewal::Refresh(token) => Some(token),
            Renewal::None | Renewal::Cookie(_) => None,
        };
        Self { session, refresh_token }
    }
}

impl From<Refreshed> for Grounds {
    fn from(refreshed: Refreshed) -> Self {
        let (session, successor) = refreshed.into_parts();
        Self { session, refresh_token: Some(successor) }
    }
}

impl Grounds {
    /// Narrows the access token to fewer scopes than the session has; `None` if `scope` asks for more (RFC 6749 §6).
    pub(crate) fn narrowed_to(mut self, scope: &str) -> Option<Self> {
        let asked = Granted::parse(scope);
        if asked.iter().next().is_none() {
            return Some(self);
        }
        let is_within = asked.iter().all(|name| self.session.scope.contains(name));
        self.session.scope = asked;
        is_within.then_some(self)
    }
}

/// The claims of RFC 9068 §2.2 and §2.2.1, and `sid` for the session.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: &'static str,
    auth_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
    acr: &'static str,
    scope: &'a str,
    sid: String,
    /// Declared so that none has the name of another claim.
    #[serde(flatten)]
    attributes: BTreeMap<&'a str, AttributeValue>,
}

/// Signs an access token.
pub(crate) async fn issue(app: &App, grounds: Grounds, now: Timestamp) -> Result<TokenAnswer, Error> {
    let Grounds { session, refresh_token } = grounds;
    let scope = session.scope.iter().collect::<Vec<_>>().join(" ");
    let expires_in = app.config().access_token_ttl;
    let claims = Claims {
        iss: app.issuer(),
        sub: session.account.to_string(),
        aud: app.audience(),
        exp: (now + expires_in).as_secs(),
        iat: now.as_secs(),
        jti: random::uuid_v7(now).to_string(),
        client_id: FIRST_PARTY,
        auth_time: session.authenticated_at.as_secs(),
        amr: session.amr.split_whitespace().collect(),
        acr: access::acr(&session.amr),
        scope: &scope,
        sid: session.id.to_string(),
        attributes: attributes::claims(app, session.account).await?.into_iter().collect(),
    };
    let access_token = SecretText::new(app.signing_keys().sign(&claims)?);
    let refresh_token = refresh_token.map(|token| token.text());
    let expires_in = expires_in.as_secs();
    Ok(TokenAnswer { access_token, token_type: "bearer", expires_in, scope, refresh_token })
}

/// The response of RFC 6749 §5.1.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenAnswer {
    /// Send it as `Authorization: Bearer …`.
    #[schemars(with = "String")]
    access_token: SecretText,
    /// Always `bearer`.
    #[schemars(extend("const" = "bearer"))]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// The scopes of the access token.
    scope: String,
    /// Send it to `/token` once to get new tokens. It is issued for the scope `offline_access`, or as the operator configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    refresh_token: Option<SecretText>,
}

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self)).into_response()
    }
}

impl DescribeResponse for TokenAnswer {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<Self>(StatusCode::OK, "Access token");
    }
}

/// Verifies our own access tokens: signature and claims by the library, then the session's row.
///
/// An application that mounts the server's router guards its own routes with it: `Guard<SessionTokens>`.
#[derive(Debug, Clone)]
pub struct SessionTokens(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    tokens: AccessTokens,
    sessions: Checks,
    scopes: AppScopes,
}

impl SessionTokens {
    pub(crate) fn new(tokens: AccessTokens, db: Db, clock: Clock, scopes: AppScopes) -> Self {
        Self(Arc::new(Parts { tokens, sessions: Checks::new(db, clock), scopes }))
    }
}

impl Verify for SessionTokens {
    type Credential = Bearer;
    type Principal = Principal;
    const SCHEME: &'static str = "portcullis";

    fn scheme() -> SecurityScheme {
        let log_in = OAuth2Flow::password("login").refreshed_at("token").offering::<OfflineAccess>();
        SecurityScheme::oauth2([log_in]).described("Log in with your email address and password.")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<Principal>, VerifyFailed> {
        let Verdict::Accepted(token, granted) = self.0.tokens.verify(bearer).await? else {
            return Ok(Verdict::Refused);
        };
        let session = token.session_id().and_then(SessionId::of_claim);
        let (Some(account), Some(session)) = (AccountId::of_subject(token.subject()), session) else {
            return Ok(Verdict::Refused);
        };
        Ok(match self.0.sessions.principal(session, account).await? {
            Some(principal) => Verdict::Accepted(principal, principal.role.limit(granted, &self.0.scopes)),
            None => Verdict::Refused,
        })
    }
}

impl FromRef<App> for SessionTokens {
    fn from_ref(app: &App) -> Self {
        app.session_tokens().clone()
    }
}
