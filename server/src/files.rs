//! Files and directories that only the server's own user can read, and that survive a power failure.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// Creates a directory and its missing parents with mode 0700. An existing directory is left as it is.
///
/// # Errors
/// See [`std::fs::create_dir_all`].
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Fails for a folder on a read-only file system, where SQLite's own message is unclear. A missing folder passes:
/// creating it reports the better error.
///
/// # Errors
/// [`io::ErrorKind::ReadOnlyFilesystem`].
pub(crate) fn check_writable(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match statvfs(folder) {
        Ok(mount) if mount.f_flag.contains(StatVfsMountFlags::RDONLY) => Err(io::Error::new(
            io::ErrorKind::ReadOnlyFilesystem,
            "its file system is mounted read-only: mount it writable, or choose another folder",
        )),
        _ => Ok(()),
    }
}

/// Creates a new empty file with mode 0600, open for writing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if it exists. It is never opened, so a link planted there does no harm.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the names in the directory of `path` durable. Until then, a power failure can lose a new file's name.
///
/// # Errors
/// If the directory cannot be opened or synchronised.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
