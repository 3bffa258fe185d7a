//! Authenticator data (§6.1), and the attested credential in it (§6.5.1).

use aws_lc_rs::digest::{SHA256, digest};
use minicbor::{Decoder, data::Type};

use super::{Expected, Rejected, cose::PublicKey};

/// The maximum size in bytes: a credential id of 1023, an RSA key of 4096 bits, and extensions.
const LONGEST: usize = 4096;

/// User present.
const UP: u8 = 1;
/// User verified.
const UV: u8 = 1 << 2;
/// Backup eligible: the passkey may be synchronised to other devices.
const BE: u8 = 1 << 3;
/// Backup state: it currently is.
const BS: u8 = 1 << 4;
/// Attested credential data follow.
const AT: u8 = 1 << 6;
/// Extension data follow.
const ED: u8 = 1 << 7;

pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) attested: Option<Attested<'a>>,
}

/// Attested credential data.
pub(super) struct Attested<'a> {
    pub(super) credential_id: &'a [u8],
    /// As it was sent: a COSE key, already checked to be usable.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of `bytes`: nothing may follow what the flags announce.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let malformed = Rejected::AuthenticatorData;
        if bytes.len() > LONGEST {
            return Err(malformed);
        }
        let (rp_id_hash, rest) = bytes.split_at_checked(32).ok_or(malformed)?;
        let (&flags, rest) = rest.split_first().ok_or(malformed)?;
        let (sign_count, mut rest) = rest.split_first_chunk().ok_or(malformed)?;
        let mut attested = None;
        if flags & AT != 0 {
            let (credential, after) = Attested::parse(rest)?;
            (attested, rest) = (Some(credential), after);
        }
        if flags & ED != 0 {
            rest = after_extensions(rest).ok_or(malformed)?;
        }
        if !rest.is_empty() {
            return Err(malformed);
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), attested })
    }

    /// Steps 14 to 18 of §7.1, and 16 to 19 of §7.2. User verification is always required.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), Rejected> {
        if self.rp_id_hash != digest(&SHA256, expected.rp_id.as_bytes()).as_ref() {
            return Err(Rejected::RpId);
        }
        if self.flags & UP == 0 {
            return Err(Rejected::UserPresence);
        }
        if self.flags & UV == 0 {
            return Err(Rejected::UserVerification);
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(Rejected::Backup);
        }
        Ok(())
    }

    pub(super) fn is_backup_eligible(&self) -> bool {
        self.flags & BE != 0
    }

    pub(super) fn is_backed_up(&self) -> bool {
        self.flags & BS != 0
    }
}

impl<'a> Attested<'a> {
    /// Returns it with the bytes that follow it.
    fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Rejected> {
        let malformed = Rejected::AuthenticatorData;
        let (_aaguid, rest) = bytes.split_at_checked(16).ok_or(malformed)?;
        let (length, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (credential_id, rest) = rest.split_at_checked(length).ok_or(malformed)?;
        let (_usable, length) = PublicKey::parse(rest)?;
        let (public_key, rest) = rest.split_at_checked(length).ok_or(malformed)?;
        Ok((Self { credential_id, public_key }, rest))
    }
}

/// Returns what follows the map of extension outputs. None was requested, and §5.8.1 has relying parties ignore
/// unsolicited ones; `skip` counts nested items instead of recursing.
fn after_extensions(bytes: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(bytes);
    if decoder.datatype().ok()? != Type::Map {
        return None;
    }
    decoder.skip().ok()?;
    bytes.get(decoder.position()..)
}
