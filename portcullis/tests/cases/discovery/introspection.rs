//! Opaque tokens, which are checked by asking their issuer.

use axum::Extension;
use futures_util::future::join_all;
use portcullis::{
    Scope,
    issuer::{IntrospectedToken, Introspection, IntrospectionBuilder},
    step_up::KnowsLogin,
};
use tokio::task::JoinSet;
use tracing::Level;

use super::{super::log::Log, *};

const INTROSPECT: &str = "/introspect";

fn introspection(server: &Server, clock: &Clock) -> IntrospectionBuilder {
    let clock = clock.clone();
    Introspection::at(&format!("{}{INTROSPECT}", server.url()))
        .client("shop:1", "se cret/é")
        .audience(AUDIENCE)
        .outgoing(impatient())
        .clock(move || clock.now())
}

fn active() -> Value {
    json!({
        "active": true, "iss": "https://accounts.example", "aud": AUDIENCE, "sub": "ana", "client_id": "web",
        "username": "Ana", "scope": "read write", "exp": NOW + 600, "iat": NOW, "tenant": "t1",
    })
}

#[tokio::test]
async fn the_issuer_is_asked_as_rfc_7662_has_it() {
    let server = Server::start().await;
    server.reply(INTROSPECT, Reply::json(&active()));
    let verifier = introspection(&server, &Clock::new()).build().unwrap();
    assert_eq!(status(&verifier, "opaque-+/~._==").await, 200);
    let asked = &server.asked()[0];
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    // `shop%3A1:se%20cret%2F%C3%A9`
    assert_eq!(asked.headers["authorization"], "Basic c2hvcCUzQTE6c2UlMjBjcmV0JTJGJUMzJUE5");
    assert_eq!(asked.body, "token=opaque%2D%2B%2F%7E%2E%5F%3D%3D&token_type_hint=access_token");
    assert!(!format!("{verifier:?}").contains("c2hv"));
}

#[tokio::test]
async fn t12_the_handler_gets_what_the_issuer_said() {
    struct Write;
    impl Scope for Write {
        const NAME: &'static str = "write";
        const DESCRIPTION: &'static str = "Change things";
    }
    #[derive(serde::Deserialize)]
    struct Own {
        tenant: String,
    }
    async fn tell(guard: Guard<Introspection, Write>) -> String {
        let token = guard.principal();
        let own: Own = token.claims().unwrap();
        let (subject, client, name) = (token.subject(), token.client_id(), token.username());
        let times = (token.issued_at(), token.expires_at());
        format!("{subject:?} {client:?} {name:?} {times:?} {}", own.tenant)
    }
    let server = Server::start().await;
    let verifier = introspection(&server, &Clock::new()).believed_for(Duration::ZERO).build().unwrap();
    let app = Router::new().route("/", get(tell)).with_state(verifier);
    let answer = |app: Router| async {
        let request = Request::get("/").header(AUTHORIZATION, "Bearer x").body(Body::empty()).unwrap();
        let (head, body) = app.oneshot(request).await.unwrap().into_parts();
        (head.status, String::from_utf8(axum::body::to_bytes(body, 9999).await.unwrap().to_vec()).unwrap())
    };
    server.reply(INTROSPECT, Reply::json(&active()));
    let times = (Some(NOW), Some(NOW + 600));
    let expected = format!("Some(\"ana\") Some(\"web\") Some(\"Ana\") {times:?} t1");
    assert_eq!(answer(app.clone()).await, (StatusCode::OK, expected));
    let mut less = active();
    less["scope"] = json!("read");
    server.reply(INTROSPECT, Reply::json(&less));
    assert_eq!(answer(app).await.0, 403);
}

/// RFC 9470 §6.2.
#[tokio::test]
async fn t12_the_login_is_the_one_that_the_issuer_tells() {
    let server = Server::start().await;
    let verifier = introspection(&server, &Clock::new()).believed_for(Duration::ZERO).build().unwrap();
    for (auth_time, expected) in [(json!(NOW - 60), Some(60)), (json!(NOW + 60), None), (json!("soon"), None)]
    {
        let mut answer = active();
        (answer["acr"], answer["auth_time"]) = (json!("mfa"), auth_time.clone());
        server.reply(INTROSPECT, Reply::json(&answer));
        let token = token_of(&verifier, "opaque").await;
        let login = verifier.login(&token);
        assert_eq!(login.age.map(|age| age.as_secs()), expected, "{auth_time}");
        assert_eq!(login.acr.as_deref(), auth_time.is_u64().then_some("mfa"));
    }
}

