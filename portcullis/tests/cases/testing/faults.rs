//! One planted fault each: the attack finds it, in the right place and with the right name.

use axum::{
    Router,
    extract::RawQuery,
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
};
use serde_json::json;

use super::{
    attack,
    by_hand::{self, Fault},
    document, found, router,
    shop::{KEY, PASSWORD},
};

/// The shop, but one path has another handler than in the document.
fn with(path: &str, planted: MethodRouter) -> Router {
    Router::new().route(path, planted).fallback_service(router())
}

/// `GET /items/{id}`, guarded by hand.
fn guarded_by_hand(fault: Fault) -> Router {
    let item = json!({ "name": "tea", "count": 1 });
    with(
        "/items/{id}",
        get(async move |headers: HeaderMap, RawQuery(query): RawQuery| {
            by_hand::answer(fault, &headers, &query.unwrap_or_default(), &["read"], &item)
        }),
    )
}

/// A correct hand-written guard passes, so each finding below comes from its fault.
#[tokio::test]
async fn t13_a_right_guard_by_hand_is_no_hole() {
    attack(guarded_by_hand(Fault::None), document().value()).assert().await;
}

/// Expects exactly these lines for `GET /items/{id}`, and no others.
async fn assert_found(fault: Fault, expected: &[&str]) {
    let lines = found(guarded_by_hand(fault), document().value()).await;
    let expected: Vec<_> = expected.iter().map(|line| format!("GET /items/{{id}}: {line}")).collect();
    assert_eq!(lines, expected, "{fault:?}");
}

#[tokio::test]
async fn t13_a_guard_that_is_not_asked() {
    assert_found(
        Fault::IgnoresTheGuard,
        &[
            "no credential, a credential of an unknown scheme, `Bearer junk` and more were answered 200, documented is 401",
            "a good credential twice, a good credential beside a bad one and a good credential beside one of an unknown scheme were answered 200, documented is 400",
            "a credential without scopes and a credential with the scopes `admin write` alone were answered 200, documented is 403",
        ],
    )
    .await;
    assert_found(
        Fault::SwallowsTheDenial,
        &["`Bearer junk`, 8000 dots, a token of 64 kB and more were answered 200, documented is 401"],
    )
    .await;
    assert_found(
        Fault::RefusesEverybody,
        &["a good credential was answered 401; so the refusals prove nothing (a refusal of the handler's own is avoided by `.parameter` or `.sample`)"],
    )
    .await;
    assert_found(
        Fault::Panics,
        &["no credential, a credential of an unknown scheme, `Bearer junk` and more were not answered: the handler panicked"],
    )
    .await;
}

#[tokio::test]
async fn t01_to_t07_a_token_that_is_checked_in_all_but_one_respect() {
    let cases = [
        (Fault::AlgNone, "a token with `alg: none` was"),
        (Fault::PublicKeyAsSecret, "a token signed by HS256 with the public key as PEM was"),
        (Fault::KeyInTheHeader, "a token signed by the key that its `jwk` names was"),
        (Fault::Expired, "an expired token, a token without an end and a token whose `exp` is a text were"),
        (Fault::NotYetValid, "a token that is not yet valid was"),
        (Fault::AnyIssuer, "a token of another issuer and a token whose issuer has a slash more were"),
        (Fault::AnyAudience, "a token for another audience and a token for no audience were"),
        (Fault::PrefixIsEnough, "a good credential with a letter more was"),
        (Fault::TokenInTheQuery, "a good token in the query was"),
    ];
    for (fault, what) in cases {
        assert_found(fault, &[&format!("{what} answered 200, documented is 401")]).await;
    }
    assert_found(
        Fault::AnyScheme,
        &[
            "a credential of an unknown scheme was answered 401 with `error=\"invalid_token\"`, though nothing was sent that is asked for",
            "`Authorization: Token …` and `Authorization: Digest …` were answered 200, documented is 401",
        ],
    )
    .await;
    assert_found(
        Fault::SignatureNotChecked,
        &[
            "a good credential with a letter more, a good credential without its last letter, a good credential whose last letter was changed and more were answered 200, documented is 401",
            "a token whose `scope` was changed was answered 403, documented is 401",
        ],
    )
    .await;
}

