//! The 45 kinds of token that a stranger tries first, each with the settings that the pages give for it: the token is
//! accepted, or rejected for a reason that `docs/mistakes.md` explains. One property at a time; whole tokens of the
//! known issuers are in `issuers.rs`.

use portcullis::tokens::AccessTokensBuilder;
use serde_json::{Value, json};
use tracing::Level;

use super::{
    super::{
        issuer::{
            AUDIENCE, ISSUER, Key, NOW, attacker, base64url, claims, ed25519, p256, p384, p521, rsa,
            rsa_others, rsa_pss,
        },
        log::Log,
    },
    *,
};

/// What the pages promise.
enum Promise {
    Accepted,
    LacksTheScope,
    Rejected(&'static str),
}
use Promise::{Accepted, LacksTheScope, Rejected};

type Kind = (&'static str, AccessTokens, String, Promise);

fn unkeyed() -> AccessTokensBuilder {
    let clock = || std::time::UNIX_EPOCH + Duration::from_secs(NOW);
    AccessTokens::issued_by(ISSUER).audience(AUDIENCE).clock(clock)
}

fn set(keys: &[Value]) -> AccessTokens {
    keyed(unkeyed(), keys)
}

fn keyed(builder: AccessTokensBuilder, keys: &[Value]) -> AccessTokens {
    builder.keys(&json!({ "keys": keys }).to_string()).unwrap().build().unwrap()
}

/// A verifier of ours with more settings.
fn with(settings: fn(AccessTokensBuilder) -> AccessTokensBuilder) -> AccessTokens {
    keyed(settings(unkeyed()), &[ed25519().jwk.clone()])
}

fn strict() -> AccessTokens {
    with(|builder| builder)
}

/// `object` with these members; `null` takes one away.
fn but(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    object
}

/// A good token, but for this in its header.
fn headed(key: &Key, changes: &Value) -> String {
    key.token(&but(key.header(), changes).to_string(), &claims().to_string())
}

/// A good token, but for these claims.
fn saying(changes: &Value) -> String {
    ed25519().token(&ed25519().header().to_string(), &but(claims(), changes).to_string())
}

/// A token whose `typ` is `JWT`, with these claims.
fn jwt(changes: &Value) -> String {
    let header = but(ed25519().header(), &json!({ "typ": "JWT" }));
    ed25519().token(&header.to_string(), &but(claims(), changes).to_string())
}

/// HS256 by `secret`, under the name of our Ed25519 key or under none.
fn by_secret(kid: Option<&str>, secret: &[u8]) -> String {
    use aws_lc_rs::hmac;
    let header = but(json!({ "typ": "at+jwt", "alg": "HS256" }), &json!({ "kid": kid }));
    let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims().to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", base64url(tag))
}

fn algorithms() -> Vec<Kind> {
    let [rs384, rs512, ps384, ps512] = rsa_others();
    // The backend `rust-crypto` has no ES512.
    let es512 = if cfg!(feature = "aws-lc-rs") { p521() } else { p384() };
    let signed =
        |name: &'static str, key: &Key| (name, set(std::slice::from_ref(&key.jwk)), key.good(), Accepted);
    let secret = unkeyed().dangerous().shared_secret(&[7; 32]).unwrap().build().unwrap();
    vec![
        signed("EdDSA", ed25519()),
        signed("ES256", p256()),
        signed("ES384", p384()),
        signed("ES512", es512),
        signed("RS256", rsa()),
        signed("RS384", rs384),
        signed("RS512", rs512),
        signed("PS256", rsa_pss()),
        signed("PS384", ps384),
        signed("PS512", ps512),
        ("HS256 by a secret that was given", secret, by_secret(None, &[7; 32]), Accepted),
        (
            "HS256 by the public key",
            strict(),
            by_secret(Some("ed"), &ed25519().raw),
            Rejected("alg is not the key's"),
        ),
        (
            "alg none",
            strict(),
            headed(ed25519(), &json!({ "alg": "none" })),
            Rejected("alg is not the key's"),
        ),
        (
            "an algorithm that is not offered",
            set(std::slice::from_ref(&p256().jwk)),
            headed(p256(), &json!({ "alg": "ES256K" })),
            Rejected("alg is not the key's"),
        ),
    ]
}

fn keys() -> Vec<Kind> {
    let nameless = |key: &Key| but(key.jwk.clone(), &json!({ "kid": null }));
    let odd = json!({ "kty": "EC", "crv": "secp256k1", "kid": "odd", "x": base64url([1; 32]), "y": base64url([2; 32]) });
    let without_kid = headed(ed25519(), &json!({ "kid": null }));
    vec![
        ("no kid in the token", strict(), without_kid.clone(), Accepted),
        ("no kid in the set", set(&[nameless(ed25519())]), ed25519().good(), Accepted),
        (
            "no kid, and two keys that fit",
            set(&[ed25519().jwk.clone(), attacker().jwk.clone()]),
            without_kid,
            Rejected("no kid that names a key"),
        ),
        (
            "RSA without alg, as in Entra's set",
            set(&[but(rsa().jwk.clone(), &json!({ "alg": null }))]),
            rsa().good(),
            Accepted,
        ),
        ("a good key beside an odd one", set(&[odd, ed25519().jwk.clone()]), ed25519().good(), Accepted),
        ("a key that is not in the set", strict(), attacker().good(), Rejected("unknown kid")),
        (
            "another key under a known kid",
            strict(),
            headed(attacker(), &json!({ "kid": "ed" })),
            Rejected("bad signature"),
        ),
    ]
}

fn times() -> Vec<Kind> {
    let ahead = |seconds: u64| saying(&json!({ "iat": NOW + seconds, "nbf": NOW + seconds }));
    vec![
        ("an issuer whose clock is 5 s ahead", strict(), ahead(5), Accepted),
        ("an issuer whose clock is 30 s ahead", strict(), ahead(30), Rejected("not yet valid")),
        (
            "the same, with a leeway",
            with(|builder| builder.leeway(Duration::from_secs(30))),
            ahead(30),
            Accepted,
        ),
        (
            "times with a fraction",
            strict(),
            saying(&json!({ "exp": 1_800_000_060.5, "iat": 1_799_999_940.25 })),
            Accepted,
        ),
        ("an expired one", strict(), saying(&json!({ "exp": NOW - 5 })), Rejected("expired")),
        (
            "a time as a text",
            strict(),
            saying(&json!({ "exp": (NOW + 60).to_string() })),
            Rejected("exp is missing or of a wrong type"),
        ),
    ]
}

fn audiences_and_issuers() -> Vec<Kind> {
    const TENANTS: &str = "https://accounts.example/{tenantid}";
    let of_tenant = |tenant: &str| saying(&json!({ "iss": TENANTS.replace("{tenantid}", tenant) }));
    let tenants = || with(|builder| builder.tenants(TENANTS, ["acme", "globex"]));
    vec![
        ("a list of audiences", strict(), saying(&json!({ "aud": ["userinfo", AUDIENCE] })), Accepted),
        (
            "one of two audiences of ours",
            with(|builder| builder.audience("api://shop")),
            saying(&json!({ "aud": "api://shop" })),
            Accepted,
        ),
        ("another API's audience", strict(), saying(&json!({ "aud": "till" })), Rejected("wrong audience")),
        ("no audience", strict(), saying(&json!({ "aud": null })), Rejected("wrong audience")),
        (
            "no audience, as from Cognito",
            with(|builder| builder.dangerous().accept_absent_audience()),
            saying(&json!({ "aud": null })),
            Accepted,
        ),
        (
            "a `/` at the end of the issuer",
            strict(),
            saying(&json!({ "iss": format!("{ISSUER}/") })),
            Rejected("wrong issuer"),
        ),
        ("a tenant that is named", tenants(), of_tenant("globex"), Accepted),
        ("another tenant", tenants(), of_tenant("initech"), Rejected("wrong issuer")),
    ]
}

fn other_kinds() -> Vec<Kind> {
    const ANOTHER: &str = "an ID token, a refresh token or an event";
    let relaxed = || with(|builder| builder.dangerous().accept_typ_jwt());
    vec![
        ("typ JWT", strict(), jwt(&json!({})), Rejected("typ is not at+jwt")),
        ("typ JWT, accepted", relaxed(), jwt(&json!({})), Accepted),
        ("an ID token", relaxed(), jwt(&json!({ "nonce": "n" })), Rejected(ANOTHER)),
        ("a refresh token", relaxed(), jwt(&json!({ "typ": "Refresh" })), Rejected(ANOTHER)),
        (
            "a token that is bound to a key",
            strict(),
            saying(&json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } })),
            Rejected("bound to a key"),
        ),
        ("an opaque token", strict(), "2YotnFZFEjr1zCsicMWpAA".to_owned(), Rejected("not a signed token")),
    ]
}

