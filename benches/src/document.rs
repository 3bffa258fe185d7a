//! How long building the document of a large application takes at startup.

use std::{hint::black_box, time::Instant};

use axum::Router;
use portcullis::{
    AccessTokens, Api, Created, Document, Guard, Json, Path, Public, Query,
    api::{Route, get, post, put},
};

use crate::{
    Failure,
    micro::ProfileRead,
    table::{Table, median},
};

const ROUTES: usize = 1000;

/// The types that the routes take and return.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Order {
    /// Who buys.
    #[schemars(length(min = 1, max = 80))]
    buyer: String,
    lines: Vec<Line>,
    note: Option<String>,
}

/// One article.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Line {
    article: u64,
    #[schemars(range(min = 1, max = 1000))]
    count: u16,
}

/// A part of a list.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Page {
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

pub(crate) fn measure(rounds: u16, table: &mut Table) -> Result<(), Failure> {
    // An operation's name is the function's. A custom name must live as long as the program.
    let names: Vec<&'static str> = (0..ROUTES).map(|number| &*format!("operation_{number}").leak()).collect();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        let built = black_box(build(&names)?);
        times.push(began.elapsed().as_secs_f64() * 1e3);
        drop(built);
    }
    table.row(
        "router and document of 1,000 routes",
        format!("{:.1} ms", median(times)),
        "≤ 50 ms",
        "one core",
    );
    Ok(())
}

fn build(names: &[&'static str]) -> Result<(Router<AccessTokens>, Document), Failure> {
    let api = Api::new("Large", "1.0").tag("orders", "What is bought");
    let routes = names.iter().enumerate().map(|(number, name)| route(number).operation_id(*name));
    Ok(routes.fold(api, Api::route).finish()?)
}

/// Alternates between four kinds of routes.
fn route(number: usize) -> Route<AccessTokens> {
    let group = number / 4;
    match number % 4 {
        0 => get(&format!("/group{group}/orders"), list),
        1 => post(&format!("/group{group}/orders"), create),
        2 => put(&format!("/group{group}/orders/{{id}}"), replace),
        _ => get(&format!("/group{group}/open"), open),
    }
}

async fn list(_: Guard<AccessTokens, ProfileRead>, Query(page): Query<Page>) -> Json<Vec<Order>> {
    Json(Vec::with_capacity(page.limit.unwrap_or_default().into()))
}

async fn create(_: Guard<AccessTokens, ProfileRead>, order: Json<Order>) -> Created<Order> {
    Created(order.0)
}

async fn replace(_: Guard<AccessTokens, ProfileRead>, _: Path<u64>, order: Json<Order>) -> Json<Order> {
    order
}

async fn open(_: Public) -> Json<&'static str> {
    Json("open")
}
