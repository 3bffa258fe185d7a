//! Verifying an authentication assertion (§7.2).

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    Expected, Rejected,
    authenticator_data::AuthenticatorData,
    client_data::{self, Type},
    cose::PublicKey,
};

/// Bytes of a signature at most: RSA of 4096 bits.
const LONGEST_SIGNATURE: usize = 512;

/// What an authenticator answers to `navigator.credentials.get()`.
#[derive(Debug)]
pub(crate) struct Assertion<'a> {
    /// `clientDataJSON`.
    pub(crate) client_data_json: &'a [u8],
    /// `authenticatorData`.
    pub(crate) authenticator_data: &'a [u8],
    /// `signature`.
    pub(crate) signature: &'a [u8],
    /// `userHandle`: a passkey sends it.
    pub(crate) user_handle: Option<&'a [u8]>,
}

/// The credential of the assertion's id, as it was registered and last used.
#[derive(Debug)]
pub(crate) struct Registered<'a> {
    /// Its public key.
    pub(crate) public_key: &'a [u8],
    /// Its signature counter.
    pub(crate) sign_count: u32,
    /// Whether it may be on several devices.
    pub(crate) is_backup_eligible: bool,
    /// The user that it was registered for.
    pub(crate) user_handle: &'a [u8],
    /// Whether that user was known before the ceremony, by a session or a password.
    pub(crate) is_identified: bool,
}

/// What an assertion has proved, to be stored (step 24).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Proven {
    /// The signature counter now.
    pub(crate) sign_count: u32,
    /// Whether the passkey is on several devices.
    pub(crate) is_backed_up: bool,
}

/// Verifies an assertion of a credential that was looked up by its id (steps 5 to 7).
///
/// # Errors
/// The first step that failed.
pub(crate) fn authenticate(
    sent: &Assertion<'_>,
    registered: &Registered<'_>,
    expected: &Expected<'_>,
) -> Result<Proven, Rejected> {
    // Step 6: where nobody has typed a name, the passkey must say whose it is.
    match sent.user_handle {
        Some(user_handle) if user_handle == registered.user_handle => {}
        None if registered.is_identified => {}
        _ => return Err(Rejected::UserHandle),
    }
    // Steps 8 to 14.
    client_data::check(sent.client_data_json, Type::Get, expected)?;
    // Steps 15 to 18.
    let data = AuthenticatorData::parse(sent.authenticator_data)?;
    data.check(expected)?;
    // Step 19: whether a passkey may be on several devices never changes.
    if data.is_backup_eligible() != registered.is_backup_eligible {
        return Err(Rejected::Backup);
    }
    // Steps 20 and 21.
    let (key, _) = PublicKey::parse(registered.public_key)?;
    let hash = digest(&SHA256, sent.client_data_json);
    let signed = [sent.authenticator_data, hash.as_ref()].concat();
    if sent.signature.len() > LONGEST_SIGNATURE || !key.verify(&signed, sent.signature) {
        return Err(Rejected::Signature);
    }
    // Step 22. A passkey that is on several devices has no counter and sends 0.
    let has_counter = data.sign_count != 0 || registered.sign_count != 0;
    if has_counter && data.sign_count <= registered.sign_count {
        return Err(Rejected::SignCount);
    }
    Ok(Proven { sign_count: data.sign_count, is_backed_up: data.is_backed_up() })
}
