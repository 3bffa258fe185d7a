//! The attack with logins that are too old, on an application that checks them and on one that does not.

use std::time::Duration;

use axum::Router;
use portcullis::{
    AccessTokens, Api, Document, Guard, NoContent,
    step_up::{Level, StepUp},
    testing::Attack,
};
use serde_json::{Value, json};

use super::super::issuer::{NOW, claims, ed25519, jwks, verifier};
use super::shop::signed_with;

struct Recent;
impl Level for Recent {
    const MAX_AGE: Option<Duration> = Some(Duration::from_mins(10));
}

async fn delete_account(_: Guard<StepUp<AccessTokens, Recent>>) -> NoContent {
    NoContent
}

mod lax {
    use super::{AccessTokens, Guard, NoContent};

    pub(super) async fn delete_account(_: Guard<AccessTokens>) -> NoContent {
        NoContent
    }
}

fn document() -> Document {
    Api::<AccessTokens>::new("Shop", "1").delete("/account", delete_account).finish().unwrap().1
}

fn logged_in_at(time: u64) -> impl Fn(&[&str]) -> String {
    move |_| {
        let mut claims = claims();
        claims["auth_time"] = json!(time);
        signed_with(&claims)
    }
}

fn attack(router: Router<AccessTokens>, document: &Value) -> Attack {
    Attack::on(router.with_state(verifier()), document)
        .good("access_token", logged_in_at(NOW))
        .signed("access_token", signed_with)
        .keys("access_token", &jwks([ed25519()]))
}

#[tokio::test]
async fn an_old_login_is_tried() {
    let router = || Router::new().route("/account", axum::routing::delete(delete_account));
    let document = document();
    attack(router(), document.value()).stale("access_token", logged_in_at(NOW - 3600)).assert().await;

    let report = attack(router(), document.value()).run().await.unwrap();
    assert_eq!(report.not_tried(), ["DELETE /account: a login that is not enough; say `.stale(…)`"]);

    let lax = Router::new().route("/account", axum::routing::delete(lax::delete_account));
    let found = attack(lax, document.value()).stale("access_token", logged_in_at(NOW - 3600)).run().await;
    let lines: Vec<_> = found.unwrap_err().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        ["DELETE /account: a credential of a login that is not enough was answered 204, documented is 401"]
    );
}
