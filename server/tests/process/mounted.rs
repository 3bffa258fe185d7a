//! `examples/mounted.rs` as a program: one process, one SQLite file.

use serde_json::{Value, json};

use crate::support::process::Server;
use crate::support::remote::Remote;
use crate::support::{Database, PASSWORD, Place, email};

async fn log_in(server: &Server) -> Remote {
    let form = [("username", &*email("ada")), ("password", PASSWORD)];
    let answer = server.remote().post("/auth/login").form(&form).await.unwrap().assert(200).json();
    server.remote().with_token(answer["access_token"].as_str().unwrap())
}

async fn orders(ada: &Remote) -> Value {
    ada.get("/orders").send().await.unwrap().assert(200).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k01_the_accounts_and_the_orders_of_the_shop_around_them_outlive_kill_9() {
    let place = Place::new(Database::Sqlite).await;
    let mut server = Server::start_example(&place, "mounted").await;
    let body = json!({ "email": email("ada"), "full_name": "Ada", "password": PASSWORD });
    server.remote().post("/auth/signup").json(&body).await.unwrap().assert(201);
    let ada = log_in(&server).await;

    let lantern = json!({ "item": "lantern" });
    let junk = server.remote().with_token("junk");
    for stranger in [&server.remote(), &junk] {
        stranger.post("/orders").json(&lantern).await.unwrap().assert(401);
    }
    let order = ada.post("/orders").json(&lantern).await.unwrap().assert(201).json();
    server.kill().await;

    let server = Server::start_example(&place, "mounted").await;
    assert_eq!(orders(&log_in(&server).await).await, json!([order]));
    // All data is in the one file.
    assert_eq!(place.value("SELECT item FROM shop_orders JOIN accounts").await, "lantern");
}
