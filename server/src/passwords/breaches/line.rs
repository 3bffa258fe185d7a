//! A line of the public list: forty hexadecimal digits, a colon, and how often the password was seen.

/// The length of the longest line in bytes, including its line end.
pub(super) const MAX_BYTES: usize = HASH_DIGITS + 1 + COUNT_DIGITS + 2;
const HASH_DIGITS: usize = 40;
/// Digits of the largest 64-bit number.
const COUNT_DIGITS: usize = 20;

/// A password's SHA-1 and how often it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) hash: [u8; 20],
    pub(super) count: u64,
}

/// Parses a line with or without its line end, LF or CR LF. `None` for anything else.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_first_chunk::<HASH_DIGITS>()?;
    let count = number(rest.strip_prefix(b":")?)?;
    let mut hash = [0; 20];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(Line { hash, count })
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > COUNT_DIGITS {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Forty hexadecimal digits.
#[cfg(test)]
pub(super) fn hex(hash: &[u8; 20]) -> String {
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "000000005AD76BD555C1D6D771DE417A4B87E4B4";

    fn count(text: &str) -> Option<u64> {
        parse(text.as_bytes()).map(|line| line.count)
    }

    #[test]
    fn each_line_end_is_read() {
        for end in ["", "\n", "\r\n"] {
            let line = parse(format!("{HASH}:10{end}").as_bytes()).unwrap();
            assert_eq!(line.hash[..6], [0, 0, 0, 0, 0x5a, 0xd7]);
            assert_eq!(line.count, 10);
        }
        assert_eq!(parse(HASH.to_lowercase().as_bytes()), None);
        assert_eq!(count(&format!("{}:1", HASH.to_lowercase())), Some(1));
    }

    #[test]
    fn odd_lines_are_refused() {
        for text in [
            "",
            "\n",
            "\r\n",
            ":1",
            HASH,
            HASH.get(1..).unwrap(),
            &format!("{HASH}:"),
            &format!("{HASH};1"),
            &format!("{HASH}:-1"),
            &format!("{HASH}:+1"),
            &format!("{HASH}:1 "),
            &format!("{HASH}:1\n\n"),
            &format!(" {HASH}:1"),
            &format!("G{}:1", HASH.get(1..).unwrap()),
            &format!("{}:1", HASH.get(8..).unwrap()),
            &format!("{HASH}:18446744073709551616"),
            &format!("{HASH}:000000000000000000001"),
        ] {
            assert_eq!(count(text), None, "{text:?}");
        }
        assert_eq!(count(&format!("{HASH}:18446744073709551615")), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            prop_assert_eq!(parse(&bytes), None);
        }

        #[test]
        fn what_is_written_is_read(hash: [u8; 20], count: u64) {
            let text = format!("{}:{count}\r\n", hex(&hash));
            prop_assert!(text.len() <= MAX_BYTES);
            prop_assert_eq!(parse(text.as_bytes()), Some(Line { hash, count }));
        }

        #[test]
        fn nearly_right_lines_do_no_harm(text in "[0-9A-Fa-f:\\r\\n ]{38,48}[0-9:]{0,24}") {
            if let Some(line) = parse(text.as_bytes()) {
                prop_assert!(text.to_uppercase().starts_with(&hex(&line.hash)));
            }
        }
    }
}
