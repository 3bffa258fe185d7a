//! Handlers of every shape. Nobody calls them.

use std::{collections::BTreeMap, convert::Infallible};

use axum::{
    extract::{Query as OpenQuery, State, WebSocketUpgrade},
    response::{Html, Redirect, Response, Sse, sse::Event},
};
use axum_extra::{TypedHeader, extract::CookieJar, headers::UserAgent};
use futures_util::stream::{Empty, empty};
use http::{HeaderMap, StatusCode};
use portcullis::{
    Created, Either, Form, Guard, Json, May, Maybe, Multipart, NoContent, Path, Public, Query, Seen, answers,
    credential::SameOrigin, guard::AnyOf, input::File,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::doors::{
    Admin, App, CookieKeys, Draft, Keys, Partners, Programs, QueryKeys, Read, ReadDraft, Robots, Session,
    Sessions, Staff, Users, Visitors, Write, WriteDraft,
};

/// What somebody buys.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Order {
    /// Who buys it.
    #[schemars(length(min = 1, max = 80), example = &"Ada")]
    buyer: String,
    #[schemars(email)]
    receipt_to: Option<String>,
    #[schemars(length(min = 1, max = 100))]
    lines: Vec<Line>,
    /// Free text, by topic.
    #[serde(default)]
    notes: BTreeMap<String, String>,
    payment: Payment,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Line {
    article: u64,
    #[schemars(range(min = 1, max = 1000))]
    count: u16,
    /// What comes with it.
    #[serde(default)]
    parts: Vec<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Payment {
    Invoice,
    Card { last_digits: [u8; 4] },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct Page {
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
    #[serde(default)]
    tag: Vec<String>,
    sort: Option<Sort>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct Wanted {
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
    sort: Option<Sort>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    /// The newest first.
    Newest,
    Dearest,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct Picture {
    title: Option<String>,
    image: File<1_000_000>,
    #[serde(default)]
    more: Vec<File<1000>>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
pub(super) struct SignIn {
    name: String,
    password: String,
}

answers! {
    /// What reading a line comes to.
    pub(super) enum ReadLine {
        /// The line.
        Found(Json<Line>) = 200,
        /// The order was split.
        Moved(Json<Vec<u64>>) = 409,
        /// There is no such line.
        Missing = 404,
    }
}

answers! {
    pub(super) enum Refused {
        /// Somebody changed it meanwhile.
        Stale = 412,
        /// Try again later.
        Busy = 503,
    }
}

type Any = AnyOf<(Read, Write)>;
type Stream = Sse<Empty<Result<Event, Infallible>>>;

pub(super) async fn list_orders(_: Guard<Users, Read>, _: Query<Page>) -> Json<Vec<Order>> {
    Json(Vec::new())
}

pub(super) async fn create_order(
    _: Guard<Users, (Read, Write)>,
    State(_): State<App>,
    order: Json<Order>,
) -> Created<Order> {
    Created(order.0)
}

pub(super) async fn replace_order(
    _: Guard<Users, AnyOf<(Write, Admin)>>,
    _: Path<u64>,
    order: Json<Order>,
) -> Result<Json<Order>, Refused> {
    Ok(order)
}

pub(super) async fn revise(_: Guard<Users, Write>, _: Path<u64>, _: axum::Json<Line>) -> Refused {
    Refused::Stale
}

pub(super) async fn vanish(_: Guard<Users, (Write, AnyOf<(Admin, Read)>)>, _: Path<u64>) -> NoContent {
    NoContent
}

pub(super) async fn choose(_: Maybe<Users>, _: Path<(u64, u16)>) -> ReadLine {
    ReadLine::Missing
}

pub(super) async fn import_all(_: Guard<Staff>, _: TypedHeader<UserAgent>, _: String) -> StatusCode {
    StatusCode::ACCEPTED
}

pub(super) async fn search(_: Public, _: OpenQuery<Wanted>, _: HeaderMap) -> Html<String> {
    Html(String::new())
}

pub(super) async fn greet(_: Maybe<Either<Users, Staff>>) -> &'static str {
    "hello"
}

pub(super) async fn call_either(_: Guard<Either<Users, Keys>, Read>) -> Json<bool> {
    Json(true)
}

pub(super) async fn call_any(_: Guard<Either<Users, Either<Staff, Robots>>>) -> Json<bool> {
    Json(true)
}

pub(super) async fn call_both(_: (Guard<Visitors, Any>, Guard<Keys>)) -> Json<bool> {
    Json(true)
}

pub(super) async fn show_program(_: Guard<Programs, Admin>) -> Json<Option<u64>> {
    Json(None)
}

pub(super) async fn show_partner(_: Guard<Partners, Read>) -> Json<Option<u64>> {
    Json(None)
}

pub(super) async fn show_by_key(_: Guard<Keys>) -> Json<Option<u64>> {
    Json(None)
}

pub(super) async fn show_by_query_key(_: Guard<QueryKeys>) -> Json<Option<u64>> {
    Json(None)
}

pub(super) async fn show_by_cookie_key(_: Guard<CookieKeys>) -> Json<Option<u64>> {
    Json(None)
}

pub(super) async fn show_by_cookie(_: Guard<Sessions>, jar: CookieJar) -> (CookieJar, Json<Option<u64>>) {
    (jar, Json(None))
}

pub(super) async fn sign_in(_: Public, _: SameOrigin<Session>, _: Form<SignIn>) -> Redirect {
    Redirect::to("/")
}

pub(super) async fn upload(_: Guard<Sessions>, _: Multipart<Picture>) -> Created<u64> {
    Created(1)
}

pub(super) async fn download(_: Guard<Either<Sessions, Users>>, _: Path<u64>) -> Vec<u8> {
    Vec::new()
}

pub(super) async fn list_drafts(_: Seen<Users, ReadDraft>) -> Json<Vec<Draft>> {
    Json(Vec::new())
}

pub(super) async fn read_draft(may: May<Users, ReadDraft>) -> Json<Draft> {
    Json(may.into_object())
}

pub(super) async fn replace_draft(_: May<Users, WriteDraft>, _: Json<Line>) -> NoContent {
    NoContent
}

pub(super) async fn stream_events(_: Guard<Robots>) -> Stream {
    Sse::new(empty())
}

pub(super) async fn watch(_: Guard<Users, Read>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|_| async {})
}

pub(super) async fn export(_: Public, _: Path<String>) -> (StatusCode, Json<Vec<Order>>) {
    (StatusCode::OK, Json(Vec::new()))
}

pub(super) async fn discard(_: Guard<Keys>, _: Path<(u16, u8)>) -> NoContent {
    NoContent
}
