//! Registering a new credential (§7.1).

use minicbor::Decoder;

use super::{
    Expected, LONGEST_ID, Rejected,
    authenticator_data::AuthenticatorData,
    client_data::{self, Type},
};

/// The maximum size of an attestation object in bytes: authenticator data, and about 30 around them.
const LONGEST: usize = 4200;

/// The response of an authenticator to `navigator.credentials.create()`.
#[derive(Debug)]
pub(crate) struct Attestation<'a> {
    /// `rawId`.
    pub(crate) credential_id: &'a [u8],
    /// `clientDataJSON`.
    pub(crate) client_data_json: &'a [u8],
    /// `attestationObject`.
    pub(crate) object: &'a [u8],
}

/// A registered credential: the "credential record" of §4, without what the authenticator does not report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// Its id.
    pub(crate) id: Vec<u8>,
    /// Its public key, as [`authenticate`](super::authenticate) takes it.
    pub(crate) public_key: Vec<u8>,
    /// Its signature counter, or 0 if it has none.
    pub(crate) sign_count: u32,
    /// Whether it may exist on several devices.
    pub(crate) is_backup_eligible: bool,
    /// Whether it currently does.
    pub(crate) is_backed_up: bool,
}

/// Verifies a registration. Whether the id is new (step 26) is for the caller to check.
///
/// # Errors
/// The first step that failed.
pub(crate) fn register(sent: &Attestation<'_>, expected: &Expected<'_>) -> Result<Credential, Rejected> {
    // Steps 5 to 12.
    client_data::check(sent.client_data_json, Type::Create, expected)?;
    // Step 13. Only attestation formats other than `none` sign the hash of the client data (step 12).
    let bytes = authenticator_data_of(sent.object)?;
    // Steps 14 to 18.
    let data = AuthenticatorData::parse(bytes)?;
    data.check(expected)?;
    // Steps 19 and 20: the key was read with its algorithm, which is one of those offered.
    let attested = data.attested.as_ref().ok_or(Rejected::AuthenticatorData)?;
    // Step 25, and the same id in both places.
    if attested.credential_id.is_empty()
        || attested.credential_id.len() > LONGEST_ID
        || attested.credential_id != sent.credential_id
    {
        return Err(Rejected::CredentialId);
    }
    // Step 27.
    Ok(Credential {
        id: attested.credential_id.to_vec(),
        public_key: attested.public_key.to_vec(),
        sign_count: data.sign_count,
        is_backup_eligible: data.is_backup_eligible(),
        is_backed_up: data.is_backed_up(),
    })
}

/// The authenticator data in an attestation object (§6.5.4): a map of `fmt`, `attStmt` and `authData`, in any order, of
/// the format `none`, whose statement is empty (§8.7: steps 21 and 22 of §7.1).
fn authenticator_data_of(object: &[u8]) -> Result<&[u8], Rejected> {
    let malformed = Rejected::AttestationObject;
    if object.len() > LONGEST {
        return Err(malformed);
    }
    let mut decoder = Decoder::new(object);
    if !matches!(decoder.map(), Ok(Some(3))) {
        return Err(malformed);
    }
    let (mut format, mut statement, mut data) = (None, None, None);
    for _ in 0..3 {
        let read = match decoder.str() {
            Ok("fmt") => decoder.str().map(|text| format.replace(text).is_none()),
            Ok("authData") => decoder.bytes().map(|bytes| data.replace(bytes).is_none()),
            Ok("attStmt") => match decoder.map() {
                Ok(Some(0)) => Ok(statement.replace(()).is_none()),
                // Another format's statement is not examined, nor is anything after it.
                _ => return Err(Rejected::AttestationFormat),
            },
            _ => Ok(false),
        };
        // `false`: a member that is unknown or repeated.
        if !matches!(read, Ok(true)) {
            return Err(malformed);
        }
    }
    if decoder.position() != object.len() {
        return Err(malformed);
    }
    match (format, data) {
        (Some("none"), Some(data)) => Ok(data),
        (Some(_), Some(_)) => Err(Rejected::AttestationFormat),
        _ => Err(malformed),
    }
}
