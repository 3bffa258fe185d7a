//! Each kind of credential with a verifier, over HTTP: what is accepted, what is rejected with which message, and that
//! the document matches.

mod api_key;
#[cfg(feature = "api-keys")]
mod api_key_secret;
mod basic;
mod bounds;
mod client_certificate;
mod elsewhere;
#[cfg(feature = "ws")]
mod first_message;
mod schemes;
mod session_cookie;
mod with;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderMap, Request, StatusCode, header::WWW_AUTHENTICATE, request::Builder};
use portcullis::Api;
use serde_json::Value;
use tower::ServiceExt;

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn challenge(&self) -> Option<&str> {
        self.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
    }

    pub(super) fn detail(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["detail"].as_str().unwrap().to_owned()
    }

    pub(super) fn is_refusal(&self, status: u16, challenge: Option<&str>, detail: &str, about: &str) {
        assert_eq!(self.status, status, "{about}");
        assert_eq!(self.challenge(), challenge, "{about}");
        assert_eq!(self.detail(), detail, "{about}");
        assert_eq!(self.headers["cache-control"], "no-store", "{about}");
    }

    pub(super) fn is_answer(&self, body: &str, about: &str) {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (200, body), "{about}");
    }
}

const MISSING: &str = "Not authenticated";
const INVALID: &str = "Could not validate credentials";
const AMBIGUOUS: &str = "More than one credential was sent";

async fn send(app: &Router, request: Builder) -> Answer {
    send_whole(app, request.body(Body::empty()).unwrap()).await
}

pub(super) async fn send_whole(app: &Router, request: Request<Body>) -> Answer {
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

fn document<S: Clone + Send + Sync + 'static>(api: Api<S>) -> Value {
    api.finish().unwrap().1.value().clone()
}
