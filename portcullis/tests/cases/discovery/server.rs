//! An issuer's HTTP server on this machine, which responds as configured and records its requests.

use std::{
    collections::HashMap,
    future::{IntoFuture, pending},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::Response,
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;

pub(super) struct Server {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

#[derive(Clone)]
pub(super) enum Reply {
    Answer {
        status: StatusCode,
        headers: Vec<(String, String)>,
        body: Bytes,
        after: Duration,
    },
    /// Accepts the request and never responds.
    Hang,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::of(200, "application/json", value.to_string())
    }

    pub(super) fn of(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self::Answer { status, headers, body: body.into(), after: Duration::ZERO }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same, after a delay.
    pub(super) fn late(mut self, by: Duration) -> Self {
        if let Self::Answer { after, .. } = &mut self {
            *after = by;
        }
        self
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        super::bring_tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { url, shared }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the response of `path` from now on.
    pub(super) fn reply(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The number of requests to `path`.
    pub(super) fn count(&self, path: &str) -> usize {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.path == path).count()
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let path = uri.to_string();
    shared.asked.lock().unwrap().push(Asked { method, path: path.clone(), headers, body });
    let reply = shared.replies.lock().unwrap().get(&path).cloned();
    match reply {
        None => Response::builder().status(404).body(Body::from("not here")).unwrap(),
        Some(Reply::Hang) => pending().await,
        Some(Reply::Answer { status, headers, body, after }) => {
            tokio::time::sleep(after).await;
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
    }
}
