//! The list of breached passwords: a public list of SHA-1 hashes, imported into one compact file (`import`) that
//! every new password is looked up in (`filter`).
//!
//! The file keeps the first 48 bits of each hash. With 1,000 million hashes that gives one false positive in 280,000
//! unlisted passwords, and never a false negative. `head` and `partition` define its format.

mod filter;
mod head;
mod import;
mod line;
mod partition;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use filter::Filter;
pub(crate) use import::import;

use super::BreachCheck;

/// Relative to the data directory.
pub(crate) const FILE_NAME: &str = "breaches.filter";

/// The configured check: the application's own, the file's, or both. If no `file` is configured, `default` is used if
/// it exists.
pub(crate) fn check(
    own: Option<BreachCheck>,
    file: Option<&Path>,
    default: &Path,
) -> Result<Option<BreachCheck>, BreachesFileError> {
    let filter = match Filter::open(file.unwrap_or(default)) {
        Err(BreachesFileError { problem: Problem::Read(cause), .. })
            if file.is_none() && cause.kind() == io::ErrorKind::NotFound =>
        {
            return Ok(own);
        }
        opened => opened?,
    };
    tracing::info!(hashes = filter.hashes(), imported = %filter.made_at(), "new passwords are looked up in the list of \
        breached ones");
    let listed = BreachCheck::new(move |password| Ok(filter.contains(password)?));
    Ok(Some(match own {
        Some(own) => {
            BreachCheck::new(move |password| Ok(own.is_breached(password) || listed.is_breached(password)))
        }
        None => listed,
    }))
}

/// The list of breached passwords cannot be used. The message says what to do next.
#[derive(Debug, thiserror::Error)]
#[error("the list of breached passwords {path} {problem}", path = path.display())]
pub struct BreachesFileError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(
        "cannot be read: {0}. Create it with `portcullis breaches import`, or correct the setting `breaches_file`"
    )]
    Read(io::Error),
    #[error(
        "was not made by this program: {0}. Create it with `portcullis breaches import`; the server does not read the \
            public list itself"
    )]
    Foreign(&'static str),
    #[error(
        "is damaged: {0}. Create it again with `portcullis breaches import`, or restore it from a backup"
    )]
    Damaged(&'static str),
}

impl From<io::Error> for Problem {
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Damaged("it is shorter than it was");
        }
        Self::Read(cause)
    }
}

#[cfg(test)]
mod tests;