async fn token_of(verifier: &Introspection, token: &str) -> IntrospectedToken {
    async fn keep(guard: Guard<Introspection>) -> Extension<IntrospectedToken> {
        Extension(guard.into_principal())
    }
    let app = Router::new().route("/", get(keep)).with_state(verifier.clone());
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    answer.extensions().get::<IntrospectedToken>().unwrap().clone()
}

#[tokio::test]
async fn t15_refused_is_401_and_no_verdict_is_503() {
    let server = Server::start().await;
    let verifier = introspection(&server, &Clock::new()).issuer("https://accounts.example").build().unwrap();
    let but = |name: &str, value: Value| {
        let mut answer = active();
        answer[name] = value;
        Reply::json(&answer)
    };
    let cases = [
        (Reply::json(&json!({ "active": false })), 401),
        (but("aud", json!("other")), 401),
        (but("iss", json!("https://else.example")), 401),
        (but("exp", json!(NOW - 5)), 401),
        (but("token_type", json!("DPoP")), 401),
        (but("cnf", json!({ "x5t#S256": "x" })), 401),
        (but("exp", json!("soon")), 503),
        (but("active", json!("true")), 503),
        (Reply::json(&json!({ "error": "invalid_client" })), 503),
        (Reply::of(401, "application/json", "{\"active\":true}"), 503),
        (Reply::of(500, "text/plain", ""), 503),
        (Reply::of(200, "text/html", active().to_string()), 503),
        (
            Reply::of(
                200,
                "application/json",
                format!("{{\"active\":true,{}", active().to_string().trim_start_matches('{')),
            ),
            503,
        ),
        (Reply::of(200, "application/json", vec![b' '; 2 * 1024 * 1024]), 503),
        (Reply::of(307, "text/plain", "").header("location", "/elsewhere"), 503),
        (Reply::Hang, 503),
    ];
    server.reply("/elsewhere", Reply::json(&active()));
    for (number, (reply, expected)) in cases.into_iter().enumerate() {
        server.reply(INTROSPECT, reply);
        assert_eq!(status(&verifier, &number.to_string()).await, expected, "case {number}");
    }
    assert_eq!((server.count(INTROSPECT), server.count("/elsewhere")), (16, 0));
    server.reply(INTROSPECT, Reply::json(&active()));
    assert_eq!(status(&verifier, "15").await, 200, "what is no verdict is not remembered");
}

#[tokio::test]
async fn g03_the_log_says_why_an_opaque_token_was_refused() {
    let log = Log::here();
    let server = Server::start().await;
    let verifier = introspection(&server, &Clock::new()).issuer("https://accounts.example").build().unwrap();
    let cases = [
        (json!({ "active": false }), "not active"),
        (json!({ "iss": "https://secret.example" }), "wrong issuer"),
        (json!({ "aud": "secret" }), "wrong audience"),
        (json!({ "cnf": "secret" }), "bound to a key"),
        (json!({ "token_type": "secret" }), "not a bearer token"),
        (json!({ "exp": 1 }), "expired"),
        (json!({ "nbf": NOW + 60 }), "not yet valid"),
    ];
    for (changes, reason) in cases {
        let mut answer = active();
        answer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        server.reply(INTROSPECT, Reply::json(&answer));
        assert_eq!(status(&verifier, &format!("secret-{}", reason.replace(' ', "-"))).await, 401);
        assert_eq!(log.taken(Level::DEBUG), [format!("reason={reason}")]);
    }
}

