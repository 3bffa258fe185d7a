//! The head of the file: its format, when and from what it was made, and where each partition lies, protected by a
//! checksum.
//!
//! Numbers are little-endian: the magic (8 bytes), the version (4), the number of hashes (8), the time of creation in
//! microseconds since 1970 (8), the minimum count (8), length and CRC-32 of each of the 65536 partitions (4 + 4), and
//! the CRC-32 of all this (4). The partitions follow without gaps.

use super::{Problem, partition};
use crate::clock::Timestamp;

const MAGIC: [u8; 8] = *b"PCLBRCH\n";
const VERSION: u32 = 1;
/// The length of the head.
pub(super) const BYTES: usize = 8 + 4 + 8 + 8 + 8 + partition::COUNT * 8 + 4;
/// More than any list of evenly distributed hashes needs: it would take some 90,000 million hashes to reach it.
pub(super) const MAX_PARTITION_BYTES: u32 = 4 * 1024 * 1024;

/// The content of the head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) hashes: u64,
    pub(super) made_at: Timestamp,
    pub(super) min_count: u64,
    pub(super) partitions: Vec<Extent>,
}

/// Where a partition lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Not stored: it is the sum of the preceding lengths.
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) checksum: u32,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.hashes.to_le_bytes());
        bytes.extend_from_slice(&self.made_at.as_micros().to_le_bytes());
        bytes.extend_from_slice(&self.min_count.to_le_bytes());
        for extent in &self.partitions {
            bytes.extend_from_slice(&extent.length.to_le_bytes());
            bytes.extend_from_slice(&extent.checksum.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Parses the first [`BYTES`] of a file of this length.
    pub(super) fn decode(bytes: &[u8], file_bytes: u64) -> Result<Self, Problem> {
        let mut rest = bytes;
        if take(&mut rest) != Some(MAGIC) {
            return Err(Problem::Foreign("its first bytes are wrong"));
        }
        if take(&mut rest).map(u32::from_le_bytes) != Some(VERSION) {
            return Err(Problem::Foreign("its version is not supported"));
        }
        let checked = bytes.split_last_chunk().filter(|_| bytes.len() == BYTES);
        if checked.is_none_or(|(content, sum)| crc32fast::hash(content) != u32::from_le_bytes(*sum)) {
            return Err(Problem::Damaged("its header is corrupted"));
        }
        let head = Self::fields(&mut rest).ok_or(Problem::Damaged("its header is too short"))?;
        if head.partitions.iter().any(|extent| extent.length > MAX_PARTITION_BYTES) {
            return Err(Problem::Damaged("a part of it is too long"));
        }
        let end = head.partitions.last().map(|last| last.offset + u64::from(last.length));
        if end != Some(file_bytes) {
            return Err(Problem::Damaged("its length is wrong"));
        }
        Ok(head)
    }

    fn fields(rest: &mut &[u8]) -> Option<Self> {
        let hashes = u64::from_le_bytes(take(rest)?);
        let made_at = Timestamp::from_micros(i64::from_le_bytes(take(rest)?));
        let min_count = u64::from_le_bytes(take(rest)?);
        let mut partitions = Vec::with_capacity(partition::COUNT);
        let mut offset = BYTES as u64;
        for _ in 0..partition::COUNT {
            let length = u32::from_le_bytes(take(rest)?);
            partitions.push(Extent { offset, length, checksum: u32::from_le_bytes(take(rest)?) });
            offset += u64::from(length);
        }
        Some(Self { hashes, made_at, min_count, partitions })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}
