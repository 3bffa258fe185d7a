//! Verifying an authentication assertion (§7.2).

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    Expected, Rejected,
    authenticator_data::AuthenticatorData,
    client_data::{self, Type},
    cose::PublicKey,
};

/// The maximum size of a signature in bytes: RSA of 4096 bits.
const LONGEST_SIGNATURE: usize = 512;

/// The response of an authenticator to `navigator.credentials.get()`.
#[derive(Debug)]
pub(crate) struct Assertion<'a> {
    /// `clientDataJSON`.
    pub(crate) client_data_json: &'a [u8],
    /// `authenticatorData`.
    pub(crate) authenticator_data: &'a [u8],
    /// `signature`.
    pub(crate) signature: &'a [u8],
    /// `userHandle`; passkeys always send it.
    pub(crate) user_handle: Option<&'a [u8]>,
}

/// The credential with the assertion's id, as registered and last used.
#[derive(Debug)]
pub(crate) struct Registered<'a> {
    /// Its public key.
    pub(crate) public_key: &'a [u8],
    /// Its signature counter.
    pub(crate) sign_count: u32,
    /// Whether it may exist on several devices.
    pub(crate) is_backup_eligible: bool,
    /// The user that it was registered for.
    pub(crate) user_handle: &'a [u8],
    /// Whether that user was known before the ceremony, by a session or a password.
    pub(crate) is_identified: bool,
}

/// What an assertion has proved, for the caller to store (step 24).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Proven {
    /// The current signature counter.
    pub(crate) sign_count: u32,
    /// Whether the passkey currently exists on several devices.
    pub(crate) is_backed_up: bool,
}

/// Verifies an assertion of a credential that the caller looked up by its id (steps 5 to 7).
///
/// # Errors
/// The first step that failed.
pub(crate) fn authenticate(
    sent: &Assertion<'_>,
    registered: &Registered<'_>,
    expected: &Expected<'_>,
) -> Result<Proven, Rejected> {
    // Step 6: if nobody has typed a name, the passkey must identify its user.
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
    // Step 19: backup eligibility never changes.
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
    // Step 22. A passkey on several devices has no counter and sends 0.
    let has_counter = data.sign_count != 0 || registered.sign_count != 0;
    if has_counter && data.sign_count <= registered.sign_count {
        return Err(Rejected::SignCount);
    }
    Ok(Proven { sign_count: data.sign_count, is_backed_up: data.is_backed_up() })
}
