//! Finding the keys by the issuer's name, and what is rejected on the way.

use super::{
    super::issuer::{attacker, ed25519, keys, p256, rsa, rsa_pss},
    *,
};

/// Why a verifier of this issuer cannot be built.
async fn refusal(server: &Server) -> String {
    builder(server, &Clock::new()).build().await.expect_err("it was built").to_string()
}

#[tokio::test]
async fn t07_the_keys_of_an_issuer_are_found_by_its_name() {
    let server = issuer(&keys(), None).await;
    let tokens = builder(&server, &Clock::new()).build().await.unwrap();
    for key in keys() {
        assert_eq!(status(&tokens, &token(&server, key)).await, 200, "{}", key.alg);
        let other = token_but(&server, key, &json!({ "aud": "other" }));
        assert_eq!(status(&tokens, &other).await, 401, "{}", key.alg);
        let slash = token_but(&server, key, &json!({ "iss": format!("{}/", server.url()) }));
        assert_eq!(status(&tokens, &slash).await, 401, "{}", key.alg);
    }
    assert_eq!(server.asked().len(), 2, "metadata, keys, and nothing else");
    let asked = &server.asked()[1];
    assert_eq!((&asked.method, &*asked.path), (&http::Method::GET, KEYS));
    assert_eq!(
        (&asked.headers["accept"], &asked.headers["accept-encoding"]),
        (&"application/json".parse().unwrap(), &"identity".parse().unwrap())
    );
    assert!(!asked.headers.contains_key("cookie") && !asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn openid_metadata_do_where_there_are_no_others() {
    let server = Server::start().await;
    let name = format!("{}/realms/shop/", server.url());
    publish(&server, &[ed25519()], None);
    let metadata = json!({ "issuer": name, "jwks_uri": format!("{}{KEYS}", server.url()) });
    server.reply(&format!("/realms/shop{OPENID}"), Reply::json(&metadata));
    // A site that responds to everything with its home page.
    server.reply(&format!("{OAUTH}/realms/shop"), Reply::of(200, "text/html", "<html>"));

    let tokens = AccessTokens::discover(&name).audience(AUDIENCE).clock(|| Clock::new().now());
    let tokens = tokens.build().await.unwrap();
    let good = token_but(&server, ed25519(), &json!({ "iss": name }));
    assert_eq!(status(&tokens, &good).await, 200);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 401);
    assert_eq!(server.count(&format!("{OAUTH}/realms/shop")), 1);
}

#[tokio::test]
async fn keys_can_be_where_the_application_says() {
    let server = issuer(&[ed25519()], None).await;
    let url = format!("{}{KEYS}", server.url());
    let tokens = builder(&server, &Clock::new()).keys_at(&url).build().await.unwrap();
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn t15_an_issuer_that_calls_itself_otherwise_is_not_believed() {
    let server = issuer(&[ed25519()], None).await;
    let names = [
        json!(format!("{}/", server.url())),
        json!(server.url().to_uppercase()),
        json!("https://accounts.example"),
        json!([server.url()]),
        json!(null),
    ];
    for name in names {
        let metadata = json!({ "issuer": name, "jwks_uri": format!("{}{KEYS}", server.url()) });
        server.reply(OAUTH, Reply::json(&metadata));
        server.reply(OPENID, Reply::json(&metadata));
        let why = refusal(&server).await;
        assert!(why.contains("must be exactly the same"), "{name}: {why}");
    }
    assert_eq!(server.count(KEYS), 0);
}

#[tokio::test]
async fn a_set_of_a_hundred_keys_is_read() {
    let server = issuer(&[ed25519()], None).await;
    let of_others = (0..99).map(|kid| json!({ "kty": "EC", "crv": "P-521", "kid": kid.to_string() }));
    let keys: Vec<_> = of_others.chain([ed25519().jwk.clone()]).collect();
    server.reply(KEYS, Reply::json(&json!({ "keys": keys })));
    let tokens = builder(&server, &Clock::new()).build().await.unwrap();
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
}

#[tokio::test]
async fn t15_answers_that_cannot_be_used_stop_the_start_and_say_why() {
    let endless = vec![b' '; 10 * 1024 * 1024];
    let twice = format!("{{\"keys\":[],{}", jwks([ed25519()]).trim_start_matches('{'));
    let many = json!({ "keys": vec![ed25519().jwk.clone(); 101] });
    let deep = format!("{{\"keys\":{}{}}}", "[".repeat(50), "]".repeat(50));
    let good = jwks([ed25519()]);
    let cases = [
        (Reply::of(500, "application/json", good.clone()), "responded with 500"),
        (Reply::of(404, "text/plain", ""), "responded with 404"),
        (Reply::of(204, "application/json", ""), "responded with 204"),
        (Reply::of(302, "text/plain", "").header("location", "/elsewhere"), "redirects are not followed"),
        (
            Reply::of(307, "text/plain", "").header("location", "http://127.0.0.1/"),
            "redirects are not followed",
        ),
        (Reply::of(200, "text/html", good.clone()), "not `application/json`"),
        (Reply::of(200, "text/plain", good.clone()), "not `application/json`"),
        (Reply::of(200, "application/json", good.clone()).header("content-encoding", "gzip"), "compressed"),
        (Reply::of(200, "application/json", endless), "more than 1048576 bytes"),
        (Reply::of(200, "application/json", "<html>"), "not valid JSON"),
        (Reply::of(200, "application/json", format!("{good} {good}")), "not valid JSON"),
        (Reply::of(200, "application/json", twice), "DuplicateMember"),
        (Reply::of(200, "application/json", deep), "TooDeep"),
        (Reply::json(&json!({})), "no array `keys`"),
        (Reply::json(&json!({ "keys": {} })), "no array `keys`"),
        (Reply::json(&json!({ "keys": [] })), "the set is empty"),
        (Reply::json(&many), "the set has 101 keys"),
        (Reply::Hang, "no whole answer within"),
    ];
    let server = issuer(&[ed25519()], None).await;
    server.reply("/elsewhere", Reply::json(&serde_json::from_str(&good).unwrap()));
    for (reply, reason) in cases {
        server.reply(KEYS, reply);
        let built = builder(&server, &Clock::new()).outgoing(impatient()).build().await;
        let why = built.expect_err(reason).to_string();
        assert!(why.contains(reason) && why.contains(KEYS), "{reason}: {why}");
    }
    assert_eq!(server.count("/elsewhere"), 0);

    server.reply(KEYS, Reply::of(200, "application/jwk-set+json; charset=utf-8", good));
    builder(&server, &Clock::new()).build().await.unwrap();
}

#[tokio::test]
async fn t02_of_a_published_set_only_keys_for_tokens_are_taken() {
    let with = |key: &Key, changes: Value| {
        let mut jwk = key.jwk.clone();
        jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        jwk
    };
    let mut bare_rsa = with(rsa(), json!({ "use": "sig" }));
    bare_rsa.as_object_mut().unwrap().remove("alg");
    let set = json!({ "keys": [
        { "kty": "oct", "kid": "secret", "alg": "HS256", "k": "AAAA" },
        { "kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AAAA" },
        with(p256(), json!({ "kid": "for-encryption", "use": "enc" })),
        with(p256(), json!({ "kid": "p384", "crv": "P-384" })),
        with(attacker(), json!({ "d": "AAAA" })),
        with(attacker(), json!({ "kid": 7 })),
        "no key at all",
        ed25519().jwk,
        with(attacker(), json!({ "kid": "ed" })),
        bare_rsa,
    ]});
    let server = issuer(&[], None).await;
    server.reply(KEYS, Reply::json(&set));
    let tokens = builder(&server, &Clock::new()).build().await.unwrap();
    assert_eq!(tokens.health().keys(), 2);
    assert_eq!(status(&tokens, &token(&server, ed25519())).await, 200);
    assert_eq!(status(&tokens, &token(&server, attacker())).await, 401, "it was published with its secret");

    // An RSA key without `alg` still has exactly one algorithm.
    assert_eq!(status(&tokens, &token(&server, rsa())).await, 200);
    let mut claims = claims();
    claims["iss"] = json!(server.url());
    let header = json!({ "typ": "at+jwt", "alg": "PS256", "kid": "rsa" });
    let by_pss = rsa_pss().token(&header.to_string(), &claims.to_string());
    assert_eq!(status(&tokens, &by_pss).await, 401);
}

#[tokio::test]
async fn j04_keys_that_prove_nothing_are_skipped_and_it_is_said_why() {
    let bytes = |bytes: &[u8]| crate::cases::issuer::base64url(bytes);
    let mut identity = [0; 32];
    identity[0] = 1;
    let small = |x: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "kid": "weak", "x": bytes(x) });
    let with = |key: &Key, name: &str, value: &[u8]| {
        let mut jwk = key.jwk.clone();
        jwk[name] = bytes(value).into();
        jwk
    };
    let mut off = p256().raw[33..].to_vec();
    off[31] ^= 1;
    for (jwk, reason) in [
        (small(&identity), "small order"),
        (small(&[0; 32]), "small order"),
        (small(&[0xff; 32]), "not written in the one way"),
        (with(ed25519(), "x", &[2; 32]), "not a point"),
        (with(p256(), "y", &off), "not a point"),
        (with(p256(), "y", &[0xff; 32]), "not a point"),
        (with(rsa(), "e", &[1]), "its `e`"),
        (with(rsa(), "e", &[2]), "its `e`"),
        (with(rsa(), "e", &[1, 0, 0]), "its `e`"),
    ] {
        let set = json!({ "keys": [jwk] });
        let given = AccessTokens::issued_by("https://accounts.example").audience("shop");
        let why = given.keys(&set.to_string()).unwrap().build().expect_err(reason).to_string();
        assert!(why.contains(reason), "{jwk}: {why}");

        let server = issuer(&[], None).await;
        server.reply(KEYS, Reply::json(&set));
        let why = refusal(&server).await;
        assert!(why.contains(reason), "{jwk}: {why}");
        server.reply(KEYS, Reply::json(&json!({ "keys": [jwk, attacker().jwk] })));
        assert_eq!(builder(&server, &Clock::new()).build().await.unwrap().health().keys(), 1, "{jwk}");
    }
}

#[tokio::test]
async fn what_is_missing_is_said_before_anyone_is_asked() {
    let server = issuer(&[ed25519()], None).await;
    let refused = [
        AccessTokens::discover(server.url()).build().await,
        AccessTokens::discover(server.url()).audience("").build().await,
        AccessTokens::discover("").audience(AUDIENCE).build().await,
        AccessTokens::discover("http://accounts.example").audience(AUDIENCE).build().await,
        AccessTokens::discover("https://accounts.example?x").audience(AUDIENCE).build().await,
        AccessTokens::discover(server.url()).keys_at("/keys").audience(AUDIENCE).build().await,
    ];
    for refused in refused {
        refused.expect_err("it was built");
    }
    assert!(server.asked().is_empty());
}
