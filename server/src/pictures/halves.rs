//! Cleans up partially written picture files left by a crash.
//!
//! `object_store` writes a local object to `<name>#<number>` and renames it when it is complete. It neither
//! lists nor deletes such a file afterwards, so this reads the folder itself.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Deletes those not written to since `older_than` and returns how many. Blocks.
pub(super) fn delete(folder: &Path, older_than: SystemTime) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        // No picture was ever set.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut deleted = 0;
    for entry in entries {
        let entry = entry?;
        if !is_half(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let deletion = entry.metadata().and_then(|metadata| metadata.modified()).and_then(|written| {
            let is_left = written < older_than;
            if is_left { fs::remove_file(entry.path()).map(|()| 1) } else { Ok(0) }
        });
        deleted += match deletion {
            // It was completed meanwhile, or another instance deleted it.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => 0,
            outcome => outcome?,
        };
    }
    Ok(deleted)
}

fn is_half(name: &str) -> bool {
    name.split_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
