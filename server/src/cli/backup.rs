//! `portcullis backup`: the SQLite database and the profile pictures, as of one moment, in one tar file.
//!
//! | entry | holds |
//! |---|---|
//! | `portcullis-backup.json` | a [`Manifest`], always the first entry |
//! | `secret.key` | the secret key, if requested |
//! | `portcullis.db` | the database |
//! | `profile-images/ID` | a picture; every upload has a new ID, so a file never changes |
//! | `portcullis-backup.end` | the SHA-256 of all names and contents before it, so that a truncated or damaged backup is noticed |

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};
use uuid::Uuid;

use super::out::say;
use crate::{app::OBJECTS, clock::Clock, config::Config, db, files, pictures::FOLDER};

pub(super) const MANIFEST: &str = "portcullis-backup.json";
pub(super) const END: &str = "portcullis-backup.end";
pub(super) const DATABASE: &str = "portcullis.db";
pub(super) const SECRET_KEY: &str = "secret.key";
/// The only format so far.
pub(super) const FORMAT: u32 = 1;

/// The description of a backup.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) version: String,
    pub(super) created_at: String,
}

/// Writes the whole file, or nothing.
pub(super) fn run(config: &Config, file: &Path, with_secret_key: bool) -> Result<(), String> {
    let Some(database) = config.sqlite_file() else {
        return Err(format!(
            "`portcullis backup` is for SQLite; back up PostgreSQL with pg_dump, and copy {} as well",
            config.data_dir.join(OBJECTS).display()
        ));
    };
    super::require_data(config)?;
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{} exists; choose another name, or delete it first", file.display())
        }
        _ => format!("cannot write the backup {}: {cause}", file.display()),
    };
    // Reserve the name first, so that the rename at the end cannot replace another file.
    let reserved = Temporary::new(file.to_owned()).map_err(failed)?;
    let copy = Temporary::beside(file, ".db-part").map_err(failed)?;
    db::copy_sqlite(&database, &copy.path)
        .map_err(|cause| format!("cannot copy the database {}: {cause}", database.display()))?;
    let part = Temporary::beside(file, ".part").map_err(failed)?;
    let pictures = pack(config, &part.path, &copy.path, with_secret_key).map_err(failed)?;
    fs::rename(&part.path, file).and_then(|()| files::sync_parent(file)).map_err(failed)?;
    reserved.keep();
    say(&format!("Wrote {}: the database and {pictures} pictures.", file.display()))?;
    say(if with_secret_key {
        "It contains the secret key: whoever has this file can issue tokens for every account. Keep it safe."
    } else {
        "It does not contain the secret key. Without a copy of the key, the backup cannot be restored."
    })
}

/// Returns the number of pictures.
fn pack(config: &Config, part: &Path, database: &Path, with_secret_key: bool) -> io::Result<u64> {
    let mut tar = Packing {
        tar: Builder::new(fs::OpenOptions::new().write(true).open(part)?),
        checksum: Checksum::new(),
    };
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: Clock::system().now().to_rfc3339(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    tar.append(MANIFEST, manifest.len() as u64, manifest.as_slice())?;
    if with_secret_key {
        tar.append_file(SECRET_KEY, &config.secret_key_file())?;
    }
    tar.append_file(DATABASE, database)?;
    let mut pictures = 0;
    for (name, path) in pictures_in(&config.data_dir.join(OBJECTS).join(FOLDER))? {
        match tar.append_file(&format!("{FOLDER}/{name}"), &path) {
            // The picture was replaced after the database was copied.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            outcome => {
                outcome?;
                pictures += 1;
            }
        }
    }
    tar.end()?;
    Ok(pictures)
}

/// The SHA-256 of the entries so far.
pub(super) struct Checksum(Context);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// An entry's content, which is added to the checksum while it is read.
    pub(super) fn reading<R: Read>(&mut self, name: &str, size: u64, content: R) -> Reading<'_, R> {
        // With the lengths, no other entries give the same input.
        for part in [&(name.len() as u64).to_be_bytes(), name.as_bytes(), &size.to_be_bytes()] {
            self.0.update(part);
        }
        Reading { content, checksum: self }
    }

    pub(super) fn hex(self) -> String {
        self.0.finish().as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

pub(super) struct Reading<'c, R> {
    content: R,
    checksum: &'c mut Checksum,
}

impl<R: Read> Read for Reading<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        self.checksum.0.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// A backup that is being written.
struct Packing {
    tar: Builder<File>,
    checksum: Checksum,
}

impl Packing {
    fn append_file(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        self.append(name, size, file.take(size))
    }

    fn append(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let content = self.checksum.reading(name, size, content);
        append(&mut self.tar, name, size, content)
    }

    fn end(mut self) -> io::Result<()> {
        let checksum = self.checksum.hex();
        append(&mut self.tar, END, checksum.len() as u64, checksum.as_bytes())?;
        self.tar.into_inner()?.sync_all()
    }
}

fn append(tar: &mut Builder<File>, name: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    tar.append_data(&mut header, name, content)
}

/// The complete pictures in a folder, by their IDs.
pub(super) fn pictures_in(folder: &Path) -> io::Result<Vec<(Uuid, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut pictures = Vec::new();
    for entry in entries {
        let entry = entry?;
        // Files that are still being written have another kind of name.
        if let Some(id) = entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok()) {
            pictures.push((id, entry.path()));
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// A file that is removed when this is dropped.
pub(super) struct Temporary {
    pub(super) path: PathBuf,
}

impl Temporary {
    fn new(path: PathBuf) -> io::Result<Self> {
        files::create_private_file(&path)?;
        Ok(Self { path })
    }

    /// Keeps the file, after another one was renamed over it.
    fn keep(mut self) {
        self.path.clear();
    }

    /// Creates an empty file next to `file`, named after it. Replaces one that a killed command left behind.
    pub(super) fn beside(file: &Path, ending: &str) -> io::Result<Self> {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        Self::new(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Nobody could be notified. A later command removes the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}
