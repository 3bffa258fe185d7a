//! How long anything is waited for, in real time.

use std::time::Instant;

use futures_util::{
    FutureExt as _,
    future::{join, join_all},
};
use portcullis::{Bearer, Verdict, VerifyFailed, issuer::Introspection};
use tokio::runtime::Runtime;
use tracing::Level;

use super::{
    super::{
        issuer::{attacker, ed25519, p256},
        log::Log,
    },
    *,
};

#[tokio::test]
async fn t15_known_keys_wait_half_a_second_for_newer_ones() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let good = token(&server, ed25519());
    let newer = Reply::json(&json!({ "keys": [ed25519().jwk, p256().jwk] }));
    server.reply(KEYS, newer.late(Duration::from_secs(3)));
    clock.set(1000);
    let start = Instant::now();
    for _ in 0..5 {
        assert_eq!(status(&tokens, &good).await, 200);
    }
    let waited = start.elapsed();
    assert!((400..2000).contains(&waited.as_millis()), "half a second for all of them: {waited:?}");
    // The fetch went on.
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!(server.count(KEYS), 2);
}

#[tokio::test]
async fn t15_metadata_and_keys_have_one_deadline() {
    let server = issuer(&[ed25519()], None).await;
    let metadata = json!({ "issuer": server.url(), "jwks_uri": format!("{}{KEYS}", server.url()) });
    server.reply(OAUTH, Reply::of(404, "text/plain", "").late(Duration::from_secs(1)));
    server.reply(OPENID, Reply::json(&metadata).late(Duration::from_millis(700)));
    server.reply(KEYS, Reply::Hang);
    let start = Instant::now();
    let outgoing = Outgoing::default().timeout(Duration::from_secs(2));
    let why = builder(&server, &Clock::new()).outgoing(outgoing).build().await.unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(why.contains(KEYS) && why.contains("no whole answer within 2s"), "{why}");
}

#[tokio::test]
async fn t15_an_unknown_key_waits_for_one_fetch_and_holds_up_nobody() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).outgoing(impatient()).build().await.unwrap();
    server.reply(KEYS, Reply::Hang);
    server.reply(OAUTH, Reply::Hang);
    clock.set(60);
    let start = Instant::now();
    let (strange, good) = (unknown(&server, attacker(), "strange"), token(&server, ed25519()));
    let known = async {
        let known = status(&tokens, &good).await;
        (known, start.elapsed())
    };
    let (strange, (known, after)) = join(status(&tokens, &strange), known).await;
    assert_eq!((strange.as_u16(), known.as_u16()), (503, 200));
    assert!(after < Duration::from_secs(1) && start.elapsed() < Duration::from_millis(2500));
}

#[tokio::test]
async fn t15_keys_beyond_their_staleness_are_looked_for_as_if_there_were_none() {
    let server = issuer(&[ed25519()], Some(600)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).max_staleness(Duration::from_mins(10)).build().await.unwrap();
    let good = token(&server, ed25519());
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(595);
    assert_eq!(status(&tokens, &good).await, 200);
    until(|| tokens.health().problem().is_some()).await;
    publish(&server, &[ed25519()], Some(600));
    clock.set(604);
    assert_eq!(status(&tokens, &good).await, 503, "nine seconds after the last look");
    clock.set(605);
    assert_eq!(status(&tokens, &good).await, 200);
    assert_eq!(server.count(KEYS), 3);
}

#[tokio::test]
async fn t15_strangers_do_not_fill_the_log_during_an_outage() {
    /// A type of this test's own, because log lines are counted per type.
    #[derive(Clone)]
    struct Own(AccessTokens);
    impl Verify for Own {
        type Credential = Bearer;
        type Principal = portcullis::AccessToken;
        const SCHEME: &'static str = "own";
        async fn verify(&self, bearer: &Bearer) -> Result<Verdict<Self::Principal>, VerifyFailed> {
            self.0.verify(bearer).await
        }
    }
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = Own(builder(&server, &clock).build().await.unwrap());
    server.reply(KEYS, Reply::of(500, "text/plain", ""));
    clock.set(60);
    let log = Log::here();
    for number in 0..100 {
        let strange = unknown(&server, attacker(), &number.to_string());
        assert_eq!(status(&tokens, &strange).await, 503);
    }
    assert_eq!(log.taken(Level::ERROR).len(), 1);
}

