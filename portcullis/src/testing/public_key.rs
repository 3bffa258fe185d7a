//! A public key in every encoding that could mistakenly be used as an HMAC secret.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::Value;

/// The encodings with their names. As an HMAC secret, each would be known to everyone (RFC 8725 §2.1).
pub(super) fn forms(jwks: &str, kid: Option<&str>) -> Vec<(&'static str, Vec<u8>)> {
    let set: Value = serde_json::from_str(jwks).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let named: Vec<_> = keys.iter().filter(|key| kid.is_some() && text(key, "kid") == kid).cloned().collect();
    let keys = if named.is_empty() { keys } else { named };

    let mut forms = vec![("an empty secret", Vec::new()), ("the JWK Set", jwks.as_bytes().to_vec())];
    forms.push(("the JWK Set without spaces", set.to_string().into_bytes()));
    for key in &keys {
        forms.push(("the public key as a JWK", key.to_string().into_bytes()));
        let number = text(key, "x").or_else(|| text(key, "n")).unwrap_or_default();
        forms.push(("the public key's number in base64url", number.as_bytes().to_vec()));
        let Some(bytes) = bytes(key) else { continue };
        if let Some(der) = subject_public_key_info(key, &bytes) {
            let pem = pem(&der);
            forms.push(("the public key as PEM", pem.clone().into_bytes()));
            forms.push(("the public key as PEM and a newline", (pem + "\n").into_bytes()));
            forms.push(("the public key in base64", BASE64_STANDARD.encode(&der).into_bytes()));
            forms.push(("the public key as DER", der));
        }
        forms.push(("the public key's bytes", bytes));
    }
    forms
}

fn text<'k>(key: &'k Value, member: &str) -> Option<&'k str> {
    key.get(member)?.as_str()
}

fn number(key: &Value, member: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text(key, member)?).ok()
}

/// The raw key (RFC 8032 §5.1.2; SEC 1 §2.3.3, uncompressed; RFC 8017 §A.1.1).
fn bytes(key: &Value) -> Option<Vec<u8>> {
    match text(key, "kty")? {
        "OKP" => number(key, "x"),
        "EC" => Some([vec![4], number(key, "x")?, number(key, "y")?].concat()),
        "RSA" => {
            let integers = [integer(number(key, "n")?), integer(number(key, "e")?)];
            Some(der(0x30, &integers.concat()))
        }
        _ => None,
    }
}

/// RFC 5280 §4.1.2.7, with the algorithms of RFC 8410 §3, RFC 5480 §2.1.1 and RFC 3279 §2.3.1.
fn subject_public_key_info(key: &Value, bytes: &[u8]) -> Option<Vec<u8>> {
    const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    const P384: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

    let algorithm = match (text(key, "kty")?, text(key, "crv")) {
        ("OKP", Some("Ed25519")) => ED25519,
        ("EC", Some("P-256")) => P256,
        ("EC", Some("P-384")) => P384,
        ("RSA", _) => RSA,
        _ => return None,
    };
    let bit_string = [&[0], bytes].concat();
    Some(der(0x30, &[der(0x30, algorithm), der(0x03, &bit_string)].concat()))
}

/// A positive INTEGER. A leading zero keeps the first bit from being read as a sign (X.690 §8.3).
fn integer(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        bytes.insert(0, 0);
    }
    der(0x02, &bytes)
}

/// One element: tag, length, content (X.690 §8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let head = match *length.as_slice() {
        [] => vec![tag, 0],
        [short] if short < 0x80 => vec![tag, short],
        _ => [vec![tag, 0x80 + u8::try_from(length.len()).unwrap_or_default()], length].concat(),
    };
    [head, content.to_vec()].concat()
}

/// RFC 7468 §13: lines of 64 characters.
fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----");
    for (index, letter) in BASE64_STANDARD.encode(der).chars().enumerate() {
        if index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + "\n-----END PUBLIC KEY-----"
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::DecodingKey;
    use serde_json::json;

    use super::{super::attacker, *};

    /// Another implementation verifies with our PEM, so the bytes are right.
    #[test]
    fn t01_the_forms_are_those_of_the_standards() {
        for alg in ["EdDSA", "ES256", "RS256"] {
            let (signature, mut key) = attacker::sign(alg, "a.b").unwrap();
            key["kid"] = "1".into();
            let other = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "2", "x": "AAAA" });
            let jwks = json!({ "keys": [other, key] }).to_string();
            let forms = forms(&jwks, Some("1"));
            let form = |name: &str| &forms.iter().find(|(known, _)| *known == name).unwrap().1;
            let pem = form("the public key as PEM");
            let key = match alg {
                "EdDSA" => DecodingKey::from_ed_pem(pem),
                "ES256" => DecodingKey::from_ec_pem(pem),
                _ => DecodingKey::from_rsa_pem(pem),
            };
            let algorithm = alg.parse().unwrap();
            assert!(attacker::is_signed(&signature, "a.b", &key.unwrap(), algorithm), "{alg}");
            assert_eq!(forms.len(), 10, "one key of the two");
            assert_eq!(super::forms(&jwks, Some("3")).len(), 17, "all keys, where none has the name");
        }
    }
}
