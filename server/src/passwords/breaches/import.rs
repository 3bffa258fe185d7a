//! Converts the public list to the file line by line, so memory use does not grow with the list.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::head::{self, Extent, Head};
use super::line::{self, Line};
use super::partition::{self, Full, Writer};
use crate::clock::Timestamp;
use crate::files;

const WRITE_BUFFER: usize = 1024 * 1024;
/// Lines between two calls of `progress`.
const PROGRESS_LINES: u64 = 1 << 16;

/// The result of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Lines that were read.
    pub(crate) lines: u64,
    /// Hashes in the new file.
    pub(crate) hashes: u64,
    /// Bytes of the new file.
    pub(crate) bytes: u64,
}

/// Why no new file was created. An existing one is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("cannot read the list after line {line}: {cause}. Try again with a list that can be read")]
    Read { line: u64, cause: io::Error },
    #[error(
        "line {0} is not a line of the public list: 40 hexadecimal digits (SHA-1, not NTLM), a colon and a count. Use \
            the list as `haveibeenpwned-downloader` writes it, complete and uncompressed"
    )]
    Line(u64),
    #[error(
        "line {0} has a smaller hash than the line before it, but the list must be ordered by hash. Sort it with \
         `LC_ALL=C sort LIST > SORTED`, and import the sorted one"
    )]
    Unordered(u64),
    #[error(
        "too many hashes up to line {0} begin alike: these are not SHA-1 hashes of passwords. Use the public list"
    )]
    Crowded(u64),
    #[error("none of the {0} lines in the list counts. Use a complete list, or a smaller --min-count")]
    Empty(u64),
    #[error("another import is writing {path}: wait until it is done", path = .0.display())]
    Running(PathBuf),
    #[error(
        "cannot write {path}: {cause}. A complete list needs 3 GB there, beside the older one; the setting \
         `breaches_file` names another place",
        path = path.display()
    )]
    Write { path: PathBuf, cause: io::Error },
}

/// Reads the whole list, leaves out hashes seen fewer than `min_count` times, and replaces `path` by the new file
/// once it is complete and on disk. `progress` is called now and then with the number of lines read.
pub(crate) fn import(
    mut list: impl BufRead,
    path: &Path,
    min_count: u64,
    made_at: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Imported, ImportError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let failed = |cause| ImportError::Write { path: temporary.clone(), cause };
    let file = claim(&temporary)?;
    let imported = Draft::new(file, min_count)
        .map_err(failed)
        .and_then(|draft| draft.fill(&mut list, &failed, &mut progress))
        .and_then(|(draft, lines)| draft.finish(made_at, lines).map_err(failed))
        .and_then(|imported| fs::rename(&temporary, path).map(|()| imported).map_err(failed));
    if imported.is_err() {
        // Report the first error.
        let _ = fs::remove_file(&temporary);
    }
    let imported = imported?;
    files::sync_parent(path).map_err(|cause| ImportError::Write { path: path.to_owned(), cause })?;
    Ok(imported)
}

/// Creates the temporary file and locks it. The leftover of an interrupted import is removed; an import that is still
/// running holds the lock.
fn claim(path: &Path) -> Result<File, ImportError> {
    let failed = |cause| ImportError::Write { path: path.to_owned(), cause };
    let lock = |file: &File| match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(ImportError::Running(path.to_owned())),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    };
    let file = match files::create_private_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let left = File::open(path).map_err(failed)?;
            lock(&left)?;
            fs::remove_file(path).map_err(failed)?;
            files::create_private_file(path).map_err(failed)?
        }
        created => created.map_err(failed)?,
    };
    lock(&file)?;
    Ok(file)
}

/// A file being written: partitions as they come, the head last.
struct Draft {
    out: BufWriter<File>,
    min_count: u64,
    hashes: u64,
    done: Vec<Extent>,
    offset: u64,
    current: Writer,
}

impl Draft {
    fn new(file: File, min_count: u64) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(WRITE_BUFFER, file);
        let offset = out.seek(SeekFrom::Start(head::BYTES as u64))?;
        let done = Vec::with_capacity(partition::COUNT);
        Ok(Self { out, min_count, hashes: 0, done, offset, current: Writer::default() })
    }

    fn fill(
        mut self,
        list: &mut impl BufRead,
        failed: &impl Fn(io::Error) -> ImportError,
        progress: &mut impl FnMut(u64),
    ) -> Result<(Self, u64), ImportError> {
        let mut text = Vec::with_capacity(line::MAX_BYTES + 1);
        let mut previous = [0; 20];
        let mut lines = 0;
        loop {
            text.clear();
            let read = list.by_ref().take(line::MAX_BYTES as u64 + 1).read_until(b'\n', &mut text);
            if read.map_err(|cause| ImportError::Read { line: lines, cause })? == 0 {
                break;
            }
            lines += 1;
            let Line { hash, count } = line::parse(&text).ok_or(ImportError::Line(lines))?;
            if hash < previous {
                return Err(ImportError::Unordered(lines));
            }
            previous = hash;
            if count >= self.min_count {
                self.push(&hash).map_err(failed)?.map_err(|Full| ImportError::Crowded(lines))?;
            }
            if lines % PROGRESS_LINES == 0 {
                progress(lines);
            }
        }
        if self.hashes == 0 {
            return Err(ImportError::Empty(lines));
        }
        Ok((self, lines))
    }

    fn push(&mut self, hash: &[u8; 20]) -> io::Result<Result<(), Full>> {
        let (number, value) = partition::place(hash);
        while self.done.len() < usize::from(number) {
            self.end_partition();
        }
        match self.current.push(value) {
            Err(full) => return Ok(Err(full)),
            Ok(None) => (),
            Ok(Some(encoded)) => {
                self.hashes += 1;
                self.out.write_all(encoded.as_slice())?;
            }
        }
        Ok(Ok(()))
    }

    fn end_partition(&mut self) {
        let (length, checksum) = self.current.finish();
        self.done.push(Extent { offset: self.offset, length, checksum });
        self.offset += u64::from(length);
    }

    fn finish(mut self, made_at: Timestamp, lines: u64) -> io::Result<Imported> {
        while self.done.len() < partition::COUNT {
            self.end_partition();
        }
        let Self { out, min_count, hashes, done, offset, .. } = self;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let head = Head { hashes, made_at, min_count, partitions: done };
        file.write_all_at(&head.encode(), 0)?;
        file.sync_all()?;
        Ok(Imported { lines, hashes, bytes: offset })
    }
}
