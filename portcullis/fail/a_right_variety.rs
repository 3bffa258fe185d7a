//! Handlers of every form that compiles.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use portcullis::{AccessTokens, Api, Guard, Json, Path, Public, Query, api::get};

trait Repo: Send + Sync {
    fn name(&self, id: u32) -> String;
}

struct Memory;

impl Repo for Memory {
    fn name(&self, id: u32) -> String {
        id.to_string()
    }
}

#[derive(Clone, FromRef)]
struct App {
    tokens: AccessTokens,
    repo: Arc<dyn Repo>,
    count: u8,
}

async fn of_an_object(_: Guard<AccessTokens>, State(repo): State<Arc<dyn Repo>>, Path(id): Path<u32>) -> Json<String> {
    Json(repo.name(id))
}

async fn generic<R: Default + Send + 'static>(_: Public) -> Json<u8> {
    let _ = R::default();
    Json(1)
}

async fn nine(
    _: Guard<AccessTokens>,
    State(one): State<u8>,
    _: State<u8>,
    _: State<u8>,
    _: State<u8>,
    _: State<u8>,
    _: State<App>,
    _: State<Arc<dyn Repo>>,
    Json(nine): Json<u8>,
) -> Json<u8> {
    Json(one + nine)
}

struct Orders;

impl Orders {
    async fn list(_: Guard<AccessTokens>) -> Json<u8> {
        Json(1)
    }
}

/// The kind of state that most axum applications have.
async fn of_a_shared_state(guard: Guard<AccessTokens>, State(app): State<Arc<App>>) -> Json<String> {
    Json(format!("{} {}", guard.principal().subject(), app.count))
}

fn main() {
    let _ = Api::<App>::new("Shop", "1.0")
        .get("/object/{id}", of_an_object)
        .get("/generic", generic::<u8>)
        .post("/nine", nine)
        .get("/method", Orders::list)
        .route(get("/closure", async |_: Public| Json(1)).operation_id("closure"));
    let _ = Api::<Arc<App>>::new("Shop", "1.0").get("/shared", of_a_shared_state);
    let _: Arc<dyn Repo> = Arc::new(Memory);
    let _ = std::any::type_name::<Query<u8>>();
}
