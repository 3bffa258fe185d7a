//! New keys, old keys, and floods of keys that never existed.

use futures_util::future::join_all;
use tracing::Level;

use super::{
    super::{
        issuer::{Key, attacker, ed25519, p256, rsa},
        log::Log,
    },
    *,
};

#[tokio::test]
async fn t03_unknown_keys_make_five_fetches_a_minute_whatever_the_flood() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let good = token(&server, ed25519());
    for second in 0..300 {
        clock.set(second);
        let flood = (0..20).map(|number| {
            let kid = [format!("{second}-{number}"), "../../x".to_owned(), "' OR 1=1".to_owned()];
            unknown(&server, attacker(), &kid[number % 3])
        });
        let flood: Vec<_> = flood.collect();
        let statuses = join_all(flood.iter().map(|token| status(&tokens, token))).await;
        // A key that was not looked up, because lookups were used up, is not known to be unknown.
        assert!(statuses.iter().all(|status| [401, 503].contains(&status.as_u16())), "{statuses:?}");
        assert!(second > 0 || statuses.iter().all(|status| *status == 401), "{statuses:?}");
        let looks = 1 + 5 * (1 + usize::try_from(second / 60).unwrap());
        assert!(server.count(KEYS) <= looks && server.count(OAUTH) <= looks, "at {second} s");
        assert_eq!(status(&tokens, &good).await, 200);
    }
    assert!(server.count(KEYS) > 20, "each minute has its looks");
}

#[tokio::test]
async fn t14_a_strangers_key_does_not_use_up_the_looks_of_an_honest_one() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    assert_eq!(status(&tokens, &unknown(&server, attacker(), "a stranger's")).await, 401);
    publish(&server, &[ed25519(), p256()], Some(24 * 60 * 60));
    clock.set(10);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200, "published since");

    clock.set(100);
    for number in 0..5 {
        assert_eq!(status(&tokens, &unknown(&server, attacker(), &number.to_string())).await, 401);
    }
    publish(&server, &[ed25519(), p256(), rsa()], Some(24 * 60 * 60));
    let looks = server.count(KEYS);
    // A key that was looked up is known to be unknown; one that was not may be valid in a minute.
    assert_eq!(status(&tokens, &unknown(&server, attacker(), "3")).await, 401);
    let app = Router::new().route("/", get(open::<AccessTokens>)).with_state(tokens.clone());
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {}", token(&server, rsa())));
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(server.count(KEYS), looks);
    clock.set(160);
    assert_eq!(status(&tokens, &token(&server, rsa())).await, 200);
}

#[tokio::test]
async fn g03_the_log_has_one_line_for_an_unknown_key_however_often_it_was_looked_for() {
    let log = Log::here();
    let server = issuer(&[ed25519()], None).await;
    let tokens = builder(&server, &Clock::new()).build().await.unwrap();
    assert_eq!(status(&tokens, &unknown(&server, attacker(), "strange")).await, 401);
    assert_eq!(log.taken(Level::DEBUG), ["reason=unknown kid"]);
}

#[tokio::test]
async fn g03_the_log_names_keys_that_cannot_be_used_when_they_change_and_not_with_every_fetch() {
    let log = Log::here();
    let server = issuer(&[ed25519()], None).await;
    let publish = |kid: &str| {
        let unusable = json!({ "kty": "OKP", "crv": "Ed448", "kid": kid, "x": "AA" });
        server.reply(KEYS, Reply::json(&json!({ "keys": [ed25519().jwk, unusable] })));
    };
    publish("first");
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let mut said = log.taken(Level::INFO);
    for (seconds, kid) in [(300, "first"), (600, "first"), (900, "second"), (1200, "second")] {
        publish(kid);
        clock.set(seconds);
        assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
        said.extend(log.taken(Level::INFO));
    }
    assert_eq!(server.count(KEYS), 5);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("first") && said[1].contains("second"), "{said:?}");
}

#[tokio::test]
async fn t03_what_is_no_access_token_anyway_asks_for_nothing() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    clock.set(3600);
    let url = format!("{}/evil", server.url());
    let headers = [
        json!({ "typ": "JWT", "alg": "EdDSA", "kid": "new" }),
        json!({ "typ": "at+jwt", "alg": "ES256" }),
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "k".repeat(257) }),
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "new", "crit": ["x"] }),
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "ed", "jku": url, "x5u": url, "jwk": attacker().jwk }),
    ];
    for header in headers {
        let token = attacker().token(&header.to_string(), &claims().to_string());
        assert_eq!(status(&tokens, &token).await, 401, "{header}");
    }
    for junk in ["x", "a.b", "a.b.c", "a.b.c.d.e"] {
        assert_eq!(status(&tokens, junk).await, 401, "{junk}");
    }
    assert_eq!(server.asked().len(), 2, "those of the start");
}