#[tokio::test]
async fn an_answer_is_believed_for_a_time_and_never_beyond_the_token() {
    let server = Server::start().await;
    let clock = Clock::new();
    server.reply(INTROSPECT, Reply::json(&active()));
    let verifier = introspection(&server, &clock).build().unwrap();
    assert_eq!(status(&verifier, "a").await, 200);
    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    clock.set(29);
    assert_eq!(status(&verifier, "a").await, 200);
    assert_eq!(status(&verifier, "b").await, 401, "each token is its own question");
    clock.set(30);
    assert_eq!(status(&verifier, "a").await, 401);
    for second in [29, 0, 30] {
        clock.set(second);
        assert_eq!(status(&verifier, "a").await, 401, "a clock that is set back does not bring it back");
    }

    let mut brief = active();
    brief["exp"] = json!(NOW + 40);
    server.reply(INTROSPECT, Reply::json(&brief));
    assert_eq!(status(&verifier, "c").await, 200);
    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    clock.set(39);
    assert_eq!(status(&verifier, "c").await, 200);
    clock.set(40);
    assert_eq!(status(&verifier, "c").await, 401);
}

#[tokio::test]
async fn d06_a_refusal_is_believed_for_five_seconds_and_one_junk_token_asks_once() {
    let server = Server::start().await;
    let clock = Clock::new();
    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    let verifier = introspection(&server, &clock).build().unwrap();
    for _ in 0..50 {
        assert_eq!(status(&verifier, "junk").await, 401);
    }
    assert_eq!(server.count(INTROSPECT), 1);
    // A token that becomes valid in the meantime is rejected until then.
    server.reply(INTROSPECT, Reply::json(&active()));
    clock.set(4);
    assert_eq!(status(&verifier, "junk").await, 401);
    assert_eq!(status(&verifier, "other").await, 200, "it concerns no other token");
    clock.set(5);
    assert_eq!(status(&verifier, "junk").await, 200);
    assert_eq!(server.count(INTROSPECT), 3);

    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    let brief = introspection(&server, &clock).believed_for(Duration::from_secs(2)).build().unwrap();
    assert_eq!(status(&brief, "junk").await, 401);
    server.reply(INTROSPECT, Reply::json(&active()));
    clock.set(7);
    assert_eq!(status(&brief, "junk").await, 200, "no longer than a good answer is");
    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    let never = introspection(&server, &clock).believed_for(Duration::ZERO).build().unwrap();
    let before = server.count(INTROSPECT);
    for _ in 0..3 {
        assert_eq!(status(&never, "junk").await, 401);
    }
    assert_eq!(server.count(INTROSPECT) - before, 3);
}

#[tokio::test]
async fn d06_junk_pushes_no_good_answer_out() {
    let server = Server::start().await;
    server.reply(INTROSPECT, Reply::json(&active()));
    let verifier = introspection(&server, &Clock::new()).build().unwrap();
    assert_eq!(status(&verifier, "good").await, 200);
    server.reply(INTROSPECT, Reply::json(&json!({ "active": false })));
    let junk: Vec<_> = (0..300).map(|number| format!("junk{number}")).collect();
    assert!(
        join_all(junk.iter().map(|token| status(&verifier, token))).await.iter().all(|status| *status == 401)
    );
    assert_eq!(server.count(INTROSPECT), 301);
    assert_eq!(status(&verifier, "good").await, 200);
    assert_eq!(server.count(INTROSPECT), 301);
}

#[tokio::test]
async fn d06_no_more_than_a_thousand_questions_wait_and_the_next_is_503_at_once() {
    let server = Server::start().await;
    server.reply(INTROSPECT, Reply::Hang);
    let clock = Clock::new();
    let verifier = introspection(&server, &clock).outgoing(Outgoing::default()).build().unwrap();
    let mut waiting = JoinSet::new();
    for number in 0..64 + 1000 {
        let verifier = verifier.clone();
        waiting.spawn(async move { status(&verifier, &format!("junk{number}")).await });
    }
    until(|| server.count(INTROSPECT) == 64).await;
    for number in 0..100 {
        let more = format!("more{number}");
        let more = tokio::time::timeout(Duration::from_secs(1), status(&verifier, &more)).await;
        assert_eq!(more.expect("it waits, too"), 503);
    }
    assert_eq!(server.count(INTROSPECT), 64);
    assert!(waiting.try_join_next().is_none(), "the others wait on");
    waiting.shutdown().await;
    server.reply(INTROSPECT, Reply::json(&active()));
    assert_eq!(status(&verifier, "good").await, 200, "whoever goes away leaves his place to others");
}

