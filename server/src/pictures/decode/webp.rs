//! Surveys a WebP's chunks (RFC 9649 §2) before anything is decoded.
//!
//! The decoder trusts three numbers too much: a chunk's length, the size in a lossy frame's own header, and the
//! number of Huffman tables of a lossless one. A few kilobytes could make it allocate gigabytes.

/// The bytes of tables that one byte of lossless data can produce. A table of 4 KiB can be written in twelve
/// bytes (RFC 9649 §3.7.2.1), and there can be 327 680 of them.
const TABLES_PER_BYTE: u64 = 400;

/// The properties that determine the decoder's memory use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Survey<'a> {
    /// The file without trailing data.
    pub(super) file: &'a [u8],
    /// The largest width and the largest height in the headers of lossy frames.
    pub(super) frame: (u32, u32),
    animated: bool,
    alpha: bool,
    lossless_bytes: u64,
}

impl Survey<'_> {
    /// Bytes that the decoder needs per pixel in addition to its output.
    pub(super) const fn per_pixel(&self) -> u64 {
        match (self.animated, self.alpha) {
            // The frame and the canvas at four bytes each, and the buffers of `alpha` while decoding them.
            (true, _) => 10,
            // Y, U and V, and the transparency: encoded as a picture of its own, then extracted.
            (false, true) => 8,
            // A lossless picture is decoded with transparency even if it has none.
            (false, false) => 4,
        }
    }

    /// The maximum size of the Huffman tables in bytes.
    pub(super) const fn tables(&self) -> u64 {
        self.lossless_bytes.saturating_mul(TABLES_PER_BYTE)
    }
}

/// `None` if the chunks do not fill the file exactly.
pub(super) fn survey(bytes: &[u8]) -> Option<Survey<'_>> {
    let (size, _) = bytes.strip_prefix(b"RIFF")?.split_first_chunk::<4>()?;
    let file = bytes.get(..usize::try_from(u32::from_le_bytes(*size)).ok()?.checked_add(8)?)?;
    let mut survey = Survey { file, frame: (0, 0), animated: false, alpha: false, lossless_bytes: 0 };
    survey.walk(file.get(12..)?, Within::File)?;
    Some(survey)
}

/// Frames must not nest, or a file could make us recurse at will.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    File,
    Frame,
}

impl Survey<'_> {
    fn walk(&mut self, mut chunks: &[u8], within: Within) -> Option<()> {
        while !chunks.is_empty() {
            let (name, after) = chunks.split_first_chunk::<4>()?;
            let (size, after) = after.split_first_chunk::<4>()?;
            let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
            let (data, after) = after.split_at_checked(size)?;
            // A chunk of odd length is followed by a padding byte, which some writers omit at the end.
            chunks = after.get(size % 2..).unwrap_or_default();
            self.see(*name, data, within)?;
        }
        Some(())
    }

    fn see(&mut self, name: [u8; 4], data: &[u8], within: Within) -> Option<()> {
        let length = u64::try_from(data.len()).ok()?;
        match &name {
            b"VP8 " => self.see_lossy(data)?,
            b"VP8L" => self.lossless_bytes += length,
            b"ALPH" => {
                self.alpha = true;
                // The two lowest bits give the compression; 0 means none (§2.7.1.2).
                self.lossless_bytes += if data.first()? % 4 == 0 { 0 } else { length };
            }
            // A frame's position, size and duration take 16 bytes; its chunks follow (§2.7.1.1).
            b"ANMF" if within == Within::File => {
                self.animated = true;
                self.walk(data.get(16..)?, Within::Frame)?;
            }
            _ => {}
        }
        Some(())
    }

    /// A frame tag and a start code of three bytes each, then 14 bits of width and of height (RFC 6386 §9.1).
    fn see_lossy(&mut self, data: &[u8]) -> Option<()> {
        let side =
            |at: usize| Some(u32::from(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?) & 0x3fff));
        self.frame = (self.frame.0.max(side(6)?), self.frame.1.max(side(8)?));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8], data: &[u8]) -> Vec<u8> {
        let size = u32::try_from(data.len()).unwrap().to_le_bytes();
        let padding: &[u8] = if data.len() % 2 == 1 { b"\0" } else { b"" };
        [name, &size, data, padding].concat()
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
    }

    fn lossy(width: u16, height: u16) -> Vec<u8> {
        chunk(b"VP8 ", &[b"tagsta".as_slice(), &width.to_le_bytes(), &height.to_le_bytes()].concat())
    }

    fn frame(chunks: &[u8]) -> Vec<u8> {
        chunk(b"ANMF", &[&[0; 16], chunks].concat())
    }

    #[test]
    fn sees_each_lossy_frames_own_size() {
        let bytes =
            file(&[chunk(b"VP8X", &[0; 10]), frame(&lossy(16_383, 1)), frame(&lossy(2, 9)), lossy(3, 3)]);
        let survey = survey(&bytes).unwrap();
        assert_eq!((survey.frame, survey.animated, survey.alpha), ((16_383, 9), true, false));
    }

    #[test]
    fn counts_compressed_bytes_only() {
        let bytes =
            file(&[chunk(b"VP8L", b"12345"), chunk(b"ALPH", b"\x01234567"), chunk(b"ALPH", b"\x00234567")]);
        assert_eq!(survey(&bytes).unwrap().tables(), (5 + 7) * 400);
    }

    #[test]
    fn leaves_out_what_follows_the_file() {
        let bytes = file(&[lossy(1, 1)]);
        assert_eq!(survey(&[&bytes, b"<script>".as_slice()].concat()).unwrap().file, bytes);
    }

    #[test]
    fn refuses_lengths_that_lie() {
        let whole = file(&[lossy(1, 1)]);
        for end in 0..whole.len() {
            assert_eq!(survey(&whole[..end]), None, "cut at {end}");
        }
        let mut long = whole.clone();
        long[16] += 1;
        assert_eq!(survey(&long), None, "a chunk longer than the file");
        assert_eq!(
            survey(&file(&[frame(&lossy(1, 1)[..12])])),
            None,
            "a frame's chunk longer than the frame"
        );
    }

    #[test]
    fn frames_do_not_nest() {
        assert_eq!(survey(&file(&[frame(&frame(&lossy(9, 9)))])).unwrap().frame, (0, 0));
    }
}
