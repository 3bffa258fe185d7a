//! An issuer that is down, slow or broken: known keys stay known, and nothing is guessed.

use futures_util::{FutureExt, future::join_all};

use super::{
    super::issuer::{ed25519, p256},
    *,
};

#[tokio::test]
async fn t15_without_a_key_nothing_is_built() {
    bring_tls();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = AccessTokens::discover(&nobody).audience(AUDIENCE).build().await.unwrap_err().to_string();
    assert!(refused.contains(&nobody) && refused.contains("refused"), "{refused}");
    // If one path does not respond, neither does the other; asking there too would only take longer.
    assert!(refused.contains(OAUTH) && !refused.contains(OPENID), "{refused}");
    let server = Server::start().await;
    let refused = builder(&server, &Clock::new()).build().await.unwrap_err().to_string();
    for part in [OAUTH, OPENID, "responded with 404", "keys_at"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

#[tokio::test]
async fn t15_a_lazy_verifier_answers_503_until_it_has_keys() {
    let server = Server::start().await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).lazily().build().await.unwrap();
    assert!(server.asked().is_empty() && !tokens.health().can_verify());
    let (good, junk) = (token(&server, ed25519()), "junk");
    for second in 0..10 {
        clock.set(second);
        assert_eq!(status(&tokens, &good).await, 503);
        assert_eq!(status(&tokens, junk).await, 503);
    }
    assert_eq!(server.count(OAUTH), 1, "once in ten seconds");
    assert!(tokens.health().problem().unwrap().contains("responded with 404"));

    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}{KEYS}", server.url()) });
    server.reply(OPENID, Reply::json(&metadata));
    publish(&server, &[ed25519()], None);
    clock.set(10);
    let statuses = join_all((0..20).map(|_| status(&tokens, &good))).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(status(&tokens, junk).await, 401);
    assert_eq!((server.count(OAUTH), server.count(KEYS)), (2, 1));
    assert!(tokens.health().can_verify() && tokens.health().problem().is_none());
}

#[tokio::test]
async fn t15_a_dead_issuer_leaves_known_keys_for_a_day() {
    let day = 24 * 60 * 60;
    let mad = [
        Reply::of(500, "text/plain", "no"),
        Reply::of(200, "text/html", "<html>"),
        Reply::of(302, "text/plain", "").header("location", "/"),
        Reply::of(200, "application/json", vec![b' '; 2 * 1024 * 1024]),
        Reply::json(&json!({ "keys": "none" })),
    ];
    for reply in mad {
        let server = issuer(&[ed25519()], Some(300)).await;
        let clock = Clock::new();
        let tokens = builder(&server, &clock).build().await.unwrap();
        let good = token(&server, ed25519());
        for path in [OAUTH, KEYS] {
            server.reply(path, reply.clone());
        }
        for seconds in [300, 400, 3600, day / 2, day] {
            clock.set(seconds);
            assert_eq!(status(&tokens, &good).await, 200, "at {seconds} s");
        }
        let health = tokens.health();
        assert!(health.can_verify() && health.problem().is_some() && health.keys() == 1);
        assert_eq!(health.age(), Some(Duration::from_secs(day)));
        assert_eq!(health.failing_for(), Some(Duration::from_secs(day - 300)));
        clock.set(day + 1);
        assert_eq!(status(&tokens, &good).await, 503);
        assert!(!tokens.health().can_verify());
    }
}

#[tokio::test]
async fn t15_how_long_is_for_the_application_to_say() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).max_staleness(Duration::from_mins(10)).build().await.unwrap();
    let good = token(&server, ed25519());
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(600);
    assert_eq!(status(&tokens, &good).await, 200);
    clock.set(601);
    assert_eq!(status(&tokens, &good).await, 503);
}

#[tokio::test]
async fn t15_an_unknown_key_of_a_dead_issuer_gets_no_verdict() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let (old, new) = (token(&server, ed25519()), token(&server, p256()));
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(60);
    for second in 60..120 {
        clock.set(second);
        assert_eq!(status(&tokens, &new).await, 503);
        assert_eq!(status(&tokens, &old).await, 200);
    }
    assert_eq!(server.count(KEYS), 2);
    publish(&server, &[ed25519(), p256()], None);
    clock.set(120);
    assert_eq!(status(&tokens, &new).await, 200);
}

#[tokio::test]
async fn t15_a_renewal_that_failed_a_moment_ago_counts_for_unknown_keys_too() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let (old, new) = (token(&server, ed25519()), token(&server, p256()));
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(300);
    assert_eq!(status(&tokens, &old).await, 200);
    for (second, looks) in [(301, 1), (359, 1), (360, 2)] {
        clock.set(second);
        assert_eq!(status(&tokens, &new).await, 503);
        assert_eq!(server.count(KEYS), 1 + looks, "at {second} s");
    }
}

#[tokio::test]
async fn t15_an_issuer_that_hangs_is_waited_for_once() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).outgoing(impatient()).build().await.unwrap();
    let good = token(&server, ed25519());
    server.reply(KEYS, Reply::Hang);
    server.reply(OAUTH, Reply::Hang);
    clock.set(300);
    let statuses = join_all((0..20).map(|_| status(&tokens, &good))).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(server.count(KEYS), 2, "one for the start, one for all of these");
    clock.set(400);
    let quick = tokio::time::timeout(Duration::from_secs(1), status(&tokens, &good)).await;
    assert_eq!(quick.expect("it waited again"), 200);
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nobody_along() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    publish(&server, &[p256()], None);
    clock.set(300);
    let new = token(&server, p256());
    {
        let mut gone = Box::pin(status(&tokens, &new));
        assert!((&mut gone).now_or_never().is_none());
    }
    assert_eq!(status(&tokens, &new).await, 200);
    assert_eq!(server.count(KEYS), 2);
}

#[tokio::test]
async fn keys_that_moved_are_found_again() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    server.reply(KEYS, Reply::of(410, "text/plain", ""));
    server.reply(
        OAUTH,
        Reply::json(&json!({ "issuer": server.url(), "jwks_uri": format!("{}/new", server.url()) })),
    );
    server.reply("/new", Reply::json(&json!({ "keys": [p256().jwk] })));
    clock.set(300);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    clock.set(360);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!((server.count(OAUTH), server.count("/new")), (2, 1));
}
