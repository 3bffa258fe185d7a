//! Signatures: one encoding, one key, one message.

use proptest::prelude::*;

use super::{
    super::issuer::{Key, base64url, claims, ed25519, keys, p256, rsa},
    *,
};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn parts(key: &Key) -> (String, Vec<u8>) {
    let signed = format!("{}.{}", base64url(key.header().to_string()), base64url(claims().to_string()));
    let signature = key.signature(signed.as_bytes());
    (signed, signature)
}

#[tokio::test]
async fn t01_a_signature_has_one_spelling() {
    for key in keys() {
        let (signed, bytes) = parts(key);
        let text = base64url(&bytes);
        let (start, last) = text.split_at(text.len() - 1);
        let others =
            ALPHABET.iter().map(|letter| char::from(*letter)).filter(|letter| !last.starts_with(*letter));
        let mut spellings: Vec<String> = others.map(|letter| format!("{start}{letter}")).collect();
        spellings.extend([
            format!("{text}="),
            format!("{text}=="),
            format!("{text}A"),
            format!("{text}AA"),
            format!("{text}.AA"),
            format!("{text}%3D"),
            format!(" {text}"),
            format!("{start} {last}"),
            start.to_owned(),
            format!("{start}+"),
            format!("{start}/"),
            base64url([bytes.as_slice(), &[0]].concat()),
            base64url([&[0], bytes.as_slice()].concat()),
            base64url(bytes.split_last().unwrap().1),
            base64url([bytes.as_slice(), bytes.as_slice()].concat()),
            base64url(&text),
            String::new(),
        ]);
        let app = app(verifier());
        assert_eq!(sent_to(&app, &format!("{signed}.{text}")).await, 200, "{}", key.kid);
        for spelling in spellings {
            assert_eq!(sent_to(&app, &format!("{signed}.{spelling}")).await, 401, "{}: {spelling}", key.kid);
        }
    }
}

#[tokio::test]
async fn t01_no_signature_is_good_for_every_message() {
    let zeros = |length: usize| vec![0; length];
    let (signed, good) = parts(ed25519());
    // The order of the group of Ed25519, little-endian (RFC 8032 §5.1): S + L means the same number but differs from S.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    let beyond: Vec<u8> = good[32..]
        .iter()
        .zip(order)
        .map(|(s, l)| {
            let sum = u16::from(*s) + u16::from(l) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    // Points of small order as R (the neutral one, and y = -1), with S = 0.
    let neutral = [&[1][..], &zeros(63)].concat();
    let minus_one = [&[0xec], &[0xff; 30][..], &[0x7f], &zeros(32)].concat();
    let forged = [[&good[..32], &beyond].concat(), neutral, minus_one, zeros(64), vec![0xff; 64], zeros(32)];
    for signature in forged {
        assert_eq!(status(&format!("{signed}.{}", base64url(signature))).await, 401);
    }

    // CVE-2022-21449: r = s = 0 was valid for any message. ASN.1 is not the format of JWS (RFC 7518 §3.4).
    let (signed, good) = parts(p256());
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let asn1 = [&[0x30, 0x46, 0x02, 0x21, 0], &good[..32], &[0x02, 0x21, 0], &good[32..]].concat();
    let swapped = [&good[32..], &good[..32]].concat();
    let forged = [
        zeros(64),
        order.repeat(2),
        [zeros(31), vec![1], order.to_vec()].concat(),
        asn1,
        swapped,
        vec![0xff; 64],
    ];
    for signature in forged {
        assert_eq!(status(&format!("{signed}.{}", base64url(signature))).await, 401);
    }

    let (signed, good) = parts(rsa());
    let one = [zeros(good.len() - 1), vec![1]].concat();
    for signature in [zeros(good.len()), one, vec![0xff; good.len()], zeros(1)] {
        assert_eq!(status(&format!("{signed}.{}", base64url(signature))).await, 401);
    }
}

#[tokio::test]
async fn t01_a_signature_belongs_to_one_message() {
    for key in keys() {
        let other = key.token(&key.header().to_string(), &claims().to_string().replace("ana", "bob"));
        assert_eq!(status(&other).await, 200, "the issuer may say so");
        let (_, signature) = other.rsplit_once('.').unwrap();
        let (signed, _) = parts(key);
        assert_eq!(status(&format!("{signed}.{signature}")).await, 401, "{}", key.kid);
    }
}

fn run(test: impl Future<Output = StatusCode>) -> StatusCode {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

/// A header or claims: right, nearly right, or anything.
fn part(right: String) -> impl Strategy<Value = String> {
    let wrong = prop::sample::select(vec![
        "null",
        "1e999",
        "[]",
        "{}",
        "\"\"",
        "18446744073709551616",
        "{\"a\":1,\"a\":2}",
        "[[[[[[[[[1]]]]]]]]]",
    ]);
    let object: serde_json::Value = serde_json::from_str(&right).unwrap();
    let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    prop_oneof![
        1 => Just(right),
        4 => (prop::sample::select(names), wrong).prop_map(move |(name, value)| {
            super::super::issuer::but(&object, &name, Some(value))
        }),
        1 => ".{0,40}",
    ]
}

proptest! {
    #[test]
    fn t01_one_changed_byte_and_a_token_is_no_good(
        key in 0..4_usize, at in any::<prop::sample::Index>(), letter in b'!'..=b'~',
    ) {
        let mut token = keys()[key].good().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != letter);
        token[at] = letter;
        prop_assert_eq!(run(status(&String::from_utf8(token).unwrap())), 401);
    }

    #[test]
    fn t04_d07_whatever_is_sent_is_refused_and_nothing_panics(token in prop_oneof![
        "[A-Za-z0-9._~+/=-]{0,200}",
        "(eyJ[A-Za-z0-9_-]{0,40}\\.){0,6}[A-Za-z0-9_-]{0,20}",
        "[ -~]{0,60}",
    ]) {
        prop_assert_eq!(run(status(&token)), 401);
    }

    #[test]
    fn t05_d07_nothing_that_is_signed_makes_the_reader_panic(
        header in part(ed25519().header().to_string()), claims in part(claims().to_string()),
    ) {
        let status = run(status(&ed25519().token(&header, &claims)));
        prop_assert!([200, 401, 403].contains(&status.as_u16()), "{}", status);
    }
}