#[tokio::test]
async fn t09_a_refusal_with_another_status_challenge_or_body() {
    let junk = "`Bearer junk`, 8000 dots, a token of 64 kB and";
    let (nothing, twice, scopes) = (
        "no credential, a credential of an unknown scheme, `Bearer junk` and more were",
        "a good credential twice, a good credential beside a bad one and a good credential beside one of an unknown scheme were",
        "a credential without scopes and a credential with the scopes `admin write` alone were",
    );
    assert_found(
        Fault::ForbiddenInsteadOfUnauthorized,
        &[&format!("{nothing} answered 403, documented is 401")],
    )
    .await;
    assert_found(Fault::ServerError, &[&format!("{junk} more were answered 500, documented is 401")]).await;
    assert_found(
        Fault::NoChallenge,
        &[
            "no credential, a credential of an unknown scheme, `x-http-method-override: OPTIONS` and more were answered 401 without the challenge `Bearer`",
            &format!("{junk} more were answered 401 without the challenge `Bearer error=\"invalid_token\"`"),
            "`Authorization: Token …`, `Authorization: Digest …`, `Authorization: Bearer  …` and more were answered 401 without a challenge (`WWW-Authenticate`)",
            &format!("{twice} answered 400 without the challenge `Bearer error=\"invalid_request\"`"),
            &format!("{scopes} answered 403 without the challenge `Bearer error=\"insufficient_scope\"`"),
        ],
    )
    .await;
    assert_found(
        Fault::NoErrorInTheChallenge,
        &[&format!("{junk} more were answered 401 without the challenge `Bearer error=\"invalid_token\"`")],
    )
    .await;
    assert_found(
        Fault::ErrorThoughNothingWasSent,
        &["no credential, a credential of an unknown scheme, `x-http-method-override: OPTIONS` and more were answered 401 with `error=\"invalid_token\"`, though nothing was sent that is asked for"],
    )
    .await;
    assert_found(
        Fault::AnotherChallenge,
        &[
            "no credential, a credential of an unknown scheme, `Authorization: Token …` and more were answered 401 with the challenge `Bearer realm=\"x\"`, documented is `Bearer` and `Bearer error=\"invalid_token\", error_description=\"The token is invalid, expired or revoked\"`",
        ],
    )
    .await;
    for (fault, problem) in [
        (Fault::WrongBody, "with a body that is not as documented: \"detail\" is a required property"),
        (Fault::WrongContentType, "with a body of type `text/html`, documented is `application/json`"),
    ] {
        let lines = [(nothing, 401), (twice, 400), (scopes, 403)];
        let lines = lines.map(|(what, status)| format!("{what} answered {status} {problem}"));
        assert_found(fault, &lines.each_ref().map(String::as_str)).await;
    }
    assert_found(
        Fault::TwoHeaders,
        &[
            "a good credential twice was answered 200, documented is 400",
            "a good credential beside a bad one and a good credential beside one of an unknown scheme were answered 401, documented is 400",
        ],
    )
    .await;
}

#[tokio::test]
async fn t09_a_scope_that_is_not_checked_or_not_named() {
    let what = "a credential without scopes and a credential with the scopes `admin write` alone were";
    assert_found(Fault::ScopeNotChecked, &[&format!("{what} answered 200, documented is 403")]).await;
    let line = format!("{what} answered 403 with `scope=\"\"`, documented is `read`");
    assert_found(Fault::ScopeNotNamed, &[&line]).await;

    let item = json!({ "name": "tea", "count": 1 });
    let planted = post(async move |headers: HeaderMap| {
        let mut answer = by_hand::answer(Fault::FirstScopeOnly, &headers, "", &["read", "write"], &item);
        if answer.status() == 200 {
            *answer.status_mut() = http::StatusCode::CREATED;
        }
        answer
    });
    assert_eq!(
        found(with("/items", planted), document().value()).await,
        [
            "POST /items: a credential with the scopes `admin read` alone and a credential with the scopes `read` alone were answered 201, documented is 403"
        ]
    );
}

