//! Surveys a JPEG's segments (ITU-T T.81 Annex B) before anything is decoded.
//!
//! The decoder is forgiving: it fills in what a truncated file lacks, and it processes every scan. So truncated
//! files and files with more scans than any encoder writes are detected here.

/// The maximum number of scans of a progressive picture; encoders write about ten.
const MAX_SCANS: usize = 20;

/// The properties that determine the decoder's memory use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Survey {
    /// Colour channels: 1, 3 or 4.
    components: u8,
    /// Progressive, or in several scans: the decoder keeps the coefficients of the whole picture.
    keeps_coefficients: bool,
}

impl Survey {
    /// Bytes that the decoder needs per pixel in addition to its output: two for each coefficient.
    pub(super) fn per_pixel(&self) -> u64 {
        if self.keeps_coefficients { 2 * u64::from(self.components) } else { 0 }
    }
}

/// `None` if the segments do not lead from the start marker to the end marker.
pub(super) fn survey(bytes: &[u8]) -> Option<Survey> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    let (mut components, mut scans, mut keeps_coefficients) = (None, 0, false);
    loop {
        let (marker, after) = next_marker(rest)?;
        if marker == 0xd9 {
            let components = components.filter(|_| scans > 0);
            return components.map(|components| Survey { components, keeps_coefficients });
        }
        let (segment, after) = split_segment(after)?;
        rest = after;
        match marker {
            // Baseline, extended, progressive. The others (lossless, arithmetic) are not decoded.
            0xc0..=0xc2 if components.is_none() => {
                components = Some(*segment.get(5)?).filter(|count| matches!(count, 1 | 3 | 4));
                components?;
                keeps_coefficients = marker == 0xc2;
            }
            0xda => {
                scans += 1;
                // A scan begins with the number of its components (B.2.3).
                keeps_coefficients |= segment.first() != components.as_ref();
                rest = skip_scan(rest)?;
                (scans <= MAX_SCANS && components.is_some()).then_some(())?;
            }
            // Huffman and quantization tables, restart interval, applications' segments, comments.
            0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => {}
            _ => return None,
        }
    }
}

/// A marker may be preceded by any number of 0xFF bytes (B.1.1.2).
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut after = bytes.strip_prefix(b"\xff")?;
    while let Some(more) = after.strip_prefix(b"\xff") {
        after = more;
    }
    after.split_first().map(|(marker, after)| (*marker, after))
}

/// The length includes its own two bytes (B.1.1.4).
fn split_segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk::<2>()?;
    after.split_at_checked(usize::from(u16::from_be_bytes(*length)).checked_sub(2)?)
}

/// Entropy-coded data end at the first marker other than a restart marker; 0xFF 0x00 is data (B.1.1.5).
fn skip_scan(bytes: &[u8]) -> Option<&[u8]> {
    let ends = |pair: &[u8]| matches!(pair, [0xff, second] if !matches!(second, 0 | 0xd0..=0xd7 | 0xff));
    let end = bytes.windows(2).position(ends)?;
    bytes.get(end..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\xff\xd8\xff\xfe\x00\x04hi";
    const FRAME: &[u8] = b"\xff\xc2\x00\x11\x08\x00\x01\x00\x01\x03abcdefghi";
    const SCAN: &[u8] = b"\xff\xda\x00\x03\x03\x12\xff\x00\xff\xd0\x34";
    const END: &[u8] = b"\xff\xff\xd9trailer";

    fn surveyed(parts: &[&[u8]]) -> Option<u8> {
        survey(&parts.concat()).map(|survey| survey.components)
    }

    #[test]
    fn walks_to_the_end_marker() {
        assert_eq!(surveyed(&[HEAD, FRAME, SCAN, SCAN, END]), Some(3));
        assert_eq!(surveyed(&[HEAD, FRAME, &SCAN.repeat(20), END]), Some(3));
    }

    #[test]
    fn knows_when_a_decoder_keeps_the_coefficients() {
        let baseline = FRAME.strip_prefix(b"\xff\xc2").map(|rest| [b"\xff\xc0", rest].concat()).unwrap();
        let scan_of_one = [b"\xff\xda\x00\x03\x01", &SCAN[5..]].concat();
        for (parts, per_pixel) in [
            ([HEAD, &baseline, SCAN, END], 0),
            ([HEAD, FRAME, SCAN, END], 6),
            ([HEAD, &baseline, &scan_of_one, END], 6),
        ] {
            assert_eq!(survey(&parts.concat()).unwrap().per_pixel(), per_pixel);
        }
    }

    #[test]
    fn refuses_what_the_decoder_would_forgive() {
        assert_eq!(surveyed(&[HEAD, FRAME, SCAN]), None, "no end");
        assert_eq!(surveyed(&[HEAD, FRAME, END]), None, "no scan");
        assert_eq!(surveyed(&[HEAD, SCAN, END]), None, "no frame");
        assert_eq!(surveyed(&[HEAD, FRAME, FRAME, SCAN, END]), None, "two frames");
        assert_eq!(surveyed(&[HEAD, b"junk", FRAME, SCAN, END]), None, "bytes between segments");
        assert_eq!(surveyed(&[HEAD, FRAME, &SCAN.repeat(21), END]), None, "too many scans");
        assert_eq!(surveyed(&[HEAD, b"\xff\xfe\x00\x01", END]), None, "a length of one");
    }
}
