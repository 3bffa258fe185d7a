//! Credentials that must be rejected: what an attacker can make from a valid one.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{attacker, public_key, scheme::Scheme};

/// An invalid credential and its name in findings.
pub(super) type Bad = (String, String);

/// Invalid credentials of any kind, made without knowing the content of a valid one.
pub(super) fn spoiled(scheme: &Scheme, good: Option<&str>) -> Vec<Bad> {
    let named = |what: &str, credential: String| (what.to_owned(), credential);
    let junk = if scheme.is_basic() { "junk:junk" } else { "junk" };
    let mut bad = vec![named(&format!("`{} junk`", scheme.asked()), junk.to_owned())];
    if scheme.is_bearer() {
        bad.push(named("8000 dots", ".".repeat(8000)));
        bad.push(named("a token of 64 kB", "x".repeat(65_536)));
    }
    let Some(good) = good else { return bad };
    bad.push(named("a good credential with a letter more", format!("{good}x")));
    let mut letters = good.chars();
    if letters.next_back().is_some_and(|last| last != ':') {
        bad.push(named("a good credential without its last letter", letters.as_str().to_owned()));
    }
    for (what, changed) in changed(good) {
        bad.push(named(what, changed));
    }
    if scheme.is_bearer() {
        bad.push(named("a good credential with `=` more", format!("{good}=")));
    }
    if let Some((user, password)) = good.split_once(':').filter(|_| scheme.is_basic()) {
        bad.push(named("another user with that password", format!("{user}x:{password}")));
        if !password.is_empty() {
            bad.push(named("an empty password", format!("{user}:")));
        }
    }
    bad
}

/// The same length with other letters: the last, one in the middle, and all with their case swapped.
fn changed(good: &str) -> Vec<(&'static str, String)> {
    let other_at = |place: usize| {
        let change = |(at, letter): (usize, char)| if at == place { other(letter) } else { letter };
        good.chars().enumerate().map(change).collect::<String>()
    };
    let letters: Vec<char> = good.chars().collect();
    // Not the separators between the parts of a credential.
    let may_change = |place: &usize| letters.get(*place).is_some_and(char::is_ascii_alphanumeric);
    let last = letters.len().checked_sub(1).filter(may_change);
    let middle = (letters.len() / 2..letters.len()).find(may_change).filter(|middle| Some(*middle) != last);
    let turn = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    // Hexadecimal numbers, such as in a UUID, mean the same in both cases.
    let has_case = letters.iter().any(|letter| letter.is_ascii_alphabetic() && !letter.is_ascii_hexdigit());
    let turned = has_case.then(|| letters.iter().copied().map(turn).collect());
    let of_one_letter = |place: Option<usize>| place.map(other_at);
    [
        ("a good credential whose last letter was changed", of_one_letter(last)),
        ("a good credential with a letter changed in the middle", of_one_letter(middle)),
        ("a good credential in the other case", turned),
    ]
    .into_iter()
    .filter_map(|(what, changed)| Some((what, changed.filter(|changed| changed != good)?)))
    .collect()
}

/// Another letter that differs in the highest of its six bits. At the end of a part, only the high bits certainly
/// count.
fn other(letter: char) -> char {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = LETTERS.find(letter).unwrap_or_default();
    LETTERS.chars().nth(place ^ 32).unwrap_or('x')
}

/// The parts of a signed token (RFC 7519).
pub(super) struct Token {
    header: Value,
    claims: Value,
    signature: String,
}

impl Token {
    /// `None` if it is not a signed token but an opaque one.
    pub(super) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let object = |part: &str| {
            let value: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        let token =
            Self { header: object(header)?, claims: object(claims)?, signature: signature.to_owned() };
        (parts.next().is_none() && token.header.get("alg").is_some()).then_some(token)
    }

