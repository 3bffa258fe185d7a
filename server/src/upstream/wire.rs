//! Requests to a provider: one deadline for a whole login, and JSON of at most 1 MiB.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
    request::Builder,
};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::Instant;
use url::form_urlencoded;

use super::UpstreamError;
use crate::outgoing::{Outgoing, Target};

/// The deadline for all requests of one step.
const LONGEST: Duration = Duration::from_secs(10);
/// The maximum size of a response.
const ANSWER: usize = 1 << 20;
/// The maximum length of a provider's own words in the log, in characters.
const WORDS: usize = 300;

/// A conversation with one provider, which must finish by its deadline.
pub(super) struct Wire<'a> {
    outgoing: &'a Outgoing,
    /// The provider's name in the log.
    name: &'a str,
    deadline: Instant,
}

/// How the client authenticates at the token endpoint (RFC 6749 §2.3.1, OpenID Connect Core §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    Basic,
    Post,
}

impl<'a> Wire<'a> {
    pub(super) fn new(outgoing: &'a Outgoing, name: &'a str) -> Self {
        Self { outgoing, name, deadline: Instant::now() + LONGEST }
    }

    /// A URL that the provider named, or that was derived from its address.
    pub(super) fn target(&self, what: &str, url: &str) -> Result<Target, UpstreamError> {
        let named = |why| UpstreamError::invalid(format!("{}: {what} {why}", self.name));
        Target::parse(url, self.outgoing.reach()).map_err(named)
    }

    /// An error in a response or in a setting.
    pub(super) fn wrong(&self, what: &str, why: &str) -> UpstreamError {
        UpstreamError::invalid(format!("{}: {what} {why}", self.name))
    }

    /// Fetches a JSON document.
    pub(super) async fn get(&self, what: &str, url: &str) -> Result<Value, UpstreamError> {
        Ok(self.get_with_headers(what, url).await?.0)
    }

    /// Like [`get`](Self::get), with the response headers.
    pub(super) async fn get_with_headers(
        &self,
        what: &str,
        url: &str,
    ) -> Result<(Value, HeaderMap), UpstreamError> {
        let answer = self.send(what, url, Request::get("/"), Bytes::new()).await?;
        let headers = answer.headers().clone();
        Ok((self.success(what, &answer)?, headers))
    }

    /// Fetches a JSON document about the access token's person (RFC 6750 §2.1); `None` if the provider denies access to
    /// it.
    pub(super) async fn get_as(
        &self,
        what: &str,
        url: &str,
        access_token: &str,
    ) -> Result<Option<Value>, UpstreamError> {
        let request = Request::get("/").header(AUTHORIZATION, secret(&format!("Bearer {access_token}"))?);
        let answer = self.send(what, url, request, Bytes::new()).await?;
        if matches!(answer.status(), StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        self.success(what, &answer).map(Some)
    }

    /// Sends a form to the token endpoint. The parameters are secret, so they are removed from the provider's error
    /// messages.
    pub(super) async fn exchange(
        &self,
        url: &str,
        auth: ClientAuth,
        (client_id, client_secret): (&str, Option<&str>),
        parameters: &[(&str, &str)],
    ) -> Result<Value, UpstreamError> {
        const WHAT: &str = "the token endpoint";
        let mut request = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        // A block: the serializer cannot be held across an await.
        let body = {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(parameters);
            match (auth, client_secret) {
                (ClientAuth::Basic, Some(client_secret)) => {
                    let encoded =
                        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                    let pair = format!("{}:{}", encoded(client_id), encoded(client_secret));
                    request =
                        request.header(AUTHORIZATION, secret(&format!("Basic {}", STANDARD.encode(pair)))?);
                }
                (_, client_secret) => {
                    form.append_pair("client_id", client_id);
                    if let Some(client_secret) = client_secret {
                        form.append_pair("client_secret", client_secret);
                    }
                }
            }
            form.finish()
        };
        let answer = self.send(WHAT, url, request, body.into()).await?;
        let status = answer.status();
        let hidden: Vec<&str> = parameters.iter().map(|(_, value)| *value).chain(client_secret).collect();
        let body = self.json(WHAT, &answer);
        // GitHub responds with 200 to an error; Facebook's error is an object.
        if let Some(error) = body.as_ref().ok().and_then(|body| body.get("error")) {
            return Err(self.token_error(error, body.as_ref().ok(), status, &hidden));
        }
        self.check_status(WHAT, status)?;
        body
    }

    fn token_error(
        &self,
        error: &Value,
        body: Option<&Value>,
        status: StatusCode,
        hidden: &[&str],
    ) -> UpstreamError {
        let (code, words) = match error {
            Value::Object(error) => (error.get("type"), error.get("message")),
            code => (Some(code), body.and_then(|body| body.get("error_description"))),
        };
        let text = |value: Option<&Value>| cleaned(value.and_then(Value::as_str).unwrap_or_default(), hidden);
        let (code, words) = (text(code), text(words));
        let advice = match code.as_str() {
            "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
                ". Check `client_id` and `client_secret`: the secret may have expired"
            }
            "redirect_uri_mismatch" => ". Register the address that `portcullis doctor` shows",
            _ => "",
        };
        let reason = format!("{}: the token endpoint rejects the code: {code} {words}", self.name);
        let reason = format!("{} (status {}){advice}", reason.trim_end(), status.as_u16());
        if status.is_server_error() || code == "temporarily_unavailable" {
            UpstreamError::unavailable(reason)
        } else {
            UpstreamError::invalid(reason)
        }
    }

