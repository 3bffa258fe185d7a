//! The attack: it finds nothing in a sound application, and finds each planted fault.

mod by_hand;
mod documents;
mod ended;
mod faults;
mod holes;
mod log_in;
mod logins;
mod rows;
mod shop;
mod sockets;

use axum::Router;
use portcullis::testing::{Attack, Report};
use serde_json::{Value, json};

use self::shop::{document, router, signed_with, token};
use super::issuer::{ed25519, jwks};

/// The one line of the shop's tests.
fn attack(router: Router, document: &Value) -> Attack {
    Attack::on(router, document)
        .public(["GET /health", "POST /login"])
        .optional(["GET /greeting"])
        .good("access_token", token)
        .signed("access_token", signed_with)
        .keys("access_token", &jwks([ed25519()]))
        .good("till", |_| shop::KEY.to_owned())
        .good("staff", |_| format!("ada:{}", shop::PASSWORD))
        .good("session", |_| shop::SESSION.to_owned())
        .bad("session", "a cookie of an ended session", "ended")
        .last(["POST /logout"])
}

/// The findings, line by line, without the number of further ones of the same kind.
async fn found(router: Router, document: &Value) -> Vec<String> {
    match attack(router, document).run().await {
        Ok(report) => panic!("nothing was found: {report}"),
        Err(findings) => findings.lines().map(without_numbers).collect(),
    }
}

fn without_numbers(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let is_number = |at: usize| words.get(at + 1) == Some(&"more") && words[at].parse::<u32>().is_ok();
    (0..words.len()).filter(|at| !is_number(*at)).map(|at| words[at]).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn t13_nothing_is_found_where_all_is_well() {
    let report: Report = attack(router(), document().value()).assert().await;
    assert!(report.not_tried().is_empty(), "{report}");
    assert!(report.calls() > 500, "{report}");
    assert_eq!(report.to_string(), format!("11 operations, {} calls, no hole", report.calls()));
}

/// A multi-threaded test can spawn it.
#[tokio::test]
async fn the_attack_can_be_sent_to_another_thread() {
    let attack = tokio::spawn(attack(router(), document().value()).run());
    assert!(attack.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_could_not_be_tried_is_said() {
    let report = Attack::on(router(), document().value())
        .public(["GET /health", "POST /login"])
        .optional(["GET /greeting"])
        .good("access_token", |scopes| scopes.contains(&"write").then(|| token(scopes)))
        .good("till", |_| shop::KEY.to_owned())
        .good("staff", |_| format!("ada:{}", shop::PASSWORD))
        .good("session", |_| shop::SESSION.to_owned())
        .run()
        .await
        .unwrap();
    assert_eq!(
        report.not_tried(),
        [
            "DELETE /orders/{id}: `access_token` without `admin`, which `.good` does not make",
            "DELETE /orders/{id}: `access_token` without `write`, which `.good` does not make",
            "POST /items: `access_token` without `write`, which `.good` does not make",
            "`access_token`: expired and other wrong claims; say `.signed(\"access_token\", …)`",
            "`access_token`: the public key as an HMAC's secret; say `.keys(\"access_token\", …)`",
        ]
    );
}

#[tokio::test]
#[should_panic(
    expected = "2 holes:\n- not tried, and `.not_trying` does not list it: `access_token`: the public key as an \
                           HMAC's secret; say `.keys(\"access_token\", …)`\n- `.not_trying` lists it, and it was tried: \
                           `till`: x"
)]
async fn assert_takes_nothing_for_granted() {
    Attack::on(router(), document().value())
        .public(["GET /health", "POST /login"])
        .optional(["GET /greeting"])
        .good("access_token", token)
        .good("till", |_| shop::KEY.to_owned())
        .good("staff", |_| format!("ada:{}", shop::PASSWORD))
        .good("session", |_| shop::SESSION.to_owned())
        .last(["POST /logout"])
        .not_trying([
            "`access_token`: expired and other wrong claims; say `.signed(\"access_token\", …)`",
            "`till`: x",
        ])
        .assert()
        .await;
}

#[tokio::test]
#[should_panic(expected = "GET /health: anyone may call it, and `.public` does not list it")]
async fn assert_panics_with_what_is_found() {
    Attack::on(router(), document().value()).assert().await;
}

#[tokio::test]
async fn what_the_test_itself_forgets_or_mistakes_is_found() {
    let findings = Attack::on(router(), document().value())
        .public(["GET /health", "POST /logins", "GET /metrics"])
        .optional(["GET /health", "GET /articles", "GET /orders"])
        .same_origin(["POST /logout"])
        .good("access_token", token)
        .good("tokens", |_| "x".to_owned())
        .keys("access_token", "{}")
        .sample("PUT /items", json!({}))
        .parameter("GET /items/{id}", "name", "1")
        .run()
        .await
        .unwrap_err();
    let lines: Vec<_> = findings.lines().collect();
    for line in [
        "POST /login: anyone may call it, and `.public` does not list it",
        "POST /logins: the test names it, and it is not in the document",
        "GET /metrics: `.public` lists it, and the document guards it",
        "GET /greeting: strangers may call it, beside those with a credential, and `.optional` does not list it",
        "GET /health: `.optional` lists it, and the document asks nobody for a credential",
        "GET /orders: `.optional` lists it, and the document guards it",
        "POST /logout: `.same_origin` lists it, and the document guards it: a guard by cookie does this itself",
        "GET /articles: the test names it, and it is not in the document",
        "PUT /items: the test names it, and it is not in the document",
        "GET /items/{id}: the test names its parameter `name`, and it has none",
        "tokens: the test names this scheme, and it is not in the document",
        "access_token: what `.keys` was given is no JWK Set",
        "GET /metrics: no good credential: say `.good(\"staff\", …)`",
        "GET /ledger: no good credential: say `.good(\"till\", …)`",
    ] {
        assert!(lines.contains(&line), "{line}\n{findings}");
    }
    assert!(findings.to_string().starts_with(&format!("{} holes:\n- ", lines.len())));
}

#[test]
fn nothing_secret_is_printed() {
    let printed = format!("{:?}", attack(router(), document().value()));
    assert!(printed.contains("access_token") && !printed.contains(shop::PASSWORD), "{printed}");
}