fn scopes() -> Vec<Kind> {
    vec![
        (
            "scopes as a list",
            with(|builder| builder.scope_claim("scope")),
            saying(&json!({ "scope": ["read"] })),
            Accepted,
        ),
        (
            "roles inside of an object",
            with(|builder| builder.scope_claim_at(["realm_access", "roles"])),
            saying(&json!({ "scope": null, "realm_access": { "roles": ["read"] } })),
            Accepted,
        ),
        (
            "roles beside scopes",
            with(|builder| builder.scope_claim("scp").scope_claim("roles")),
            saying(&json!({ "scope": null, "scp": "other", "roles": ["read"] })),
            Accepted,
        ),
        ("no scopes", strict(), saying(&json!({ "scope": null })), LacksTheScope),
    ]
}

#[tokio::test]
async fn t07_each_kind_of_token_gets_what_the_pages_promise() {
    let log = Log::here();
    let page = include_str!("../../../docs/mistakes.md");
    let kinds: Vec<Kind> = [algorithms(), keys(), times(), audiences_and_issuers(), other_kinds(), scopes()]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(kinds.len(), 45);
    for (name, tokens, token, promise) in kinds {
        let status = sent_to(&app(tokens), &token).await;
        let reasons = log.taken(Level::DEBUG);
        match promise {
            Accepted => assert_eq!((status, reasons), (StatusCode::OK, Vec::new()), "{name}"),
            LacksTheScope => assert_eq!((status, reasons), (StatusCode::FORBIDDEN, Vec::new()), "{name}"),
            Rejected(reason) => {
                assert_eq!(
                    (status, reasons),
                    (StatusCode::UNAUTHORIZED, vec![format!("reason={reason}")]),
                    "{name}"
                );
                let shown =
                    if reason.starts_with("exp ") { "… is missing or of a wrong type" } else { reason };
                assert!(page.contains(&format!("`{shown}`")), "docs/mistakes.md does not explain: {reason}");
            }
        }
    }
}