    /// Checks that the server responds, and returns the headers.
    pub(super) async fn reach(&self, what: &str, url: &str) -> Result<HeaderMap, UpstreamError> {
        let answer = self.send(what, url, Request::get("/"), Bytes::new()).await?;
        if answer.status().is_server_error() {
            self.check_status(what, answer.status())?;
        }
        Ok(answer.into_parts().0.headers)
    }

    async fn send(
        &self,
        what: &str,
        url: &str,
        request: Builder,
        body: Bytes,
    ) -> Result<Response<Bytes>, UpstreamError> {
        let target = self.target(what, url)?;
        let request = request
            .header(ACCEPT, "application/json")
            // GitHub rejects requests without it.
            .header(USER_AGENT, "portcullis")
            .body(Full::new(body))
            .map_err(|cause| UpstreamError::invalid(format!("{}: {what}: {cause}", self.name)))?;
        let answer = self.outgoing.ask(&target, request, ANSWER, self.deadline).await;
        let (head, body) = answer
            .map_err(|cause| UpstreamError::unavailable(format!("{}: {what}: {cause}", self.name)))?
            .into_parts();
        let body = body.ok_or_else(|| {
            UpstreamError::invalid(format!("{}: {what}: the response is longer than 1 MiB", self.name))
        })?;
        Ok(Response::from_parts(head, body))
    }

    fn success(&self, what: &str, answer: &Response<Bytes>) -> Result<Value, UpstreamError> {
        self.check_status(what, answer.status())?;
        self.json(what, answer)
    }

    fn check_status(&self, what: &str, status: StatusCode) -> Result<(), UpstreamError> {
        let name = self.name;
        let number = status.as_u16();
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => Err(UpstreamError::unavailable(format!(
                "{name}: {what} takes no more requests for now (status 429)"
            ))),
            _ if status.is_server_error() => {
                Err(UpstreamError::unavailable(format!("{name}: {what} does not work (status {number})")))
            }
            _ if status.is_redirection() => Err(UpstreamError::invalid(format!(
                "{name}: {what} redirects (status {number}), and redirects are not followed"
            ))),
            _ => Err(UpstreamError::invalid(format!("{name}: {what} rejects the request (status {number})"))),
        }
    }

    fn json(&self, what: &str, answer: &Response<Bytes>) -> Result<Value, UpstreamError> {
        serde_json::from_slice(answer.body()).map_err(|_| {
            let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let kind = cleaned(kind.unwrap_or("nothing"), &[]);
            let (name, number) = (self.name, answer.status().as_u16());
            let reason = format!("{name}: {what} returned {kind} instead of JSON (status {number})");
            if answer.status().is_server_error() {
                UpstreamError::unavailable(reason)
            } else {
                UpstreamError::invalid(reason)
            }
        })
    }
}

fn secret(text: &str) -> Result<HeaderValue, UpstreamError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        UpstreamError::invalid("a token or a client secret has characters that no header can hold")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Makes a provider's text safe for our log: no control characters, a limited length, and nothing that was secret.
pub(super) fn cleaned(words: &str, hidden: &[&str]) -> String {
    let mut words = words.to_owned();
    for secret in hidden.iter().filter(|secret| secret.len() >= 8) {
        words = words.replace(secret, "…");
    }
    words.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}
