//! Keys for customers: generated, shown once, stored as a digest.

use std::{error::Error, fmt};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of the id: 71 bits, so that ids do not collide.
const ID: usize = 12;

/// Characters of the secret: 190 bits.
const SECRET: usize = 32;

/// Characters of the checksum: 62⁶ is more than 2³².
const CHECKSUM: usize = 6;

/// The longest prefix.
const PREFIX: usize = 16;

/// A key for a customer, to be shown **once**: `shop_<id>_<secret><checksum>`, for instance
/// `shop_x2Yt9KfPq0Ab_3hT…`.
///
/// * `shop` is your prefix, by which anybody who finds the key recognizes it: 1 to 16 of `a`–`z` and `0`–`9`.
/// * The id, 12 characters, is for looking up the key in the database. It may be shown in lists.
/// * The secret is 32 random characters, 190 bits from the operating system's generator. It cannot be guessed, so a
///   fast digest (SHA-256) of it in the database is as safe as a slow one.
/// * The checksum, 6 characters, is the CRC-32 of everything before it. It detects typos without a database query, and
///   lets secret scanners recognize keys, as with GitHub's tokens. It protects nothing.
///
/// ```
/// use portcullis::credential::{ApiKeySecret, StoredApiKey};
///
/// # fn main() -> Result<(), portcullis::credential::MintError> {
/// let made = ApiKeySecret::mint("shop")?;
/// let row: StoredApiKey = made.stored(); // to the database: `row.id` and `row.digest`
/// let shown_once = made.text(); // to the customer
///
/// // Later, in `Verify::verify`, with the text of `ApiKey::key`:
/// let presented = ApiKeySecret::parse(shown_once).expect("no typo"); // else `Verdict::Refused`
/// assert_eq!(presented.id(), row.id); // finds the row
/// assert!(row.matches(&presented));
/// # Ok(()) }
/// ```
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// Generates a new key.
    ///
    /// # Errors
    /// [`MintError::Prefix`] if `prefix` is not 1 to 16 of `a`–`z` and `0`–`9`; [`MintError::Randomness`] if the
    /// operating system gives no random bytes.
    pub fn mint(prefix: &str) -> Result<Self, MintError> {
        if !is_prefix(prefix) {
            return Err(MintError::Prefix);
        }
        let (id, secret) = (random(ID)?, random(SECRET)?);
        let text = format!("{prefix}_{id}_{secret}");
        let checksum = checksum(&text);
        Ok(Self(text + &checksum))
    }

    /// Parses a key, including its checksum; returns `None` for anything else. The key may still be unknown: look up
    /// its [`id`](Self::id), then check [`StoredApiKey::matches`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let (prefix, id, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let is_key = parts.next().is_none()
            && is_prefix(prefix)
            && is_base62(id, ID)
            && is_base62(rest, SECRET + CHECKSUM);
        let (begin, end) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
        (is_key && checksum(begin) == end).then(|| Self(text.to_owned()))
    }

    /// The key's text. Show it to its owner once, and do not store it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The prefix that was passed to [`mint`](Self::mint).
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.part(0)
    }

    /// The id for looking up the key. It is not secret.
    #[must_use]
    pub fn id(&self) -> &str {
        self.part(1)
    }

    /// What to store of the key: the id and a digest.
    #[must_use]
    pub fn stored(&self) -> StoredApiKey {
        StoredApiKey { id: self.id().to_owned(), digest: Sha256::digest(&self.0).into() }
    }

    fn part(&self, at: usize) -> &str {
        self.0.split('_').nth(at).unwrap_or_default()
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeySecret({}_{}_…)", self.prefix(), self.id())
    }
}

/// What a database stores of a key. The key cannot be recovered from it. It has no `==`, which would stop at the first
/// difference; use [`matches`](Self::matches).
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// The id for looking up the key: 12 ASCII letters and digits, unique.
    pub id: String,
    /// The SHA-256 of the key's whole text.
    pub digest: [u8; 32],
}

impl StoredApiKey {
    /// Whether this was stored for `presented`, compared in constant time.
    #[must_use]
    pub fn matches(&self, presented: &ApiKeySecret) -> bool {
        self.digest.ct_eq(&presented.stored().digest).into()
    }
}

/// Why no key was generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MintError {
    /// The prefix is not 1 to 16 of `a`–`z` and `0`–`9`.
    Prefix,
    /// The operating system gives no random bytes.
    Randomness,
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "the prefix of an API key is 1 to 16 of a-z and 0-9",
            Self::Randomness => "the operating system gives no random bytes, so no API key can be made",
        })
    }
}

impl Error for MintError {}

fn is_prefix(text: &str) -> bool {
    (1..=PREFIX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_base62(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Six bits choose a character. The two values without one are dropped, so that all characters are equally likely.
fn random(length: usize) -> Result<String, MintError> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(|_| MintError::Randomness)?;
        let characters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 0b11_1111)));
        text.extend(characters.take(length - text.len()).copied().map(char::from));
    }
    Ok(text)
}

