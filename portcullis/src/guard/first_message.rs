//! A WebSocket whose first message is the token.

use std::{fmt, marker::PhantomData};

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::{Access, Denied, Guard, Scopes, sealed::Sealed};
use crate::{credential::Bearer, describe::Operation, verify::Verify};

/// The operation's member that describes the token in the first message.
const KEY: &str = "x-portcullis-first-message";

/// Opens a WebSocket for anyone, and gives the handler a [`Guard`] for a token in the first message. It is for
/// browsers, whose scripts cannot add an `Authorization` header to a WebSocket.
///
/// The route itself is open, and the document says so. OpenAPI cannot describe what follows, so the operation has
/// `x-portcullis-first-message`, with the scheme and the scopes as in `security`. If you have a
/// [`SessionCookie`](crate::SessionCookie), prefer it: it is verified before the socket opens.
///
/// ```
/// # #[cfg(feature = "ws")]
/// # mod example {
/// use axum::{extract::WebSocketUpgrade, response::Response};
/// use portcullis::{AccessTokens, guard::FirstMessage};
///
/// async fn chat(first: FirstMessage<AccessTokens>, upgrade: WebSocketUpgrade) -> Response {
///     // Anyone can send before the token is verified: keep messages small.
///     upgrade.max_message_size(8 * 1024).on_upgrade(async move |mut socket| {
///         let Some(guard) = first.receive(&mut socket).await else { return }; // the socket is closed
///         let _ = guard.principal().subject();
///     })
/// }
/// # }
/// ```
pub struct FirstMessage<V: Verify<Credential = Bearer>, S: Scopes = ()> {
    verifier: V,
    scopes: PhantomData<fn() -> S>,
}

impl<V: Verify<Credential = Bearer>, S: Scopes> FirstMessage<V, S> {
    /// Returns the guard of a token that you took from the first message.
    ///
    /// # Errors
    /// [`Denied`], as for [`Guard::for_token`]. Then close the socket.
    pub async fn verify(&self, token: &str) -> Result<Guard<V, S>, Denied> {
        Guard::for_token(&self.verifier, token).await
    }

    /// Waits for a text message that is the token and nothing else. Returns `None` if no valid one arrives. The socket
    /// is then closed, with code 1008 (policy violation) and a reason, or 1013 (try again later) if the verifier fails.
    ///
    /// It waits at most ten seconds, and for one message: a second attempt needs a new socket. The message size is
    /// limited by [`WebSocketUpgrade::max_message_size`](axum::extract::WebSocketUpgrade::max_message_size).
    #[cfg(feature = "ws")]
    pub async fn receive(&self, socket: &mut axum::extract::ws::WebSocket) -> Option<Guard<V, S>> {
        use axum::extract::ws::{CloseFrame, Message, close_code};

        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

        let message = async {
            loop {
                match socket.recv().await {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Text(text))) => return Some(text),
                    _ => return None,
                }
            }
        };
        let denied = match tokio::time::timeout(PATIENCE, message).await {
            Ok(Some(text)) => match self.verify(text.as_str()).await {
                Ok(guard) => return Some(guard),
                Err(denied) => denied,
            },
            Ok(None) | Err(_) => Denied::missing(Vec::new()),
        };
        let code = if denied.is_unavailable() { close_code::AGAIN } else { close_code::POLICY };
        let close = CloseFrame { code, reason: denied.to_string().into() };
        // The socket may be closed already.
        let _ = socket.send(Message::Close(Some(close))).await;
        None
    }
}

impl<St, V, S> FromRequestParts<St> for FirstMessage<V, S>
where
    St: Send + Sync,
    V: Verify<Credential = Bearer> + FromRef<St>,
    S: Scopes,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, state: &St) -> Result<Self, Self::Rejection> {
        Ok(Self { verifier: V::from_ref(state), scopes: PhantomData })
    }
}

impl<V: Verify<Credential = Bearer>, S: Scopes> Access for FirstMessage<V, S> {
    fn describe_access(operation: &mut Operation<'_>) {
        operation.security_scheme::<V>();
        let requirement = |scopes: &Vec<super::NamedScope>| {
            let names: Vec<_> = scopes.iter().map(|scope| scope.name).collect();
            Value::from(Map::from_iter([(V::SCHEME.to_owned(), json!(names))]))
        };
        let ways = S::ways();
        for scopes in &ways {
            operation.scopes(V::SCHEME, scopes);
        }
        operation.set(KEY, ways.iter().map(requirement).collect());
    }
}

impl<V: Verify<Credential = Bearer>, S: Scopes> Sealed for FirstMessage<V, S> {}

impl<V: Verify<Credential = Bearer>, S: Scopes> fmt::Debug for FirstMessage<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstMessage({})", V::SCHEME)
    }
}
