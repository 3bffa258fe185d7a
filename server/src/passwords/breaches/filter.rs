//! The file while serving: asked about one password at a time, without keeping more of it than its head.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest;

use super::head::{self, Extent, Head};
use super::{BreachesFileError, Problem, partition};

/// Bytes that are read at once.
const PIECE: usize = 32 * 1024;

/// An open list. Its head takes one mebibyte of memory; a look-up reads one partition, 48 KiB of a list of a thousand
/// million and 4 MiB at the very most, a piece at a time.
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

    /// How many hashes are in it.
    pub(crate) fn hashes(&self) -> u64 {
        self.head.hashes
    }

    /// When it was made, as RFC 3339 writes it.
    pub(crate) fn made_at(&self) -> humantime::Rfc3339Timestamp {
        humantime::format_rfc3339_seconds(SystemTime::from(self.head.made_at))
    }

    /// Whether a password is listed: always so when it is, and once in 280,000 times when it is not (for a list of
    /// a thousand million).
    pub(crate) fn contains(&self, password: &str) -> Result<bool, BreachesFileError> {
        // The list's choice: nothing here rests on SHA-1 being hard to collide.
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut hash = [0; 20];
        hash.copy_from_slice(digest.as_ref());
        self.contains_hash(&hash).map_err(|problem| BreachesFileError { path: self.path.clone(), problem })
    }

    pub(super) fn contains_hash(&self, hash: &[u8; 20]) -> Result<bool, Problem> {
        let (number, value) = partition::place(hash);
        let malformed = |_| Problem::Damaged("a part of it is not as it was written");
        let Some(Extent { mut offset, length, checksum }) =
            self.head.partitions.get(usize::from(number)).copied()
        else {
            return Err(Problem::Damaged("its head is too short"));
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
        return Err(Problem::Read(io::Error::other("it is no file")));
    }
    let mut bytes = Vec::with_capacity(head::BYTES);
    file.by_ref().take(head::BYTES as u64).read_to_end(&mut bytes)?;
    let head = Head::decode(&bytes, metadata.len())?;
    Ok((file, head))
}