#[tokio::test]
async fn t13_a_bad_token_that_is_taken_for_no_token() {
    let planted = get(async |headers: HeaderMap| {
        let answer = by_hand::answer(Fault::None, &headers, "", &[], &json!(true));
        if answer.status() == 401 { by_hand::ok(&json!(false)) } else { answer }
    });
    assert_eq!(
        found(with("/greeting", planted), document().value()).await,
        [
            "GET /greeting: a credential of an unknown scheme, `Bearer junk`, 8000 dots and more were answered 200, documented is 401"
        ]
    );
}

/// `Guard<V>` became `Maybe<V>`, or the other way round: the document follows, but the test does not.
#[tokio::test]
async fn t13_a_guard_that_is_opened_to_strangers_and_one_that_is_closed() {
    let planted = get(async |headers: HeaderMap| {
        if headers.contains_key(AUTHORIZATION) {
            by_hand::answer(Fault::None, &headers, "", &["read"], &json!({ "name": "tea", "count": 1 }))
        } else {
            by_hand::ok(&json!({ "name": "tea", "count": 1 }))
        }
    });
    let mut opened = document().value().clone();
    opened["paths"]["/items/{id}"]["get"]["security"].as_array_mut().unwrap().push(json!({}));
    assert_eq!(
        found(with("/items/{id}", planted), &opened).await,
        [
            "GET /items/{id}: strangers may call it, beside those with a credential, and `.optional` does not list it"
        ]
    );

    let planted =
        get(async |headers: HeaderMap| by_hand::answer(Fault::None, &headers, "", &[], &json!(true)));
    let mut closed = document().value().clone();
    closed["paths"]["/greeting"]["get"]["security"].as_array_mut().unwrap().pop();
    assert_eq!(
        found(with("/greeting", planted), &closed).await,
        ["GET /greeting: `.optional` lists it, and the document guards it"]
    );
}

/// Whether the till's key is present, and whether it is right.
fn till(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-till").map(|key| key == KEY)
}

#[tokio::test]
async fn a_bad_credential_that_a_good_one_makes_up_for() {
    // A right key is sufficient whatever the token, and a right token whatever the key.
    let planted = get(async |headers: HeaderMap| {
        if till(&headers) == Some(true) {
            return by_hand::ok(&json!([]));
        }
        let mut answer = by_hand::answer(Fault::None, &headers, "", &[], &json!([]));
        by_hand::also_ask_for(&mut answer, "APIKey");
        answer
    });
    assert_eq!(
        found(with("/orders", planted), document().value()).await,
        [
            "GET /orders: a good credential twice (`till`) and a good credential beside a bad one (`till`) were answered 200, documented is 400",
            "GET /orders: a bad credential (`access_token`) beside a good one (`till`) and a bad credential (`till`) beside a good one (`access_token`) were answered 200, documented is 400 or 401",
        ]
    );
}

#[tokio::test]
async fn one_credential_where_two_are_needed() {
    let planted = get(async |headers: HeaderMap| {
        if till(&headers) == Some(false) {
            return by_hand::refusal(Fault::None, (401, "APIKey"));
        }
        by_hand::answer(Fault::None, &headers, "", &["read"], &json!(1))
    });
    assert_eq!(
        found(with("/ledger", planted), document().value()).await,
        [
            "GET /ledger: all but the credential for `till` was answered 200, documented is 401",
            "GET /ledger: a good credential twice (`till`) and a good credential beside a bad one (`till`) were answered 200, documented is 400",
        ]
    );
}

