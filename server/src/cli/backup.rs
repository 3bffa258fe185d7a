//! `portcullis backup`: the SQLite database and the profile pictures, as of one moment, in one tar file.
//!
//! | entry | holds |
//! |---|---|
//! | `portcullis-backup.json` | a [`Manifest`]; it comes first |
//! | `secret.key` | the secret key, if it was asked for |
//! | `portcullis.db` | the database |
//! | `profile-images/ID` | a picture; IDs are new for each upload, so a file never changes |

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};
use uuid::Uuid;

use super::out::say;
use crate::{app::OBJECTS, clock::Clock, config::Config, db::Db, files, pictures::FOLDER};

pub(super) const MANIFEST: &str = "portcullis-backup.json";
pub(super) const DATABASE: &str = "portcullis.db";
pub(super) const SECRET_KEY: &str = "secret.key";
/// The only format so far.
pub(super) const FORMAT: u32 = 1;

/// What a backup says of itself.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The program that wrote it.
    pub(super) version: String,
    pub(super) created_at: String,
}

/// Writes the file, or nothing.
pub(super) async fn run(config: &Config, file: &Path, with_secret_key: bool) -> Result<(), String> {
    let failed = |cause| format!("cannot write the backup {}: {cause}", file.display());
    if config.sqlite_file().is_none() {
        return Err(format!(
            "`portcullis backup` is for SQLite; back up PostgreSQL with pg_dump, and copy {} as well",
            config.data_dir.join(OBJECTS).display()
        ));
    }
    super::require_data(config)?;
    if file.try_exists().map_err(failed)? {
        return Err(failed(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the file exists; choose another name, or delete it first",
        )));
    }
    let copy = Temporary::beside(file, ".db-part").map_err(failed)?;
    let db = Db::open(&config.database).await.map_err(|error| error.to_string())?;
    let copied = db.copy_to(&copy.path).await;
    db.close().await;
    copied.map_err(|cause| format!("cannot copy the database: {cause}"))?;

    let part = Temporary::beside(file, ".part").map_err(failed)?;
    let pictures = pack(config, &part.path, &copy.path, with_secret_key).map_err(failed)?;
    // A link, unlike a rename, takes no other file's place.
    fs::hard_link(&part.path, file).and_then(|()| files::sync_parent(file)).map_err(failed)?;
    say(&format!("Wrote {}: the database and {pictures} pictures.", file.display()))?;
    say(if with_secret_key {
        "It contains the secret key: whoever has this file can issue tokens for every account. Keep it safe."
    } else {
        "It does not contain the secret key. Without a copy of the key, the backup cannot be restored."
    })
}

/// Answers how many pictures there are.
fn pack(config: &Config, part: &Path, database: &Path, with_secret_key: bool) -> io::Result<u64> {
    let mut tar = Builder::new(fs::OpenOptions::new().write(true).open(part)?);
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: Clock::system().now().to_rfc3339(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    append(&mut tar, MANIFEST, manifest.len() as u64, manifest.as_slice())?;
    if with_secret_key {
        append_file(&mut tar, SECRET_KEY, &config.secret_key_file())?;
    }
    append_file(&mut tar, DATABASE, database)?;
    let mut pictures = 0;
    for (name, path) in pictures_in(&config.data_dir.join(OBJECTS).join(FOLDER))? {
        match append_file(&mut tar, &format!("{FOLDER}/{name}"), &path) {
            // It was replaced since the copy of the database was made.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            outcome => {
                outcome?;
                pictures += 1;
            }
        }
    }
    tar.into_inner()?.sync_all()?;
    Ok(pictures)
}

fn append_file(tar: &mut Builder<File>, name: &str, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    append(tar, name, size, file.take(size))
}

fn append(tar: &mut Builder<File>, name: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    tar.append_data(&mut header, name, content)
}

/// The whole pictures of a folder, by their IDs.
pub(super) fn pictures_in(folder: &Path) -> io::Result<Vec<(Uuid, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut pictures = Vec::new();
    for entry in entries {
        let entry = entry?;
        // What is being written has another name.
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
    /// Makes an empty one whose name begins as that of `file`, in place of what a killed command left.
    pub(super) fn beside(file: &Path, ending: &str) -> io::Result<Self> {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        files::create_private_file(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has no other name to be found by; a later command removes it.
        let _ = fs::remove_file(&self.path);
    }
}
