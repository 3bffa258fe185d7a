//! One document with everything that an API can declare, stored in `everything/everything.json`. The validators and
//! client generators of other projects read it in `interop/`.

mod doors;
mod routes;

use portcullis::{
    Api, Guard,
    api::{delete, get, post},
};
use serde_json::Value;

use self::{
    doors::{Admin, App, Read, Users},
    routes::{
        call_any, call_both, call_either, choose, create_order, discard, download, export, greet, import_all,
        list_drafts, list_orders, read_draft, replace_draft, replace_order, revise, search, show_by_cookie,
        show_by_cookie_key, show_by_key, show_by_query_key, show_partner, show_program, sign_in,
        stream_events, upload, vanish, watch,
    },
};

fn api() -> Api<App> {
    let back_office = Api::new("Back office", "1")
        .tag("back office", "Behind a guard of its own")
        .guard::<Guard<Users, (Read, Admin)>>()
        .get("/exports/{*rest}", export)
        .route(delete("/archive/{year}/{month}", discard).deprecated());
    Api::new("Everything", "2.1.0")
        .description("Every *combination* once.")
        .server("https://api.example/v2")
        .tag("orders", "What is bought")
        .get("/orders", list_orders)
        .post("/orders", create_order)
        .put("/orders/{id}", replace_order)
        .patch("/orders/{id}", revise)
        .delete("/orders/{id}", vanish)
        .get("/orders/{order}/lines/{line}", choose)
        .post("/imports", import_all)
        .route(get("/search", search).operation_id("search_everything"))
        .tag("doors", "Who may call")
        .get("/greeting", greet)
        .get("/either", call_either)
        .get("/any", call_any)
        .get("/both", call_both)
        .get("/program", show_program)
        .get("/partner", show_partner)
        .get("/key", show_by_key)
        .get("/query-key", show_by_query_key)
        .get("/cookie-key", show_by_cookie_key)
        .get("/cookie", show_by_cookie)
        .route(post("/session", sign_in).summary("Sign in").description("Answers with a *cookie*."))
        .tag("drafts", "Who may do what with which row")
        .get("/drafts", list_drafts)
        .get("/drafts/{id}", read_draft)
        .put("/drafts/{id}", replace_draft)
        .tag("media", "What is not JSON")
        .post("/pictures", upload)
        .get("/pictures/{id}", download)
        .get("/events", stream_events)
        .get("/watch", watch)
        .nest("/back", back_office)
}

#[test]
fn everything_in_one_document() {
    let (_, document) = api().finish().unwrap();
    let expected: Value = serde_json::from_str(include_str!("everything/everything.json")).unwrap();
    if *document.value() != expected {
        let actual = serde_json::to_string_pretty(document.value()).unwrap();
        panic!(
            "tests/cases/everything/everything.json is no longer what the types say. If this is meant, write into \
             it:\n{actual}"
        );
    }
}