#[tokio::test]
async fn d06_a_long_answer_is_believed_once_and_not_kept() {
    let server = Server::start().await;
    let verifier = introspection(&server, &Clock::new()).build().unwrap();
    let of_length = |wanted: usize| {
        let mut answer = active();
        let length = answer.to_string().len();
        answer["sub"] = json!("a".repeat("ana".len() + wanted - length));
        assert_eq!(answer.to_string().len(), wanted);
        Reply::json(&answer)
    };
    for (length, questions) in [(8 * 1024, 1), (8 * 1024 + 1, 3), (60_000, 3)] {
        server.reply(INTROSPECT, of_length(length));
        let before = server.count(INTROSPECT);
        for _ in 0..3 {
            assert_eq!(status(&verifier, &length.to_string()).await, 200);
        }
        assert_eq!(server.count(INTROSPECT) - before, questions, "{length} bytes");
    }
}

#[tokio::test]
async fn t07_relaxations_let_through_what_they_say() {
    let server = Server::start().await;
    let strict = || introspection(&server, &Clock::new()).believed_for(Duration::ZERO);
    let verifiers = [
        strict(),
        strict().dangerous().accept_absent_audience(),
        strict().dangerous().without_audience(),
        strict().dangerous().accept_sender_constrained_as_bearer(),
    ]
    .map(|builder| builder.build().unwrap());
    let cases = [
        (json!({}), [200, 200, 200, 200]),
        (json!({ "aud": null }), [401, 200, 200, 401]),
        (json!({ "aud": "other" }), [401, 401, 200, 401]),
        (json!({ "aud": ["other"] }), [401, 401, 200, 401]),
        (json!({ "aud": 7 }), [401, 401, 401, 401]),
        (json!({ "cnf": { "jkt": "x" } }), [401, 401, 401, 200]),
        (json!({ "cnf": { "jkt": "x" }, "token_type": "DPoP" }), [401, 401, 401, 200]),
        (json!({ "cnf": { "jkt": "x" }, "aud": "other" }), [401, 401, 401, 401]),
        (json!({ "token_type": "refresh" }), [401, 401, 401, 401]),
    ];
    for (changes, expected) in cases {
        let mut answer = active();
        answer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        server.reply(INTROSPECT, Reply::json(&answer));
        let found = join_all(verifiers.iter().map(|verifier| status(verifier, "x"))).await;
        assert_eq!(found, expected, "{changes}");
    }
}

#[tokio::test]
async fn many_who_come_with_one_token_ask_once() {
    let server = Server::start().await;
    server.reply(INTROSPECT, Reply::json(&active()));
    let verifier = introspection(&server, &Clock::new()).believed_for(Duration::ZERO).build().unwrap();
    let statuses = join_all((0..50).map(|_| status(&verifier, "one"))).await;
    assert!(statuses.iter().all(|status| *status == 200));
    assert_eq!(server.count(INTROSPECT), 1);
    let tokens: Vec<_> = (0..100).map(|number| format!("t{number}")).collect();
    let statuses = join_all(tokens.iter().map(|token| status(&verifier, token))).await;
    assert!(statuses.iter().all(|status| *status == 200));
    assert_eq!(server.count(INTROSPECT), 101);
}

#[test]
fn t15_what_is_missing_is_said_at_the_start() {
    bring_tls();
    let url = "https://accounts.example/introspect";
    let refused = [
        (Introspection::at(url).audience("shop"), "no client"),
        (Introspection::at(url).client("a", "b"), "no audience"),
        (Introspection::at(url).client("a", "b").audience(""), "no audience"),
        (Introspection::at("http://accounts.example").client("a", "b").audience("shop"), "must be https"),
        (Introspection::at("").client("a", "b").audience("shop"), "not an absolute URL"),
    ];
    for (builder, reason) in refused {
        let why = builder.build().expect_err(reason).to_string();
        assert!(why.contains(reason), "{why}");
    }
    assert!(Introspection::at(url).client("a", "b").dangerous().without_audience().build().is_ok());
}

#[tokio::test]
async fn it_does_not_print_its_secret() {
    let server = Server::start().await;
    let endpoint = format!("{}{INTROSPECT}", server.url());
    let builder = introspection(&server, &Clock::new());
    assert_eq!(format!("{builder:?}"), format!("IntrospectionBuilder {{ endpoint: {endpoint:?}, .. }}"));
    assert_eq!(format!("{:?}", builder.build().unwrap()), format!("Introspection({endpoint})"));
}
