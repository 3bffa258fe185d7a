//! Argon2id on a bounded pool that keeps its memory blocks.
//!
//! Fresh blocks for each hash would cost half as much time again (page faults) and, in a burst, gigabytes that
//! the allocator keeps. So at most threads × `memory_kib` of memory is in use.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::policy;
use super::{BreachCheck, Password, PasswordHash};
use crate::invalid::Fault;
use crate::pool::{NotDone, Place, Pool};
use crate::random;

/// Passwords that may wait for a thread; at 20 ms each, the last one waits well under a second.
const QUEUE: usize = 64;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The cost of a hash: RFC 9106's `m`, `t` and `p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters weaker than the minimum or stronger than the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Argon2id takes from {} to {} KiB of memory, {} to {} passes and 1 to {} lanes",
    HashParameters::LEAST.memory_kib,
    HashParameters::MOST.memory_kib,
    HashParameters::LEAST.passes,
    HashParameters::MOST.passes,
    HashParameters::MOST.lanes
)]
pub struct ParametersOutOfRange;

impl HashParameters {
    /// The minimum for new hashes, and the default: OWASP's Password Storage Cheat Sheet.
    const LEAST: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// The maximum for new hashes, and for what a stored hash may demand. RFC 9106 §4 recommends at most m=64
    /// MiB, t=3, p=4 except on dedicated machines.
    const MOST: Self = Self { memory_kib: 65_536, passes: 10, lanes: 16 };

    /// Parameters for new hashes, between the default and 64 MiB, 10 passes, 16 lanes.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParametersOutOfRange> {
        let wanted = Self { memory_kib, passes, lanes };
        let enough = memory_kib >= Self::LEAST.memory_kib
            && passes >= Self::LEAST.passes
            && lanes >= Self::LEAST.lanes;
        if enough && wanted.is_bearable() { Ok(wanted) } else { Err(ParametersOutOfRange) }
    }

    fn is_bearable(self) -> bool {
        self.memory_kib <= Self::MOST.memory_kib
            && self.passes <= Self::MOST.passes
            && self.lanes <= Self::MOST.lanes
    }

    fn to_params(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(TAG_BYTES))
    }

    fn of(params: &Params) -> Self {
        Self { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() }
    }
}

impl Default for HashParameters {
    fn default() -> Self {
        Self::LEAST
    }
}

/// Whether a password is the account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The password is wrong, or there is no such account.
    Wrong,
    /// The password is right.
    Right {
        /// The stored hash was not made with the current parameters: rehash the password and store that.
        outdated: bool,
    },
}

/// Why there is no hash or verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// Too many hashes are already waiting: respond with 503 and `Retry-After`.
    #[error("the password hashing queue is full")]
    Busy,
    /// The stored hash cannot be used: the account's row is damaged or was written by another program.
    #[error("a stored password hash cannot be used ({0}); the account needs a password reset")]
    Unusable(&'static str),
    /// Argon2 itself failed. The checked parameters rule this out, so it is a bug.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

impl From<NotDone> for HashError {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Busy => Self::Busy,
            NotDone::Panicked => Self::Failed(not_done.to_string()),
        }
    }
}

impl From<argon2::Error> for HashError {
    fn from(error: argon2::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<argon2::password_hash::phc::Error> for HashError {
    fn from(error: argon2::password_hash::phc::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Creates and verifies password hashes, off the async runtime.
#[derive(Debug)]
pub(crate) struct Hasher {
    pool: Pool<Memory>,
    parameters: HashParameters,
}

/// A reserved place in the hashing queue. It is taken before anything else is done for a request, so that a flood
/// is rejected before it costs a transaction, and every counted attempt is also verified.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    place: Place<'a, Memory>,
    parameters: HashParameters,
}

impl Hasher {
    /// A hasher with one thread per core.
    pub(crate) fn new(parameters: HashParameters) -> Self {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { pool: Pool::new(cores, QUEUE), parameters }
    }

    /// Reserves a place, or fails immediately with [`HashError::Busy`].
    pub(crate) fn turn(&self) -> Result<Turn<'_>, HashError> {
        Ok(Turn { place: self.pool.place()?, parameters: self.parameters })
    }
}

impl Turn<'_> {
    /// Checks a new password against the policy, for an account with these words. Runs on the pool, because the
    /// estimate takes milliseconds for a hostile password.
    pub(crate) async fn check(
        &self,
        password: Password,
        words: Vec<String>,
        min_length: usize,
        breach_check: Option<BreachCheck>,
    ) -> Result<Result<(), Fault>, HashError> {
        let check = move |_: &mut Memory| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            policy::check(&password, &words, min_length)?;
            let is_breached = breach_check.is_some_and(|check| check.is_breached(password.as_str()));
            if is_breached { Err(Fault::BreachedPassword) } else { Ok(()) }
        };
        Ok(self.place.run(check).await?)
    }

