//! An attempt: a browser that is sent to a provider and returns.
//!
//! | an attempt is | when |
//! |---|---|
//! | open | it was begun within 10 minutes, and nobody has returned |
//! | over | the browser returned, or began five more |
//!
//! Returning requires the `state` that was sent, the attempt's cookie, and the path of the same provider. The row binds
//! each to the others (RFC 9700 §4.7.1, §4.4.2.2).

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::{LIFETIME, cookies, store};
use crate::{
    access::SessionId,
    app::App,
    client::Client,
    error::Error,
    limits, paths,
    secret::sha256,
    upstream::{Ask, CallbackParams, Kept, Proved, Provider, UpstreamError},
};

/// The purpose that nonce and verifier are sealed for.
const KEPT: &str = "social login: kept";
/// The purpose that a posted response is sealed for.
const ANSWER: &str = "social login: answer";
/// The maximum length of a returned `state` in bytes.
const LONGEST_STATE: usize = 256;

/// What a browser is sent to a provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    LogIn,
    /// To link an identity in this session.
    Link(SessionId),
    /// To confirm in this session that its owner is there: the provider is to ask again.
    Confirm(SessionId),
}

impl Purpose {
    fn session(self) -> Option<SessionId> {
        match self {
            Self::LogIn => None,
            Self::Link(session) | Self::Confirm(session) => Some(session),
        }
    }

    /// As it was kept: a fresh login is asked for to confirm, and for nothing else.
    fn of(session: Option<SessionId>, kept: &Kept) -> Self {
        match session {
            None => Self::LogIn,
            Some(session) if kept.is_fresh() => Self::Confirm(session),
            Some(session) => Self::Link(session),
        }
    }
}

/// An attempt that has begun.
pub(super) struct Begun {
    /// The URL that the browser is sent to.
    pub(super) url: String,
    /// Cookies to set and to clear.
    pub(super) cookies: Vec<(HeaderName, HeaderValue)>,
}

/// Why an attempt failed.
pub(super) enum Failed {
    Upstream(UpstreamError, Purpose),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Begins an attempt.
pub(super) async fn begin(
    app: &App,
    provider: &Provider,
    purpose: Purpose,
    way_back: &str,
    headers: &HeaderMap,
    client: &Client,
) -> Result<Begun, Failed> {
    limits::count_social(app, client).await?;
    let ask = Ask { fresh: matches!(purpose, Purpose::Confirm(_)) };
    let begun = provider.begin(&redirect_uri(app, provider), ask).await;
    let begun = begun.map_err(|error| Failed::Upstream(error, purpose))?;
    let kept = json(&begun.kept)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let (digest, secret) = (begun.kept.state.digest(), cookies::new_secret(now));
    let mut set = vec![cookies::set(app, &digest, &secret)?];
    for (older, cleared) in cookies::superseded(app, headers)? {
        store::delete_attempt_of(tx.conn(), &older.digest()).await?;
        set.push(cleared);
    }
    let attempt = store::Attempt {
        digest: &digest,
        cookie_digest: &secret.digest(),
        provider: provider.name(),
        session: purpose.session(),
        sealed: &app.secret().seal(KEPT, &kept),
        way_back,
        expires_at: now + LIFETIME,
    };
    store::insert_attempt(tx.conn(), &attempt).await?;
    tx.commit().await?;
    Ok(Begun { url: begun.url, cookies: set })
}

/// A browser that has returned, and who the provider says it is.
pub(super) struct Back {
    pub(super) proved: Proved,
    pub(super) purpose: Purpose,
    /// The path to go to afterwards.
    pub(super) next: String,
}

/// A response that a provider posts instead of returning it through the browser's URL (OAuth 2.0 Form Post Response
/// Mode).
#[derive(Serialize, Deserialize)]
struct Answer {
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    user: Option<String>,
}

/// Stores a posted response. It came without the browser's cookies, so it is used only once the browser itself brings
/// the `state`. `false` if there is no such attempt.
pub(super) async fn keep_answer(
    app: &App,
    provider: &Provider,
    state: &str,
    params: CallbackParams,
) -> Result<bool, Error> {
    if !provider.answers_by_form() || state.len() > LONGEST_STATE {
        return Ok(false);
    }
    let CallbackParams { code, iss, error, error_description, user } = params;
    let answer = json(&Answer { code, iss, error, error_description, user })?;
    let sealed = app.secret().seal(ANSWER, &answer);
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let is_kept = store::keep_answer(tx.conn(), &sha256(state), provider.name(), &sealed, now).await?;
    tx.commit().await?;
    Ok(is_kept)
}

/// Finishes an attempt: deletes its row and asks the provider who logged in. Also returns the header that clears its
/// cookie.
///
/// # Errors
/// [`Error::DeadLogin`] if the attempt was used or has expired, or belongs to another browser or provider.
pub(super) async fn finish(
    app: &App,
    provider: &Provider,
    state: &str,
    params: CallbackParams,
    headers: &HeaderMap,
) -> Result<(Back, (HeaderName, HeaderValue)), Failed> {
    if state.is_empty() || state.len() > LONGEST_STATE {
        return Err(Error::DeadLogin.into());
    }
    let digest = sha256(state);
    let secret = cookies::secret(app, headers, &digest).ok_or(Error::DeadLogin)?;
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let taken = store::take_attempt(tx.conn(), &digest, &secret.digest(), provider.name(), now).await?;
    let taken = taken.ok_or(Error::DeadLogin)?;
    tx.commit().await?;
    let kept: Kept = open(app, KEPT, &taken.sealed)?;
    let purpose = Purpose::of(taken.session_id, &kept);
    let params = match taken.sealed_answer {
        Some(sealed) => {
            let Answer { code, iss, error, error_description, user } = open(app, ANSWER, &sealed)?;
            CallbackParams { code, iss, error, error_description, user }
        }
        // A response that arrives by another way than requested is ignored.
        None if provider.answers_by_form() => return Err(Error::DeadLogin.into()),
        None => params,
    };
    let proved = provider.finish(&redirect_uri(app, provider), &kept, &params).await;
    let proved = proved.map_err(|error| Failed::Upstream(error, purpose))?;
    let back = Back { proved, purpose, next: taken.way_back };
    Ok((back, cookies::clear(app, &digest)?))
}

/// Each provider has its own, so that none can pass off another's code as its own (RFC 9700 §4.4.2.1).
fn redirect_uri(app: &App, provider: &Provider) -> String {
    format!("{}{}", app.issuer(), paths::callback(provider.name()))
}

fn json<T: Serialize>(value: &T) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    // serde's error may quote the input.
    let written =
        serde_json::to_vec(value).map_err(|_| Error::Internal("an attempt cannot be written".to_owned()));
    Ok(zeroize::Zeroizing::new(written?))
}

fn open<T: for<'de> Deserialize<'de>>(app: &App, purpose: &'static str, sealed: &[u8]) -> Result<T, Error> {
    let unreadable = || Error::Internal("an attempt of a social login cannot be read".to_owned());
    let plain = app.secret().open(purpose, sealed).map_err(|_| unreadable())?;
    serde_json::from_slice(&plain).map_err(|_| unreadable())
}
