//! A client that checks every response against the document.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{PASSWORD, document};

/// A client at an IP address, with or without a token.
#[derive(Clone)]
pub struct Client {
    router: Router,
    address: SocketAddr,
    token: Option<String>,
    cookie: Option<String>,
}

impl Client {
    pub fn new(router: Router, address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        Self { router, address: SocketAddr::new(address, 40_000), token: None, cookie: None }
    }

    /// The same client, sending this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same as a browser with this session cookie. Its requests come from the server's own pages.
    pub fn with_cookie(&self, cookie: &str) -> Self {
        Self { cookie: Some(cookie.to_owned()), ..self.clone() }
    }

    pub fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }

    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().expect("this client has logged in with a cookie")
    }

    /// The same without its name.
    pub fn cookie_value(&self) -> &str {
        self.cookie().split_once('=').unwrap().1
    }

    /// Logs in with the tests' password, as a browser.
    pub async fn log_in_with_cookie(&self, username: &str) -> Self {
        let form = [("username", username), ("password", PASSWORD)];
        let stranger = Self { cookie: None, ..self.clone() };
        let call = stranger.post("/login/cookie").header("sec-fetch-site", "same-origin");
        let answer = call.form(&form).await.assert(204);
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        self.with_cookie(cookie)
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("this client has logged in")
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin");
        }
        Call { router: self.router.clone(), address: self.address, request }
    }

    /// Tries a password at `/login`.
    pub async fn try_password(&self, username: &str, password: &str) -> Answer {
        self.post("/login").form(&[("username", username), ("password", password)]).await
    }

    /// Logs in with the tests' password.
    pub async fn log_in(&self, username: &str) -> Self {
        let answer = self.try_password(username, PASSWORD).await.assert(200);
        self.with_token(answer.json()["access_token"].as_str().unwrap())
    }
}

/// A request that is being built.
pub struct Call {
    router: Router,
    address: SocketAddr,
    request: http::request::Builder,
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub async fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json").body(body.to_string()).await
    }

    pub async fn form(self, pairs: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(pairs).unwrap();
        self.header("content-type", "application/x-www-form-urlencoded").body(body).await
    }

    /// The login's form with a scope.
    pub async fn form_owned(self, username: &str, password: &str, scope: &str) -> Answer {
        self.form(&[("username", username), ("password", password), ("scope", scope)]).await
    }

    /// One file in a multipart form.
    pub async fn file(self, field: &str, content_type: &str, bytes: &[u8]) -> Answer {
        let (boundary, body) = multipart(field, content_type, bytes);
        self.header("content-type", &boundary).body(body).await
    }

    pub async fn send(self) -> Answer {
        self.body(Body::empty()).await
    }

    pub async fn body(self, body: impl Into<Body>) -> Answer {
        let mut request = self.request.body(body.into()).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.address));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (parts, body) = self.router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        document().check(&method, &path, &answer);
        answer
    }
}

/// The body of a multipart form with one file, and its content type.
pub fn multipart(field: &str, content_type: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "--frontier\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"picture\"\r\nContent-Type: {content_type}\r\n\r\n"
    );
    (
        "multipart/form-data; boundary=frontier".to_owned(),
        [head.as_bytes(), bytes, b"\r\n--frontier--\r\n"].concat(),
    )
}

/// The response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    #[track_caller]
    pub fn assert(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Asserts that it is a 422 that names exactly these fields, such as `body.email`.
    #[track_caller]
    pub fn assert_invalid(self, fields: &[&str]) -> Self {
        let answer = self.assert(422);
        let detail = answer.json()["detail"].clone();
        let named = |error: &Value| {
            let steps = error["loc"].as_array().unwrap().iter();
            steps
                .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(".")
        };
        let mut refused: Vec<String> = detail.as_array().unwrap().iter().map(named).collect();
        refused.sort();
        assert_eq!(refused, fields, "{}", answer.text());
        answer
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