#[tokio::test]
async fn t15_questions_about_tokens_are_bounded_in_number_and_in_their_wait() {
    let server = Server::start().await;
    server.reply("/introspect", Reply::Hang);
    let verifier = Introspection::at(&format!("{}/introspect", server.url()));
    let verifier =
        verifier.client("shop", "secret").audience(AUDIENCE).outgoing(impatient()).build().unwrap();
    let tokens: Vec<_> = (0..400).map(|number| format!("t{number}")).collect();
    let asking = join_all(tokens.iter().map(|token| status(&verifier, token)));
    let first = async {
        until(|| server.count("/introspect") >= 64).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(server.count("/introspect"), 64, "so many at once");
    };
    let (statuses, ()) = join(asking, first).await;
    assert!(statuses.iter().all(|status| *status == 503));
    // Of turns of 1.5 s each, four begin within five seconds. Callers without a turn by then give up.
    let asked = server.count("/introspect");
    assert!((129..=256).contains(&asked), "{asked}");
}

/// A runtime that nobody drives, like that of a blocked thread, with what `begin` started on it.
fn blocked(begin: impl FnOnce() + Send + 'static) -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let once = move || {
        runtime.block_on(async { begin() });
        runtime
    };
    std::thread::spawn(once).join().unwrap()
}

/// The response, which must take no longer than this many seconds.
async fn within<T>(seconds: u64, answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), answer).await.expect("it is waited for without an end")
}

#[tokio::test]
async fn t15_a_first_look_that_never_ends_is_waited_for_once() {
    let server = issuer(&[ed25519()], None).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).outgoing(impatient()).lazily().build().await.unwrap();
    let asked = tokens.clone();
    let blocked = blocked(move || assert!(!asked.health().can_verify()));
    let good = token(&server, ed25519());
    assert_eq!(within(4, status(&tokens, &good)).await, 503);
    assert!(tokens.health().problem().unwrap().contains("its thread is blocked"));
    clock.set(10);
    assert_eq!(status(&tokens, &good).await, 200);
    assert_eq!(tokens.health().problem(), None);
    blocked.shutdown_background();
}

#[tokio::test]
async fn t15_a_look_for_an_unknown_key_that_never_ends_is_no_verdict() {
    let server = issuer(&[ed25519()], None).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).outgoing(impatient()).build().await.unwrap();
    publish(&server, &[ed25519(), p256()], None);
    clock.set(60);
    let (asked, new) = (tokens.clone(), token(&server, p256()));
    let looked_for = new.clone();
    let blocked = blocked(move || assert!(status(&asked, &looked_for).now_or_never().is_none()));
    assert_eq!(within(4, status(&tokens, &new)).await, 503);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    clock.set(120);
    assert_eq!(status(&tokens, &new).await, 200);
    blocked.shutdown_background();
}

#[tokio::test]
async fn t15_a_question_that_never_ends_is_not_waited_for_by_others() {
    let server = Server::start().await;
    server.reply("/introspect", Reply::json(&json!({ "active": true, "sub": "u", "aud": AUDIENCE })));
    let verifier = Introspection::at(&format!("{}/introspect", server.url())).client("shop", "secret");
    let verifier = verifier.audience(AUDIENCE).outgoing(impatient()).build().unwrap();
    let mut stuck = Box::pin(status(&verifier, "opaque"));
    assert!((&mut stuck).now_or_never().is_none());
    assert_eq!(within(10, status(&verifier, "opaque")).await, 503);
    drop(stuck);
    assert_eq!(status(&verifier, "opaque").await, 200);
}
