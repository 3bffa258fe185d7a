//! Files and directories that only the server's own user may read, and that survive a power cut.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a directory and its missing parents with mode 0700. One that exists is left as it is.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a new empty file with mode 0600, open for writing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one: it is never opened, so a link planted there does no harm.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the names in the directory of `path` durable: a new file's name is lost in a power cut until then.
///
/// # Errors
/// When the directory cannot be opened or synchronised.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