    fn alg(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// Another header or other claims, under the valid signature or none.
    pub(super) fn altered(&self) -> Vec<Bad> {
        let mut bad =
            vec![("a token without its signature".to_owned(), text(&self.header, &self.claims, ""))];
        for alg in
            [json!("none"), json!("nOnE"), json!("NONE"), json!(""), json!(null), json!(1), json!(["none"])]
        {
            let header = with(&self.header, "alg", &alg);
            let what = format!(
                "a token with `alg: {}`",
                alg.as_str().map_or_else(|| alg.to_string(), str::to_owned)
            );
            bad.push((what.clone(), text(&header, &self.claims, "")));
            bad.push((format!("{what} and a signature"), text(&header, &self.claims, &self.signature)));
        }
        for (member, value) in [
            ("typ", json!("logout+jwt")),
            ("kid", json!("../../dev/null")),
            ("kid", json!("x".repeat(4000))),
            ("crit", json!(["x"])),
            ("b64", json!(false)),
        ] {
            let header = with(&self.header, member, &value);
            bad.push((
                format!("a token whose `{member}` was changed"),
                text(&header, &self.claims, &self.signature),
            ));
        }
        for (claim, value) in [
            ("sub", json!("somebody-else")),
            ("scope", json!("admin")),
            ("exp", json!(9_999_999_999_u64)),
            ("iss", json!("https://evil.example")),
            ("aud", json!("another-api")),
        ] {
            let claims = with(&self.claims, claim, &value);
            bad.push((
                format!("a token whose `{claim}` was changed"),
                text(&self.header, &claims, &self.signature),
            ));
        }
        bad
    }

    /// The right claims, signed with the attacker's key, which the header may point to (RFC 8725 §3.10). `None` if the
    /// attacker has no key for the token's algorithm.
    pub(super) fn signed_by_another(&self) -> Option<Vec<Bad>> {
        let alg = self.alg();
        let (_, public) = attacker::sign(alg, "")?;
        let sign = |header: &Value| {
            let message = message(header, &self.claims);
            let (signature, _) = attacker::sign(alg, &message)?;
            Some(format!("{message}.{signature}"))
        };
        let mut bad = vec![("a token signed by another key".to_owned(), sign(&self.header)?)];
        for (member, value) in [
            ("jwk", public),
            ("jku", json!("http://127.0.0.1:9/jwks.json")),
            ("x5u", json!("http://127.0.0.1:9/key.pem")),
        ] {
            let token = sign(&with(&self.header, member, &value))?;
            bad.push((format!("a token signed by the key that its `{member}` names"), token));
        }
        Some(bad)
    }

    /// The right claims under an HMAC with the public key as its secret (RFC 8725 §2.1), in each encoding.
    pub(super) fn keyed_with(&self, jwks: &str) -> Vec<Bad> {
        let algorithms =
            [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)];
        let kid = self.header.get("kid").and_then(Value::as_str);
        let mut bad = Vec::new();
        for (form, secret) in public_key::forms(jwks, kid) {
            for (alg, algorithm) in algorithms {
                let message = message(&with(&self.header, "alg", &alg.into()), &self.claims);
                let Some(signature) = attacker::hmac(algorithm, &secret, &message) else { continue };
                bad.push((format!("a token signed by {alg} with {form}"), format!("{message}.{signature}")));
            }
        }
        bad
    }