/// The CRC-32 in base 62, most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for slot in digits.iter_mut().rev() {
        let digit = ALPHABET.iter().copied().nth((rest % 62) as usize);
        *slot = digit.unwrap_or(b'0');
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    /// Computed independently, with Python's `zlib.crc32` and `hashlib.sha256`.
    const KEY: &str = "shop_0Aa1Bb2Cc3Dd_zZyYxXwWvVuUtTsSrRqQpPoOnNmMlLkK1KtmoU";
    const DIGEST: &str = "2a0942ee073aa1e83ad94bc05bc7ae7b3c8c74771c3b692a499a9254f59a4dd2";

    #[test]
    fn s01_a_key_made_elsewhere() {
        assert_eq!(checksum("123456789"), "3jZRME");
        let key = ApiKeySecret::parse(KEY).unwrap();
        assert_eq!((key.prefix(), key.id(), key.text()), ("shop", "0Aa1Bb2Cc3Dd", KEY));
        assert_eq!(key.stored().digest.map(|byte| format!("{byte:02x}")).concat(), DIGEST);
    }

    #[test]
    fn s01_keys_are_random_and_each_character_as_likely() {
        let keys: Vec<_> = (0..2000).map(|_| ApiKeySecret::mint("k").unwrap()).collect();
        let ids: BTreeSet<_> = keys.iter().map(ApiKeySecret::id).collect();
        assert_eq!(ids.len(), keys.len());
        let mut counts: HashMap<char, u32> = HashMap::new();
        for key in &keys {
            let secret = key.part(2).get(..SECRET).unwrap();
            secret.chars().for_each(|character| *counts.entry(character).or_default() += 1);
        }
        // 64 000 characters: 1 032 of each, give or take 32. A `% 62` would give eight of them 1 250.
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (832..=1232).contains(count)), "{counts:?}");
    }

    #[test]
    fn s01_only_the_key_itself_matches() {
        let (key, other) = (ApiKeySecret::mint("shop").unwrap(), ApiKeySecret::mint("shop").unwrap());
        let stored = key.stored();
        assert!(stored.matches(&ApiKeySecret::parse(key.text()).unwrap()));
        assert!(!stored.matches(&other));
        // The same id and secret under another prefix is another key.
        let text = key.text().replacen("shop", "till", 1);
        let begin = text.get(..text.len() - CHECKSUM).unwrap();
        assert!(!stored.matches(&ApiKeySecret::parse(&format!("{begin}{}", checksum(begin))).unwrap()));
    }

    #[test]
    fn g03_neither_form_prints_the_secret() {
        let key = ApiKeySecret::parse(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "ApiKeySecret(shop_0Aa1Bb2Cc3Dd_…)");
        assert!(!format!("{:?}", key.stored()).contains("zZ"));
    }

    #[test]
    fn a_prefix_is_a_small_word() {
        for prefix in ["a", "9", "shop", "abcdefghijklmnop"] {
            let key = ApiKeySecret::mint(prefix).unwrap();
            assert_eq!(key.prefix(), prefix);
            assert_eq!(key.text().len(), prefix.len() + 2 + ID + SECRET + CHECKSUM);
            assert!(ApiKeySecret::parse(key.text()).is_some());
        }
        for prefix in ["", "Shop", "sh_op", "sh-op", "é", "abcdefghijklmnopq", "a b", "a\n"] {
            assert_eq!(ApiKeySecret::mint(prefix).unwrap_err(), MintError::Prefix, "{prefix:?}");
        }
    }

    #[test]
    fn what_is_no_key() {
        let (begin, _) = KEY.rsplit_once('_').unwrap();
        let with_checksum = |text: &str| format!("{text}{}", checksum(text));
        let secret = "x".repeat(SECRET);
        for text in [
            String::new(),
            "_".to_owned(),
            "__".to_owned(),
            "é".repeat(6),
            begin.to_owned(),
            format!("{KEY}_"),
            format!("{KEY}\n"),
            format!(" {KEY}"),
            with_checksum(&format!("_0Aa1Bb2Cc3Dd_{secret}")),
            with_checksum(&format!("SHOP_0Aa1Bb2Cc3Dd_{secret}")),
            with_checksum(&format!("shop_0Aa1Bb2Cc3D_{secret}")),
            with_checksum(&format!("shop_0Aa1Bb2Cc3Dd_{secret}x")),
            with_checksum(&format!("shop_0Aa1Bb2Cc3D-_{secret}")),
            with_checksum(&format!("shop_0Aa1Bb2Cc3Dd_x_{secret}")),
        ] {
            assert!(ApiKeySecret::parse(&text).is_none(), "{text:?}");
        }
        assert!(ApiKeySecret::parse(&with_checksum(&format!("shop_0Aa1Bb2Cc3Dd_{secret}"))).is_some());
    }

    proptest! {
        #[test]
        fn a_typo_is_no_key(at in 0..KEY.len(), typo in "[0-9A-Za-z_]") {
            let mut text = KEY.to_owned();
            text.replace_range(at..=at, &typo);
            prop_assert_eq!(ApiKeySecret::parse(&text).is_some(), text == KEY);
        }

        #[test]
        fn two_characters_in_each_others_place_are_no_key(at in 0..KEY.len() - 1) {
            let mut bytes = KEY.as_bytes().to_vec();
            bytes.swap(at, at + 1);
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(ApiKeySecret::parse(&text).is_some(), text == KEY);
        }

        #[test]
        fn d07_no_text_upsets_the_parser(text in "\\PC{0,80}|[a-z]{1,4}_[0-9A-Za-z]{12}_[0-9A-Za-z]{37,39}") {
            prop_assert!(ApiKeySecret::parse(&text).is_none());
        }
    }
}