    /// Hashes a password with a new salt.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let recipe = Recipe::new(self.parameters, &random::bytes::<SALT_BYTES>())?;
        self.place.run(move |memory| recipe.encode(&recipe.tag(&password, memory)?)).await?
    }

    /// Whether `password` is the one that `stored` was made from.
    ///
    /// `None` means that there is no such account. The same work is then done with the current parameters, so
    /// that the result, always [`Verdict::Wrong`], takes as long as for an existing account.
    pub(crate) async fn verify(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let known = stored.is_some();
        let (recipe, expected) = match stored {
            Some(PasswordHash(phc)) => Recipe::decode(&phc)?,
            None => (Recipe::new(self.parameters, &[0; SALT_BYTES])?, Output::new(&[0; TAG_BYTES])?),
        };
        let outdated = !recipe.is_current(self.parameters, &expected);
        let tag = self.place.run(move |memory| recipe.tag(&password, memory)).await??;
        let matches: bool = tag.ct_eq(expected.as_ref()).into();
        Ok(if matches && known { Verdict::Right { outdated } } else { Verdict::Wrong })
    }
}

/// Everything that a tag is computed from, except the password.
struct Recipe {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
}

impl Recipe {
    fn new(parameters: HashParameters, salt: &[u8]) -> Result<Self, HashError> {
        let (params, salt) = (parameters.to_params()?, Salt::new(salt)?);
        Ok(Self { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, salt })
    }

    /// Parses the recipe and the tag of a PHC string: any Argon2 variant, within [`HashParameters::MOST`].
    fn decode(phc: &str) -> Result<(Self, Output), HashError> {
        let parsed = Phc::new(phc).map_err(|_| HashError::Unusable("not a PHC string"))?;
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str())
            .map_err(|_| HashError::Unusable("not an Argon2 hash"))?;
        // A string without a version has the first one (the PHC string format's text on Argon2).
        let version = parsed.version.map_or(Ok(Version::V0x10), Version::try_from);
        let version = version.map_err(|_| HashError::Unusable("unknown version of Argon2"))?;
        let params =
            Params::try_from(&parsed).map_err(|_| HashError::Unusable("invalid Argon2 parameters"))?;
        if !HashParameters::of(&params).is_bearable() {
            return Err(HashError::Unusable("its Argon2 parameters are beyond the limit"));
        }
        let (Some(salt), Some(tag)) = (parsed.salt, parsed.hash) else {
            return Err(HashError::Unusable("the PHC string has no salt or no tag"));
        };
        Ok((Self { algorithm, version, params, salt }, tag))
    }

    fn encode(&self, tag: &[u8]) -> Result<PasswordHash, HashError> {
        let params =
            ParamsString::try_from(&self.params).map_err(|error| HashError::Failed(error.to_string()))?;
        let phc = Phc {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params,
            salt: Some(self.salt),
            hash: Some(Output::new(tag)?),
        };
        Ok(PasswordHash(phc.to_string()))
    }

    fn is_current(&self, current: HashParameters, tag: &Output) -> bool {
        matches!(self.algorithm, Algorithm::Argon2id)
            && matches!(self.version, Version::V0x13)
            && HashParameters::of(&self.params) == current
            && self.salt.len() >= SALT_BYTES
            && tag.len() == TAG_BYTES
    }

    /// Runs Argon2, which takes nearly all of the time.
    fn tag(&self, password: &Password, memory: &mut Memory) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let mut tag = Zeroizing::new(vec![0; self.params.output_len().unwrap_or(TAG_BYTES)]);
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let blocks = memory.blocks(self.params.block_count());
        argon2.hash_password_into_with_memory(password.as_str().as_bytes(), &self.salt, &mut tag, blocks)?;
        Ok(tag)
    }
}

