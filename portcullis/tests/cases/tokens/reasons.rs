//! Why a token was rejected: the log says it in fixed words, and the caller learns nothing.

use portcullis::tokens::TypedTokens;
use serde_json::json;
use tracing::Level;

use super::{
    super::{
        issuer::{AUDIENCE, ISSUER, Key, attacker, but, claims, ed25519, jwks, keys, p256},
        log::Log,
    },
    *,
};

fn headed(key: &Key, name: &str, value: Option<&str>) -> String {
    key.token(&but(&key.header(), name, value), &claims().to_string())
}

fn saying(name: &str, value: Option<&str>) -> String {
    ed25519().token(&ed25519().header().to_string(), &but(&claims(), name, value))
}

#[tokio::test]
async fn g03_the_log_says_in_fixed_words_why_a_token_was_refused() {
    let log = Log::here();
    let forged = attacker().token(&json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "ed" }).to_string(), "{}");
    let cases = [
        ("secret".to_owned(), "not a signed token"),
        ("a.b.c".to_owned(), "header cannot be read"),
        (headed(ed25519(), "alg", None), "header cannot be read"),
        (headed(ed25519(), "typ", Some("\"JWT\"")), "typ is not at+jwt"),
        (headed(ed25519(), "crit", Some("[\"x\"]")), "header asks for an extension"),
        (headed(ed25519(), "kid", Some("7")), "no kid that names a key"),
        (headed(attacker(), "kid", None), "bad signature"),
        (headed(ed25519(), "kid", Some("\"secret\"")), "unknown kid"),
        (headed(p256(), "alg", Some("\"RS256\"")), "alg is not the key's"),
        (forged, "bad signature"),
        (ed25519().token(&ed25519().header().to_string(), "secret"), "claims cannot be read"),
        (saying("iss", Some("\"secret\"")), "wrong issuer"),
        (saying("aud", Some("\"secret\"")), "wrong audience"),
        (saying("aud", None), "wrong audience"),
        (saying("cnf", Some("\"secret\"")), "bound to a key"),
        (saying("exp", Some("1")), "expired"),
        (saying("nbf", Some("9000000000")), "not yet valid"),
        (saying("exp", Some("\"secret\"")), "exp is missing or of a wrong type"),
        (saying("sub", None), "sub is missing or of a wrong type"),
        (saying("scope", Some("[\"secret\"]")), "scope is missing or of a wrong type"),
    ];
    for (token, reason) in cases {
        assert_eq!(status(&token).await, 401);
        assert_eq!(log.taken(Level::DEBUG), [format!("reason={reason}")]);
    }
    assert_eq!(status(&ed25519().good()).await, 200);
    assert!(log.taken(Level::DEBUG).is_empty(), "a good token is nothing to speak of");
}

#[tokio::test]
async fn an_id_token_that_passes_for_a_jwt_is_a_reason_too() {
    let log = Log::here();
    let relaxed = AccessTokens::issued_by(ISSUER).audience(AUDIENCE).dangerous().accept_typ_jwt();
    let relaxed = relaxed.keys(&jwks(keys())).unwrap().build().unwrap();
    assert_eq!(sent_to(&app(relaxed), &saying("nonce", Some("\"secret\""))).await, 401);
    assert_eq!(log.taken(Level::DEBUG), ["reason=an ID token, a refresh token or an event"]);
}

#[tokio::test]
async fn claims_of_another_shape_are_a_reason_too() {
    #[derive(serde::Deserialize)]
    struct Own {
        #[expect(dead_code, reason = "it only has to be there")]
        tenant: u32,
    }
    async fn open(_: Guard<TypedTokens<Own>>) {}
    let log = Log::here();
    let app = Router::new().route("/", get(open)).with_state(verifier().typed::<Own>());
    assert_eq!(sent_to(&app, &saying("tenant", Some("\"secret\""))).await, 401);
    assert_eq!(log.taken(Level::DEBUG), ["reason=claims of another shape"]);
}
