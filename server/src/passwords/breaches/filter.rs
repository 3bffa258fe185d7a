//! Looks passwords up in the file, one at a time, keeping only its head in memory.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest;

use super::head::{self, Extent, Head};
use super::{BreachesFileError, Problem, partition};

/// Bytes read at a time.
const PIECE: usize = 32 * 1024;

/// An open list. Its head takes 1 MiB of memory. A lookup reads one partition, a piece at a time: 48 KiB for a list
/// of 1,000 million hashes, and at most 4 MiB.
#[derive(Debug)]
pub(crate) struct Filter {
    file: File,
    path: PathBuf,
    head: Head,
}

impl Filter {
    /// Opens a list and checks its head and its length. Its partitions are checked when they are read.
    pub(crate) fn open(path: &Path) -> Result<Self, BreachesFileError> {
        let (file, head) =
            read_head(path).map_err(|problem| BreachesFileError { path: path.to_owned(), problem })?;
        Ok(Self { file, path: path.to_owned(), head })
    }

    /// The number of hashes in the list.
    pub(crate) fn hashes(&self) -> u64 {
        self.head.hashes
    }

    /// When it was created, in RFC 3339.
    pub(crate) fn made_at(&self) -> humantime::Rfc3339Timestamp {
        humantime::format_rfc3339_seconds(SystemTime::from(self.head.made_at))
    }

    /// Whether a password is listed. There are no false negatives, and one false positive in 280,000 unlisted
    /// passwords (for a list of 1,000 million).
    pub(crate) fn contains(&self, password: &str) -> Result<bool, BreachesFileError> {
        // The list dictates SHA-1; nothing here relies on its collision resistance.
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut hash = [0; 20];
        hash.copy_from_slice(digest.as_ref());
        self.contains_hash(&hash).map_err(|problem| BreachesFileError { path: self.path.clone(), problem })
    }

    pub(super) fn contains_hash(&self, hash: &[u8; 20]) -> Result<bool, Problem> {
        let (number, value) = partition::place(hash);
        let malformed = |_| Problem::Damaged("part of it is corrupted");
        let Some(Extent { mut offset, length, checksum }) =
            self.head.partitions.get(usize::from(number)).copied()
        else {
            return Err(Problem::Damaged("its header is too short"));
        };
        let end = offset + u64::from(length);
        let mut search = partition::Search::new(value);
        let mut buffer = vec![0; PIECE.min(length as usize)];
        while offset < end {
            let left = usize::try_from(end - offset).unwrap_or(PIECE);
            let piece = buffer.get_mut(..left.min(PIECE)).unwrap_or_default();
            self.file.read_exact_at(piece, offset)?;
            search.feed(piece).map_err(malformed)?;
            offset += piece.len() as u64;
        }
        search.finish(checksum).map_err(malformed)
    }
}

fn read_head(path: &Path) -> Result<(File, Head), Problem> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Problem::Read(io::Error::other("it is not a file")));
    }
    let mut bytes = Vec::with_capacity(head::BYTES);
    file.by_ref().take(head::BYTES as u64).read_to_end(&mut bytes)?;
    let head = Head::decode(&bytes, metadata.len())?;
    Ok((file, head))
}
