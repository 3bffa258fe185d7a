//! What a readiness check reports. The check itself starts fetching the keys, because before the service is ready no
//! token arrives.

use super::{
    super::issuer::{attacker, ed25519, p256},
    *,
};

#[tokio::test]
async fn t15_a_lazy_verifier_becomes_ready_without_a_token() {
    let server = Server::start().await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).lazily().build().await.unwrap();
    assert!(!tokens.health().can_verify());
    until(|| tokens.health().problem().is_some()).await;
    for second in 0..10 {
        clock.set(second);
        assert!(!tokens.health().can_verify());
        a_moment().await;
    }
    assert_eq!(server.count(OAUTH), 1, "once in ten seconds");

    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}{KEYS}", server.url()) });
    server.reply(OAUTH, Reply::json(&metadata));
    publish(&server, &[ed25519()], None);
    clock.set(10);
    until(|| tokens.health().can_verify()).await;
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    assert_eq!(server.count(KEYS), 1);
}

#[tokio::test]
async fn t15_a_service_without_traffic_stays_ready() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    clock.set(2 * 24 * 60 * 60);
    assert!(!tokens.health().can_verify(), "it was not asked for two days");
    until(|| tokens.health().can_verify()).await;
    clock.set(2 * 24 * 60 * 60 + 225);
    assert!(tokens.health().can_verify());
    until(|| server.count(KEYS) == 3).await;
}

/// In real time; the verifier waits for ten seconds.
#[tokio::test]
async fn t14_keys_are_renewed_in_time_though_nobody_comes() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    publish(&server, &[p256()], Some(300));
    clock.set(225);
    soon(|| server.count(KEYS) == 2).await;
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!(server.count(KEYS), 2);
}

#[tokio::test]
async fn a_verifier_that_is_dropped_leaves_no_task() {
    bring_tls();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let tokens = AccessTokens::discover("https://accounts.example").audience(AUDIENCE).lazily().build();
    let tokens = tokens.await.unwrap();
    assert_eq!(tasks(), 1);
    drop(tokens);
    soon(|| tasks() == 0).await;
}

async fn soon(is_so: impl Fn() -> bool) {
    for _ in 0..300 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to be");
}

#[tokio::test]
async fn t15_one_failed_look_is_forgotten_without_a_token() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(60);
    assert_eq!(status(&tokens, &unknown(&server, attacker(), "strange")).await, 503);
    publish(&server, &[ed25519()], Some(24 * 60 * 60));
    clock.set(119);
    assert_eq!(tokens.health().failing_for(), Some(Duration::from_secs(59)));
    a_moment().await;
    assert_eq!(server.count(KEYS), 2);
    clock.set(120);
    until(|| tokens.health().failing_for().is_none()).await;
    assert_eq!(server.count(KEYS), 3);
}

#[test]
fn where_no_fetch_can_run_health_tells_what_is_known() {
    bring_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens = AccessTokens::discover("https://accounts.example").audience(AUDIENCE).lazily().build();
    let tokens = runtime.block_on(tokens).unwrap();
    let health = tokens.health();
    assert!(!health.can_verify() && health.problem().is_none());
}
