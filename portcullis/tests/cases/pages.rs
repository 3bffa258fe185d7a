//! The programs of the README and of the tutorials: built and run as a reader pastes them, and asked as the pages ask.
//! Only the port differs, and an issuer of the test's own stands in for Keycloak and for Auth0.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command},
    time::{Duration, Instant},
};

use super::compiler::Compiler;

/// A program of a page. It ends with the test.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Running {
    /// Builds and starts the one program of `page`, with these texts replaced.
    fn start(name: &str, page: &str, changes: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let (_, code) = page.split_once("\n```rust,no_run\n").expect("the page has a program");
        let (code, _) = code.split_once("```").unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut code = code.to_owned();
        for (from, to) in [("127.0.0.1:3000", &*address.to_string())].iter().chain(changes) {
            assert!(code.contains(from), "{name} has no {from}");
            code = code.replace(from, to);
        }
        let mut command = Command::new(Compiler::get().build(name, &code));
        Self { child: command.envs(variables.iter().copied()).spawn().unwrap(), address }
    }

    fn ask(&mut self, path: &str, header: Option<&str>) -> Response {
        let mut stream = self.connect();
        let header = header.map(|header| format!("{header}\r\n")).unwrap_or_default();
        let host = self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn connect(&mut self) -> TcpStream {
        let begin = Instant::now();
        loop {
            match TcpStream::connect(self.address) {
                Ok(stream) => return stream,
                Err(error) => assert!(begin.elapsed() < Duration::from_mins(1), "{error}"),
            }
            assert_eq!(self.child.try_wait().unwrap(), None, "the program ended");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends each `curl` of the page, with this in place of `$TOKEN`. The comment behind it says what comes back:
    /// `# 200 {"item":7}`, where `…` stands for anything, or `# 401, and WWW-Authenticate: Bearer`.
    fn holds(&mut self, page: &str, token: &str) -> Vec<u16> {
        let commands = page.lines().filter(|line| line.starts_with("curl "));
        commands
            .map(|line| {
                let (command, said) = line.split_once(" # ").unwrap_or_else(|| panic!("{line} says nothing"));
                let (_, url) = command.split_once(" localhost:3000").unwrap();
                let path = url.split_whitespace().next().unwrap();
                let header =
                    url.split_once(" -H ").map(|(_, header)| header.trim().trim_matches(['\'', '"']));
                let response =
                    self.ask(path, header.map(|header| header.replace("$TOKEN", token)).as_deref());
                let (status, said) = said.split_at(3);
                assert_eq!(response.status.to_string(), status, "{line}: {}", response.body);
                match said.trim_start_matches(", and ").trim().to_ascii_lowercase() {
                    header if header.starts_with("www-") => {
                        assert!(response.head.contains(&header), "{line}");
                    }
                    body => {
                        let (begin, end) = body.split_once('…').unwrap_or((&body, ""));
                        let found = response.body.to_ascii_lowercase();
                        assert!(found.starts_with(begin) && found.ends_with(end), "{line}: {found}");
                    }
                }
                response.status
            })
            .collect()
    }
}

#[test]
fn the_readmes_program_answers_as_it_says() {
    let page = include_str!("../../README.md");
    let run = page.lines().find(|line| line.ends_with(" cargo run")).unwrap();
    let variable = run.split_once(' ').and_then(|(variable, _)| variable.split_once('=')).unwrap();
    let mut program = Running::start("readme", page, &[], &[variable]);
    assert_eq!(program.holds(page, ""), [401, 200]);
    let docs = program.ask("/docs", None);
    assert_eq!((docs.status, docs.body.contains("Stock")), (200, true));
    let document = program.ask("/openapi.json", None);
    let document: serde_json::Value = serde_json::from_str(&document.body).unwrap();
    let name = &document["components"]["securitySchemes"]["shop"]["name"];
    assert_eq!(name, "X-API-Key", "the padlock that Authorize opens");
}

#[cfg(all(feature = "discovery", feature = "aws-lc-rs"))]
mod tutorials {
    use std::time::{SystemTime, UNIX_EPOCH};

    use axum::{Router, routing::get};
    use http::header::CONTENT_TYPE;
    use serde_json::{Value, json};

    use super::Running;
    use crate::cases::issuer::{jwks, rsa};

    /// Serves the metadata and the keys of an issuer, whose name ends with `path`.
    async fn issuer(path: &str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let name = format!("{host}{path}");
        let metadata = json!({ "issuer": name, "jwks_uri": format!("{host}/keys") }).to_string();
        let json = |text: String| get(async move || ([(CONTENT_TYPE, "application/json")], text));
        let app = Router::new().route("/keys", json(jwks([rsa()]))).route(
            &format!("{}/.well-known/openid-configuration", path.trim_end_matches('/')),
            json(metadata),
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        name
    }

    /// A token by RS256, with the times of now.
    #[expect(clippy::disallowed_methods, reason = "the program has the clock of the machine")]
    fn token(typ: &str, mut claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        claims["iat"] = json!(now - 1);
        claims["exp"] = json!(now + 600);
        let header = json!({ "alg": "RS256", "typ": typ, "kid": rsa().kid });
        rsa().token(&header.to_string(), &claims.to_string())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_tutorial_with_keycloak_ends_in_a_200() {
        let page = include_str!("../../docs/keycloak.md");
        let realm = issuer("/realms/shop").await;
        let mut program =
            Running::start("keycloak", page, &[("http://localhost:8080/realms/shop", &realm)], &[]);
        let token = |audience: &[&str], scope: &str| {
            let mut claims = json!({
                "iss": realm, "sub": "f3b7a3c5-5c8c-4ad8-9c62-9c8d9ef7a2b3", "typ": "Bearer", "azp": "robot",
                "jti": "trrtcc:1", "acr": "1", "scope": scope, "client_id": "robot",
            });
            match audience {
                [] => {}
                [one] => claims["aud"] = json!(one),
                several => claims["aud"] = json!(several),
            }
            token("JWT", claims)
        };
        let good = token(&["orders-api"], "orders:read");
        assert_eq!(program.holds(page, &good), [401, 200]);
        let mut status =
            |token: &str| program.ask("/orders", Some(&format!("Authorization: Bearer {token}"))).status;
        assert_eq!(status(&token(&["orders-api", "account"], "profile orders:read")), 200);
        assert_eq!(status(&token(&[], "profile")), 401, "without `-d scope=orders:read`");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_tutorial_with_auth0_ends_in_a_200() {
        let page = include_str!("../../docs/auth0.md");
        let tenant = issuer("/").await;
        let mut program =
            Running::start("auth0", page, &[("https://YOUR-TENANT.eu.auth0.com/", &tenant)], &[]);
        let token = |scope: Option<&str>| {
            let mut claims = json!({
                "iss": tenant, "sub": "ID@clients", "aud": "https://orders.example", "client_id": "ID", "jti": "1",
            });
            if let Some(scope) = scope {
                claims["scope"] = json!(scope);
            }
            token("at+jwt", claims)
        };
        assert_eq!(program.holds(page, &token(Some("read:orders"))), [401, 200]);
        let without = format!("Authorization: Bearer {}", token(None));
        let response = program.ask("/orders", Some(&without));
        assert_eq!((response.status, response.head.contains("scope=\"read:orders\"")), (403, true));
    }
}
