//! What a token's claims must say.

use std::time::Duration;

use http::StatusCode;
use portcullis::Guard;
use serde_json::json;

use super::{
    super::issuer::{AUDIENCE, ISSUER, NOW, but, claims, ed25519, verifier},
    *,
};

/// A valid token with one claim replaced by this JSON text.
fn with(name: &str, value: Option<&str>) -> String {
    ed25519().token(&ed25519().header().to_string(), &but(&claims(), name, value))
}

/// The table of one claim: JSON texts that are accepted and that are rejected.
async fn table(name: &str, accepted: &[&str], refused: &[&str]) {
    for (values, expected) in [(accepted, StatusCode::OK), (refused, StatusCode::UNAUTHORIZED)] {
        for value in values {
            assert_eq!(status(&with(name, Some(value))).await, expected, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn t08_a_token_stands_for_its_sub_to_the_byte_and_for_nothing_else() {
    async fn found(token: &str) -> (StatusCode, String) {
        let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = app(verifier()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, body) = (answer.status(), axum::body::to_bytes(answer.into_body(), 1000).await.unwrap());
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
    for sub in
        ["ana", "Ana", " ana", "ana ", "\u{e9}", "e\u{301}", "18446744073709551616", "ana@shop.example"]
    {
        let mut claims = claims();
        claims["sub"] = json!(sub);
        claims["email"] = json!("eve@evil.example");
        claims["username"] = json!("eve");
        let token = ed25519().token(&ed25519().header().to_string(), &claims.to_string());
        assert_eq!(found(&token).await, (StatusCode::OK, sub.to_owned()));
        claims.as_object_mut().unwrap().remove("sub");
        let token = ed25519().token(&ed25519().header().to_string(), &claims.to_string());
        assert_eq!(found(&token).await.0, 401, "an e-mail address is nobody");
    }
}

#[tokio::test]
async fn t05_a_time_of_a_wrong_type_is_not_an_absent_one() {
    let wrong = [
        "\"1800000000\"",
        "\"\"",
        "null",
        "true",
        "[]",
        "{}",
        "[1800000000]",
        "-1",
        "-0.5",
        "-0.0",
        "1e308",
        "-1e308",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
    ];
    for name in ["exp", "nbf", "iat"] {
        table(name, &[], &wrong).await;
    }
    table("exp", &["9007199254740991"], &["0", "1"]).await;
    table("nbf", &["0"], &["9007199254740991"]).await;
    table("iat", &["0"], &["9007199254740991"]).await;
    assert_eq!(status(&with("exp", None)).await, 401);
    assert_eq!(status(&with("iat", None)).await, 401);
    assert_eq!(status(&with("nbf", None)).await, 200);
}

/// RFC 7519 §2: "non-integer values can be represented".
#[tokio::test]
async fn t05_a_time_may_have_a_fraction_that_lets_nothing_in() {
    let at = |name: &str, value: &str| with(name, Some(value));
    table("exp", &["1800000060.5", "1800000000.0", "1.8e9"], &["1799999995.9", "9007199254740992.0"]).await;
    table("iat", &["1800000005.0", "1800000004.5", "1.8e9"], &["1800000005.1"]).await;
    table("nbf", &["1800000005.0", "0.5"], &["1800000005.1"]).await;
    assert_eq!(status(&at("exp", "1800000060.999")).await, 200);
}

#[tokio::test]
async fn t05_the_leeway_can_be_set() {
    let now = std::time::UNIX_EPOCH + Duration::from_secs(NOW);
    let builder = || {
        AccessTokens::issued_by(ISSUER)
            .audience(AUDIENCE)
            .clock(move || now)
            .keys(&super::super::issuer::jwks([ed25519()]))
            .unwrap()
    };
    for (leeway, good, bad) in [(0, 0, 1), (60, 60, 61)] {
        let app = app(builder().leeway(Duration::from_secs(leeway)).build().unwrap());
        for (ahead, expected) in [(good, 200), (bad, 401)] {
            for name in ["nbf", "iat"] {
                let token = with(name, Some(&(NOW + ahead).to_string()));
                assert_eq!(sent_to(&app, &token).await, expected, "{leeway} {name} {ahead}");
            }
        }
        for (ago, expected) in
            [(leeway, 401), (leeway.saturating_sub(1), if leeway == 0 { 401 } else { 200 })]
        {
            let token = with("exp", Some(&(NOW - ago).to_string()));
            assert_eq!(sent_to(&app, &token).await, expected, "{leeway} exp {ago}");
        }
    }
}

#[tokio::test]
async fn any_of_several_audiences_will_do() {
    let now = std::time::UNIX_EPOCH + Duration::from_secs(NOW);
    let tokens = AccessTokens::issued_by(ISSUER).audience(AUDIENCE).audience("api://shop").clock(move || now);
    let app = app(tokens.keys(&super::super::issuer::jwks([ed25519()])).unwrap().build().unwrap());
    for (aud, expected) in [
        ("\"shop\"", 200),
        ("\"api://shop\"", 200),
        ("[\"other\",\"api://shop\"]", 200),
        ("\"other\"", 401),
        ("\"shop api://shop\"", 401),
        ("[]", 401),
    ] {
        assert_eq!(sent_to(&app, &with("aud", Some(aud))).await, expected, "{aud}");
    }
}

#[tokio::test]
async fn t05_the_leeway_is_five_seconds() {
    let at = |seconds: u64, millis: u32| Duration::new(seconds, millis * 1_000_000);
    let limit = Some(NOW.to_string());
    let early = Some("0");
    // `exp` is rejected from five seconds after its time; the others are accepted from five seconds before.
    let expiring = {
        let claims = serde_json::from_str(&but(&claims(), "exp", limit.as_deref())).unwrap();
        ed25519().token(&ed25519().header().to_string(), &but(&claims, "iat", early))
    };
    for (now, expected) in [
        (at(NOW, 0), 200),
        (at(NOW + 4, 0), 200),
        (at(NOW + 4, 999), 200),
        (at(NOW + 5, 0), 401),
        (at(NOW + 6, 0), 401),
    ] {
        assert_eq!(status_at(now, &expiring).await, expected, "exp, {now:?}");
    }
    for name in ["nbf", "iat"] {
        let token = with(name, limit.as_deref());
        for (now, expected) in [(at(NOW - 6, 999), 401), (at(NOW - 5, 0), 200), (at(NOW, 0), 200)] {
            assert_eq!(status_at(now, &token).await, expected, "{name}, {now:?}");
        }
    }
    assert_eq!(status_at(Duration::ZERO, &ed25519().good()).await, 401, "a clock that stands at 1970");
}

#[tokio::test]
async fn t07_every_claim_is_there() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert_eq!(status(&with(name, None)).await, 401, "{name}");
    }
    for name in ["iss", "sub", "client_id", "jti"] {
        table(name, &[], &["\"\"", "null", "1", "true", "[]", "[\"ana\"]", "{}"]).await;
    }
    // These may be missing, but not of another type.
    for name in ["scope", "sid"] {
        table(name, &[], &["null", "1", "[\"read\"]", "{}"]).await;
    }
    assert_eq!(status(&with("sid", None)).await, 200);
    assert_eq!(status(&with("scope", None)).await, 403);
}

#[tokio::test]
async fn t07_the_issuer_is_compared_to_the_byte() {
    let others = [
        format!("{ISSUER}/"),
        ISSUER.to_uppercase(),
        ISSUER.replace("accounts", "Accounts"),
        ISSUER.replace("https", "http"),
        format!("{ISSUER}:443"),
        format!(" {ISSUER}"),
        format!("{ISSUER}.evil.example"),
        "https://accounts.exampl\u{435}".to_owned(),
    ];
    for other in others {
        table("iss", &[], &[&json!(other).to_string(), &json!([other, ISSUER]).to_string()]).await;
    }
    table("iss", &["\"https:\\/\\/accounts.example\""], &[&json!([ISSUER]).to_string()]).await;
}

#[tokio::test]
async fn t07_a_token_for_another_api_is_refused() {
    let accepted =
        [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE]), json!([AUDIENCE, "other"])];
    let refused = [
        json!("other"),
        json!("SHOP"),
        json!("shop/"),
        json!("shop "),
        json!("other shop"),
        json!(""),
        json!(null),
        json!([]),
        json!(["other"]),
        json!(["other", "sho"]),
        json!([AUDIENCE, 7]),
        json!([null, AUDIENCE]),
        json!([[AUDIENCE]]),
        json!({ "shop": true }),
        json!(true),
    ];
    let [accepted, refused] =
        [&accepted[..], &refused].map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>());
    let texts = |list: &[String]| list.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    let (accepted, refused) = (texts(&accepted), texts(&refused));
    table("aud", &accepted.lines().collect::<Vec<_>>(), &refused.lines().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_scope_is_a_whole_word() {
    let scopes = [
        ("read", 200),
        ("write read", 200),
        ("read  write", 200),
        ("", 403),
        ("write", 403),
        ("reader", 403),
        ("read-all", 403),
        ("Read", 403),
        ("read\twrite", 403),
        ("write,read", 403),
    ];
    for (scope, expected) in scopes {
        assert_eq!(status(&with("scope", Some(&json!(scope).to_string()))).await, expected, "{scope:?}");
    }
}

#[tokio::test]
async fn a_handler_gets_what_the_token_says() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Own {
        tenant: String,
    }
    async fn told(guard: Guard<AccessTokens>) -> String {
        let token = guard.into_principal();
        let scope: Vec<_> = token.scope().iter().collect();
        assert_eq!((token.issued_at(), token.expires_at()), (NOW - 60, NOW + 60));
        assert_eq!(token.claims::<Own>().unwrap(), Own { tenant: "t".to_owned() });
        assert!(token.claims::<Vec<u8>>().is_err());
        format!("{} {} {} {:?} {scope:?}", token.subject(), token.client_id(), token.id(), token.session_id())
    }
    let app = Router::new().route("/", get(told)).with_state(verifier());
    let request =
        Request::get("/").header(AUTHORIZATION, format!("bearer {}", with("tenant", Some("\"t\""))));
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
    assert_eq!(body, "ana web 1 Some(\"7\") [\"read\", \"write\"]");
}