/// An issuer without names for its keys changes them too. The sign is a signature that the only key did not make.
#[tokio::test]
async fn a_new_key_without_a_name_is_looked_for() {
    let nameless = |key: &Key| {
        let mut jwk = key.jwk.clone();
        jwk.as_object_mut().unwrap().remove("kid");
        json!({ "keys": [jwk] })
    };
    let unnamed = |server: &server::Server, key: &Key| {
        let mut claims = claims();
        claims["iss"] = json!(server.url());
        key.token(&json!({ "typ": "at+jwt", "alg": "EdDSA" }).to_string(), &claims.to_string())
    };
    let server = issuer(&[], None).await;
    server.reply(KEYS, Reply::json(&nameless(ed25519())));
    let tokens = builder(&server, &Clock::new()).build().await.unwrap();
    assert_eq!(status(&tokens, &unnamed(&server, ed25519())).await, 200);
    assert_eq!(server.count(KEYS), 1);

    server.reply(KEYS, Reply::json(&nameless(attacker())));
    assert_eq!(status(&tokens, &unnamed(&server, attacker())).await, 200, "it is the new key");
    assert_eq!(status(&tokens, &unnamed(&server, ed25519())).await, 401, "and the old one is gone");
    // At most once a minute for all of them.
    let asked = server.count(KEYS);
    for _ in 0..10 {
        assert_eq!(status(&tokens, &unnamed(&server, ed25519())).await, 401);
    }
    assert_eq!(server.count(KEYS), asked);
}

/// Looking up an unknown key is the only case in which a token causes a request.
#[tokio::test]
async fn t03_an_unknown_key_is_looked_for_where_the_issuer_says_whatever_the_token_says() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let url = format!("{}/evil", server.url());
    let mut jwk = attacker().jwk.clone();
    jwk["kid"] = json!("new");
    server.reply("/evil", Reply::json(&json!({ "keys": [jwk] })));
    let mut claims = claims();
    claims["iss"] = json!(server.url());
    for (number, name) in (1..).zip(["jku", "x5u", "jwk", "x5c"]) {
        clock.set(number * 60);
        let mut header = json!({ "typ": "at+jwt", "alg": attacker().alg, "kid": "new" });
        header[name] = match name {
            "jwk" => jwk.clone(),
            "x5c" => json!([url]),
            _ => json!(url),
        };
        let token = attacker().token(&header.to_string(), &claims.to_string());
        assert_eq!(status(&tokens, &token).await, 401, "{header}");
        a_moment().await;
        assert_eq!(server.count(KEYS), 1 + usize::try_from(number).unwrap(), "{header}");
    }
    assert!(server.asked().iter().all(|asked| [OAUTH, KEYS].contains(&&*asked.path)));
}

