//! The cost of a flood of bad tokens.

use std::time::{Duration, Instant};

use allocation_counter::measure;
use axum::extract::FromRequestParts;
use futures_util::FutureExt;
use portcullis::Guard;

use super::{
    super::issuer::{base64url, but, claims, p256, verifier},
    *,
};

/// The shortest time for `token` in many tries, which other work on the machine disturbs least.
async fn fastest(app: &Router, token: &str) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..300 {
        let began = Instant::now();
        assert_eq!(sent_to(app, token).await, 401);
        fastest = fastest.min(began.elapsed());
    }
    fastest
}

#[tokio::test]
async fn t11_size_costs_nothing() {
    let app = app(verifier());
    let json = |text: &str| base64url(text);
    let (header, claims) = (json(&p256().header().to_string()), json(&claims().to_string()));
    let tokens = [
        "A".repeat(64 * 1024),
        ".".repeat(8 * 1024),
        ".".repeat(64 * 1024),
        "=".repeat(8 * 1024),
        format!("{header}.{}.AA", "A".repeat(7 * 1024)),
        format!("{}.{claims}.AA", "A".repeat(7 * 1024)),
        format!("{}.{claims}.AA", json(&"[".repeat(5000))),
        format!("{}.{claims}.AA", json(&format!("{{{}\"a\":1}}", "\"a\":1,".repeat(700)))),
        format!("{header}.{claims}.{}", "A".repeat(7 * 1024)),
    ];
    for token in tokens {
        let spent = fastest(&app, &token).await;
        assert!(spent < Duration::from_millis(5), "{spent:?} for {:.40}… of {}", token, token.len());
    }
}

#[tokio::test]
async fn t11_a_forged_header_costs_no_signature_check() {
    let app = app(verifier());
    let claims = claims().to_string();
    let checked = {
        let token = p256().good();
        let (signed, _) = token.rsplit_once('.').unwrap();
        // Well-formed, so that it is really verified, but signed over another message.
        format!("{signed}.{}", base64url(p256().signature(b"another message")))
    };
    let checked = fastest(&app, &checked).await;
    for (name, value) in
        [("kid", "\"unknown\""), ("alg", "\"RS256\""), ("typ", "\"JWT\""), ("crit", "[\"x\"]")]
    {
        let forged = p256().token(&but(&p256().header(), name, Some(value)), &claims);
        let forged = fastest(&app, &forged).await;
        assert!(forged < checked, "{name}: {forged:?}, and a signature check {checked:?}");
    }
}

/// However many there are: nothing of a rejected token is kept, and little memory is used meanwhile.
#[test]
fn t11_junk_leaves_nothing_in_memory() {
    const EACH: usize = 2000;
    let verifier = verifier();
    let (header, good) = (p256().header(), claims());
    let claims = good.to_string();
    let kinds: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("no token", &|number| format!("{number:0>600}")),
        ("three parts", &|number| format!("{number:0>300}.{number:0>200}.{number:0>100}")),
        ("an unknown key", &|number| {
            p256().token(&but(&header, "kid", Some(&format!("\"{number}\""))), &claims)
        }),
        ("another algorithm", &|number| {
            p256().token(&but(&header, "alg", Some(&format!("\"A{number}\""))), &claims)
        }),
        ("a forged signature", &|number| {
            let token = p256().good();
            let (signed, _) = token.rsplit_once('.').unwrap();
            format!("{signed}.{}", base64url(p256().signature(format!("{number}").as_bytes())))
        }),
        ("a token of another issuer", &|number| {
            let issuer = format!("\"https://{number}.example\"");
            p256().token(&header.to_string(), &but(&good, "iss", Some(&issuer)))
        }),
    ];
    for (kind, make) in kinds {
        let refuse = |number: usize| {
            let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {}", make(number)));
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let guarded =
                Guard::<AccessTokens>::from_request_parts(&mut parts, &verifier).now_or_never().unwrap();
            assert!(guarded.is_err(), "{kind}");
        };
        // What the thread and the library allocate once.
        (0..10).for_each(refuse);
        let taken = measure(|| (10..EACH).for_each(refuse));
        assert_eq!(taken.bytes_current, 0, "{kind}: {taken:?}");
        assert!(taken.bytes_max < 16 * 1024, "{kind}: {taken:?}");
    }
}