#[tokio::test]
async fn any_of_the_scopes_and_those_of_another_route() {
    let planted = delete(async |headers: HeaderMap| {
        let mut answer = by_hand::answer(Fault::ScopeNotChecked, &headers, "", &[], &json!(1));
        if answer.status() == 200 {
            answer = http::StatusCode::NO_CONTENT.into_response();
        }
        answer
    });
    assert_eq!(
        found(with("/orders/{id}", planted), document().value()).await,
        [
            "DELETE /orders/{id}: a credential without scopes and a credential with the scopes `read` alone were answered 204, documented is 403"
        ]
    );
}

#[tokio::test]
async fn a_password_of_somebody_else() {
    let planted = get(async |headers: HeaderMap| {
        let values: Vec<_> =
            headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().unwrap()).collect();
        let password = |value: &str| {
            let pair = String::from_utf8(BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
            Some(pair.split_once(':')?.1.to_owned())
        };
        match values.as_slice() {
            [_, _, ..] => by_hand::refusal(Fault::None, (400, "")),
            [one] if password(one).as_deref() == Some(PASSWORD) => by_hand::ok(&json!(1)),
            _ => by_hand::refusal(Fault::None, (401, "Basic realm=\"staff\", charset=\"UTF-8\"")),
        }
    });
    assert_eq!(
        found(with("/metrics", planted), document().value()).await,
        ["GET /metrics: another user with that password was answered 200, documented is 401"]
    );
}

/// What the sound route does without a cookie.
fn log_out_by_token(headers: &HeaderMap) -> Response {
    let mut answer = by_hand::answer(Fault::None, headers, "", &[], &json!(1));
    if answer.status() == 200 {
        answer = http::StatusCode::NO_CONTENT.into_response();
    }
    by_hand::also_ask_for(&mut answer, "Cookie");
    answer
}

#[tokio::test]
async fn a_cookie_that_another_site_sends_or_that_stands_in_for_a_bad_token() {
    let planted = post(async |headers: HeaderMap| {
        let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
        match cookies.as_slice() {
            [one] if *one == "__Host-shop=hBz7" => return http::StatusCode::NO_CONTENT.into_response(),
            [_, _, ..] => return by_hand::refusal(Fault::None, (400, "")),
            _ => {}
        }
        log_out_by_token(&headers)
    });
    assert_eq!(
        found(with("/logout", planted), document().value()).await,
        [
            "POST /logout: a good cookie from a page that is cross-site, a good cookie from a page that is same-site, a good cookie from a page of another origin, by an old browser and more were answered 204, documented is 403",
            "POST /logout: a bad credential (`access_token`) beside a good one (`session`) was answered 204, documented is 400 or 401",
        ]
    );
}

/// What most hand-written guards do. Browsers before 2023, and all of them on plain HTTP, send no `Sec-Fetch-Site`.
#[tokio::test]
async fn c02_a_guard_that_believes_who_does_not_say_the_site() {
    let planted = post(async |headers: HeaderMap| {
        let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
        match cookies.as_slice() {
            _ if headers.contains_key(AUTHORIZATION) => {}
            [one] if *one == "__Host-shop=hBz7" => {
                let is_own = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
                return if is_own {
                    http::StatusCode::NO_CONTENT.into_response()
                } else {
                    by_hand::refusal(Fault::None, (403, ""))
                };
            }
            [_, _, ..] => return by_hand::refusal(Fault::None, (400, "")),
            _ => {}
        }
        log_out_by_token(&headers)
    });
    assert_eq!(
        found(with("/logout", planted), document().value()).await,
        [
            "POST /logout: a good cookie from a page of another origin, by an old browser, a good cookie from a page without an origin (`null`), by an old browser and a good cookie that nothing says the page of were answered 204, documented is 403"
        ]
    );
}
