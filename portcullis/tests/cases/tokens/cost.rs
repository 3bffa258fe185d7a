//! What a flood of bad tokens costs.

use std::time::{Duration, Instant};

use super::{
    super::issuer::{base64url, but, claims, p256, verifier},
    *,
};

/// The shortest time that `token` took in many tries, which the machine's other work disturbs least.
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
        // Well-formed, so that it is really checked: another message's.
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
