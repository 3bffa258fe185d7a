//! Recorded ceremonies of Chromium, and random input.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

/// What Chromium 156 sent to `http://localhost:41053`, with its virtual CTAP 2 authenticator.
const CREATED: &str = include_str!("recorded/created.json");
const SIGNED: &str = include_str!("recorded/signed.json");

struct Recorded(serde_json::Value);

impl Recorded {
    fn of(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.0[name].as_str().unwrap()).unwrap()
    }
}

fn registered() -> Credential {
    let created = Recorded::of(CREATED);
    let (id, client_data) = (created.bytes("rawId"), created.bytes("clientDataJSON"));
    let object = created.bytes("attestationObject");
    let sent = Attestation { credential_id: &id, client_data_json: &client_data, object: &object };
    let challenge = challenge_of(&client_data).unwrap();
    let expected =
        Expected { rp_id: "localhost", origin: created.0["origin"].as_str().unwrap(), challenge: &challenge };
    register(&sent, &expected).unwrap()
}

#[test]
fn w02_a_recorded_ceremony_of_a_browser_is_accepted_and_with_any_bit_changed_is_not() {
    let (credential, signed) = (registered(), Recorded::of(SIGNED));
    assert!(!credential.is_backup_eligible && credential.id.len() <= LONGEST_ID);
    let handle = signed.bytes("userHandle");
    let parts = ["clientDataJSON", "authenticatorData", "signature"].map(|name| signed.bytes(name));
    let challenge = challenge_of(&parts[0]).unwrap();
    let expected =
        Expected { rp_id: "localhost", origin: signed.0["origin"].as_str().unwrap(), challenge: &challenge };
    let registered = Registered {
        public_key: &credential.public_key,
        sign_count: credential.sign_count,
        is_backup_eligible: false,
        user_handle: &handle,
        is_identified: false,
    };
    let try_with = |parts: &[Vec<u8>; 3]| {
        let sent = Assertion {
            client_data_json: &parts[0],
            authenticator_data: &parts[1],
            signature: &parts[2],
            user_handle: Some(&handle),
        };
        authenticate(&sent, &registered, &expected)
    };
    assert!(try_with(&parts).unwrap().sign_count > credential.sign_count);
    for part in 0..3 {
        for bit in 0..parts[part].len() * 8 {
            let mut spoiled = parts.clone();
            spoiled[part][bit / 8] ^= 1 << (bit % 8);
            assert!(try_with(&spoiled).is_err(), "bit {bit} of part {part}");
        }
        for length in 0..parts[part].len() {
            let mut short = parts.clone();
            short[part].truncate(length);
            assert!(try_with(&short).is_err(), "{length} bytes of part {part}");
        }
    }
}

proptest! {
    #[test]
    fn d07_whatever_is_sent_to_be_registered_is_an_answer(spoiled in any::<Vec<u8>>(), at in 0usize..400, kept in 0usize..400) {
        let created = Recorded::of(CREATED);
        let (id, client_data) = (created.bytes("rawId"), created.bytes("clientDataJSON"));
        let challenge = challenge_of(&client_data).unwrap();
        let expected = Expected { rp_id: "localhost", origin: created.0["origin"].as_str().unwrap(), challenge: &challenge };
        // Random bytes in a real object, from `at` on, replacing as many bytes or everything that follows.
        let mut object = created.bytes("attestationObject");
        let at = at.min(object.len());
        let until = (at + kept).min(object.len());
        object.splice(at..until, spoiled.iter().copied());
        for object in [&object, &spoiled] {
            let sent = Attestation { credential_id: &id, client_data_json: &client_data, object };
            if let Ok(credential) = register(&sent, &expected) {
                prop_assert_eq!(&credential.id, &id);
            }
        }
        let _ = challenge_of(&spoiled);
    }
}