/// The blocks kept for the next hash: at most those of [`HashParameters::MOST`].
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        // The thread must not keep the memory of a rare old hash with other parameters.
        if self.0.len() != count {
            self.0 = Vec::new();
            self.0.resize(count, Block::new());
        }
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn typed(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    fn hasher() -> Hasher {
        Hasher::new(HashParameters::default())
    }

    #[tokio::test]
    async fn p08_the_stored_form_is_argon2id_with_a_salt_of_its_own() {
        let hasher = hasher();
        let (one, two) = (
            hasher.turn().unwrap().hash(typed("correct horse")).await,
            hasher.turn().unwrap().hash(typed("correct horse")).await,
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        let fields: Vec<_> = one.0.split('$').collect();
        // 16 and 32 bytes in base64 without padding.
        assert_eq!((fields[4].len(), fields[5].len()), (22, 43));
        assert_ne!(one.0, two.0);
        for hash in [one, two] {
            let verdict = hasher.turn().unwrap().verify(typed("correct horse"), Some(hash)).await.unwrap();
            assert_eq!(verdict, Verdict::Right { outdated: false });
        }
    }

    #[tokio::test]
    async fn p08_a_hash_of_other_parameters_is_right_and_outdated() {
        let hash = hasher().turn().unwrap().hash(typed("correct horse")).await.unwrap();
        let raised = Hasher::new(HashParameters::new(20_480, 3, 2).unwrap());
        let verdict =
            raised.turn().unwrap().verify(typed("correct horse"), Some(hash.clone())).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
        assert_eq!(
            raised.turn().unwrap().verify(typed("wrong horse"), Some(hash)).await.unwrap(),
            Verdict::Wrong
        );
        let renewed = raised.turn().unwrap().hash(typed("correct horse")).await.unwrap();
        assert!(renewed.0.contains("$m=20480,t=3,p=2$"), "{}", renewed.0);
        let verdict = raised.turn().unwrap().verify(typed("correct horse"), Some(renewed)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: false });
    }

    #[tokio::test]
    async fn p04_each_byte_counts() {
        let hasher = hasher();
        let head = "a".repeat(72);
        for (right, wrong) in [(format!("{head}b"), format!("{head}c")), ("ab\0c".into(), "ab\0d".into())] {
            let hash = hasher.turn().unwrap().hash(typed(&right)).await.unwrap();
            assert_eq!(
                hasher.turn().unwrap().verify(typed(&wrong), Some(hash.clone())).await.unwrap(),
                Verdict::Wrong
            );
            let verdict = hasher.turn().unwrap().verify(typed(&right), Some(hash)).await.unwrap();
            assert_eq!(verdict, Verdict::Right { outdated: false });
        }
    }

    #[tokio::test]
    async fn reads_what_the_reference_implementation_wrote() {
        // From phc-winner-argon2's test.c: hashtest(version, 2, 16, 1, "password", "somesalt", …, Argon2_id).
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let stored = || Some(PasswordHash(known.to_owned()));
        let hasher = hasher();
        let verdict = hasher.turn().unwrap().verify(typed("password"), stored()).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
        assert_eq!(hasher.turn().unwrap().verify(typed("passwore"), stored()).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_stored_hash_cannot_ask_for_more_than_the_limit() {
        let hasher = hasher();
        for cost in ["m=4194304,t=2,p=1", "m=65536,t=4000000,p=1", "m=65536,t=2,p=17", "m=7,t=2,p=1"] {
            let phc =
                format!("$argon2id$v=19${cost}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
            let begin = Instant::now();
            let answer = hasher.turn().unwrap().verify(typed("password"), Some(PasswordHash(phc))).await;
            assert!(matches!(answer, Err(HashError::Unusable(_))), "{cost}: {answer:?}");
            assert!(begin.elapsed() < Duration::from_secs(1), "{cost}");
        }
        for damaged in ["", "plain", "$2b$12$abc", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ"] {
            let answer = hasher
                .turn()
                .unwrap()
                .verify(typed("password"), Some(PasswordHash(damaged.to_owned())))
                .await;
            assert!(matches!(answer, Err(HashError::Unusable(_))), "{damaged}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn e02_an_unknown_account_costs_as_much_as_a_known_one() {
        let hasher = hasher();
        let stored = hasher.turn().unwrap().hash(typed("correct horse")).await.unwrap();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..15 {
            for (times, stored) in [(&mut known, Some(stored.clone())), (&mut unknown, None)] {
                let begin = Instant::now();
                assert_eq!(
                    hasher.turn().unwrap().verify(typed("wrong horse"), stored).await.unwrap(),
                    Verdict::Wrong
                );
                times.push(begin.elapsed());
            }
        }
        // The best of each is the one least disturbed by other work on the machine. A path without Argon2 would
        // be a thousand times faster; the black-box test measures precisely.
        let (known, unknown) = (known.into_iter().min().unwrap(), unknown.into_iter().min().unwrap());
        assert!(unknown > known / 2 && known > unknown / 2, "known {known:?}, unknown {unknown:?}");
    }

    #[test]
    fn parameters_below_the_least_are_refused() {
        for (memory_kib, passes, lanes) in [(19_455, 2, 1), (19_456, 1, 1), (19_456, 2, 0), (65_537, 2, 1)] {
            assert_eq!(HashParameters::new(memory_kib, passes, lanes), Err(ParametersOutOfRange));
        }
        let said = "Argon2id takes from 19456 to 65536 KiB of memory, 2 to 10 passes and 1 to 16 lanes";
        assert_eq!(ParametersOutOfRange.to_string(), said);
    }
}