    /// Claims that are wrong although the issuer signed them. Times move by ten years, so no clock is needed.
    pub(super) fn wrong_claims(&self) -> Vec<(&'static str, Value)> {
        const TEN_YEARS: u64 = 315_360_000;

        let claims = &self.claims;
        let time = |claim: &str| claims.get(claim).and_then(Value::as_u64).unwrap_or(1_000_000_000);
        let mut expired = claims.clone();
        for claim in ["exp", "nbf", "iat"] {
            if claims.get(claim).is_some() || claim == "exp" {
                expired = with(&expired, claim, &json!(time(claim).saturating_sub(TEN_YEARS)));
            }
        }
        let later = with(claims, "exp", &json!(time("exp").saturating_add(2 * TEN_YEARS)));
        let not_yet = with(&later, "nbf", &json!(time("exp").saturating_add(TEN_YEARS)));
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        vec![
            ("an expired token", expired),
            ("a token that is not yet valid", not_yet),
            ("a token of another issuer", with(claims, "iss", &json!("https://evil.example"))),
            ("a token whose issuer has a slash more", with(claims, "iss", &json!(format!("{issuer}/")))),
            ("a token for another audience", with(claims, "aud", &json!("another-api"))),
            ("a token for no audience", without(claims, "aud")),
            ("a token without an end", without(claims, "exp")),
            ("a token whose `exp` is a text", with(claims, "exp", &json!("9999999999"))),
        ]
    }
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn text(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{signature}", message(header, claims))
}

fn with(object: &Value, member: &str, value: &Value) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.insert(member.to_owned(), value.clone());
    }
    object
}

fn without(object: &Value, member: &str) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.remove(member);
    }
    object
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CLAIMS: &str =
        r#"{"iss":"https://i.example","aud":"shop","exp":2000000000,"iat":1999999000,"sub":"ana"}"#;

    fn token() -> Token {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        Token::read(&format!("{}.{}.c2ln", part(r#"{"alg":"EdDSA","kid":"1"}"#), part(CLAIMS))).unwrap()
    }

    #[test]
    fn t01_no_two_forgeries_are_one_and_none_is_the_good_token() {
        let token = token();
        let (_, mut key) = attacker::sign("EdDSA", "").unwrap();
        key["kid"] = "1".into();
        let jwks = json!({ "keys": [key] }).to_string();
        let all = [token.altered(), token.signed_by_another().unwrap(), token.keyed_with(&jwks)].concat();
        let texts: BTreeSet<_> = all.iter().map(|(_, text)| text.as_str()).collect();
        // A set that was written without spaces yields the same secret under two names.
        assert_eq!((all.len() - texts.len(), all.len()), (3, 59));
        let good = text(&token.header, &token.claims, &token.signature);
        assert!(!texts.contains(good.as_str()));
    }

    #[test]
    fn each_wrong_claim_is_wrong_in_one_respect() {
        let token = token();
        let claims = token.wrong_claims();
        let changed = |claims: &Value| {
            let known = token.claims.as_object().unwrap().keys().chain(claims.as_object().unwrap().keys());
            let changed: BTreeSet<_> =
                known.filter(|&name| claims.get(name) != token.claims.get(name)).collect();
            changed.into_iter().cloned().collect::<Vec<_>>().join(" ")
        };
        let names: Vec<_> = claims.iter().map(|(_, claims)| changed(claims)).collect();
        assert_eq!(names, ["exp iat", "exp nbf", "iss", "iss", "aud", "aud", "exp", "exp"]);
        assert!(
            claims[0].1["exp"].as_u64() < Some(1_700_000_000)
                && claims[1].1["nbf"].as_u64() > Some(2_000_000_000)
        );
    }

    #[test]
    fn j03_a_credential_is_changed_in_each_way_and_stays_as_long() {
        let texts = |good: &str| changed(good).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts("hBz7"), ["hBzb", "hBT7", "HbZ7"]);
        assert_eq!(texts("ada:secret"), ["ada:secreN", "ada:s-cret", "ADA:SECRET"]);
        assert_eq!(texts("3f9a"), ["3f96", "3fda"], "sixteen digits have no case");
        assert_eq!(texts("7:"), [] as [&str; 0]);
        for letter in ('0'..='9').chain('a'..='z').chain('A'..='Z') {
            assert!(!other(letter).eq_ignore_ascii_case(&letter), "{letter}");
        }
    }

    #[test]
    fn an_opaque_token_is_only_spoiled() {
        for opaque in ["secret", "a.b.c", "..", "e30.e30.x", "e30.e30.x.y"] {
            assert!(Token::read(opaque).is_none(), "{opaque}");
        }
    }
}
