//! Compares a secret that a caller sent.

use subtle::ConstantTimeEq;

/// Whether `sent` is `expected`, in a time that does not reveal where they differ: both are copied into `MOST` bytes,
/// all of which are compared. The copy takes some nanoseconds in proportion to the text, so the length of `expected` is
/// not kept secret. `sent` must not be longer than `MOST`.
pub(super) fn is_same<const MOST: usize>(sent: &str, expected: &str) -> bool {
    let padded = |text: &str| {
        let mut buffer = [0; MOST];
        buffer.iter_mut().zip(text.bytes()).for_each(|(slot, byte)| *slot = byte);
        buffer
    };
    // A text that does not fit is cut off above, and its length differs here.
    let is_as_long = sent.len().ct_eq(&expected.len());
    (padded(sent).as_slice().ct_eq(padded(expected).as_slice()) & is_as_long).into()
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn only_the_same_text_is_the_same() {
        for text in ["", "a", "abcdefgh"] {
            assert!(is_same::<8>(text, text));
        }
        for (sent, expected) in [
            ("a", ""),
            ("", "a"),
            ("a", "b"),
            ("a", "a\0"),
            ("a\0", "a"),
            ("abcdefgh", "abcdefghi"),
            ("abcdefgh", "abcdefgx"),
        ] {
            assert!(!is_same::<8>(sent, expected), "{sent:?} {expected:?}");
        }
    }
}
