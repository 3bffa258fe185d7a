//! An issuer that publishes its keys at a new address, while the old one still responds.

use super::{
    super::issuer::{ed25519, p256},
    *,
};

const DAY: u64 = 24 * 60 * 60;

/// From now on, the metadata name `/new`, which has another key too.
fn move_keys(server: &Server) {
    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}/new", server.url()) });
    server.reply(OAUTH, Reply::json(&metadata));
    server.reply("/new", Reply::json(&json!({ "keys": [ed25519().jwk, p256().jwk] })));
}

#[tokio::test]
async fn t14_a_key_that_is_not_at_the_old_address_is_found_at_the_new_one() {
    let server = issuer(&[ed25519()], Some(DAY)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    move_keys(&server);
    clock.set(60);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    // The new address is remembered.
    clock.set(60 + 300);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!((server.count(OAUTH), server.count(KEYS), server.count("/new")), (2, 2, 2));
}

#[tokio::test]
async fn t14_frequent_renewals_at_the_old_address_do_not_hide_the_new_one() {
    let server = issuer(&[ed25519()], Some(60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    move_keys(&server);
    for renewals in 1..=3 {
        clock.set(renewals * 45);
        assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
        until(|| tokens.health().age() == Some(Duration::ZERO)).await;
    }
    assert_eq!((server.count(OAUTH), server.count(KEYS)), (1, 4));
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!((server.count(OAUTH), server.count("/new")), (2, 1));
}

#[tokio::test]
async fn t14_metadata_are_read_again_once_a_day() {
    let server = issuer(&[ed25519()], Some(3600)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let good = token(&server, ed25519());
    for hour in 1..24 {
        clock.set(hour * 3600);
        assert_eq!(status(&tokens, &good).await, 200);
    }
    move_keys(&server);
    assert_eq!((server.count(OAUTH), server.count(KEYS)), (1, 24));
    clock.set(DAY);
    assert_eq!(status(&tokens, &good).await, 200);
    until(|| tokens.health().keys() == 2).await;
    assert_eq!((server.count(OAUTH), server.count("/new")), (2, 1));
}

#[tokio::test]
async fn t15_metadata_that_are_gone_take_no_keys_along() {
    let server = issuer(&[ed25519()], Some(3600)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    server.reply(OAUTH, Reply::of(500, "text/plain", ""));
    for hour in 1..60 {
        clock.set(hour * 3600);
        assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200, "after {hour} h");
        assert_eq!(status(&tokens, &token(&server, p256())).await, 401);
        let health = tokens.health();
        assert_eq!((health.failing_for(), health.age()), (None, Some(Duration::ZERO)));
    }
}
