//! The public key of a credential: a `COSE_Key` (RFC 9052 §7) of one of three kinds, without optional parameters
//! (§6.5.1.1).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use minicbor::{Decoder, data::Type};

use super::Rejected;

/// The algorithms of the registry "COSE Algorithms".
pub(super) const ES256: i64 = -7;
pub(super) const EDDSA: i64 = -8;
pub(super) const RS256: i64 = -257;

/// The size of an RSA modulus in bytes: 2048 to 4096 bits.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// The maximum size of an RSA exponent in bytes; in practice it is always 65537.
const LONGEST_EXPONENT: usize = 4;

/// A key with its only algorithm.
pub(super) enum PublicKey {
    /// A point on P-256.
    Es256(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

/// The parameters of a key, by their labels. What -1, -2 and -3 mean depends on the kind.
#[derive(Default)]
struct Parameters<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    first: Option<Parameter<'a>>,
    second: Option<&'a [u8]>,
    third: Option<&'a [u8]>,
}

enum Parameter<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

impl PublicKey {
    /// Reads the key at the beginning of `bytes` and returns it with its length.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize), Rejected> {
        let mut decoder = Decoder::new(bytes);
        let parameters = Parameters::read(&mut decoder).ok_or(Rejected::PublicKey)?;
        Ok((parameters.key()?, decoder.position()))
    }

    /// Whether `signature` is this key's signature over `message`.
    #[must_use]
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(key) | Self::Ed25519(key) => key.verify_sig(message, signature).is_ok(),
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }
}

impl<'a> Parameters<'a> {
    /// `None` for a parameter that is unknown, repeated or of another type.
    fn read(decoder: &mut Decoder<'a>) -> Option<Self> {
        let mut parameters = Self::default();
        for _ in 0..decoder.map().ok()?? {
            let is_new = match decoder.i64().ok()? {
                1 => parameters.kind.replace(decoder.i64().ok()?).is_none(),
                3 => parameters.algorithm.replace(decoder.i64().ok()?).is_none(),
                -1 => parameters.first.replace(Parameter::read(decoder)?).is_none(),
                -2 => parameters.second.replace(decoder.bytes().ok()?).is_none(),
                -3 => parameters.third.replace(decoder.bytes().ok()?).is_none(),
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(parameters)
    }

    /// The key, if it has exactly the parameters that its kind requires.
    fn key(&self) -> Result<PublicKey, Rejected> {
        const EC2: i64 = 2;
        const OKP: i64 = 1;
        const RSA: i64 = 3;
        const P256: i64 = 1;
        const CURVE_ED25519: i64 = 6;
        let unusable = |_| Rejected::PublicKey;
        match (self.kind, self.algorithm, &self.first, self.second, self.third) {
            (Some(EC2), Some(ES256), Some(Parameter::Number(P256)), Some(x), Some(y))
                if x.len() == 32 && y.len() == 32 =>
            {
                // SEC 1 §2.3.3, uncompressed. AWS-LC checks that the point is on the curve.
                let point = [&[4], x, y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map(PublicKey::Es256).map_err(unusable)
            }
            (Some(OKP), Some(EDDSA), Some(Parameter::Number(CURVE_ED25519)), Some(x), None)
                if x.len() == 32 =>
            {
                ParsedPublicKey::new(&ED25519, x).map(PublicKey::Ed25519).map_err(unusable)
            }
            (Some(RSA), Some(RS256), Some(Parameter::Bytes(modulus)), Some(exponent), None)
                if RSA_MODULUS.contains(&modulus.len()) && exponent.len() <= LONGEST_EXPONENT =>
            {
                Ok(PublicKey::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
            }
            (_, Some(ES256 | EDDSA | RS256), ..) => Err(Rejected::PublicKey),
            _ => Err(Rejected::Algorithm),
        }
    }
}

impl<'a> Parameter<'a> {
    fn read(decoder: &mut Decoder<'a>) -> Option<Self> {
        match decoder.datatype().ok()? {
            Type::Bytes => decoder.bytes().ok().map(Self::Bytes),
            _ => decoder.i64().ok().map(Self::Number),
        }
    }
}
