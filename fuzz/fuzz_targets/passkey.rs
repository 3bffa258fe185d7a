//! The data that an authenticator sends: client data, an attestation object, authenticator data, a COSE key.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use libfuzzer_sys::fuzz_target;

/// The server's own folder, which depends on nothing else in the server.
#[allow(dead_code, unused_imports, reason = "the server words the reasons")]
#[path = "../../server/src/passkeys/webauthn/mod.rs"]
mod webauthn;

use webauthn::{
    Assertion, Attestation, Expected, LONGEST_ID, Registered, authenticate, challenge_of, register,
};

const CLIENT_DATA: &[u8] = br#"{"type":"webauthn.create","challenge":"AAAA","origin":"https://a.example"}"#;
const EXPECTED: Expected<'_> =
    Expected { rp_id: "a.example", origin: "https://a.example", challenge: &[0; 3] };

static RP_ID_HASH: LazyLock<Vec<u8>> = LazyLock::new(|| digest(&SHA256, b"a.example").as_ref().to_vec());

/// An attestation object with this authenticator data.
fn object(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
    [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59", &length[..], data].concat()
}

fn registers(credential_id: &[u8], object: &[u8]) {
    let sent = Attestation { credential_id, client_data_json: CLIENT_DATA, object };
    let Ok(credential) = register(&sent, &EXPECTED) else { return };
    assert_eq!(credential.id, credential_id);
    assert!((1..=LONGEST_ID).contains(&credential.id.len()));
    assert!(credential.is_backup_eligible || !credential.is_backed_up);
    // Nobody has signed anything with it.
    let registered = Registered {
        public_key: &credential.public_key,
        sign_count: credential.sign_count,
        is_backup_eligible: credential.is_backup_eligible,
        user_handle: b"u",
        is_identified: true,
    };
    let sent = Assertion {
        client_data_json: br#"{"type":"webauthn.get","challenge":"AAAA","origin":"https://a.example"}"#,
        authenticator_data: object,
        signature: object,
        user_handle: None,
    };
    assert!(authenticate(&sent, &registered, &EXPECTED).is_err());
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 3 {
        0 => {
            let _ = challenge_of(rest);
        }
        1 => registers(&[7; 16], rest),
        // After the hash: flags, counter, an id of 16 bytes, then the input.
        _ => {
            let Some((flags, rest)) = rest.split_first() else { return };
            let data = [&RP_ID_HASH, &[*flags, 0, 0, 0, 0][..], &[0; 16], &[0, 16], &[7; 16], rest].concat();
            registers(&[7; 16], &object(&data));
        }
    }
});
