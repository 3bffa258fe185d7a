//! A partition: the hashes that share their first 16 bits. It stores the next 32 bits of each, in order, as the
//! distance from the least value that could follow the previous one, in LEB128: seven bits per byte, low bits first,
//! with the eighth bit set while more follow. In a list of 1,000 million hashes, most take three bytes.

use super::head::MAX_PARTITION_BYTES;

/// The number of partitions.
pub(super) const COUNT: usize = 1 << 16;

/// The partition that a hash belongs to, and its value there.
pub(super) fn place(hash: &[u8; 20]) -> (u16, u32) {
    let [p0, p1, v0, v1, v2, v3, ..] = *hash;
    (u16::from_be_bytes([p0, p1]), u32::from_be_bytes([v0, v1, v2, v3]))
}

/// Writes a partition value by value.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The least value that may follow.
    least: u64,
    checksum: crc32fast::Hasher,
    length: u32,
}

/// The partition has no room for another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Writer {
    /// Returns the bytes of the next value; none if it equals the previous one. Values must be in order.
    pub(super) fn push(&mut self, value: u32) -> Result<Option<Encoded>, Full> {
        let Some(distance) = u64::from(value).checked_sub(self.least) else { return Ok(None) };
        let encoded = Encoded::new(distance);
        let length = self.length + u32::from(encoded.length);
        if length > MAX_PARTITION_BYTES {
            return Err(Full);
        }
        self.length = length;
        self.checksum.update(encoded.as_slice());
        self.least = u64::from(value) + 1;
        Ok(Some(encoded))
    }

    /// Returns the length and the checksum of what was written, and begins the next partition.
    pub(super) fn finish(&mut self) -> (u32, u32) {
        let done = std::mem::take(self);
        (done.length, done.checksum.finalize())
    }
}

/// The bytes of one value: one to five.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoded {
    bytes: [u8; 5],
    length: u8,
}

impl Encoded {
    fn new(mut distance: u64) -> Self {
        let mut encoded = Self::default();
        for byte in &mut encoded.bytes {
            encoded.length += 1;
            *byte = (distance & 0x7f) as u8;
            distance >>= 7;
            if distance == 0 {
                break;
            }
            *byte |= 0x80;
        }
        encoded
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Searches for a value in a partition that arrives in pieces, without keeping them.
#[derive(Debug)]
pub(super) struct Search {
    wanted: u32,
    least: u64,
    distance: u64,
    shift: u32,
    found: bool,
    checksum: crc32fast::Hasher,
}

/// The bytes are not a partition, or not the one that was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Search {
    pub(super) fn new(wanted: u32) -> Self {
        let checksum = crc32fast::Hasher::new();
        Self { wanted, least: 0, distance: 0, shift: 0, found: false, checksum }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), Malformed> {
        self.checksum.update(piece);
        for byte in piece {
            if self.shift > 28 {
                return Err(Malformed);
            }
            self.distance |= u64::from(byte & 0x7f) << self.shift;
            self.shift += 7;
            if byte & 0x80 == 0 {
                self.arrive()?;
            }
        }
        Ok(())
    }

    fn arrive(&mut self) -> Result<(), Malformed> {
        let value = u32::try_from(self.least + self.distance).map_err(|_| Malformed)?;
        self.found |= value == self.wanted;
        self.least = u64::from(value) + 1;
        (self.distance, self.shift) = (0, 0);
        Ok(())
    }

    /// Whether the value was found, if the checksum matches.
    pub(super) fn finish(self, checksum: u32) -> Result<bool, Malformed> {
        if self.shift == 0 && self.checksum.finalize() == checksum { Ok(self.found) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn write(values: impl IntoIterator<Item = u32>) -> (Vec<u8>, u32) {
        let mut writer = Writer::default();
        let mut bytes = Vec::new();
        for value in values {
            bytes.extend_from_slice(writer.push(value).unwrap().unwrap_or_default().as_slice());
        }
        let (length, checksum) = writer.finish();
        assert_eq!(length as usize, bytes.len());
        (bytes, checksum)
    }

    fn search(bytes: &[u8], checksum: u32, wanted: u32, piece: usize) -> Result<bool, Malformed> {
        let mut search = Search::new(wanted);
        bytes.chunks(piece).try_for_each(|piece| search.feed(piece))?;
        search.finish(checksum)
    }

    #[test]
    fn the_ends_of_the_range_fit() {
        let (bytes, checksum) = write([0, 0, 1, 0x7fff_ffff, u32::MAX - 1, u32::MAX, u32::MAX]);
        for (wanted, found) in [(0, true), (1, true), (2, false), (u32::MAX - 2, false), (u32::MAX, true)] {
            assert_eq!(search(&bytes, checksum, wanted, 1), Ok(found), "{wanted}");
        }
        assert_eq!(search(&write([]).0, 0, 7, 1), Ok(false));
    }

    #[test]
    fn a_partition_that_is_too_large_is_not_written() {
        let mut writer = Writer::default();
        let full = (0..=MAX_PARTITION_BYTES).find(|value| writer.push(*value).is_err());
        assert_eq!(full, Some(MAX_PARTITION_BYTES), "each neighbour takes one byte");
    }

    #[test]
    fn a_value_beyond_the_range_is_malformed() {
        let past_the_end = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert_eq!(search(&past_the_end, crc32fast::hash(&past_the_end), 1, 6), Err(Malformed));
        let too_long = [0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(search(&too_long, crc32fast::hash(&too_long), 1, 6), Err(Malformed));
        let unfinished = [0x80];
        assert_eq!(search(&unfinished, crc32fast::hash(&unfinished), 1, 6), Err(Malformed));
    }

    proptest! {
        #[test]
        fn exactly_what_was_written_is_found(values: BTreeSet<u32>, other: u32, piece in 1_usize..9) {
            let (bytes, checksum) = write(values.iter().copied());
            for value in &values {
                prop_assert_eq!(search(&bytes, checksum, *value, piece), Ok(true));
            }
            prop_assert_eq!(search(&bytes, checksum, other, piece), Ok(values.contains(&other)));
        }

        #[test]
        fn hostile_bytes_with_a_right_checksum_do_no_harm(bytes: Vec<u8>, wanted: u32, piece in 1_usize..9) {
            let _ = search(&bytes, crc32fast::hash(&bytes), wanted, piece);
        }

        #[test]
        fn a_changed_bit_is_noticed(values in prop::collection::btree_set(any::<u32>(), 1..50), at: prop::sample::Index, bit in 0_u8..8) {
            let (mut bytes, checksum) = write(values);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(search(&bytes, checksum, 1, 4), Err(Malformed));
        }
    }
}
