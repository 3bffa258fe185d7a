//! Tower layers on one route, on the routes of an API, and on the final router. The guards are always inside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    BoxError, Extension,
    error_handling::HandleErrorLayer,
    extract::DefaultBodyLimit,
    middleware::{self, Next},
};
use http::HeaderValue;
use portcullis::answers;
use tower::{ServiceBuilder, timeout::TimeoutLayer};

use super::*;

answers! {
    enum Limited {
        /// Come back later
        TooMany = 429,
    }
}

answers! {
    enum Slow {
        /// It takes too long
        TimedOut = 408,
    }
}

async fn open(_: Public) -> NoContent {
    NoContent
}

async fn another(_: Public) -> NoContent {
    NoContent
}

async fn more(_: Guard<Robots, Write>) -> NoContent {
    NoContent
}

async fn take_text(_: Guard<Robots>, text: String) -> String {
    text
}

async fn sleep(_: Guard<Robots>) -> NoContent {
    tokio::time::sleep(Duration::from_mins(1)).await;
    NoContent
}

async fn tell(_: Guard<Robots>, Extension(text): Extension<&'static str>) -> &'static str {
    text
}

fn api() -> Api<App> {
    Api::new("Layers", "1.0")
}

fn named(name: &'static str) -> Api<App> {
    api().route(get("/open", open).operation_id(name))
}

/// Rejects everyone.
async fn limit(_: axum::extract::Request, _: Next) -> Limited {
    Limited::TooMany
}

/// A layer that counts requests and marks each response.
#[derive(Clone, Default)]
struct Seen(Arc<AtomicU32>);

impl Seen {
    fn count(&self) -> u32 {
        self.0.load(SeqCst)
    }
}

async fn count(State(seen): State<Seen>, request: axum::extract::Request, next: Next) -> Response {
    seen.0.fetch_add(1, SeqCst);
    let mut answer = next.run(request).await;
    answer.headers_mut().insert("x-seen", HeaderValue::from_static("yes"));
    answer
}

macro_rules! counting {
    ($seen:ident) => {
        middleware::from_fn_with_state($seen.clone(), count)
    };
}

#[tokio::test]
async fn a_layer_of_one_route_is_around_its_guard_and_no_other() {
    let api = api()
        .get("/open", open)
        .route(post("/more", more).layer(middleware::from_fn(limit)).also_answers::<Limited>())
        .route(get("/more", more).operation_id("read_more"));
    let (router, document) = finished(api);
    let router = router.with_state(state());
    assert_eq!(call(&router, "POST", "/more", None, "").await, 429);
    assert_eq!(call(&router, "POST", "/more", Some("Bearer robot"), "").await, 429);
    assert_eq!(call(&router, "GET", "/more", None, "").await, 401);
    assert_eq!(call(&router, "GET", "/more", Some("Bearer robot"), "").await, 204);
    assert_eq!(call(&router, "GET", "/open", None, "").await, 204);
    // axum responds to a method without a route, and the layer does not see it.
    assert_eq!(call(&router, "PUT", "/more", None, "").await, 405);
    let responses = |method: &str| document.value()["paths"]["/more"][method]["responses"].clone();
    assert_eq!(responses("post")["429"]["description"], "Come back later");
    assert!(responses("post")["401"].is_object(), "what the guard answers stays");
    assert!(responses("get")["429"].is_null());
}

#[tokio::test]
async fn the_layer_of_an_api_is_around_what_was_declared_before_it() {
    let seen = Seen::default();
    let api = api()
        .nest("/nested", named("nested"))
        .get("/more", more)
        .layer(counting!(seen))
        .also_answers::<Limited>()
        .merge(named("later"));
    let (router, document) = finished(api);
    let router = router.with_state(state());
    for (path, times) in [("/nested/open", 1), ("/more", 2), ("/open", 2), ("/nowhere", 2)] {
        call(&router, "GET", path, None, "").await;
        assert_eq!(seen.count(), times, "{path}");
    }
    let limited = |path: &str| document.value()["paths"][path]["get"]["responses"]["429"].is_object();
    assert_eq!(["/nested/open", "/more", "/open"].map(limited), [true, true, false]);
}

#[tokio::test]
async fn a_guard_around_an_api_with_a_layer_is_asked_first() {
    let (inner, outer) = (Seen::default(), Seen::default());
    let layered = named("inner").layer(counting!(inner));
    let api = api().guard::<Guard<Robots>>().nest("/a", layered).layer(counting!(outer));
    let router = finished(api).0.with_state(state());
    assert_eq!(call(&router, "GET", "/a/open", None, "").await, 401);
    assert_eq!((inner.count(), outer.count()), (0, 1));
    assert_eq!(call(&router, "GET", "/a/open", Some("Bearer robot"), "").await, 204);
    assert_eq!((inner.count(), outer.count()), (1, 2));
}

#[tokio::test]
async fn a_refusal_leaves_through_the_layers() {
    let seen = Seen::default();
    let router = finished(api().get("/more", more).layer(counting!(seen))).0.with_state(state());
    let refused = router.oneshot(Request::get("/more").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(refused.headers()["x-seen"], "yes");
}

#[tokio::test]
async fn limits_of_body_and_time_are_layers_of_one_route() {
    async fn too_slow(_: BoxError) -> Slow {
        Slow::TimedOut
    }
    let in_time = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(too_slow))
        .layer(TimeoutLayer::new(Duration::from_millis(20)));
    let api = api()
        .route(post("/small", take_text).layer(DefaultBodyLimit::max(4)))
        .route(post("/large", take_text).operation_id("take_large"))
        .route(get("/slow", sleep).layer(in_time).also_answers::<Slow>())
        .route(get("/told", tell).layer(Extension("by a layer")));
    let router = finished(api).0.with_state(state());
    let robot = Some("Bearer robot");
    for (method, path, authorization, body, expected) in [
        ("POST", "/small", robot, "1234", 200),
        ("POST", "/small", robot, "12345", 413),
        ("POST", "/small", None, "12345", 401),
        ("POST", "/large", robot, "12345", 200),
        ("GET", "/slow", robot, "", 408),
        ("GET", "/slow", None, "", 401),
        ("GET", "/told", robot, "", 200),
    ] {
        let status = call(&router, method, path, authorization, body).await;
        assert_eq!(status, expected, "{method} {path} {authorization:?} {body}");
    }
}

/// On the final router, axum's own rules apply: the layer sees everything, and the guards are inside.
#[cfg(feature = "testing")]
#[tokio::test]
async fn the_attack_finds_nothing_behind_layers() {
    let seen = Seen::default();
    let layers = ServiceBuilder::new().concurrency_limit(8).layer(counting!(seen));
    let api = api().get("/open", open).post("/more", more).layer(layers.clone());
    let (router, document) = finished(api.route(post("/text", take_text).layer(layers.clone())));
    let router = router.layer(layers).with_state(state());
    let report = portcullis::testing::Attack::on(router, document.value())
        .public(["GET /open"])
        .good("robot", |scopes| (!scopes.is_empty()).then(|| "robot".to_owned()))
        .run()
        .await;
    let report = report.unwrap_or_else(|found| panic!("{found}"));
    // Except for other spellings of a path, which have no route: five for each operation.
    let paths = document.value()["paths"].as_object().unwrap();
    let twins = 5 * paths.values().map(|item| item.as_object().unwrap().len()).sum::<usize>();
    let calls = u32::try_from(2 * report.calls() - twins).unwrap();
    assert!(seen.count() > calls - 4, "each is seen twice");
}

#[tokio::test]
async fn an_api_with_its_state_joins_one_of_another() {
    let robots = Api::<Robots>::new("Robots", "1.0")
        .tag("robots", "Metal.")
        .get("/more", more)
        .scheme::<Robots>(SecurityScheme::oauth2_password("robots/login"))
        .with_state(Robots);
    let shop = Api::<AccessTokens>::new("Shop", "1.0").get("/items", list_items).nest("/robots", robots);
    let (router, document) = finished(shop);
    let router = router.with_state(verifier());
    assert_eq!(call(&router, "GET", "/robots/more", Some("Bearer robot"), "").await, 204);
    assert_eq!(call(&router, "GET", "/robots/more", Some("Bearer junk"), "").await, 401);
    assert_eq!(call(&router, "GET", "/items", Some("Bearer robot"), "").await, 401);
    let document = document.value();
    assert_eq!(document["paths"]["/robots/more"]["get"]["tags"], json!(["robots"]));
    assert_eq!(
        document["components"]["securitySchemes"]["robot"]["flows"]["password"]["tokenUrl"],
        "robots/login"
    );
}

/// Its guard needs a state that is no longer there.
#[test]
fn an_api_with_a_guard_and_its_state_takes_no_more_routes() {
    let guarded = || Api::<Robots>::new("", "").guard::<Guard<Robots>>().get("/a", open).with_state(Robots);
    drop(finished::<()>(guarded()));
    let reason = |at: &str| {
        format!(
            "the API cannot be built:\n- {at}: the API's guard does not reach it; declare it before `with_state`"
        )
    };
    let told = |api: Api<()>| api.finish().unwrap_err().to_string();
    assert_eq!(told(guarded().get("/b", another)), reason("get /b"));
    let other = Api::new("", "").post("/c", another);
    assert_eq!(told(guarded().with_state(()).nest("/n", other)), reason("post /n/c"));
}

/// A guard in a layer is enforced, but no type of the route shows it.
#[test]
fn a_guard_in_a_layer_is_no_secret_of_the_code() {
    async fn of_guard(
        _: Guard<Robots>,
        request: axum::extract::Request,
        next: Next,
    ) -> axum::response::Response {
        next.run(request).await
    }
    async fn of_maybe(
        _: Maybe<Robots>,
        request: axum::extract::Request,
        next: Next,
    ) -> axum::response::Response {
        next.run(request).await
    }
    async fn of_nobody(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }
    let api = || Api::<Robots>::new("", "").get("/a", open);
    let told = |api: Api<Robots>| match api.finish() {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let sentence = "get /a: a layer around it has a guard, but the document says that anyone may call";
    for all in [
        api().layer(middleware::from_fn_with_state(Robots, of_guard)),
        api().layer(middleware::from_fn_with_state(Robots, of_maybe)),
        Api::new("", "").route(get("/a", open).layer(middleware::from_fn_with_state(Robots, of_guard))),
    ] {
        let told = told(all);
        assert!(told.contains(sentence) && told.lines().count() == 2, "{told}");
    }
    // If the types show it too, a layer may verify again, such as for a rate limit per caller.
    let both = || middleware::from_fn_with_state(Robots, of_guard);
    assert_eq!(told(Api::new("", "").guard::<Guard<Robots>>().get("/a", open).layer(both())), "");
    assert_eq!(told(Api::new("", "").get("/a", more).layer(both())), "");
    assert_eq!(told(api().layer(middleware::from_fn(of_nobody))), "");
}