#[tokio::test]
async fn t14_a_new_key_is_good_with_its_first_token() {
    let server = issuer(&[ed25519()], Some(24 * 60 * 60)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    publish(&server, &[ed25519(), p256()], None);
    clock.set(60);
    let (new, old) = (token(&server, p256()), token(&server, ed25519()));
    let statuses = join_all((0..50).map(|_| status(&tokens, &new))).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(server.count(KEYS), 2, "all who came waited for one answer");
    assert_eq!(server.count(OAUTH), 1, "the key is where the metadata said");
    assert_eq!(status(&tokens, &old).await, 200);
}

#[tokio::test]
async fn t14_a_renewal_does_not_blind_us_to_a_key_that_comes_after_it() {
    let server = issuer(&[ed25519()], None).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    clock.set(225);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    until(|| tokens.health().age() == Some(Duration::ZERO)).await;
    publish(&server, &[ed25519(), p256()], None);
    clock.set(226);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
    assert_eq!(server.count(KEYS), 3);
    for second in 226..286 {
        clock.set(second);
        // Those that were no longer looked up may still be valid.
        let expected = if second < 230 { 401 } else { 503 };
        assert_eq!(status(&tokens, &unknown(&server, attacker(), &second.to_string())).await, expected);
    }
    assert_eq!(server.count(KEYS), 7, "those were the five looks of this minute");
}

#[tokio::test]
async fn t14_a_renewal_under_way_is_not_the_last_word_on_a_new_key() {
    let server = issuer(&[ed25519()], None).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let before = Reply::json(&json!({ "keys": [ed25519().jwk] }));
    server.reply(KEYS, before.late(Duration::from_millis(300)));
    clock.set(225);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    until(|| server.count(KEYS) == 2).await;
    publish(&server, &[ed25519(), p256()], None);
    let strange = (0..20).map(|number| unknown(&server, attacker(), &number.to_string()));
    let flood: Vec<_> = strange.chain([token(&server, p256())]).collect();
    let statuses = join_all(flood.iter().map(|token| status(&tokens, token))).await;
    assert_eq!(*statuses.last().unwrap(), 200);
    assert!(statuses[..20].iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(server.count(KEYS), 3, "the renewal, and one look for all of them");
}

#[tokio::test]
async fn t14_keys_are_fetched_again_before_their_time_is_over_and_nobody_waits() {
    let server = issuer(&[ed25519()], Some(400)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).outgoing(impatient()).build().await.unwrap();
    let old = token(&server, ed25519());
    clock.set(299);
    assert_eq!(status(&tokens, &old).await, 200);
    assert_eq!(server.count(KEYS), 1);

    server.reply(KEYS, Reply::Hang);
    clock.set(300);
    for _ in 0..10 {
        let waiting = tokio::time::timeout(Duration::from_secs(1), status(&tokens, &old));
        assert_eq!(waiting.await.expect("it waited for the issuer"), 200);
    }
    until(|| server.count(KEYS) == 2).await;
    until(|| tokens.health().failing_for().is_some()).await;

    publish(&server, &[p256()], Some(400));
    clock.set(360);
    assert_eq!(status(&tokens, &old).await, 200, "in the background again");
    until(|| tokens.health().age() == Some(Duration::ZERO)).await;
    assert_eq!(server.count(KEYS), 3);
    assert_eq!(tokens.health().failing_for(), None);
    assert_eq!(status(&tokens, &token(&server, p256())).await, 200);
}

#[tokio::test]
async fn t14_a_removed_key_is_no_good_from_the_next_fetch_on() {
    let server = issuer(&[ed25519(), p256()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let (old, new) = (token(&server, ed25519()), token(&server, p256()));
    assert_eq!(status(&tokens, &old).await, 200);
    publish(&server, &[p256()], Some(300));
    clock.set(300);
    // The keys have expired. The first caller waits for the new ones, so no token is accepted by the old ones.
    assert_eq!(status(&tokens, &old).await, 401, "though it was remembered as good");
    assert_eq!(status(&tokens, &new).await, 200);
    assert_eq!(server.count(KEYS), 3, "the renewal, and a look for the key that is gone");
}

#[tokio::test]
async fn t14_a_removed_key_stays_good_for_as_long_as_was_asked_for() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let keep = Duration::from_secs(1000);
    let tokens = builder(&server, &clock).keep_removed_keys(keep).build().await.unwrap();
    let (old, new) = (token(&server, ed25519()), token(&server, p256()));
    publish(&server, &[p256()], Some(24 * 60 * 60));
    clock.set(300);
    assert_eq!(
        (status(&tokens, &old).await, status(&tokens, &new).await),
        (200.try_into().unwrap(), StatusCode::OK)
    );
    clock.set(1299);
    assert_eq!(status(&tokens, &old).await, 200);
    clock.set(1300);
    assert_eq!(status(&tokens, &old).await, 401);
    assert_eq!(status(&tokens, &new).await, 200);
}

#[tokio::test]
async fn t14_an_empty_set_revokes_every_key() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let good = token(&server, ed25519());
    assert_eq!(status(&tokens, &good).await, 200);
    publish(&server, &[], Some(24 * 60 * 60));
    clock.set(300);
    assert_eq!(status(&tokens, &good).await, 503);
    assert!(!tokens.health().can_verify());
    assert!(tokens.health().problem().unwrap().contains("the set is empty"));
    // It is fetched again soon, whatever `max-age` the empty set had.
    publish(&server, &[ed25519()], None);
    clock.set(310);
    assert_eq!(status(&tokens, &good).await, 200);
}

#[tokio::test]
async fn the_issuers_word_on_age_is_bounded() {
    for (max_age, is_fresh, is_old) in
        [(None, 224, 225), (Some(1), 44, 45), (Some(9_999_999), 64_799, 64_800)]
    {
        let server = issuer(&[ed25519()], max_age).await;
        let clock = Clock::new();
        let tokens = builder(&server, &clock).build().await.unwrap();
        let good = token(&server, ed25519());
        clock.set(is_fresh);
        assert_eq!(status(&tokens, &good).await, 200);
        a_moment().await;
        assert_eq!(tokens.health().age(), Some(Duration::from_secs(is_fresh)), "{max_age:?}");
        assert_eq!(server.count(KEYS), 1, "{max_age:?}");
        clock.set(is_old);
        assert_eq!(status(&tokens, &good).await, 200);
        until(|| server.count(KEYS) == 2).await;
    }
}

#[tokio::test]
async fn what_expires_is_heard_where_max_age_is_not_said() {
    let server = issuer(&[ed25519()], None).await;
    let reply = Reply::json(&json!({ "keys": [ed25519().jwk] }))
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .header("expires", "Sun, 06 Nov 1994 09:49:37 GMT")
        .header("age", "400");
    server.reply(KEYS, reply);
    let clock = Clock::new();
    let tokens = builder(&server, &clock).build().await.unwrap();
    let good = token(&server, ed25519());
    clock.set(2399);
    assert_eq!(status(&tokens, &good).await, 200);
    a_moment().await;
    assert_eq!(tokens.health().age(), Some(Duration::from_secs(2399)));
    assert_eq!(server.count(KEYS), 1);
    clock.set(2400);
    assert_eq!(status(&tokens, &good).await, 200);
    until(|| server.count(KEYS) == 2).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_old_keys_alive() {
    let server = issuer(&[ed25519()], Some(300)).await;
    let clock = Clock::new();
    clock.set(100_000);
    let tokens = builder(&server, &clock).build().await.unwrap();
    let old = token(&server, ed25519());
    publish(&server, &[p256()], Some(300));
    clock.set(0);
    assert_eq!(status(&tokens, &old).await, 401);
    assert_eq!(server.count(KEYS), 3, "the renewal, and a look for the key that is gone");
}
