//! Access tokens (RFC 9068): issued for a log-in, verified with a look at the session's row.

pub(crate) mod http;
mod keys;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use axum::extract::FromRef;
use axum::response::{IntoResponse, Response};
use portcullis::{
    AccessTokens, Bearer, DescribeResponse, Granted, Json, Operation, Scope, SecurityScheme, Verdict, Verify,
    VerifyFailed,
};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::keys::KeysError;
pub(crate) use self::keys::SigningKeys;
use crate::{
    access::Principal,
    accounts::AccountId,
    app::App,
    clock::{Clock, Timestamp},
    db::Db,
    error::Error,
    login::LoggedIn,
    random,
    sessions::{Checks, SessionId},
};

/// Who the tokens of `/login` are given to: the first party, as RFC 9068 wants a name.
const FIRST_PARTY: &str = "portcullis";

/// To see one's profile.
#[derive(Debug)]
pub struct ProfileRead;

impl Scope for ProfileRead {
    const NAME: &'static str = "profile:read";
    const DESCRIPTION: &'static str = "See your profile";
}

/// To change one's profile.
#[derive(Debug)]
pub struct ProfileWrite;

impl Scope for ProfileWrite {
    const NAME: &'static str = "profile:write";
    const DESCRIPTION: &'static str = "Change your profile";
}

/// Every scope that a log-in can grant.
fn all_scopes() -> impl Iterator<Item = &'static str> {
    [ProfileRead::NAME, ProfileWrite::NAME].into_iter()
}

/// The scopes that a log-in asks for; none named means all (RFC 6749 §3.3).
pub(crate) fn scope_asked(scope: &str) -> Result<Granted, Error> {
    let asked = Granted::parse(scope);
    if asked.iter().next().is_none() {
        return Ok(all_scopes().map(str::to_owned).collect());
    }
    let known = asked.iter().all(|name| all_scopes().any(|known| known == name));
    if known { Ok(asked) } else { Err(Error::UnknownScope) }
}

/// A token that was signed.
#[derive(Debug)]
pub(crate) struct Issued {
    token: SignedToken,
    expires_in: Duration,
    scope: String,
}

/// The token's text; it does not print itself.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct SignedToken(String);

impl std::fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedToken(…)")
    }
}

/// The claims of RFC 9068 §2.2, and `sid` for the session.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: &'static str,
    scope: &'a str,
    sid: String,
}

/// Signs an access token. It takes the proof of a log-in: there is no token without a reason.
pub(crate) fn issue(app: &App, grounds: &LoggedIn, scope: &Granted, now: Timestamp) -> Result<Issued, Error> {
    let session = grounds.session();
    let scope = scope.iter().collect::<Vec<_>>().join(" ");
    let expires_in = app.config().access_token_ttl;
    let claims = Claims {
        iss: app.issuer(),
        sub: session.account.to_string(),
        aud: app.audience(),
        exp: (now + expires_in).as_secs(),
        iat: now.as_secs(),
        jti: random::uuid_v7(now).to_string(),
        client_id: FIRST_PARTY,
        scope: &scope,
        sid: session.id.to_string(),
    };
    let token = SignedToken(app.signing_keys().sign(&claims)?);
    Ok(Issued { token, expires_in, scope })
}

/// The answer of RFC 6749 §5.1.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenAnswer {
    /// Send it as `Authorization: Bearer …`.
    access_token: SignedToken,
    /// Always `bearer`.
    #[schemars(extend("const" = "bearer"))]
    token_type: &'static str,
    /// Seconds until the token ends.
    expires_in: u64,
    /// What the token allows.
    scope: String,
}

impl TokenAnswer {
    pub(crate) fn of(issued: Issued) -> Self {
        Self {
            access_token: issued.token,
            token_type: "bearer",
            expires_in: issued.expires_in.as_secs(),
            scope: issued.scope,
        }
    }
}

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(self)).into_response()
    }
}

impl DescribeResponse for TokenAnswer {
    fn describe_response(operation: &mut Operation<'_>) {
        operation.json_response::<Self>(StatusCode::OK, "Logged in");
    }
}

/// Verifies our own access tokens: signature and claims by the library, then the session's row.
///
/// An application that mounts the server's router guards its own routes with the same:
/// `Guard<SessionTokens>`.
#[derive(Debug, Clone)]
pub struct SessionTokens(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    tokens: AccessTokens,
    sessions: Checks,
}

impl SessionTokens {
    pub(crate) fn new(tokens: AccessTokens, db: Db, clock: Clock) -> Self {
        Self(Arc::new(Parts { tokens, sessions: Checks::new(db, clock) }))
    }
}

impl Verify for SessionTokens {
    type Credential = Bearer;
    type Principal = Principal;
    const SCHEME: &'static str = "portcullis";

    fn scheme() -> SecurityScheme {
        SecurityScheme::oauth2_password("login").described("Log in with your e-mail address and password.")
    }

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<Principal>, VerifyFailed> {
        let Verdict::Accepted(token, granted) = self.0.tokens.verify(bearer).await? else {
            return Ok(Verdict::Refused);
        };
        let session = token.session_id().and_then(SessionId::of_claim);
        let (Some(account), Some(session)) = (AccountId::of_subject(token.subject()), session) else {
            return Ok(Verdict::Refused);
        };
        if self.0.sessions.is_alive(session, account).await? {
            Ok(Verdict::Accepted(Principal { account, session }, granted))
        } else {
            Ok(Verdict::Refused)
        }
    }
}

impl FromRef<App> for SessionTokens {
    fn from_ref(app: &App) -> Self {
        app.session_tokens().clone()
    }
}
